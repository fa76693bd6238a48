"""Writes to one store."""

from assent.pd.whitelist.shape import ID, AllowedWrite, Body, path


def _store_limit(body: Body | None) -> bool:
    # Without a type PD sets both limits; with rate 0 it refuses; infinite is not JSON.
    return (
        body is not None
        and set(body) == {"rate", "type"}
        and body["type"] in ("add-peer", "remove-peer")
        and isinstance(body["rate"], (int, float))
        and not isinstance(body["rate"], bool)
        and 0 < body["rate"] <= 1e8
    )


STORES = (
    AllowedWrite(
        name="store-limit",
        method="POST",
        path=path(rf"/pd/api/v1/store/{ID}/limit"),
        body=_store_limit,
        route="/pd/api/v1/store/{id}/limit",
    ),
)
