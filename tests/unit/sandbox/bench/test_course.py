"""What the bench counts on a sandbox: whole cycles, quiet minutes, pairs that belong together."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.bench import course
from sandbox.bench.counting import ONCE_A_CYCLE, OPERATOR
from sandbox.bench.course import _Measured
from sandbox.bench.peer import Peer
from sandbox.bench.progress import Progress
from sandbox.bench.proposals import Proposals
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.library import Sandbox
from sandbox.toolchain import Reporter
from tests.unit.sandbox.fake_api import FakeApi, serving
from tests.unit.sandbox.fake_supervisor import FakeSupervisor, state_of, supervising

GROUP = "/apis/assent.tikv.org/v1alpha1/namespaces/tikv"
READS = 4


@pytest.fixture
def api() -> Iterator[FakeApi]:
    kinds = [
        {
            "resource": f"{name}s",
            "responseKind": {"kind": name},
            "scope": "Namespaced",
            "singularResource": name,
        }
        for name in ("actionproposal", "tikvcluster")
    ]
    versions = [{"version": "v1alpha1", "resources": kinds}]
    groups = {"items": [{"metadata": {"name": "assent.tikv.org"}, "versions": versions}]}
    table: dict[str, list[tuple[int, Any]]] = {
        "GET /api": [(200, {"items": []})],
        "GET /apis": [(200, groups)],
    }
    with serving(FakeApi(table)) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, api: FakeApi) -> Iterator[Sandbox]:
    state = state_of(api.url)
    state["operators"]["1"]["address"] = api.url.removeprefix("http://")
    state["operators"]["1"]["pid"] = os.getpid()
    with supervising(FakeSupervisor(Layout(tmp_path / "box"), state)) as fake:
        attached = Sandbox.attach(fake.layout.root)
        yield attached
        attached.stop()


@pytest.fixture
def measured(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> _Measured:
    """Without the pauses that a real operator needs."""
    monkeypatch.setattr(course, "CYCLE_ENDS_SECONDS", 0.0)
    monkeypatch.setattr(course, "PAUSE_SECONDS", 0.0)
    return _Measured(box, Progress(Reporter()))


def cycle() -> str:
    """A detection cycle as the journal has it, with a stranger's request in it."""
    common = {"body": "", "status": 200, "pd_status": 200, "redirector": "", "fault": ""}
    times = {"time": "", "started": "", "finished": ""}
    paths = [(ONCE_A_CYCLE, "assent"), ("/ping", "pd")]
    paths += [(f"/pd/api/v1/read/{number}", "assent") for number in range(READS)]
    return "".join(
        json.dumps({"method": "GET", "path": path, "caller": caller, **common, **times}) + "\n"
        for path, caller in paths
    )


