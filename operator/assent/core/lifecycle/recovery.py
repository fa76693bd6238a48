"""What to do with an intent that an earlier process left open.

Unknown never maps to repeat, and elapsed time never licenses one: a call is sent again only when
its sender is proven gone, the call sets an absolute value, and PD still shows the value that was
captured before it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    ActionProposalStatus,
    Execution,
    Phase,
    Step,
    StepKind,
    StepState,
)
from assent.core.actions.action import Idempotency, Progress
from assent.core.actions.catalogue import CATALOGUE
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.case import Evidence, case_of
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import replace_last, sendable_call
from assent.core.lifecycle.progress import open_step
from assent.core.lifecycle.settle import settle
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import PdCall, Unknown
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.policy.ceremony import ceremony_of
from assent.core.policy.limits import to_milliseconds

NO_RECORD = Unknown(answer="the operator ended before PD's answer was stored")
"""The outcome of every call whose answer nobody wrote down."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """PD shows how it ended, or no step is open: take it over and go on from there."""


@dataclass(frozen=True, slots=True)
class ContinueVerifying:
    """It may still come to show: take it over and keep looking until its time is over."""


@dataclass(frozen=True, slots=True)
class SafeRepeat:
    """It certainly has no effect and nobody else can still send it: send it again, once."""

    call: PdCall


@dataclass(frozen=True, slots=True)
class Compensate:
    """It took effect and missed its goal: take it back."""

    call: PdCall
    decision: Decision
    """With the undo's intent."""


@dataclass(frozen=True, slots=True)
class DeclareUnknown:
    """Its time is over and nobody can know: ask a person."""

    decision: Decision


Recovery = Adopt | ContinueVerifying | SafeRepeat | Compensate | DeclareUnknown


def classify(
    proposal: Proposal,
    snapshot: ClusterSnapshot | None,
    *,
    sender_gone: bool,
    now: datetime,
    catalogue: Catalogue = CATALOGUE,
) -> Recovery:
    """Return what to do with the open intent; total over every execution that goes on.

    Args:
        proposal: as just read, Executing or RollingBack.
        snapshot: PD as just read by this process; None when it cannot be read.
        sender_gone: True only on proof: a graceful release, or the pod's container ended.
        now: judges how far verification is, never whether to repeat.
        catalogue: the actions.

    Raises:
        ValueError: the proposal has not begun.
    """
    execution = proposal.status.execution
    if execution is None or not execution.steps:
        raise ValueError(f"{proposal.meta.key} has no open step")
    if open_step(execution) is None:
        return Adopt()
    ending = settle(proposal, Evidence(NO_RECORD, snapshot, now), catalogue)
    if sender_gone and snapshot is not None and may_repeat(proposal, snapshot, now, catalogue):
        return SafeRepeat(sendable_call(_open_step(proposal).call))
    if ending is None:
        return ContinueVerifying()
    if ending.call is not None:
        return Compensate(ending.call, ending)
    if ending.status.phase is Phase.OUTCOME_UNKNOWN:
        return DeclareUnknown(ending)
    return Adopt()


def may_repeat(
    proposal: Proposal,
    snapshot: ClusterSnapshot,
    now: datetime,
    catalogue: Catalogue = CATALOGUE,
) -> bool:
    """Return True while sending the open step's call again changes nothing but what it was to
    change: it is absolute, PD shows the value from before it, nobody has an answer to it, and its
    tier and time allow it. Whether its sender is gone is another question.
    """
    case = case_of(proposal, Evidence(NO_RECORD, snapshot, now), catalogue)
    step, action, params = case.step, case.action, case.params
    if action.idempotency is not Idempotency.ABSOLUTE or not snapshot.prepared:
        return False
    risk = proposal.status.risk
    if risk is None or not ceremony_of(risk.tier).safe_repeat:
        return False
    if step.state is not StepState.INTENDED or step.answer is not None:
        return False
    expires_at, undo = proposal.status.expires_at, step.kind is StepKind.UNDO
    if expires_at is not None and now >= expires_at and not undo:
        return False  # what people agreed to has a time, and that is over
    shown = action.verify(params, case.before, snapshot).progress is not Progress.NOT_SEEN
    unchanged = action.unchanged(params, case.before, snapshot)
    return shown and not unchanged if undo else unchanged and not shown


def adopt(
    proposal: Proposal, verdict: Recovery, *, epoch: int, holder: str, now: datetime
) -> Decision:
    """Return the decision by which this term owns the open intent, to be stored before all else.

    A repeat and an undo carry their call; the pod that sends it is named, so that the next leader
    asks for the right one's end. The epoch never falls.
    """
    match verdict:
        case Compensate(decision=decision):
            status = _owned(decision.status, epoch=epoch, holder=holder, sends=True)
            return replace(decision, status=status)
        case DeclareUnknown(decision=decision):
            return replace(decision, status=_owned(decision.status, epoch=epoch, holder=holder))
        case SafeRepeat(call=call):
            return _repeated(proposal, call, epoch=epoch, holder=holder, now=now)
        case _:
            return Decision(status=_owned(proposal.status, epoch=epoch, holder=holder))


def _repeated(
    proposal: Proposal, call: PdCall, *, epoch: int, holder: str, now: datetime
) -> Decision:
    step, execution = _open_step(proposal), _execution(proposal)
    now = to_milliseconds(now)
    allowed: timedelta = step.verify_by - step.intended_at
    again = step.model_copy(
        update={
            "epoch": epoch,
            "holder": holder,
            "intended_at": now,
            "verify_by": now + allowed,
        }
    )
    journal = replace_last(execution, again).model_copy(update={"epoch": epoch, "holder": holder})
    cause = Cause(
        Reason.UNDOING if step.kind is StepKind.UNDO else Reason.CALLING,
        f"Its sender {step.holder} has ended and PD is as before: sending {call.line} again",
        holder,
    )
    also = Also({"execution": journal}, call=call)
    return advance(proposal, None, cause, now=now, also=also)


def _owned(
    status: ActionProposalStatus, *, epoch: int, holder: str, sends: bool = False
) -> ActionProposalStatus:
    """Return the status with its journal in our hands.

    The step keeps the name of its sender, whose end the next leader must prove, unless we are the
    one that sends it now.
    """
    execution = status.execution
    assert execution is not None  # noqa: S101 - classify has read an open step of it
    epoch = max(epoch, execution.epoch)
    update: dict[str, Any] = {"epoch": epoch, "holder": holder}
    if sends:
        update["steps"] = [*execution.steps[:-1], execution.steps[-1].model_copy(update=update)]
    return status.model_copy(update={"execution": execution.model_copy(update=update)})


def _execution(proposal: Proposal) -> Execution:
    execution = proposal.status.execution
    assert execution is not None  # noqa: S101 - classify has read an open step of it
    return execution


def _open_step(proposal: Proposal) -> Step:
    return _execution(proposal).steps[-1]
