"""TransferPDLeader on a real PD of three members, and what one of a single member does."""

import pytest

from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress
from assent.core.actions.transfer_pd_leader import TransferPDLeaderAction
from assent.core.model.call import Did, DidNot, PdCall
from assent.core.model.verdict import Deny, Warn
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage

ACTION = TransferPDLeaderAction()
ANY = TransferPDLeader(to_member="pd-0")
OF_A_NEW_LEADER = ("config/pd-server/flow-round-by-digit", "store/*/node_state")
"""What PD itself moves: a leader of a new cluster adjusts the digits once it is followed, and notes
after a while that its stores serve."""


async def other_member(stage: Stage) -> TransferPDLeader:
    """An ask for a member that does not lead."""
    seen = await stage.see(ANY)
    assert seen.members is not None
    name = next(member.name for member in seen.members if not member.is_leader)
    return TransferPDLeader(to_member=name)


@THREE_MEMBERS
@pytest.mark.action("TransferPDLeader")
@pytest.mark.trap("P12", "P51")
async def test_another_member_leads_and_the_first_one_again(stage: Stage) -> None:
    """The client follows the leader to verify; undone, all that PD keeps is as before."""
    before = stage.whole_state()
    ask = await other_member(stage)
    done = await stage.perform(ask, timeout_seconds=60)
    assert done.outcome == Did("The transfer command is submitted.")
    assert done.settled, done.verification
    assert done.pd_leader != ask.to_member, "the leader at the time of issue is kept (P51)"
    assert stage.pd("GET", "/leader")["name"] == ask.to_member
    assert stage.effects() == [], "no store has anything to do with it"
    await stage.undo(done, timeout_seconds=60)
    await stage.until_same(before, except_for=OF_A_NEW_LEADER)


@THREE_MEMBERS
@pytest.mark.action("TransferPDLeader")
async def test_a_member_that_leads_already_needs_no_call(stage: Stage) -> None:
    """It would be a 200 that does nothing (P12)."""
    seen = await stage.see(ANY)
    done = await stage.perform(TransferPDLeader(to_member=seen.pd.leader_name))
    assert (done.outcome, done.settled) == (None, True)


@THREE_MEMBERS
@pytest.mark.trap("P15")
async def test_p15_right_after_the_change_nothing_is_believed(stage: Stage) -> None:
    """The first thing that the new leader shows is no scheduler at all; then it is prepared."""
    ask = await other_member(stage)
    before = ACTION.before(ask, await stage.see(ask))
    assert isinstance(await stage.send(ACTION.call(ask)), Did)
    seen = await stage.until(
        lambda seen: seen.pd.leader_name == ask.to_member, "the new leader", ask
    )
    assert seen.prepared, "reading raises Retryable until then"
    assert ACTION.verify(ask, before, seen).progress is Progress.SETTLED


@THREE_MEMBERS
@pytest.mark.trap("P32")
async def test_p32_a_paused_scheduler_raises_the_tier_and_the_pause_is_lost(stage: Stage) -> None:
    """It is said before, because nobody hears of it afterwards."""
    stage.pd("POST", "/schedulers/balance-leader-scheduler", {"delay": 600})
    ask = await other_member(stage)
    seen = await stage.see(ask)
    assert ACTION.risk(ask, seen).tier is Tier.HIGH
    done = await stage.perform(ask, timeout_seconds=60)
    warned = [check for check in done.checks if isinstance(check.verdict, Warn)]
    assert [check.name for check in warned] == ["PausesKept"]
    assert (await stage.see(ask)).paused_schedulers == {}


@THREE_MEMBERS
async def test_a_member_that_is_down_leaves_too_few(stage: Stage) -> None:
    """Two of three healthy are enough to work, not enough to move the leader."""
    ask = await other_member(stage)
    seen = await stage.see(ask)
    idle = next(
        member.name
        for member in seen.members or ()
        if member.name not in (ask.to_member, seen.pd.leader_name)
    )
    stage.cluster.processes[idle].kill()
    await stage.until(
        lambda seen: any(not member.healthy for member in seen.members or ()),
        f"{idle} unhealthy",
        ask,
    )
    assert [check.name for check in await stage.refusals(ask)] == ["EnoughHealthyMembers"]


@THREE_MEMBERS
async def test_an_unknown_member_is_refused_by_us_and_by_pd(stage: Stage) -> None:
    """PD's text proves that nothing happened."""
    params = TransferPDLeader(to_member="pd-9")
    refused = {check.name: check.verdict for check in await stage.refusals(params)}
    assert isinstance(refused["TargetMember"], Deny)
    await stage.see(params)
    outcome = await stage.send(ACTION.call(params))
    assert outcome == DidNot("500 no valid pd to transfer etcd leader")


@pytest.mark.trap("P12")
async def test_p12_one_member_answers_200_and_does_nothing(stage: Stage) -> None:
    """So we refuse: there is nobody to move to."""
    before = stage.whole_state()
    leader = stage.pd("GET", "/leader")["name"]
    seen = await stage.see(ANY)
    assert seen.members is not None
    assert len(seen.members) == 1
    assert await stage.send(PdCall("POST", f"/pd/api/v1/leader/transfer/{leader}")) == Did(
        "The transfer command is submitted."
    )
    stage.pd("POST", "/leader/resign")
    await stage.until_same(before)
    params = TransferPDLeader(to_member=leader)
    refused = {check.name: check.verdict for check in await stage.refusals(params)}
    assert isinstance(refused["TargetMember"], Deny)
