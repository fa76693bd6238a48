"""What came of a call, by what PD shows; and whether it must be taken back."""

from dataclasses import replace
from datetime import timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Cancel, StepKind, StepState
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.action import Progress
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import beside
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.case import Case, Evidence, case_of
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import (
    Sender,
    append_step,
    closed,
    replace_step,
    stored_call,
)
from assent.core.lifecycle.messages import resolve_command, sentence_case
from assent.core.lifecycle.onward import MAX_CALLS, onward
from assent.core.lifecycle.progress import stage_index, to_take_back
from assent.core.lifecycle.rollback import (
    Undoing,
    by_hand,
    changed_since,
    take_back,
    undo_step,
)
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import Did, DidNot
from assent.core.model.instant import instant
from assent.core.model.resource import Proposal
from assent.core.policy.ceremony import ceremony_of
from assent.core.policy.limits import to_milliseconds

STALL = timedelta(minutes=10)
"""Without any progress for so long a waiting action says that it has stalled."""
NOTE_EVERY = timedelta(minutes=1)
"""How often the progress of a waiting action is stored: a drain moves for days."""


def settle(
    proposal: Proposal, evidence: Evidence, catalogue: Catalogue = CATALOGUE
) -> Decision | None:
    """Return what the open step came to, None while it must be looked at again.

    The answer alone never makes a success, and time alone never makes a "did not": a call whose
    answer was lost and whose effect does not show ends as OutcomeUnknown.

    Raises:
        ValueError: the proposal has no open step.
    """
    case = case_of(proposal, evidence, catalogue)
    if case.step.kind is StepKind.UNDO:
        return _settle_undo(case, catalogue)
    return _begun(case) or judge(case, catalogue)


def _begun(case: Case) -> Decision | None:
    """Return that a step of a group has begun, once PD took its call: the next one begins beside
    it, and all are judged together. None for any other step, and while nobody knows.
    """
    outcome = case.evidence.outcome
    in_group = len(beside(case.stage, case.program)) > 1
    took = isinstance(outcome, Did) or (case.shows and not isinstance(outcome, DidNot))
    if not in_group or not took:
        return None
    text = f"Step {case.stage.index + 1} of {len(case.program)} has begun: {case.step.summary}"
    cause = Cause(Reason.NEXT_STEP, text, case.execution.holder)
    also = Also({"execution": replace(case, verification=None).closed(StepState.BEGUN)})
    return advance(case.proposal, None, cause, now=case.evidence.now, also=also)


def judge(case: Case, catalogue: Catalogue) -> Decision | None:
    """Return what a forward step came to, None while it must be looked at again."""
    if isinstance(outcome := case.evidence.outcome, DidNot):
        return _not_done(case, outcome, catalogue)
    if case.settled or (case.shows and _goes_on(case)):
        return _succeeded(case)
    if case.step.state is StepState.WAITING and (cancel := case.proposal.spec.cancel) is not None:
        return _left(case, cancel)
    if case.step.state is StepState.WAITING and case.verification is not None and not case.shows:
        why = f"PD no longer works on it, somebody called it off: {case.seen_text}"
        text = f"{why}{case.culprit}"
        return _failed(case, Reason.CHANGED_SINCE, text, StepState.NO_EFFECT, catalogue)
    if not case.overdue:
        return _waits(case) if case.shows and case.action.waits else None
    if case.shows:
        if case.action.goal_required:
            return _goal_missed(case, catalogue)
        return _succeeded(case)
    if case.lost or case.verification is None:
        return _unknown(case, "call")
    if case.unchanged:
        reason, why = Reason.NO_EFFECT, "PD took the call, but its effect never showed"
    else:
        reason, why = Reason.CHANGED_SINCE, "PD shows neither the old value nor the new one"
    text = f"{why}: {case.seen_text}{case.culprit}"
    return _failed(case, reason, text, StepState.NO_EFFECT, catalogue)


def _goes_on(case: Case) -> bool:
    """Return True when the first effect is there and the action wants a second call."""
    if case.snapshot is None:
        return False
    call = case.action.follow_up(case.params, case.before, case.snapshot)
    return call is not None and stored_call(call) != case.step.call


