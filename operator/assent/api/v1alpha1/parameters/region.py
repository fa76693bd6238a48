"""Parameters of actions on one region."""

from assent.api.v1alpha1.base import RegionId, StoreId
from assent.api.v1alpha1.parameters.targets import OfRegion


class TransferLeader(OfRegion):
    """Move the leadership of one region to a store that already holds a voter of it."""

    region_id: RegionId
    """The region, as PD numbers it."""
    to_store_id: StoreId
    """The store that shall lead; it must hold a healthy voter of the region."""
