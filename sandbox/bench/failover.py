"""`python -m sandbox.bench.failover`: how long until the next leader acts, after a crash and after
a stop. Two operators with the default Lease; writes `build/failover.json`.

A crash is SIGKILL, a stop SIGTERM. What is timed begins with the signal and ends when the next
leader's call to PD arrives there, for a proposal that was approved right after the signal: so it
holds everything between, the Lease, the gate's test, PD read anew, the intent and the last look.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.bench.connection import MERGE, Connection, Watch
from sandbox.bench.counting import CALLER, seconds_of
from sandbox.bench.figures import percentile
from sandbox.bench.progress import Progress
from sandbox.bench.proposals import (
    APPROVER,
    AUTHOR,
    CLUSTER,
    PATH,
    Proposals,
    approval,
    rights,
)
from sandbox.errors import SandboxError
from sandbox.install import SAMPLE_NAMESPACE
from sandbox.layout import CHECKOUT
from sandbox.library import Sandbox
from sandbox.objects import Query
from sandbox.toolchain import Reporter, ToolchainError

STORES, REGIONS = 4, 300
OPERATORS = (1, 2)
TIMES = 20
CRASH_TARGET_SECONDS, GRACEFUL_TARGET_SECONDS = 17.0, 1.5
LEASE = Query("leases", "assent", "assent-system")
READY_SECONDS = 60.0
# A new standby watches the Lease and has its cache by then; a crash comes at any time after.
SETTLE_SECONDS = 1.0
Tick = Callable[[], None]


@dataclass(frozen=True)
class Sample:
    """One change of leaders; seconds since the signal."""

    lease_seconds: float
    """Until the next leader's name stood in the Lease, as seen by asking every few milliseconds."""
    act_seconds: float
    """Until its first call arrived at PD."""


@dataclass(frozen=True)
class Failover:
    """What `build/failover.json` holds."""

    times: int
    crash_lease_s_p50: float
    crash_act_s_p50: float
    crash_act_s_max: float
    graceful_lease_s_p50: float
    graceful_act_s_p50: float
    graceful_act_s_max: float
    cores: int | None
    load_before: float
    load_after: float

    @property
    def misses(self) -> list[str]:
        """What is slower than it should be, in words."""
        found = []
        for name, seconds, target in (
            ("crash", self.crash_act_s_max, CRASH_TARGET_SECONDS),
            ("graceful stop", self.graceful_act_s_max, GRACEFUL_TARGET_SECONDS),
        ):
            if seconds > target:
                found.append(f"after a {name} at most {target} s are wanted, {seconds:.2f} came")
        return found