def _waits(case: Case) -> Decision | None:
    """Return the decision that shows how far PD is, None when that stands there already."""
    found, step = case.verification, case.step
    assert found is not None  # noqa: S101 - case.shows needs one
    now = to_milliseconds(case.evidence.now)
    begun = step.state is StepState.WAITING
    moved = not begun or list(found.after) != (step.after or [])
    if begun and moved and step.verified_at is not None and now - step.verified_at < NOTE_EVERY:
        return None
    since = now if moved or step.verified_at is None else step.verified_at
    stalled = now - since >= STALL
    waiting = replace_step(
        case.execution,
        case.place,
        closed(
            step,
            StepState.WAITING,
            outcome=case.evidence.outcome,
            verification=found,
            now=since,
        ),
    )
    text = sentence_case(found.message)
    reason = Reason.STALLED if stalled else Reason.WAITING
    if stalled:
        text += f"; nothing has moved since {instant(since)}"
    if not moved and reason == case.proposal.status.reason:
        return None
    cause = Cause(reason, text, case.execution.holder)
    return advance(case.proposal, None, cause, now=now, also=Also({"execution": waiting}))


def _not_done(case: Case, outcome: DidNot, catalogue: Catalogue) -> Decision | None:
    if not outcome.already_done:
        text = f"Nothing happened: {outcome.answer}"
        return _failed(case, Reason.REFUSED, text, StepState.NOT_DONE, catalogue)
    # PD says that it is so already; what it shows decides.
    shown = case.verification
    if shown is not None and shown.progress is not Progress.NOT_SEEN:
        text = f"PD already was as asked: {shown.message}"
        journal = case.closed(StepState.ALREADY_DONE)
        return onward(case, journal, Reason.ALREADY_DONE, text)
    if not case.overdue:
        return None
    text = f"PD says there is nothing to do, but shows otherwise: {case.seen_text}"
    return _failed(case, Reason.REFUSED, text, StepState.NOT_DONE, catalogue)


def _succeeded(case: Case) -> Decision:
    text = sentence_case(case.seen_text)
    if case.lost:
        text += "; PD's answer was lost, its effect was seen"
    return onward(case, case.closed(StepState.DONE), Reason.DONE, text)


def _unknown(case: Case, what: str) -> Decision:
    which = f" of step {case.stage.index + 1}" if len(case.program) > 1 else ""
    text = (
        f"Nobody can know whether the {what}{which} took effect ({case.evidence.outcome.answer}); "
        f"what PD shows: {case.seen_text}; it is never sent again"
    )
    line = resolve_command(case.proposal.meta, digest=case.proposal.status.digest or "")
    command = f"Find out, then say: {line}"
    cause = Cause(Reason.ANSWER_LOST, text, case.execution.holder, command)
    return _end(case, LifeEvent.ANSWER_LOST, cause, StepState.UNKNOWN)


def _goal_missed(case: Case, catalogue: Catalogue) -> Decision:
    """The effect is there and does not help: take it back where that is a matter of course."""
    risk = case.proposal.status.risk
    cancel = case.proposal.spec.cancel
    alone = len(case.program) == 1
    if cancel is not None:
        reason, why = Reason.CANCELLED, f"{cancel.by} cancelled it, so no further call is sent"
    elif alone and case.action.inverse(case.params, case.before) is None:
        reason, why = Reason.NO_EFFECT, "there is nothing to take back"
    elif alone and (risk is None or not ceremony_of(risk.tier).undo):
        reason, why = Reason.NO_EFFECT, "at this tier only people take it back"
    else:
        which = "It" if alone else f"Step {case.stage.index + 1} of {len(case.program)}"
        text = f"{which} did not reach its goal ({case.seen_text})"
        return take_back(
            case.proposal, case.closed(StepState.DONE), _undoing(case, text), catalogue
        )
    text = f"It took effect but did not reach its goal ({case.seen_text}); left as it is: {why}"
    text += by_hand(case.closed(StepState.DONE), case.program)
    cause = Cause(reason, text, case.execution.holder)
    return _end(case, LifeEvent.FAILED, cause, StepState.DONE)


def _left(case: Case, cancel: Cancel) -> Decision:
    """A person wants no further call while PD still works on it: there is none to stop, so it ends
    here, and says how PD is stopped.
    """
    journal = case.closed(StepState.DONE)
    text = f"{cancel.by} cancelled it; no further call is sent, and PD goes on: {case.seen_text}"
    cause = Cause(Reason.CANCELLED, f"{text}{by_hand(journal, case.program)}", cancel.by)
    return _end(case, LifeEvent.FAILED, cause, StepState.DONE)


