"""Parameters of actions on one store."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from assent.api.v1alpha1.base import StoreId
from assent.api.v1alpha1.parameters.targets import OfStore


class EvictLeaders(OfStore):
    """Move all leaders away from one store and keep them away until the eviction is stopped."""

    store_id: StoreId
    """The store to be emptied of leaders."""


class StopEvictLeaders(OfStore):
    """End the eviction of one store, never of others, so that leaders may return."""

    store_id: StoreId
    """The store whose eviction ends."""


class StoreLimitKind(StrEnum):
    """Which of a store's two scheduling limits."""

    ADD_PEER = "AddPeer"
    REMOVE_PEER = "RemovePeer"


class SetStoreLimit(OfStore):
    """Set how many peers a minute PD may add to, or remove from, one store."""

    store_id: StoreId
    """The store whose limit changes."""
    kind: StoreLimitKind
    """AddPeer bounds what arrives at the store, RemovePeer what leaves it."""
    rate_per_minute: Annotated[int, Field(ge=1, le=1000)]
    """Peers a minute. PD's default is 15 (30 for TiFlash)."""
