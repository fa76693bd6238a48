"""The course of one run: what is started, done and waited for, in which order."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.bench import counting
from sandbox.bench.connection import Connection, Watch
from sandbox.bench.counting import Cost
from sandbox.bench.figures import Figures, percentile
from sandbox.bench.peer import REQUESTS, Peer, controller_manager, rights
from sandbox.bench.progress import Progress
from sandbox.bench.proposals import APPROVER, AUTHOR, CLUSTER, PATH, Proposals
from sandbox.bench.proposals import rights as proposal_rights
from sandbox.errors import SandboxError
from sandbox.install import SAMPLE_NAMESPACE
from sandbox.library import Sandbox
from sandbox.toolchain import Reporter, ensure

STORES = 4
SMALL_REGIONS, LARGE_REGIONS = 1_000, 20_000
WARM_UP_SAMPLES = 8
# After a sample, so that what is posted beside it (Events, counts) does not meet the next one.
PAUSE_SECONDS = 0.1
# After PD's count of regions was read, the rest of that cycle's reads follow at once.
CYCLE_ENDS_SECONDS = 0.7
COUNTED_CYCLES = 8
EVICTED_STORE = 1
READY_SECONDS = 180.0
Tick = Callable[[], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    samples: int = 200
    idle_seconds: float = 60.0


def run(plan: Plan, reporter: Reporter) -> Figures:
    """Measure everything; nothing is left running.

    Raises:
        SandboxError, ToolchainError: something could not be started, or did not go as it should.
    """
    binaries = ensure(["bench"], reporter=reporter)
    progress = Progress(reporter)
    with _sandbox(SMALL_REGIONS, reporter) as box:
        small = _Measured(box, progress)
        small.wait_until_watched()
        cycle = small.cycle_cost("1,000 regions: PD calls of a detection cycle")
        idle = small.idle_writes_per_minute(plan.idle_seconds)
        box.apply(*proposal_rights(), *rights(APPROVER))
        with controller_manager(box, binaries["kube-controller-manager"]):
            ours, peers, spans = small.latencies(plan.samples)
        lifecycle = small.lifecycle_writes()
        audit = box.audit()
        memory = small.resident_mib()
    with _sandbox(LARGE_REGIONS, reporter) as box:
        large = _Measured(box, progress)
        large.wait_until_watched()
        large_cycle = large.cycle_cost("20,000 regions: PD calls of a detection cycle")
    return Figures(
        approve_to_pd_ms_p50=percentile(ours, 0.50) * 1000,
        approve_to_pd_ms_p95=percentile(ours, 0.95) * 1000,
        csr_ms_p50=percentile(peers, 0.50) * 1000,
        csr_ms_p95=percentile(peers, 0.95) * 1000,
        ratio_p50=percentile(ours, 0.50) / percentile(peers, 0.50),
        writes_before_call=counting.most_writes_before_call(audit, spans),
        writes_per_lifecycle=lifecycle,
        idle_writes_per_minute=idle,
        rss_mib=memory,
        cycle_calls_1k=cycle.calls,
        cycle_calls_20k=large_cycle.calls,
        cycle_bytes_1k=cycle.answer_bytes,
        cycle_bytes_20k=large_cycle.answer_bytes,
    )


def _sandbox(regions: int, reporter: Reporter) -> Sandbox:
    return Sandbox.start(stores=STORES, regions=regions, operators=1, bare=False, reporter=reporter)


class _Measured:
    """One sandbox with one operator, and what is measured on it."""

    def __init__(self, box: Sandbox, progress: Progress) -> None:
        self._box = box
        self._progress = progress

    def wait_until_watched(self) -> None:
        """Wait until the operator watches PD and the approval gate stands."""

        def watched() -> bool:
            found = self._box.get("tikvcluster", CLUSTER, "-n", SAMPLE_NAMESPACE)
            return bool(found.get("status", {}).get("state") == "Watching")

        self._progress.wait("waiting for the operator to watch PD", watched, READY_SECONDS)

    def cycle_cost(self, title: str) -> Cost:
        """Watch some cycles, from the end of one to the end of another."""
        with self._progress.step(title) as tick:
            self._end_of_cycle(tick)
            calls, answer_bytes = len(self._box.pd_journal()), self._pd_bytes()
            for _ in range(COUNTED_CYCLES):
                self._end_of_cycle(tick)
            more_bytes = self._pd_bytes() - answer_bytes
            return counting.cycle_cost(self._box.pd_journal()[calls:], more_bytes)

    def idle_writes_per_minute(self, seconds: float) -> float:
        """Watch what the operator stores while nothing happens."""
        since = time.time()
        with self._progress.step(f"an idle span of {seconds:.0f} s") as tick:
            while time.time() < since + seconds:
                time.sleep(0.25)
                tick()
        until = time.time()
        count = counting.idle_writes(self._box.audit(), since, until)
        return count * 60.0 / (until - since)

    def latencies(self, samples: int) -> tuple[list[float], list[float], list[tuple[float, float]]]:
        """Seconds of each of our samples and of the peer's, and the spans of ours.

        The two kinds alternate, so that both meet the same noise of the machine.
        """
        box = self._box
        administrator = Connection(box.kubeconfig)
        approver = Connection(box.kubeconfig_for(APPROVER))
        author = Connection(box.kubeconfig_for(AUTHOR))
        try:
            with (
                Watch(box.kubeconfig, PATH) as proposals_seen,
                Watch(box.kubeconfig, REQUESTS) as requests_seen,
            ):
                proposals = Proposals(author, approver, proposals_seen, stores=STORES)
                peer = Peer(administrator, approver, requests_seen)
                sent, peers = self._alternate(proposals, peer, samples + WARM_UP_SAMPLES)
        finally:
            for connection in (administrator, approver, author):
                connection.close()
        called = counting.arrivals(box.pd_journal(), "/limit")
        if len(called) != len(sent):
            raise SandboxError(f"{len(sent)} approvals became {len(called)} calls to PD.")
        spans = list(zip(sent, called, strict=True))[WARM_UP_SAMPLES:]
        return [end - begin for begin, end in spans], peers[WARM_UP_SAMPLES:], spans

    def _alternate(
        self, proposals: Proposals, peer: Peer, samples: int
    ) -> tuple[list[float], list[float]]:
        sent: list[float] = []
        peers: list[float] = []
        while len(sent) < samples:
            title = f"approvals {len(sent)} of {samples}, ours and the peer's in turn"
            with self._progress.step(title) as tick:
                count = min(proposals.batch, samples - len(sent))
                ready = [(proposals.file(), peer.file()) for _ in range(count)]
                digests = [proposals.assessed(name, tick) for name, _ in ready]
                for (name, request), digest in zip(ready, digests, strict=True):
                    time.sleep(PAUSE_SECONDS)
                    sent.append(proposals.sample(name, digest, tick))
                    time.sleep(PAUSE_SECONDS)
                    peers.append(peer.sample(request, tick))
                    tick()
        return sent, peers

    def lifecycle_writes(self) -> int:
        """Leave a real leftover behind, approve its cure, count until all is quiet again."""
        box, since = self._box, time.time()
        scheduler = {"name": "evict-leader-scheduler", "store_id": EVICTED_STORE}
        box.pd.post("/schedulers", scheduler)
        approver = Connection(box.kubeconfig_for(APPROVER))
        try:
            with (
                self._progress.step("one whole life of a leftover eviction") as tick,
                Watch(box.kubeconfig, PATH) as seen,
            ):
                proposals = Proposals(approver, approver, seen, stores=STORES)
                name = self._found(tick)
                proposals.sample(name, proposals.assessed(name, tick), tick)
                for _ in range(3):  # the cluster's own status follows within a cycle
                    self._end_of_cycle(tick)
        finally:
            approver.close()
        return counting.lifecycle_writes(box.audit(), SAMPLE_NAMESPACE, since)

    def _found(self, tick: Tick) -> str:
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline:
            listed = self._box.get("actionproposals", "-n", SAMPLE_NAMESPACE)["items"]
            for item in listed:
                if item["metadata"].get("labels", {}).get("assent.tikv.org/rule"):
                    return str(item["metadata"]["name"])
            time.sleep(0.5)
            tick()
        raise SandboxError("The leftover eviction was not proposed.")

    def resident_mib(self) -> float:
        """Resident memory of the operator now."""
        number = self._box.operator().process_id
        pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _end_of_cycle(self, tick: Tick) -> None:
        def cycles() -> int:
            journal = self._box.pd_journal()
            return sum(1 for item in journal if item.path == counting.ONCE_A_CYCLE)

        before, deadline = cycles(), time.monotonic() + 30.0
        while cycles() == before:
            if time.monotonic() > deadline:
                raise SandboxError("The operator ran no detection cycle for 30 s.")
            time.sleep(0.1)
            tick()
        time.sleep(CYCLE_ENDS_SECONDS)

    def _pd_bytes(self) -> float:
        text = httpx.get(f"{self._box.operator().url}/metrics", trust_env=False).text
        found = [line for line in text.splitlines() if line.startswith("assent_pd_bytes_total ")]
        return float(found[0].split()[1])
