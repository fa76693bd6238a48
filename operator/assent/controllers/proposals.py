"""One look at one proposal: gather facts, ask ``core``, carry out what it says."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from assent.api import meta
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import FINISHED
from assent.controllers.clusters import ClusterController, Gate, regions_in_question
from assent.controllers.watcher import NOTHING_SEEN, Look
from assent.controllers.world import World
from assent.core.detection.finding import Problem
from assent.core.detection.incident import incident_of
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.model.resource import Cluster, Proposal
from assent.execution.engine import Executor
from assent.execution.leadership import Term

FRESH_SECONDS = 5.0
"""A snapshot this old is read anew before a decision; the refresh loop keeps it younger."""

ACTING = frozenset({Phase.EXECUTING, Phase.ROLLING_BACK})


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
    ) -> None:
        self._world = world
        self._clusters = clusters
        self._executor = executor
        self._gate = gate
        self._now = now
        self._username = username
        self._holder = holder
        self._claims: dict[str, asyncio.Lock] = {}

    async def reconcile(self, key: str, term: Term) -> float | None:
        """Look at the proposal once; return the seconds until it wants another look, if any.

        Raises:
            Retryable: the API server did not take the write; nothing was called.
            LeadershipLost: the term ended; nothing more may be written.
        """
        proposal = self._world.proposal(key)
        if proposal is None or proposal.status.phase in FINISHED:
            return None
        cluster = self._world.cluster(f"{proposal.meta.namespace}/{proposal.spec.cluster_ref.name}")
        if proposal.status.phase in ACTING:
            if cluster is not None:
                self._executor.resume(proposal, cluster, term)
            return None
        # One claim at a time for a cluster: two approvals must not both find it free.
        async with self._claims.setdefault(self._lock_key(proposal), asyncio.Lock()):
            proposal = self._world.proposal(key) or proposal
            facts = await self._gather(proposal, cluster, term)
            decision = decide(facts)
            await self._apply(proposal, cluster, decision, term)
        if decision.look_again_at is None:
            return None
        return max(0.0, (decision.look_again_at - self._now()).total_seconds())

    def _lock_key(self, proposal: Proposal) -> str:
        return f"{proposal.meta.namespace}/{proposal.spec.cluster_ref.name}"

    async def _apply(
        self, proposal: Proposal, cluster: Cluster | None, decision: Decision, term: Term
    ) -> None:
        if decision.call is not None and cluster is not None:
            await self._executor.claim(proposal, cluster, decision, term)
        elif decision.status != proposal.status:
            await self._executor.journal.store(proposal, decision)

    async def _gather(self, proposal: Proposal, cluster: Cluster | None, term: Term) -> Facts:
        look, ready = NOTHING_SEEN, None
        if cluster is not None:
            look = await self._clusters.watcher(cluster).refresh(
                cluster,
                regions_in_question(self._world, cluster),
                newer_than=self._now() - timedelta(seconds=FRESH_SECONDS),
            )
            where = self._clusters.standing(cluster, term.epoch)
            ready = where.message if where.blocks else None
        problem = self._problem(proposal, cluster, look)
        return Facts(
            now=self._now(),
            proposal=proposal,
            cluster=cluster,
            cluster_ready=ready,
            snapshot=look.snapshot,
            halts=self._world.halts,
            gate_installed=self._gate().problem is None,
            operator_username=self._username,
            problem=problem,
            detection_ran=look.detected_at is not None and look.failure is None,
            in_flight=self._in_flight(proposal, cluster),
            epoch=term.epoch,
            holder=self._holder,
        )

    def _in_flight(self, proposal: Proposal, cluster: Cluster | None) -> tuple[str, ...]:
        if cluster is None:
            return ()
        return tuple(
            sorted(
                item.meta.name
                for item in self._world.proposals_of(cluster)
                if item.status.phase in ACTING and item.meta.uid != proposal.meta.uid
            )
        )

    def _problem(self, proposal: Proposal, cluster: Cluster | None, look: Look) -> Problem | None:
        incident = proposal.meta.labels.get(meta.LABEL_INCIDENT)
        if cluster is None or incident is None:
            return None
        return next(
            (item for item in look.problems if incident_of(cluster, item) == incident), None
        )
