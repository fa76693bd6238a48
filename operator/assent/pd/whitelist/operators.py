"""Writes to POST /operators: one region at a time."""

from assent.pd.whitelist.shape import AllowedWrite, Body, is_id, path


def _transfer_leader(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"name", "region_id", "to_store_id"}
        and body["name"] == "transfer-leader"
        and is_id(body["region_id"])
        and is_id(body["to_store_id"])
    )


OPERATORS = (
    AllowedWrite(
        name="transfer-leader",
        method="POST",
        path=path(r"/pd/api/v1/operators"),
        body=_transfer_leader,
        route="/pd/api/v1/operators",
    ),
)
