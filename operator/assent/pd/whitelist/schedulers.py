"""Writes to schedulers and their configuration."""

from assent.pd.whitelist.shape import ID, AllowedWrite, Body, is_id, nothing, path


def _evict_leader(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"name", "store_id"}
        and body["name"] == "evict-leader-scheduler"
        and is_id(body["store_id"])
    )


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
)