def _failed(
    case: Case, reason: Reason, text: str, state: StepState, catalogue: Catalogue
) -> Decision:
    """End as Failed; what earlier steps did is taken back first, unless a person cancelled.

    What began beside it is judged before: nobody takes back what may still come.
    """
    if case.others_begun:
        text = f"Step {case.stage.index + 1} of {len(case.program)} failed: {text}; looking at"
        cause = Cause(Reason.NEXT_STEP, f"{text} those beside it first", case.execution.holder)
        also = Also({"execution": case.closed(StepState.NO_EFFECT)})
        return advance(case.proposal, None, cause, now=case.evidence.now, also=also)
    journal = case.closed(state)
    stands = any(True for _ in to_take_back(journal, case.program))
    if stands and case.proposal.spec.cancel is None:
        step = f"Step {case.stage.index + 1} of {len(case.program)} failed: {text}"
        return take_back(case.proposal, journal, _undoing(case, step), catalogue)
    left = by_hand(journal, case.program) if stands else ""
    cause = Cause(reason, f"{text}{left}", case.execution.holder)
    return _end(case, LifeEvent.FAILED, cause, state)


def _settle_undo(case: Case, catalogue: Catalogue) -> Decision | None:
    outcome = case.evidence.outcome
    if case.unchanged:
        why = "Taken back so far"
        journal = case.closed(StepState.DONE)
        return take_back(case.proposal, journal, _undoing(case, why), catalogue)
    if isinstance(outcome, DidNot) and not outcome.already_done:
        return _undo_failed(case, f"nothing happened: {outcome.answer}", StepState.NOT_DONE)
    if (again := _second_undo(case)) is not None:
        return again
    if not case.overdue:
        return None
    if case.lost or case.verification is None:
        return _unknown(case, "undo")
    return _undo_failed(case, "PD took the undo, but it never showed", StepState.NO_EFFECT)


def reconsider_undo(
    proposal: Proposal, evidence: Evidence, catalogue: Catalogue = CATALOGUE
) -> Decision | None:
    """Return what becomes of an undo whose call was certainly not sent and had to wait, by what PD
    shows now: passed over where somebody has taken it back meanwhile, given up where somebody set
    another value, which it would overwrite. None when it is still to be sent.

    Nothing is decided without a snapshot of a prepared PD: None then says nothing, look again.

    Raises:
        ValueError: the proposal has no open step.
    """
    case = case_of(proposal, evidence, catalogue)
    if case.step.kind is not StepKind.UNDO or case.snapshot is None:
        return None
    if case.unchanged:
        journal = case.closed(StepState.ALREADY_DONE)
        return take_back(case.proposal, journal, _undoing(case, "Taken back so far"), catalogue)
    in_part = any(
        step.kind is StepKind.UNDO
        and step.state is StepState.DONE
        and stage_index(step) == case.stage.index
        for step in case.execution.steps
    )
    if case.shows or in_part:
        return None
    return _undo_failed(case, "it had to wait", StepState.NOT_DONE)


def _second_undo(case: Case) -> Decision | None:
    """Return the intent of one more call where the inverse alone does not restore everything."""
    if case.snapshot is None:
        return None
    call = case.action.inverse_follow_up(case.params, case.before, case.snapshot)
    sent = sum(
        step.kind is StepKind.UNDO and stage_index(step) == case.stage.index
        for step in case.execution.steps
    )
    if call is None or sent >= MAX_CALLS or stored_call(call) == case.step.call:
        return None
    journal = case.closed(StepState.DONE)
    undoing = _undoing(case, "Taken back in part")
    step = undo_step(journal, case.stage, case.program, call, case.snapshot, undoing)
    also = Also({"execution": append_step(journal, step)}, call=call)
    text = f"The undo needs {call.line} as well"
    cause = Cause(Reason.UNDOING, text, case.execution.holder)
    return advance(case.proposal, None, cause, now=case.evidence.now, also=also)


def _undo_failed(case: Case, why: str, state: StepState) -> Decision:
    holder = case.execution.holder
    if case.verification is not None and not case.shows:
        reason, text = changed_since(case.verification.after)
    else:
        reason = Reason.UNDO_FAILED
        line = case.step.summary
        text = f"Could not be taken back, {why}; it still stands. By hand: {line}"
    left = by_hand(case.execution, case.program, but=case.stage.index)
    return _end(case, LifeEvent.UNDO_FAILED, Cause(reason, f"{text}{left}", holder), state)


def _undoing(case: Case, why: str) -> Undoing:
    sender = Sender(case.execution.epoch, case.execution.holder)
    return Undoing(why, case.snapshot, case.evidence.now, sender)


def _end(case: Case, event: LifeEvent, cause: Cause, state: StepState) -> Decision:
    also = Also({"execution": case.closed(state)})
    return advance(case.proposal, event, cause, now=case.evidence.now, also=also)
