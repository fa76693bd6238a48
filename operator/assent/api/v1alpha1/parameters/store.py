"""Parameters of actions on one store."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from assent.api.v1alpha1.base import ApiModel, StoreId
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


class DrainStore(OfStore):
    """Remove one store from the cluster: PD moves all of its data to the others, which takes hours
    or days, and then keeps only a tombstone of it. CancelDrain stops it until then.
    """

    store_id: StoreId
    """The store to be emptied and removed."""


class CancelDrain(OfStore):
    """Keep a store that is being removed: it is Up again; what has been moved comes back only by
    balancing.
    """

    store_id: StoreId
    """The store that shall stay."""
    remove_peer_per_minute: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many peers a minute may leave the store afterwards; the removal had lifted that limit.
    Absent: what PD remembers, or its default where it has forgotten (15, TiFlash 30)."""


WeightPercent = Annotated[int, Field(ge=0, le=1000)]


class SetStoreWeight(OfStore):
    """Set the share of leaders and of regions that PD's balancing gives to one store."""

    store_id: StoreId
    """The store whose weights change."""
    leader_weight_percent: WeightPercent
    """100 is PD's 1.0; 0 means no leaders. PD sets both weights at once, so both are asked for."""
    region_weight_percent: WeightPercent
    """100 is PD's 1.0; 0 means no regions."""


class StoreLabel(ApiModel):
    """One label of a store."""

    key: Annotated[
        str,
        Field(max_length=56, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$"),
    ]
    """The label's name, such as zone or host."""
    value: Annotated[str, Field(max_length=63, pattern=r"^[-A-Za-z0-9_./]*$")]
    """The label's new value; empty removes the label."""


class SetStoreLabels(OfStore):
    """Set or remove some labels of one store, and leave its other labels as they are. PD moves
    data to wherever placement then wants it.
    """

    store_id: StoreId
    """The store whose labels change."""
    labels: Annotated[
        list[StoreLabel],
        Field(
            min_length=1,
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["key"],
            },
        ),
    ]
    """The labels to be changed."""


class RemoveTombstones(ApiModel):
    """Forget removed stores: PD deletes every tombstone that it has, at once and for good."""

    store_ids: Annotated[list[StoreId], Field(min_length=1, max_length=16)]
    """Exactly the tombstones that PD lists: it deletes all or none."""


class ForceRemoveStore(OfStore):
    """Declare the data of a dead store lost for good, so that PD stops waiting for it. There is no
    way back, and the store must never start again.
    """

    store_id: StoreId
    """The dead store. PD must have been without a word of it for max-store-down-time."""
