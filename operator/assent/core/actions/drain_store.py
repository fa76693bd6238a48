"""DrainStore: one store leaves the cluster once PD has moved all of its data to the others."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import DrainStore
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, removal, room
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_region import operators_allowed
from assent.core.actions.on_store import StoreAction
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Store
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn


class DrainStoreAction(StoreAction[DrainStore]):
    """DELETE /store/{id} without any query (pd-api.md 1.2, P27). PD answers 200 also when the
    store is being removed already, and lifts its remove-peer limit without a word (P28).
    """

    type = ActionType.DRAIN_STORE
    base_tier = Tier.HIGH
    reversibility = Reversibility.PARTLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = removal.WAIT_SECONDS
    goal_required = True
    """A store that does not empty in two weeks is stuck: it is brought back, and people look."""
    waits = True
    readings = frozenset(
        {Reading.REPLICATION, Reading.PLACEMENT, Reading.TOMBSTONES, Reading.REMOVALS}
    )
    manual = Manual(
        endpoint="DELETE /pd/api/v1/store/{id}",
        example=DrainStore(store_id=4),
        timeout_reason="15 peers a minute, PD's own pace, are 302,400 in 14 days",
        unchecked_by_pd=(
            "Down, silent and TiFlash stores count as able to take replicas (P28)",
            "labels, placement rules and free space of the others",
            "limits at 0, with which nothing moves (P30)",
            "the remove-peer limit, which it sets to unlimited and forgets with its leader (P28)",
            "while it runs, dropping the region cache may bury the store early (P40)",
        ),
    )

    def sentence(self, params: DrainStore) -> str:
        """Return what it does in one line."""
        return f"remove store {params.store_id} after moving all of its data to the others"

    def pd_ctl(self, params: DrainStore) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl store delete {params.store_id}"

    def target(self, params: DrainStore, snapshot: ClusterSnapshot) -> Target | None:
        """Return the store by its address, also once it is a tombstone."""
        found = checks.store_target(params.store_id, snapshot)
        buried = removal.tombstone(params.store_id, snapshot)
        if found is not None or buried is None:
            return found
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=f"store/{buried.id}",
            identity=[Fact(name="address", value=buried.address[:256])],
        )

    def risk(self, params: DrainStore, snapshot: ClusterSnapshot) -> Risk:
        """Return High, always: all data of a store moves, and the cluster is smaller then."""
        factors = [
            "all data of the store is copied to the others, for hours or days",
            "what has moved stays moved when it is cancelled",
        ]
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: DrainStore, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the others can take it all, and whether PD moves anything."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        store_id = params.store_id
        return (
            checks.prepared(),
            Check("StoreStays", _stays(store_id, snapshot)),
            Check("LimitShown", _limit_shown(store_id, snapshot)),
            room.alone(store_id, snapshot),
            room.replicas_fit(store_id, snapshot),
            room.labels_fit(store_id, snapshot),
            room.rules_fit(store_id, snapshot),
            room.space_fits(store_id, snapshot),
            room.leaders_fit(store_id, snapshot),
            room.regions_whole(store_id, snapshot),
            room.replicas_may_move(snapshot),
            operators_allowed(snapshot),
        )

    def already_done(self, params: DrainStore, snapshot: ClusterSnapshot) -> bool:
        """Return True when the store is a tombstone. A removal that somebody else has begun is
        not done, and it is theirs: that is refused.
        """
        listed = snapshot.store(params.store_id) is not None
        return not listed and removal.tombstone(params.store_id, snapshot) is not None

    def call(self, params: DrainStore) -> PdCall:
        """Return the one call to PD."""
        return removal.drain(params.store_id)

    def before(self, params: DrainStore, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the state, both limits (PD lifts one of them, P28) and the number of regions."""
        return removal.facts(params.store_id, snapshot)

    def verify(
        self, params: DrainStore, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SEEN while PD removes the store, SETTLED once it is a tombstone or forgotten."""
        after = removal.facts(params.store_id, snapshot)
        store = snapshot.store(params.store_id)
        if store is None:
            message = f"store {params.store_id} is empty, and PD has made it a tombstone"
            return Verification(Progress.SETTLED, message, after)
        if not removal.is_leaving(store):
            message = f"store {params.store_id} is {store.state}: it is not being removed"
            return Verification(Progress.NOT_SEEN, message, after)
        return Verification(Progress.SEEN, _how_far(before, store, snapshot), after)

    def unchanged(
        self, params: DrainStore, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the store stays and has the remove-peer limit that was captured.

        Its regions, and whether it answers, change by themselves.
        """
        store = snapshot.store(params.store_id)
        if store is None or removal.was_leaving(before) is not False:
            return False
        return not removal.is_leaving(store) and removal.remove_limit_due(before, store) is None

    def inverse(self, params: DrainStore, before: Sequence[Fact]) -> PdCall | None:
        """Return the end of the removal; None when it was somebody else's from the start."""
        return removal.cancel(params.store_id) if removal.was_leaving(before) is False else None

    def inverse_follow_up(
        self, params: DrainStore, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return the call that restores the remove-peer limit, once the store stays and while PD
        shows another: it forgets the limit when its leader changes (P28).
        """
        store = snapshot.store(params.store_id)
        if store is None or removal.is_leaving(store):
            return None
        return removal.remove_limit_due(before, store)


def _how_far(before: Sequence[Fact], store: Store, snapshot: ClusterSnapshot) -> str:
    first = removal.captured(removal.REGIONS, before)
    percent = removal.percent_moved(before, store, snapshot)
    share = "" if percent is None else f", {percent} % moved"
    of = "" if first is None else f" of {first}"
    text = f"store {store.id} still holds {store.region_count}{of} regions{share}"
    progress = (snapshot.removals or {}).get(store.id)
    if progress is not None and progress.left_seconds is not None:
        return f"{text}; PD expects {_span(progress.left_seconds)} more"
    if first is None or store.region_count < int(first):
        return text
    return f"{text}; nothing moves: {_obstacle(store.id, snapshot)}"


def _obstacle(store_id: int, snapshot: ClusterSnapshot) -> str:
    """Return what may keep PD from moving anything."""
    for check in (
        room.replicas_may_move(snapshot),
        operators_allowed(snapshot),
        room.replicas_fit(store_id, snapshot),
        room.rules_fit(store_id, snapshot),
        room.space_fits(store_id, snapshot),
    ):
        if isinstance(check.verdict, Hold):
            return check.verdict.message
    return "PD has not begun, or finds no place (add-peer limits of the others, labels, rules)"


def _span(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _stays(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None:
        return Deny("StoreUnknown", f"PD lists no store {store_id}")
    if removal.is_leaving(store):
        return Deny("StoreRemoving", f"store {store_id} is being removed already, by somebody else")
    if store.is_tiflash:
        return Deny(
            "StoreIsTiFlash", f"store {store_id} is TiFlash: its replicas are TiDB's to move"
        )
    if not store.is_healthy:
        return Warn(f"store {store_id} does not answer: its data is copied from other replicas")
    return Allow(f"store {store_id} is Up")


def _limit_shown(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None or store.remove_peer_limit_per_minute is None:
        message = (
            f"PD shows no remove-peer limit of store {store_id}, which the removal lifts (P28)"
        )
        return Hold("LimitUnknown", message)
    return Allow("PD shows the remove-peer limit, which the removal lifts (P28)")
