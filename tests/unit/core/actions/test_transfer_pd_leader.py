"""TransferPDLeader: who may lead, what the former leader takes with it, and the way back."""

from datetime import timedelta
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.transfer_pd_leader import TransferPDLeaderAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.placement import apply_placement, members, placed
from tests.support.snapshots import NOW, store, unprepared

ACTION = TransferPDLeaderAction()
ASK = TransferPDLeader(to_member="pd-1")
PAUSED = {"balance-leader-scheduler": NOW + timedelta(minutes=5)}
LEAVING = (store(1), store(2), store(3), store(4, state=StoreState.OFFLINE))


def verdicts(seen: ClusterSnapshot, params: TransferPDLeader = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(params, seen)}


def test_the_call_names_the_member() -> None:
    """Never `resign`, which lets PD choose."""
    assert ACTION.call(ASK) == PdCall("POST", "/pd/api/v1/leader/transfer/pd-1")


def test_the_former_leader_leads_again() -> None:
    """By name; nothing to do when it was not known, or was the target itself."""
    before = ACTION.before(ASK, placed())
    assert before == (Fact(name="pdLeader", value="pd-0"),)
    assert ACTION.inverse(ASK, before) == PdCall("POST", "/pd/api/v1/leader/transfer/pd-0")
    assert ACTION.inverse(ASK, ()) is None
    assert ACTION.inverse(TransferPDLeader(to_member="pd-0"), before) is None


def test_p12_the_members_say_who_leads_not_pds_200() -> None:
    """The new leader must know its regions, too, before anything it shows is believed."""
    seen = placed()
    before = ACTION.before(ASK, seen)
    assert ACTION.verify(ASK, before, seen).progress is Progress.NOT_SEEN
    assert ACTION.unchanged(ASK, before, seen)
    assert not ACTION.unchanged(ASK, (), seen)
    after = apply_placement(ACTION.call(ASK), seen)
    assert after is not None
    assert ACTION.already_done(ASK, after)
    assert ACTION.verify(ASK, before, unprepared(after)).progress is Progress.SEEN
    assert ACTION.verify(ASK, before, after).progress is Progress.SETTLED
    assert not ACTION.unchanged(ASK, before, after)


def test_while_the_members_disagree_nobody_is_said_to_lead() -> None:
    """The one that answered is not the one that the members name: a change is under way."""
    seen = placed(members=members(leader=1))
    assert isinstance(verdicts(seen)["LeaderKnown"], Hold)
    assert ACTION.before(ASK, seen) == ()
    assert not ACTION.already_done(ASK, seen)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param(members(), Allow, id="healthy"),
        pytest.param(members(True, False, True), Hold, id="not healthy just now"),
        pytest.param(members(True), Deny, id="no such member"),
    ],
)
def test_the_member_must_be_there_and_answer(found: Any, verdict: type) -> None:
    """PD takes any name that it knows."""
    assert isinstance(verdicts(placed(members=found))["TargetMember"], verdict)


def test_p12_the_only_member_has_nobody_to_hand_over_to() -> None:
    """PD would answer 200 and do nothing."""
    params = TransferPDLeader(to_member="pd-0")
    verdict = verdicts(placed(members=members(True)), params)["TargetMember"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == "OnlyMember"


@pytest.mark.parametrize(
    ("healthy", "total", "enough"),
    [(3, 3, True), (2, 3, False), (4, 5, True), (3, 5, False), (2, 2, False), (5, 7, True)],
)
def test_more_than_a_majority_and_one_must_be_healthy(
    healthy: int, total: int, *, enough: bool
) -> None:
    """As TiDB Operator before it takes a member away."""
    found = members(*(index < healthy for index in range(total)))
    verdict = verdicts(placed(members=found))["EnoughHealthyMembers"]
    assert isinstance(verdict, Allow if enough else Hold)
    assert f"{healthy} of {total}" in verdict.message


@pytest.mark.parametrize(
    ("changes", "check", "tier"),
    [
        pytest.param({"paused_schedulers": PAUSED}, "PausesKept", Tier.HIGH, id="P32: a pause"),
        pytest.param({"stores": LEAVING}, "RemovalsKept", Tier.HIGH, id="P28: a removal's limit"),
        pytest.param({}, None, Tier.MEDIUM, id="nothing"),
    ],
)
def test_what_only_the_leader_remembers_is_said_and_raises_the_tier(
    changes: dict[str, Any], check: str | None, tier: Tier
) -> None:
    """It is lost with the leader, and nobody hears of it afterwards."""
    seen = placed(**changes)
    warned = [name for name, verdict in verdicts(seen).items() if isinstance(verdict, Warn)]
    assert warned == ([check] if check else [])
    risk = ACTION.risk(ASK, seen)
    assert risk.tier is tier
    assert any("forgets" in factor for factor in risk.factors) == (check is not None)


@pytest.mark.parametrize(
    ("changes", "check"),
    [({"members": None}, "MembersKnown"), ({"paused_schedulers": None}, "PausesKept")],
)
def test_what_is_not_known_is_not_permitted(changes: dict[str, Any], check: str) -> None:
    """A missing fact is a check that does not pass."""
    assert isinstance(verdicts(placed(**changes))[check], Hold)


def test_it_waits_until_pd_is_prepared() -> None:
    """Changing the leader again in that window would only make it longer."""
    assert list(verdicts(unprepared(placed()))) == ["Prepared"]


def test_the_target_is_the_member_by_its_id() -> None:
    """A member that was replaced under the same name is another one."""
    target = ACTION.target(ASK, placed())
    assert target is not None
    assert (target.id, target.identity) == ("member/pd-1", [Fact(name="memberId", value="12")])
    assert ACTION.target(TransferPDLeader(to_member="pd-9"), placed()) is None
    assert ACTION.target(ASK, placed(members=None)) is None


def test_it_outlasts_the_five_minutes_a_new_leader_may_need() -> None:
    """P15: before that nothing can be verified."""
    assert ACTION.timeout_seconds is not None
    assert ACTION.timeout_seconds > 300


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what it is in conflict with."""
    assert ACTION.sentence(ASK) == "move the leadership of PD to member pd-1"
    assert ACTION.pd_ctl(ASK) == "pd-ctl member leader transfer pd-1"
    assert ACTION.scope(ASK) == Scope(settings=frozenset({"pd/leader"}))
