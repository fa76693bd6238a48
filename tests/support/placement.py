"""Placement rules, label rules and PD members for tests: builders, asks, and what a call does."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.parameters.placement import (
    DeleteRegionLabelRule,
    KeyRange,
    LabelConstraint,
    LabelOperator,
    RegionLabel,
    RuleRole,
    SetPlacementRule,
    SetRegionLabelRule,
)
from assent.core.model.call import PdCall
from assent.core.model.member import PdMember
from assent.core.model.placement import PlacementRule, RegionLabelRule
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.snapshots import REPLICATION, snapshot

UNIX_DATE = "%a %b %d %H:%M:%S UTC %Y"
"""How a PD that runs in UTC writes a time."""


def rule(rule_id: str = "default", group: str = "pd", **fields: Any) -> PlacementRule:
    """Return a rule as PD shows it: three voters of all keys unless told otherwise."""
    document: dict[str, Any] = {
        "group_id": group,
        "id": rule_id,
        "start_key": "",
        "end_key": "",
        "role": "voter",
        "is_witness": False,
        "count": 3,
        **fields,
    }
    return shown_rule(document)


def shown_rule(document: Mapping[str, Any]) -> PlacementRule:
    """Return what the snapshot makes of a rule's JSON."""
    return PlacementRule(
        group_id=document["group_id"],
        id=document["id"],
        role=document["role"],
        count=document["count"],
        start_key=document["start_key"].upper(),
        end_key=document["end_key"].upper(),
        document=dict(document),
    )


def label_rule(
    rule_id: str = "maintenance", *labels: Mapping[str, str], **fields: Any
) -> RegionLabelRule:
    """Return a label rule as PD shows it: schedule=deny on all keys unless told otherwise."""
    document: dict[str, Any] = {
        "id": rule_id,
        "index": 0,
        "labels": list(labels) or [{"key": "schedule", "value": "deny"}],
        "rule_type": "key-range",
        "data": [{"start_key": "", "end_key": ""}],
        **fields,
    }
    return shown_label_rule(document)


def shown_label_rule(document: Mapping[str, Any]) -> RegionLabelRule:
    """Return what the snapshot makes of a label rule's JSON."""
    return RegionLabelRule(
        id=document["id"],
        labels={label["key"]: label["value"] for label in document["labels"]},
        ranges=tuple((one["start_key"], one["end_key"]) for one in document["data"]),
        document=dict(document),
    )


def members(*healthy: bool, leader: int = 0) -> tuple[PdMember, ...]:
    """Return members pd-0, pd-1, …: three healthy ones unless told otherwise."""
    return tuple(
        PdMember(name=f"pd-{index}", id=11 + index, healthy=well, is_leader=index == leader)
        for index, well in enumerate(healthy or (True, True, True))
    )


def placed(*rules: PlacementRule, **changes: Any) -> ClusterSnapshot:
    """Return a healthy cluster of four stores with these rules, or PD's default one."""
    fields: dict[str, Any] = {
        "placement_rules": rules or (rule(),),
        "replication": REPLICATION,
        "label_rules": (),
        "members": members(),
        "paused_schedulers": {},
    }
    return snapshot(*changes.pop("stores", ()), **{**fields, **changes})


# What a call does


def apply_placement(call: PdCall, seen: ClusterSnapshot) -> ClusterSnapshot | None:
    """Return the snapshot after the call, None when it is none of these."""
    path = call.path.removeprefix("/pd/api/v1")
    body: Any = call.body
    if (call.method, path) == ("POST", "/config/rule"):
        return _rule_set(body, seen)
    if call.method == "DELETE" and path.startswith("/config/rule/"):
        key = path.removeprefix("/config/rule/")
        rules = tuple(one for one in seen.placement_rules or () if one.key != key)
        return replace(seen, placement_rules=rules)
    if (call.method, path) == ("POST", "/config/region-label/rule"):
        return _label_rule_set(body, seen)
    if call.method == "DELETE" and path.startswith("/config/region-label/rule/"):
        gone = unquote(path.removeprefix("/config/region-label/rule/"))
        rules_left = tuple(one for one in seen.label_rules or () if one.id != gone)
        return replace(seen, label_rules=rules_left)
    if call.method == "POST" and path.startswith("/leader/transfer/"):
        return _led_by(path.removeprefix("/leader/transfer/"), seen)
    return None


def _rule_set(body: Any, seen: ClusterSnapshot) -> ClusterSnapshot:
    # PD leaves out what is empty, and counts in a field of its own.
    empty = ("index", "override", "label_constraints", "location_labels", "isolation_level")
    document = {name: value for name, value in body.items() if value or name not in empty}
    key = f"{body['group_id']}/{body['id']}"
    former = next((one for one in seen.placement_rules or () if one.key == key), None)
    # PD counts changes; that alone is no difference, so it stays as it was.
    counted = (
        {"version": former.document["version"]} if former and "version" in former.document else {}
    )
    shown = shown_rule({"is_witness": False, **document, **counted})
    others = [one for one in seen.placement_rules or () if one.key != shown.key]
    after = replace(seen, placement_rules=tuple(sorted([*others, shown], key=lambda one: one.key)))
    if shown.key != "pd/default":
        return after
    return replace(
        after, replication={**(seen.replication or {}), "max-replicas": str(shown.count)}
    )


