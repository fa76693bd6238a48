"""Whether the watch tells us what happens: compared with lists, because a dead one is only silent.

A watcher task that ended without an error, a connection that is half open, a thread that hangs:
whatever the cause, an object stands in a list in a version that the watch has never told of. Every
change is told in the end, and a later one in a higher version, so that the highest version told of
a kind must reach the highest that was ever listed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from assent.errors import AssentError

CHECK_SECONDS = 10.0
"""Between two checks. They are counted, not timed: a process that was frozen has heard nothing
meanwhile and is not deaf for that."""
PATIENCE_CHECKS = 6


class WatchDeaf(AssentError):  # noqa: N818 - as in assent.errors
    """The watch has missed something and will not tell it: the process must start anew."""

    def __init__(self, message: str) -> None:
        super().__init__("WatchDeaf", message)


class Hearing:
    """The highest versions told of and listed, by kind."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._missing: dict[str, tuple[int, int]] = {}
        """The version listed and not told of, and how many checks have found it missing."""

    def told(self, kind: str, raw: Mapping[str, Any]) -> None:
        """Take note of an event of the watch, a deletion too."""
        version = int(raw["metadata"]["resourceVersion"])
        self._told[kind] = max(version, self._told.get(kind, 0))
        missing = self._missing.get(kind)
        if missing is not None and self._told[kind] >= missing[0]:
            del self._missing[kind]

    def listed(self, kind: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Take note of a list; what the watch is yet to tell of it is waited for."""
        highest = max((int(raw["metadata"]["resourceVersion"]) for raw in items), default=0)
        missing = self._missing.get(kind)
        if missing is not None and highest < missing[0]:
            del self._missing[kind]  # deleted since, while the watch was away: it may never be told
        if highest > self._told.get(kind, 0) and kind not in self._missing:
            self._missing[kind] = (highest, 0)

    def check(self) -> None:
        """Count one more check; to be called every ``CHECK_SECONDS``.

        Raises:
            WatchDeaf: something listed was not told of for ``PATIENCE_CHECKS`` checks.
        """
        for kind, (version, checks) in self._missing.items():
            if checks + 1 >= PATIENCE_CHECKS:
                raise WatchDeaf(f"the watch of {kind} never told of version {version}: it is dead")
            self._missing[kind] = (version, checks + 1)
