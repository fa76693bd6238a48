"""Parameters of actions on one region."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from assent.api.v1alpha1.base import ApiModel, RegionId, StoreId
from assent.api.v1alpha1.parameters.targets import OfRegion


class TransferLeader(OfRegion):
    """Move the leadership of one region to a store that already holds a voter of it."""

    region_id: RegionId
    """The region, as PD numbers it."""
    to_store_id: StoreId
    """The store that shall lead; it must hold a healthy voter of the region."""


class TransferPeer(OfRegion):
    """Move one region's peer from one store to another; a leader whose peer moves leads no more."""

    region_id: RegionId
    """The region, as PD numbers it."""
    from_store_id: StoreId
    """The store that holds a peer of the region now."""
    to_store_id: StoreId
    """The store that shall hold it instead; it must hold none yet."""


class OfPeer(OfRegion):
    """Parameters of an action on one region's peer on one store."""

    region_id: RegionId
    """The region, as PD numbers it."""
    store_id: StoreId
    """The store, as PD numbers it."""


class AddPeer(OfPeer):
    """Add a voter of one region on a store, where its placement rules have room for one."""

    region_id: RegionId
    """The region, as PD numbers it."""
    store_id: StoreId
    """The store that shall hold it; it must hold no peer of the region yet."""


class AddLearner(OfPeer):
    """Add a learner of one region on a store: a replica that does not vote."""

    region_id: RegionId
    """The region, as PD numbers it."""
    store_id: StoreId
    """The store that shall hold it; it must hold no peer of the region yet."""


class RemovePeer(OfPeer):
    """Remove one region's peer from a store; PD adds one again where its placement rules want."""

    region_id: RegionId
    """The region, as PD numbers it."""
    store_id: StoreId
    """The store whose peer goes."""


class SplitPolicy(StrEnum):
    """Where a region is cut."""

    SCAN = "Scan"
    APPROXIMATE = "Approximate"
    USE_KEY = "UseKey"


SplitKey = Annotated[str, Field(min_length=2, max_length=256, pattern=r"^([0-9A-F]{2})+$")]
"""A key as PD shows the borders of regions: upper-case hex."""


class SplitRegion(OfRegion):
    """Split one region in the middle, or at given keys."""

    region_id: RegionId
    """The region, as PD numbers it; it keeps its id for one of the parts."""
    policy: SplitPolicy
    """Scan reads the region to find its middle, Approximate estimates it, UseKey takes `keys`."""
    keys: Annotated[list[SplitKey], Field(min_length=1, max_length=16)] | None = None
    """Only with UseKey: where to cut, in upper-case hex; sorted, each once, inside the region."""


class MergeRegions(ApiModel):
    """Merge one region into its neighbour; the source's id is gone for good."""

    source_region_id: RegionId
    """The region that disappears."""
    target_region_id: RegionId
    """The neighbour that takes over its keys."""


class ScatterRegion(OfRegion):
    """Let PD place the peers and the leader of one region anew, spread over the stores."""

    region_id: RegionId
    """The region, as PD numbers it."""


class CancelOperator(OfRegion):
    """Cancel the operator that PD runs on one region, if it is the one that is named."""

    region_id: RegionId
    """The region on which the operator runs."""
    operator: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """The operator's description, as PD shows it, such as `admin-move-peer`."""
