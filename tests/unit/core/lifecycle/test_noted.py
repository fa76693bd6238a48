"""A call whose answer was lost is on record as sent before anything else happens."""

import pytest

from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.core.lifecycle.journal import MAX_ANSWER
from assent.core.lifecycle.noted import note_answer
from assent.core.lifecycle.recovery import ContinueVerifying, DeclareUnknown, SafeRepeat, classify
from assent.core.model.call import Unknown
from assent.core.model.resource import Proposal
from tests.support.proposals import STOP_4, at, claimed, evicted, proposal

LOST = Unknown(answer="no answer within 2.5 s")


def noted(outcome: Unknown = LOST) -> Proposal:
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


def test_a_long_answer_is_cut_to_what_the_crd_takes() -> None:
    """A note that the API server refuses would be retried for ever."""
    execution = noted(Unknown(answer="x" * 5000)).status.execution
    assert execution is not None
    assert len(execution.steps[-1].answer or "") == MAX_ANSWER


def test_a_proposal_without_a_step_has_nothing_to_note() -> None:
    """A caller's mistake is said, not stored."""
    with pytest.raises(ValueError, match="no open step"):
        note_answer(proposal(STOP_4), LOST)
