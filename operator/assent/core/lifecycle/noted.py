"""What is stored at once when a call was sent and what came of it is not clear yet."""

from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import MAX_ANSWER, replace_last
from assent.core.lifecycle.messages import clip
from assent.core.model.call import CallOutcome, Did, Unknown
from assent.core.model.resource import Proposal


def note_answer(proposal: Proposal, outcome: CallOutcome) -> Decision:
    """Return the decision that notes on the open step that its call was sent.

    A step with an answer is never sent again, by no later term: that its sender has ended by then
    proves nothing of a request that may still wait inside PD, and what PD carried out may have
    been set back by somebody since, on purpose. ``late``, true or false, says that PD took the
    call; it is absent where nobody knows.

    Raises:
        ValueError: the proposal has no open step.
    """
    execution = proposal.status.execution
    if execution is None or not execution.steps:
        raise ValueError(f"{proposal.meta.key} has no open step")
    late = outcome.late if isinstance(outcome, Did) else None
    noted = {"answer": clip(outcome.answer, MAX_ANSWER), "late": late}
    step = execution.steps[-1].model_copy(update=noted)
    update = {"execution": replace_last(execution, step)}
    return Decision(status=proposal.status.model_copy(update=update))


def noted_outcome(answer: str, *, late: bool | None) -> CallOutcome:
    """Return what ``note_answer`` put on record of an open step's call, in an earlier term."""
    return Unknown(answer) if late is None else Did(answer, late=late)
