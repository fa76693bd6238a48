"""What lies between two neighbours: rules and labels that hold for the one and not the other.

PD's own merge checker looks at them; an operator that we ask for does not (P20), and PD then
splits the merged region there again.
"""

from collections.abc import Sequence
from dataclasses import replace

from assent.core.actions import key_range, region_health
from assent.core.actions.on_region import region_checks
from assent.core.model.placement import RegionLabelRule
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Allow, Check, Hold, Verdict, Warn

Pair = tuple[Region, Region]
"""Source and target."""

MERGE_OPTION = "merge_option"


def each(role: str, region_id: int, snapshot: ClusterSnapshot) -> Sequence[Check]:
    """Return the checks of one of two regions; every name begins with its role."""
    found = [
        replace(check, name=check.name.replace("Region", role, 1))
        for check in region_checks(region_id, snapshot)
    ]
    region = snapshot.regions.get(region_id)
    if region is None:
        return found
    return (
        *found,
        Check(f"{role}InStep", region_health.in_step(region)),
        Check(f"{role}StoresUp", region_health.on_healthy_stores(region, snapshot)),
        Check(f"{role}Replicated", region_health.replicated(region, snapshot)),
    )


def same_rules(pair: Pair, snapshot: ClusterSnapshot) -> Allow | Warn:
    """Return whether the same placement rules hold for both. Needs the readings of
    ``region_health.replicated``.
    """
    if (snapshot.replication or {}).get("enable-placement-rules") == "false":
        return Allow("placement rules are disabled")
    ours, theirs = (_rules(region, snapshot) for region in pair)
    if ours is None or theirs is None:
        return Warn("whether the same placement rules hold for both is not known")
    if ours != theirs:
        shown = ", ".join(sorted(ours ^ theirs)[:8])
        return Warn(f"placement rules hold for one of the two only: {shown}; PD splits there again")
    return Allow("the same placement rules hold for both")


def same_labels(pair: Pair, snapshot: ClusterSnapshot) -> Allow | Warn:
    """Return whether the same label rules hold for both. Needs the reading REGION_LABELS."""
    if snapshot.label_rules is None:
        return Warn("whether the same labels hold for both is not known")
    ours, theirs = (
        {rule.id for rule in snapshot.label_rules if _holds(rule, region)} for region in pair
    )
    if ours != theirs:
        shown = ", ".join(sorted(ours ^ theirs)[:8])
        return Warn(f"label rules hold for one of the two only: {shown}; PD splits there again")
    return Allow("the same label rules hold for both")


def merge_not_denied(pair: Pair, snapshot: ClusterSnapshot) -> Verdict:
    """Return whether somebody has labelled either region ``merge_option: deny``."""
    if snapshot.label_rules is None:
        return Hold("LabelsUnknown", "PD's region labels have not been read")
    for rule in snapshot.label_rules:
        if rule.labels.get(MERGE_OPTION) == "deny" and any(_holds(rule, item) for item in pair):
            return Hold("MergeDenied", f"label rule {rule.id[:100]} says {MERGE_OPTION}: deny")
    return Allow("no label denies merging")


def _rules(region: Region, snapshot: ClusterSnapshot) -> set[str] | None:
    fit = snapshot.region_fits.get(region.id)
    return None if fit is None or not fit.rules else {rule.key for rule in fit.rules}


def _holds(rule: RegionLabelRule, region: Region) -> bool:
    return any(key_range.overlaps(region, start, end) for start, end in rule.ranges)
