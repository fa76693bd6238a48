"""ForceRemoveStore: the data of a dead store is declared lost, and PD stops waiting for it."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.parameters.store import ForceRemoveStore
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, removal, room
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_store import StoreAction
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict

DESTROYED = "physicallyDestroyed"


class ForceRemoveStoreAction(StoreAction[ForceRemoveStore]):
    """DELETE /store/{id}?force (pd-api.md 1.2): the one call of Assent with that word (P27, P52).
    PD then counts no replicas, never takes the store back, and lets another have its address.
    """

    type = ActionType.FORCE_REMOVE_STORE
    base_tier = Tier.CRITICAL
    reversibility = Reversibility.NOT
    idempotency = Idempotency.NEVER_REPEAT
    """PD answers a repeat with 200; a Critical call is never sent twice all the same."""
    timeout_seconds = removal.WAIT_SECONDS
    goal_required = True
    waits = True
    readings = frozenset({Reading.REPLICATION, Reading.TOMBSTONES, Reading.REMOVALS})
    manual = Manual(
        endpoint="DELETE /pd/api/v1/store/{id}?force",
        example=ForceRemoveStore(store_id=4),
        timeout_reason="its data is copied from the other replicas, as slowly as by DrainStore",
        unchecked_by_pd=(
            "whether the store is dead: a healthy one is forced as well",
            "whether a majority of its regions is elsewhere",
            "`?force=false` forces, too (P27)",
            "its process, started again, would run with an id that is no longer its own",
        ),
    )

    def sentence(self, params: ForceRemoveStore) -> str:
        """Return what it does in one line."""
        return f"declare the data of store {params.store_id} lost for good, and remove the store"

    def pd_ctl(self, params: ForceRemoveStore) -> str:
        """Return the equivalent curl line: pd-ctl has no word for it."""
        return f"curl -X DELETE $PD/pd/api/v1/store/{params.store_id}?force"

    def risk(self, params: ForceRemoveStore, snapshot: ClusterSnapshot) -> Risk:
        """Return Critical, always."""
        factors = [
            "cannot be undone: PD never takes the store back",
            "a region with no majority elsewhere loses its data",
        ]
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: ForceRemoveStore, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the store is dead, and whether its data is elsewhere."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        store_id = params.store_id
        return (
            checks.prepared(),
            Check("StoreDead", _dead(store_id, snapshot)),
            room.alone(store_id, snapshot),
            room.replicas_fit(store_id, snapshot),
            room.quorum_elsewhere(store_id, snapshot),
        )

    def already_done(self, params: ForceRemoveStore, snapshot: ClusterSnapshot) -> bool:
        """Return True when the removal was forced before, or the store is a tombstone."""
        store = snapshot.store(params.store_id)
        if store is None:
            return removal.tombstone(params.store_id, snapshot) is not None
        return store.physically_destroyed

    def call(self, params: ForceRemoveStore) -> PdCall:
        """Return the one call to PD."""
        return removal.force(params.store_id)

    def before(self, params: ForceRemoveStore, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the store's state, regions and limits, and whether it was forced before."""
        found = removal.facts(params.store_id, snapshot)
        store = snapshot.store(params.store_id)
        if store is None:
            return found
        return (*found, Fact(name=DESTROYED, value=_word(given=store.physically_destroyed)))

    def verify(
        self, params: ForceRemoveStore, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SEEN once PD shows the store destroyed, SETTLED once it is a tombstone."""
        after = self.before(params, snapshot)
        store = snapshot.store(params.store_id)
        if store is None:
            message = f"store {params.store_id} is a tombstone"
            return Verification(Progress.SETTLED, message, after)
        if not store.physically_destroyed:
            message = f"store {store.id} is {store.state}, and PD does not count its data as lost"
            return Verification(Progress.NOT_SEEN, message, after)
        message = (
            f"PD counts the data of store {store.id} as lost; {store.region_count} regions still "
            "have a peer there"
        )
        return Verification(Progress.SEEN, message, after)

    def unchanged(
        self, params: ForceRemoveStore, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the store is listed and was never forced."""
        store = snapshot.store(params.store_id)
        if store is None or removal.captured(DESTROYED, before) != _word(given=False):
            return False
        return not store.physically_destroyed

    def inverse(self, params: ForceRemoveStore, before: Sequence[Fact]) -> PdCall | None:
        """Return None: there is no way back."""
        return None


def _word(*, given: bool) -> str:
    return "true" if given else "false"


def _dead(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None:
        return Deny("StoreUnknown", f"PD lists no store {store_id}")
    if store.state is StoreState.UP:
        return Deny("StoreAlive", f"store {store_id} is Up: drain it instead")
    limit = _down_seconds(snapshot.settings.get("max-store-down-time"))
    if limit is None or store.last_heartbeat is None:
        message = f"PD does not show since when store {store_id} is silent, or how long counts"
        return Hold("SilenceUnknown", message)
    silent = int((snapshot.taken_at - store.last_heartbeat).total_seconds())
    if silent < limit:
        message = (
            f"store {store_id} is {store.state} and has been silent for {silent} s; it counts as "
            f"dead after max-store-down-time, {limit} s (P37)"
        )
        return Hold("StoreNotDead", message)
    return Allow(f"store {store_id} has been silent for more than {limit} s")


def _down_seconds(text: str | None) -> int | None:
    """Return PD's duration in whole seconds, None when it is not shown or not of h, m and s."""
    try:
        return None if text is None else parse_duration_seconds(text)
    except ValueError:
        return None
