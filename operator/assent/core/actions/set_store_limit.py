"""SetStoreLimit: how many peers a minute PD may add to, or remove from, one store."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import SetStoreLimit, StoreLimitKind
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
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

LARGE_FACTOR = 10
"""A new rate more than this many times the old one, or less than one part of it, is High: too
high saturates disks, too low stops repair (pd-api.md 1.3)."""

_WIRE = {StoreLimitKind.ADD_PEER: "add-peer", StoreLimitKind.REMOVE_PEER: "remove-peer"}
_FACT = {
    StoreLimitKind.ADD_PEER: "addPeerLimitPerMinute",
    StoreLimitKind.REMOVE_PEER: "removePeerLimitPerMinute",
}


class SetStoreLimitAction(StoreAction[SetStoreLimit]):
    """POST /store/{id}/limit (pd-api.md 1.3), without a TTL: with one PD drops errors and shows
    the value nowhere (P11).
    """

    type = ActionType.SET_STORE_LIMIT
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the value shows at once."""
    goal_required = False

    manual = Manual(
        endpoint="POST /pd/api/v1/store/{id}/limit",
        example=SetStoreLimit(store_id=4, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30),
        timeout_reason="PD has none: the value shows at once; actionTimeout rules",
        raised_by=("High when the rate changes by more than a factor of ten",),
        unchecked_by_pd=("too high saturates disks, too low stops repair",),
    )

    def sentence(self, params: SetStoreLimit) -> str:
        """Return what it does in one line."""
        return (
            f"set the {_WIRE[params.kind]} limit of store {params.store_id} "
            f"to {params.rate_per_minute} a minute"
        )

    def pd_ctl(self, params: SetStoreLimit) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl store limit {params.store_id} {params.rate_per_minute} {_WIRE[params.kind]}"

    def risk(self, params: SetStoreLimit, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when the rate changes by more than a factor of ten, or when the
        old one is not known.
        """
        old, new = _limit(params, snapshot), params.rate_per_minute
        if old is None:
            return Risk(tier=Tier.HIGH, factors=["the limit that is set now is not known"])
        change = f"the limit changes from {old:g} to {new} a minute"
        if new > old * LARGE_FACTOR or new * LARGE_FACTOR < old:
            return Risk(
                tier=Tier.HIGH, factors=[f"{change}, by more than a factor of {LARGE_FACTOR}"]
            )
        return Risk(tier=self.base_tier, factors=[change])

    def preconditions(self, params: SetStoreLimit, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the store and its present limit are known: without it no way back."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("StoreKnown", _store_known(params, snapshot)),
            Check("LimitShown", _limit_shown(params, snapshot)),
        )

    def already_done(self, params: SetStoreLimit, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD shows exactly this rate."""
        return _limit(params, snapshot) == params.rate_per_minute

    def call(self, params: SetStoreLimit) -> PdCall:
        """Return the one call to PD."""
        return _set(params, params.rate_per_minute)

    def before(self, params: SetStoreLimit, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the limit as exact text, nothing when PD shows none."""
        limit = _limit(params, snapshot)
        if limit is None:
            return ()
        return (Fact(name=_FACT[params.kind], value=repr(float(limit))),)

    def verify(
        self, params: SetStoreLimit, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD shows the rate."""
        after = self.before(params, snapshot)
        name = f"the {_WIRE[params.kind]} limit of store {params.store_id}"
        if self.already_done(params, snapshot):
            message = f"{name} is {params.rate_per_minute} a minute"
            return Verification(Progress.SETTLED, message, after)
        shown = after[0].value if after else "not shown"
        return Verification(Progress.NOT_SEEN, f"{name} is still {shown}", after)

    def unchanged(
        self, params: SetStoreLimit, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows exactly the captured limit."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: SetStoreLimit, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that sets the captured limit again, exactly; None without one."""
        value = next((fact.value for fact in before if fact.name == _FACT[params.kind]), None)
        return None if value is None else _set(params, float(value))


def _set(params: SetStoreLimit, rate: float) -> PdCall:
    body: dict[str, str | int | float] = {"rate": rate, "type": _WIRE[params.kind]}
    return PdCall("POST", f"/pd/api/v1/store/{params.store_id}/limit", body)


def _limit(params: SetStoreLimit, snapshot: ClusterSnapshot) -> float | None:
    store = snapshot.store(params.store_id)
    if store is None:
        return None
    if params.kind is StoreLimitKind.ADD_PEER:
        return store.add_peer_limit_per_minute
    return store.remove_peer_limit_per_minute


def _store_known(params: SetStoreLimit, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(params.store_id)
    if store is None:
        return Deny("StoreUnknown", f"PD lists no store {params.store_id}")
    if store.state is StoreState.OFFLINE:
        return Warn(
            f"store {store.id} is being removed: PD has lifted its remove-peer limit for that (P28)"
        )
    return Allow(f"store {store.id} at {store.address}")


def _limit_shown(params: SetStoreLimit, snapshot: ClusterSnapshot) -> Verdict:
    if _limit(params, snapshot) is None:
        message = f"PD shows no {_WIRE[params.kind]} limit of store {params.store_id}"
        return Hold("LimitUnknown", message)
    return Allow(f"PD shows the {_WIRE[params.kind]} limit")
