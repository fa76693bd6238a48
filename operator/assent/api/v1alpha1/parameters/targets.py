"""Parameters that name one store, or one region."""

from assent.api.v1alpha1.base import ApiModel, RegionId, StoreId


class OfStore(ApiModel):
    """Parameters of an action on one store."""

    store_id: StoreId
    """The store, as PD numbers it."""


class OfRegion(ApiModel):
    """Parameters of an action on one region."""

    region_id: RegionId
    """The region, as PD numbers it."""
