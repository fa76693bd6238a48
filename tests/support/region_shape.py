"""Splits, merges, scatters and cancellations for the generated clusters of the property tests."""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import (
    CancelOperator,
    MergeRegions,
    ScatterRegion,
    SplitPolicy,
    SplitRegion,
)
from assent.core.model.call import PdCall
from assent.core.model.placement import PlacementRule, RegionFit, RegionLabelRule
from assent.core.model.snapshot import ClusterSnapshot, Region, StoreState

OPERATOR = (
    "{desc} {{{brief}}} (kind:admin,region, region:{region}(3, 5), createAt:2026-03-01 11:59:00 "
    "+0000 UTC m=+{age}.5, startAt:2026-03-01 11:59:00 +0000 UTC m=+{age}.6, currentStep:0, "
    "size:96, steps:[0:{{add learner peer 77 on store 4}}], timeout:[17m0s])"
)
BORDERS = ("", "7480", "748060", "7490", "74A0", "74B0", "")
DENY_MERGE = RegionLabelRule("no-merge", {"merge_option": "deny"}, (("7480", "7490"),), {})
QUIET = RegionLabelRule("quiet", {"schedule": "deny"}, (("7490", "74A0"),), {})

_CANCEL = re.compile(r"^/pd/api/v1/operators/(\d+)$")

Drawn = tuple[ApiModel, ClusterSnapshot]


def operator_text(desc: str, region_id: int, *, age: int = 7, brief: str = "") -> str:
    """Return an operator's text as PD shows it (pd-api.md 2.6)."""
    brief = brief or "mv peer: store [1] to [4]"
    return OPERATOR.format(desc=desc, region=region_id, age=age, brief=brief)


def rule(count: int, *, group_id: str = "pd", rule_id: str = "default") -> PlacementRule:
    """Return a placement rule for voters over all keys."""
    return PlacementRule(group_id, rule_id, "voter", count, "", "", {})


def fit_of(region: Region, *, missing: int = 0) -> RegionFit:
    """Return a fit in which one rule wants exactly the region's peers, and some more."""
    default = rule(len(region.peers) + missing)
    stores = frozenset(peer.store_id for peer in region.peers)
    return RegionFit((default,), {default.key: stores}, frozenset())


