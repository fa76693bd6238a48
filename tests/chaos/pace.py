"""How fast this machine is at the moment: on one that is busy, faults come more slowly.

Otherwise whatever is struck down is struck again before it stands, and nothing is ever tried.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

RESTART_SECONDS = 6.0
"""What a restart of the API server takes on two idle cores."""
SLOWEST = 6.0
WEIGHT = 0.5
"""Of the newest restart, beside those before it."""


class Pace:
    """Measures restarts of the API server. `factor` is 1 where one takes the usual time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._factor = 1.0

    @property
    def factor(self) -> float:
        """By how much longer everything takes."""
        with self._guard:
            return self._factor

    def took(self, seconds: float) -> None:
        """Take note of how long a restart took."""
        now = min(SLOWEST, max(1.0, seconds / RESTART_SECONDS))
        with self._guard:
            self._factor = WEIGHT * now + (1 - WEIGHT) * self._factor

    @contextmanager
    def restart(self) -> Iterator[None]:
        """Measure one restart."""
        began = time.monotonic()
        yield
        self.took(time.monotonic() - began)
