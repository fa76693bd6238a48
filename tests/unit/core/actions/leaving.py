"""A cluster from which store 4 may leave, and ways in which it may not."""

from typing import Any

from assent.core.model.call import Json
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot, Store
from tests.support.snapshots import REPLICATION, SETTINGS, region, snapshot, store

RULE: dict[str, Json] = {"group_id": "pd", "id": "default", "role": "voter", "count": 3}


def rule(count: int = 3, **document: Json) -> PlacementRule:
    """Return the default rule with another count, and more in its document."""
    return PlacementRule("pd", "default", "voter", count, "", "", {**RULE, **document})


def only(key: str, op: str, *values: str) -> list[Json]:
    """Return label constraints of one."""
    return [{"key": key, "op": op, "values": list(values)}]


def cluster(*stores: Store, **changes: Any) -> ClusterSnapshot:
    """Return four healthy stores with all readings, or those given, with changes."""
    found = stores or tuple(store(number) for number in (1, 2, 3, 4))
    shown = {
        "settings": SETTINGS,
        "replication": REPLICATION,
        "placement_rules": (rule(),),
        "sample": (region(7), region(8, on=(1, 2, 4))),
        "tombstones": (),
        "removals": {},
    }
    return snapshot(*found, **{**shown, **changes})


def four(**changes: Any) -> ClusterSnapshot:
    """Return the cluster with store 4 changed."""
    return cluster(store(1), store(2), store(3), store(4, **changes))


def three(**changes: Any) -> ClusterSnapshot:
    """Return the cluster with store 3 changed."""
    return cluster(store(1), store(2), store(3, **changes), store(4))
