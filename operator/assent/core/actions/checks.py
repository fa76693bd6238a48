"""Checks that several actions share. Each returns one named verdict and looks at one thing."""

from assent.api.v1alpha1.actionproposal import Fact, Target
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold

SLOW_SCORE = 80
"""From here PD counts a store as a candidate for slow; it evicts at 100 (pd-api.md 1.6)."""

BALANCE_LEADER = "balance-leader-scheduler"
EVICT_LEADER = "evict-leader-scheduler"


def not_prepared(snapshot: ClusterSnapshot) -> Check | None:
    """Return the one check that stands while PD is not prepared, None when it is.

    Just after a change of its leader PD shows no schedulers, no evictions and half of its regions
    (P15). Nothing else is worth judging then: a refusal from such data would not be a fact.
    """
    if snapshot.prepared:
        return None
    message = (
        "PD lists no schedulers yet: its leader has just changed, or its regions have not reported"
    )
    return Check("Prepared", Hold("PDNotReady", message))


def prepared() -> Check:
    """Return the check that says PD is prepared; for use after ``not_prepared``."""
    return Check("Prepared", Allow("PD knows its regions"))


def store_up(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether the store is there, is not being removed, and answers."""
    name = "StoreUp"
    store = snapshot.store(store_id)
    if store is None:
        return Check(name, Deny("StoreUnknown", f"PD lists no store {store_id}"))
    if store.state in (StoreState.OFFLINE, StoreState.TOMBSTONE):
        return Check(name, Deny("StoreRemoving", f"store {store_id} is being removed"))
    if not store.is_healthy:
        shown = store.state if store.state is not StoreState.UP else "Up without a heartbeat"
        return Check(name, Hold("StoreNotUp", f"store {store_id} is {shown}"))
    return Check(name, Allow(f"store {store_id} is Up"))


def holds_leaders(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether the store is of a kind that ever leads (TiFlash never does)."""
    name = "StoreLeads"
    store = snapshot.store(store_id)
    if store is not None and store.is_tiflash:
        return Check(name, Deny("StoreIsTiFlash", f"store {store_id} is TiFlash: it never leads"))
    return Check(name, Allow(f"store {store_id} may lead"))


def leaders_may_move(snapshot: ClusterSnapshot) -> Check:
    """Return whether PD's schedulers move leaders at all (P30)."""
    name = "LeadersMayMove"
    if snapshot.schedule.leader_schedule_limit == 0:
        message = "leader-schedule-limit is 0: PD's schedulers move no leader (P30)"
        return Check(name, Hold("LeaderScheduleLimitZero", message))
    if snapshot.schedule.halt_scheduling:
        message = "halt-scheduling is true: PD's schedulers stand still"
        return Check(name, Hold("SchedulingHalted", message))
    return Check(name, Allow("PD's schedulers move leaders"))


def can_lead(store: Store, snapshot: ClusterSnapshot) -> bool:
    """Return True when PD would let the store take leaders now."""
    return store.is_healthy and not store.is_tiflash and store.id not in snapshot.evicted_store_ids


def store_target(store_id: int, snapshot: ClusterSnapshot) -> Target | None:
    """Return the store's identity, its address; None when PD does not list it.

    An id is never used twice by PD, but an address may move to a new id; both must still agree
    at execution.
    """
    store = snapshot.store(store_id)
    if store is None:
        return None
    return Target(
        cluster_id=str(snapshot.pd.cluster_id),
        id=f"store/{store_id}",
        identity=[Fact(name="address", value=store.address[:256])],
    )
