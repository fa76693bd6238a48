"""LeaderImbalance: leaders pile up on a healthy store although PD should have spread them.

Judged twice. Among the stores that may lead: then PD's balancing is off, hindered or mistaken, and
one region's leader is proposed to move. Only among all healthy stores, the evicted ones too: then
the evictions are the cause, and it is cured where they end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import Action, action
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.tikvcluster import LeaderImbalanceRule
from assent.core.detection.finding import Memory, Observed, Sighting
from assent.core.detection.leftover_eviction import RULE as LEFTOVER_EVICTION
from assent.core.detection.suspicion import Severity, Suspicion, fact
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region, Store

RULE = "LeaderImbalance"

BALANCE_LEADER = "balance-leader-scheduler"
GRANT_LEADER = "grant-leader-scheduler"

EVICTED = "evicted"
"""The clock while evictions explain it: once they end, PD's balancing has the whole time again."""

OWNED = "tidb-operator"
"""The clock while TiDB Operator moves leaders itself, for the same reason."""


@dataclass(frozen=True, slots=True)
class _Share:
    """A store's leaders beside its fair share by weight."""

    leaders: int
    fair: float

    def exceeds(self, percent: int, minimum_leaders: int) -> bool:
        return self.leaders - self.fair >= minimum_leaders and self.leaders * 100 >= self.fair * (
            100 + percent
        )


def detect(
    observed: Observed, rule: LeaderImbalanceRule, memory: Memory, now: datetime
) -> tuple[Suspicion, ...]:
    """Return one suspicion for every store that may lead and has far too many leaders."""
    snapshot = observed.snapshot
    healthy = [store for store in snapshot.stores if store.is_healthy and not store.is_tiflash]
    able = [store for store in healthy if store.id not in snapshot.evicted_store_ids]
    evicted = [store.id for store in healthy if store.id in snapshot.evicted_store_ids]
    found = []
    for store in able:
        sighting = memory.sightings.get(f"{RULE}/store/{store.id}")
        was_explained = sighting is not None and sighting.clock == EVICTED
        genuine = _percent(rule, None if was_explained else sighting)
        explained = _percent(rule, sighting if was_explained else None)
        among_able = _share(store, able)
        among_healthy = _share(store, healthy)
        if among_able.exceeds(genuine, rule.minimum_leaders):
            found.append(_genuine(store, among_able, able, observed, rule, sighting))
        elif evicted and among_healthy.exceeds(explained, rule.minimum_leaders):
            found.append(_explained(store, among_healthy, evicted, rule))
    return tuple(found)


def _percent(rule: LeaderImbalanceRule, sighting: Sighting | None) -> int:
    """Return the threshold: lower once it is reported, so that it does not come and go.

    Only for the kind that was reported: were it lower for both, an explained imbalance would turn
    into a genuine one by being reported, and back.
    """
    if sighting is not None and sighting.reported:
        return min(rule.clear_percent, rule.above_mean_percent)
    return rule.above_mean_percent


def _share(store: Store, among: Sequence[Store]) -> _Share:
    total = sum(other.leader_count for other in among)
    weights = sum(other.leader_weight for other in among)
    fair = total * store.leader_weight / weights if weights > 0 else total / len(among)
    return _Share(store.leader_count, fair)


def _explained(
    store: Store, share: _Share, evicted: Sequence[int], rule: LeaderImbalanceRule
) -> Suspicion:
    stores = ", ".join(str(store_id) for store_id in sorted(evicted))
    return Suspicion(
        rule=RULE,
        target=f"store/{store.id}",
        severity=Severity.INFO,
        diagnosis=f"Store {store.id} carries leaders of the evicted store {stores}.",
        evidence=_evidence(share),
        material=("evicted", stores),
        confidence=90,
        must_last_seconds=parse_duration_seconds(rule.lasting),
        clock=EVICTED,
        no_action=(
            f"No action, because leaders are evicted from store {stores}: "
            "the imbalance is cured where the eviction ends."
        ),
        explained_by=f"{LEFTOVER_EVICTION}/store/{min(evicted)}",
    )


