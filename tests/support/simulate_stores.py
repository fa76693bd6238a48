"""What calls on a store, and on the records of removed ones, make of a snapshot."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState

UNLIMITED = 1e8
DISCONNECTED = timedelta(seconds=20)
DOWN = timedelta(minutes=30)

_STORE = re.compile(r"^/pd/api/v1/store/(\d+)(/\w+)?(\?[\w=]+)?$")


class NoStoreError(Exception):
    """PD would answer that there is no such store, or that it is beyond help."""


def state_by_heartbeat(store: Store, seen: ClusterSnapshot) -> StoreState:
    """Return what PD calls a store that is not being removed (P37)."""
    if store.last_heartbeat is None:
        return StoreState.DOWN
    silent = seen.taken_at - store.last_heartbeat
    if silent > DOWN:
        return StoreState.DOWN
    return StoreState.DISCONNECTED if silent > DISCONNECTED else StoreState.UP


def apply_to_stores(call: PdCall, seen: ClusterSnapshot) -> ClusterSnapshot | None:
    """Return the snapshot after the call, None when it is none on stores.

    PD's leader has changed since any call before: it remembers no limit (P28), which is the worse
    case.

    Raises:
        NoStoreError: PD would refuse and change nothing.
    """
    if call.line == "DELETE /pd/api/v1/stores/remove-tombstone":
        return replace(seen, tombstones=())
    found = _STORE.match(call.path)
    if found is None:
        return None
    number, body = int(found[1]), dict(call.body or {})
    store = seen.store(number)
    if store is None:
        raise NoStoreError(f"store {number} not found")
    match call.method, found[2], found[3]:
        case "DELETE", None, None:
            return _remove(seen, store, forced=False)
        case "DELETE", None, "?force":
            return _remove(seen, store, forced=True)
        case "POST", "/state", "?state=Up":
            return _up(seen, store)
        case "POST", "/weight", None:
            weights = {f"{name}_weight": value for name, value in body.items()}
            return _changed(seen, store, **weights)
        case "POST", "/label", None:
            labels = {**store.labels, **{key: str(value) for key, value in body.items()}}
            return _changed(seen, store, labels={k: v for k, v in labels.items() if v})
        case _:
            return None


def _remove(seen: ClusterSnapshot, store: Store, *, forced: bool) -> ClusterSnapshot:
    if store.state is StoreState.OFFLINE and store.physically_destroyed == forced:
        return seen
    if store.physically_destroyed:
        raise NoStoreError(f"store {store.id} has been physically destroyed")
    return _changed(
        seen,
        store,
        state=StoreState.OFFLINE,
        physically_destroyed=forced,
        remove_peer_limit_per_minute=UNLIMITED,
    )


def _up(seen: ClusterSnapshot, store: Store) -> ClusterSnapshot:
    if store.physically_destroyed:
        raise NoStoreError(f"store {store.id} has been physically destroyed")
    if store.state is not StoreState.OFFLINE:
        return seen
    return _changed(seen, store, state=state_by_heartbeat(store, seen))


def _changed(seen: ClusterSnapshot, store: Store, **changes: Any) -> ClusterSnapshot:
    stores = tuple(replace(item, **changes) if item is store else item for item in seen.stores)
    return replace(seen, stores=stores)
