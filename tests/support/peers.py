"""Peers that come, go and move, for the generated clusters of the property tests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import AddLearner, AddPeer, RemovePeer, TransferPeer
from assent.core.model.call import PdCall
from assent.core.model.placement import PlacementRule, RegionFit, RegionLabelRule
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, Region
from tests.support.snapshots import REPLICATION

DENY = RegionLabelRule("import", {"schedule": "deny"}, (("", ""),), {})
NO_TIFLASH: Mapping[str, Any] = {
    "label_constraints": [{"key": "engine", "op": "notIn", "values": ["tiflash"]}]
}

Drawn = tuple[ApiModel, ClusterSnapshot]
Scene = tuple[Region, ClusterSnapshot]


def rule(count: int, role: str = "voter", **document: Any) -> PlacementRule:
    """Return a rule for that many peers of that role, with what else its document says."""
    return PlacementRule("pd", role, role, count, "", "", document)


def fitted(region: Region, rules: tuple[PlacementRule, ...]) -> RegionFit:
    """Return how PD would say that the rules count the region's peers, by role and by store."""
    left = sorted(region.peers, key=lambda peer: peer.store_id)
    by_rule = {}
    for one in rules:
        learner = one.role == "learner"
        taken = [peer for peer in left if (peer.role is PeerRole.LEARNER) is learner][: one.count]
        by_rule[one.key] = frozenset(peer.store_id for peer in taken)
        left = [peer for peer in left if peer not in taken]
    return RegionFit(rules, by_rule, frozenset(peer.store_id for peer in left))


def with_rules(seen: ClusterSnapshot, *rules: PlacementRule, **changes: Any) -> ClusterSnapshot:
    """Return the cluster with placement rules for every region, no label rules, all of it read."""
    base: dict[str, Any] = {
        "replication": dict(REPLICATION),
        "placement_rules": rules,
        "region_fits": {number: fitted(item, rules) for number, item in seen.regions.items()},
        "label_rules": (),
    }
    return replace(seen, **{**base, **changes})


