"""One cycle of one TiKVCluster: read PD, detect, say what was seen, propose what would cure it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assent.api import meta
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.controllers.doubts import Doubts
from assent.controllers.watcher import MAX_REGIONS_READ, Look, Watcher
from assent.controllers.world import World
from assent.core.detection.incident import ProposalDraft, propose
from assent.core.lifecycle.cluster import ClusterFacts, Standing, decide_cluster, standing
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster, Proposal
from assent.core.policy.other_controllers import wanted_for
from assent.kube.client import KubeClient
from assent.kube.errors import AlreadyExists, Forbidden
from assent.kube.resources import KINDS
from assent.kube.status import StatusWriter
from assent.observability.crash_points import Point, reached


@dataclass(frozen=True, slots=True)
class Gate:
    """What the last self-test of the approval gate found."""

    problem: str | None
    """None when the gate stands."""
    deviates: bool = False
    """True when it was seen to be open, not merely untestable."""
    tried_in: frozenset[str] | None = None
    """The namespaces in which it was tried to forge something; None stands for all."""
    mark: str | None = None
    """Which installation of the gate it was; None when it does not stand."""

    def covers(self, namespace: str) -> bool:
        """Return True when the test was for that namespace, too."""
        return self.tried_in is None or namespace in self.tried_in

    @property
    def opening(self) -> str | None:
        """How it was seen to be open; None when it was not."""
        return self.problem if self.deviates else None


def wanted_by(proposal: Proposal) -> Wanted:
    """Return what a snapshot must show for the proposal to be judged."""
    return wanted_for(proposal.spec.action)


def wanted_of(world: World, cluster: Cluster) -> Wanted:
    """Return what the cluster's unfinished proposals need to see, MAX_REGIONS_READ regions at
    most: first of those in flight or approved, then of detection's own, then of the oldest, so
    that filing more proposals never takes the place of an earlier one.
    """
    wanted = Wanted()
    for proposal in sorted(world.unfinished_proposals_of(cluster), key=_urgency):
        more = wanted | wanted_by(proposal)
        if len(more.region_ids) <= MAX_REGIONS_READ:
            wanted = more
    return wanted


def _urgency(proposal: Proposal) -> tuple[bool, bool, datetime, str]:
    waiting = proposal.status.phase in (None, Phase.PENDING, Phase.SUGGESTED)
    filed_by_hand = meta.LABEL_INCIDENT not in proposal.meta.labels
    return (waiting, filed_by_hand, proposal.meta.created_at, proposal.meta.uid)


class ClusterController:
    """Keeps TiKVClusters watched while this process leads."""

    def __init__(
        self,
        *,
        world: World,
        kube: KubeClient,
        statuses: StatusWriter,
        new_watcher: Callable[[], Watcher],
        gate: Callable[[], Gate],
        now: Callable[[], datetime],
        username: str,
    ) -> None:
        self.doubts = Doubts(world)
        self._world = world
        self._kube = kube
        self._statuses = statuses
        self._new_watcher = new_watcher
        self._gate = gate
        self._now = now
        self._username = username
        self._watchers: dict[str, Watcher] = {}
        self._missing_right: dict[str, str] = {}

    async def aclose(self) -> None:
        """Close every connection to every PD."""
        for watcher in self._watchers.values():
            await watcher.aclose()
        self._watchers.clear()

    def watcher(self, cluster: Cluster) -> Watcher:
        """Return the watcher of this object; a re-created object gets a new one."""
        uid = cluster.meta.uid
        if uid not in self._watchers:
            self._watchers[uid] = self._new_watcher()
        return self._watchers[uid]

    def current(self, cluster: Cluster) -> Cluster:
        """Return the TiKVCluster of that name as it is now; as it was when it is gone."""
        return self._world.cluster(cluster.meta.key) or cluster

    def standing(self, cluster: Cluster, epoch: int) -> Standing:
        """Return how the cluster stands by what is known now, without reading anything."""
        return standing(self._facts(cluster, self.watcher(cluster).look, epoch))

    async def cycle(self, key: str, epoch: int) -> float | None:
        """Run one cycle and return the seconds until the next, None when the object is gone.

        Raises:
            Retryable: the API server did not take a write; the next cycle decides anew.
        """
        cluster = self._world.cluster(key)
        if cluster is None:
            await self._drop_watchers()
            return None
        interval = parse_duration_seconds(cluster.spec.detection.interval)
        watcher = self.watcher(cluster)
        look = await watcher.refresh(
            cluster,
            wanted_of(self._world, cluster),
            newer_than=self._now() - timedelta(seconds=min(1.0, interval / 2)),
        )
        where = standing(self._facts(cluster, look, epoch))
        if where.foreign:
            watcher.forget()
        elif not where.blocks:
            await watcher.detect(cluster, self._world.proposals_of(cluster))
        stored = await self._say(cluster, watcher.look, epoch)
        if not standing(self._facts(stored, watcher.look, epoch)).blocks:
            await self._propose_if_allowed(stored, watcher.look, epoch)
        return float(interval)

    async def _propose_if_allowed(self, cluster: Cluster, look: Look, epoch: int) -> None:
        before = self._missing_right.pop(cluster.meta.uid, None)
        try:
            await self._propose(cluster, look)
        except Forbidden as refusal:
            self._missing_right[cluster.meta.uid] = refusal.message
            await self._say(cluster, look, epoch)
            raise
        if before is not None:
            await self._say(cluster, look, epoch)

    async def _say(self, seen: Cluster, look: Look, epoch: int) -> Cluster:
        """Store what is to be said of the object as it is now; it may have changed since ``seen``.

        Nothing waits between deciding and taking the version that the write is over.
        """
        cluster = self._world.cluster(seen.meta.key)
        raw = self._world.raw((KINDS.cluster, seen.meta.key))
        if cluster is None or raw is None or cluster.meta.uid != seen.meta.uid:
            return seen  # gone or made anew: what was looked at is not this object's PD
        wanted = decide_cluster(self._facts(cluster, look, epoch))
        if wanted == cluster.status:
            return cluster
        reached(Point.CLUSTER_STATUS_DUE)
        written = await self._statuses.write(KINDS.cluster, raw, wanted)
        reached(Point.CLUSTER_STATUS_STORED)
        self._world.observe(KINDS.cluster, written)
        return self._world.cluster(cluster.meta.key) or cluster

    async def _propose(self, cluster: Cluster, look: Look) -> None:
        earlier = self._world.proposals_of(cluster)
        cool_down = parse_duration_seconds(cluster.spec.detection.cool_down)
        for problem in look.problems:
            draft = propose(
                problem,
                cluster=cluster,
                earlier=earlier,
                proposed_by=self._username,
                cool_down_seconds=cool_down,
                now=self._now(),
                foreign_names=self._world.names_without_incident(cluster.meta.namespace),
            )
            if draft is not None:
                await self._file(cluster, draft)

    async def _file(self, cluster: Cluster, draft: ProposalDraft) -> None:
        try:
            reached(Point.FILING_DUE)
            raw = await self._kube.create(
                KINDS.proposal, cluster.meta.namespace, draft_body(draft, cluster)
            )
            reached(Point.FILED)
        except AlreadyExists:
            # The deterministic name is the lock: somebody filed this very problem before us.
            raw = await self._kube.get(KINDS.proposal, cluster.meta.namespace, draft.name)
        self._world.observe(KINDS.proposal, raw)

    def _facts(self, cluster: Cluster, look: Look, epoch: int) -> ClusterFacts:
        return ClusterFacts(
            now=self._now(),
            cluster=cluster,
            others=tuple(
                item for item in self._world.clusters if item.meta.uid != cluster.meta.uid
            ),
            pd=look.snapshot.pd if look.snapshot else None,
            prepared=look.snapshot.prepared if look.snapshot else False,
            failure=look.failure,
            halts=self._world.halts,
            gate_problem=self._gate().problem,
            gate_mark=self._gate().mark if self.doubts.settled(cluster) else None,
            missing_right=self._missing_right.get(cluster.meta.uid),
            problems=look.problems,
            epoch=epoch,
        )

    async def _drop_watchers(self) -> None:
        known = {cluster.meta.uid for cluster in self._world.clusters}
        for uid in [uid for uid in self._watchers if uid not in known]:
            self._missing_right.pop(uid, None)
            await self._watchers.pop(uid).aclose()


def draft_body(draft: ProposalDraft, cluster: Cluster) -> Mapping[str, Any]:
    """Return the ActionProposal to create; the cluster owns it, so that both go together."""
    return {
        "apiVersion": KINDS.api_version,
        "kind": KINDS.proposal,
        "metadata": {
            "name": draft.name,
            "namespace": cluster.meta.namespace,
            "labels": dict(draft.labels),
            "ownerReferences": [
                {
                    "apiVersion": KINDS.api_version,
                    "kind": KINDS.cluster,
                    "name": cluster.meta.name,
                    "uid": cluster.meta.uid,
                }
            ],
        },
        "spec": draft.spec.wire(),
    }
