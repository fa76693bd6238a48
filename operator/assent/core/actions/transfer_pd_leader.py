"""TransferPDLeader: the leadership of PD itself moves to another member."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Action,
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.model.call import PdCall
from assent.core.model.member import PdMember
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

LEADER = "pdLeader"


class TransferPDLeaderAction(Action[TransferPDLeader]):
    """POST /leader/transfer/{name} (pd-api.md 1.8). PD's 200 proves nothing (P12): the members
    say who leads. The new leader knows neither pauses, operators nor what a removal lifted (2.7).
    """

    type = ActionType.TRANSFER_PD_LEADER
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    """Of the leadership; what the former leader only remembered is lost either way."""
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = 420
    """PD moves it within 5 s (moveLeaderTimeout), and may then need 5 min until its regions have
    reported (P15); before that nothing it shows is believed."""
    goal_required = False
    readings = frozenset({Reading.MEMBERS, Reading.PAUSES})

    manual = Manual(
        endpoint="POST /pd/api/v1/leader/transfer/{name}",
        example=TransferPDLeader(to_member="basic-pd-1"),
        timeout_reason="PD moves it within 5 s; the new leader may need 5 min until its regions"
        " have reported (P15), and nothing it shows before is believed",
        raised_by=(
            "High while a scheduler is paused: the pause is lost (P32)",
            "High while a store is being removed: its former remove-peer limit is lost (P28)",
        ),
        unchecked_by_pd=(
            "whether enough members are healthy to lose one",
            "whether the move takes place at all: 200 comes also when nothing happens (P12)",
            "running operators, their history and hot-spot statistics are lost (P23)",
            "a member that began to lead 3 times within 5 minutes gives the leadership away: 200, "
            "and somebody else leads (seen on 8.1)",
        ),
    )

    def sentence(self, params: TransferPDLeader) -> str:
        """Return what it does in one line."""
        return f"move the leadership of PD to member {params.to_member}"

    def pd_ctl(self, params: TransferPDLeader) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl member leader transfer {params.to_member}"

    def scope(self, params: TransferPDLeader) -> Scope:
        """Return PD's leadership."""
        return Scope(settings=frozenset({"pd/leader"}))

    def target(self, params: TransferPDLeader, snapshot: ClusterSnapshot) -> Target | None:
        """Return the member that shall lead by its id, None when PD does not list it."""
        member = _member(params.to_member, snapshot)
        if member is None:
            return None
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=f"member/{member.name}",
            identity=[Fact(name="memberId", value=str(member.id))],
        )

    def risk(self, params: TransferPDLeader, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when the former leader remembers what nobody else does."""
        factors = ["no timestamps for seconds: transactions wait", "running operators are lost"]
        lost = [*_paused(snapshot), *_removing(snapshot)]
        if lost:
            return Risk(tier=Tier.HIGH, factors=[*lost, *factors])
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: TransferPDLeader, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether PD can spare its leader, and what would be forgotten with it."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        if snapshot.members is None:
            message = "PD's members have not been read"
            return (checks.prepared(), Check("MembersKnown", Hold("MembersUnknown", message)))
        return (
            checks.prepared(),
            Check("MembersKnown", Allow(f"PD has {len(snapshot.members)} members")),
            Check("TargetMember", _target(params, snapshot.members)),
            Check("LeaderKnown", _leader_known(snapshot)),
            Check("EnoughHealthyMembers", _enough(snapshot.members)),
            Check("PausesKept", _pauses_kept(snapshot)),
            Check("RemovalsKept", _removals_kept(snapshot)),
        )

    def already_done(self, params: TransferPDLeader, snapshot: ClusterSnapshot) -> bool:
        """Return True when the member leads."""
        return _leader(snapshot) == params.to_member

    def call(self, params: TransferPDLeader) -> PdCall:
        """Return the one call to PD."""
        return _transfer(params.to_member)

    def before(self, params: TransferPDLeader, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return who leads; nothing while that is not known."""
        leader = _leader(snapshot)
        return () if leader is None else (Fact(name=LEADER, value=leader[:256]),)

    def verify(
        self, params: TransferPDLeader, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once the member leads and knows its regions again (P15, P51)."""
        after = self.before(params, snapshot)
        leader = _leader(snapshot) or "nobody known"
        if leader != params.to_member:
            message = f"PD is still led by {leader}"
            return Verification(Progress.NOT_SEEN, message, after)
        if not snapshot.prepared:
            message = f"{leader} leads PD and waits for its regions to report"
            return Verification(Progress.SEEN, message, after)
        return Verification(Progress.SETTLED, f"{leader} leads PD", after)

    def unchanged(
        self, params: TransferPDLeader, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the former leader leads."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: TransferPDLeader, before: Sequence[Fact]) -> PdCall | None:
        """Return the transfer back; None when the former leader is not known or was the target."""
        former = next((fact.value for fact in before if fact.name == LEADER), None)
        return None if former in (None, params.to_member) else _transfer(str(former))


def _transfer(name: str) -> PdCall:
    return PdCall("POST", f"/pd/api/v1/leader/transfer/{name}")


def _member(name: str, snapshot: ClusterSnapshot) -> PdMember | None:
    return next((member for member in snapshot.members or () if member.name == name), None)


def _leader(snapshot: ClusterSnapshot) -> str | None:
    """Return who leads, None unless the members say the same as the member that answered."""
    found = next((member.name for member in snapshot.members or () if member.is_leader), None)
    return found if found == snapshot.pd.leader_name else None


def _leader_known(snapshot: ClusterSnapshot) -> Verdict:
    leader = _leader(snapshot)
    if leader is None:
        return Hold(
            "LeaderUnknown", f"PD's members do not agree that {snapshot.pd.leader_name} leads"
        )
    return Allow(f"{leader} leads PD")


def _target(params: TransferPDLeader, members: Sequence[PdMember]) -> Verdict:
    names = ", ".join(member.name for member in members)
    found = next((member for member in members if member.name == params.to_member), None)
    if found is None:
        return Deny("MemberUnknown", f"PD has no member {params.to_member}, only {names}"[:900])
    if len(members) == 1:
        return Deny("OnlyMember", f"{found.name} is PD's only member: PD would do nothing (P12)")
    if not found.healthy:
        return Hold("MemberUnhealthy", f"member {found.name} does not answer PD's health check")
    return Allow(f"member {found.name} answers")


def _enough(members: Sequence[PdMember]) -> Verdict:
    """TiDB Operator's margin before it takes a PD member away: more than half and one more."""
    healthy, total = sum(member.healthy for member in members), len(members)
    message = f"{healthy} of {total} PD members are healthy"
    if healthy <= total // 2 + 1:
        return Hold("TooFewHealthyMembers", f"{message}, more than {total // 2 + 1} are needed")
    return Allow(message)


def _pauses_kept(snapshot: ClusterSnapshot) -> Verdict:
    if snapshot.paused_schedulers is None:
        return Hold("PausesUnknown", "it is not known which schedulers are paused")
    lost = _paused(snapshot)
    return Warn(lost[0]) if lost else Allow("no scheduler is paused")


def _removals_kept(snapshot: ClusterSnapshot) -> Verdict:
    lost = _removing(snapshot)
    return Warn(lost[0]) if lost else Allow("no store is being removed")


def _paused(snapshot: ClusterSnapshot) -> list[str]:
    names = ", ".join(sorted(snapshot.paused_schedulers or ()))
    return [f"the new leader forgets that {names[:400]} is paused (P32)"] if names else []


def _removing(snapshot: ClusterSnapshot) -> list[str]:
    going = [store.id for store in snapshot.stores if store.state is StoreState.OFFLINE]
    if not going:
        return []
    shown = ", ".join(str(store_id) for store_id in going[:20])
    return [f"the new leader forgets the remove-peer limit of leaving stores: {shown} (P28)"]
