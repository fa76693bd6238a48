"""What goes wrong with schedulers and settings between approval and end, on the real PD."""

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Fact, Phase
from assent.api.v1alpha1.parameters.scheduling import (
    PauseScheduler,
    RemoveScheduler,
    ReplicationKey,
    ScheduleKey,
    SchedulerName,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.core.lifecycle.recovery import Adopt, ContinueVerifying, SafeRepeat
from assent.core.model.call import Did, DidNot, Unknown
from tests.contract.actions.life import Life, phase
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage

LEADERS = SchedulerName.BALANCE_LEADER
PAUSE = PauseScheduler(name=LEADERS, seconds=600)
LIMIT = SetScheduleConfig(key=ScheduleKey.REPLICA_SCHEDULE_LIMIT, value="128")
KEY = "replica-schedule-limit"


@pytest.mark.trap("P50")
@pytest.mark.parametrize("fault", ["cut_after_answer", "half_answer"])
@pytest.mark.parametrize(
    ("params", "method"),
    [
        pytest.param(PAUSE, "POST", id="pause"),
        pytest.param(RemoveScheduler(name=LEADERS), "DELETE", id="removal"),
        pytest.param(LIMIT, "POST", id="setting"),
    ],
)
async def test_p50_a_lost_answer_is_judged_by_what_pd_shows(
    stage: Stage,
    params: PauseScheduler | RemoveScheduler | SetScheduleConfig,
    method: str,
    fault: str,
) -> None:
    """PD did it and nobody heard so: seen, told, adopted by the next leader, and sent once."""
    life = await Life.approved(stage, params)
    stage.cluster.faults.add(fault, method=method)
    outcome = await life.execute()
    assert isinstance(outcome, Unknown), outcome
    assert await life.recovered(sender_gone=True) == Adopt()
    decision = await life.ended(outcome)
    assert phase(decision) == (Phase.SUCCEEDED, Reason.DONE)
    assert "PD's answer was lost, its effect was seen" in (decision.status.message or "")
    assert len(stage.writes()) == 1


@pytest.mark.trap("P50")
async def test_p50_a_setting_that_never_arrived_is_sent_again_once_its_sender_is_gone(
    stage: Stage,
) -> None:
    """It is absolute, and PD still shows the value from before: only then, and only so."""
    life = await Life.approved(stage, LIMIT)
    stage.cluster.faults.add("cut_before_send", method="POST", path="/config")
    outcome = await life.execute()
    assert isinstance(outcome, Unknown), outcome
    assert await life.recovered(sender_gone=False) == ContinueVerifying()
    assert isinstance(await life.recovered(sender_gone=True), SafeRepeat)
    stage.config(f"schedule.{KEY}", 32)
    assert await life.recovered(sender_gone=True) == ContinueVerifying(), "somebody set another"


@pytest.mark.trap("P32")
@THREE_MEMBERS
async def test_p32_a_pause_that_dies_before_it_is_seen_had_no_effect(stage: Stage) -> None:
    """PD's leader changed between its answer and our look: the message says why"""
    life = await Life.approved(stage, PAUSE)
    old = (await stage.see()).pd.leader_name
    outcome = await life.execute()
    assert outcome == Did("Pause or resume the scheduler successfully.")
    other = next(member.name for member in stage.cluster.members if member.name != old)
    stage.pd("POST", f"/leader/transfer/{other}")
    await stage.until(
        lambda now: now.pd.leader_name == other and LEADERS in now.schedulers, "another leader"
    )
    decision = await life.in_the_end(outcome)
    assert phase(decision) == (Phase.FAILED, Reason.NO_EFFECT)
    assert f"changed from {old} to {other}: it forgets pauses" in (decision.status.message or "")


async def test_the_value_from_before_is_that_of_the_call_not_of_the_approval(stage: Stage) -> None:
    """Somebody set another since people agreed: an undo goes back to theirs."""
    life = await Life.approved(stage, LIMIT)
    stage.config(f"schedule.{KEY}", 32)
    outcome = await life.execute()
    assert isinstance(outcome, Did)
    execution = life.proposal.status.execution
    assert execution is not None
    assert execution.steps[-1].before == [Fact(name=KEY, value="32")]
    assert phase(await life.ended(outcome)) == (Phase.SUCCEEDED, Reason.DONE)


async def test_what_somebody_did_since_is_not_done_again(stage: Stage) -> None:
    """AlreadyDone, and nothing is sent."""
    life = await Life.approved(stage, LIMIT)
    stage.config(f"schedule.{KEY}", 128)
    assert phase(await life.claim()) == (Phase.SUCCEEDED, Reason.ALREADY_DONE)
    assert stage.writes() == []


async def test_a_value_that_somebody_changes_at_once_is_said_to_be_theirs(stage: Stage) -> None:
    """PD took ours, and shows neither the old value nor ours."""
    life = await Life.approved(stage, LIMIT)
    outcome = await life.execute()
    stage.config(f"schedule.{KEY}", 32)
    decision = await life.in_the_end(outcome)
    assert phase(decision) == (Phase.FAILED, Reason.CHANGED_SINCE)
    assert f"{KEY} is still 32" in (decision.status.message or "")


@pytest.mark.trap("P11")
async def test_p11_an_override_that_appears_after_the_approval_refuses_the_call(
    stage: Stage,
) -> None:
    """No look could have seen it; PD's words prove that nothing happened."""
    params = SetScheduleConfig(key=ScheduleKey.REGION_SCHEDULE_LIMIT, value="1024")
    life = await Life.approved(stage, params)
    stage.pd("POST", "/config?ttlSecond=600", {"schedule.region-schedule-limit": 4096})
    try:
        outcome = await life.execute()
        assert isinstance(outcome, DidNot), outcome
        decision = await life.ended(outcome)
        assert phase(decision) == (Phase.FAILED, Reason.REFUSED)
        assert "need to clean up TTL first" in (decision.status.message or "")
    finally:
        stage.pd("POST", "/config?ttlSecond=0", {"schedule.region-schedule-limit": 4096})


async def test_a_rule_that_is_edited_after_the_approval_holds_the_call(stage: Stage) -> None:
    """It may be put back: approved, and waiting for that."""
    params = SetReplicationConfig(key=ReplicationKey.MAX_REPLICAS, value="4")
    life = await Life.approved(stage, params)
    (rule,) = stage.pd("GET", "/config/rules")
    stage.pd("POST", "/config/rule", {**rule, "location_labels": ["rack"]})
    decision = await life.claim()
    assert decision.call is None
    assert decision.status.phase is Phase.APPROVED
    assert "rule pd/default" in (decision.status.message or "")


async def test_a_person_who_pauses_after_the_approval_is_not_overridden(stage: Stage) -> None:
    """Theirs ends sooner: ours waits until then."""
    life = await Life.approved(stage, PAUSE)
    stage.pd("POST", f"/schedulers/{LEADERS}", {"delay": 200})
    decision = await life.claim()
    assert decision.call is None
    assert decision.status.phase is Phase.APPROVED
    assert "somebody has paused" in (decision.status.message or "")
