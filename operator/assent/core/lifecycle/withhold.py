"""What becomes of a claimed proposal whose call was certainly not sent."""

from datetime import datetime

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import program_of
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import closed, replace_last
from assent.core.lifecycle.progress import begun, took_effect
from assent.core.lifecycle.rollback import by_hand
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import DidNot
from assent.core.model.resource import Proposal
from assent.core.model.verdict import Hold

_REASONS = {item.value: item for item in Reason}


def withhold(
    proposal: Proposal, hold: Hold, now: datetime, catalogue: Catalogue = CATALOGUE
) -> Decision:
    """Return where the proposal goes when the last look before its call said stop.

    - Executing goes back to Approved: what was approved still is, and runs when the hold ends.
      Where an earlier call has taken effect it stays, between two steps, and goes on when the
      hold ends. A cancel ends it as Failed (Cancelled), and says what stands; not before those
      of its group that have begun are judged, which ``between`` does.
    - RollingBack stays and says why; its undo is sent when the hold ends. A cancel ends it as
      RollbackFailed, with what is left in place.

    In every case the step says NotDone or, for an undo that goes on waiting, stays Intended.

    Raises:
        ValueError: the proposal has no open step; nothing is decided.
    """
    execution = proposal.status.execution
    if execution is None or not execution.steps:
        raise ValueError(f"{proposal.meta.key} has no open step")
    cancelled = hold.reason == Reason.CANCELLED
    reason = _REASONS.get(hold.reason, Reason.HELD)
    by = proposal.spec.cancel.by if cancelled and proposal.spec.cancel else execution.holder
    undoing = proposal.status.phase is Phase.ROLLING_BACK
    if undoing and not cancelled:
        cause = Cause(reason, f"the undo waits: {hold.message}", by)
        return advance(proposal, None, cause, now=now)
    step = closed(
        execution.steps[-1],
        StepState.NOT_DONE,
        outcome=DidNot(f"not sent: {hold.message}", sent=False),
        verification=None,
        now=now,
    )
    also = Also(changes={"execution": replace_last(execution, step)})
    if undoing:
        left = ", ".join(f"{fact.name} was {fact.value}" for fact in step.before)
        sentence = f"the undo was cancelled and the action stands; before it {left}"
        sentence += by_hand(execution, program_of(proposal.spec.action, catalogue))
        cause = Cause(Reason.UNDO_FAILED, sentence, by)
        return advance(proposal, LifeEvent.UNDO_FAILED, cause, now=now, also=also)
    program = program_of(proposal.spec.action, catalogue)
    stands = any(took_effect(execution, stage.index) for stage in program)
    if cancelled and begun(execution):
        looking = "looking first at what came of the steps that have begun"
        cause = Cause(Reason.CANCELLED, f"{hold.message} before the call was sent; {looking}", by)
        return advance(proposal, None, cause, now=now, also=also)
    if cancelled:
        left = by_hand(execution, program) if stands else ""
        cause = Cause(Reason.CANCELLED, f"{hold.message} before the call was sent{left}", by)
        return advance(proposal, LifeEvent.FAILED, cause, now=now, also=also)
    cause = Cause(reason, f"stopped before the call was sent: {hold.message}", by)
    if stands:
        return advance(proposal, None, cause, now=now, also=also)
    return advance(proposal, LifeEvent.WITHHELD, cause, now=now, also=also)
