"""What runs while this process leads: one queue for clusters and proposals, and their workers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from assent.api.reasons import ClusterState, EventReason
from assent.controllers.clusters import ClusterController, Gate, wanted_of
from assent.controllers.proposals import ProposalController
from assent.controllers.queue import WorkQueue
from assent.controllers.world import Key, World
from assent.core.lifecycle.decision import Notice
from assent.errors import AssentError, LeadershipLost, OutcomeUnknown
from assent.execution.engine import Executor
from assent.execution.leadership import Term
from assent.kube.errors import Conflict
from assent.kube.resources import KINDS
from assent.observability.crash_points import Point, reached
from assent.observability.metrics import Metrics

WORKERS = 8
WARM_SECONDS = 2.0
"""How often the snapshot behind undecided proposals is renewed, so that an approval finds it
fresh and costs no read."""
CONNECTIONS_SECONDS = 30.0
CONNECTIONS_RETRY_SECONDS = 2.0
GATE_CHECK_SECONDS = 120.0
GATE_RECHECK_SECONDS = 5.0

WARM = "Warm"
"""Key kind of the refresh of one cluster's snapshot."""

RETEST = Gate("a policy of the approval gate changed and is being tested")
UNTESTED = Gate("the approval gate has not been tested yet")

_log = logging.getLogger(__name__)


