"""What placement rules would do together: PD takes any that leave a voter to every range.

Follows ``pkg/schedule/placement/rule.go`` (prepareRulesForApply) and ``label_constraint.go``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assent.api.v1alpha1.parameters.placement import SetPlacementRule
from assent.core.actions.label_constraints import fits
from assent.core.model.call import Json
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot

LEARNER = "learner"
DEFAULT = "pd/default"
TIDB = "TiDB_"
"""Begins the groups that TiDB makes from PLACEMENT POLICY; they override all others."""
TIFLASH = "tiflash"
"""The group that TiDB makes for TiFlash replicas; it adds learners."""

_GROUP_ORDER = {"pd": (0, False), TIFLASH: (120, False)}
_TIDB_ORDER = (40, True)
"""Index and override of TiDB's groups, as TiDB sets them; a snapshot does not show them."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How one range of keys is served."""

    start_key: str
    rules: tuple[PlacementRule, ...]
    """Those that apply there."""

    @property
    def voters(self) -> int:
        """Replicas that vote."""
        return sum(rule.count for rule in self.rules if rule.role != LEARNER)

    @property
    def is_valid(self) -> bool:
        """True when PD would take it: one leader at most, and somebody who may lead."""
        leaders = sum(rule.count for rule in self.rules if rule.role == "leader")
        voters = sum(rule.count for rule in self.rules if rule.role == "voter")
        return leaders <= 1 and leaders + voters >= 1


def asked_document(params: SetPlacementRule) -> dict[str, Json]:
    """Return the rule as it is sent to PD."""
    document: dict[str, Json] = {
        "group_id": params.group_id,
        "id": params.id,
        "index": params.index,
        "override": params.override,
        "start_key": params.start_key.upper(),
        "end_key": params.end_key.upper(),
        "role": params.role.value.lower(),
        "count": params.count,
        "label_constraints": [
            {
                "key": one.key,
                "op": one.op.value[0].lower() + one.op.value[1:],
                "values": list(one.values),
            }
            for one in params.label_constraints
        ],
        "location_labels": list(params.location_labels),
    }
    if params.isolation_level is not None:
        document["isolation_level"] = params.isolation_level
    return document


def asked_rule(params: SetPlacementRule) -> PlacementRule:
    """Return the rule as PD would show it."""
    return PlacementRule(
        group_id=params.group_id,
        id=params.id,
        role=params.role.value.lower(),
        count=params.count,
        start_key=params.start_key.upper(),
        end_key=params.end_key.upper(),
        document=asked_document(params),
    )


def normal(document: Mapping[str, Json]) -> dict[str, Json]:
    """Return the rule with every default filled in, for comparing an ask with what PD shows."""
    found = _list(document, "label_constraints")
    constraints = [one for one in found if isinstance(one, Mapping)]
    return {
        "group_id": document.get("group_id", ""),
        "id": document.get("id", ""),
        "index": document.get("index", 0),
        "override": document.get("override", False),
        "start_key": str(document.get("start_key", "")).upper(),
        "end_key": str(document.get("end_key", "")).upper(),
        "role": document.get("role", ""),
        "is_witness": document.get("is_witness", False),
        "count": document.get("count", 0),
        "label_constraints": [
            {"key": one.get("key", ""), "op": one.get("op", ""), "values": _list(one, "values")}
            for one in constraints
        ],
        "location_labels": _list(document, "location_labels"),
        "isolation_level": document.get("isolation_level", ""),
    }


def coverages(rules: Sequence[PlacementRule], start_keys: Sequence[str]) -> Iterator[Coverage]:
    """Yield what applies at the beginning of each range."""
    for key in start_keys:
        there = [
            rule
            for rule in rules
            if rule.start_key <= key and (rule.end_key == "" or key < rule.end_key)
        ]
        yield Coverage(key, _applied(sorted(there, key=_order)))


def borders(rules: Sequence[PlacementRule], of: Sequence[PlacementRule]) -> list[str]:
    """Return where ranges begin inside those of the rules ``of``."""
    keys = {key for rule in rules for key in (rule.start_key, rule.end_key)}
    return sorted(
        key
        for key in {*keys, ""}
        if any(rule.start_key <= key and (rule.end_key == "" or key < rule.end_key) for rule in of)
    )


def matching(rule: PlacementRule, snapshot: ClusterSnapshot) -> frozenset[int]:
    """Return the healthy stores on which the rule may have a replica.

    PD only asks for one store of any state, and would let TiFlash vote.
    """
    return frozenset(
        store.id
        for store in snapshot.stores
        if store.is_healthy
        and (rule.role == LEARNER or not store.is_tiflash)
        and fits(store, rule.document)
    )


def can_be_placed(rules: Sequence[PlacementRule], snapshot: ClusterSnapshot) -> bool:
    """Return True when every replica of all rules finds a healthy store of its own."""
    places = [matching(rule, snapshot) for rule in rules for _ in range(rule.count)]
    held_by: dict[int, int] = {}

    def placed(replica: int, seen: set[int]) -> bool:
        for store_id in sorted(places[replica] - seen):
            seen.add(store_id)
            if store_id not in held_by or placed(held_by[store_id], seen):
                held_by[store_id] = replica
                return True
        return False

    return all(placed(replica, set()) for replica in range(len(places)))


def is_known_group(group_id: str) -> bool:
    """Return True for a group whose order and override are known without asking PD."""
    return group_id in _GROUP_ORDER or group_id.startswith(TIDB)


def _group(rule: PlacementRule) -> tuple[int, bool]:
    if rule.group_id.startswith(TIDB):
        return _TIDB_ORDER
    return _GROUP_ORDER.get(rule.group_id, (0, False))


def _order(rule: PlacementRule) -> tuple[int, str, int, str]:
    index = rule.document.get("index", 0)
    return _group(rule)[0], rule.group_id, index if isinstance(index, int) else 0, rule.id


def _applied(rules: Sequence[PlacementRule]) -> tuple[PlacementRule, ...]:
    found: list[PlacementRule] = []
    group: list[PlacementRule] = []
    for number, rule in enumerate(rules):
        if number > 0 and rule.group_id != rules[number - 1].group_id:
            found = [] if _group(rule)[1] else [*found, *group]
            group = []
        if rule.document.get("override") is True:
            group = []
        group.append(rule)
    return (*found, *group)


def _list(document: Mapping[str, Json], name: str) -> list[Json]:
    value = document.get(name)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return []
