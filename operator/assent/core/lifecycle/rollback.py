"""Taking back what was done: stage by stage, the last one first, only what is still ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Execution, Fact, Phase, Step, StepKind, StepState
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.action import Progress
from assent.core.actions.program import Stage, program_of
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.journal import Sender, Window, append_step, new_step
from assent.core.lifecycle.messages import MAX_SENTENCE
from assent.core.lifecycle.progress import captured, forward_steps, plan_step, to_take_back
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import PdCall
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.policy.limits import to_milliseconds

LONGEST_UNDO = timedelta(minutes=30)
"""An undo sets a value back: what takes days to be done (a drain) is called off at once."""


ROOM = MAX_SENTENCE // 2
"""Characters of a message for what is left to do by hand; why it is left stands before."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """What taking back needs to know."""

    why: str
    """Why it is taken back, as a sentence without its full stop."""
    snapshot: ClusterSnapshot | None
    """PD as just read; None while it cannot be read or is not prepared: then nothing is sent."""
    now: datetime
    sender: Sender


@dataclass(frozen=True, slots=True)
class _Plan:
    """The journal so far, and the call that comes next; or why it cannot go on."""

    execution: Execution
    call: PdCall | None = None
    failed: tuple[Reason, str] | None = None


def take_back(
    proposal: Proposal, execution: Execution, undoing: Undoing, catalogue: Catalogue
) -> Decision:
    """Return the next step of the undo, or its end.

    A stage that PD shows as before is passed over; one whose value somebody else has changed
    since ends it as RollbackFailed, for an undo would overwrite theirs.
    """
    program = program_of(proposal.spec.action, catalogue)
    begun = proposal.status.phase is Phase.ROLLING_BACK
    if undoing.snapshot is None:
        cause = Cause(Reason.UNDOING, f"{undoing.why}; waiting for PD", undoing.sender.holder)
        event = None if begun else LifeEvent.UNDO_STARTED
        also = Also({"execution": execution})
        return advance(proposal, event, cause, now=undoing.now, also=also)
    found = _look(execution, program, undoing.snapshot, undoing)
    also = Also({"execution": found.execution}, call=found.call)
    if found.failed is not None:
        reason, text = found.failed
        cause = Cause(reason, f"{undoing.why}. {text}", undoing.sender.holder)
        return advance(proposal, LifeEvent.UNDO_FAILED, cause, now=undoing.now, also=also)
    if found.call is not None:
        cause = Cause(
            Reason.UNDOING,
            f"{undoing.why}; taking it back by {found.call.line}",
            undoing.sender.holder,
        )
        event = None if begun else LifeEvent.UNDO_STARTED
        return advance(proposal, event, cause, now=undoing.now, also=also)
    asked = proposal.status.revert_at is not None
    event = LifeEvent.REVERTED if asked else LifeEvent.UNDONE
    reason = Reason.REVERTED if asked else Reason.UNDONE
    text = "Taken back: PD shows the values from before"
    if not begun and not asked:
        text = f"{undoing.why}. {text}"
    cause = Cause(reason, text, undoing.sender.holder)
    return advance(proposal, event, cause, now=undoing.now, also=also)


def _look(
    execution: Execution, program: Sequence[Stage], snapshot: ClusterSnapshot, undoing: Undoing
) -> _Plan:
    for stage in to_take_back(execution, program):
        before = captured(execution, stage.index)
        action, params = stage.action, stage.params
        inverse = action.inverse(params, before)
        if action.unchanged(params, before, snapshot):
            note = inverse or action.call(params)
            step = _step(execution, stage, program, note, snapshot, undoing, StepState.ALREADY_DONE)
            execution = append_step(execution, step)
            continue
        verification = action.verify(params, before, snapshot)
        if verification.progress is Progress.NOT_SEEN:
            reason, text = changed_since(verification.after)
            left = by_hand(execution, program, but=stage.index)
            return _Plan(execution, failed=(reason, f"{text}{left}"))
        if inverse is None:
            text = f"It cannot be taken back and stands: {action.sentence(params)}"
            left = by_hand(execution, program)
            return _Plan(execution, failed=(Reason.UNDO_FAILED, f"{text}{left}"))
        step = _step(execution, stage, program, inverse, snapshot, undoing, StepState.INTENDED)
        return _Plan(append_step(execution, step), call=inverse)
    return _Plan(execution)


def changed_since(after: Sequence[Fact]) -> tuple[Reason, str]:
    """Return why nothing is taken back: somebody changed it since, and to what."""
    now_there = ", ".join(f"{fact.name}={fact.value}" for fact in after)
    text = f"Not taken back: somebody changed it since, an undo would overwrite {now_there}"
    return Reason.CHANGED_SINCE, text


def by_hand(execution: Execution, program: Sequence[Stage], *, but: int | None = None) -> str:
    """Return the pd calls that would take back the other stages that stand; empty without any.

    Whole lines only: of those for which a message has no room it says how many there are.
    """
    lines: list[str] = []
    for stage in to_take_back(execution, program):
        inverse = stage.action.inverse(stage.params, captured(execution, stage.index))
        if inverse is not None and stage.index != but:
            lines.append(inverse.line)
    shown = [line for n, line in enumerate(lines) if len("; ".join(lines[: n + 1])) <= ROOM]
    if len(shown) < len(lines):
        shown.append(f"and {len(lines) - len(shown)} more: status.execution has the values before")
    return f". Left to do by hand: {'; '.join(shown)}" if shown else ""


def undo_step(
    execution: Execution,
    stage: Stage,
    program: Sequence[Stage],
    call: PdCall,
    snapshot: ClusterSnapshot,
    undoing: Undoing,
) -> Step:
    """Return the journal entry of one more undo call."""
    return _step(execution, stage, program, call, snapshot, undoing, StepState.INTENDED)


def _step(
    execution: Execution,
    stage: Stage,
    program: Sequence[Stage],
    call: PdCall,
    snapshot: ClusterSnapshot,
    undoing: Undoing,
    state: StepState,
) -> Step:
    now = to_milliseconds(undoing.now)
    first = forward_steps(execution, stage.index)[0]
    window = Window(now, now + min(first.verify_by - first.intended_at, LONGEST_UNDO))
    return new_step(
        StepKind.UNDO,
        state,
        call,
        before=stage.action.before(stage.params, snapshot),
        sender=undoing.sender,
        window=window,
        pd_leader=snapshot.pd.leader_name,
        plan_step=plan_step(stage, program),
    )
