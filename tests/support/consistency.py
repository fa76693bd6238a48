"""What no PD would ever show: snapshots that tests must not be written against."""

from collections import Counter
from collections.abc import Iterator

from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region, StoreState

EVICT_LEADER = "evict-leader-scheduler"


def inconsistencies(snapshot: ClusterSnapshot) -> list[str]:
    """Return what is impossible about the snapshot, one sentence each; empty when nothing is."""
    return [
        *_stores(snapshot),
        *_schedulers(snapshot),
        *_regions(snapshot),
        *_counts(snapshot),
    ]


def _stores(snapshot: ClusterSnapshot) -> Iterator[str]:
    ids = [store.id for store in snapshot.stores]
    if ids != sorted(set(ids)):
        yield "stores are not unique and ordered by id"
    addresses = Counter(store.address for store in snapshot.stores)
    if any(count > 1 for count in addresses.values()):
        yield "two stores share an address"
    for store in snapshot.stores:
        if store.state is StoreState.TOMBSTONE:
            yield f"store {store.id} is a tombstone"
        if store.is_tiflash and store.leader_count:
            yield f"TiFlash store {store.id} leads"
        if store.leader_count > store.region_count:
            yield f"store {store.id} leads more regions than it holds"
        if store.available_bytes > store.capacity_bytes:
            yield f"store {store.id} has more free than it has"
        if store.last_heartbeat is not None and store.last_heartbeat > snapshot.taken_at:
            yield f"store {store.id} sent a heartbeat in the future"


def _schedulers(snapshot: ClusterSnapshot) -> Iterator[str]:
    if len(set(snapshot.schedulers)) != len(snapshot.schedulers):
        yield "a scheduler is listed twice"
    if snapshot.evicted_store_ids and EVICT_LEADER not in snapshot.schedulers:
        yield "stores are evicted without a scheduler"
    listed = {store.id for store in snapshot.stores}
    if snapshot.evicted_store_ids - listed:
        yield "a store is evicted that is not listed"


def _regions(snapshot: ClusterSnapshot) -> Iterator[str]:
    sampled = {region.id: region for region in snapshot.sample}
    if len(sampled) != len(snapshot.sample):
        yield "a region is sampled twice"
    for region_id, region in snapshot.regions.items():
        if region_id != region.id:
            yield f"region {region.id} is filed as {region_id}"
        if sampled.get(region.id, region) != region:
            yield f"region {region.id} is sampled otherwise than read"
    if set(snapshot.running_operators) - set(snapshot.regions):
        yield "an operator runs on a region that was not asked for"
    stores = {store.id: store for store in snapshot.stores}
    for region in {**sampled, **snapshot.regions}.values():
        yield from _region(region, set(stores))
        leader = stores.get(region.leader_store_id or 0)
        if leader is not None and leader.is_tiflash:
            yield f"region {region.id} is led by TiFlash"


def _region(region: Region, store_ids: set[int]) -> Iterator[str]:
    on = [peer.store_id for peer in region.peers]
    if region.id < 1 or region.version < 1 or region.conf_ver < 1:
        yield f"region {region.id} has a zero in its id or epoch"
    if len(set(on)) != len(on):
        yield f"region {region.id} has two peers on a store"
    if set(on) - store_ids:
        yield f"region {region.id} has a peer on an unknown store"
    if (region.down_store_ids | region.pending_store_ids) - set(on):
        yield f"region {region.id} misses a peer it does not have"
    if region.leader_store_id is not None:
        leader = region.peer_on(region.leader_store_id)
        if leader is None or leader.role not in (PeerRole.VOTER, PeerRole.INCOMING_VOTER):
            yield f"region {region.id} is led by no voter"
        if region.leader_store_id in region.down_store_ids | region.pending_store_ids:
            yield f"region {region.id} is led by a peer that is down or pending"


def _counts(snapshot: ClusterSnapshot) -> Iterator[str]:
    known = {region.id: region for region in (*snapshot.sample, *snapshot.regions.values())}
    leads = Counter(region.leader_store_id for region in known.values())
    holds = Counter(peer.store_id for region in known.values() for peer in region.peers)
    if sum(store.leader_count for store in snapshot.stores) > snapshot.region_count:
        yield "there are more leaders than regions"
    if len(known) > snapshot.region_count:
        yield "more regions are known than there are"
    for store in snapshot.stores:
        if leads[store.id] > store.leader_count or holds[store.id] > store.region_count:
            yield f"store {store.id} counts less than is known to be on it"
