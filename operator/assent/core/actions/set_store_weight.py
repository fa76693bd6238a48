"""SetStoreWeight: the share of leaders and of regions that balancing gives to one store."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import SetStoreWeight
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_store import StoreAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

LEADER_WEIGHT = "leaderWeight"
REGION_WEIGHT = "regionWeight"


class SetStoreWeightAction(StoreAction[SetStoreWeight]):
    """POST /store/{id}/weight (pd-api.md 1.3): PD wants both weights and stores both."""

    type = ActionType.SET_STORE_WEIGHT
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the weights show at once, and balancing follows them in its own time."""
    goal_required = False
    manual = Manual(
        endpoint="POST /pd/api/v1/store/{id}/weight",
        example=SetStoreWeight(store_id=4, leader_weight_percent=50, region_weight_percent=100),
        timeout_reason="PD has none: the weights show at once; actionTimeout rules",
        raised_by=(
            "High when a weight becomes 0: balancing takes from the store and gives nothing back",
        ),
        unchecked_by_pd=(
            "weight 0 on every store",
            "weight 0 empties a store slowly and never quite: DrainStore and EvictLeaders do",
        ),
    )

    def sentence(self, params: SetStoreWeight) -> str:
        """Return what it does in one line."""
        leader, region = _weights(params)
        return (
            f"set the weights of store {params.store_id} to {leader:g} for leaders "
            f"and {region:g} for regions"
        )

    def pd_ctl(self, params: SetStoreWeight) -> str:
        """Return the equivalent pd-ctl line."""
        leader, region = _weights(params)
        return f"pd-ctl store weight {params.store_id} {leader:g} {region:g}"

    def risk(self, params: SetStoreWeight, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when a weight becomes 0."""
        factors = ["balancing moves leaders and data until the shares fit the weights"]
        if 0 in _weights(params):
            return Risk(
                tier=Tier.HIGH,
                factors=[
                    *factors,
                    "at a weight of 0 balancing takes from the store and gives nothing back",
                ],
            )
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: SetStoreWeight, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the store is known, and whether another takes what it no longer wants."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("StoreKnown", _store_known(params.store_id, snapshot)),
            Check("OthersTakeOver", _others_take_over(params, snapshot)),
        )

    def already_done(self, params: SetStoreWeight, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD shows exactly these weights."""
        store = snapshot.store(params.store_id)
        return store is not None and (store.leader_weight, store.region_weight) == _weights(params)

    def call(self, params: SetStoreWeight) -> PdCall:
        """Return the one call to PD."""
        return _set(params.store_id, *_weights(params))

    def before(self, params: SetStoreWeight, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return both weights as exact text, nothing when PD lists no such store."""
        store = snapshot.store(params.store_id)
        if store is None:
            return ()
        return (
            Fact(name=LEADER_WEIGHT, value=repr(float(store.leader_weight))),
            Fact(name=REGION_WEIGHT, value=repr(float(store.region_weight))),
        )

    def verify(
        self, params: SetStoreWeight, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD shows both weights; what balancing makes of them is its own."""
        after = self.before(params, snapshot)
        shown = ", ".join(f"{fact.name} {fact.value}" for fact in after) or "not shown"
        if self.already_done(params, snapshot):
            return Verification(Progress.SETTLED, f"store {params.store_id} has {shown}", after)
        message = f"the weights of store {params.store_id} are still {shown}"
        return Verification(Progress.NOT_SEEN, message, after)

    def unchanged(
        self, params: SetStoreWeight, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows exactly the captured weights."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: SetStoreWeight, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that sets both captured weights again; None without them."""
        known = {fact.name: float(fact.value) for fact in before}
        if known.keys() != {LEADER_WEIGHT, REGION_WEIGHT}:
            return None
        return _set(params.store_id, known[LEADER_WEIGHT], known[REGION_WEIGHT])


def _weights(params: SetStoreWeight) -> tuple[float, float]:
    return params.leader_weight_percent / 100, params.region_weight_percent / 100


def _set(store_id: int, leader: float, region: float) -> PdCall:
    return PdCall(
        "POST", f"/pd/api/v1/store/{store_id}/weight", {"leader": leader, "region": region}
    )


def _store_known(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None:
        return Deny("StoreUnknown", f"PD lists no store {store_id}")
    if store.state is StoreState.OFFLINE:
        return Warn(f"store {store_id} is being removed: weights change nothing there")
    return Allow(f"store {store_id} at {store.address}")


def _others_take_over(params: SetStoreWeight, snapshot: ClusterSnapshot) -> Verdict:
    others = [store for store in snapshot.stores if store.id != params.store_id and _takes(store)]
    leader, region = _weights(params)
    if leader == 0 and not any(
        store.leader_weight > 0 and checks.can_lead(store, snapshot) for store in others
    ):
        return Hold("NoPlaceForLeaders", "no other healthy store wants leaders")
    if region == 0 and not any(store.region_weight > 0 for store in others):
        return Hold("NoPlaceForRegions", "no other healthy store wants regions")
    return Allow("other stores take what balancing moves away")


def _takes(store: Store) -> bool:
    return store.is_healthy and not store.is_tiflash
