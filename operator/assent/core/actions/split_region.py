"""SplitRegion: one region becomes two or more, in the middle or at given keys."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import SplitPolicy, SplitRegion
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, key_range
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_region import (
    RegionAction,
    operator_call,
    operators_allowed,
    outcome_note,
    region_checks,
)
from assent.core.model.call import Json, PdCall
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

START = "startKey"
END = "endKey"
VERSION = "version"


class SplitRegionAction(RegionAction[SplitRegion]):
    """POST /operators split-region (pd-api.md 1.5); never POST /regions/split, which may spin a
    CPU of PD for ever (P38). PD does not look at the keys (P08), so we do.
    """

    type = ActionType.SPLIT_REGION
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.NOT
    """A merge of the parts would be another action, on ids that nobody knows beforehand."""
    idempotency = Idempotency.NEVER_REPEAT
    """A repeat splits a part again."""
    timeout_seconds = 330
    """PD gives up after 60 s, or 0.6 s a MiB (pd-api.md 2.2, P22): 5 min for 500 MiB."""
    goal_required = False
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (split-region)",
        example=SplitRegion(region_id=17, policy=SplitPolicy.APPROXIMATE),
        timeout_reason="PD gives up after 60 s, or 0.6 s a MiB: 5 min for 500 MiB, with margin",
        unchecked_by_pd=(
            "keys outside the region: PD says yes, and gives up a minute later (P08)",
            "halt-scheduling and enable-tikv-split-region=false: PD gives out no new region ids",
            "small parts: the merge checker joins them again after split-merge-interval (P21)",
        ),
    )

    def sentence(self, params: SplitRegion) -> str:
        """Return what it does in one line."""
        if params.policy is not SplitPolicy.USE_KEY:
            return f"split region {params.region_id} in the middle ({params.policy.value})"
        count = len(params.keys or ())
        return f"split region {params.region_id} at {count} given {'key' if count == 1 else 'keys'}"

    def pd_ctl(self, params: SplitRegion) -> str:
        """Return the equivalent pd-ctl line."""
        line = f"pd-ctl operator add split-region {params.region_id} --policy={_wire(params)}"
        return line if params.keys is None else f"{line} --keys={','.join(params.keys)}"

    def risk(self, params: SplitRegion, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium, always: no data moves, and no way leads straight back."""
        return Risk(
            tier=self.base_tier,
            factors=["cuts one region where it is, no data moves; only a merge takes it back"],
        )

    def preconditions(self, params: SplitRegion, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return what PD accepts silently and then never does, beside a region at rest."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        found = [
            checks.prepared(),
            operators_allowed(snapshot),
            Check("SplitsAllowed", _splits_allowed(snapshot)),
            *region_checks(params.region_id, snapshot),
        ]
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return found
        return (
            *found,
            Check("KeysUsable", _keys_usable(params, region)),
            Check("MiddleExists", _middle_exists(params, region)),
            Check("PartsStay", _parts_stay(region, snapshot)),
        )

    def already_done(self, params: SplitRegion, snapshot: ClusterSnapshot) -> bool:
        """Return False, always: a split is asked of the region as it is."""
        return False

    def call(self, params: SplitRegion) -> PdCall:
        """Return the one call to PD."""
        arguments: dict[str, Json] = {"region_id": params.region_id, "policy": _wire(params)}
        if params.keys is not None:
            arguments["keys"] = list(params.keys)
        return operator_call("split-region", arguments)

    def before(self, params: SplitRegion, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the region's borders and version; nothing when PD does not know the region."""
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return ()
        return (
            Fact(name=START, value=key_range.as_fact(region.start_key)),
            Fact(name=END, value=key_range.as_fact(region.end_key)),
            Fact(name=VERSION, value=str(region.version)),
        )

    def verify(
        self, params: SplitRegion, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once one border stands as before, the other has moved (to one of the
        keys, where keys were given), and the version says that enough parts came of it (P43).
        """
        after = self.before(params, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None or not before:
            message = f"PD does not show region {params.region_id}"
            return Verification(Progress.NOT_SEEN, message, after)
        old = {fact.name: fact.value for fact in before}
        parts = region.version - int(old[VERSION]) + 1
        shown = (
            f"region {region.id} is now {key_range.named(region.start_key, region.end_key)} "
            f"at version {region.version}, it was at {old[VERSION]}"
        )
        if parts < 2 or not _cut(params, region, old):
            note = outcome_note(region.id, snapshot)
            return Verification(Progress.NOT_SEEN, f"{shown}{note}", after)
        wanted = len(params.keys or [""]) + 1
        if parts < wanted:
            message = f"{shown}: {parts} parts of {wanted}"
            return Verification(Progress.SEEN, message, after)
        return Verification(Progress.SETTLED, f"{shown}: it was split", after)

    def unchanged(
        self, params: SplitRegion, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the region has its former borders and version."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: SplitRegion, before: Sequence[Fact]) -> PdCall | None:
        """Return None: PD chooses the new region's id, so a merge is a proposal of its own."""
        return None


def _wire(params: SplitRegion) -> str:
    return params.policy.value.lower()


def _cut(params: SplitRegion, region: Region, old: dict[str, str]) -> bool:
    """Return True when exactly one border moved, to a key that was asked for.

    TiKV gives the old id to the rightmost part, or to the leftmost where it is configured so.
    """
    start, end = key_range.as_fact(region.start_key), key_range.as_fact(region.end_key)
    keys = params.keys
    if end == old[END] and start != old[START]:
        return keys is None or region.start_key in keys
    if start == old[START] and end != old[END]:
        return keys is None or region.end_key in keys
    return False


def _splits_allowed(snapshot: ClusterSnapshot) -> Verdict:
    if snapshot.schedule.halt_scheduling:
        return Hold("SchedulingHalted", "halt-scheduling is true: PD gives out no new region ids")
    allowed = snapshot.settings.get("enable-tikv-split-region")
    if allowed is None:
        return Hold("SettingUnknown", "PD does not show enable-tikv-split-region")
    if allowed != "true":
        message = f"enable-tikv-split-region is {allowed}: PD gives out no new region ids"
        return Hold("SplitsDisabled", message)
    return Allow("PD gives out new region ids")


def _keys_usable(params: SplitRegion, region: Region) -> Verdict:
    if params.policy is not SplitPolicy.USE_KEY:
        if params.keys is not None:
            message = f"policy {params.policy.value} takes no keys: use UseKey"
            return Deny("KeysNotWanted", message)
        return Allow("TiKV finds the middle")
    if not params.keys:
        return Deny("KeysMissing", "policy UseKey needs at least one key (P08)")
    if params.keys != sorted(set(params.keys)):
        return Deny("KeysNotSorted", "the keys must be sorted, each once")
    for key in params.keys:
        if not key_range.inside(key, region):
            borders = key_range.named(region.start_key, region.end_key)
            message = f"key {key[:80]} is not inside region {region.id} {borders} (P08)"
            return Deny("KeyOutside", message)
    return Allow(f"all keys lie inside region {region.id}")


def _middle_exists(params: SplitRegion, region: Region) -> Verdict:
    if params.policy is SplitPolicy.USE_KEY:
        return Allow("the keys say where")
    if region.size_mib == 0:
        return Hold("SizeUnknown", f"PD does not know the size of region {region.id} yet")
    if region.size_mib == 1:
        message = f"region {region.id} has at most 1 MiB: too little to find a middle"
        return Hold("RegionTooSmall", message)
    return Allow(f"region {region.id} has about {region.size_mib} MiB")


def _parts_stay(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    bound = snapshot.settings.get("max-merge-region-size", "")
    if bound.isdigit() and region.size_mib // 2 <= int(bound):
        return Warn(
            f"parts of {bound} MiB and less are merged again after split-merge-interval (P21)"
        )
    return Allow("the parts are too large for PD to merge them again")
