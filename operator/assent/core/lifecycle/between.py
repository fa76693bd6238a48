"""Between two steps: nothing is in the air, and the next call is decided from fresh facts.

Level-triggered: asked again and again, by whichever process leads, until it names a call or an
end. What was approved as a whole is checked anew before each of its steps.
"""

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Execution, Phase
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import Stage, program_of
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.forward import Next, Now, forward, note
from assent.core.lifecycle.group import give_up_looking, judge_group, may_begin
from assent.core.lifecycle.onward import finish
from assent.core.lifecycle.progress import (
    begun,
    next_stage,
    open_step,
)
from assent.core.lifecycle.rollback import Undoing, by_hand, take_back
from assent.core.lifecycle.transition import Cause, advance
from assent.core.model.call import Unknown
from assent.core.model.resource import Proposal
from assent.core.model.verdict import Hold

_ON_RECORD = Unknown(answer="stands in the journal")
"""What came of the calls of steps that have begun: their entries hold PD's answer."""

_REASONS = {reason.value: reason for reason in Reason}


def is_between(proposal: Proposal) -> bool:
    """Return True when the execution has begun, goes on, and no step of it is open."""
    execution = proposal.status.execution
    acting = proposal.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK)
    return acting and execution is not None and bool(execution.steps) and not open_step(execution)


def go_on(proposal: Proposal, now: Now, catalogue: Catalogue = CATALOGUE) -> Decision | None:
    """Return what comes next, None when what stands on the object still says it.

    Raises:
        ValueError: a step is open, or nothing has begun.
    """
    journal = proposal.status.execution
    if journal is None or not is_between(proposal):
        raise ValueError(f"{proposal.meta.key} is not between two steps")
    program = program_of(proposal.spec.action, catalogue)
    undoing = proposal.status.phase is Phase.ROLLING_BACK
    if begun(journal) and (judged := _judged(proposal, journal, now, catalogue)) is not None:
        return judged
    if now.hold is not None:
        if (unseen := _unseen(proposal, journal, now, catalogue)) is not None:
            return unseen
        return _held(proposal, journal, program, now.hold, now, undoing=undoing)
    snapshot = now.snapshot
    if snapshot is None:
        text = "Waiting before the next call: PD as it was approved cannot be read"
        return note(proposal, Reason.CLUSTER_NOT_READY, text, now)
    if undoing:
        again = Undoing("Taking back what was done", snapshot, now.now, now.sender)
        return take_back(proposal, journal, again, catalogue)
    stage = next_stage(journal, program)
    if begun(journal) and (stage is None or not may_begin(stage, journal, program, now.now)):
        return None
    if stage is None:
        text = "Every step is done"
        return finish(proposal, journal, program, Reason.DONE, text, now.now)
    return forward(Next(proposal, journal, program, stage, snapshot, now, catalogue))


def _judged(
    proposal: Proposal, journal: Execution, now: Now, catalogue: Catalogue
) -> Decision | None:
    """Return what one of the steps that have begun came to, None while all go on."""
    return judge_group(proposal, journal, _evidence(now), catalogue)


def _unseen(
    proposal: Proposal, journal: Execution, now: Now, catalogue: Catalogue
) -> Decision | None:
    """Return how a cancelled plan ends that nobody can look at any more, None for any other."""
    if now.hold is None or now.hold.reason != Reason.CANCELLED or not begun(journal):
        return None
    return give_up_looking(proposal, journal, _evidence(now), catalogue)


def _evidence(now: Now) -> Evidence:
    return Evidence(_ON_RECORD, now.snapshot, now.now, tidb_operator=now.tidb_operator)


def _held(
    proposal: Proposal,
    journal: Execution,
    program: tuple[Stage, ...],
    hold: Hold,
    now: Now,
    *,
    undoing: bool,
) -> Decision | None:
    reason = _REASONS.get(hold.reason, Reason.HELD)
    if reason is Reason.CANCELLED and begun(journal):
        text = f"{hold.message}; looking first at what came of the steps that have begun"
        return note(proposal, reason, text, now)
    if reason is not Reason.CANCELLED and begun(journal):
        text = f"Sending nothing: {hold.message}; looking at what came of the steps that have begun"
        # Busy would say that it stands in nobody's way, and what has begun does.
        shown = Reason.NEXT_STEP if reason is Reason.BUSY else reason
        return note(proposal, shown, text, now)
    if reason is not Reason.CANCELLED:
        return note(proposal, reason, f"Waiting before the next call: {hold.message}", now)
    by = proposal.spec.cancel.by if proposal.spec.cancel is not None else now.sender.holder
    event = LifeEvent.UNDO_FAILED if undoing else LifeEvent.FAILED
    text = f"{hold.message} between two steps; what was done stands"
    cause = Cause(reason, f"{text}{by_hand(journal, program)}", by)
    return advance(proposal, event, cause, now=now.now)
