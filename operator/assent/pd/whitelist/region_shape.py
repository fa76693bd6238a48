"""Writes that change one region's borders or place, or end the operator that runs on it.

Never ``POST /regions/split`` (P38) nor ``/regions/scatter`` (P07), never ``DELETE /operators``
of all regions (P25).
"""

import re
from collections.abc import Callable

from assent.pd.whitelist.shape import ID, AllowedWrite, Body, is_id, nothing, path

MAX_KEYS = 16
_KEY = re.compile(r"([0-9A-F]{2}){1,128}", re.ASCII)


def _split_region(body: Body | None) -> bool:
    if body is None or body.get("name") != "split-region" or not is_id(body.get("region_id")):
        return False
    if body.get("policy") in ("scan", "approximate"):
        return set(body) == {"name", "region_id", "policy"}
    return (
        set(body) == {"name", "region_id", "policy", "keys"}
        and body["policy"] == "usekey"
        and _are_keys(body["keys"])
    )


def _are_keys(value: object) -> bool:
    # PD panics over keys that are no list (pd-api.md 0.4).
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_KEYS
        and all(isinstance(key, str) and _KEY.fullmatch(key) for key in value)
    )


def _ids_only(name: str, *ids: str) -> Callable[[Body | None], bool]:
    def judge(body: Body | None) -> bool:
        return (
            body is not None
            and set(body) == {"name", *ids}
            and body["name"] == name
            and all(is_id(body[field]) for field in ids)
        )

    return judge


REGION_SHAPE = (
    AllowedWrite(
        name="split-region",
        method="POST",
        path=path(r"/pd/api/v1/operators"),
        body=_split_region,
        route="/pd/api/v1/operators",
    ),
    AllowedWrite(
        name="merge-region",
        method="POST",
        path=path(r"/pd/api/v1/operators"),
        body=_ids_only("merge-region", "source_region_id", "target_region_id"),
        route="/pd/api/v1/operators",
    ),
    AllowedWrite(
        name="scatter-region",
        method="POST",
        path=path(r"/pd/api/v1/operators"),
        body=_ids_only("scatter-region", "region_id"),
        route="/pd/api/v1/operators",
    ),
    AllowedWrite(
        name="cancel-operator",
        method="DELETE",
        path=path(rf"/pd/api/v1/operators/{ID}"),
        body=nothing,
        route="/pd/api/v1/operators/{id}",
    ),
)