def without_numbers(seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the cluster without what PD counts upwards for ever: the numbers of peers, and the
    ``conf_ver`` of regions (P43); and without which peers are ill, since one that is made anew is
    well. Peers are in the order of their stores.
    """

    def plain(item: Region) -> Region:
        peers = sorted(item.peers, key=lambda peer: peer.store_id)
        return replace(
            item,
            conf_ver=1,
            peers=tuple(replace(peer, id=1) for peer in peers),
            down_store_ids=frozenset(),
            pending_store_ids=frozenset(),
        )

    return replace(
        seen,
        regions={number: plain(item) for number, item in seen.regions.items()},
        sample=tuple(plain(item) for item in seen.sample),
    )


def _scene(draw: st.DrawFn, seen: ClusterSnapshot, *, voters: int, learners: int) -> Scene:
    """Return a region of the cluster, most often in good order, with rules that want so many more
    voters and learners than it has.
    """
    chosen = draw(st.sampled_from(seen.sample))
    seen = _with_region(seen, chosen)
    if draw(st.integers(0, 3)):
        chosen = _in_order(chosen)
        seen = _with_region(seen, chosen)
    held = sum(peer.role is PeerRole.LEARNER for peer in chosen.peers)
    wanted = max(0, len(chosen.peers) - held + voters)
    rules = (rule(wanted, **NO_TIFLASH), rule(held + learners, "learner"))
    labels = draw(st.sampled_from([(), (), (), (), (), (DENY,), None]))
    seen = with_rules(seen, *rules, label_rules=labels)
    if draw(st.integers(0, 9)) == 0:
        seen = replace(seen, region_fits={})
    if draw(st.integers(0, 3)):
        settings = {**seen.settings, "low-space-ratio": "0.8"}
        schedule = replace(seen.schedule, halt_scheduling=False, scheduler_max_waiting_operator=5)
        seen = replace(seen, settings=settings, schedule=schedule, running_operators={})
    return chosen, seen


def _in_order(item: Region) -> Region:
    """Return the region at rest, with all peers in step."""
    peers = tuple(
        peer if peer.role is PeerRole.LEARNER else replace(peer, role=PeerRole.VOTER)
        for peer in item.peers
    )
    voters = [peer.store_id for peer in peers if peer.role is PeerRole.VOTER]
    leader = item.leader_store_id or next(iter(voters), None)
    none: frozenset[int] = frozenset()
    return replace(
        item, peers=peers, leader_store_id=leader, down_store_ids=none, pending_store_ids=none
    )


def _with_region(seen: ClusterSnapshot, item: Region) -> ClusterSnapshot:
    return replace(
        seen,
        regions={**seen.regions, item.id: item},
        sample=tuple(item if one.id == item.id else one for one in seen.sample),
    )


def _free(draw: st.DrawFn, item: Region, seen: ClusterSnapshot, *, tiflash: bool) -> int:
    """Draw a store for a new peer, most often one that could hold it."""
    fit = [
        one.id
        for one in seen.stores
        if item.peer_on(one.id) is None and one.is_tiflash is tiflash and one.is_healthy
    ]
    if not fit or draw(st.integers(0, 4)) == 0:
        fit = [99, *(one.id for one in seen.stores)]
    return draw(st.sampled_from(fit))


def _transfer(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    item, seen = _scene(draw, seen, voters=0, learners=0)
    held = [peer.store_id for peer in item.peers]
    source = draw(st.sampled_from([*held, *held, 99]))
    peer = item.peer_on(source)
    learner = peer is not None and peer.role is PeerRole.LEARNER
    target = _free(draw, item, seen, tiflash=learner and draw(st.booleans()))
    return TransferPeer(region_id=item.id, from_store_id=source, to_store_id=target), seen


def _add_peer(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    item, seen = _scene(draw, seen, voters=draw(st.sampled_from([0, 1, 1, 2])), learners=0)
    return AddPeer(region_id=item.id, store_id=_free(draw, item, seen, tiflash=False)), seen


def _add_learner(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    item, seen = _scene(draw, seen, voters=0, learners=draw(st.sampled_from([0, 1, 1, 2])))
    store_id = _free(draw, item, seen, tiflash=draw(st.booleans()))
    return AddLearner(region_id=item.id, store_id=store_id), seen


def _remove_peer(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    item, seen = _scene(draw, seen, voters=draw(st.sampled_from([0, -1, -1])), learners=0)
    held = [peer.store_id for peer in item.peers]
    number = draw(st.sampled_from([item.id, item.id, item.id, item.id, 12345]))
    return RemovePeer(region_id=number, store_id=draw(st.sampled_from([*held, *held, 99]))), seen


PEER_ASKS: Mapping[ActionType, Callable[[st.DrawFn, ClusterSnapshot], Drawn]] = {
    ActionType.TRANSFER_PEER: _transfer,
    ActionType.ADD_PEER: _add_peer,
    ActionType.ADD_LEARNER: _add_learner,
    ActionType.REMOVE_PEER: _remove_peer,
}
"""Rows of the table in ``asks``."""


def apply_to_peers(call: PdCall, seen: ClusterSnapshot) -> ClusterSnapshot | None:
    """Return the snapshot after the call and what the stores make of it, None for another call.

    Raises:
        KeyError: what PD answers with an error: no such region, no peer to remove, one too many.
    """
    body = call.body or {}
    name = body.get("name")
    if (call.method, call.path) != ("POST", "/pd/api/v1/operators") or name not in _OPERATORS:
        return None
    region = seen.regions[_number(body["region_id"])]
    if name == "remove-peer":
        return _removed(seen, region, _number(body["store_id"]))
    if name == "transfer-peer":
        source, target = _number(body["from_store_id"]), _number(body["to_store_id"])
        role = {peer.store_id: peer.role for peer in region.peers}[source]
        after = _added(seen, region, target, role)
        return _removed(after, after.regions[region.id], source)
    role = PeerRole.LEARNER if name == "add-learner" else PeerRole.VOTER
    return _added(seen, region, _number(body["store_id"]), role)


_OPERATORS = ("transfer-peer", "add-peer", "add-learner", "remove-peer")


def _added(seen: ClusterSnapshot, region: Region, store_id: int, role: PeerRole) -> ClusterSnapshot:
    if region.peer_on(store_id) is not None or seen.store(store_id) is None:
        raise KeyError(f"no place on store {store_id}")
    steps = 1 if role is PeerRole.LEARNER else 2
    peer = Peer(900_000 + region.conf_ver, store_id, role)
    grown = replace(region, peers=(*region.peers, peer), conf_ver=region.conf_ver + steps)
    return _counted(seen, region, grown)


def _removed(seen: ClusterSnapshot, region: Region, store_id: int) -> ClusterSnapshot:
    if region.peer_on(store_id) is None:
        raise KeyError(f"no peer on store {store_id}")
    kept = tuple(peer for peer in region.peers if peer.store_id != store_id)
    leader = region.leader_store_id
    if leader == store_id:
        voters = (peer.store_id for peer in kept if peer.role is PeerRole.VOTER)
        leader = next(one for one in voters if _may_lead(seen, region, one))
    shrunk = replace(
        region,
        peers=kept,
        leader_store_id=leader,
        conf_ver=region.conf_ver + 1,
        down_store_ids=region.down_store_ids - {store_id},
        pending_store_ids=region.pending_store_ids - {store_id},
    )
    return _counted(seen, region, shrunk)


def _may_lead(seen: ClusterSnapshot, region: Region, store_id: int) -> bool:
    store = seen.store(store_id)
    ill = region.down_store_ids | region.pending_store_ids
    return store is not None and not store.is_tiflash and store_id not in ill


def _counted(seen: ClusterSnapshot, was: Region, now: Region) -> ClusterSnapshot:
    """Return the cluster with the region, with its stores' counts and its fit."""
    stores = tuple(
        replace(
            store,
            region_count=store.region_count
            + (now.peer_on(store.id) is not None)
            - (was.peer_on(store.id) is not None),
            leader_count=store.leader_count
            + (now.leader_store_id == store.id)
            - (was.leader_store_id == store.id),
        )
        for store in seen.stores
    )
    fits = dict(seen.region_fits)
    if now.id in fits:
        fits[now.id] = fitted(now, fits[now.id].rules)
    return replace(_with_region(seen, now), stores=stores, region_fits=fits)


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
