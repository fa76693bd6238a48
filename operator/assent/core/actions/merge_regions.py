"""MergeRegions: one region is merged into its neighbour, and its id is gone."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import MergeRegions
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, key_range, region_borders
from assent.core.actions.action import (
    Action,
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.actions.on_region import (
    operator_call,
    operators_allowed,
    outcome_note,
    region_target,
)
from assent.core.actions.peer_checks import schedule_not_denied, scheduling_allowed
from assent.core.actions.region_borders import Pair
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

LARGEST_MIB = 500
"""No larger target is ever merged into by PD's own merge checker (maxTargetRegionSize)."""

SOURCE_START, SOURCE_END = "sourceStartKey", "sourceEndKey"
TARGET_START, TARGET_END = "targetStartKey", "targetEndKey"


class MergeRegionsAction(Action[MergeRegions]):
    """POST /operators merge-region (pd-api.md 1.5): two operators of PD, of which the source's
    says CANCEL when all went well (P17). Of what its own merge checker looks at, PD tests only
    health and borders here (P20), so the rest is looked at before.
    """

    type = ActionType.MERGE_REGIONS
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.NOT
    """A split makes two regions again, but the source's id never comes back."""
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = 3600
    """PD gives up after 10 min where both lie on the same stores; it first moves the source's
    peers where they do not, which takes up to 57 min for three (pd-api.md 2.2, P22)."""
    goal_required = False
    readings = frozenset({Reading.PLACEMENT, Reading.REPLICATION, Reading.REGION_LABELS})
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (merge-region)",
        example=MergeRegions(source_region_id=17, target_region_id=21),
        timeout_reason="PD gives up after 10 min, and after up to 57 min where it must first move"
        " three peers of the source",
        raised_by=(
            "High when the source is larger than max-merge-region-size, or when that is not known",
            "High when other placement rules or labels hold for the one than for the other",
        ),
        unchecked_by_pd=(
            "the size of both, and stores that are being removed",
            "borders of rules and labels between them: PD splits there again",
            "hot regions, and keys of different tables",
            "the merge blocks the repair of both regions until it ends",
        ),
    )

    def sentence(self, params: MergeRegions) -> str:
        """Return what it does in one line."""
        return f"merge region {params.source_region_id} into region {params.target_region_id}"

    def pd_ctl(self, params: MergeRegions) -> str:
        """Return the equivalent pd-ctl line."""
        ids = f"{params.source_region_id} {params.target_region_id}"
        return f"pd-ctl operator add merge-region {ids}"

    def scope(self, params: MergeRegions) -> Scope:
        """Return both regions."""
        ids = frozenset({params.source_region_id, params.target_region_id})
        return Scope(region_ids=ids)

    def target(self, params: MergeRegions, snapshot: ClusterSnapshot) -> Target | None:
        """Return the source, by the epochs of both; None unless PD knows both."""
        source = region_target(params.source_region_id, snapshot)
        into = snapshot.regions.get(params.target_region_id)
        if source is None or into is None:
            return None
        identity = [*source.identity, Fact(name="targetEpoch", value=into.epoch)]
        return source.model_copy(update={"identity": identity})

    def risk(self, params: MergeRegions, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when PD's own checker would find the source too large, when other
        rules or labels hold for it, or when any of that is not known.
        """
        raised = [_too_large(params, snapshot), *_borders(params, snapshot)]
        factors = [verdict.message for verdict in raised if not isinstance(verdict, Allow)]
        if factors:
            return Risk(tier=Tier.HIGH, factors=factors)
        return Risk(
            tier=self.base_tier,
            factors=["joins two small neighbours; the id of the source is gone for good"],
        )

    def preconditions(self, params: MergeRegions, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return what PD's merge checker would test and an operator of ours would skip."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        found = [
            checks.prepared(),
            operators_allowed(snapshot),
            scheduling_allowed(snapshot),
            Check("TwoRegions", _two_regions(params)),
            *region_borders.each("Source", params.source_region_id, snapshot),
            *region_borders.each("Target", params.target_region_id, snapshot),
        ]
        pair = _pair(params, snapshot)
        if pair is None:
            return found
        rules, labels = _borders(params, snapshot)
        return (
            *found,
            schedule_not_denied(pair[0], snapshot),
            Check("Neighbours", _neighbours(pair)),
            Check("SizeBounded", _bounded(pair)),
            Check("SizeUsual", _too_large(params, snapshot)),
            Check("SameRules", rules),
            Check("SameLabels", labels),
            Check("MergeNotDenied", region_borders.merge_not_denied(pair, snapshot)),
            Check("SameStores", _same_stores(pair)),
        )

    def already_done(self, params: MergeRegions, snapshot: ClusterSnapshot) -> bool:
        """Return False, always: of a region that is gone nobody knows what it covered."""
        return False

    def call(self, params: MergeRegions) -> PdCall:
        """Return the one call to PD."""
        source, into = params.source_region_id, params.target_region_id
        return operator_call("merge-region", {"source_region_id": source, "target_region_id": into})

    def before(self, params: MergeRegions, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the borders and epochs of both; nothing unless PD knows both."""
        pair = _pair(params, snapshot)
        if pair is None:
            return ()
        source, into = pair
        return (
            Fact(name=SOURCE_START, value=key_range.as_fact(source.start_key)),
            Fact(name=SOURCE_END, value=key_range.as_fact(source.end_key)),
            Fact(name="sourceEpoch", value=source.epoch),
            Fact(name=TARGET_START, value=key_range.as_fact(into.start_key)),
            Fact(name=TARGET_END, value=key_range.as_fact(into.end_key)),
            Fact(name="targetEpoch", value=into.epoch),
        )

    def verify(
        self, params: MergeRegions, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD knows no source any more and the target covers both ranges;
        what the two operators say of themselves is not asked (P17).
        """
        source = snapshot.regions.get(params.source_region_id)
        into = snapshot.regions.get(params.target_region_id)
        after = _seen("source", source) + _seen("target", into)
        if into is None or not before:
            message = f"PD does not show region {params.target_region_id}"
            return Verification(Progress.NOT_SEEN, message, after)
        covers = key_range.named(into.start_key, into.end_key)
        if source is not None:
            note = outcome_note(into.id, snapshot)
            message = f"region {source.id} is still there, region {into.id} covers {covers}{note}"
            return Verification(Progress.NOT_SEEN, message, after)
        gone = f"region {params.source_region_id} is gone, region {into.id} covers {covers}"
        if not _covers_both(into, before):
            message = f"{gone}, which is not the range of both"
            return Verification(Progress.NOT_SEEN, message, after)
        return Verification(Progress.SETTLED, gone, after)

    def unchanged(
        self, params: MergeRegions, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while both regions are as they were."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: MergeRegions, before: Sequence[Fact]) -> PdCall | None:
        """Return None: a split makes two regions again, but not the same ones."""
        return None


def _pair(params: MergeRegions, snapshot: ClusterSnapshot) -> Pair | None:
    source = snapshot.regions.get(params.source_region_id)
    into = snapshot.regions.get(params.target_region_id)
    return None if source is None or into is None else (source, into)


def _seen(name: str, region: Region | None) -> tuple[Fact, ...]:
    if region is None:
        return (Fact(name=name, value="unknown to PD"),)
    return (
        Fact(name=f"{name}StartKey", value=key_range.as_fact(region.start_key)),
        Fact(name=f"{name}EndKey", value=key_range.as_fact(region.end_key)),
        Fact(name=f"{name}Epoch", value=region.epoch),
    )


def _covers_both(into: Region, before: Sequence[Fact]) -> bool:
    old = {fact.name: fact.value for fact in before}
    if old[SOURCE_END] == old[TARGET_START] != "":
        wanted = (old[SOURCE_START], old[TARGET_END])
    else:
        wanted = (old[TARGET_START], old[SOURCE_END])
    return wanted == (key_range.as_fact(into.start_key), key_range.as_fact(into.end_key))


def _two_regions(params: MergeRegions) -> Verdict:
    if params.source_region_id == params.target_region_id:
        return Deny("SameRegion", f"region {params.source_region_id} cannot merge into itself")
    return Allow("source and target differ")


def _neighbours(pair: Pair) -> Verdict:
    source, into = pair
    if key_range.joined(source, into) is None:
        message = (
            f"region {source.id} {key_range.named(source.start_key, source.end_key)} and region "
            f"{into.id} {key_range.named(into.start_key, into.end_key)} do not touch"
        )
        return Deny("NotAdjacent", message)
    return Allow(f"regions {source.id} and {into.id} are neighbours by their keys")


def _bounded(pair: Pair) -> Verdict:
    source, into = pair
    for region in pair:
        if region.size_mib == 0:
            return Hold("SizeUnknown", f"PD does not know the size of region {region.id} yet")
    both = source.size_mib + into.size_mib
    if both > LARGEST_MIB:
        message = f"together they have {both} MiB, more than {LARGEST_MIB}: TiKV would split them"
        return Hold("TooLarge", message)
    return Allow(f"together they have about {both} MiB")


def _too_large(params: MergeRegions, snapshot: ClusterSnapshot) -> Allow | Warn:
    """Return whether PD's own checker would find the source small enough to merge."""
    source = snapshot.regions.get(params.source_region_id)
    bound = snapshot.settings.get("max-merge-region-size", "")
    if source is None or source.size_mib == 0 or not bound.isdigit():
        return Warn("whether the source is small enough for PD's own merging is not known")
    if source.size_mib > int(bound):
        return Warn(
            f"region {source.id} has {source.size_mib} MiB, more than max-merge-region-size {bound}"
        )
    return Allow(f"region {source.id} is small enough for PD's own merging")


def _borders(params: MergeRegions, snapshot: ClusterSnapshot) -> tuple[Allow | Warn, Allow | Warn]:
    pair = _pair(params, snapshot)
    if pair is None:
        unknown = Warn("whether the same rules and labels hold for both is not known")
        return unknown, unknown
    return region_borders.same_rules(pair, snapshot), region_borders.same_labels(pair, snapshot)


def _same_stores(pair: Pair) -> Verdict:
    source, into = pair
    if {(peer.store_id, peer.role) for peer in source.peers} != {
        (peer.store_id, peer.role) for peer in into.peers
    }:
        return Warn(f"PD first moves the peers of region {source.id} to those of {into.id}")
    return Allow("both lie on the same stores")
