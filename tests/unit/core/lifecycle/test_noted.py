"""A call whose answer was lost is on record as sent before anything else happens."""

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.journal import MAX_ANSWER
from assent.core.lifecycle.noted import note_answer, noted_outcome
from assent.core.lifecycle.recovery import (
    NO_RECORD,
    ContinueVerifying,
    DeclareUnknown,
    SafeRepeat,
    classify,
)
from assent.core.lifecycle.settle import settle
from assent.core.model.call import CallOutcome, Did, Unknown
from assent.core.model.resource import Proposal
from tests.support.proposals import STOP_4, at, claimed, evicted, proposal

LOST = Unknown(answer="no answer within 2.5 s")


TOOK = Did(answer="200 null")


def noted(outcome: CallOutcome = LOST) -> Proposal:
    """Return a claimed call with a note of what came of it."""
    flying = claimed(STOP_4)
    return Proposal(flying.meta, flying.spec, note_answer(flying, outcome).status)


def test_a_call_without_a_note_may_be_sent_again_once_its_sender_is_gone() -> None:
    """The control: nothing says that it was ever sent."""
    found = classify(claimed(STOP_4), evicted(), sender_gone=True, now=at(1))
    assert isinstance(found, SafeRepeat)


@pytest.mark.parametrize(("seconds", "expected"), [(1, ContinueVerifying), (300, DeclareUnknown)])
def test_a_call_that_was_sent_is_never_sent_again(seconds: float, expected: type) -> None:
    """A rolling restart while PD was slow once sent it twice, and PD carried out both: the
    graceful release proves that the sender is gone, not that its request is.
    """
    found = classify(noted(), evicted(), sender_gone=True, now=at(seconds))
    assert isinstance(found, expected)


def test_the_note_moves_nothing() -> None:
    """The intent stays open and is verified as before; only the answer is on record."""
    before, after = claimed(STOP_4).status, noted().status
    assert after.phase is Phase.EXECUTING
    assert after.execution is not None
    assert before.execution is not None
    step = after.execution.steps[-1]
    assert (step.state, step.answer) == (StepState.INTENDED, LOST.answer)
    assert step.model_copy(update={"answer": None}) == before.execution.steps[-1]
    assert after.history == before.history


@pytest.mark.parametrize(
    ("outcome", "late"),
    [
        pytest.param(TOOK, False, id="PD took it in time"),
        pytest.param(Did("200 null", late=True), True, id="PD took it after the lease deadline"),
        pytest.param(LOST, None, id="nobody knows whether PD took it"),
    ],
)
def test_the_note_says_whether_pd_took_the_call(outcome: CallOutcome, late: bool | None) -> None:
    """``late`` is the one field that tells an answer of PD's from the story of a lost one."""
    execution = noted(outcome).status.execution
    assert execution is not None
    assert execution.steps[-1].late is late


@pytest.mark.parametrize("outcome", [TOOK, Did("200 null", late=True), LOST])
def test_a_later_term_reads_what_was_noted(outcome: CallOutcome) -> None:
    """What goes into the note comes out of it."""
    execution = noted(outcome).status.execution
    assert execution is not None
    step = execution.steps[-1]
    assert noted_outcome(step.answer or "", late=step.late) == outcome


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(TOOK, (Phase.FAILED, Reason.NO_EFFECT), id="PD took it"),
        pytest.param(LOST, (Phase.OUTCOME_UNKNOWN, Reason.ANSWER_LOST), id="answer lost"),
    ],
)
def test_a_noted_call_whose_time_is_over_ends_by_its_note(
    outcome: CallOutcome, expected: tuple[Phase, Reason]
) -> None:
    """A call that PD took and that shows nothing had no effect: asking a person is for riddles.
    The answer on record is PD's, not that the operator had ended.
    """
    ending = settle(noted(outcome), Evidence(NO_RECORD, evicted(), at(300)))
    assert ending is not None
    assert (ending.status.phase, ending.status.reason) == expected
    assert ending.status.execution is not None
    assert ending.status.execution.steps[-1].answer == outcome.answer


def test_what_this_process_heard_itself_outweighs_the_note() -> None:
    """The note is for those who were not there."""
    heard = Did("200 null")
    evidence = Evidence(heard, evicted(), at(300), sent_at=at(0))
    ending = settle(noted(LOST), evidence)
    assert ending is not None
    assert ending.status.phase is Phase.FAILED
    assert ending.status.execution is not None
    assert ending.status.execution.steps[-1].answer == heard.answer


def test_a_long_answer_is_cut_to_what_the_crd_takes() -> None:
    """A note that the API server refuses would be retried for ever."""
    execution = noted(Unknown(answer="x" * 5000)).status.execution
    assert execution is not None
    assert len(execution.steps[-1].answer or "") == MAX_ANSWER


def test_a_proposal_without_a_step_has_nothing_to_note() -> None:
    """A caller's mistake is said, not stored."""
    with pytest.raises(ValueError, match="no open step"):
        note_answer(proposal(STOP_4), LOST)