def summary(crash: Sequence[Sample], graceful: Sequence[Sample], load_before: float) -> Failover:
    """Return the figures of both kinds."""

    def p50(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
        return round(percentile([of(item) for item in samples], 0.5), 3)

    return Failover(
        times=len(crash),
        crash_lease_s_p50=p50(crash, lambda item: item.lease_seconds),
        crash_act_s_p50=p50(crash, lambda item: item.act_seconds),
        crash_act_s_max=round(max(item.act_seconds for item in crash), 3),
        graceful_lease_s_p50=p50(graceful, lambda item: item.lease_seconds),
        graceful_act_s_p50=p50(graceful, lambda item: item.act_seconds),
        graceful_act_s_max=round(max(item.act_seconds for item in graceful), 3),
        cores=os.cpu_count(),
        load_before=round(load_before, 1),
        load_after=round(os.getloadavg()[0], 1),
    )


def run(times: int, reporter: Reporter) -> Failover:
    """Measure; nothing is left running.

    Raises:
        SandboxError, ToolchainError: something could not be started, or did not go as it should.
    """
    load_before = os.getloadavg()[0]
    progress = Progress(reporter)
    with Sandbox.start(
        stores=STORES, regions=REGIONS, operators=len(OPERATORS), bare=False, reporter=reporter
    ) as box:
        box.apply(*rights())
        progress.wait("waiting for PD to be watched", lambda: _watching(box), READY_SECONDS)
        author, approver = (Connection(box.kubeconfig_for(user)) for user in (AUTHOR, APPROVER))
        try:
            with Watch(box.kubeconfig, PATH) as seen:
                proposals = Proposals(author, approver, seen, stores=STORES)
                course = _Course(box, progress, proposals, approver, seen)
                graceful = course.samples("stops", signal.SIGTERM, times)
                crash = course.samples("crashes", signal.SIGKILL, times)
        finally:
            author.close()
            approver.close()
    return summary(crash, graceful, load_before)


class _Course:
    """Changes the leader again and again."""

    def __init__(
        self,
        box: Sandbox,
        progress: Progress,
        proposals: Proposals,
        approver: Connection,
        seen: Watch,
    ) -> None:
        self._box = box
        self._progress = progress
        self._proposals = proposals
        self._approver = approver
        self._seen = seen

    def samples(self, title: str, number: signal.Signals, times: int) -> list[Sample]:
        """Return what so many changes took."""
        taken = []
        for index in range(times):
            with self._progress.step(f"{title}: {index} of {times}") as tick:
                taken.append(self._sample(number, tick))
        return taken

    def _sample(self, number: signal.Signals, tick: Tick) -> Sample:
        box = self._box
        leader = self._leader()
        name = self._proposals.file()
        digest = self._proposals.assessed(name, tick)
        process_id = box.operator(leader).process_id
        if process_id is None:
            raise SandboxError(f"Operator {leader} has ended by itself.")
        before, pod = len(box.pd_writes(caller=CALLER)), box.operator(leader).pod
        began = time.time()
        os.kill(process_id, number)
        self._approver.request("PATCH", f"{PATH}/{name}", approval(digest), MERGE)
        leads = self._next_leads(pod, tick)
        self._seen.until(name, _over, timeout_seconds=READY_SECONDS, tick=tick)
        calls = box.pd_writes(caller=CALLER)[before:]
        if len(calls) != 1:
            raise SandboxError(f"{name} was to be one call to PD; there were {len(calls)}.")
        acts = seconds_of(calls[0].started)
        self._restart(leader, tick)
        return Sample(lease_seconds=leads - began, act_seconds=acts - began)

    def _leader(self) -> int:
        holder = self._holder()
        for number in OPERATORS:
            if self._box.operator(number).pod == holder:
                return number
        raise SandboxError(f"The Lease is held by {holder or 'nobody'}.")

    def _holder(self) -> str:
        found = self._box.objects.get(LEASE)["spec"].get("holderIdentity")
        return str(found or "")

    def _next_leads(self, pod: str, tick: Tick) -> float:
        deadline = time.monotonic() + READY_SECONDS
        while (holder := self._holder()) in ("", pod):
            if time.monotonic() > deadline:
                raise SandboxError(f"Nobody took the Lease of {pod}.")
            time.sleep(0.005)
            tick()
        assert holder  # noqa: S101 - the loop has just seen it
        return time.time()

    def _restart(self, number: int, tick: Tick) -> None:
        operator = self._box.operator(number)
        deadline = time.monotonic() + READY_SECONDS
        while operator.process_id is not None:
            if time.monotonic() > deadline:
                raise SandboxError(f"Operator {number} did not end.")
            time.sleep(0.05)
            tick()
        operator.start()
        time.sleep(SETTLE_SECONDS)


def _watching(box: Sandbox) -> bool:
    found = box.get("tikvcluster", CLUSTER, "-n", SAMPLE_NAMESPACE)
    return bool(found.get("status", {}).get("state") == "Watching")


def _over(found: dict[str, object]) -> bool:
    status = found.get("status")
    return isinstance(status, dict) and status.get("phase") == "Succeeded"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything was measured and fast enough, 2 when it was too slow."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.bench.failover", description="Measure how fast the next one leads."
    )
    parser.add_argument("--times", type=int, default=TIMES, help="of each kind")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build/failover.json")
    chosen = parser.parse_args(arguments)
    try:
        figures = run(chosen.times, Reporter())
    except (SandboxError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    print(json.dumps(asdict(figures), indent=2))
    for miss in figures.misses:
        print(miss, file=sys.stderr)
    return 2 if figures.misses else 0


if __name__ == "__main__":
    sys.exit(main())
