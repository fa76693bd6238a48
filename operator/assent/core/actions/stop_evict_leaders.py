"""StopEvictLeaders: one store's eviction ends, so that leaders may return to it."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import StopEvictLeaders
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, eviction
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_store import StoreAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Verdict, Warn


class StopEvictLeadersAction(StoreAction[StopEvictLeaders]):
    """DELETE of one store in the eviction's own configuration (pd-api.md 1.6, P29)."""

    type = ActionType.STOP_EVICT_LEADERS
    base_tier = Tier.LOW
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: balancing gives leaders back in its own time."""
    ends = frozenset({ActionType.EVICT_LEADERS})
    goal_required = False
    """The eviction's end is the action; that leaders return is PD's work."""

    manual = Manual(
        endpoint="DELETE /pd/api/v1/scheduler-config/evict-leader-scheduler/delete/{id}",
        example=StopEvictLeaders(store_id=4),
        timeout_reason="PD has none: leaders return in their own time; actionTimeout rules",
        unchecked_by_pd=("whether anything would bring leaders back",),
    )

    def sentence(self, params: StopEvictLeaders) -> str:
        """Return what it does in one line."""
        return f"stop evicting leaders from store {params.store_id}"

    def pd_ctl(self, params: StopEvictLeaders) -> str:
        """Return the equivalent pd-ctl line, for this store only."""
        return f"pd-ctl scheduler config evict-leader-scheduler delete-store {params.store_id}"

    def risk(self, params: StopEvictLeaders, snapshot: ClusterSnapshot) -> Risk:
        """Return Low, always: PD's balancing gives leaders back slowly and stops by itself."""
        return Risk(tier=self.base_tier, factors=["leaders return to the store by PD's balancing"])

    def preconditions(self, params: StopEvictLeaders, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether PD's picture is to be believed; what keeps leaders away is a warning."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("StoreEvicted", _evicted(params, snapshot)),
            Check("LeadersReturn", _leaders_return(params.store_id, snapshot)),
        )

    def already_done(self, params: StopEvictLeaders, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD, prepared, does not list the store; unprepared it lists none."""
        return snapshot.prepared and params.store_id not in snapshot.evicted_store_ids

    def call(self, params: StopEvictLeaders) -> PdCall:
        """Return the one call to PD."""
        return eviction.stop(params.store_id)

    def before(self, params: StopEvictLeaders, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return whether it was evicted, and its leaders for the record."""
        return eviction.facts(params.store_id, snapshot)

    def verify(
        self, params: StopEvictLeaders, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SEEN once a prepared PD no longer lists the store; SETTLED once leaders are
        back, or when nothing would bring them back.
        """
        after = eviction.facts(params.store_id, snapshot)
        if not self.already_done(params, snapshot):
            message = (
                f"PD still evicts leaders from store {params.store_id}"
                if snapshot.prepared
                else "PD is not prepared: it shows no eviction, of whatever store (P15)"
            )
            return Verification(Progress.NOT_SEEN, message, after)
        store = snapshot.store(params.store_id)
        if store is not None and store.leader_count > 0:
            message = f"leaders are back on store {params.store_id}"
            return Verification(Progress.SETTLED, message, after)
        obstacle = _obstacle(params.store_id, snapshot)
        if obstacle is not None:
            message = f"the eviction has ended; no leader returns by itself: {obstacle}"
            return Verification(Progress.SETTLED, message, after)
        message = f"the eviction has ended; no leader is back on store {params.store_id} yet"
        return Verification(Progress.SEEN, message, after)

    def unchanged(
        self, params: StopEvictLeaders, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows the eviction as it was."""
        return eviction.unchanged(params.store_id, before, snapshot)

    def inverse(self, params: StopEvictLeaders, before: Sequence[Fact]) -> PdCall | None:
        """Return the eviction of this store again; None when it was not evicted before.

        Like every start of an eviction it must wait until PD is prepared (P31).
        """
        return eviction.start(params.store_id) if eviction.was_evicted(before) else None


def _evicted(params: StopEvictLeaders, snapshot: ClusterSnapshot) -> Verdict:
    if params.store_id in snapshot.evicted_store_ids:
        return Allow(f"PD evicts leaders from store {params.store_id}")
    return Warn(f"PD does not evict leaders from store {params.store_id}: nothing to stop")


def _leaders_return(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    obstacle = _obstacle(store_id, snapshot)
    if obstacle is not None:
        return Warn(f"leaders do not return by themselves: {obstacle}")
    return Allow("PD's balancing gives leaders back")


def _obstacle(store_id: int, snapshot: ClusterSnapshot) -> str | None:
    """Return what keeps PD's balancing from giving leaders to the store, None when nothing."""
    store = snapshot.store(store_id)
    if store is None:
        return f"PD lists no store {store_id}"
    if store.is_tiflash:
        return f"store {store_id} is TiFlash, which never leads"
    if not store.is_healthy:
        return f"store {store_id} is {store.state} or sends no heartbeat"
    if snapshot.schedule.leader_schedule_limit == 0:
        return "leader-schedule-limit is 0 (P30)"
    if snapshot.schedule.halt_scheduling:
        return "halt-scheduling is true"
    if checks.BALANCE_LEADER not in snapshot.schedulers:
        return f"{checks.BALANCE_LEADER} is not running"
    return None
