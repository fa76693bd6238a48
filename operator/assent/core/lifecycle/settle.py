"""What came of a call, by what PD shows; and whether it must be taken back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Execution, Phase, Step, StepKind, StepState
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.action import Action, Progress, Verification
from assent.core.actions.catalogue import CATALOGUE
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import (
    Sender,
    Window,
    append_step,
    closed,
    new_step,
    replace_last,
)
from assent.core.lifecycle.messages import resolve_command, sentence_case
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import CallOutcome, Did, DidNot, PdCall
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.policy.ceremony import ceremony_of
from assent.core.policy.limits import to_milliseconds


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of the last call."""

    outcome: CallOutcome
    """How the answer was classified; Unknown also when nobody recorded an answer."""
    snapshot: ClusterSnapshot | None
    """PD after the call; None while it cannot be read."""
    now: datetime
    sent_at: datetime | None = None
    """When this process sent the call, if it did: a call that had to wait gets its whole time to
    show from then on. None counts from the intent."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One open step with what the evidence says of it."""

    proposal: Proposal
    execution: Execution
    step: Step
    forward: Step
    """The step that did the action: ``step`` itself, or the one that ``step`` undoes."""
    action: Action[Any]
    params: ApiModel
    evidence: Evidence
    verification: Verification | None
    """How far the action's own effect is; None while PD cannot be read."""
    unchanged: bool
    """True when PD shows exactly the values from before the action."""

    @property
    def overdue(self) -> bool:
        step, sent_at = self.step, self.evidence.sent_at
        verify_by = step.verify_by
        if sent_at is not None:
            verify_by = max(verify_by, sent_at + (step.verify_by - step.intended_at))
        return self.evidence.now >= verify_by

    @property
    def shows(self) -> bool:
        """True when PD shows what the action sets, and did not before."""
        seen = self.verification is not None and self.verification.progress is not Progress.NOT_SEEN
        return seen and not self.unchanged

    @property
    def settled(self) -> bool:
        found = self.verification
        return found is not None and found.progress is Progress.SETTLED and not self.unchanged

    @property
    def seen_text(self) -> str:
        return self.verification.message if self.verification else "PD cannot be read"

    @property
    def lost(self) -> bool:
        return not isinstance(self.evidence.outcome, (Did, DidNot))


def settle(
    proposal: Proposal, evidence: Evidence, catalogue: Catalogue = CATALOGUE
) -> Decision | None:
    """Return what the open step came to, None while it must be looked at again.

    The answer alone never makes a success, and time alone never makes a "did not": a call whose
    answer was lost and whose effect does not show ends as OutcomeUnknown.

    Raises:
        ValueError: the proposal has no open step.
    """
    case = _case(proposal, evidence, catalogue)
    return _settle_undo(case) if case.step.kind is StepKind.UNDO else _settle_forward(case)


def _case(proposal: Proposal, evidence: Evidence, catalogue: Catalogue) -> _Case:
    execution = proposal.status.execution
    if execution is None or proposal.status.phase not in (Phase.EXECUTING, Phase.ROLLING_BACK):
        raise ValueError(f"{proposal.meta.key} has no open step")
    step = execution.steps[-1]
    forward = next(one for one in reversed(execution.steps) if one.kind is StepKind.FORWARD)
    action, params = catalogue[proposal.spec.action.type], proposal.spec.action.parameters
    snapshot = evidence.snapshot
    if snapshot is not None and not snapshot.prepared:
        snapshot = None  # PD shows nothing to judge by just after a change of its leader (P15)
    return _Case(
        proposal=proposal,
        execution=execution,
        step=step,
        forward=forward,
        action=action,
        params=params,
        evidence=evidence,
        verification=(
            action.verify(params, forward.before, snapshot) if snapshot is not None else None
        ),
        unchanged=snapshot is not None and action.unchanged(params, forward.before, snapshot),
    )


def _settle_forward(case: _Case) -> Decision | None:
    if isinstance(outcome := case.evidence.outcome, DidNot):
        return _not_done(case, outcome)
    if case.settled:
        return _succeeded(case)
    if not case.overdue:
        return None
    if case.shows:
        return _goal_missed(case) if case.action.goal_required else _succeeded(case)
    if case.lost or case.verification is None:
        return _unknown(case, "call")
    if case.unchanged:
        reason, why = Reason.NO_EFFECT, "PD took the call, but its effect never showed"
    else:
        reason, why = Reason.CHANGED_SINCE, "PD shows neither the old value nor the new one"
    return _end(case, LifeEvent.FAILED, reason, f"{why}: {case.seen_text}", StepState.NO_EFFECT)


