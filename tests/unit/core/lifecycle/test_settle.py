"""What came of a call: judged by what PD shows, never by the answer, never by time alone."""

from dataclasses import replace
from datetime import datetime

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepKind, StepState
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.settle import settle
from assent.core.model.call import CallOutcome, Did, DidNot, PdCall, Unknown
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.proposals import (
    EVICT_4,
    LIMIT_4,
    MOVE_17,
    STOP_4,
    at,
    cancel,
    claimed,
    evicted,
    facts,
    proposal,
    stored,
    with_spec,
)
from tests.support.snapshots import region, snapshot, store, unprepared

DONE = Did("200 ok")
LOST = Unknown("connection reset after sending")
REFUSED = DidNot("500 not the leader")
EARLY, OVERDUE = at(1), at(300)

STILL_EVICTED = evicted()
STOPPED_EMPTY = snapshot(store(1), store(2), store(3), store(4, leader_count=0))
STOPPED_BACK = snapshot()
NOTHING_EVICTED = snapshot()
EVICTED_FULL = snapshot(*(store(number) for number in (1, 2, 3, 4)), evicted_store_ids={4})
EVICTED_EMPTY = evicted()


def limit(rate: float) -> ClusterSnapshot:
    """Return a cluster whose store 4 has this add-peer limit."""
    return snapshot(store(1), store(4, add_peer_limit_per_minute=rate))


def judged(
    flying: Proposal, outcome: CallOutcome, shown: ClusterSnapshot | None, now: datetime
) -> Decision | None:
    """Return what settle says of this evidence."""
    return settle(flying, Evidence(outcome, shown, now))


def ended(
    flying: Proposal, outcome: CallOutcome, shown: ClusterSnapshot | None, now: datetime
) -> Decision:
    """Return what settle says; it must have come to an end."""
    decision = judged(flying, outcome, shown, now)
    assert decision is not None
    return decision


def last_state(decision: Decision) -> StepState:
    """Return the state of the last step."""
    assert decision.status.execution is not None
    return decision.status.execution.steps[-1].state


def test_done_and_seen_to_the_end_succeeds() -> None:
    """The scheduler is gone and leaders are back."""
    decision = ended(claimed(), DONE, STOPPED_BACK, EARLY)
    assert decision.status.phase is Phase.SUCCEEDED
    assert decision.status.reason == Reason.DONE
    assert decision.call is None
    assert decision.status.execution is not None
    step = decision.status.execution.steps[0]
    assert step.state is StepState.DONE
    assert step.answer == "200 ok"
    assert step.late is None
    assert step.verified_at == EARLY
    assert {fact.name: fact.value for fact in step.after or []}["evicted"] == "false"
    assert decision.status.finished_at == EARLY


@pytest.mark.parametrize("outcome", [DONE, LOST])
@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(STILL_EVICTED, id="nothing shows yet"),
        pytest.param(STOPPED_EMPTY, id="the effect shows, its goal does not"),
        pytest.param(None, id="PD cannot be read"),
        pytest.param(unprepared(evicted()), id="PD shows nothing just after a leader change"),
    ],
)
def test_before_its_time_is_over_it_is_looked_at_again(
    outcome: CallOutcome, seen: ClusterSnapshot | None
) -> None:
    """No conclusion from what is not there yet."""
    assert judged(claimed(), outcome, seen, EARLY) is None


def test_an_effect_without_its_goal_is_enough_where_the_goal_is_pds() -> None:
    """StopEvictLeaders ended the eviction; that leaders return is PD's work."""
    decision = ended(claimed(), DONE, STOPPED_EMPTY, OVERDUE)
    assert decision.status.phase is Phase.SUCCEEDED


def test_an_answer_without_effect_is_no_success() -> None:
    """200 although nothing happened (P06 to P12)."""
    decision = ended(claimed(), DONE, STILL_EVICTED, OVERDUE)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason == Reason.NO_EFFECT
    assert last_state(decision) is StepState.NO_EFFECT


def test_a_third_value_is_somebody_elses() -> None:
    """Neither what was nor what we set: it is named and left alone."""
    flying = claimed(LIMIT_4, snapshot=limit(15))
    decision = ended(flying, DONE, limit(50), OVERDUE)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason == Reason.CHANGED_SINCE
    assert "50" in (decision.status.message or "")
    assert decision.call is None


@pytest.mark.parametrize("seen", [STILL_EVICTED, STOPPED_BACK, None])
def test_a_refused_call_fails_at_once(seen: ClusterSnapshot | None) -> None:
    """It certainly changed nothing, whatever PD shows meanwhile."""
    decision = ended(claimed(), REFUSED, seen, EARLY)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason == Reason.REFUSED
    assert last_state(decision) is StepState.NOT_DONE
    assert "500 not the leader" in (decision.status.message or "")


def test_already_so_is_believed_when_it_shows() -> None:
    """P16: PD refuses because there is nothing to do."""
    flying = claimed(MOVE_17, snapshot=evicted())
    moved = evicted(regions=[region(17, leader=2)])
    decision = ended(flying, DidNot("no operator step is built", already_done=True), moved, EARLY)
    assert decision.status.phase is Phase.SUCCEEDED
    assert decision.status.reason == Reason.ALREADY_DONE


