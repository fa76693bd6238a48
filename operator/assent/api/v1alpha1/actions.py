"""The typed actions as they stand in ``spec.action``: a Kubernetes union, `type` and its member.

What each does, checks and undoes is in ``core.actions``, one file each.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.parameters.placement import (
    DeleteRegionLabelRule,
    SetPlacementRule,
    SetRegionLabelRule,
)
from assent.api.v1alpha1.parameters.region import (
    AddLearner,
    AddPeer,
    CancelOperator,
    MergeRegions,
    RemovePeer,
    ScatterRegion,
    SplitRegion,
    TransferLeader,
    TransferPeer,
)
from assent.api.v1alpha1.parameters.scheduling import (
    AddScheduler,
    PauseScheduler,
    RemoveScheduler,
    ResumeScheduler,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.api.v1alpha1.parameters.store import (
    CancelDrain,
    DrainStore,
    EvictLeaders,
    ForceRemoveStore,
    RemoveTombstones,
    SetStoreLabels,
    SetStoreLimit,
    SetStoreWeight,
    StopEvictLeaders,
)
from assent.api.v1alpha1.parameters.waiting import WaitUntil

MAX_PLAN_STEPS = 16


class ActionType(StrEnum):
    """Every type that ``spec.action.type`` may name."""

    TRANSFER_LEADER = "TransferLeader"
    TRANSFER_PEER = "TransferPeer"
    ADD_PEER = "AddPeer"
    ADD_LEARNER = "AddLearner"
    REMOVE_PEER = "RemovePeer"
    SPLIT_REGION = "SplitRegion"
    MERGE_REGIONS = "MergeRegions"
    SCATTER_REGION = "ScatterRegion"
    CANCEL_OPERATOR = "CancelOperator"
    EVICT_LEADERS = "EvictLeaders"
    STOP_EVICT_LEADERS = "StopEvictLeaders"
    DRAIN_STORE = "DrainStore"
    CANCEL_DRAIN = "CancelDrain"
    SET_STORE_LIMIT = "SetStoreLimit"
    SET_STORE_WEIGHT = "SetStoreWeight"
    SET_STORE_LABELS = "SetStoreLabels"
    REMOVE_TOMBSTONES = "RemoveTombstones"
    FORCE_REMOVE_STORE = "ForceRemoveStore"
    ADD_SCHEDULER = "AddScheduler"
    REMOVE_SCHEDULER = "RemoveScheduler"
    PAUSE_SCHEDULER = "PauseScheduler"
    RESUME_SCHEDULER = "ResumeScheduler"
    SET_SCHEDULE_CONFIG = "SetScheduleConfig"
    SET_REPLICATION_CONFIG = "SetReplicationConfig"
    SET_PLACEMENT_RULE = "SetPlacementRule"
    SET_REGION_LABEL_RULE = "SetRegionLabelRule"
    DELETE_REGION_LABEL_RULE = "DeleteRegionLabelRule"
    TRANSFER_PD_LEADER = "TransferPDLeader"
    PLAN = "Plan"

    @property
    def member(self) -> str:
        """The union member that carries this type's parameters, in camelCase."""
        return self.value[0].lower() + self.value[1:]


class SingleAction(ApiModel):
    """One typed action that is no plan: `type`, and exactly the member that it names."""

    type: ActionType
    """The action; exactly the member of the same name (in camelCase) must be present."""
    transfer_leader: TransferLeader | None = None
    transfer_peer: TransferPeer | None = None
    add_peer: AddPeer | None = None
    add_learner: AddLearner | None = None
    remove_peer: RemovePeer | None = None
    split_region: SplitRegion | None = None
    merge_regions: MergeRegions | None = None
    scatter_region: ScatterRegion | None = None
    cancel_operator: CancelOperator | None = None
    evict_leaders: EvictLeaders | None = None
    stop_evict_leaders: StopEvictLeaders | None = None
    drain_store: DrainStore | None = None
    cancel_drain: CancelDrain | None = None
    set_store_limit: SetStoreLimit | None = None
    set_store_weight: SetStoreWeight | None = None
    set_store_labels: SetStoreLabels | None = None
    remove_tombstones: RemoveTombstones | None = None
    force_remove_store: ForceRemoveStore | None = None
    add_scheduler: AddScheduler | None = None
    remove_scheduler: RemoveScheduler | None = None
    pause_scheduler: PauseScheduler | None = None
    resume_scheduler: ResumeScheduler | None = None
    set_schedule_config: SetScheduleConfig | None = None
    set_replication_config: SetReplicationConfig | None = None
    set_placement_rule: SetPlacementRule | None = None
    set_region_label_rule: SetRegionLabelRule | None = None
    delete_region_label_rule: DeleteRegionLabelRule | None = None
    # The alias by hand: the usual one would be transferPdLeader, not the type's own spelling.
    transfer_pd_leader: Annotated[
        TransferPDLeader | None, Field(alias=ActionType.TRANSFER_PD_LEADER.member)
    ] = None

    @model_validator(mode="after")
    def _exactly_the_named_member(self) -> Self:
        present = {
            kind for kind in ActionType if getattr(self, kind.name.lower(), None) is not None
        }
        if present != {self.type}:
            raise ValueError(f"an action must hold exactly the member {self.type.member}")
        return self

    @property
    def parameters(self) -> ApiModel:
        """The parameters of the named type."""
        value: ApiModel = getattr(self, self.type.name.lower())
        return value


class PlanStep(SingleAction):
    """One step of a plan: an action that is no plan and not Critical, and what to wait for then."""

    wait_until: WaitUntil | None = None
    """What PD must show before the next step begins."""
    group: Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=32)] | None = None
    """Steps in a row with the same name here work beside each other: each begins as soon as PD has
    taken the one before. They must be Low or Medium and touch different stores and regions.
    """


class Plan(ApiModel):
    """Do several actions in order, each checked anew right before it; if one fails, those before
    it are taken back in reverse order.
    """

    steps: Annotated[
        list[PlanStep],
        Field(
            min_length=1,
            max_length=MAX_PLAN_STEPS,
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    """1 to 16 steps, in this order."""


class Action(SingleAction):
    """One typed action: `type`, and exactly the member that it names."""

    plan: Plan | None = None


def action(parameters: ApiModel) -> Action:
    """Return the union that carries these parameters."""
    kind = ActionType(type(parameters).__name__)
    return Action.model_validate({"type": kind, kind.name.lower(): parameters})


def plan(*steps: ApiModel | PlanStep) -> Action:
    """Return the plan of these steps; parameters stand for a step that waits for nothing."""
    done = [
        step if isinstance(step, PlanStep) else PlanStep(**dict(action(step))) for step in steps
    ]
    return action(Plan(steps=done))
