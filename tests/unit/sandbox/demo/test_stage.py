"""The demo's stage: what people are shown, what is waited for, and what ends the story."""

import io
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.narrator import Narrator
from sandbox.demo.people import ALICE, BOB, MALLORY, approval
from sandbox.demo.stage import Stage, StoryError
from sandbox.layout import Layout
from sandbox.library import Sandbox
from sandbox.toolchain import Reporter
from sandbox.waiting import WaitTimeoutError
from tests.unit.sandbox.fake_api import FakeApi, serving
from tests.unit.sandbox.fake_supervisor import FakeSupervisor, state_of, supervising

GROUP = "/apis/assent.tikv.org/v1alpha1/namespaces/tikv"
AP = f"{GROUP}/actionproposals"
DIGEST = "sha256:abc"
# Stands in for kubectl: prints its arguments and what it reads, or refuses as the API server does.
KUBECTL = """#!{python}
import sys
from pathlib import Path

refusal = Path({folder!r}) / "refusal"
if refusal.exists():
    sys.exit("Error from server (Forbidden): admission webhook: Error: " + refusal.read_text())
print("did", *sys.argv[2:])
print(sys.stdin.read(), end="")
"""


def discovery() -> dict[str, list[tuple[int, Any]]]:
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
    groups = [{"metadata": {"name": "assent.tikv.org"}, "versions": versions}]
    return {"GET /api": [(200, {"items": []})], "GET /apis": [(200, {"items": groups})]}


def proposal(phase: str, **status: object) -> tuple[int, Any]:
    told = {"phase": phase, "reason": "R", "message": "Fine. To approve: kubectl …", **status}
    return 200, {"metadata": {"name": "x"}, "spec": {}, "status": told}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi(discovery())) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable, folder=str(tmp_path)))
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("sandbox.library.kubectl_path", lambda: kubectl)
    with supervising(FakeSupervisor(Layout(tmp_path / "box"), state_of(api.url))) as fake:
        attached = Sandbox.attach(fake.layout.root)
        yield attached
        attached.stop()


@pytest.fixture
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def stage(box: Sandbox, told: io.StringIO) -> Stage:
    return Stage(box, Narrator(told, clock=lambda: 0.0), pause=False, reporter=Reporter(told))


def test_a_command_is_shown_as_it_was_run(stage: Stage, told: io.StringIO) -> None:
    """Who copies it gets the same answer."""
    stage.kubectl("get", "actionproposals")
    said = told.getvalue()
    assert "$ kubectl -n tikv get actionproposals\n" in said
    assert "  did -n tikv get actionproposals\n" in said


def test_a_patch_can_be_copied_into_a_shell(stage: Stage, api: FakeApi, told: io.StringIO) -> None:
    """JSON has quotes and blanks; the shell must see one word."""
    api.answers[f"GET {AP}/x"] = [(200, {"spec": {"approvals": [{"by": "alice"}]}})]
    patch = approval(ALICE, DIGEST, "it's fine")
    stage.patch(ALICE, "x", patch, lambda: stage.is_decided("x"))
    said = told.getvalue()
    assert "alice$ kubectl -n tikv patch actionproposal x --type=merge -p " in said
    assert "it'\"'\"'s fine" in said


def test_a_patch_is_waited_for(stage: Stage, api: FakeApi) -> None:
    """The story goes on when it is seen, not when kubectl returned."""
    undecided: tuple[int, Any] = (200, {"spec": {}})
    decided = (200, {"spec": {"approvals": [{"by": "alice"}]}})
    api.answers[f"GET {AP}/x"] = [undecided, undecided, decided]
    stage.patch(ALICE, "x", "{}", lambda: stage.is_decided("x"))
    assert [what for what, _ in api.asked].count(f"GET {AP}/x") == 3


def test_in_the_readers_place_nothing_is_run(
    box: Sandbox, told: io.StringIO, api: FakeApi, tmp_path: Path
) -> None:
    """DEMO_PAUSE=1: the command is shown with the person's own credentials, then waited for."""
    api.answers[f"GET {AP}/x"] = [(200, {"spec": {"approvals": [{"by": "alice"}]}})]
    (tmp_path / "refusal").write_text("kubectl was run")
    stage = Stage(box, Narrator(told, clock=lambda: 0.0), pause=True, reporter=Reporter(told))
    stage.patch(ALICE, "x", "{}", lambda: stage.is_decided("x"))
    said = told.getvalue()
    assert "Your turn as alice." in said
    assert f"KUBECONFIG={box.kubeconfig_for('alice')} " in said
    assert "patch actionproposal x --type=merge -p '{}'" in said


def test_a_refusal_is_shown_word_by_word(stage: Stage, told: io.StringIO, tmp_path: Path) -> None:
    """What mallory would read; the command before it is in the story already."""
    (tmp_path / "refusal").write_text("you need the verb approve")
    stage.refuse(MALLORY, "x", "{}")
    assert "  Error: you need the verb approve\n" in told.getvalue()


def test_a_refusal_that_does_not_come_ends_the_story(stage: Stage) -> None:
    """The gate is open: nothing after it would be worth telling."""
    with pytest.raises(StoryError, match="mallory could do it without the right"):
        stage.refuse(MALLORY, "x", "{}")


