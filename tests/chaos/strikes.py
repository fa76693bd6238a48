"""When a leader is struck: while it works on something, and when it got somewhere before."""

import threading
import time
from collections.abc import Callable, Sequence

from tests.chaos.history import FINISHED, IN_FLIGHT
from tests.chaos.pace import Pace

LOOK_SECONDS = 0.05
PROGRESS = 3
"""So many proposals end between two strikes."""
PROGRESS_SECONDS = 25.0
"""So long a leader may take for them before it is struck all the same."""
WORK_SECONDS = 8.0
"""So long one that works on nothing is waited for."""


class Strikes:
    """Holds a strike back until it hurts. One strike at a time."""

    def __init__(self, phases: Callable[[], Sequence[str]], pace: Pace) -> None:
        """Take how the phases of all proposals are seen at a moment."""
        self._phases = phases
        self.pace = pace
        self._guard = threading.Lock()
        self._ended = 0
        self._last = 0.0

    def await_moment(self, stop: threading.Event) -> None:
        """Return when enough has ended since the last strike, and something is in flight; or when
        neither came in time.
        """
        with self._guard:
            patience = self._last + PROGRESS_SECONDS * self.pace.factor
            while time.monotonic() < patience and self._count(FINISHED) < self._ended + PROGRESS:
                if stop.wait(LOOK_SECONDS):
                    return
            patience = time.monotonic() + WORK_SECONDS * self.pace.factor
            while time.monotonic() < patience and not self._count(IN_FLIGHT):
                if stop.wait(LOOK_SECONDS):
                    return
            self._ended, self._last = self._count(FINISHED), time.monotonic()

    def _count(self, phases: frozenset[str]) -> int:
        return sum(phase in phases for phase in self._phases())
