"""The typed actions as they stand in ``spec.action``: a Kubernetes union, `type` and its member.

What each does, checks and undoes is in ``core.actions``, one file each.
"""

from enum import StrEnum

from pydantic import model_validator

from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StopEvictLeaders


class ActionType(StrEnum):
    """Every type that ``spec.action.type`` may name."""

    TRANSFER_LEADER = "TransferLeader"
    EVICT_LEADERS = "EvictLeaders"
    STOP_EVICT_LEADERS = "StopEvictLeaders"
    SET_STORE_LIMIT = "SetStoreLimit"

    @property
    def member(self) -> str:
        """The union member that carries this type's parameters, in camelCase."""
        return self.value[0].lower() + self.value[1:]


class Action(ApiModel):
    """One typed action: `type`, and exactly the member that it names."""

    type: ActionType
    """The action; exactly the member of the same name (in camelCase) must be present."""
    transfer_leader: TransferLeader | None = None
    evict_leaders: EvictLeaders | None = None
    stop_evict_leaders: StopEvictLeaders | None = None
    set_store_limit: SetStoreLimit | None = None

    @model_validator(mode="after")
    def _exactly_the_named_member(self) -> "Action":
        present = {name for name in type(self).model_fields if name != "type"}
        present = {name for name in present if getattr(self, name) is not None}
        wanted = self.type.name.lower()
        if present != {wanted}:
            raise ValueError(f"spec.action must hold exactly the member {self.type.member}")
        return self

    @property
    def parameters(self) -> ApiModel:
        """The parameters of the named type."""
        value: ApiModel = getattr(self, self.type.name.lower())
        return value


def action(parameters: ApiModel) -> Action:
    """Return the union that carries these parameters."""
    kind = ActionType(type(parameters).__name__)
    return Action.model_validate({"type": kind, kind.name.lower(): parameters})
