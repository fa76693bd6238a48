"""One action as other controllers would meet it: what it is, and what it touches."""

from dataclasses import dataclass
from typing import Any

from assent.api.v1alpha1.actions import Action, ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.core.actions.action import Action as Behaviour
from assent.core.actions.action import Scope
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import Singles, program_of
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn


@dataclass(frozen=True, slots=True)
class Deed:
    """One action, never a plan: of a plan each step is a deed."""

    type: ActionType
    scope: Scope


def deed_of(action: Behaviour[Any], params: ApiModel) -> Deed:
    """Return the deed of one action that is no plan."""
    return Deed(action.type, action.scope(params))


def deeds_of(asked: Action, catalogue: Singles = CATALOGUE) -> tuple[Deed, ...]:
    """Return what would be done, in order; one deed for a single action."""
    return tuple(deed_of(stage.action, stage.params) for stage in program_of(asked, catalogue))


def worst(name: str, verdicts: tuple[Verdict, ...]) -> tuple[Check, ...]:
    """Return the most restrictive verdict as one check, the first of equals; () for none."""
    if not verdicts:
        return ()
    return (Check(name, max(verdicts, key=lambda verdict: _RANK[type(verdict)])),)


_RANK: dict[type[Verdict], int] = {Allow: 0, Warn: 1, Hold: 2, Deny: 3}
