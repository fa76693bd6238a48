"""The operator's shell around a fake API server and a fake PD: everything between is the real one.

Time is the rig's own and moves only when a test moves it; waiting is for facts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from assent.api.v1alpha1.actions import Action
from assent.controllers.clusters import ClusterController, Gate
from assent.controllers.pd import PdAccess
from assent.controllers.proposals import ProposalController
from assent.controllers.watcher import Watcher
from assent.controllers.world import Key, World
from assent.core.model.resource import Cluster
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.errors import AssentError, LeadershipLost
from assent.execution.engine import Executor
from assent.execution.fencing import judge_refusal
from assent.execution.journal import Journal
from assent.execution.recovery import Recovery
from assent.execution.terms import Term
from assent.kube.client import KubeClient
from assent.kube.errors import Fenced
from assent.kube.events import EventPoster
from assent.kube.resources import KINDS, Raw
from assent.kube.status import StatusWriter
from assent.observability.metrics import Metrics
from assent.pd.client import PdClient
from assent.settings import Settings
from tests.support.certificates import Authority
from tests.support.fake_kube import FakeKube, fake_kube
from tests.support.fake_pd import FakePd
from tests.support.proposals import AUTHOR, NOW, OPERATOR

NS = "tikv"
POD = "assent-0"
FACT_SECONDS = 30.0
TICK_SECONDS = 0.001


class Clock:
    """One hand for wall and monotonic time."""

    def __init__(self) -> None:
        self.passed_seconds = 0.0

    def now(self) -> datetime:
        """Wall time; no two readings are the same, as on a real clock."""
        self.passed_seconds += TICK_SECONDS
        return NOW + timedelta(seconds=self.passed_seconds)

    def monotonic(self) -> float:
        """Monotonic time."""
        return self.passed_seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.passed_seconds += seconds


class Rig:
    """One operator process that leads, and the world around it."""

    def __init__(
        self,
        kube: FakeKube,
        folder: Path,
        *,
        epoch: int = 7,
        pod: str = POD,
        clock: Clock | None = None,
        pd: FakePd | None = None,
    ) -> None:
        self.server = kube
        self.clock = clock or Clock()
        self.pd = pd or FakePd()
        self.metrics = Metrics()
        self.gate = Gate(None)
        self.gate_now: Callable[[], Gate] = lambda: self.gate
        self.malformed: list[Key] = []
        self.changed: list[Key] = []
        self.on_change: Callable[[Key], None] | None = None
        self._moved = asyncio.Event()
        self.world = World(self._note, lambda key, _: self.malformed.append(key))
        settings = replace(settings_for(folder), api_server=kube.url)
        self.kube = KubeClient(settings, on_request=self.metrics.kube_request)
        self.term = Term(
            epoch=epoch,
            holder=pod,
            began_monotonic_seconds=-60.0,
            deadline_monotonic_seconds=1e6,
            released_epoch=None,
        )
        self.events = EventPoster(self.kube, now=self.clock.now, reporter=pod, metrics=self.metrics)
        statuses = StatusWriter(self.kube, current_epoch=self._current_epoch)
        self.journal = Journal(
            statuses=statuses,
            events=self.events,
            metrics=self.metrics,
            newest=lambda key: self.world.raw((KINDS.proposal, key)),
            observe=self.observe_proposal,
            judge=self._judge,
        )
        self.clusters = ClusterController(
            world=self.world,
            kube=self.kube,
            statuses=statuses,
            new_watcher=self._new_watcher,
            gate=lambda: self.gate_now(),
            now=self.clock.now,
            username=OPERATOR,
        )
        self.recovery = Recovery(
            kube=self.kube,
            journal=self.journal,
            observe=self.observe_proposal,
            now=self.clock.now,
            pod_namespace="assent-system",
        )
        self.executor = Executor(
            kube=self.kube,
            pd=PdAccess(self.clusters),
            journal=self.journal,
            recovery=self.recovery,
            metrics=self.metrics,
            halts=lambda: self.world.halts,
            gate_installed=lambda: self.gate_now().problem is None,
            others_acting=lambda *of: self.world.others_acting(*of),
            now=self.clock.now,
            monotonic=self.clock.monotonic,
        )
        self.proposals = ProposalController(
            world=self.world,
            clusters=self.clusters,
            executor=self.executor,
            gate=lambda: self.gate_now(),
            now=self.clock.now,
            username=OPERATOR,
            holder=pod,
            metrics=self.metrics,
        )
        self.running: asyncio.Task[None] | None = None
        kube.listeners.append(self._watch)

    # -- wiring ----------------------------------------------------------------------------------

    def _current_epoch(self) -> int:
        if not self.term.valid(self.clock.monotonic()):
            raise LeadershipLost("this process does not lead")
        return self.term.epoch

    def _judge(self, refusal: Fenced) -> AssentError:
        return judge_refusal(self.term, refusal, now_monotonic_seconds=self.clock.monotonic())

    def _new_watcher(self) -> Watcher:
        return Watcher(connect=self._connect, read_tidb=_no_tidb_operator, now=self.clock.now)

    async def _connect(self, cluster: Cluster) -> PdClient:
        return PdClient(cluster.spec.pd.endpoints, transport=self.pd, clock=self.clock.monotonic)

    def observe_proposal(self, raw: Raw) -> None:
        """Take in an answer."""
        self.world.observe(KINDS.proposal, raw)

    async def read_anew(self, kind: str, key: str) -> None:
        """What the application does when a write shows that the cache is old."""
        namespace, _, name = key.rpartition("/")
        self.world.observe(kind, await self.kube.get(kind, namespace, name))

    def _watch(self, kind: str, change: str, raw: Raw) -> None:
        if kind not in (KINDS.proposal, KINDS.cluster, KINDS.halt):
            return
        if change == "DELETED":
            self.world.bury(kind, raw)
        else:
            self.world.observe(kind, raw)

    def _note(self, key: Key) -> None:
        self.changed.append(key)
        if self.on_change is not None:
            self.on_change(key)
        self._moved.set()
        if key[0] == KINDS.proposal:
            self.executor.nudge(key[1])

    # -- what tests do ---------------------------------------------------------------------------

    def watch(self, name: str = "demo", **spec: Any) -> Raw:
        """Create a TiKVCluster on the fake PD that really acts."""
        body = {"pd": {"endpoints": list(self.pd.urls)}, "dryRun": False, **spec}
        return self.server.put(
            KINDS.cluster, {"metadata": {"name": name, "namespace": NS}, "spec": body}
        )

    def file(self, name: str, action: Action, **spec: Any) -> Raw:
        """File a proposal by hand."""
        body = {
            "clusterRef": {"name": "demo"},
            "proposedBy": AUTHOR,
            "action": action.wire(),
            **spec,
        }
        return self.server.put(
            KINDS.proposal, {"metadata": {"name": name, "namespace": NS}, "spec": body}
        )

    def say(self, name: str, **spec: Any) -> None:
        """Edit the proposal's spec as a person."""
        self.server.edit(KINDS.proposal, NS, name, {"spec": spec})

    def cancel(self, name: str) -> None:
        """Cancel it as a person."""
        self.say(name, cancel={"by": "sre-9"})

    def halt(self, **spec: Any) -> None:
        """Halt everything."""
        body = {"reason": "incident 42", **spec}
        self.server.put(KINDS.halt, {"metadata": {"name": "stop-all"}, "spec": body})

    async def approved(self, name: str, action: Action, **spec: Any) -> None:
        """File, assess and approve; nothing is claimed yet."""
        self.file(name, action, **spec)
        await self.reconcile(name)
        status = self.status(name)
        assert status["phase"] == "Pending", status
        seats = [
            {"by": by, "decision": "Approve", "digest": status["digest"]}
            for by in ("sre-2", "sre-3")
        ]
        self.say(name, approvals=seats)

    async def reconcile(self, name: str) -> float | None:
        """Look at the proposal once, as a worker of the queue does."""
        return await self.proposals.reconcile(f"{NS}/{name}", self.term)

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until the fact holds, looking whenever an object changed (and now and then)."""
        async with asyncio.timeout(FACT_SECONDS):
            while not fact():
                self._moved.clear()
                try:
                    async with asyncio.timeout(0.02):
                        await self._moved.wait()
                except TimeoutError:
                    continue

    async def until_phase(self, name: str, phase: str) -> Raw:
        """Wait for the phase; return the status."""
        try:
            await self.until(lambda: self.status(name).get("phase") == phase)
        except TimeoutError:
            raise AssertionError(f"not {phase}: {self.status(name)}") from None
        return self.status(name)

    async def until_idle(self, name: str) -> None:
        """Wait until no flight of that proposal is in the air."""
        await self.until(lambda: not self.executor.flying(f"{NS}/{name}"))

    # -- what tests see --------------------------------------------------------------------------

    def status(self, name: str) -> dict[str, Any]:
        """Status as stored."""
        found: dict[str, Any] = self.server.get(KINDS.proposal, NS, name).get("status", {})
        return found

    def cluster_status(self, name: str = "demo") -> dict[str, Any]:
        """A TiKVCluster's status as stored."""
        found: dict[str, Any] = self.server.get(KINDS.cluster, NS, name).get("status", {})
        return found

    @property
    def calls(self) -> list[tuple[str, str]]:
        """What PD acted on: method and path."""
        return [
            (seen.method, seen.path.removeprefix("/pd/api/v1")) for seen in self.pd.executed_writes
        ]

    @property
    def sent(self) -> int:
        """How many writes reached PD, whatever it did with them."""
        return sum(seen.method != "GET" for seen in self.pd.seen)

    async def time_is_up(self) -> None:
        """Let the time for an effect to show pass, once the call was sent and was looked for."""
        await self.until(lambda: self.sent > 0)
        looks = self.pd.calls("/pd/api/v1/stores")
        await self.until(lambda: self.pd.calls("/pd/api/v1/stores") > looks + 1)
        self.clock.advance(3600)

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample; 0 when it is not there."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    async def stop_flying(self) -> None:
        """End the executor; claims can still be stored, as by a process that dies after that."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)

    def dies_after_storing(self) -> None:
        """End like a killed process right after the next status write: what it stored, stands."""

        def dies() -> None:
            self.executor._lost = None
            for flight in self.executor._flights.values():
                flight.task.cancel()

        self.server.order("PATCH", "/status$", dies, after_storing=True)

    async def end(self) -> None:
        """Stop as SIGTERM does, and close everything."""
        await self.stop_flying()
        if self._watch in self.server.listeners:
            self.server.listeners.remove(self._watch)
        await self.clusters.aclose()
        await self.events.aclose()
        await self.kube.aclose()

    def successor(self, folder: Path, *, pod: str = "assent-1") -> "Rig":
        """Return another process with the next term, on the same API server and the same PD."""
        epoch = self.term.epoch + 1
        other = Rig(self.server, folder, epoch=epoch, pod=pod, clock=self.clock, pd=self.pd)
        return other.listed()

    def listed(self) -> "Rig":
        """Fill the cache with what the server has."""
        for kind in (KINDS.cluster, KINDS.proposal, KINDS.halt):
            for raw in self.server.all(kind):
                self.world.observe(kind, raw)
        return self

    async def lead(self) -> None:
        """Begin to lead."""
        self.running = asyncio.create_task(self.executor.run(self.term))
        await asyncio.sleep(0)  # its first step: from here on flights may take off


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    """Yield a leading operator that watches the TiKVCluster ``demo``."""
    async with fake_kube() as server:
        made = Rig(server, folder)
        made.watch()
        await made.lead()
        try:
            yield made
        finally:
            await made.end()


async def _no_tidb_operator(_: Cluster, __: ClusterSnapshot) -> TidbOperatorFacts | None:
    return None


def settings_for(folder: Path) -> Settings:
    """Return the settings of an operator pod; the API server's address is to be replaced."""
    token, authority = folder / "token", folder / "ca.crt"
    token.write_text("a-token")
    if not authority.exists():
        authority.write_bytes(_authority())
    return Settings.from_environment(
        {
            "ASSENT_API_SERVER": "https://127.0.0.1:1",
            "ASSENT_CA_FILE": str(authority),
            "ASSENT_TOKEN_FILE": str(token),
            "POD_NAME": POD,
        }
    )


_PEM: list[bytes] = []


def _authority() -> bytes:
    if not _PEM:
        _PEM.append(Authority("nobody asked").pem)
    return _PEM[0]
