"""Decides what a TiKVCluster's status says: one state, one sentence, what is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assent.api.reasons import ClusterState, ConditionType
from assent.api.v1alpha1.base import Condition
from assent.api.v1alpha1.tikvcluster import Diagnosis, TiKVClusterStatus
from assent.core.detection.finding import Problem
from assent.core.model.resource import Cluster, HaltOrder
from assent.core.model.snapshot import PdIdentity
from assent.errors import AssentError

_STATES = {item.value: item for item in ClusterState}

_UNREACHED = frozenset(
    {ClusterState.PD_UNREACHABLE, ClusterState.TLS_FAILED, ClusterState.PD_ANSWER_UNUSABLE}
)

_LACKING = frozenset({ClusterState.GATE_NOT_INSTALLED, ClusterState.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """The world as one decision about one TiKVCluster sees it."""

    now: datetime
    cluster: Cluster
    others: tuple[Cluster, ...]
    """Every other TiKVCluster of the Kubernetes cluster, of any namespace."""
    pd: PdIdentity | None
    """Who answered; None when nobody did."""
    prepared: bool
    """False while PD does not know its schedulers and regions yet."""
    failure: AssentError | None
    """Why PD could not be read; None when it was."""
    halts: tuple[HaltOrder, ...]
    gate_problem: str | None
    """What is wrong with the approval gate; None when it stands."""
    gate_mark: str | None
    """Which installation of the gate all that is undecided here is asked under; None while it does
    not stand, or something was asked under another."""
    missing_right: str | None
    """Which RBAC rule the API server said is missing; None when it refused nothing."""
    problems: Sequence[Problem]
    """What detection saw, proposals and deliberate inaction alike."""
    epoch: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a TiKVCluster and whether Assent may act there."""

    state: ClusterState
    message: str

    @property
    def foreign(self) -> bool:
        """True when what answers is not, or not for us, the PD this TiKVCluster stands for."""
        return self.state in (ClusterState.WRONG_CLUSTER, ClusterState.CLUSTER_CLAIMED)

    @property
    def blocks(self) -> bool:
        """True when nothing can be judged there: no detection, no assessment, no action."""
        return self.foreign or self.state in _UNREACHED | {ClusterState.PD_NOT_READY}

    @property
    def powerless(self) -> bool:
        """True when nothing that people approve can be carried out there before something heals."""
        return self.blocks or self.state in _LACKING


def pinned_cluster_id(cluster: Cluster) -> str | None:
    """Return the PD cluster id this TiKVCluster stands for, None before first contact."""
    return cluster.spec.pd.cluster_id or cluster.status.cluster_id


def claimant(cluster_id: str, clusters: Sequence[Cluster]) -> Cluster | None:
    """Return which TiKVCluster owns a PD cluster id: the oldest that has seen it.

    One that already shows the id in its status goes before one that does not, so that a newcomer
    never takes over; then age, then uid decide, so that every process agrees.
    """
    claims = [item for item in clusters if pinned_cluster_id(item) == cluster_id]
    return min(
        claims,
        key=lambda item: (
            item.status.cluster_id != cluster_id,
            item.status.state == ClusterState.CLUSTER_CLAIMED,
            item.meta.created_at,
            item.meta.uid,
        ),
        default=None,
    )


