"""How far an execution is, read from its journal alone: which stage is open, done, taken back."""

from collections.abc import Iterator, Sequence

from assent.api.v1alpha1.actionproposal import Execution, Fact, Step, StepKind, StepState
from assent.core.actions.program import Stage

_OPEN = frozenset({StepState.INTENDED, StepState.WAITING, StepState.UNKNOWN})
"""Unknown is never behind us: nothing may follow it but a person's word."""
_EFFECTIVE = frozenset({StepState.DONE, StepState.WAITING, StepState.BEGUN})
_PASSED = frozenset({StepState.DONE, StepState.ALREADY_DONE})


def open_step(execution: Execution) -> Step | None:
    """Return the last step while its outcome is not known yet, None between two steps."""
    last = execution.steps[-1] if execution.steps else None
    return last if last is not None and last.state in _OPEN else None


def begun(execution: Execution) -> list[int]:
    """Return which entries of the journal wait to be judged beside each other, by their place.

    Nothing will be sent for them; nothing is taken back while there are any.
    """
    return [n for n, step in enumerate(execution.steps) if step.state is StepState.BEGUN]


def unknown_place(execution: Execution) -> int:
    """Return which entry a person must speak of: the last of unknown outcome, else the last."""
    places = [n for n, step in enumerate(execution.steps) if step.state is StepState.UNKNOWN]
    return places[-1] if places else len(execution.steps) - 1


def stage_index(step: Step) -> int:
    """Return which stage a journal entry is of, from 0."""
    return (step.plan_step or 1) - 1


def plan_step(stage: Stage, program: Sequence[Stage]) -> int | None:
    """Return how the journal names the stage: from 1, None outside plans of several steps."""
    return stage.index + 1 if len(program) > 1 else None


def forward_steps(execution: Execution, index: int) -> list[Step]:
    """Return the forward entries of a stage since the claim, in order."""
    return [
        step
        for step in _since_the_claim(execution)
        if step.kind is StepKind.FORWARD and stage_index(step) == index
    ]


def _since_the_claim(execution: Execution) -> Sequence[Step]:
    """Return the entries of the claim that stands: each begins with the first stage, and one that
    was withheld before any effect counts no more. What it found done may be otherwise by now, or
    be of an ask that was edited since.
    """
    steps = execution.steps
    begun = (number for number, step in enumerate(steps) if step.state in _OPEN | _EFFECTIVE)
    first = next(begun, len(steps) - 1)
    claims = [
        number
        for number, step in enumerate(steps[: first + 1])
        if step.kind is StepKind.FORWARD and stage_index(step) == 0
    ]
    return steps[claims[-1] if claims else 0 :]


def captured(execution: Execution, index: int) -> list[Fact]:
    """Return the values from before the stage changed anything; [] when it was never begun.

    Those of the last attempt that began from untouched values: what an earlier one captured
    before it was withheld may be old.
    """
    before: list[Fact] = []
    begun = False
    for step in forward_steps(execution, index):
        if not begun:
            before = step.before
        begun = begun or step.state in _EFFECTIVE
    return before


def took_effect(execution: Execution, index: int) -> bool:
    """Return True when at least one call of the stage changed PD."""
    return any(step.state in _EFFECTIVE for step in forward_steps(execution, index))


def is_passed(execution: Execution, index: int) -> bool:
    """Return True when the stage is behind us: its last entry is done, nothing was to do, or it
    has begun and others go on beside it.
    """
    steps = forward_steps(execution, index)
    return bool(steps) and steps[-1].state in _PASSED | {StepState.BEGUN}


def next_stage(execution: Execution, program: Sequence[Stage]) -> Stage | None:
    """Return the first stage that is not behind us, None when all are."""
    return next((stage for stage in program if not is_passed(execution, stage.index)), None)


def is_taken_back(execution: Execution, index: int) -> bool:
    """Return True when the stage's undo is behind us."""
    undos = [
        step
        for step in execution.steps
        if step.kind is StepKind.UNDO and stage_index(step) == index
    ]
    return bool(undos) and undos[-1].state in _PASSED


def to_take_back(execution: Execution, program: Sequence[Stage]) -> Iterator[Stage]:
    """Yield the stages that changed PD and still stand, the last one first."""
    for stage in reversed(program):
        if took_effect(execution, stage.index) and not is_taken_back(execution, stage.index):
            yield stage
