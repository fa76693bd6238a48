"""Writes to one store, and to the records of removed ones."""

import re

from assent.pd.whitelist.shape import ID, AllowedWrite, Body, nothing, path

_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?", re.ASCII)
_VALUE = re.compile(r"[-A-Za-z0-9_./]*", re.ASCII)
_KIND_LABELS = frozenset({"engine", "exclusive"})
"""By these PD keeps replicas off a store; so does any name with a dollar sign before it."""


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


def _store_weight(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"leader", "region"}
        and all(
            isinstance(weight, (int, float)) and not isinstance(weight, bool) and 0 <= weight <= 1e8
            for weight in body.values()
        )
    )


def _store_labels(body: Body | None) -> bool:
    return (
        body is not None
        and 0 < len(body) <= 16
        and all(
            _KEY.fullmatch(key) is not None
            and key.casefold() not in _KIND_LABELS
            and isinstance(value, str)
            and _VALUE.fullmatch(value) is not None
            for key, value in body.items()
        )
    )


STORES = (
    AllowedWrite(
        name="store-limit",
        method="POST",
        path=path(rf"/pd/api/v1/store/{ID}/limit"),
        body=_store_limit,
        route="/pd/api/v1/store/{id}/limit",
    ),
    AllowedWrite(
        name="drain-store",
        method="DELETE",
        path=path(rf"/pd/api/v1/store/{ID}"),
        body=nothing,
        route="/pd/api/v1/store/{id}",
    ),
    AllowedWrite(
        name="cancel-drain",
        method="POST",
        path=path(rf"/pd/api/v1/store/{ID}/state\?state=Up"),
        body=nothing,
        route="/pd/api/v1/store/{id}/state?state=Up",
    ),
    AllowedWrite(
        name="store-weight",
        method="POST",
        path=path(rf"/pd/api/v1/store/{ID}/weight"),
        body=_store_weight,
        route="/pd/api/v1/store/{id}/weight",
    ),
    AllowedWrite(
        name="store-labels",
        method="POST",
        path=path(rf"/pd/api/v1/store/{ID}/label"),
        body=_store_labels,
        route="/pd/api/v1/store/{id}/label",
    ),
    AllowedWrite(
        name="remove-tombstones",
        method="DELETE",
        path=path(r"/pd/api/v1/stores/remove-tombstone"),
        body=nothing,
        route="/pd/api/v1/stores/remove-tombstone",
    ),
    # The one row with ``force`` (P27, P52): of ForceRemoveStore, tier Critical.
    AllowedWrite(
        name="force-remove-store",
        method="DELETE",
        path=path(rf"/pd/api/v1/store/{ID}\?force"),
        body=nothing,
        route="/pd/api/v1/store/{id}?force",
    ),
)
