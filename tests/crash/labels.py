"""Which point a write of a proposal's status is, by what was and what is to be stored. Pure."""

from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Execution, Phase, StepState
from assent.api.v1alpha1.lifecycle import OPEN
from assent.core.lifecycle.decision import Decision
from assent.core.model.resource import Proposal
from assent.observability.crash_points import Point

Around = tuple[Point, Point]

ASSESSMENT: Around = (Point.ASSESSMENT_DUE, Point.ASSESSMENT_STORED)
INTENT: Around = (Point.INTENT_DUE, Point.INTENT_STORED)
LOSS: Around = (Point.LOSS_DUE, Point.LOSS_STORED)
WITHHOLDING: Around = (Point.WITHHOLDING_DUE, Point.WITHHELD)
OUTCOME: Around = (Point.OUTCOME_DUE, Point.OUTCOME_STORED)
NEXT_STEP: Around = (Point.NEXT_STEP_DUE, Point.NEXT_STEP_STORED)
NOTE: Around = (Point.NOTE_DUE, Point.NOTE_STORED)
ROLLBACK: Around = (Point.ROLLBACK_DUE, Point.ROLLBACK_STORED)
REVERT: Around = (Point.REVERT_DUE, Point.REVERT_STORED)
UNDO_OUTCOME: Around = (Point.UNDO_OUTCOME_DUE, Point.UNDO_OUTCOME_STORED)
TAKEOVER: Around = (Point.TAKEOVER_DUE, Point.TAKEOVER_STORED)
REPEAT: Around = (Point.REPEAT_DUE, Point.REPEAT_STORED)

WRITES = (
    ASSESSMENT,
    INTENT,
    LOSS,
    WITHHOLDING,
    OUTCOME,
    NEXT_STEP,
    NOTE,
    ROLLBACK,
    REVERT,
    UNDO_OUTCOME,
    TAKEOVER,
    REPEAT,
)


def writing(proposal: Proposal, decision: Decision) -> Around:
    """Return the points before and after the write."""
    old, new = proposal.status, decision.status
    if old.phase is None or old.phase in OPEN:
        return INTENT if decision.call is not None else ASSESSMENT
    if old.phase is Phase.ACTIVE:
        return REVERT
    if _changes_hands(old.execution, new.execution):
        again = decision.call is not None and new.phase is old.phase
        return REPEAT if again else TAKEOVER
    if old.phase is Phase.EXECUTING and new.phase is Phase.ROLLING_BACK:
        return ROLLBACK
    if new.phase in OPEN:
        return WITHHOLDING
    return _of_a_step(old, new)


def _of_a_step(old: ActionProposalStatus, new: ActionProposalStatus) -> Around:
    before, after = _steps(old.execution), _steps(new.execution)
    if before == after:
        return NOTE if new.phase is old.phase else OUTCOME
    undoing = old.phase is Phase.ROLLING_BACK
    last = new.execution.steps[-1] if new.execution is not None else None
    if last is not None and len(before) == len(after):
        if last.state is StepState.INTENDED and last.answer is not None:
            return LOSS
        if last.state is StepState.WAITING and not undoing:
            return NOTE
    if undoing:
        return UNDO_OUTCOME
    return NEXT_STEP if len(after) > len(before) and new.phase is old.phase else OUTCOME


def _changes_hands(old: Execution | None, new: Execution | None) -> bool:
    if old is None or new is None:
        return False
    return (old.epoch, old.holder) != (new.epoch, new.holder)


def _steps(execution: Execution | None) -> list[object]:
    return [] if execution is None else list(execution.steps)
