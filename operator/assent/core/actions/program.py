"""An ask as the stages that carry it out: one for a single action, one a step for a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assent.api.v1alpha1.actions import Action as SpecAction
from assent.api.v1alpha1.actions import ActionType, Plan
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.core.actions.action import Action
from assent.core.model.snapshot import ClusterSnapshot, StoreState

Singles = Mapping[ActionType, Action[Any]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One action of the program, with its parameters."""

    index: int
    """From 0."""
    action: Action[Any]
    params: ApiModel
    wait_until: WaitUntil | None = None
    """What PD must show once this stage is done, before the next begins."""
    group: str | None = None
    """Which stages in a row work beside each other; None for one that works alone."""


def program_of(asked: SpecAction, catalogue: Singles) -> tuple[Stage, ...]:
    """Return the stages in order, at least one."""
    if asked.type is not ActionType.PLAN:
        return (Stage(0, catalogue[asked.type], asked.parameters),)
    return stages_of(asked.parameters, catalogue)


def stages_of(plan: ApiModel, catalogue: Singles) -> tuple[Stage, ...]:
    """Return the stages of a plan."""
    assert isinstance(plan, Plan)  # noqa: S101 - the union carries no other type under this name
    return tuple(
        Stage(index, catalogue[step.type], step.parameters, step.wait_until, step.group)
        for index, step in enumerate(plan.steps)
    )


def beside(stage: Stage, program: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages of its group in order, itself among them; itself alone without a group."""
    if stage.group is None:
        return (stage,)
    return tuple(one for one in program if one.group == stage.group)


def awaited(wait: WaitUntil, snapshot: ClusterSnapshot) -> str | None:
    """Return what is still waited for, in words; None once PD shows it.

    A snapshot of a PD that is not prepared shows nothing (P15).
    """
    store = snapshot.store(wait.store_id)
    if not snapshot.prepared:
        return "PD to be prepared"
    match wait.fact:
        case Awaited.STORE_WITHOUT_LEADERS:
            if store is not None and store.leader_count > 0:
                return f"store {wait.store_id} to lead nothing"
        case Awaited.STORE_UP:
            if store is None or not store.is_healthy:
                return f"store {wait.store_id} to be Up"
        case Awaited.STORE_REMOVED:
            if store is not None and store.state is not StoreState.TOMBSTONE:
                return f"store {wait.store_id} to be removed"
    return None
