"""RemoveTombstones: PD forgets the stores that were removed, all of them at once."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import RemoveTombstones
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Action,
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict

MAX_TARGET_ID = 128


class RemoveTombstonesAction(Action[RemoveTombstones]):
    """DELETE /stores/remove-tombstone (pd-api.md 1.2). It names no store, so the ask names all."""

    type = ActionType.REMOVE_TOMBSTONES
    base_tier = Tier.CRITICAL
    reversibility = Reversibility.NOT
    idempotency = Idempotency.NEVER_REPEAT
    """A repeat would take tombstones that nobody has approved."""
    timeout_seconds = None
    """PD has none: the records are gone when it answers."""
    goal_required = True
    readings = frozenset({Reading.TOMBSTONES})
    manual = Manual(
        endpoint="DELETE /pd/api/v1/stores/remove-tombstone",
        example=RemoveTombstones(store_ids=[4, 5]),
        timeout_reason="PD has none: the records are gone when it answers; actionTimeout rules",
        unchecked_by_pd=(
            "which tombstones were meant: it takes all that it has",
            "whether the store's process still runs: it would register again, with stale data",
            "it deletes the others before it reports one that still has regions",
        ),
    )

    def sentence(self, params: RemoveTombstones) -> str:
        """Return what it does in one line."""
        return f"forget the removed stores {_listed(params.store_ids)}, which are all there are"

    def pd_ctl(self, params: RemoveTombstones) -> str:
        """Return the equivalent pd-ctl line, with the stores as a comment."""
        return f"pd-ctl store remove-tombstone  # {_listed(params.store_ids)}"

    def scope(self, params: RemoveTombstones) -> Scope:
        """Return the stores, and the tombstones as a whole."""
        return Scope(frozenset(params.store_ids), settings=frozenset({"stores/tombstones"}))

    def target(self, params: RemoveTombstones, snapshot: ClusterSnapshot) -> Target | None:
        """Return the tombstones by their addresses, None when PD does not show them all."""
        found = _named(params, snapshot)
        if len(found) < len(set(params.store_ids)):
            return None
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=_target_id(params.store_ids),
            identity=[_fact(store) for store in found],
        )

    def risk(self, params: RemoveTombstones, snapshot: ClusterSnapshot) -> Risk:
        """Return Critical, always."""
        factors = [
            "cannot be undone: PD forgets that the stores ever were",
            "a process of such a store that still runs may register again with stale data",
        ]
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: RemoveTombstones, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether PD's tombstones are exactly those named, and stay so."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("TombstonesAsNamed", _as_named(params, snapshot)),
            Check("TombstonesEmpty", _empty(snapshot)),
            Check("NoRemovalRuns", _no_removal(snapshot)),
        )

    def already_done(self, params: RemoveTombstones, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD lists none of them, neither as tombstone nor as store."""
        if snapshot.tombstones is None:
            return False
        listed = {store.id for store in (*snapshot.tombstones, *snapshot.stores)}
        return listed.isdisjoint(params.store_ids)

    def call(self, params: RemoveTombstones) -> PdCall:
        """Return the one call to PD."""
        return PdCall("DELETE", "/pd/api/v1/stores/remove-tombstone")

    def before(self, params: RemoveTombstones, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the address of every named tombstone, for the record."""
        return tuple(_fact(store) for store in _named(params, snapshot))

    def verify(
        self, params: RemoveTombstones, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD lists none of them, SEEN when only some are gone."""
        left = _named(params, snapshot)
        after = self.before(params, snapshot)
        if snapshot.tombstones is None:
            return Verification(Progress.NOT_SEEN, "PD does not show its tombstones", after)
        if not left:
            message = f"PD has forgotten the stores {_listed(params.store_ids)}"
            return Verification(Progress.SETTLED, message, after)
        shown = _listed([store.id for store in left])
        if len(left) < len(set(params.store_ids)):
            return Verification(Progress.SEEN, f"PD still lists the tombstones {shown}", after)
        return Verification(Progress.NOT_SEEN, f"PD lists the tombstones {shown}", after)

    def unchanged(
        self, params: RemoveTombstones, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD lists every captured tombstone."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: RemoveTombstones, before: Sequence[Fact]) -> PdCall | None:
        """Return None: there is no way back."""
        return None


def _listed(store_ids: Sequence[int]) -> str:
    return ", ".join(str(store_id) for store_id in sorted(set(store_ids)))


def _target_id(store_ids: Sequence[int]) -> str:
    """Return what has to be typed to confirm: all ids, or how many when they are too long."""
    ids = sorted(set(store_ids))
    whole = f"tombstones/{','.join(str(store_id) for store_id in ids)}"
    if len(whole) <= MAX_TARGET_ID:
        return whole
    return f"tombstones/{len(ids)}-from-{ids[0]}-to-{ids[-1]}"


def _named(params: RemoveTombstones, snapshot: ClusterSnapshot) -> tuple[Store, ...]:
    named = set(params.store_ids)
    return tuple(store for store in snapshot.tombstones or () if store.id in named)


def _fact(store: Store) -> Fact:
    return Fact(name=f"store/{store.id}", value=store.address[:256])


def _as_named(params: RemoveTombstones, snapshot: ClusterSnapshot) -> Verdict:
    if snapshot.tombstones is None:
        return Hold("TombstonesUnknown", "PD does not show its tombstones")
    named, listed = set(params.store_ids), {store.id for store in snapshot.tombstones}
    if more := sorted(listed - named):
        message = f"PD has the tombstones {_listed(more)} as well and would delete them, too"
        return Deny("TombstonesDiffer", message)
    if missing := sorted(named - listed):
        return Deny("TombstonesDiffer", f"PD has no tombstones {_listed(missing)}")
    return Allow(f"PD has exactly the tombstones {_listed(params.store_ids)}")


def _empty(snapshot: ClusterSnapshot) -> Verdict:
    for store in snapshot.tombstones or ():
        if store.region_count > 0:
            message = f"tombstone {store.id} still has {store.region_count} regions"
            return Hold("TombstoneHoldsRegions", message)
    return Allow("no tombstone has regions")


def _no_removal(snapshot: ClusterSnapshot) -> Verdict:
    for store in snapshot.stores:
        if store.state is StoreState.OFFLINE:
            message = f"store {store.id} is being removed: its tombstone would go as well"
            return Hold("RemovalRuns", message)
    return Allow("no store is about to become a tombstone")
