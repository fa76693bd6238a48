"""The closed list of writes that may ever reach PD; everything else is refused before sending."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assent.core.model.call import PdCall

Body = Mapping[str, str | int | float]

_EXACT_LIMIT = 2**53
"""PD reads ids in bodies as floats (pd-api.md 0.4): a larger one would name another store."""


@dataclass(frozen=True, slots=True)
class AllowedWrite:
    """One kind of write: method, whole path (without any query: P27, P52) and whole body."""

    name: str
    method: str
    path: re.Pattern[str]
    body: Callable[[Body | None], bool]
    route: str
    """The path without ids, for metrics."""


def _transfer_leader(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"name", "region_id", "to_store_id"}
        and body["name"] == "transfer-leader"
        and _is_id(body["region_id"])
        and _is_id(body["to_store_id"])
    )


def _evict_leader(body: Body | None) -> bool:
    return (
        body is not None
        and set(body) == {"name", "store_id"}
        and body["name"] == "evict-leader-scheduler"
        and _is_id(body["store_id"])
    )


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


def _nothing(body: Body | None) -> bool:
    return body is None


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value < _EXACT_LIMIT


WHITELIST = (
    AllowedWrite(
        name="transfer-leader",
        method="POST",
        path=re.compile(r"/pd/api/v1/operators", re.ASCII),
        body=_transfer_leader,
        route="/pd/api/v1/operators",
    ),
    AllowedWrite(
        name="evict-leader",
        method="POST",
        path=re.compile(r"/pd/api/v1/schedulers", re.ASCII),
        body=_evict_leader,
        route="/pd/api/v1/schedulers",
    ),
    AllowedWrite(
        name="stop-evict-leader",
        method="DELETE",
        path=re.compile(
            r"/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/[1-9][0-9]{0,18}", re.ASCII
        ),
        body=_nothing,
        route="/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/{id}",
    ),
    AllowedWrite(
        name="store-limit",
        method="POST",
        path=re.compile(r"/pd/api/v1/store/[1-9][0-9]{0,18}/limit", re.ASCII),
        body=_store_limit,
        route="/pd/api/v1/store/{id}/limit",
    ),
)


def allowed(call: PdCall) -> AllowedWrite | None:
    """Return the kind of write that this call is, None when it is none that may be sent."""
    for kind in WHITELIST:
        if call.method == kind.method and kind.path.fullmatch(call.path) and kind.body(call.body):
            return kind
    return None
