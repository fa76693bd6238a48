"""Conditions of a proposal: what kstatus, ``kubectl wait`` and GitOps tools read."""

from collections.abc import Sequence
from datetime import datetime

from assent.api.reasons import ConditionType, EventReason, Reason
from assent.api.v1alpha1.actionproposal import (
    ActionProposalStatus,
    Phase,
    Step,
    StepKind,
    StepState,
)
from assent.api.v1alpha1.base import Condition
from assent.api.v1alpha1.lifecycle import FINISHED, OPEN

_EXECUTED = {
    StepState.DONE: "True",
    StepState.NO_EFFECT: "True",
    StepState.UNKNOWN: "Unknown",
    StepState.INTENDED: "Unknown",
    StepState.BEGUN: "True",
}
_READY = frozenset({Phase.SUCCEEDED, Phase.ACTIVE})
"""Done and verified; an Active one is taken back later, as it was asked."""
_TAKEN_BACK = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED})
_VERIFIED = {StepState.DONE: "True", StepState.NO_EFFECT: "False"}


def conditions_of(
    status: ActionProposalStatus,
    before: Sequence[Condition] | None,
    *,
    sentence: str,
    now: datetime,
    generation: int,
) -> list[Condition]:
    """Return the conditions of this status.

    ``lastTransitionTime`` moves only with the condition's status. Every end but Succeeded is
    Stalled: a tool that waits for Ready must learn that it waits in vain.
    """
    known = {condition.type: condition for condition in before or ()}
    stalled = status.phase is Phase.OUTCOME_UNKNOWN or (
        status.phase in FINISHED and status.phase is not Phase.SUCCEEDED
    )
    moving = status.phase in OPEN or status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK)
    reason = str(status.reason)
    wanted = (
        (ConditionType.READY, _truth(holds=status.phase in _READY), reason, sentence),
        (ConditionType.RECONCILING, _truth(holds=moving), reason, ""),
        (ConditionType.STALLED, _truth(holds=stalled), reason, ""),
        (ConditionType.APPROVED, *_approved(status), ""),
        (ConditionType.EXECUTED, *_executed(status), ""),
        (ConditionType.VERIFIED, *_verified(status), ""),
    )
    conditions = []
    for kind, value, why, message in wanted:
        old = known.get(kind)
        since = old.last_transition_time if old is not None and old.status == value else now
        conditions.append(
            Condition(
                type=kind.value,
                status=value,
                reason=why,
                message=message,
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return conditions


def _truth(*, holds: bool) -> str:
    return "True" if holds else "False"


def _approved(status: ActionProposalStatus) -> tuple[str, str]:
    count = status.approvals
    if count is None or count.missing > 0:
        return "False", Reason.AWAITING_APPROVAL.value
    if status.phase is Phase.REJECTED:
        return "False", Reason.REJECTED.value
    if count.break_glass is not None:
        return "True", EventReason.GLASS_BROKEN.value
    return "True", "EnoughApprovals"


def _forward(status: ActionProposalStatus) -> Step | None:
    """Return the step that says how it went: the last, but one of its group that has failed or is
    not judged yet speaks for all.
    """
    steps = status.execution.steps if status.execution is not None else []
    found = [step for step in reversed(steps) if step.kind is StepKind.FORWARD]
    for state in (StepState.UNKNOWN, StepState.NO_EFFECT, StepState.BEGUN):
        if (worst := next((step for step in found if step.state is state), None)) is not None:
            return worst
    return found[0] if found else None


def _executed(status: ActionProposalStatus) -> tuple[str, str]:
    step = _forward(status)
    if step is None:
        return "False", "NotStarted"
    return _EXECUTED.get(step.state, "False"), step.state.value


def _verified(status: ActionProposalStatus) -> tuple[str, str]:
    if status.reason == Reason.ALREADY_DONE:
        return "True", Reason.ALREADY_DONE.value
    step = _forward(status)
    if step is None:
        return "Unknown", "NotStarted"
    if status.phase in _TAKEN_BACK and status.revert_at is None:
        return "False", "TakenBack"  # its effect was there, and was not what it was for
    return _VERIFIED.get(step.state, "Unknown"), step.state.value
