"""The work queue forgets no key, works a key once at a time and backs off failures."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from assent.controllers.queue import LONGEST_BACKOFF_SECONDS, WorkQueue, backoff_seconds
from assent.errors import LeadershipLost, Retryable


class Recorder:
    """Counts what was worked on and lets a test hold a worker."""

    def __init__(self) -> None:
        self.worked: list[str] = []
        self.errors: list[tuple[str, Exception]] = []
        self.active = 0
        self.most_active = 0
        self.seen = asyncio.Condition()

    def on_error(self, key: str, error: Exception) -> None:
        self.errors.append((key, error))

    async def note(self, key: str) -> None:
        async with self.seen:
            self.worked.append(key)
            self.seen.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.seen:
            await self.seen.wait_for(lambda: len(self.worked) >= count)


async def running(
    queue: WorkQueue[str],
    work: Callable[[str], Awaitable[None]],
    check: Callable[[], Awaitable[None]],
    *,
    workers: int = 2,
) -> None:
    task = asyncio.create_task(queue.run(work, workers=workers))
    try:
        await check()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_key_added_twice_while_waiting_is_worked_once() -> None:
    """Level-triggered: the second event says nothing that the first look will not see."""
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(recorder.on_error)
    queue.add("a")
    queue.add("a")
    queue.add("b")
    await running(queue, recorder.note, lambda: recorder.until(2))
    assert sorted(recorder.worked) == ["a", "b"]


async def test_a_key_added_while_in_work_is_worked_again_and_never_at_the_same_time() -> None:
    """An event that comes in the middle of a look may be missed by that look."""
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(recorder.on_error)

    async def work(key: str) -> None:
        recorder.active += 1
        recorder.most_active = max(recorder.most_active, recorder.active)
        if not recorder.worked:
            queue.add(key)
            queue.add(key)
        await asyncio.sleep(0)
        recorder.active -= 1
        await recorder.note(key)

    queue.add("a")
    await running(queue, work, lambda: recorder.until(2), workers=4)
    assert recorder.worked == ["a", "a"]
    assert recorder.most_active == 1


async def test_a_failing_key_comes_back_and_success_resets_its_backoff() -> None:
    """Nothing is lost by an error, and an old failure does not slow a later one."""
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(recorder.on_error)
    failures = [ValueError("boom"), Retryable("Busy", "later", after_seconds=0.0)]

    async def work(key: str) -> None:
        await recorder.note(key)
        if failures:
            raise failures.pop(0)

    queue.add("a")
    await running(queue, work, lambda: recorder.until(3))
    assert [type(error) for _, error in recorder.errors] == [ValueError, Retryable]
    assert queue._failures == {}


async def test_the_earliest_of_several_times_counts() -> None:
    """A long wait set first must not delay a short one set later."""
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(recorder.on_error)

    async def check() -> None:
        queue.add_after("a", 3600)
        queue.add_after("a", 0.01)
        queue.add_after("a", 1800)
        await recorder.until(1)

    await running(queue, recorder.note, check)
    assert recorder.worked == ["a"]


async def test_leadership_lost_ends_the_whole_run() -> None:
    """No other worker may go on acting after one has learnt that the term is over."""
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(recorder.on_error)

    async def work(key: str) -> None:
        raise LeadershipLost(key)

    queue.add("a")
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(30):
            await queue.run(work, workers=2)
    assert caught.value.subgroup(LeadershipLost) is not None
    assert recorder.errors == []


async def test_a_forgotten_key_is_not_worked_at_its_later_time() -> None:
    """The object is gone: its timers must not bring it back."""
    recorder = Recorder()
    queue: WorkQueue[str] = WorkQueue(recorder.on_error)

    async def check() -> None:
        queue.add_after("gone", 0.01)
        queue.forget("gone")
        queue.add_after("kept", 0.02)
        await recorder.until(1)

    await running(queue, recorder.note, check)
    assert recorder.worked == ["kept"]


def test_backoff_doubles_and_is_capped() -> None:
    """A broken object costs little, and is still looked at every minute."""
    assert [backoff_seconds(n) for n in (1, 2, 3, 4)] == [0.25, 0.5, 1.0, 2.0]
    assert backoff_seconds(50) == LONGEST_BACKOFF_SECONDS
