"""Every action there is, by type. Whoever adds an action adds it here by hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from assent.api.v1alpha1.actions import Action as SpecAction
from assent.api.v1alpha1.actions import ActionType, Plan, PlanStep
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.store import EvictLeaders, StopEvictLeaders
from assent.core.actions.action import Action, Manual
from assent.core.actions.add_learner import AddLearnerAction
from assent.core.actions.add_peer import AddPeerAction
from assent.core.actions.add_scheduler import AddSchedulerAction
from assent.core.actions.cancel_drain import CancelDrainAction
from assent.core.actions.cancel_operator import CancelOperatorAction
from assent.core.actions.delete_region_label_rule import DeleteRegionLabelRuleAction
from assent.core.actions.drain_store import DrainStoreAction
from assent.core.actions.evict_leaders import EvictLeadersAction
from assent.core.actions.force_remove_store import ForceRemoveStoreAction
from assent.core.actions.merge_regions import MergeRegionsAction
from assent.core.actions.pause_scheduler import PauseSchedulerAction
from assent.core.actions.plan import PlanAction
from assent.core.actions.remove_peer import RemovePeerAction
from assent.core.actions.remove_scheduler import RemoveSchedulerAction
from assent.core.actions.remove_tombstones import RemoveTombstonesAction
from assent.core.actions.resume_scheduler import ResumeSchedulerAction
from assent.core.actions.scatter_region import ScatterRegionAction
from assent.core.actions.set_placement_rule import SetPlacementRuleAction
from assent.core.actions.set_region_label_rule import SetRegionLabelRuleAction
from assent.core.actions.set_replication_config import SetReplicationConfigAction
from assent.core.actions.set_schedule_config import SetScheduleConfigAction
from assent.core.actions.set_store_labels import SetStoreLabelsAction
from assent.core.actions.set_store_limit import SetStoreLimitAction
from assent.core.actions.set_store_weight import SetStoreWeightAction
from assent.core.actions.split_region import SplitRegionAction
from assent.core.actions.stop_evict_leaders import StopEvictLeadersAction
from assent.core.actions.transfer_leader import TransferLeaderAction
from assent.core.actions.transfer_pd_leader import TransferPDLeaderAction
from assent.core.actions.transfer_peer import TransferPeerAction

SINGLES: Mapping[ActionType, Action[Any]] = MappingProxyType(
    {
        ActionType.TRANSFER_LEADER: TransferLeaderAction(),
        ActionType.TRANSFER_PEER: TransferPeerAction(),
        ActionType.ADD_PEER: AddPeerAction(),
        ActionType.ADD_LEARNER: AddLearnerAction(),
        ActionType.REMOVE_PEER: RemovePeerAction(),
        ActionType.SPLIT_REGION: SplitRegionAction(),
        ActionType.MERGE_REGIONS: MergeRegionsAction(),
        ActionType.SCATTER_REGION: ScatterRegionAction(),
        ActionType.CANCEL_OPERATOR: CancelOperatorAction(),
        ActionType.EVICT_LEADERS: EvictLeadersAction(),
        ActionType.STOP_EVICT_LEADERS: StopEvictLeadersAction(),
        ActionType.DRAIN_STORE: DrainStoreAction(),
        ActionType.CANCEL_DRAIN: CancelDrainAction(),
        ActionType.SET_STORE_LIMIT: SetStoreLimitAction(),
        ActionType.SET_STORE_WEIGHT: SetStoreWeightAction(),
        ActionType.SET_STORE_LABELS: SetStoreLabelsAction(),
        ActionType.REMOVE_TOMBSTONES: RemoveTombstonesAction(),
        ActionType.FORCE_REMOVE_STORE: ForceRemoveStoreAction(),
        ActionType.ADD_SCHEDULER: AddSchedulerAction(),
        ActionType.REMOVE_SCHEDULER: RemoveSchedulerAction(),
        ActionType.PAUSE_SCHEDULER: PauseSchedulerAction(),
        ActionType.RESUME_SCHEDULER: ResumeSchedulerAction(),
        ActionType.SET_SCHEDULE_CONFIG: SetScheduleConfigAction(),
        ActionType.SET_REPLICATION_CONFIG: SetReplicationConfigAction(),
        ActionType.SET_PLACEMENT_RULE: SetPlacementRuleAction(),
        ActionType.SET_REGION_LABEL_RULE: SetRegionLabelRuleAction(),
        ActionType.DELETE_REGION_LABEL_RULE: DeleteRegionLabelRuleAction(),
        ActionType.TRANSFER_PD_LEADER: TransferPDLeaderAction(),
    }
)
"""Every action but the plan of them, one value a type; the values hold no state."""

_PLAN_MANUAL = Manual(
    endpoint="the calls of its steps",
    example=Plan(
        steps=[
            PlanStep(type=ActionType.EVICT_LEADERS, evict_leaders=EvictLeaders(store_id=4)),
            PlanStep(
                type=ActionType.STOP_EVICT_LEADERS, stop_evict_leaders=StopEvictLeaders(store_id=4)
            ),
        ]
    ),
    timeout_reason="each step has its own; a plan lasts as long as its steps and waits",
    raised_by=("as high as the highest of its steps",),
)

CATALOGUE: Mapping[ActionType, Action[Any]] = MappingProxyType(
    {**SINGLES, ActionType.PLAN: PlanAction(SINGLES, _PLAN_MANUAL)}
)
"""Every action there is."""


def action_of(spec_action: SpecAction) -> tuple[Action[Any], ApiModel]:
    """Return the action that ``spec.action`` names, with its parameters for every method."""
    return CATALOGUE[spec_action.type], spec_action.parameters
