"""TransferPeer: one region's peer moves from one store to another."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import TransferPeer
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
    transfer_peer_seconds,
)
from assent.core.actions.quorum import replicas_of
from assent.core.actions.rule_room import NewPeer, rules_take
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region
from assent.core.model.verdict import Allow, Check, Deny, Verdict

TIMEOUT_SECONDS = transfer_peer_seconds(LARGEST_REGION_MIB) + MARGIN_SECONDS


class TransferPeerAction(on_peer.PeerAction[TransferPeer]):
    """POST /operators transfer-peer (pd-api.md 1.5): the new peer is added as a learner, both
    change places in one joint step, the former is removed; never fewer replicas than before.

    A leader whose peer moves leads no longer. PD refuses a repeat: the former store has no peer.
    """

    type = ActionType.TRANSFER_PEER
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    """Stores, roles and leader; the peer gets another number, as every new peer does."""
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = TIMEOUT_SECONDS
    goal_required = False
    """Half of it is not seen as its effect: PD's own checkers clean that up (pd-api.md 2.4)."""
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (transfer-peer)",
        example=TransferPeer(region_id=17, from_store_id=2, to_store_id=5),
        timeout_reason=(
            "PD gives up after 17 to 18 min up to 100 MiB, after 26 min at 144 MiB, the largest "
            "region of v8.1 (P22); a minute more for seeing the end"
        ),
        unchecked_by_pd=(
            "a target that is leaving, low on space or silent for less than 10 min (P20)",
            "placement rules and location labels: the rule checker moves it on (P20, P21)",
            "store limits, halt-scheduling and label rules that deny scheduling (P19)",
        ),
    )

    def touched(self, params: TransferPeer) -> tuple[int, ...]:
        """Return the store that loses its peer, and the one that gets one."""
        return (params.from_store_id, params.to_store_id)

    def sentence(self, params: TransferPeer) -> str:
        """Return what it does in one line."""
        return (
            f"move the peer of region {params.region_id} from store {params.from_store_id} "
            f"to store {params.to_store_id}"
        )

    def pd_ctl(self, params: TransferPeer) -> str:
        """Return the equivalent pd-ctl line."""
        return (
            f"pd-ctl operator add transfer-peer {params.region_id} {params.from_store_id} "
            f"{params.to_store_id}"
        )

    def risk(self, params: TransferPeer, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium: a copy is made before the former peer goes."""
        region = snapshot.regions.get(params.region_id)
        factors = ["copies one region to another store, and removes it from the former"]
        if region is not None and region.leader_store_id == params.from_store_id:
            factors.append(f"store {params.from_store_id} leads the region: its leader moves, too")
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: TransferPeer, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return what PD does not check itself, and what it would refuse in unclear words."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        found = peer_checks.region_part(params.region_id, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return found
        source, target = params.from_store_id, params.to_store_id
        found.append(Check("SourceHoldsPeer", _holds_peer(params, region)))
        if self.already_done(params, snapshot):
            return found
        peer = region.peer_on(source)
        role = peer.role if peer is not None else PeerRole.VOTER
        kept = replicas_of(region, snapshot).without(source)
        return (
            *found,
            peer_checks.target_free(target, region),
            *peer_checks.target_part(target, role, region, snapshot),
            Check("RulesKeepIt", rules_take(NewPeer(target, role, source), region, snapshot)),
            peer_checks.leader_may_go(source, region, target, snapshot),
            peer_checks.repair_waits(region, kept, TIMEOUT_SECONDS),
            peer_checks.time_enough(
                region, transfer_peer_seconds(region.size_mib), TIMEOUT_SECONDS
            ),
        )

    def already_done(self, params: TransferPeer, snapshot: ClusterSnapshot) -> bool:
        """Return True when the target holds a peer and the source none."""
        region = snapshot.regions.get(params.region_id)
        if region is None or region.in_joint_state:
            return False
        there = region.peer_on(params.to_store_id)
        return there is not None and region.peer_on(params.from_store_id) is None

    def call(self, params: TransferPeer) -> PdCall:
        """Return the one call to PD."""
        return _transfer(params.region_id, params.from_store_id, params.to_store_id)

    def verify(
        self, params: TransferPeer, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once the target's peer has the former one's role and keeps up, and the
        source has none. By topology: the operator's record may be another's (P23, P24).
        """
        after = self.before(params, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None:
            gone = f"PD no longer knows region {params.region_id}"
            return Verification(Progress.NOT_SEEN, gone, after)
        source, target = region.peer_on(params.from_store_id), region.peer_on(params.to_store_id)
        note = on_peer.undone_note(params.region_id, params.from_store_id, before, snapshot)
        if not self.already_done(params, snapshot) or target is None:
            if target is None:
                where = f"is still on store {params.from_store_id}" if source else "is nowhere"
            else:
                where = (
                    f"is on store {params.to_store_id} ({target.role}) and not gone from store "
                    f"{params.from_store_id}: it is on its way, or PD's checkers clean it up"
                )
            message = f"the peer of region {region.id} {where}{note}"
            return Verification(Progress.NOT_SEEN, message, after)
        role = on_peer.captured_role(before, params.from_store_id) or target.role
        moved = f"peer {target.id} of region {region.id} is on store {params.to_store_id}"
        if target.role is not role:
            message = f"{moved}, as {target.role} instead of {role}{note}"
            return Verification(Progress.SEEN, message, after)
        if params.to_store_id in region.pending_store_ids | region.down_store_ids:
            return Verification(Progress.SEEN, f"{moved}, and does not keep up yet{note}", after)
        message = f"{moved}, none is on store {params.from_store_id}"
        return Verification(Progress.SETTLED, message, after)

    def inverse(self, params: TransferPeer, before: Sequence[Fact]) -> PdCall | None:
        """Return the transfer back; None when no peer was captured to be moved."""
        if on_peer.captured_role(before, params.from_store_id) is None:
            return None
        return _transfer(params.region_id, params.to_store_id, params.from_store_id)

    def inverse_follow_up(
        self, params: TransferPeer, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> PdCall | None:
        """Return the transfer of the leadership back to where it was, once the peer is back."""
        return on_peer.leader_back(params.region_id, before, params.from_store_id, snapshot)


def _transfer(region_id: int, from_store_id: int, to_store_id: int) -> PdCall:
    arguments = {
        "region_id": region_id,
        "from_store_id": from_store_id,
        "to_store_id": to_store_id,
    }
    return operator_call("transfer-peer", arguments)


def _holds_peer(params: TransferPeer, region: Region) -> Verdict:
    source, target = params.from_store_id, params.to_store_id
    if source == target:
        return Deny("SameStore", f"store {source} is both source and target")
    peer = region.peer_on(source)
    if peer is not None:
        return Allow(f"store {source} holds peer {peer.id}: {peer.role}")
    if region.peer_on(target) is not None:
        return Allow(f"store {target} holds a peer of region {region.id}, store {source} none")
    return Deny("NoPeer", f"store {source} holds no peer of region {region.id}")
