"""Small things that every test of ``assent.pd`` needs."""

import time
from datetime import UTC, datetime

import httpx

from assent.core.model.call import PdCall, Permit
from assent.pd.client import PdClient

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

TRANSFER = PdCall(
    "POST", "/pd/api/v1/operators", {"name": "transfer-leader", "region_id": 100, "to_store_id": 2}
)
EVICT = PdCall("POST", "/pd/api/v1/schedulers", {"name": "evict-leader-scheduler", "store_id": 2})
STOP_EVICT = PdCall("DELETE", "/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/2")
LIMIT = PdCall("POST", "/pd/api/v1/store/2/limit", {"rate": 30, "type": "add-peer"})


def at_noon() -> datetime:
    """The time that snapshots of tests are taken."""
    return NOW


def permit(*, send_by: float = 1e12, deadline: float = 1e12) -> Permit:
    """A permit that lasts for ever unless told otherwise, in monotonic seconds."""
    return Permit(
        epoch=1, send_by_monotonic_seconds=send_by, lease_deadline_monotonic_seconds=deadline
    )


def client_of(transport: httpx.AsyncBaseTransport, *urls: str) -> PdClient:
    """A client on a fake."""
    return PdClient(urls, transport=transport, clock=time.monotonic)
