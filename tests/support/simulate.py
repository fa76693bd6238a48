"""What a call would make of a snapshot, were nothing else to happen: PD's part, not its stores'.

Only what the call itself sets: an eviction is listed at once, leaders move with no call of ours.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Region, Store
from tests.support.peers import apply_to_peers
from tests.support.placement import apply_placement
from tests.support.region_shape import apply_to_shape
from tests.support.scheduling import apply_scheduling
from tests.support.simulate_stores import NoStoreError, apply_to_stores

EVICT_LEADER = "evict-leader-scheduler"

_DELETE = re.compile(r"^/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/(\d+)$")
_LIMIT = re.compile(r"^/pd/api/v1/store/(\d+)/limit$")


class RefusedError(Exception):
    """PD would answer with an error and change nothing."""


def apply(call: PdCall, seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the snapshot after the call.

    Raises:
        RefusedError: PD would refuse; also for a call that is not known here, so that no test
            passes on a call that means nothing.
    """
    if (call.method, call.path) == ("DELETE", f"/pd/api/v1/schedulers/{EVICT_LEADER}"):
        raise RefusedError("it would end the eviction of every store (P29)")
    try:
        for group in (apply_scheduling, apply_placement, apply_to_shape, apply_to_peers):
            if (changed := group(call, seen)) is not None:
                return changed
    except KeyError as error:
        raise RefusedError(str(error)) from error
    body: Mapping[str, Any] = call.body or {}
    if (found := _DELETE.match(call.path)) and call.method == "DELETE":
        return _evict(seen, seen.evicted_store_ids - {_listed(int(found[1]), seen)})
    if (found := _LIMIT.match(call.path)) and call.method == "POST":
        return _set_limit(seen, int(found[1]), body)
    if (call.method, call.path) == ("POST", "/pd/api/v1/schedulers"):
        if body["name"] != EVICT_LEADER:
            raise RefusedError(f"unknown scheduler {body['name']}")
        return _evict(seen, seen.evicted_store_ids | {int(body["store_id"])})
    if (call.method, call.path) == ("POST", "/pd/api/v1/operators"):
        return _transfer(seen, body)
    try:
        after = apply_to_stores(call, seen)
    except NoStoreError as error:
        raise RefusedError(str(error)) from error
    if after is not None:
        return after
    raise RefusedError(f"unknown call {call.line}")


def _listed(store_id: int, seen: ClusterSnapshot) -> int:
    if store_id not in seen.evicted_store_ids:
        raise RefusedError("404 not found")
    return store_id


def _evict(seen: ClusterSnapshot, evicted: frozenset[int]) -> ClusterSnapshot:
    if not seen.prepared:
        raise RefusedError("the stored set would be overwritten (P31)")
    others = [name for name in seen.schedulers if name != EVICT_LEADER]
    schedulers = sorted([*others, EVICT_LEADER]) if evicted else others
    return replace(seen, evicted_store_ids=evicted, schedulers=tuple(schedulers))


def _set_limit(seen: ClusterSnapshot, store_id: int, body: Mapping[str, Any]) -> ClusterSnapshot:
    field = {
        "add-peer": "add_peer_limit_per_minute",
        "remove-peer": "remove_peer_limit_per_minute",
    }[str(body["type"])]
    if seen.store(store_id) is None:
        raise RefusedError("500 store not found")
    return _with_store(seen, store_id, **{field: float(body["rate"])})


def _transfer(seen: ClusterSnapshot, body: Mapping[str, Any]) -> ClusterSnapshot:
    if body["name"] != "transfer-leader":
        raise RefusedError("unknown operator")
    region, to = seen.regions.get(int(body["region_id"])), int(body["to_store_id"])
    if region is None:
        raise RefusedError("ErrRegionNotFound")
    if region.leader_store_id in (None, to):
        raise RefusedError("no operator step is built")
    if region.peer_on(to) is None:
        raise RefusedError("region has no voter in the store")
    moved = replace(region, leader_store_id=to)
    former = seen.store(region.leader_store_id or 0)
    target = seen.store(to)
    assert former is not None
    assert target is not None
    after = _with_store(seen, former.id, leader_count=former.leader_count - 1)
    after = _with_store(after, target.id, leader_count=target.leader_count + 1)
    return replace(
        after,
        regions={**seen.regions, region.id: moved},
        sample=tuple(_replaced(item, moved) for item in seen.sample),
    )


def _replaced(item: Region, by: Region) -> Region:
    return by if item.id == by.id else item


def _with_store(seen: ClusterSnapshot, store_id: int, **changes: float) -> ClusterSnapshot:
    def changed(item: Store) -> Store:
        return replace(item, **changes) if item.id == store_id else item  # type: ignore[arg-type]

    return replace(seen, stores=tuple(changed(item) for item in seen.stores))
