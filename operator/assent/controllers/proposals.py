"""One look at one proposal: gather facts, ask ``core``, carry out what it says."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from assent.api import meta
from assent.api.v1alpha1.actionproposal import StepState
from assent.api.v1alpha1.lifecycle import FINISHED, IN_FLIGHT
from assent.controllers.clusters import ClusterController, Gate, wanted_by, wanted_of
from assent.controllers.glass import GlassTeller
from assent.controllers.watcher import MAX_REGIONS_READ, NOTHING_SEEN, Look
from assent.controllers.world import ACTING, World
from assent.core.actions.catalogue import action_of
from assent.core.detection.finding import Problem
from assent.core.detection.incident import incident_of
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts, Standing
from assent.core.model.resource import Cluster, Proposal
from assent.errors import OutcomeUnknown
from assent.execution.engine import Executor
from assent.execution.leadership import Term
from assent.observability.metrics import Metrics

FRESH_SECONDS = 5.0
"""A snapshot this old is read anew before a decision; the refresh loop keeps it younger."""

LANDING_SECONDS = 0.2
"""When to look again at a proposal whose flight is just ending."""
FIRST_REST_SECONDS = 2.0
LONGEST_REST_SECONDS = 300.0
ORPHAN_SECONDS = 15.0
"""How often a call in flight is looked at whose TiKVCluster is gone."""


def facts_from(proposal: Proposal, now: datetime) -> datetime:
    """Return how old a snapshot may be: from after the last claim that could not be sent, if any,
    for what was known before it led to nothing.
    """
    oldest = now - timedelta(seconds=FRESH_SECONDS)
    execution = proposal.status.execution
    if execution is None or not execution.steps:
        return oldest
    last = execution.steps[-1]
    return max(oldest, last.intended_at) if last.state is StepState.NOT_DONE else oldest


def rest_seconds(proposal: Proposal, now: datetime) -> float:
    """Return how long a claim must still wait because the last ones came to no call.

    Each was stored, found that nothing could be sent (PD's leader gone, the lease ending), and
    was taken back. Doubling from 2 s up to 5 min, told by the journal, so that neither the API
    server nor the journal is filled by trying.
    """
    execution = proposal.status.execution
    steps = execution.steps if execution is not None else []
    failed = 0
    while failed < len(steps) and steps[-1 - failed].state is StepState.NOT_DONE:
        failed += 1
    if failed == 0:
        return 0.0
    passed = (now - steps[-1].intended_at).total_seconds()
    if passed < 0:
        return 0.0  # the clock was set back; the next one is counted from there
    pause = min(FIRST_REST_SECONDS * 2.0 ** (failed - 1), LONGEST_REST_SECONDS)
    return max(0.0, pause - passed)


class ProposalController:
    """Moves proposals through their life while this process leads."""

    def __init__(
        self,
        *,
        world: World,
        clusters: ClusterController,
        executor: Executor,
        gate: Callable[[], Gate],
        now: Callable[[], datetime],
        username: str,
        holder: str,
        metrics: Metrics,
    ) -> None:
        self._world = world
        self._clusters = clusters
        self._executor = executor
        self._gate = gate
        self._now = now
        self._username = username
        self._holder = holder
        self._glass = GlassTeller(announce=executor.journal.announce, metrics=metrics, now=now)
        self.doubts = clusters.doubts
        self._claims: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def reconcile(self, key: str, term: Term) -> float | None:
        """Look at the proposal once; return the seconds until it wants another look, if any.

        Raises:
            Retryable: the API server did not take the write; nothing was called.
            LeadershipLost: the term ended; nothing more may be written.
        """
        proposal = self._world.proposal(key)
        if proposal is not None:
            self._glass.seen(proposal)
        if proposal is None or proposal.status.phase in FINISHED:
            return None
        cluster_key = f"{proposal.meta.namespace}/{proposal.spec.cluster_ref.name}"
        cluster = self._world.cluster(cluster_key)
        if proposal.status.phase in ACTING:
            self._executor.resume(proposal, cluster, term)
            return None if cluster is not None else ORPHAN_SECONDS
        if self._executor.flying(key):
            return LANDING_SECONDS  # its flight is about to store the last word
        # One claim at a time for a cluster: two approvals must not both find it free.
        async with self._claims.setdefault(cluster_key, asyncio.Lock()):
            proposal = self._world.proposal(key) or proposal
            cluster = self._world.cluster(cluster_key)
            facts = await self._gather(proposal, cluster, term)
            decision = decide(facts)
            if decision.call is not None and self._stale(cluster):
                return 0.0
            rest = rest_seconds(proposal, self._now())
            if decision.call is not None and rest > 0:
                return rest
            await self._apply(proposal, cluster, decision, term)
        void = facts.gate_open is not None and decision.status.digest is None
        if void and self._gate().opening is None:
            return 0.0  # nothing that was said counts, and the gate stands: it is asked anew
        if decision.look_again_at is None:
            return None
        return max(0.0, (decision.look_again_at - self._now()).total_seconds())

    def _stale(self, cluster: Cluster | None) -> bool:
        """Whether somebody changed the TiKVCluster while PD was read: a claim is over the version
        of its proposal only, and must not be by a policy that was narrowed meanwhile.
        """
        newest = None if cluster is None else self._world.cluster(cluster.meta.key)
        if cluster is None or newest is None:
            return True
        known, now = cluster.meta, newest.meta
        return (known.uid, known.generation, known.deleting) != (
            now.uid,
            now.generation,
            now.deleting,
        )

    async def _apply(
        self, proposal: Proposal, cluster: Cluster | None, decision: Decision, term: Term
    ) -> None:
        try:
            if decision.call is not None and cluster is not None:
                await self._executor.claim(proposal, cluster, decision, term)
            elif decision.status != proposal.status:
                await self._executor.journal.store(proposal, decision)
            else:
                return
        except OutcomeUnknown:
            if decision.call is None:  # it may be stored: rather told twice than never
                self._glass.stored(proposal, decision)
                for notice in decision.notices:
                    self._executor.journal.announce(proposal, notice)
            raise
        self._glass.stored(proposal, decision)

    async def _gather(self, proposal: Proposal, cluster: Cluster | None, term: Term) -> Facts:
        look, ready = NOTHING_SEEN, None
        if cluster is not None:
            look = await self._clusters.watcher(cluster).refresh(
                cluster,
                wanted_of(self._world, cluster),
                newer_than=facts_from(proposal, self._now()),
            )
            where = self._clusters.standing(cluster, term.epoch)
            ready = where.message if where.blocks else why_unread(proposal, look)
        problem, gate = self._problem(proposal, cluster, look), self._gate()
        return Facts(
            now=self._now(),
            proposal=proposal,
            cluster=cluster,
            cluster_ready=ready,
            snapshot=look.snapshot,
            halts=self._world.halts,
            gate_installed=gate.problem is None and gate.covers(proposal.meta.namespace),
            gate_open=gate.opening or self.doubts.about(proposal),
            operator_username=self._username,
            problem=problem,
            detection_ran=look.detected_at is not None and look.failure is None,
            in_flight=self._in_flight(proposal, cluster),
            standing=self._standing(proposal, cluster),
            epoch=term.epoch,
            holder=self._holder,
            tidb_operator=look.tidb_operator,
        )

    def _in_flight(self, proposal: Proposal, cluster: Cluster | None) -> tuple[str, ...]:
        return () if cluster is None else self._world.others_acting(proposal, cluster)

    def _standing(self, proposal: Proposal, cluster: Cluster | None) -> tuple[Standing, ...]:
        if cluster is None:
            return ()
        return tuple(
            standing_of(other)
            for other in self._world.unfinished_proposals_of(cluster)
            if other.meta.uid != proposal.meta.uid and other.status.phase in IN_FLIGHT
        )

    def _problem(self, proposal: Proposal, cluster: Cluster | None, look: Look) -> Problem | None:
        incident = proposal.meta.labels.get(meta.LABEL_INCIDENT)
        if cluster is None or incident is None:
            return None
        return next(
            (item for item in look.problems if incident_of(cluster, item) == incident), None
        )


def standing_of(proposal: Proposal) -> Standing:
    """Return what the proposal touches for as long as it stands."""
    action, params = action_of(proposal.spec.action)
    return Standing(proposal.meta.name, action.type, action.scope(params))


def why_unread(proposal: Proposal, look: Look) -> str | None:
    """Return why the look says nothing of the proposal's regions, None when it was asked for them.

    A region that PD was not asked for must never be taken for one that PD does not know.
    """
    if look.snapshot is None or wanted_by(proposal) <= look.asked:
        return None
    return (
        f"PD is asked about {MAX_REGIONS_READ} regions at a time at most, and earlier proposals"
        " name as many: waiting until some of them end"
    )
