"""The steps of ``status.execution``: written before a call, closed once its effect was judged."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assent.api.v1alpha1.actionproposal import Call, Execution, Fact, Step, StepKind, StepState
from assent.core.actions.action import Verification
from assent.core.lifecycle.messages import DRY_RUN_MARK, MAX_SENTENCE, clip
from assent.core.model.call import CallOutcome, DidNot, PdCall

MAX_STEPS = 64
"""Bound of ``status.execution.steps`` in the CRD; the journal only grows."""
MAX_FACTS = 32
MAX_ANSWER = 512


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a call, and in which term."""

    epoch: int
    holder: str


@dataclass(frozen=True, slots=True)
class Window:
    """When a call was decided, and until when its effect must show."""

    intended_at: datetime
    verify_by: datetime


def has_room(steps: int, *, forward: int, back: int) -> bool:
    """Return True when so many calls forward and so many stages to take back still fit.

    A stage may take two calls to be taken back. An undo that does not fit could never be sent.
    """
    return steps + forward + 2 * back <= MAX_STEPS


def stored_call(call: PdCall) -> Call:
    """Return the call as the journal keeps it."""
    return Call(method=call.method, path=call.path, body=call.body_text)


def sendable_call(call: Call) -> PdCall:
    """Return the journaled call as it is sent: exactly what was stored, nothing recomputed."""
    body = None if call.body is None else json.loads(call.body)
    return PdCall(call.method, call.path, body)


def new_step(
    kind: StepKind,
    state: StepState,
    call: PdCall,
    *,
    before: Sequence[Fact],
    sender: Sender,
    window: Window,
    pd_leader: str | None,
    plan_step: int | None = None,
) -> Step:
    """Return the journal entry of one call; a dry-run's says so in its first word."""
    line = f"{DRY_RUN_MARK} would send {call.line}" if state is StepState.DRY_RUN else call.line
    return Step(
        kind=kind,
        plan_step=plan_step,
        state=state,
        summary=clip(line, MAX_SENTENCE),
        call=stored_call(call),
        before=list(before)[:MAX_FACTS],
        epoch=sender.epoch,
        holder=sender.holder,
        intended_at=window.intended_at,
        verify_by=window.verify_by,
        pd_leader=pd_leader,
    )


def closed(
    step: Step,
    state: StepState,
    *,
    outcome: CallOutcome,
    verification: Verification | None,
    now: datetime,
) -> Step:
    """Return the step with its outcome, PD's answer and the values it was judged by."""
    late = None if isinstance(outcome, DidNot) else outcome.late or None
    return step.model_copy(
        update={
            "state": state,
            "answer": clip(outcome.answer, MAX_ANSWER),
            "late": late,
            "after": list(verification.after)[:MAX_FACTS] if verification is not None else None,
            "verified_at": now if verification is not None else None,
        }
    )


def replace_last(execution: Execution, step: Step) -> Execution:
    """Return the execution with its last step replaced; epoch and holder stay."""
    return execution.model_copy(update={"steps": [*execution.steps[:-1], step]})


def replace_step(execution: Execution, place: int, step: Step) -> Execution:
    """Return the execution with the step at that place replaced; epoch and holder stay."""
    steps = [*execution.steps[:place], step, *execution.steps[place + 1 :]]
    return execution.model_copy(update={"steps": steps})


def append_step(execution: Execution | None, step: Step) -> Execution:
    """Return the execution with one more step, owned by the step's sender.

    The epoch never falls.
    """
    earlier = execution.steps if execution is not None else []
    return Execution(epoch=step.epoch, holder=step.holder, steps=[*earlier, step])