def test_a_proposal_is_filed_as_it_is_shown(stage: Stage, api: FakeApi, told: io.StringIO) -> None:
    """The heredoc that the reader sees is what kubectl reads; its status comes back."""
    api.answers[f"GET {AP}/x"] = [proposal("Pending", digest=DIGEST)]
    status = stage.file(BOB, "x", {"type": "EvictLeaders"}, dryRun=True)
    assert status["digest"] == DIGEST
    heredoc = told.getvalue().partition("<<EOF\n")[2].partition("\nEOF")[0]
    assert "dryRun: true" in heredoc
    assert "proposedBy: bob" in heredoc
    shown = [f"  {line}" for line in heredoc.splitlines()]
    assert "\n".join(shown) in told.getvalue()


@pytest.mark.parametrize(
    ("items", "name"),
    [
        pytest.param([], None, id="none yet"),
        pytest.param([{"metadata": {"name": "a"}}], None, id="not assessed yet"),
        pytest.param(
            [{"metadata": {"name": "a"}, "status": {"phase": "Pending"}}], None, id="no digest yet"
        ),
        pytest.param(
            [
                {"metadata": {"name": "a"}, "status": {"phase": "Succeeded", "digest": DIGEST}},
                {"metadata": {"name": "b"}, "status": {"phase": "Pending", "digest": DIGEST}},
            ],
            "b",
            id="the one that waits",
        ),
    ],
)
def test_a_proposal_is_found_once_it_can_be_approved(
    stage: Stage, api: FakeApi, items: list[object], name: str | None
) -> None:
    """An earlier look would show a half-filled object."""
    api.answers[f"GET {AP}"] = [(200, {"items": items})]
    assert stage.found() == name


@pytest.mark.parametrize(
    ("items", "watching"),
    [
        pytest.param([], False, id="no cluster"),
        pytest.param([{}], False, id="no status yet"),
        pytest.param([{"status": {"state": "Connecting"}}], False, id="not yet"),
        pytest.param([{"status": {"state": "Watching"}}], True, id="it watches"),
        pytest.param(
            [{"status": {"state": "Watching"}}, {"status": {"state": "ClusterClaimed"}}],
            False,
            id="one of two",
        ),
    ],
)
def test_the_story_begins_when_every_cluster_is_watched(
    stage: Stage, api: FakeApi, items: list[object], watching: bool
) -> None:
    """Else the first chapters would wait for a detection that cannot come."""
    api.answers[f"GET {GROUP}/tikvclusters"] = [(200, {"items": items})]
    assert stage.is_watching() is watching


def test_a_phase_is_waited_for_and_told_without_its_command(
    stage: Stage, api: FakeApi, told: io.StringIO
) -> None:
    """The message of Pending carries a kubectl line, which the story shows elsewhere."""
    api.answers[f"GET {AP}/x"] = [
        proposal("Pending"),
        proposal("Approved", digest=DIGEST),
        proposal("Pending", digest=DIGEST),
    ]
    assert stage.await_phase("x", "Pending")["digest"] == DIGEST
    assert "✔ x is Pending (R): Fine.\n" in told.getvalue()


def test_what_does_not_happen_in_time_is_named(stage: Stage) -> None:
    """The last line of a demo that hangs."""
    with pytest.raises(WaitTimeoutError, match="no miracle"):
        stage.wait("miracle", lambda: None, timeout_seconds=0)
    assert stage.time("fact", lambda: True) >= 0


def test_leaders_are_drawn_as_pd_counts_them(stage: Stage, api: FakeApi, told: io.StringIO) -> None:
    """In the order of the stores, a block for every few leaders; evictions stand out."""
    listed = [
        {"store": {"id": number}, "status": {"leader_count": count} if count else {}}
        for number, count in ((4, 0), (1, 8))
    ]
    api.answers["GET /pd/api/v1/stores"] = [(200, {"stores": listed})]
    api.answers["GET /pd/api/v1/schedulers"] = [(200, ["evict-leader-scheduler", "balance"])]
    stage.show_leaders()
    said = told.getvalue()
    assert "  store 1     8  ▇▇\n  store 4     0\n" in said.replace("0  \n", "0\n")
    assert said.index("balance") < said.index("evict-leader-scheduler")


def test_only_the_operators_own_calls_are_told(stage: Stage, box: Sandbox) -> None:
    """The demo itself breaks things through the same door."""
    line = {
        "body": "",
        "status": 200,
        "pd_status": 200,
        "redirector": "",
        "fault": "",
        "started": "",
        "finished": "",
    }
    written = [
        {"time": "1", "method": "POST", "path": "/a", "caller": "", **line},
        {"time": "2", "method": "DELETE", "path": "/b", "caller": "assent", **line},
        {"time": "3", "method": "POST", "path": "/c", "caller": "assent", **line, "body": "{}"},
        {"time": "4", "method": "GET", "path": "/d", "caller": "assent", **line},
    ]  # fmt: skip
    box.layout.journal("pd-0").write_text("".join(json.dumps(one) + "\n" for one in written))
    assert stage.calls() == ["DELETE /b", "POST /c {}"]
