"""What the bench is doing, for whoever waits for it."""

import contextlib
import time
from collections.abc import Callable, Iterator

from sandbox.errors import SandboxError
from sandbox.toolchain import Reporter

PAUSE_SECONDS = 0.2


class Progress:
    """Numbered steps; each is shown at its beginning, for none of them is short."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[], None]]:
        """A step; call what it gives at least once a second."""
        with self._reporter.step(title) as running:
            yield running.tick

    def wait(self, title: str, reached: Callable[[], bool], timeout_seconds: float) -> None:
        """Wait for a fact.

        Raises:
            SandboxError: it did not come in time.
        """
        deadline = time.monotonic() + timeout_seconds
        with self.step(title) as tick:
            while not reached():
                if time.monotonic() > deadline:
                    raise SandboxError(f"{title}: not within {timeout_seconds:.0f} s.")
                time.sleep(PAUSE_SECONDS)
                tick()