def _genuine(
    store: Store,
    share: _Share,
    able: Sequence[Store],
    observed: Observed,
    rule: LeaderImbalanceRule,
    sighting: Sighting | None,
) -> Suspicion:
    snapshot = observed.snapshot
    cause = _cause(snapshot)
    cure = _cure(store, able, snapshot, sighting)
    obstacle = _obstacle(observed)
    if obstacle is None and cure is None:
        obstacle = f"no region is known whose leader could leave store {store.id}: {cause}"
    return Suspicion(
        rule=RULE,
        target=f"store/{store.id}",
        severity=Severity.WARNING,
        diagnosis=f"Leaders pile up on store {store.id}: {cause}.",
        evidence=_evidence(share),
        material=("cause", cause),
        confidence=40 if cause == _BALANCING else 70,
        must_last_seconds=parse_duration_seconds(rule.lasting),
        clock=OWNED if _is_busy(observed) else "",
        action=cure if obstacle is None else None,
        no_action=f"No action, because {obstacle}." if obstacle is not None else None,
    )


_BALANCING = (
    f"PD lists {BALANCE_LEADER} and yet leaves it so: it may be paused, or placement rules bind "
    "the leaders, and PD may undo a transfer"
)


def _cause(snapshot: ClusterSnapshot) -> str:
    """Return why PD does not spread the leaders, with the lasting cure where it is known."""
    if snapshot.schedule.halt_scheduling:
        return "halt-scheduling is true (pd-ctl config set halt-scheduling false)"
    if snapshot.schedule.leader_schedule_limit == 0:
        return "leader-schedule-limit is 0 (pd-ctl config set leader-schedule-limit 4)"
    if BALANCE_LEADER not in snapshot.schedulers:
        return f"PD runs no {BALANCE_LEADER} (pd-ctl scheduler add {BALANCE_LEADER})"
    return _BALANCING


def _obstacle(observed: Observed) -> str | None:
    """Return why nothing is done whatever region there is, None when nothing hinders."""
    if GRANT_LEADER in observed.snapshot.schedulers:
        return f"{GRANT_LEADER} gathers leaders on purpose"
    if observed.snapshot.schedule.scheduler_max_waiting_operator == 0:
        return "scheduler-max-waiting-operator is 0: PD refuses every operator"
    operator = observed.tidb_operator
    if operator is None:
        return None
    name = f"{operator.kind} {operator.name}"
    if not operator.readable:
        return f"{name} cannot be read: TiDB Operator may be moving leaders itself"
    if operator.busy_with is not None:
        return f"TiDB Operator is busy with {name} ({operator.busy_with}) and moves leaders itself"
    return None


def _is_busy(observed: Observed) -> bool:
    operator = observed.tidb_operator
    return operator is not None and operator.busy_with is not None


def _cure(
    store: Store, able: Sequence[Store], snapshot: ClusterSnapshot, sighting: Sighting | None
) -> Action | None:
    """Return the transfer of one sampled region to the store with the fewest leaders.

    The one chosen before is kept while it is still good: otherwise every cycle would propose
    another region.
    """
    chosen = sighting.action.transfer_leader if sighting and sighting.action else None
    places = {
        other.id: (other.leader_count - _share(other, able).fair, other.id)
        for other in able
        if other.leader_count < _share(other, able).fair
    }
    moves = [
        TransferLeader(region_id=region.id, to_store_id=place)
        for region in sorted(snapshot.sample, key=lambda region: region.id)
        if region.leader_store_id == store.id and _may_move(region, snapshot)
        for place in places
        if _may_lead(region, place)
    ]
    if chosen in moves and chosen is not None:
        return action(chosen)
    best = min(moves, key=lambda move: (places[move.to_store_id], move.region_id), default=None)
    return None if best is None else action(best)


def _may_move(region: Region, snapshot: ClusterSnapshot) -> bool:
    return not region.in_joint_state and region.id not in snapshot.running_operators


def _may_lead(region: Region, store_id: int) -> bool:
    peer = region.peer_on(store_id)
    return (
        peer is not None
        and peer.role is PeerRole.VOTER
        and store_id not in region.down_store_ids | region.pending_store_ids
    )


def _evidence(share: _Share) -> tuple[Fact, ...]:
    return (fact("leaders", share.leaders), fact("fairShare", round(share.fair)))
