"""What DrainStore, CancelDrain and ForceRemoveStore share: the calls, and what they capture."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState

UNLIMITED_PER_MINUTE = 1e8
"""What PD sets the remove-peer limit to when it removes a store (P28)."""
DEFAULT_PER_MINUTE = 15.0
TIFLASH_PER_MINUTE = 30.0
"""PD's own defaults of the limit (pd-api.md 1.3)."""
WAIT_SECONDS = 14 * 24 * 3600
"""How long a store may take to empty: 15 peers a minute are 302,400 in two weeks, as many as the
largest stores hold."""

ADD_LIMIT = "addPeerLimitPerMinute"
REMOVE_LIMIT = "removePeerLimitPerMinute"
STATE = "state"
REGIONS = "regions"
GONE = "gone"


def drain(store_id: int) -> PdCall:
    """Return the call that begins the removal. Never a query: ``?force=false`` forces (P27)."""
    return PdCall("DELETE", f"/pd/api/v1/store/{store_id}")


def cancel(store_id: int) -> PdCall:
    """Return the call that ends a removal. PD sets both limits to what it remembers of them, and
    leaves them as they are when its leader has changed since (P28).
    """
    return PdCall("POST", f"/pd/api/v1/store/{store_id}/state?state=Up")


def force(store_id: int) -> PdCall:
    """Return the one call of Assent with ``force``; PD looks only for the word (P27)."""
    return PdCall("DELETE", f"/pd/api/v1/store/{store_id}?force")


def limit(store_id: int, kind: str, rate_per_minute: float) -> PdCall:
    """Return the call that sets the limit ``add-peer`` or ``remove-peer``, without TTL (P11)."""
    path = f"/pd/api/v1/store/{store_id}/limit"
    return PdCall("POST", path, {"rate": rate_per_minute, "type": kind})


def is_leaving(store: Store) -> bool:
    """Return True while PD removes the store."""
    return store.state is StoreState.OFFLINE


def facts(store_id: int, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
    """Return the store's state and regions and, where PD shows them, its two limits."""
    store = snapshot.store(store_id)
    if store is None:
        buried = tombstone(store_id, snapshot) is not None
        return (Fact(name=STATE, value=StoreState.TOMBSTONE if buried else GONE),)
    found = [
        Fact(name=STATE, value=store.state),
        Fact(name=REGIONS, value=str(store.region_count)),
    ]
    for name, rate in (
        (REMOVE_LIMIT, store.remove_peer_limit_per_minute),
        (ADD_LIMIT, store.add_peer_limit_per_minute),
    ):
        if rate is not None:
            found.append(Fact(name=name, value=repr(float(rate))))
    return tuple(found)


def tombstone(store_id: int, snapshot: ClusterSnapshot) -> Store | None:
    """Return the store's tombstone, None when PD shows none."""
    return next((one for one in snapshot.tombstones or () if one.id == store_id), None)


def captured(name: str, before: Sequence[Fact]) -> str | None:
    """Return the captured value of that name, None when none was."""
    return next((fact.value for fact in before if fact.name == name), None)


def was_leaving(before: Sequence[Fact]) -> bool | None:
    """Return whether the store was being removed; None when nothing of it was captured."""
    state = captured(STATE, before)
    return None if state in (None, GONE, StoreState.TOMBSTONE) else state == StoreState.OFFLINE


def remove_limit_due(before: Sequence[Fact], store: Store) -> PdCall | None:
    """Return the call that restores the captured remove-peer limit, None when PD shows it."""
    rate = captured(REMOVE_LIMIT, before)
    if rate is None or store.remove_peer_limit_per_minute == float(rate):
        return None
    return limit(store.id, "remove-peer", float(rate))


def add_limit_due(before: Sequence[Fact], store: Store) -> PdCall | None:
    """Return the call that restores the captured add-peer limit, None when PD shows it."""
    rate = captured(ADD_LIMIT, before)
    if rate is None or store.add_peer_limit_per_minute == float(rate):
        return None
    return limit(store.id, "add-peer", float(rate))


def percent_moved(before: Sequence[Fact], store: Store, snapshot: ClusterSnapshot) -> int | None:
    """Return PD's own percentage where it gives one, else that of the regions; None when neither
    is known.
    """
    if snapshot.removals is not None and store.id in snapshot.removals:
        return snapshot.removals[store.id].percent
    first = captured(REGIONS, before)
    if first is None or int(first) == 0:
        return None
    return max(0, (int(first) - store.region_count) * 100 // int(first))
