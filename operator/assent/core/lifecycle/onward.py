"""What follows a step that is done: a second call, the next stage, or the end."""

from datetime import datetime, timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Execution, StepKind, StepState
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.program import Stage
from assent.core.lifecycle.case import Case
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import Sender, Window, append_step, new_step, stored_call
from assent.core.lifecycle.progress import begun, forward_steps, next_stage, took_effect
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import PdCall
from assent.core.model.instant import instant
from assent.core.model.resource import Proposal
from assent.core.policy.limits import to_milliseconds

MAX_CALLS = 4
"""Calls of one stage: an action that always wants one more would never end."""


def onward(case: Case, journal: Execution, reason: Reason, text: str) -> Decision:
    """Return what comes after the open step was closed in ``journal`` as done."""
    now = to_milliseconds(case.evidence.now)
    call = _second_call(case, journal)
    if call is not None:
        window = Window(now, now + (case.step.verify_by - case.step.intended_at))
        step = new_step(
            StepKind.FORWARD,
            StepState.INTENDED,
            call,
            before=list(case.before),
            sender=Sender(journal.epoch, journal.holder),
            window=window,
            pd_leader=case.step.pd_leader,
            plan_step=case.step.plan_step,
        )
        cause = Cause(Reason.CALLING, f"{text}; it needs {call.line} as well", journal.holder)
        also = Also({"execution": append_step(journal, step)}, call=call)
        return advance(case.proposal, None, cause, now=now, also=also)
    following = next_stage(journal, case.program)
    beside = begun(journal)
    if following is None and not beside:
        return finish(case.proposal, journal, case.program, reason, text, now)
    done = f"Step {case.stage.index + 1} of {len(case.program)} is done: {text}"
    coming = _coming(journal, following, len(beside))
    cause = Cause(Reason.NEXT_STEP, f"{done}; {coming}", journal.holder)
    return advance(case.proposal, None, cause, now=now, also=Also({"execution": journal}))


def finish(
    proposal: Proposal,
    journal: Execution,
    program: tuple[Stage, ...],
    reason: Reason,
    text: str,
    now: datetime,
) -> Decision:
    """Return the end: Succeeded, or Active when what was done is to be taken back later."""
    now = to_milliseconds(now)
    after = proposal.spec.revert_after
    effective = any(took_effect(journal, stage.index) for stage in program)
    if after is None or not effective:
        cause = Cause(reason, text, journal.holder)
        also = Also({"execution": journal})
        return advance(proposal, LifeEvent.SUCCEEDED, cause, now=now, also=also)
    revert_at = now + timedelta(seconds=parse_duration_seconds(after))
    sentence = f"{text}. It is taken back at {instant(revert_at)}"
    also = Also({"execution": journal, "revert_at": revert_at}, look_again_at=revert_at)
    cause = Cause(Reason.ACTIVE, sentence, journal.holder)
    return advance(proposal, LifeEvent.ACTIVATED, cause, now=now, also=also)


def _second_call(case: Case, journal: Execution) -> PdCall | None:
    if case.snapshot is None:
        return None
    call = case.action.follow_up(case.params, case.before, case.snapshot)
    sent = forward_steps(journal, case.stage.index)
    if call is None or len(sent) >= MAX_CALLS or sent[-1].call == stored_call(call):
        return None
    return call


def _coming(journal: Execution, following: Stage | None, beside: int) -> str:
    """Return what comes: after a step of the group has failed nothing begins any more."""
    if following is not None:
        steps = forward_steps(journal, following.index)
        if not steps or steps[-1].state is not StepState.NO_EFFECT:
            return f"next: {_name(following)}"
        failed = f"step {following.index + 1} has failed"
        return f"{failed}, {beside} beside it go on" if beside else f"{failed}: all is taken back"
    return f"{beside} beside it go on"


def _name(stage: Stage) -> str:
    return f"{stage.index + 1}. {stage.action.sentence(stage.params)}"
