"""What is stored at once when a call was sent and what came of it is not clear yet."""

from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import MAX_ANSWER, replace_last
from assent.core.lifecycle.messages import clip
from assent.core.model.call import CallOutcome
from assent.core.model.resource import Proposal


def note_answer(proposal: Proposal, outcome: CallOutcome) -> Decision:
    """Return the decision that notes on the open step that its call was sent.

    A step with an answer is never sent again, by no later term: that its sender has ended by then
    proves nothing of a request that may still wait inside PD, and what PD carried out may have
    been set back by somebody since, on purpose.

    Raises:
        ValueError: the proposal has no open step.
    """
    execution = proposal.status.execution
    if execution is None or not execution.steps:
        raise ValueError(f"{proposal.meta.key} has no open step")
    answer = clip(outcome.answer, MAX_ANSWER)
    step = execution.steps[-1].model_copy(update={"answer": answer})
    update = {"execution": replace_last(execution, step)}
    return Decision(status=proposal.status.model_copy(update=update))
