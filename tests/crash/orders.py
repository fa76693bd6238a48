"""What an armed operator is told, and what it has passed: files in a folder of its own."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from assent.observability.crash_points import Point

FOLDER = "CRASH_FOLDER"
"""The environment variable that only ``armed`` reads."""


@dataclass(frozen=True)
class Orders:
    """Where to die, or to stand still; without any, points are only noted."""

    die_at: str | None = None
    """Name of the Point."""
    occurrence: int = 1
    """How often the point must be passed, that time included."""
    only_after: str | None = None
    """Passes count only once this point was passed, since the orders came."""
    stand_at: str | None = None
    """Where the process stands still once, until it is told to go on."""


class Post:
    """The folder, from both sides: the test writes orders and reads the trace."""

    def __init__(self, folder: Path) -> None:
        self._orders = folder / "orders.json"
        self._trace = folder / "trace"
        self._go = folder / "go"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def trace_path(self) -> Path:
        """Where each passed point is a line."""
        return self._trace

    def give(self, orders: Orders) -> None:
        """Replace the orders; counting begins anew."""
        self._go.unlink(missing_ok=True)
        draft = self._orders.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(orders)))
        draft.rename(self._orders)

    def read(self) -> tuple[int, Orders]:
        """The orders and a number that is another for each time they were given."""
        try:
            stamp = self._orders.stat().st_mtime_ns
            return stamp, Orders(**json.loads(self._orders.read_text()))
        except FileNotFoundError:
            return 0, Orders()

    def go_on(self) -> None:
        """End the standing still."""
        self._go.touch()

    def may_go_on(self) -> bool:
        """Whether the standing still is over."""
        return self._go.exists()

    def clear(self) -> None:
        """Forget all, before another process begins here."""
        for path in (self._orders, self._trace, self._go):
            path.unlink(missing_ok=True)

    def size(self) -> int:
        """How many bytes the trace has: where to read on."""
        return self._trace.stat().st_size if self._trace.exists() else 0

    def passed(self, since: int = 0) -> list[Point]:
        """The points passed, in order, since the trace had that size."""
        if not self._trace.exists():
            return []
        with self._trace.open("rb") as file:
            file.seek(since)
            text = file.read()
        return [Point[line.decode()] for line in text[: text.rfind(b"\n") + 1].splitlines()]