def _laid_out(draw: st.DrawFn, seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the cluster with borders, fits, labels and the settings that the actions look at."""
    first = draw(st.integers(0, 1))
    borders = BORDERS[first:]
    regions = {
        item.id: replace(
            item,
            start_key=borders[place],
            end_key=borders[place + 1] if place + 1 < len(borders) else "",
        )
        for place, item in enumerate(seen.sample)
    }
    settings = {
        **seen.settings,
        "enable-tikv-split-region": draw(st.sampled_from(["true", "true", "true", "false"])),
        "max-merge-region-size": draw(st.sampled_from(["20", "54", "200"])),
    }
    if draw(st.integers(0, 9)) == 0:
        settings.pop("enable-tikv-split-region")
    rules = draw(st.sampled_from([None, (), (), (QUIET,), (DENY_MERGE, QUIET)]))
    asked = {number: regions[number] for number in seen.regions}
    return replace(
        seen,
        sample=tuple(regions.values()),
        regions=asked,
        settings=settings,
        label_rules=rules,
        replication=draw(
            st.sampled_from(
                [
                    None,
                    {"enable-placement-rules": "true"},
                    {"enable-placement-rules": "true"},
                    {"enable-placement-rules": "false", "max-replicas": "3"},
                ]
            )
        ),
        region_fits={
            number: fit_of(item, missing=int(draw(st.integers(0, 9)) == 0))
            for number, item in asked.items()
            if draw(st.integers(0, 9))
        },
    )


def _region_id(draw: st.DrawFn, seen: ClusterSnapshot) -> int:
    return draw(st.sampled_from([*seen.regions, *seen.regions, *seen.regions, 12345]))


def _split(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    seen = _laid_out(draw, seen)
    number, policy = _region_id(draw, seen), draw(st.sampled_from(SplitPolicy))
    known = seen.regions.get(number)
    start = known.start_key if known is not None else "7480"
    inside = [f"{start}{digits}" for digits in ("01", "0101", "02")]
    keys = draw(st.sampled_from([inside, inside, inside[:1], inside[::-1], ["74FF"], None]))
    if policy is not SplitPolicy.USE_KEY and draw(st.integers(0, 9)):
        keys = None
    return SplitRegion(region_id=number, policy=policy, keys=keys), seen


def _merge(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    seen = _laid_out(draw, seen)
    ordered = list(seen.regions) or [12345]
    pairs = list(itertools.pairwise(ordered)) or [(ordered[0], 12345)]
    source, into = draw(st.sampled_from([*pairs, *pairs, (ordered[0], ordered[-1])]))
    if draw(st.integers(0, 3)):
        seen = _fit_to_merge(draw, seen)
    if draw(st.booleans()):
        source, into = into, source
    return MergeRegions(source_region_id=source, target_region_id=into), seen


def _fit_to_merge(draw: st.DrawFn, seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the cluster with small, whole regions: by chance hardly any pair is."""
    small = {
        item.id: replace(
            item,
            size_mib=draw(st.sampled_from([5, 5, 20, 300])),
            down_store_ids=frozenset(),
            pending_store_ids=frozenset(),
        )
        for item in seen.sample
    }
    up = [
        replace(store, state=StoreState.UP, last_heartbeat=seen.taken_at) for store in seen.stores
    ]
    return replace(
        seen,
        stores=tuple(up),
        sample=tuple(small.values()),
        regions={number: small[number] for number in seen.regions},
        region_fits={number: fit_of(small[number]) for number in seen.regions},
        replication={"enable-placement-rules": "true"},
        label_rules=draw(st.sampled_from([(), (QUIET,)])),
    )


def _scatter(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    seen = _laid_out(draw, seen)
    return ScatterRegion(region_id=_region_id(draw, seen)), seen


def _cancel(draw: st.DrawFn, seen: ClusterSnapshot) -> Drawn:
    number = _region_id(draw, seen)
    names = st.sampled_from(["admin-move-peer", "admin-move-peer", "replace-rule-down-peer"])
    text = operator_text(draw(names), number)
    shown = draw(st.sampled_from([text, text, text, text.replace(", timeout", "，timeout"), "?"]))
    running = dict(seen.running_operators)
    if number in seen.regions and draw(st.integers(0, 9)):
        running[number] = shown
    return CancelOperator(region_id=number, operator=draw(names)), replace(
        seen, running_operators=running
    )


REGION_SHAPE_ASKS: Mapping[ActionType, Callable[[st.DrawFn, ClusterSnapshot], Drawn]] = {
    ActionType.SPLIT_REGION: _split,
    ActionType.MERGE_REGIONS: _merge,
    ActionType.SCATTER_REGION: _scatter,
    ActionType.CANCEL_OPERATOR: _cancel,
}
"""Rows of the table in ``asks``."""


def apply_to_shape(call: PdCall, seen: ClusterSnapshot) -> ClusterSnapshot | None:
    """Return the snapshot after the call and what the stores make of it, None for another call.

    A scatter moves the leader, or where there is only one peer the whole region is another.
    """
    if (found := _CANCEL.match(call.path)) and call.method == "DELETE":
        running = {
            key: text for key, text in seen.running_operators.items() if key != int(found[1])
        }
        return replace(seen, running_operators=running)
    body = call.body or {}
    if (call.method, call.path) != ("POST", "/pd/api/v1/operators"):
        return None
    if body["name"] == "split-region":
        return _after_split(seen, seen.regions[_number(body["region_id"])], body.get("keys"))
    if body["name"] == "merge-region":
        source = seen.regions[_number(body["source_region_id"])]
        return _after_merge(seen, source, seen.regions[_number(body["target_region_id"])])
    if body["name"] == "scatter-region":
        return _after_scatter(seen, seen.regions[_number(body["region_id"])])
    return None


def _after_split(seen: ClusterSnapshot, region: Region, keys: object) -> ClusterSnapshot:
    cuts = keys if isinstance(keys, list) else [f"{region.start_key}80"]
    return _with(
        seen,
        replace(region, start_key=cuts[-1], version=region.version + len(cuts)),
        more=len(cuts),
    )


def _after_merge(seen: ClusterSnapshot, source: Region, into: Region) -> ClusterSnapshot:
    start, end = into.start_key, into.end_key
    if source.end_key == into.start_key != "":
        start = source.start_key
    else:
        end = source.end_key
    version = max(source.version, into.version) + 1
    merged = replace(into, start_key=start, end_key=end, version=version)
    after = _with(seen, merged, more=-1)
    return replace(
        after,
        regions={key: item for key, item in after.regions.items() if key != source.id},
        sample=tuple(item for item in after.sample if item.id != source.id),
    )


def _after_scatter(seen: ClusterSnapshot, region: Region) -> ClusterSnapshot:
    first, *others = region.peers
    free = next(
        (item.id for item in seen.stores if region.peer_on(item.id) is None), first.store_id + 100
    )
    moved = replace(first, id=first.id + 1000, store_id=free)
    leader = free if region.leader_store_id == first.store_id else region.leader_store_id
    return _with(seen, replace(region, peers=(moved, *others), leader_store_id=leader), more=0)


def _with(seen: ClusterSnapshot, region: Region, *, more: int) -> ClusterSnapshot:
    return replace(
        seen,
        regions={**seen.regions, region.id: region},
        sample=tuple(region if item.id == region.id else item for item in seen.sample),
        region_count=seen.region_count + more,
    )


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