def _label_rule_set(body: Any, seen: ClusterSnapshot) -> ClusterSnapshot:
    now = seen.taken_at.strftime(UNIX_DATE)
    labels = [{"start_at": now, **one} if "ttl" in one else one for one in body["labels"]]
    shown = shown_label_rule({**body, "labels": labels})
    others = [one for one in seen.label_rules or () if one.id != shown.id]
    return replace(seen, label_rules=tuple(sorted([*others, shown], key=lambda one: one.id)))


def _led_by(name: str, seen: ClusterSnapshot) -> ClusterSnapshot:
    found = next(one for one in seen.members or () if one.name == name)
    after = tuple(replace(one, is_leader=one is found) for one in seen.members or ())
    pd = replace(seen.pd, leader_name=found.name, leader_id=found.id)
    return replace(seen, members=after, pd=pd)


# Asks for generated clusters


def dressed(draw: st.DrawFn, seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the cluster with rules, label rules and members as a PD could show them."""
    dice = draw(st.randoms(use_true_random=True))
    count = dice.choice([1, 2, 3])
    rules = [rule(count=count, version=dice.randint(1, 9))]
    if dice.random() < 0.5:
        rules.append(rule("extra", role=dice.choice(["follower", "learner"]), count=1, index=1))
    if dice.random() < 0.2:
        rules.append(rule("table_1", group="TiDB_DDL_1", start_key="74", end_key="75", count=2))
    hour = (seen.taken_at - timedelta(hours=1)).strftime(UNIX_DATE)
    labelled = [
        label_rule("keyspaces/0", {"key": "id", "value": "0"}),
        label_rule("window", {"key": "schedule", "value": "deny", "ttl": "2h", "start_at": hour}),
        label_rule("team/red", {"key": "team", "value": "red"}),
    ]
    others = [dice.random() < 0.95 for _ in range(dice.choice([0, 2, 2, 4]))]
    shown: dict[str, Any] = {
        "placement_rules": tuple(rules),
        "replication": {**REPLICATION, "max-replicas": str(count)},
        "label_rules": tuple(one for one in labelled if dice.random() < 0.7),
        "members": members(True, *others),
        "paused_schedulers": {"balance-leader-scheduler": seen.taken_at + timedelta(minutes=5)}
        if dice.random() < 0.2
        else {},
    }
    if dice.random() < 0.1:
        shown[dice.choice(sorted(shown))] = None
    pd = replace(seen.pd, leader_name="pd-0")
    # In the order in which PD shows them.
    found = replace(seen, pd=pd, **shown)
    return replace(
        found,
        placement_rules=_sorted(found.placement_rules, lambda one: one.key),
        label_rules=_sorted(found.label_rules, lambda one: one.id),
    )


def _sorted(found: Any, key: Callable[[Any], str]) -> Any:
    return None if found is None else tuple(sorted(found, key=key))


def _set_placement_rule(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    group, rule_id = draw(
        st.sampled_from(
            [("pd", "default"), ("pd", "extra"), ("pd", "new"), ("own", "new"), ("TiDB_DDL_1", "x")]
        )
    )
    keys = [("", ""), ("", ""), ("74", "75"), ("7480ff", ""), ("75", "74")]
    start, end = draw(st.sampled_from(keys))
    constraint = LabelConstraint(key="zone", op=LabelOperator.IN, values=("a", "b"))
    return (
        SetPlacementRule(
            group_id=group,
            id=rule_id,
            index=draw(st.sampled_from([0, 0, 2])),
            override=draw(st.integers(0, 9)) == 0,
            start_key=start,
            end_key=end,
            role=draw(st.sampled_from(RuleRole)),
            count=draw(st.integers(1, 4)),
            label_constraints=draw(st.sampled_from([(), (), (constraint,)])),
            location_labels=draw(st.sampled_from([(), (), ("zone",)])),
        ),
        dressed(draw, seen),
    )


_LABEL_RULE_IDS = ["team/red", "window", "new", "new/er", "keyspaces/0"]


def _set_region_label_rule(
    draw: st.DrawFn, seen: ClusterSnapshot
) -> tuple[ApiModel, ClusterSnapshot]:
    ttl = draw(st.sampled_from([None, "5s", "30m", "2h"]))
    label = draw(st.sampled_from([("schedule", "deny"), ("team", "red")]))
    return (
        SetRegionLabelRule(
            id=draw(st.sampled_from(_LABEL_RULE_IDS)),
            labels=(RegionLabel(key=label[0], value=label[1], ttl=ttl),),
            ranges=(KeyRange(end_key=draw(st.sampled_from(["", "74", "7480ff"]))),),
        ),
        dressed(draw, seen),
    )


def _delete_region_label_rule(
    draw: st.DrawFn, seen: ClusterSnapshot
) -> tuple[ApiModel, ClusterSnapshot]:
    params = DeleteRegionLabelRule(id=draw(st.sampled_from(_LABEL_RULE_IDS)))
    return params, dressed(draw, seen)


def _transfer_pd_leader(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    name = draw(st.sampled_from(["pd-0", "pd-1", "pd-1", "pd-2", "pd-9"]))
    return TransferPDLeader(to_member=name), dressed(draw, seen)


PLACEMENT_ASKS: Mapping[
    ActionType, Callable[[st.DrawFn, ClusterSnapshot], tuple[ApiModel, ClusterSnapshot]]
] = {
    ActionType.SET_PLACEMENT_RULE: _set_placement_rule,
    ActionType.SET_REGION_LABEL_RULE: _set_region_label_rule,
    ActionType.DELETE_REGION_LABEL_RULE: _delete_region_label_rule,
    ActionType.TRANSFER_PD_LEADER: _transfer_pd_leader,
}
"""One row a type, for ``tests.support.asks``."""
