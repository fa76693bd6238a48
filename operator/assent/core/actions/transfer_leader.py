"""TransferLeader: one region's leadership moves to a store that already holds a voter of it."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.actions.on_region import (
    RegionAction,
    operator_call,
    operators_allowed,
    outcome_note,
    region_checks,
)
from assent.core.actions.operator_text import read_operator
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

LEADER = "leaderStoreId"
NO_LEADER = "none"


class TransferLeaderAction(RegionAction[TransferLeader]):
    """POST /operators transfer-leader (pd-api.md 1.5). PD refuses a repeat while one runs, and
    answers "no operator step is built" when it is already so (P16).
    """

    type = ActionType.TRANSFER_LEADER
    base_tier = Tier.LOW
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = 90
    """PD gives up after 60 s (pd-api.md 2.2, P22); half of it as margin for seeing the end."""
    goal_required = False
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (transfer-leader)",
        example=TransferLeader(region_id=17, to_store_id=2),
        timeout_reason="PD gives up after 60 s; half of it as margin for seeing the end",
        unchecked_by_pd=(
            "a follower that lags without being pending: TiKV refuses, PD times out",
            "balance-leader may move the leader back (P21)",
        ),
    )

    def sentence(self, params: TransferLeader) -> str:
        """Return what it does in one line."""
        return f"move the leader of region {params.region_id} to store {params.to_store_id}"

    def pd_ctl(self, params: TransferLeader) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl operator add transfer-leader {params.region_id} {params.to_store_id}"

    def scope(self, params: TransferLeader) -> Scope:
        """Return the region and the store that shall lead."""
        return Scope(frozenset({params.to_store_id}), frozenset({params.region_id}))

    def risk(self, params: TransferLeader, snapshot: ClusterSnapshot) -> Risk:
        """Return Low, always: one region pauses for an election at most."""
        return Risk(tier=self.base_tier, factors=["moves the leadership of one region, no data"])

    def preconditions(self, params: TransferLeader, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return what PD does not check itself, and what it would refuse in unclear words (P18)."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        region = snapshot.regions.get(params.region_id)
        found = [
            checks.prepared(),
            operators_allowed(snapshot),
            checks.store_up(params.to_store_id, snapshot),
            checks.holds_leaders(params.to_store_id, snapshot),
            Check("TargetNotEvicted", _not_evicted(params, snapshot)),
            Check("TargetNotSlow", _not_slow(params, snapshot)),
        ]
        found += region_checks(params.region_id, snapshot)
        if region is None:
            return found
        return (
            *found,
            Check("TargetHoldsVoter", _holds_voter(region, params.to_store_id)),
            Check("TargetInSync", _in_sync(region, params.to_store_id)),
        )

    def already_done(self, params: TransferLeader, snapshot: ClusterSnapshot) -> bool:
        """Return True when the store leads the region."""
        region = snapshot.regions.get(params.region_id)
        return region is not None and region.leader_store_id == params.to_store_id

    def call(self, params: TransferLeader) -> PdCall:
        """Return the one call to PD."""
        return _transfer(params.region_id, params.to_store_id)

    def before(self, params: TransferLeader, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return which store leads now; nothing when PD does not know the region."""
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return ()
        leader = NO_LEADER if region.leader_store_id is None else str(region.leader_store_id)
        return (Fact(name=LEADER, value=leader),)

    def verify(
        self, params: TransferLeader, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once the store leads. What the operator says of itself is not asked:
        its record may be another's, and is gone after ten minutes (P23, P24).
        """
        after = self.before(params, snapshot)
        if self.already_done(params, snapshot):
            message = f"store {params.to_store_id} leads region {params.region_id}"
            return Verification(Progress.SETTLED, message, after)
        shown = after[0].value if after else "unknown to PD"
        message = f"the leader of region {params.region_id} is still {shown}"
        message += _moved_on(params, snapshot)
        return Verification(Progress.NOT_SEEN, message, after)

    def unchanged(
        self, params: TransferLeader, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the former leader leads."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: TransferLeader, before: Sequence[Fact]) -> PdCall | None:
        """Return the transfer back to the former leader; None when there was none, or when it
        was the target itself.
        """
        former = next((fact.value for fact in before if fact.name == LEADER), NO_LEADER)
        if former in (NO_LEADER, str(params.to_store_id)):
            return None
        return _transfer(params.region_id, int(former))


def _transfer(region_id: int, store_id: int) -> PdCall:
    return operator_call("transfer-leader", {"region_id": region_id, "to_store_id": store_id})


def _moved_on(params: TransferLeader, snapshot: ClusterSnapshot) -> str:
    """Return what PD remembers of the region, and whether it is that the leader came and went."""
    ended = snapshot.ended_operators.get(params.region_id)
    shown = read_operator(ended.text) if ended is not None else None
    store_id = params.to_store_id
    away = (f"transfer leader: store {store_id} to ", f"evict leader: from store {store_id} to ")
    note = ""
    if ended is not None and ended.status == "SUCCESS" and shown and shown.brief.startswith(away):
        note = f"; it did lead, and {shown.description} has moved the leadership on (P21)"
    return note + outcome_note(params.region_id, snapshot)


def _not_evicted(params: TransferLeader, snapshot: ClusterSnapshot) -> Verdict:
    if params.to_store_id in snapshot.evicted_store_ids:
        message = f"leaders are being evicted from store {params.to_store_id}"
        return Hold("StoreEvicted", message)
    return Allow(f"nothing evicts leaders from store {params.to_store_id}")


def _not_slow(params: TransferLeader, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(params.to_store_id)
    if store is not None and store.slow_score >= checks.SLOW_SCORE:
        return Warn(f"PD finds store {store.id} slow and may refuse or undo the transfer")
    return Allow(f"store {params.to_store_id} is not slow")


def _holds_voter(region: Region, store_id: int) -> Verdict:
    peer = region.peer_on(store_id)
    if peer is None:
        return Deny("NoPeer", f"store {store_id} holds no peer of region {region.id}")
    if peer.role is PeerRole.LEARNER:
        return Deny("NoVoter", f"the peer of region {region.id} on store {store_id} cannot vote")
    # The two joint roles are for RegionSettled to hold: they pass by themselves.
    return Allow(f"store {store_id} holds a voter")


def _in_sync(region: Region, store_id: int) -> Verdict:
    if store_id in region.down_store_ids:
        return Hold("PeerDown", f"the peer of region {region.id} on store {store_id} is down")
    if store_id in region.pending_store_ids:
        return Hold("PeerPending", f"the peer of region {region.id} on store {store_id} lags")
    return Allow(f"the peer on store {store_id} keeps up")
