"""What a row of the whitelist says, and how the ids in it are judged."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assent.core.model.call import Json

Body = Mapping[str, Json]

EXACT_LIMIT = 2**53
"""PD reads ids in bodies as floats (pd-api.md 0.4): a larger one would name another store."""

ID = "[1-9][0-9]{0,18}"
"""An id in a path."""


@dataclass(frozen=True, slots=True)
class AllowedWrite:
    """One kind of write: method, whole path (without any query but its own: P27, P52), body."""

    name: str
    method: str
    path: re.Pattern[str]
    body: Callable[[Body | None], bool]
    route: str
    """The path without ids, for metrics."""


def is_id(value: object) -> bool:
    """Return True for an id that PD reads from a body without rounding it."""
    return type(value) is int and 0 < value < EXACT_LIMIT


def nothing(body: Body | None) -> bool:
    """Return True when there is no body."""
    return body is None


def path(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern of a whole path under PD's root, ASCII only."""
    return re.compile(pattern, re.ASCII)