def standing(facts: ClusterFacts) -> Standing:
    """Return the state, the worst first: what blocks everything goes before what only holds."""
    cluster, pd = facts.cluster, facts.pd
    if facts.failure is not None or pd is None:
        reason = facts.failure.reason if facts.failure else ClusterState.PD_UNREACHABLE
        state = _STATES.get(reason, ClusterState.PD_UNREACHABLE)
        return Standing(state, facts.failure.message if facts.failure else "PD was not read yet")
    seen, pinned = str(pd.cluster_id), pinned_cluster_id(cluster)
    if pinned is not None and pinned != seen:
        return Standing(
            ClusterState.WRONG_CLUSTER,
            f"spec.pd.endpoints lead to PD cluster {seen}, but this TiKVCluster stands for "
            f"{pinned}: correct the endpoints, or set spec.pd.clusterId to {seen} if it moved",
        )
    owner = claimant(seen, (_with_id(cluster, seen), *facts.others))
    if owner is not None and owner.meta.uid != cluster.meta.uid:
        return Standing(
            ClusterState.CLUSTER_CLAIMED,
            f"PD cluster {seen} is already watched by TiKVCluster {owner.meta.key}: delete one",
        )
    if not facts.prepared:
        return Standing(
            ClusterState.PD_NOT_READY,
            "PD lists no schedulers yet, as after a leader change: waiting until it does",
        )
    if facts.missing_right is not None:
        return Standing(ClusterState.FORBIDDEN, facts.missing_right)
    if facts.gate_problem is not None:
        return Standing(ClusterState.GATE_NOT_INSTALLED, facts.gate_problem)
    if facts.halts:
        halt = facts.halts[0]
        return Standing(
            ClusterState.HALTED,
            f"Halt {halt.meta.name} stops every call: {halt.spec.reason}",
        )
    if cluster.spec.suspend:
        return Standing(ClusterState.SUSPENDED, "spec.suspend is true: no call starts here")
    return Standing(ClusterState.WATCHING, f"watching PD cluster {seen} ({pd.version})")


def _with_id(cluster: Cluster, seen: str) -> Cluster:
    if pinned_cluster_id(cluster) is not None:
        return cluster
    status = cluster.status.model_copy(update={"cluster_id": None})
    spec = cluster.spec.model_copy(
        update={"pd": cluster.spec.pd.model_copy(update={"cluster_id": seen})}
    )
    return Cluster(meta=cluster.meta, spec=spec, status=status)


def decide_cluster(facts: ClusterFacts) -> TiKVClusterStatus:
    """Return the whole status as it should stand; equal to the current one when nothing changed.

    While PD cannot be read, what was known before is kept.
    """
    cluster, where = facts.cluster, standing(facts)
    current = cluster.status
    known = facts.pd is not None and facts.failure is None
    ours = known and not where.foreign
    return TiKVClusterStatus(
        observed_generation=cluster.meta.generation,
        state=where.state,
        message=where.message,
        cluster_id=str(facts.pd.cluster_id) if ours and facts.pd else current.cluster_id,
        pd_version=facts.pd.version if ours and facts.pd else current.pd_version,
        epoch=max(facts.epoch, current.epoch or 0),
        gate=facts.gate_mark or current.gate,
        diagnoses=_diagnoses(facts) if ours and facts.prepared else current.diagnoses,
        conditions=_conditions(facts, where),
    )


def _diagnoses(facts: ClusterFacts) -> list[Diagnosis] | None:
    before = {(item.rule, item.target): item for item in facts.cluster.status.diagnoses or []}
    left_alone = []
    for problem in facts.problems:
        if problem.no_action is None:
            continue
        finding = problem.finding
        known = before.get((finding.rule, finding.target))
        left_alone.append(
            Diagnosis(
                rule=finding.rule,
                target=finding.target,
                message=problem.no_action,
                since=known.since if known else finding.seen_since,
            )
        )
    return left_alone or None


def _conditions(facts: ClusterFacts, where: Standing) -> list[Condition]:
    reached = where.state not in _UNREACHED
    stalled = where.foreign
    wanted = (
        (ConditionType.READY, not where.powerless, where.state, where.message),
        (ConditionType.STALLED, stalled, where.state, where.message if stalled else ""),
        (ConditionType.PD_REACHABLE, reached, where.state if not reached else "Answered", ""),
    )
    before = {item.type: item for item in facts.cluster.status.conditions or []}
    conditions = []
    for kind, holds, reason, message in wanted:
        status = "True" if holds else "False"
        known = before.get(kind)
        same = known is not None and known.status == status
        conditions.append(
            Condition(
                type=kind,
                status=status,
                reason=reason,
                message=message,
                last_transition_time=known.last_transition_time if known and same else facts.now,
                observed_generation=facts.cluster.meta.generation,
            )
        )
    return conditions
