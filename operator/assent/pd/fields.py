"""Reads fields out of PD's JSON: what is needed must be there, what is unknown is ignored."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from assent.errors import Terminal

UNUSABLE = "PDAnswerUnusable"

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(B|[KMGTPEZY]iB)", re.ASCII)
_SIZE_POWERS = {unit: index for index, unit in enumerate("KMGTPEZY", start=1)}
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Node:
    """One value in an answer, with where it stands, so that a complaint can name it."""

    value: object
    call: str
    """The call that answered, such as ``GET /pd/api/v1/stores``."""
    at: str = ""
    """The path inside the answer, such as ``stores[2].store.id``."""

    def refuse(self, what: str) -> NoReturn:
        """Raise Terminal: the answer cannot be used, and why."""
        where = self.at or "the answer"
        raise Terminal(UNUSABLE, f"{self.call} answered something unusable: {where} {what}")

    def need(self, name: str) -> "Node":
        """Return a member that must be there."""
        found = self.find(name)
        if found is None:
            Node(None, self.call, self._path(name)).refuse("is missing")
        return found

    def find(self, name: str) -> "Node | None":
        """Return a member, None when it is absent or null."""
        value = self._object().get(name)
        return None if value is None else Node(value, self.call, self._path(name))

    def members(self) -> Iterator[tuple[str, "Node"]]:
        """Yield every name with its value."""
        for name, value in self._object().items():
            yield name, Node(value, self.call, self._path(name))

    def items(self) -> Iterator["Node"]:
        """Yield the elements of a list."""
        if not isinstance(self.value, list):
            self.refuse("is not a list")
        for index, value in enumerate(self.value):
            yield Node(value, self.call, f"{self.at}[{index}]")

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self.value, str):
            self.refuse("is not a string")
        return self.value

    def count(self) -> int:
        """Return an integer of at least 0."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            self.refuse("is not a whole number of at least 0")
        return self.value

    def identity(self) -> int:
        """Return an id: an integer of 1 to 2^64 - 1."""
        value = self.count()
        if not 0 < value < 1 << 64:
            self.refuse("is not an id")
        return value

    def number(self) -> float:
        """Return a finite number of at least 0."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e300:
            self.refuse("is not a number of at least 0")
        return float(value)

    def flag(self) -> bool:
        """Return a boolean; PD writes some as the strings "true" and "false" (pd-api.md 1.7)."""
        if not isinstance(self.value, bool) and self.value not in ("true", "false"):
            self.refuse("is not a boolean")
        return self.value is True or self.value == "true"

    def size_bytes(self) -> int:
        """Return the bytes behind a humanised size such as ``1.8TiB``: four digits at most."""
        match = _SIZE.fullmatch(self.text())
        if match is None:
            self.refuse(f"is not a size: {self.text()[:40]!r}")
        factor = float(1024 ** _SIZE_POWERS.get(match[2][0], 0))
        return round(float(match[1]) * factor)

    def moment(self) -> datetime:
        """Return an RFC 3339 time; digits beyond microseconds are cut off."""
        match = _RFC3339.fullmatch(self.text())
        if match is None:
            self.refuse(f"is not a time: {self.text()[:40]!r}")
        micros = (match[2] or "").ljust(6, "0")[:6]
        zone = "+00:00" if match[3] == "Z" else match[3]
        try:
            return datetime.fromisoformat(f"{match[1]}.{micros}{zone}")
        except ValueError:
            self.refuse(f"is not a time: {self.text()[:40]!r}")

    def _object(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            self.refuse("is not an object")
        return self.value

    def _path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name


def parse(body: bytes, call: str) -> Node:
    """Return the root of an answer.

    Raises:
        Terminal: reason PDAnswerUnusable; it is not JSON.
    """
    try:
        # Integers keep every digit: cluster ids use all 64 bits.
        return Node(json.loads(body, parse_constant=_no_constant), call)
    except (ValueError, RecursionError):
        excerpt = body[:80].decode("utf-8", "replace")
        raise Terminal(UNUSABLE, f"{call} answered no JSON: {excerpt!r}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
