"""A level-triggered work queue: one key is in work once at a time, and never forgotten.

The rules are those of client-go's workqueue: a key added while it waits is one key; a key added
while it is in work is worked on again afterwards; failures back off exponentially by key.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from assent.errors import LeadershipLost, Retryable
from assent.observability.crash_points import Point, reached

K = TypeVar("K")

FIRST_BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 60.0


def backoff_seconds(failures: int) -> float:
    """Return the delay after that many failures in a row (1 or more): doubling up to a minute."""
    return float(min(FIRST_BACKOFF_SECONDS * 2.0 ** (failures - 1), LONGEST_BACKOFF_SECONDS))


class WorkQueue(Generic[K]):
    """Keys to look at, now or at a later time of the event loop's clock."""

    def __init__(self, on_error: Callable[[K, Exception], None]) -> None:
        self._on_error = on_error
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._later: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._tick = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Keys that wait to be worked on now; later ones are not counted."""
        return self._ready.qsize()

    def add(self, key: K) -> None:
        """Have the key worked on as soon as a worker is free."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: K, delay_seconds: float) -> None:
        """Have the key worked on in that many seconds; the earliest of several times counts."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, delay_seconds)
        if self._due.get(key, float("inf")) <= at:
            return
        self._due[key] = at
        heapq.heappush(self._later, (at, next(self._tick), key))
        self._arm(loop)

    def forget(self, key: K) -> None:
        """Drop what is remembered of a key whose object is gone."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    async def run(self, work: Callable[[K], Awaitable[None]], *, workers: int) -> None:
        """Work on keys until cancelled.

        ``work`` may raise: Retryable sets its own delay, every other error backs off and is told
        to ``on_error``. LeadershipLost ends the run and is raised.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._worker(work))

    async def _worker(self, work: Callable[[K], Awaitable[None]]) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._working.add(key)
            try:
                reached(Point.KEY_TAKEN)
                await work(key)
                reached(Point.KEY_DONE)
            except LeadershipLost:
                raise
            except Retryable as error:
                self._on_error(key, error)
                self._retry(key, at_least_seconds=error.after_seconds)
            except Exception as error:  # the loop's top: counted, logged with its key, retried
                self._on_error(key, error)
                self._retry(key, at_least_seconds=0.0)
            else:
                self._failures.pop(key, None)
            finally:
                self._working.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    def _retry(self, key: K, *, at_least_seconds: float) -> None:
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        self.add_after(key, max(at_least_seconds, backoff_seconds(failures)))

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._later[0][0], self._release) if self._later else None

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        while self._later and self._later[0][0] <= loop.time():
            at, _, key = heapq.heappop(self._later)
            if self._due.get(key) == at:
                del self._due[key]
                self.add(key)
        self._timer = None
        self._arm(loop)
