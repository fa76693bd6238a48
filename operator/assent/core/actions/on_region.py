"""What actions on one region share: what they touch, and the checks PD's words do not tell apart.

PD answers the same ``failed to add operator, maybe already have one`` for another operator, a
moved epoch, a vanished region and a waiting limit of 0 (P18), so each is looked at before.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from assent.api.v1alpha1.actionproposal import Fact, Target
from assent.api.v1alpha1.parameters.targets import OfRegion
from assent.core.actions.action import Action, Scope
from assent.core.actions.operator_text import read_operator
from assent.core.actions.quorum import replicas_of
from assent.core.model.call import Json, PdCall
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict

R = TypeVar("R", bound=OfRegion)


class RegionAction(Action[R]):
    """An action on the region that ``params.region_id`` names, by one of PD's operators."""

    def scope(self, params: R) -> Scope:
        """Return the region."""
        return Scope(region_ids=frozenset({params.region_id}))

    def target(self, params: R, snapshot: ClusterSnapshot) -> Target | None:
        """Return the region by its epoch, which a split, a merge or a membership change moves
        (P43) and a change of leader does not; None when PD does not know the region.
        """
        return region_target(params.region_id, snapshot)


def region_target(region_id: int, snapshot: ClusterSnapshot) -> Target | None:
    """Return the region by its epoch, None when PD does not know it."""
    region = snapshot.regions.get(region_id)
    if region is None:
        return None
    return Target(
        cluster_id=str(snapshot.pd.cluster_id),
        id=f"region/{region.id}",
        identity=[Fact(name="epoch", value=region.epoch)],
    )


def operator_call(name: str, arguments: Mapping[str, Json]) -> PdCall:
    """Return ``POST /operators`` for the operator of that name (pd-api.md 1.5)."""
    return PdCall("POST", "/pd/api/v1/operators", {"name": name, **arguments})


def operators_allowed(snapshot: ClusterSnapshot) -> Check:
    """Return whether PD takes operators at all (P18)."""
    name = "OperatorsAllowed"
    if snapshot.schedule.scheduler_max_waiting_operator == 0:
        message = "scheduler-max-waiting-operator is 0: PD refuses every operator (P18)"
        return Check(name, Hold("OperatorsBlocked", message))
    return Check(name, Allow("PD takes operators"))


def region_checks(region_id: int, snapshot: ClusterSnapshot) -> Sequence[Check]:
    """Return whether PD knows the region, with a leader, at rest, free of operators (P49), and
    with a majority of healthy voters.
    """
    region = snapshot.regions.get(region_id)
    if region is None:
        why = f"PD knows no region {region_id}: it never was, or was merged away"
        return (Check("RegionKnown", Deny("RegionUnknown", why)),)
    return (
        Check("RegionKnown", Allow(f"region {region.id} at epoch {region.epoch}")),
        Check("RegionHasLeader", _has_leader(region)),
        Check("RegionSettled", _settled(region)),
        Check("RegionIdle", _idle(region, snapshot)),
        Check("RegionHasQuorum", _has_quorum(region, snapshot)),
    )


def _has_quorum(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    """PD takes operators for a region that can decide nothing, and shows its last leader (P20)."""
    replicas = replicas_of(region, snapshot)
    if not replicas.has_quorum:
        message = f"region {region.id} can decide nothing now: {replicas.sentence}"
        return Hold("QuorumMissing", message)
    return Allow(replicas.sentence)


def _has_leader(region: Region) -> Verdict:
    if region.leader_store_id is None:
        return Hold("RegionWithoutLeader", f"PD knows no leader of region {region.id}")
    return Allow(f"store {region.leader_store_id} leads")


def _settled(region: Region) -> Verdict:
    if region.in_joint_state:
        return Hold("RegionInJointState", f"region {region.id} is changing its members")
    return Allow("no membership change is half done")


def _idle(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    running = snapshot.running_operators.get(region.id)
    if running is not None:
        return Hold("RegionBusy", f"PD runs an operator on region {region.id}: {running[:300]}")
    return Allow(f"no operator runs on region {region.id}")


def outcome_note(region_id: int, snapshot: ClusterSnapshot) -> str:
    """Return what PD remembers of the region's last operator, for messages; often nothing (P23)."""
    running = snapshot.running_operators.get(region_id)
    if running is not None:
        return f"; PD runs {running[:200]}"
    ended = snapshot.ended_operators.get(region_id)
    if ended is not None:
        shown = read_operator(ended.text)
        name = f", {shown.description} {{{shown.brief[:200]}}}," if shown is not None else ""
        return f"; PD's last operator on it{name} ended as {ended.status}"
    return ""
