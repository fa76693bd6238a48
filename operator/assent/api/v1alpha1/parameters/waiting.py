"""What a plan may wait for between two of its steps."""

from enum import StrEnum

from assent.api.v1alpha1.base import ApiModel, Duration, StoreId


class Awaited(StrEnum):
    """Facts that PD shows of one store."""

    STORE_WITHOUT_LEADERS = "StoreWithoutLeaders"
    STORE_UP = "StoreUp"
    STORE_REMOVED = "StoreRemoved"


class WaitUntil(ApiModel):
    """Wait for a fact in PD before the next step; the plan is taken back when it does not come."""

    fact: Awaited
    """StoreWithoutLeaders: it leads nothing. StoreUp: it is Up and sends heartbeats. StoreRemoved:
    PD has buried it."""
    store_id: StoreId
    """The store that the fact is about."""
    timeout: Duration = "1h"
    """How long to wait at most."""
