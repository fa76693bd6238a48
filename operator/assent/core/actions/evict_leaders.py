"""EvictLeaders: all leaders leave one store, and stay away until the eviction is stopped."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import EvictLeaders
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
from assent.core.model.verdict import Allow, Check, Hold, Verdict, Warn

LARGE_SHARE_PERCENT = 40
"""A store with more than this share of all leaders makes the eviction High: in a cluster of
three, where each has a third, it means that leaders already pile up there."""


class EvictLeadersAction(StoreAction[EvictLeaders]):
    """POST /schedulers evict-leader-scheduler (pd-api.md 1.6). PD adds the store to a set; asking
    for a store that is in it is a 200 without effect.
    """

    type = ActionType.EVICT_LEADERS
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: it goes on until the store is empty. The policy's timeout rules."""
    goal_required = True
    """A store that keeps leaders is not ready for what it was evicted for."""

    manual = Manual(
        endpoint="POST /pd/api/v1/schedulers (evict-leader-scheduler)",
        example=EvictLeaders(store_id=4),
        timeout_reason="PD has none: it goes on until the store is empty; actionTimeout rules",
        raised_by=(
            "High when another store is evicted too",
            "High when the store holds more than 40 % of all leaders",
        ),
        unchecked_by_pd=(
            "evicting every store of the cluster",
            "a start before PD is prepared overwrites the stored set (P31)",
            "leader-schedule-limit 0: it never progresses (P30)",
        ),
    )

    def sentence(self, params: EvictLeaders) -> str:
        """Return what it does in one line."""
        return f"evict all leaders from store {params.store_id}"

    def pd_ctl(self, params: EvictLeaders) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl scheduler add evict-leader-scheduler {params.store_id}"

    def risk(self, params: EvictLeaders, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when another store is evicted too, or when this one holds more than
        40 % of all leaders. The sentences carry no counts, which would change every minute.
        """
        factors = ["the other stores carry this store's leaders until the eviction is stopped"]
        tier = self.base_tier
        others = sorted(snapshot.evicted_store_ids - {params.store_id})
        if others:
            tier = Tier.HIGH
            factors.append(f"leaders are already evicted from store {_listed(others)}")
        if _holds_large_share(params.store_id, snapshot):
            tier = Tier.HIGH
            factors.append(f"the store holds more than {LARGE_SHARE_PERCENT} % of all leaders")
        return Risk(tier=tier, factors=factors)

    def preconditions(self, params: EvictLeaders, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether it can progress, and whether the leaders have a place to go."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            checks.store_up(params.store_id, snapshot),
            checks.holds_leaders(params.store_id, snapshot),
            checks.leaders_may_move(snapshot),
            Check("LeadersHaveAPlace", _place_for_leaders(params.store_id, snapshot)),
        )

    def already_done(self, params: EvictLeaders, snapshot: ClusterSnapshot) -> bool:
        """Return True when the store is in the eviction."""
        return params.store_id in snapshot.evicted_store_ids

    def call(self, params: EvictLeaders) -> PdCall:
        """Return the one call to PD."""
        return eviction.start(params.store_id)

    def before(self, params: EvictLeaders, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return whether it was evicted, and its leaders for the record."""
        return eviction.facts(params.store_id, snapshot)

    def verify(
        self, params: EvictLeaders, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SEEN once PD lists the store, SETTLED once it has no leader left."""
        after = eviction.facts(params.store_id, snapshot)
        if params.store_id not in snapshot.evicted_store_ids:
            message = f"PD does not list store {params.store_id} as evicted"
            return Verification(Progress.NOT_SEEN, message, after)
        store = snapshot.store(params.store_id)
        if store is not None and store.leader_count > 0:
            message = f"store {params.store_id} still leads {store.leader_count} regions"
            return Verification(Progress.SEEN, message, after)
        return Verification(Progress.SETTLED, f"store {params.store_id} leads nothing", after)

    def unchanged(
        self, params: EvictLeaders, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows the eviction as it was."""
        return eviction.unchanged(params.store_id, before, snapshot)

    def inverse(self, params: EvictLeaders, before: Sequence[Fact]) -> PdCall | None:
        """Return the end of this store's eviction; None when it was evicted before."""
        return eviction.stop(params.store_id) if eviction.was_evicted(before) is False else None


def _listed(store_ids: Sequence[int]) -> str:
    return ", ".join(str(store_id) for store_id in store_ids)


def _holds_large_share(store_id: int, snapshot: ClusterSnapshot) -> bool:
    total = sum(store.leader_count for store in snapshot.stores)
    store = snapshot.store(store_id)
    if store is None:
        return False
    return store.leader_count * 100 > total * LARGE_SHARE_PERCENT


def _place_for_leaders(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    places = [
        store.id
        for store in snapshot.stores
        if store.id != store_id and checks.can_lead(store, snapshot)
    ]
    if not places:
        return Hold("NoPlaceForLeaders", "no other healthy store may take leaders")
    if len(places) == 1:
        return Warn(f"only store {places[0]} may take the leaders")
    return Allow(f"stores {_listed(places)} may take the leaders")