def test_already_so_is_not_believed_when_it_does_not_show() -> None:
    """Judged by topology: time to show is given, then it has failed."""
    flying = claimed(MOVE_17, snapshot=evicted())
    outcome = DidNot("no operator step is built", already_done=True)
    assert judged(flying, outcome, evicted(), EARLY) is None
    decision = ended(flying, outcome, evicted(), OVERDUE)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason == Reason.REFUSED


def test_a_lost_answer_with_its_effect_seen_succeeded() -> None:
    """The before-value was another: it happened."""
    decision = ended(claimed(), LOST, STOPPED_BACK, EARLY)
    assert decision.status.phase is Phase.SUCCEEDED
    assert "answer was lost" in (decision.status.message or "")


def test_a_lost_answer_with_its_effect_seen_late_succeeded() -> None:
    """SEEN is enough where the goal is PD's."""
    assert ended(claimed(), LOST, STOPPED_EMPTY, OVERDUE).status.phase is Phase.SUCCEEDED


@pytest.mark.parametrize(
    ("outcome", "seen"),
    [
        pytest.param(LOST, STILL_EVICTED, id="lost, and PD shows the value from before"),
        pytest.param(LOST, None, id="lost, and PD cannot be read"),
        pytest.param(DONE, None, id="answered, but nobody could look"),
    ],
)
def test_what_nobody_can_know_is_unknown(
    outcome: CallOutcome, seen: ClusterSnapshot | None
) -> None:
    """Time alone never makes a "did not"; a person is asked, with the evidence."""
    decision = ended(claimed(), outcome, seen, OVERDUE)
    assert decision.status.phase is Phase.OUTCOME_UNKNOWN
    assert decision.status.reason == Reason.ANSWER_LOST
    assert decision.call is None
    assert last_state(decision) is StepState.UNKNOWN
    message = decision.status.message or ""
    assert '"outcome":"Happened|DidNotHappen"' in message
    assert "never sent again" in message
    assert decision.notices[0].warning
    assert decision.status.finished_at is None


def test_a_late_answer_is_marked() -> None:
    """It came after the lease deadline: the alert is about this."""
    decision = ended(claimed(), replace(DONE, late=True), STOPPED_BACK, EARLY)
    assert decision.status.execution is not None
    assert decision.status.execution.steps[0].late is True


def test_a_long_answer_is_cut() -> None:
    """The CRD bounds it."""
    decision = ended(claimed(), Did("x" * 9000), STOPPED_BACK, EARLY)
    assert decision.status.execution is not None
    assert len(decision.status.execution.steps[0].answer or "") == 512


def test_waiting_counts_from_the_sending() -> None:
    """A call that had to wait for a Halt gets its whole time."""
    flying = claimed()
    late = Evidence(DONE, STILL_EVICTED, at(600), sent_at=at(500))
    assert settle(flying, late) is None
    assert settle(flying, replace(late, now=at(800))) is not None


def evicting() -> Proposal:
    """Return an EvictLeaders (Medium, its goal required) on its way."""
    return claimed(EVICT_4, snapshot=NOTHING_EVICTED)


def undoing() -> Proposal:
    """Return it after it missed its goal: its undo on its way."""
    flying = evicting()
    decision = ended(flying, DONE, EVICTED_FULL, OVERDUE)
    return stored(facts(flying), decision).proposal


def test_a_missed_goal_is_taken_back() -> None:
    """Eviction is set and leaders stay: Medium undoes by itself."""
    decision = ended(evicting(), DONE, EVICTED_FULL, OVERDUE)
    assert decision.status.phase is Phase.ROLLING_BACK
    assert decision.status.reason == Reason.UNDOING
    path = "/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/4"
    assert decision.call == PdCall("DELETE", path)
    assert decision.status.execution is not None
    forward, undo = decision.status.execution.steps
    assert forward.state is StepState.DONE
    assert (undo.kind, undo.state) == (StepKind.UNDO, StepState.INTENDED)
    assert undo.intended_at == OVERDUE
    assert undo.verify_by == at(600)
    assert undo.call.path == path


def test_a_missed_goal_of_a_lost_call_is_taken_back_too() -> None:
    """Its effect shows, so it happened."""
    assert ended(evicting(), LOST, EVICTED_FULL, OVERDUE).status.phase is Phase.ROLLING_BACK


def test_a_cancelled_one_is_not_taken_back() -> None:
    """An undo is a call, and somebody said no more calls."""
    flying = with_spec(facts(evicting()), cancel=cancel("sre-9")).proposal
    decision = ended(flying, DONE, EVICTED_FULL, OVERDUE)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason == Reason.CANCELLED
    assert decision.call is None
    assert "left as it is" in (decision.status.message or "")


