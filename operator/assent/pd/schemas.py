"""PD's answers as values of ``core.model.snapshot``; no I/O.

Every function raises Terminal (reason PDAnswerUnusable, with the field's path) when a field that
is needed is missing or of another kind. Fields that are not named here are ignored, so that a
newer PD can be read. Zero-valued protobuf fields are absent from PD's JSON (pd-api.md 0.4) and
are read as zero; fields of PD's own structures are always there and needed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from assent.core.model.snapshot import (
    Peer,
    PeerRole,
    Region,
    ScheduleConfig,
    Store,
    StoreState,
)
from assent.pd.fields import Node

_OPERATOR = re.compile(r"status: (\w+), operator: ", re.ASCII)
_ENDED = frozenset({"SUCCESS", "TIMEOUT", "CANCEL", "REPLACE"})
MAX_ADDRESS = 256
"""A proposal's status keeps the address as its target's identity and takes no more."""


@dataclass(frozen=True, slots=True)
class Member:
    """One PD member."""

    name: str
    member_id: int
    client_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """What a member knows of its peers (GET /members)."""

    cluster_id: int
    members: tuple[Member, ...]
    leader: Member | None
    """None while there is no leader."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """A store's limits in peers a minute (GET /stores/limit)."""

    add_peer: float
    remove_peer: float


def membership(root: Node) -> Membership:
    """Return the members and the leader of GET /members."""
    leader = root.find("leader")
    return Membership(
        cluster_id=root.need("header").need("cluster_id").identity(),
        members=tuple(_member(item) for item in root.need("members").items()),
        leader=None if leader is None else _member(leader),
    )


def leader_id(root: Node) -> int | None:
    """Return the member id of GET /leader, None while there is no leader."""
    return None if root.value is None else root.need("member_id").identity()


def cluster_id(root: Node) -> int:
    """Return the id of GET /cluster."""
    return root.need("id").identity()


def version(root: Node) -> str:
    """Return the release of GET /version, such as ``v8.1.0``."""
    return root.need("version").text()


def stores(root: Node, limits: Mapping[int, StoreLimits]) -> tuple[Store, ...]:
    """Return the stores of GET /stores with their limits, ordered by id, without tombstones."""
    found = (store(item, limits) for item in root.need("stores").items())
    return tuple(
        sorted(
            (one for one in found if one.state is not StoreState.TOMBSTONE),
            key=lambda one: one.id,
        )
    )


def store_limits(root: Node) -> dict[int, StoreLimits]:
    """Return the limits of GET /stores/limit by store id."""
    return {
        _key_id(name, node): StoreLimits(
            add_peer=node.need("add-peer").number(), remove_peer=node.need("remove-peer").number()
        )
        for name, node in root.members()
    }


def schedulers(root: Node) -> tuple[str, ...]:
    """Return the names of GET /schedulers, sorted."""
    return tuple(sorted(item.text() for item in root.items()))


def evicted_stores(root: Node) -> frozenset[int]:
    """Return the stores of GET /scheduler-config/evict-leader-scheduler/list."""
    return frozenset(_key_id(name, node) for name, node in root.need("store-id-ranges").members())


def schedule_config(root: Node) -> ScheduleConfig:
    """Return the settings of GET /config/schedule; halt-scheduling is absent when false."""
    halted = root.find("halt-scheduling")
    return ScheduleConfig(
        leader_schedule_limit=root.need("leader-schedule-limit").count(),
        scheduler_max_waiting_operator=root.need("scheduler-max-waiting-operator").count(),
        halt_scheduling=halted is not None and halted.flag(),
    )


def region_count(root: Node) -> int:
    """Return the count of GET /regions/count."""
    return root.need("count").count()


