"""CancelOperator: the operator that PD runs on one region ends, if it is the one that was meant."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import CancelOperator
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.key_range import as_fact
from assent.core.actions.on_region import RegionAction
from assent.core.actions.operator_text import OperatorText, read_operator
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn


class CancelOperatorAction(RegionAction[CancelOperator]):
    """DELETE /operators/{region_id} (pd-api.md 1.5), which cancels whatever runs there by then
    (P25). So the operator is part of what is approved: its description, brief, epoch and time of
    creation are the target's identity, and another one that runs meanwhile is another target.
    """

    type = ActionType.CANCEL_OPERATOR
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.NOT
    """What the operator had done stays done; whoever wanted the rest must ask again."""
    idempotency = Idempotency.REFUSED_ON_REPEAT
    """With none running PD says that there is none; with another running a repeat would end that
    one, so recovery never sends it again."""
    timeout_seconds = None
    """PD has none: the operator is gone at once."""
    goal_required = False
    manual = Manual(
        endpoint="DELETE /pd/api/v1/operators/{region_id}",
        example=CancelOperator(region_id=17, operator="admin-move-peer"),
        timeout_reason="PD has none: the operator is gone at once; actionTimeout rules",
        raised_by=("High when it is PD's own, such as a repair, and nobody's wish",),
        unchecked_by_pd=(
            "whose operator it is: PD ends whatever runs on the region (P25)",
            "what TiKV has taken already: a learner or a joint state may be left for PD to clean",
        ),
    )

    def sentence(self, params: CancelOperator) -> str:
        """Return what it does in one line."""
        return f"cancel the operator {params.operator} on region {params.region_id}"

    def pd_ctl(self, params: CancelOperator) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl operator remove {params.region_id}"

    def target(self, params: CancelOperator, snapshot: ClusterSnapshot) -> Target | None:
        """Return the operator on its region, by what never changes while it runs; None when
        another runs there, or none.
        """
        found = _named(params, snapshot)
        if found is None:
            return None
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=f"region/{params.region_id}",
            identity=list(_facts(found)),
        )

    def risk(self, params: CancelOperator, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium for what somebody asked for; High for PD's own, which may be a repair,
        and for what cannot be read.
        """
        found = _running(params, snapshot)
        if found is None or not found.is_admin:
            own = f"{params.operator} is PD's own work, perhaps a repair, or cannot be read"
            return Risk(tier=Tier.HIGH, factors=[own])
        return Risk(tier=self.base_tier, factors=["ends what somebody asked for, perhaps halfway"])

    def preconditions(self, params: CancelOperator, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether exactly the named operator runs there."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("OperatorRuns", _runs(params, snapshot)),
            Check("NothingHalfDone", _nothing_half_done(snapshot.regions.get(params.region_id))),
            Check("OneRegion", _one_region(params, snapshot)),
        )

    def already_done(self, params: CancelOperator, snapshot: ClusterSnapshot) -> bool:
        """Return False, always: where none runs there is nothing that could be meant."""
        return False

    def call(self, params: CancelOperator) -> PdCall:
        """Return the one call to PD: of one region, never of all (P25)."""
        return PdCall("DELETE", f"/pd/api/v1/operators/{params.region_id}")

    def before(self, params: CancelOperator, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return which operator runs on the region; nothing when it is not the named one."""
        found = _named(params, snapshot)
        return () if found is None else _facts(found)

    def verify(
        self, params: CancelOperator, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD no longer runs that operator, whatever else runs there then."""
        text = snapshot.running_operators.get(params.region_id)
        if text is None:
            how = _how(params, before, snapshot)
            message = f"no operator runs on region {params.region_id}{how}"
            progress = Progress.SETTLED if snapshot.prepared else Progress.NOT_SEEN
            return Verification(progress, message, ())
        found = read_operator(text)
        after = () if found is None else _facts(found)
        shown = f"PD runs {text[:200]}"
        if found is None or not before or after == tuple(before):
            return Verification(Progress.NOT_SEEN, shown, after)
        return Verification(Progress.SETTLED, f"it has ended; {shown}", after)

    def unchanged(
        self, params: CancelOperator, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD runs exactly that operator."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: CancelOperator, before: Sequence[Fact]) -> PdCall | None:
        """Return None: whoever wanted it must ask for it again."""
        return None


def _running(params: CancelOperator, snapshot: ClusterSnapshot) -> OperatorText | None:
    text = snapshot.running_operators.get(params.region_id)
    return None if text is None else read_operator(text)


def _named(params: CancelOperator, snapshot: ClusterSnapshot) -> OperatorText | None:
    found = _running(params, snapshot)
    return found if found is not None and found.description == params.operator else None


def _facts(found: OperatorText) -> tuple[Fact, ...]:
    return (
        Fact(name="operator", value=as_fact(found.description)),
        Fact(name="brief", value=as_fact(found.brief)),
        Fact(name="operatorEpoch", value=found.epoch),
        Fact(name="createdAt", value=as_fact(found.created_at)),
    )


def _how(params: CancelOperator, before: Sequence[Fact], snapshot: ClusterSnapshot) -> str:
    """Return how it ended where PD still remembers this one and not one that came after (P23)."""
    ended = snapshot.ended_operators.get(params.region_id)
    found = None if ended is None else read_operator(ended.text)
    if ended is None or found is None or _facts(found) != tuple(before):
        return ""
    return f"; it ended as {ended.status}"


def _runs(params: CancelOperator, snapshot: ClusterSnapshot) -> Verdict:
    text = snapshot.running_operators.get(params.region_id)
    if text is None:
        why = f"PD runs no operator on region {params.region_id}: it has ended, or never was"
        return Deny("NoOperator", why)
    found = read_operator(text)
    if found is None:
        message = f"the operator on region {params.region_id} cannot be read: {text[:200]}"
        return Hold("OperatorUnreadable", message)
    if found.description != params.operator:
        message = f"PD runs another operator on region {params.region_id}: {found.description}"
        return Deny("AnotherOperator", message)
    return Allow(f"PD runs {found.description} ({found.brief[:200]})")


def _nothing_half_done(region: Region | None) -> Verdict:
    if region is None:
        return Warn("PD does not show the region: what is half done is not known")
    if region.in_joint_state:
        return Warn(f"region {region.id} is in joint state: PD's checker must bring it out of it")
    return Allow("no membership change is half done")


def _one_region(params: CancelOperator, snapshot: ClusterSnapshot) -> Verdict:
    found = _running(params, snapshot)
    if found is not None and found.is_merge:
        return Warn(
            "one of a pair: the other region's operator ends too, but not in PD 6.6"
            f" ({found.brief[:200]})"
        )
    return Allow("it concerns this region only")