@pytest.mark.parametrize("tier", [Tier.LOW, Tier.CRITICAL])
def test_tiers_without_automatic_undo_leave_it_to_people(tier: Tier) -> None:
    """Low does not need it, Critical does nothing by itself."""
    flying = evicting()
    assert flying.status.risk is not None
    risk = flying.status.risk.model_copy(update={"tier": tier})
    status = flying.status.model_copy(update={"risk": risk})
    decision = ended(replace(flying, status=status), DONE, EVICTED_FULL, OVERDUE)
    assert decision.status.phase is Phase.FAILED
    assert decision.status.reason == Reason.NO_EFFECT
    assert decision.call is None
    assert last_state(decision) is StepState.DONE


def test_without_an_inverse_it_is_left() -> None:
    """The before-values say that there is nothing to restore."""
    flying = evicting()
    assert flying.status.execution is not None
    step = flying.status.execution.steps[0].model_copy(update={"before": []})
    execution = flying.status.execution.model_copy(update={"steps": [step]})
    status = flying.status.model_copy(update={"execution": execution})
    decision = ended(replace(flying, status=status), DONE, EVICTED_FULL, OVERDUE)
    assert decision.status.phase is Phase.FAILED
    assert "nothing to take back" in (decision.status.message or "")


@pytest.mark.parametrize("outcome", [DONE, LOST, DidNot("404 not listed", already_done=True)])
def test_an_undo_that_shows_is_done(outcome: CallOutcome) -> None:
    """PD shows the values from before, whatever became of the answer."""
    decision = ended(undoing(), outcome, NOTHING_EVICTED, at(301))
    assert decision.status.phase is Phase.ROLLED_BACK
    assert decision.status.reason == Reason.UNDONE
    assert last_state(decision) is StepState.DONE


@pytest.mark.parametrize("outcome", [DONE, LOST])
@pytest.mark.parametrize("seen", [EVICTED_FULL, EVICTED_EMPTY, None])
def test_an_undo_is_looked_at_until_its_time_is_over(
    outcome: CallOutcome, seen: ClusterSnapshot | None
) -> None:
    """As the action itself."""
    assert judged(undoing(), outcome, seen, at(301)) is None


def test_a_refused_undo_says_how_to_do_it_by_hand() -> None:
    """The effect still stands; the line is there to copy."""
    decision = ended(undoing(), REFUSED, EVICTED_FULL, at(301))
    assert decision.status.phase is Phase.ROLLBACK_FAILED
    assert decision.status.reason == Reason.UNDO_FAILED
    assert "By hand: DELETE /pd/api/v1/scheduler-config" in (decision.status.message or "")


def test_an_undo_without_effect_has_failed() -> None:
    """PD answered, the eviction still stands."""
    decision = ended(undoing(), DONE, EVICTED_FULL, at(600))
    assert decision.status.phase is Phase.ROLLBACK_FAILED
    assert last_state(decision) is StepState.NO_EFFECT


@pytest.mark.parametrize(("outcome", "seen"), [(LOST, EVICTED_FULL), (LOST, None), (DONE, None)])
def test_an_undo_nobody_can_judge_is_unknown(
    outcome: CallOutcome, seen: ClusterSnapshot | None
) -> None:
    """The same honesty as for the action."""
    decision = ended(undoing(), outcome, seen, at(600))
    assert decision.status.phase is Phase.OUTCOME_UNKNOWN
    assert "the undo took effect" in (decision.status.message or "")


def undoing_limit() -> Proposal:
    """Return a store limit whose undo is on its way (no action of the catalogue gets there:
    a limit has no goal beyond its value, so the journal is written by hand).
    """
    flying, model = claimed(LIMIT_4, snapshot=limit(15)), undoing().status
    execution, other = flying.status.execution, model.execution
    assert execution is not None
    assert other is not None
    journal = execution.model_copy(update={"steps": [*execution.steps, other.steps[1]]})
    status = flying.status.model_copy(update={"execution": journal, "phase": Phase.ROLLING_BACK})
    return replace(flying, status=status)


@pytest.mark.parametrize(("outcome", "now"), [(REFUSED, at(301)), (DONE, at(600))])
def test_somebody_elses_value_is_not_overwritten_by_an_undo(
    outcome: CallOutcome, now: datetime
) -> None:
    """Neither ours nor the old one: it is named, and left."""
    decision = ended(undoing_limit(), outcome, limit(50), now)
    assert decision.status.phase is Phase.ROLLBACK_FAILED
    assert decision.status.reason == Reason.CHANGED_SINCE
    assert "addPeerLimitPerMinute=50.0" in (decision.status.message or "")


@pytest.mark.parametrize("phase", [None, Phase.PENDING, Phase.SUCCEEDED, Phase.OUTCOME_UNKNOWN])
def test_only_an_open_step_can_be_settled(phase: Phase | None) -> None:
    """Anything else is a mistake of the caller, and nothing is decided."""
    flying = claimed()
    status = flying.status.model_copy(update={"phase": phase})
    with pytest.raises(ValueError, match="no open step"):
        judged(replace(flying, status=status), DONE, STOPPED_BACK, EARLY)
    with pytest.raises(ValueError, match="no open step"):
        judged(proposal(STOP_4), DONE, STOPPED_BACK, EARLY)