class Leader:
    """Routes changes to the queue, and works on it for as long as a term lasts."""

    def __init__(
        self,
        *,
        world: World,
        clusters: ClusterController,
        proposals: ProposalController,
        executor: Executor,
        check_gate: Callable[[], Awaitable[Gate]],
        read_anew: Callable[[str, str], Awaitable[None]],
        keep_warm: Callable[[], Awaitable[None]],
        announce: Callable[[str, Notice], None],
        metrics: Metrics,
    ) -> None:
        """Take the parts; ``announce`` posts an Event about the TiKVCluster of that key."""
        self._world = world
        self._clusters = clusters
        self._proposals = proposals
        self._executor = executor
        self._check_gate = check_gate
        self._read_anew = read_anew
        self._keep_warm = keep_warm
        self._announce = announce
        self._metrics = metrics
        self._gate_told: str | None = None
        """What Events last said is wrong with the gate; None when they said that it stands."""
        self._queue: WorkQueue[Key] | None = None
        self.gate = UNTESTED
        self._gate_moved = asyncio.Event()
        self._gate_moves = 0
        """How often a policy or a binding has changed so far."""

    def changed(self, key: Key) -> None:
        """Take note that an object changed. Standing by, there is nothing to do."""
        queue = self._queue
        if queue is None:
            return
        kind, name = key
        if kind == KINDS.halt:
            self._enqueue_all(queue)
            return
        queue.add(key)
        if kind == KINDS.cluster:
            cluster = self._world.cluster(name)
            if cluster is not None and not self.gate.covers(cluster.meta.namespace):
                self._gate_moved.set()  # its namespace is new: nothing executes there until tested
            for proposal in self._world.unfinished_proposals_naming(name):
                queue.add((KINDS.proposal, proposal.meta.key))
        elif kind == KINDS.proposal:
            self._executor.nudge(name)

    async def lead(self, term: Term) -> None:
        """Work until cancelled or until leadership is lost; leave nothing running."""
        queue: WorkQueue[Key] = WorkQueue(self._failed)
        self._queue = queue
        self._metrics.queue_depth.set_function(lambda: len(queue))
        self._enqueue_all(queue)
        reached(Point.TERM_BEGUN)
        try:
            # What an earlier term found of the gate proves nothing now.
            self.gate = UNTESTED
            await self._renew_gate()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_gate(queue))
                group.create_task(self._keep_connections())
                group.create_task(self._executor.run(term))
                group.create_task(queue.run(lambda key: self._work(key, term), workers=WORKERS))
        finally:
            self._queue = None
            await self._clusters.aclose()

    async def _work(self, key: Key, term: Term) -> None:
        try:
            await self._reconcile(key, term)
        except (Conflict, OutcomeUnknown):
            # What was decided on is not what is stored: a watch that lags may lag for long.
            kind, name = key
            await self._read_anew(kind if kind != WARM else KINDS.cluster, name)
            raise

    async def _reconcile(self, key: Key, term: Term) -> None:
        kind, name = key
        queue = self._queue
        if queue is None:
            return
        if kind == KINDS.cluster:
            with self._metrics.cycle_seconds.time():
                again = await self._clusters.cycle(name, term.epoch)
            self._after_cycle(queue, name)
        elif kind == WARM:
            again = await self._warm(name)
        else:
            again = await self._proposals.reconcile(name, term)
            self._note_gate(queue, name)
        if again is not None:
            queue.add_after(key, again)

    def _note_gate(self, queue: WorkQueue[Key], name: str) -> None:
        """Have the cluster's status name the gate that stands, once nothing is in doubt."""
        proposal = self._world.proposal(name)
        if proposal is None or self.gate.mark is None:
            return
        cluster = self._world.cluster(f"{proposal.meta.namespace}/{proposal.spec.cluster_ref.name}")
        noted = cluster is None or cluster.status.gate == self.gate.mark
        if cluster is not None and not noted and self._proposals.doubts.settled(cluster):
            queue.add((KINDS.cluster, cluster.meta.key))

    def _after_cycle(self, queue: WorkQueue[Key], name: str) -> None:
        cluster = self._world.cluster(name)
        if cluster is None:
            return
        undecided = self._world.unfinished_proposals_of(cluster)
        for proposal in undecided:
            queue.add((KINDS.proposal, proposal.meta.key))
        if undecided:
            queue.add_after((WARM, name), WARM_SECONDS)

    async def _warm(self, name: str) -> float | None:
        cluster = self._world.cluster(name)
        if cluster is None or not self._world.open_proposals_of(cluster):
            return None
        await self._clusters.watcher(cluster).renew(cluster, wanted_of(self._world, cluster))
        return WARM_SECONDS

    async def _keep_connections(self) -> None:
        """Keep connections to the API server open: the reads before a call must be fast."""
        while True:
            pause = CONNECTIONS_SECONDS
            try:
                await self._keep_warm()
            except AssentError as error:  # cold connections cost time, not leadership
                pause = CONNECTIONS_RETRY_SECONDS
                _log.info("connections were not kept warm", extra={"detail": error.message})
            await asyncio.sleep(pause)

    def gate_moved(self, opening: str | None = None) -> None:
        """Take note that a policy or a binding changed: nothing executes until it is tested.

        ``opening`` is how the change itself shows that the gate was open, None when it does not:
        it may be closed again before anybody tests it. A standby takes note of it too.
        """
        self.gate = RETEST if opening is None else Gate(opening, deviates=True)
        if opening is not None:
            self._proposals.doubts.cast(opening)
        if opening is not None and self._queue is not None:
            self._show(self.gate)
        self._gate_moves += 1
        self._gate_moved.set()

    async def _watch_gate(self, queue: WorkQueue[Key]) -> None:
        while True:
            broken = self.gate.problem is not None
            with suppress(TimeoutError):
                async with asyncio.timeout(GATE_RECHECK_SECONDS if broken else GATE_CHECK_SECONDS):
                    await self._gate_moved.wait()
            before = self.gate
            await self._renew_gate()
            if before != self.gate:
                self._enqueue_all(queue)

    async def _renew_gate(self) -> None:
        """Test the gate. A test during which something of it changed may have looked before that:
        that it stood then proves nothing.
        """
        self._gate_moved.clear()
        moves = self._gate_moves
        found = await self._tested_gate()
        if found.opening is not None:
            self._proposals.doubts.cast(found.opening)
        if found.problem is None and self._gate_moves != moves:
            return  # to be tested again, as gate_moved has said
        if found.mark is not None:
            self._proposals.doubts.compare(found.mark)
        self._show(found)
        self.gate = found

    async def _tested_gate(self) -> Gate:
        """Return what a test of the gate found; one that breaks is a gate that does not stand."""
        try:
            gate = await self._check_gate()
        except LeadershipLost:
            raise
        except Exception as error:  # whatever it is, it must close the gate, not end the leader
            _log.error("the test of the approval gate broke", exc_info=error)
            gate = Gate(f"the approval gate cannot be tested: {type(error).__name__}")
        return gate

    def _show(self, gate: Gate) -> None:
        self._metrics.gate_installed.set(gate.problem is None)
        self._tell(gate.problem)

    def _tell(self, problem: str | None) -> None:
        """Post an Event about every TiKVCluster when what is wrong with the gate has changed."""
        if problem == self._gate_told:
            return
        self._gate_told = problem
        if problem is None:
            text = "the approval gate stands again: what was undecided is asked anew"
            notice = Notice(EventReason.GATE_INSTALLED.value, text)
        else:
            text = f"nothing executes: {problem}"
            notice = Notice(ClusterState.GATE_NOT_INSTALLED.value, text, warning=True)
        for cluster in self._world.clusters:
            self._announce(cluster.meta.key, notice)

    def _enqueue_all(self, queue: WorkQueue[Key]) -> None:
        for cluster in self._world.clusters:
            queue.add((KINDS.cluster, cluster.meta.key))
        for proposal in self._world.proposals:
            queue.add((KINDS.proposal, proposal.meta.key))

    def _failed(self, key: Key, error: Exception) -> None:
        reason = error.reason if isinstance(error, AssentError) else type(error).__name__
        self._metrics.reconcile_errors.labels(kind=key[0], reason=reason).inc()
        _log.warning(
            "reconcile failed",
            extra={"object": key[1], "kind": key[0], "reason": reason, "detail": str(error)},
            exc_info=None if isinstance(error, AssentError) else error,
        )
