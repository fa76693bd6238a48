"""What AddPeer and AddLearner share: one more replica of a region on a store that holds none.

The added peer is a learner until it has caught up. PD refuses a repeat: the store has a peer.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.parameters.region import OfPeer
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, on_peer, peer_checks
from assent.core.actions.action import Idempotency, Progress, Reversibility, Verification
from assent.core.actions.on_region import operator_call
from assent.core.actions.quorum import replicas_of
from assent.core.actions.rule_room import NewPeer, rules_take
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, PeerRole
from assent.core.model.verdict import Check

A = TypeVar("A", bound=OfPeer)

UNCHECKED_BY_PD = (
    "a target that is leaving, low on space or silent for less than 10 min (P20)",
    "placement rules: a peer that none wants is taken away again (P20, P21)",
    "store limits, halt-scheduling and label rules that deny scheduling (P19)",
)


class AddingAction(on_peer.PeerAction[A]):
    """POST /operators add-peer or add-learner (pd-api.md 1.5)."""

    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds: ClassVar[int]
    goal_required = True
    """A peer that stays a learner, or never catches up, is taken away again."""

    role: ClassVar[PeerRole]
    """What the peer is in the end."""
    operator: ClassVar[str]
    """PD's name for it."""

    @abstractmethod
    def pd_seconds(self, size_mib: int) -> int:
        """Return PD's timeout for a region of that size."""

    def touched(self, params: A) -> tuple[int, ...]:
        """Return the store that gets a peer."""
        return (params.store_id,)

    def sentence(self, params: A) -> str:
        """Return what it does in one line."""
        return f"add a {self.role.lower()} of region {params.region_id} on store {params.store_id}"

    def pd_ctl(self, params: A) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl operator add {self.operator} {params.region_id} {params.store_id}"

    def risk(self, params: A, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium: a copy more, none less."""
        factors = [f"copies one region to store {params.store_id}, removes nothing"]
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: A, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return what PD does not check itself, and what it would refuse in unclear words."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        found = peer_checks.region_part(params.region_id, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None or self.already_done(params, snapshot):
            return found
        new = NewPeer(params.store_id, self.role)
        return (
            *found,
            peer_checks.target_free(params.store_id, region),
            *peer_checks.target_part(params.store_id, self.role, region, snapshot),
            Check("RulesKeepIt", rules_take(new, region, snapshot)),
            peer_checks.repair_waits(region, replicas_of(region, snapshot), self.timeout_seconds),
            peer_checks.time_enough(region, self.pd_seconds(region.size_mib), self.timeout_seconds),
        )

    def already_done(self, params: A, snapshot: ClusterSnapshot) -> bool:
        """Return True when the store holds a peer in that role."""
        region = snapshot.regions.get(params.region_id)
        peer = region.peer_on(params.store_id) if region is not None else None
        return peer is not None and peer.role is self.role

    def call(self, params: A) -> PdCall:
        """Return the one call to PD."""
        arguments = {"region_id": params.region_id, "store_id": params.store_id}
        return operator_call(self.operator, arguments)

    def verify(self, params: A, before: Sequence[Fact], snapshot: ClusterSnapshot) -> Verification:
        """Return SEEN once the store holds a peer, SETTLED once it has its role and keeps up."""
        after = self.before(params, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None:
            gone = f"PD no longer knows region {params.region_id}"
            return Verification(Progress.NOT_SEEN, gone, after)
        peer = region.peer_on(params.store_id)
        note = on_peer.undone_note(params.region_id, params.store_id, before, snapshot)
        if peer is None:
            message = f"store {params.store_id} holds no peer of region {region.id}{note}"
            return Verification(Progress.NOT_SEEN, message, after)
        shown = f"peer {peer.id} of region {region.id} on store {params.store_id} is a {peer.role}"
        if peer.role is not self.role:
            return Verification(Progress.SEEN, f"{shown}, not yet a {self.role}{note}", after)
        if params.store_id in region.pending_store_ids | region.down_store_ids:
            return Verification(Progress.SEEN, f"{shown} and does not keep up yet{note}", after)
        message = f"{shown}; {replicas_of(region, snapshot).sentence}"
        return Verification(Progress.SETTLED, message, after)

    def inverse(self, params: A, before: Sequence[Fact]) -> PdCall | None:
        """Return the removal of the added peer; None when nothing, or a peer, was captured."""
        if not before or on_peer.captured_role(before, params.store_id) is not None:
            return None
        arguments = {"region_id": params.region_id, "store_id": params.store_id}
        return operator_call("remove-peer", arguments)
