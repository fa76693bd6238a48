"""CancelDrain: a store that is being removed stays, with a remove-peer limit as before."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import CancelDrain
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, removal
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_store import StoreAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Store
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn


class CancelDrainAction(StoreAction[CancelDrain]):
    """POST /store/{id}/state?state=Up (pd-api.md 1.2). PD then sets both limits to what its leader
    remembers of them, and leaves them when its leader has changed since (P28): what is then wrong
    is set right by a second call.
    """

    type = ActionType.CANCEL_DRAIN
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the state shows at once."""
    goal_required = False
    """A limit that is not as it should be is no reason to remove the store after all."""
    ends = frozenset({ActionType.DRAIN_STORE})
    manual = Manual(
        endpoint="POST /pd/api/v1/store/{id}/state?state=Up, then POST /pd/api/v1/store/{id}/limit",
        example=CancelDrain(store_id=4, remove_peer_per_minute=15),
        timeout_reason="PD has none: the state shows at once; actionTimeout rules",
        unchecked_by_pd=(
            "on a Down store it answers 200 and does nothing (P12)",
            "after a change of its leader the remove-peer limit stays unlimited (P28)",
            "an add-peer limit that was changed meanwhile is set back with it",
        ),
    )

    def sentence(self, params: CancelDrain) -> str:
        """Return what it does in one line."""
        rate = params.remove_peer_per_minute
        limit = "" if rate is None else f", with a remove-peer limit of {rate} a minute"
        return f"stop the removal of store {params.store_id}{limit}"

    def pd_ctl(self, params: CancelDrain) -> str:
        """Return the equivalent pd-ctl lines; the second where the limit is not as it should be."""
        rate = params.remove_peer_per_minute or f"{removal.DEFAULT_PER_MINUTE:g}"
        return (
            f"pd-ctl store cancel-delete {params.store_id}; "
            f"pd-ctl store limit {params.store_id} {rate} remove-peer"
        )

    def risk(self, params: CancelDrain, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium, always: balancing may bring data back to the store."""
        return Risk(tier=self.base_tier, factors=["balancing gives data back to the store"])

    def preconditions(self, params: CancelDrain, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether there is a way back for the store, and whether its limit is shown."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("StoreCanStay", _can_stay(params.store_id, snapshot)),
            Check("LimitShown", _limit_shown(params.store_id, snapshot)),
        )

    def already_done(self, params: CancelDrain, snapshot: ClusterSnapshot) -> bool:
        """Return True when nothing removes the store; also when it is Down, where PD would answer
        200 and do nothing (P12).
        """
        store = snapshot.store(params.store_id)
        return store is not None and not removal.is_leaving(store)

    def call(self, params: CancelDrain) -> PdCall:
        """Return the first call to PD."""
        return removal.cancel(params.store_id)

    def follow_up(
        self, params: CancelDrain, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return the call that sets a limit right, once the store stays: remove-peer to what was
        asked for, add-peer to what it was before the call.
        """
        store = snapshot.store(params.store_id)
        if store is None or removal.is_leaving(store):
            return None
        rate = _wanted(params, store)
        if rate is not None and store.remove_peer_limit_per_minute != rate:
            return removal.limit(store.id, "remove-peer", rate)
        return removal.add_limit_due(before, store)

    def before(self, params: CancelDrain, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the state, and both limits: PD sets both."""
        return removal.facts(params.store_id, snapshot)

    def verify(
        self, params: CancelDrain, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SEEN once the store stays, SETTLED once its limits are right as well."""
        after = removal.facts(params.store_id, snapshot)
        store = snapshot.store(params.store_id)
        if store is None:
            message = f"PD lists no store {params.store_id}: it was removed"
            return Verification(Progress.NOT_SEEN, message, after)
        if removal.is_leaving(store):
            message = f"store {params.store_id} is still being removed"
            return Verification(Progress.NOT_SEEN, message, after)
        shown = f"store {store.id} is {store.state} and stays"
        if (call := self.follow_up(params, before, snapshot)) is not None:
            return Verification(Progress.SEEN, f"{shown}; still to do: {call.line}", after)
        rate = store.remove_peer_limit_per_minute
        limit = "" if rate is None else f"; its remove-peer limit is {rate:g} a minute"
        return Verification(Progress.SETTLED, shown + limit, after)

    def unchanged(
        self, params: CancelDrain, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the store is being removed under the limits that were captured."""
        store = snapshot.store(params.store_id)
        if store is None or not removal.was_leaving(before):
            return False
        return removal.is_leaving(store) and _limits_due(before, store) is None

    def inverse(self, params: CancelDrain, before: Sequence[Fact]) -> PdCall | None:
        """Return the removal again, None when nothing removed the store before."""
        return removal.drain(params.store_id) if removal.was_leaving(before) else None

    def inverse_follow_up(
        self, params: CancelDrain, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return the call that restores a limit, once the store is being removed again: PD sets
        remove-peer to unlimited, whatever it was before (P28).
        """
        store = snapshot.store(params.store_id)
        if store is None or not removal.is_leaving(store):
            return None
        return _limits_due(before, store)


def _limits_due(before: Sequence[Fact], store: Store) -> PdCall | None:
    return removal.remove_limit_due(before, store) or removal.add_limit_due(before, store)


def _wanted(params: CancelDrain, store: Store) -> float | None:
    """Return what the remove-peer limit shall be, None when it shall be as PD has set it."""
    if params.remove_peer_per_minute is not None:
        return float(params.remove_peer_per_minute)
    shown = store.remove_peer_limit_per_minute
    if shown is None or shown < removal.UNLIMITED_PER_MINUTE:
        return None
    return removal.TIFLASH_PER_MINUTE if store.is_tiflash else removal.DEFAULT_PER_MINUTE


def _can_stay(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None:
        message = f"PD lists no store {store_id}: a tombstone does not come back"
        return Deny("StoreUnknown", message)
    if store.physically_destroyed:
        message = f"the removal of store {store_id} was forced: there is no way back (P27)"
        return Deny("StoreDestroyed", message)
    if not removal.is_leaving(store):
        return Warn(f"store {store_id} is {store.state}: it is not being removed (P12)")
    return Allow(f"store {store_id} is being removed and can stay")


def _limit_shown(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None or store.remove_peer_limit_per_minute is None:
        message = f"PD shows no remove-peer limit of store {store_id}"
        return Hold("LimitUnknown", message)
    return Allow("PD shows the remove-peer limit")
