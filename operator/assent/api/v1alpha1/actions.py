"""The typed actions as they stand in ``spec.action``: a Kubernetes union, `type` and its member.

What each does, checks and undoes is in ``core.actions``, one file each.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from assent.api.v1alpha1.base import ApiModel, RegionId, StoreId


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


class TransferLeader(ApiModel):
    """Move the leadership of one region to a store that already holds a voter of it."""

    region_id: RegionId
    """The region, as PD numbers it."""
    to_store_id: StoreId
    """The store that shall lead; it must hold a healthy voter of the region."""


class EvictLeaders(ApiModel):
    """Move all leaders away from one store and keep them away until the eviction is stopped."""

    store_id: StoreId
    """The store to be emptied of leaders."""


class StopEvictLeaders(ApiModel):
    """End the eviction of one store, never of others, so that leaders may return."""

    store_id: StoreId
    """The store whose eviction ends."""


class StoreLimitKind(StrEnum):
    """Which of a store's two scheduling limits."""

    ADD_PEER = "AddPeer"
    REMOVE_PEER = "RemovePeer"


class SetStoreLimit(ApiModel):
    """Set how many peers a minute PD may add to, or remove from, one store."""

    store_id: StoreId
    """The store whose limit changes."""
    kind: StoreLimitKind
    """AddPeer bounds what arrives at the store, RemovePeer what leaves it."""
    rate_per_minute: Annotated[int, Field(ge=1, le=1000)]
    """Peers a minute. PD's default is 15 (30 for TiFlash)."""


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