def region(root: Node) -> Region | None:
    """Return the region of GET /region/id/{id}; None for the zero object of a missing one (P13),
    which v6.6 and older show as null.
    """
    if root.value is None:
        return None
    if root.need("id").count() == 0:
        return None
    epoch = root.need("epoch")
    leader = root.find("leader")
    down = root.find("down_peers")
    pending = root.find("pending_peers")
    return Region(
        id=root.need("id").identity(),
        version=_zero_if_absent(epoch, "version"),
        conf_ver=_zero_if_absent(epoch, "conf_ver"),
        peers=tuple(_peer(item) for item in root.need("peers").items()),
        leader_store_id=(_zero_if_absent(leader, "store_id") or None) if leader else None,
        down_store_ids=frozenset(
            item.need("peer").need("store_id").identity() for item in (down.items() if down else ())
        ),
        pending_store_ids=frozenset(
            item.need("store_id").identity() for item in (pending.items() if pending else ())
        ),
        size_mib=root.need("approximate_size").count(),
        start_key=_key(root, "start_key"),
        end_key=_key(root, "end_key"),
    )


def regions(root: Node) -> tuple[Region, ...]:
    """Return the regions of GET /regions/key; ``null`` stands for none."""
    found = root.find("regions")
    candidates = (region(item) for item in (found.items() if found else ()))
    return tuple(item for item in candidates if item is not None)


def running_operator(root: Node) -> str | None:
    """Return the text of GET /operators/{id} while it runs, None once it has ended.

    A status that is not known to be an end counts as running: the careful reading.
    """
    text = root.text()
    match = _OPERATOR.match(text)
    if match is None:
        root.refuse("is no operator status")
    return None if match[1] in _ENDED else text[match.end() :]


def _member(node: Node) -> Member:
    urls = node.need("client_urls")
    return Member(
        name=node.need("name").text(),
        member_id=node.need("member_id").identity(),
        client_urls=tuple(item.text() for item in urls.items()),
    )


def store(item: Node, limits: Mapping[int, StoreLimits]) -> Store:
    """Return one store of GET /stores, of whatever state."""
    meta, status = item.need("store"), item.need("status")
    store_id = meta.need("id").identity()
    name = meta.need("state_name")
    if name.text() not in set(StoreState):
        name.refuse(f"is a state that is not known: {name.text()[:40]!r}")
    address = meta.need("address")
    if len(address.text()) > MAX_ADDRESS:
        address.refuse(f"is longer than {MAX_ADDRESS} characters")
    beat, slow = status.find("last_heartbeat_ts"), status.find("slow_score")
    labels, destroyed = meta.find("labels"), meta.find("physically_destroyed")
    limit = limits.get(store_id)
    return Store(
        id=store_id,
        address=address.text(),
        state=StoreState(name.text()),
        leader_count=status.need("leader_count").count(),
        region_count=status.need("region_count").count(),
        capacity_bytes=status.need("capacity").size_bytes(),
        available_bytes=status.need("available").size_bytes(),
        last_heartbeat=beat.moment() if beat else None,
        labels=dict(_label(label) for label in (labels.items() if labels else ())),
        add_peer_limit_per_minute=limit.add_peer if limit else None,
        remove_peer_limit_per_minute=limit.remove_peer if limit else None,
        slow_score=slow.count() if slow else 0,
        leader_weight=status.need("leader_weight").number(),
        region_weight=status.need("region_weight").number(),
        physically_destroyed=destroyed is not None and destroyed.flag(),
    )


def _label(node: Node) -> tuple[str, str]:
    value = node.find("value")
    return node.need("key").text(), value.text() if value else ""


def _peer(node: Node) -> Peer:
    role = node.need("role_name")
    if role.text() not in set(PeerRole):
        role.refuse(f"is a role that is not known: {role.text()[:40]!r}")
    return Peer(
        id=node.need("id").identity(),
        store_id=node.need("store_id").identity(),
        role=PeerRole(role.text()),
    )


def _key(root: Node, name: str) -> str:
    found = root.find(name)
    return found.text().upper() if found is not None else ""


def _zero_if_absent(node: Node, name: str) -> int:
    found = node.find(name)
    return 0 if found is None else found.count()


def _key_id(name: str, node: Node) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,19}", name, re.ASCII):
        node.refuse("has a key that is not a store id")
    return int(name)