def _not_done(case: _Case, outcome: DidNot) -> Decision | None:
    if not outcome.already_done:
        text = f"Nothing happened: {outcome.answer}"
        return _end(case, LifeEvent.FAILED, Reason.REFUSED, text, StepState.NOT_DONE)
    # PD says that it is so already; what it shows decides.
    shown = case.verification
    if shown is not None and shown.progress is not Progress.NOT_SEEN:
        text = f"PD already was as asked: {shown.message}"
        return _end(case, LifeEvent.SUCCEEDED, Reason.ALREADY_DONE, text, StepState.NOT_DONE)
    if not case.overdue:
        return None
    text = f"PD says there is nothing to do, but shows otherwise: {case.seen_text}"
    return _end(case, LifeEvent.FAILED, Reason.REFUSED, text, StepState.NOT_DONE)


def _succeeded(case: _Case) -> Decision:
    text = sentence_case(case.seen_text)
    if case.lost:
        text += "; PD's answer was lost, its effect was seen"
    return _end(case, LifeEvent.SUCCEEDED, Reason.DONE, text, StepState.DONE)


def _unknown(case: _Case, what: str) -> Decision:
    text = (
        f"Nobody can know whether the {what} took effect ({case.evidence.outcome.answer}); "
        f"what PD shows: {case.seen_text}; it is never sent again"
    )
    line = resolve_command(case.proposal.meta, digest=case.proposal.status.digest or "")
    command = f"Find out, then say: {line}"
    return _end(
        case, LifeEvent.ANSWER_LOST, Reason.ANSWER_LOST, text, StepState.UNKNOWN, command=command
    )


def _goal_missed(case: _Case) -> Decision:
    """The effect is there and does not help: take it back where that is a matter of course."""
    risk = case.proposal.status.risk
    inverse = case.action.inverse(case.params, case.forward.before)
    cancel = case.proposal.spec.cancel
    if cancel is not None:
        reason, why = Reason.CANCELLED, f"{cancel.by} cancelled it, so no further call is sent"
    elif inverse is None:
        reason, why = Reason.NO_EFFECT, "there is nothing to take back"
    elif risk is None or not ceremony_of(risk.tier).undo:
        reason, why = Reason.NO_EFFECT, "at this tier only people take it back"
    else:
        return _undo(case, inverse)
    text = f"It took effect but did not reach its goal ({case.seen_text}); left as it is: {why}"
    return _end(case, LifeEvent.FAILED, reason, text, StepState.DONE)


def _undo(case: _Case, inverse: PdCall) -> Decision:
    """Start the undo. ``case.shows`` holds: the value in PD is the one that we set."""
    snapshot = case.evidence.snapshot
    assert snapshot is not None  # noqa: S101 - case.shows needs one
    now = to_milliseconds(case.evidence.now)
    step = new_step(
        StepKind.UNDO,
        StepState.INTENDED,
        inverse,
        before=case.action.before(case.params, snapshot),
        sender=Sender(case.execution.epoch, case.execution.holder),
        window=Window(now, now + (case.forward.verify_by - case.forward.intended_at)),
        pd_leader=snapshot.pd.leader_name,
    )
    text = f"It did not reach its goal ({case.seen_text}); taking it back by {inverse.line}"
    journal = append_step(_closed(case, StepState.DONE), step)
    cause = Cause(Reason.UNDOING, text, case.execution.holder)
    also = Also({"execution": journal}, call=inverse)
    return advance(case.proposal, LifeEvent.UNDO_STARTED, cause, now=now, also=also)


def _settle_undo(case: _Case) -> Decision | None:
    if case.unchanged:
        return _end(
            case,
            LifeEvent.UNDONE,
            Reason.UNDONE,
            "Taken back: PD shows the values from before",
            StepState.DONE,
        )
    outcome = case.evidence.outcome
    if isinstance(outcome, DidNot) and not outcome.already_done:
        return _undo_failed(case, f"nothing happened: {outcome.answer}", StepState.NOT_DONE)
    if not case.overdue:
        return None
    if case.lost or case.verification is None:
        return _unknown(case, "undo")
    return _undo_failed(case, "PD took the undo, but it never showed", StepState.NO_EFFECT)


def _undo_failed(case: _Case, why: str, state: StepState) -> Decision:
    line = case.step.summary
    if case.verification is not None and not case.shows:
        now_there = ", ".join(f"{fact.name}={fact.value}" for fact in case.verification.after)
        text = f"Not taken back: somebody changed it since, an undo would overwrite {now_there}"
        return _end(case, LifeEvent.UNDO_FAILED, Reason.CHANGED_SINCE, text, state)
    text = f"Could not be taken back, {why}; it still stands. By hand: {line}"
    return _end(case, LifeEvent.UNDO_FAILED, Reason.UNDO_FAILED, text, state)


def _end(
    case: _Case,
    event: LifeEvent,
    reason: Reason,
    text: str,
    state: StepState,
    *,
    command: str | None = None,
) -> Decision:
    cause = Cause(reason, text, case.execution.holder, command)
    also = Also({"execution": _closed(case, state)})
    return advance(case.proposal, event, cause, now=case.evidence.now, also=also)


def _closed(case: _Case, state: StepState) -> Execution:
    step = closed(
        case.step,
        state,
        outcome=case.evidence.outcome,
        verification=case.verification,
        now=to_milliseconds(case.evidence.now),
    )
    return replace_last(case.execution, step)
