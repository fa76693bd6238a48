"""Writes to POST /operators: one region at a time."""

from collections.abc import Callable

from assent.pd.whitelist.shape import AllowedWrite, Body, is_id, path


def _of_ids(name: str, *ids: str) -> Callable[[Body | None], bool]:
    """Return what takes exactly that operator with exactly those ids."""

    def fits(body: Body | None) -> bool:
        return (
            body is not None
            and set(body) == {"name", *ids}
            and body["name"] == name
            and all(is_id(body[one]) for one in ids)
        )

    return fits


def _operator(name: str, *ids: str) -> AllowedWrite:
    return AllowedWrite(
        name=name,
        method="POST",
        path=path(r"/pd/api/v1/operators"),
        body=_of_ids(name, *ids),
        route="/pd/api/v1/operators",
    )


OPERATORS = (
    _operator("transfer-leader", "region_id", "to_store_id"),
    _operator("transfer-peer", "region_id", "from_store_id", "to_store_id"),
    _operator("add-peer", "region_id", "store_id"),
    _operator("add-learner", "region_id", "store_id"),
    _operator("remove-peer", "region_id", "store_id"),
)
