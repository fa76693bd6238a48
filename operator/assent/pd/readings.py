"""The readings that cost calls of their own, as values; no I/O. See ``core.model.reading``."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assent.core.model.call import Json
from assent.core.model.member import PdMember, Removal
from assent.core.model.operator import EndedOperator
from assent.core.model.placement import PlacementRule, RegionFit, RegionLabelRule
from assent.core.model.snapshot import Store, StoreState
from assent.pd import schemas
from assent.pd.fields import Node

_LONGEST_SECONDS = 10 * 365 * 86400.0
"""PD says "the largest float" when nothing moves: longer than ten years is no estimate."""

_SCHEDULER_OF_TYPE = {"hot-region": "balance-hot-region-scheduler"}
"""Where the name of a scheduler is not its type in the configuration with ``-scheduler``."""


def settings(root: Node) -> dict[str, str]:
    """Return every scalar of a section of PD's configuration as JSON text without quotes."""
    found = {}
    for name, node in root.members():
        if isinstance(node.value, str):
            found[name] = node.value
        elif isinstance(node.value, (bool, int, float)):
            found[name] = json.dumps(node.value)
    return found


def disabled_schedulers(schedule: Node) -> frozenset[str]:
    """Return the default schedulers that ``schedulers-v2`` of GET /config/schedule has disabled."""
    configured = schedule.find("schedulers-v2")
    names = set()
    for item in configured.items() if configured else ():
        if (off := item.find("disable")) is not None and off.flag():
            kind = item.need("type").text()
            names.add(_SCHEDULER_OF_TYPE.get(kind, f"{kind}-scheduler"))
    return frozenset(names)


def paused_schedulers(root: Node) -> dict[str, datetime]:
    """Return GET /schedulers?status=paused&timestamp by name: when each resumes by itself."""
    return {
        item.need("name").text(): item.need("resume_at").moment()
        for item in (root.items() if root.value is not None else ())
    }


def placement_rules(root: Node) -> tuple[PlacementRule, ...]:
    """Return the rules of GET /config/rules."""
    return tuple(_rule(item) for item in (root.items() if root.value is not None else ()))


def region_fit(root: Node) -> RegionFit:
    """Return how a region fits (GET /config/rules/region/{id}/detail)."""
    orphans, fits = root.find("orphan-peers"), root.find("rule-fits")
    rules, stores = [], {}
    for fit in fits.items() if fits else ():
        rule = _rule(fit.need("rule"))
        rules.append(rule)
        stores[rule.key] = _store_ids(fit.find("peers"))
    return RegionFit(tuple(rules), stores, _store_ids(orphans))


def label_rules(root: Node) -> tuple[RegionLabelRule, ...]:
    """Return the rules of GET /config/region-label/rules, ordered by id."""
    found = (_label_rule(item) for item in (root.items() if root.value is not None else ()))
    return tuple(sorted(found, key=lambda rule: rule.id))


def members(known: Node, health: Node) -> tuple[PdMember, ...]:
    """Return the members of GET /members with what GET /health says of each, ordered by name."""
    healthy = {item.need("member_id").identity() for item in health.items() if _is_healthy(item)}
    found = schemas.membership(known)
    leader = found.leader.member_id if found.leader else None
    return tuple(
        sorted(
            (
                PdMember(
                    name=member.name,
                    id=member.member_id,
                    healthy=member.member_id in healthy,
                    is_leader=member.member_id == leader,
                )
                for member in found.members
            ),
            key=lambda member: member.name,
        )
    )


def tombstones(root: Node) -> tuple[Store, ...]:
    """Return the tombstones of GET /stores?state=2, ordered by id."""
    found = (schemas.store(item, {}) for item in root.need("stores").items())
    kept = (store for store in found if store.state is StoreState.TOMBSTONE)
    return tuple(sorted(kept, key=lambda store: store.id))


def removal(root: Node) -> Removal:
    """Return the progress of GET /stores/progress?id=."""
    left = root.need("left_seconds").value
    known = isinstance(left, (int, float)) and 0 <= left < _LONGEST_SECONDS
    return Removal(
        percent=min(100, int(root.need("progress").number() * 100)),
        left_seconds=float(left) if known else None,  # type: ignore[arg-type]  # known: a number
    )


def ended_operator(root: Node) -> EndedOperator | None:
    """Return the operator of GET /operators/{id} once it has ended, None while it runs."""
    text = root.text()
    if schemas.running_operator(root) is not None:
        return None
    return EndedOperator(status=text.split(",", 1)[0].removeprefix("status: "), text=text)


def _rule(node: Node) -> PlacementRule:
    group, start, end = node.find("group_id"), node.find("start_key"), node.find("end_key")
    return PlacementRule(
        group_id=group.text() if group else "",
        id=node.need("id").text(),
        role=node.need("role").text(),
        count=node.need("count").count(),
        start_key=start.text().upper() if start else "",
        end_key=end.text().upper() if end else "",
        document=_document(node),
    )


def _label_rule(node: Node) -> RegionLabelRule:
    labels, data = node.find("labels"), node.find("data")
    ranges = data.items() if data is not None and isinstance(data.value, list) else ()
    return RegionLabelRule(
        id=node.need("id").text(),
        labels={
            item.need("key").text(): item.need("value").text()
            for item in (labels.items() if labels else ())
        },
        ranges=tuple(
            (item.need("start_key").text().upper(), item.need("end_key").text().upper())
            for item in ranges
        ),
        document=_document(node),
    )


def _document(node: Node) -> Mapping[str, Json]:
    value: Any = node.value
    return dict(value)


def _store_ids(peers: Node | None) -> frozenset[int]:
    return frozenset(
        peer.need("store_id").identity() for peer in (peers.items() if peers is not None else ())
    )


def _is_healthy(item: Node) -> bool:
    found = item.find("health")
    return found is not None and found.flag()
