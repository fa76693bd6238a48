"""Writes to schedulers and their configuration."""

from assent.api.v1alpha1.parameters.scheduling import SchedulerName
from assent.pd.whitelist.shape import ID, AllowedWrite, Body, is_id, nothing, path

NAMES = frozenset(str(name) for name in SchedulerName)
NAME = "(?:" + "|".join(sorted(NAMES)) + ")"
"""The schedulers of our list, never ``all`` nor evict-leader-scheduler (P29)."""

LONGEST_PAUSE_SECONDS = 10 * 365 * 86400
"""What was left of somebody's pause is put back whatever it was, within reason."""


def _evict_leader(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"name", "store_id"}
        and body["name"] == "evict-leader-scheduler"
        and is_id(body["store_id"])
    )


def _by_name(body: Body | None) -> bool:
    if body is None or set(body) != {"name"}:
        return False
    name = body["name"]
    return isinstance(name, str) and name in NAMES


def _delay(body: Body | None) -> bool:
    if body is None or set(body) != {"delay"}:
        return False
    delay = body["delay"]
    return type(delay) is int and 0 <= delay <= LONGEST_PAUSE_SECONDS


SCHEDULERS = (
    AllowedWrite(
        name="evict-leader",
        method="POST",
        path=path(r"/pd/api/v1/schedulers"),
        body=_evict_leader,
        route="/pd/api/v1/schedulers",
    ),
    AllowedWrite(
        name="stop-evict-leader",
        method="DELETE",
        path=path(rf"/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/{ID}"),
        body=nothing,
        route="/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/{id}",
    ),
    AllowedWrite(
        name="add-scheduler",
        method="POST",
        path=path(r"/pd/api/v1/schedulers"),
        body=_by_name,
        route="/pd/api/v1/schedulers",
    ),
    AllowedWrite(
        name="remove-scheduler",
        method="DELETE",
        path=path(rf"/pd/api/v1/schedulers/{NAME}"),
        body=nothing,
        route="/pd/api/v1/schedulers/{name}",
    ),
    AllowedWrite(
        name="pause-scheduler",
        method="POST",
        path=path(rf"/pd/api/v1/schedulers/{NAME}"),
        body=_delay,
        route="/pd/api/v1/schedulers/{name}",
    ),
)
