"""Whether a region is whole: all its peers there, in step, where the rules want them."""

from assent.core.model.snapshot import ClusterSnapshot, Region, StoreState
from assent.core.model.verdict import Allow, Hold, Verdict


def in_step(region: Region) -> Verdict:
    """Return whether every peer answers and has caught up."""
    if region.down_store_ids:
        stores = _ids(region.down_store_ids)
        return Hold("PeerDown", f"the peer of region {region.id} on store {stores} is down")
    if region.pending_store_ids:
        stores = _ids(region.pending_store_ids)
        return Hold("PeerPending", f"the peer of region {region.id} on store {stores} lags")
    return Allow(f"every peer of region {region.id} keeps up")


def on_healthy_stores(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    """Return whether every store with a peer of it is Up; PD asks only for a leader's (P20)."""
    for peer in region.peers:
        store = snapshot.store(peer.store_id)
        if store is None:
            message = f"PD lists no store {peer.store_id}, where region {region.id} has a peer"
            return Hold("StoreUnknown", message)
        if not store.is_healthy:
            shown = store.state if store.state is not StoreState.UP else "Up without a heartbeat"
            message = f"store {store.id}, where region {region.id} has a peer, is {shown}"
            return Hold("StoreNotUp", message)
    return Allow(f"every store with a peer of region {region.id} is Up")


def replicated(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    """Return whether the peers are those that the placement rules want, no fewer and no more.

    Needs the readings PLACEMENT and REPLICATION: without rules PD counts by ``max-replicas``.
    """
    replication = snapshot.replication
    if replication is None:
        return Hold("ReplicationUnknown", "PD's replication settings have not been read")
    if replication.get("enable-placement-rules") == "false":
        return _by_count(region, replication.get("max-replicas"))
    fit = snapshot.region_fits.get(region.id)
    if fit is None or not fit.rules:
        return Hold("PlacementUnknown", f"no placement rule is known for region {region.id}")
    if fit.orphan_store_ids:
        orphans = _ids(fit.orphan_store_ids)
        message = f"no placement rule wants the peer of region {region.id} on store {orphans}"
        return Hold("PeerUnwanted", message)
    for rule in fit.rules:
        found = len(fit.store_ids_by_rule.get(rule.key, frozenset()))
        if found != rule.count:
            message = (
                f"rule {rule.key} wants {rule.count} peers of region {region.id}, it has {found}"
            )
            return Hold("NotReplicated", message)
    return Allow(f"region {region.id} has the peers that the placement rules want")


def _by_count(region: Region, max_replicas: str | None) -> Verdict:
    if max_replicas is None:
        return Hold("ReplicationUnknown", "PD shows no max-replicas")
    if str(len(region.peers)) != max_replicas:
        message = f"region {region.id} has {len(region.peers)} peers of {max_replicas}"
        return Hold("NotReplicated", message)
    return Allow(f"region {region.id} has {max_replicas} peers")


def _ids(store_ids: frozenset[int]) -> str:
    return ", ".join(str(store_id) for store_id in sorted(store_ids))
