"""RemovePeer: one region's peer on a store goes."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import RemovePeer
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, on_peer, peer_checks
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_region import operator_call
from assent.core.actions.operator_time import (
    LARGEST_REGION_MIB,
    MARGIN_SECONDS,
    remove_peer_seconds,
)
from assent.core.actions.quorum import replicas_of
from assent.core.actions.rule_room import rules_of, wanted_learners, wanted_voters
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

TIMEOUT_SECONDS = remove_peer_seconds(LARGEST_REGION_MIB) + MARGIN_SECONDS


class RemovePeerAction(on_peer.PeerAction[RemovePeer]):
    """POST /operators remove-peer (pd-api.md 1.5), for a peer too many or a broken one.

    PD never asks whether the rest can decide anything (P20), and adds a peer again, perhaps on
    the same store, where its rules want one (P21). A repeat is refused: there is no peer.
    """

    type = ActionType.REMOVE_PEER
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.PARTLY
    """A peer of the same role is added again: another number, and its data copied anew."""
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = TIMEOUT_SECONDS
    goal_required = False
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (remove-peer)",
        example=RemovePeer(region_id=17, store_id=3),
        timeout_reason=(
            "PD gives up after 1 min, 2 when the leader moves first, 4 from two voters to one; "
            "6 min at 144 MiB, the largest region of v8.1 (P22); a minute more for seeing the end"
        ),
        raised_by=("High when fewer healthy replicas remain than the placement rules want",),
        unchecked_by_pd=(
            "the quorum: PD removes a healthy voter while others are down (P20)",
            "how many replicas the rules want: it adds one again afterwards (P21)",
            "halt-scheduling and label rules that deny scheduling (P19)",
        ),
    )

    def touched(self, params: RemovePeer) -> tuple[int, ...]:
        """Return the store that loses its peer."""
        return (params.store_id,)

    def sentence(self, params: RemovePeer) -> str:
        """Return what it does in one line."""
        return f"remove the peer of region {params.region_id} from store {params.store_id}"

    def pd_ctl(self, params: RemovePeer) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl operator add remove-peer {params.region_id} {params.store_id}"

    def risk(self, params: RemovePeer, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when fewer healthy replicas remain than the rules want, or when it
        is not known how many they want.
        """
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return Risk(tier=Tier.HIGH, factors=["PD does not show the region"])
        kept = replicas_of(region, snapshot).without(params.store_id)
        spare = f"{max(kept.failures_to_spare, 0)} more may fail before it can decide nothing"
        factors = [f"afterwards {kept.sentence}; {spare}"]
        few = _too_few(params, region, snapshot)
        if few is not None:
            return Risk(tier=Tier.HIGH, factors=[few, *factors])
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: RemovePeer, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return above all whether a quorum of healthy voters remains, which PD does not ask."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        found = peer_checks.region_part(params.region_id, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None or self.already_done(params, snapshot):
            return found
        kept = replicas_of(region, snapshot).without(params.store_id)
        return (
            *found,
            Check("QuorumKept", _quorum_kept(params, region, snapshot)),
            Check("ReplicasKept", _replicas_kept(params, region, snapshot)),
            peer_checks.leader_may_go(params.store_id, region, None, snapshot),
            peer_checks.repair_waits(region, kept, TIMEOUT_SECONDS),
            peer_checks.time_enough(region, remove_peer_seconds(region.size_mib), TIMEOUT_SECONDS),
        )

    def already_done(self, params: RemovePeer, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD knows the region and the store holds no peer of it."""
        region = snapshot.regions.get(params.region_id)
        return region is not None and region.peer_on(params.store_id) is None

    def call(self, params: RemovePeer) -> PdCall:
        """Return the one call to PD."""
        arguments = {"region_id": params.region_id, "store_id": params.store_id}
        return operator_call("remove-peer", arguments)

    def verify(
        self, params: RemovePeer, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once the store holds no peer of the region. A new peer there means that
        PD has added one again; then nothing has changed in the end, and the message says why.
        """
        after = self.before(params, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None:
            gone = f"PD no longer knows region {params.region_id}"
            return Verification(Progress.NOT_SEEN, gone, after)
        peer = region.peer_on(params.store_id)
        if peer is not None:
            note = on_peer.undone_note(params.region_id, params.store_id, before, snapshot)
            message = f"store {params.store_id} holds peer {peer.id} of region {region.id}{note}"
            return Verification(Progress.NOT_SEEN, message, after)
        message = (
            f"store {params.store_id} holds no peer of region {region.id}; "
            f"{replicas_of(region, snapshot).sentence}"
        )
        few = _too_few(params, region, snapshot)
        if few is not None:
            message += f"; {few}: PD's rule checker adds one again, perhaps there (P21)"
        return Verification(Progress.SETTLED, message, after)

    def inverse(self, params: RemovePeer, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that adds a peer of the captured role; None when there was none."""
        role = on_peer.captured_role(before, params.store_id)
        names = {PeerRole.VOTER: "add-peer", PeerRole.LEARNER: "add-learner"}
        if role not in names:
            return None
        arguments = {"region_id": params.region_id, "store_id": params.store_id}
        return operator_call(names[role], arguments)

    def inverse_follow_up(
        self, params: RemovePeer, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return the transfer of the leadership back to where it was, once a peer is back."""
        return on_peer.leader_back(params.region_id, before, params.store_id, snapshot)


def _quorum_kept(params: RemovePeer, region: Region, snapshot: ClusterSnapshot) -> Verdict:
    now = replicas_of(region, snapshot)
    kept = now.without(params.store_id)
    if not now.has_quorum:
        return Hold("QuorumMissing", f"region {region.id} can decide nothing now: {now.sentence}")
    if not kept.has_quorum:
        message = (
            f"without store {params.store_id} region {region.id} could decide nothing: "
            f"{kept.sentence}; PD would do it all the same (P20)"
        )
        return Deny("QuorumWouldBeLost", message)
    return Allow(f"afterwards {kept.sentence}")


def _replicas_kept(params: RemovePeer, region: Region, snapshot: ClusterSnapshot) -> Verdict:
    if rules_of(region.id, snapshot) is None:
        return Hold("RulesUnknown", f"PD's placement rules for region {region.id} were not read")
    few = _too_few(params, region, snapshot)
    if few is not None:
        return Warn(f"{few}: PD's rule checker adds one again, perhaps on the same store (P21)")
    return Allow("no fewer healthy replicas remain than the placement rules want")


def _too_few(params: RemovePeer, region: Region, snapshot: ClusterSnapshot) -> str | None:
    """Return in what the region falls short of the rules without the peer, None when in nothing."""
    rules = rules_of(region.id, snapshot)
    if rules is None:
        return f"it is not known how many replicas of region {region.id} the rules want"
    kept = replicas_of(region, snapshot).without(params.store_id)
    for healthy, wanted, word in (
        (kept.healthy_voters, wanted_voters(rules), "voters"),
        (kept.healthy_learners, wanted_learners(rules), "learners"),
    ):
        if healthy < wanted:
            return f"{healthy} healthy {word} of region {region.id} remain of {wanted} wanted"
    return None
