"""Every action there is, by type. Whoever adds an action adds it here by hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from assent.api.v1alpha1.actions import Action as SpecAction
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.core.actions.action import Action
from assent.core.actions.evict_leaders import EvictLeadersAction
from assent.core.actions.set_store_limit import SetStoreLimitAction
from assent.core.actions.stop_evict_leaders import StopEvictLeadersAction
from assent.core.actions.transfer_leader import TransferLeaderAction

CATALOGUE: Mapping[ActionType, Action[Any]] = MappingProxyType(
    {
        ActionType.TRANSFER_LEADER: TransferLeaderAction(),
        ActionType.EVICT_LEADERS: EvictLeadersAction(),
        ActionType.STOP_EVICT_LEADERS: StopEvictLeadersAction(),
        ActionType.SET_STORE_LIMIT: SetStoreLimitAction(),
    }
)
"""One value a type; the values hold no state."""


def action_of(spec_action: SpecAction) -> tuple[Action[Any], ApiModel]:
    """Return the action that ``spec.action`` names, with its parameters for every method."""
    return CATALOGUE[spec_action.type], spec_action.parameters