@pytest.fixture
def cycling(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that looks at PD whenever the bench waits."""

    def look(_seconds: float) -> None:
        with box.layout.journal("pd-0").open("a") as journal:
            journal.write(cycle())

    monkeypatch.setattr(course, "time", SimpleNamespace(monotonic=time.monotonic, sleep=look))


@pytest.mark.usefixtures("cycling")
def test_a_cycle_is_counted_whole_and_without_strangers(measured: _Measured, api: FakeApi) -> None:
    """PD's own pings go through the proxy, too, and half a cycle would be half the cost."""
    api.answers["GET /metrics"] = [
        (200, "# HELP x\nassent_pd_bytes_total 1000\n"),
        (200, "assent_pd_bytes_total 61000\n"),
    ]
    cost = measured.cycle_cost("a title")
    assert cost.calls == 1 + READS
    assert 0 < cost.answer_bytes <= 60_000 / course.COUNTED_CYCLES


def test_an_operator_that_does_not_look_is_an_error(
    measured: _Measured, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zero calls a cycle would be the best figure of all."""
    passing = itertools.count(0.0, 10.0)
    clock = SimpleNamespace(monotonic=lambda: next(passing), sleep=lambda _: None)
    monkeypatch.setattr(course, "time", clock)
    with pytest.raises(SandboxError, match="no detection cycle for 30 s"):
        measured.cycle_cost("a title")


def audit(box: Sandbox, *resources: str) -> None:
    """The operator stores one of each, now."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    with box.layout.audit.open("a") as file:
        for resource in resources:
            line = {
                "user": {"username": OPERATOR},
                "verb": "update",
                "objectRef": {"resource": resource, "namespace": "tikv", "name": "x"},
                "responseStatus": {"code": 200},
                "requestURI": "/x",
                "requestReceivedTimestamp": now,
                "stageTimestamp": now,
            }
            file.write(json.dumps(line) + "\n")


def test_only_the_idle_span_is_counted(
    measured: _Measured, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored before belongs to the start, and a Lease is renewed by design."""
    audit(box, "tikvclusters", "events")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        if not pauses:
            audit(box, "leases", "actionproposals", "events")
        pauses.append(seconds)

    begun = time.time()
    passing = (begun if number < 2 else begun + 10 for number in itertools.count())
    monkeypatch.setattr(course, "time", SimpleNamespace(time=lambda: next(passing), sleep=sleep))
    assert measured.idle_writes_per_minute(10.0) == 2 * 60.0 / 10.0


def test_it_begins_when_the_operator_watches(measured: _Measured, api: FakeApi) -> None:
    """Else its first snapshot would be measured as one of its cycles."""
    states: list[tuple[int, Any]] = [
        (200, {}),
        (200, {"status": {"state": "Connecting"}}),
        (200, {"status": {"state": "Watching"}}),
    ]
    api.answers[f"GET {GROUP}/tikvclusters/demo"] = states
    measured.wait_until_watched()
    assert [what for what, _ in api.asked].count(f"GET {GROUP}/tikvclusters/demo") == 3


def test_the_proposal_of_the_operator_is_found_among_filed_ones(
    measured: _Measured, api: FakeApi
) -> None:
    """The bench's own proposals lie beside it; only the operator's has a rule."""
    filed = {"metadata": {"name": "bench-0001"}}
    found = {"metadata": {"name": "leftover", "labels": {"assent.tikv.org/rule": "Leftover"}}}
    api.answers[f"GET {GROUP}/actionproposals"] = [
        (200, {"items": [filed]}),
        (200, {"items": [filed, found]}),
    ]
    assert measured._found(lambda: None) == "leftover"


def test_the_memory_is_the_operators(measured: _Measured) -> None:
    """In MiB; this process plays it."""
    assert 10 < measured.resident_mib() < 4096


class Turns:
    """Takes the place of both sides: remembers in which order they were asked."""

    batch = 3

    def __init__(self) -> None:
        self.log: list[str] = []

    def side(self, name: str) -> Any:
        """One side, whose samples are its numbers."""
        turns = self

        class Side:
            batch = Turns.batch
            filed = 0

            def file(self) -> str:
                self.filed += 1
                turns.log.append(f"{name} files")
                return f"{name}-{self.filed}"

            def assessed(self, asked: str, _tick: Callable[[], None]) -> str:
                return f"digest of {asked}"

            def sample(self, asked: str, *rest: object) -> float:
                turns.log.append(f"{name} samples")
                if name == "ours":
                    assert rest[0] == f"digest of {asked}"
                return float(asked.rpartition("-")[2])

        return Side()


@pytest.mark.parametrize("samples", [1, 3, 7])
def test_both_sides_are_measured_in_turn(measured: _Measured, samples: int) -> None:
    """So that both meet the same noise; filed ahead in batches, each approved with its digest."""
    turns = Turns()
    ours: Proposals = turns.side("ours")
    peer: Peer = turns.side("peer")
    sent, peers = measured._alternate(ours, peer, samples)
    assert sent == peers == [float(number) for number in range(1, samples + 1)]
    taken = [line for line in turns.log if line.endswith("samples")]
    assert taken == ["ours samples", "peer samples"] * samples
    ahead = 0
    for line in turns.log:
        ahead += 1 if line == "ours files" else -1 if line == "ours samples" else 0
        assert ahead <= Turns.batch
