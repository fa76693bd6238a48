"""Waiting ends with the fact, or with a sentence that says what did not come."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.waiting import WaitTimeoutError, wait_for, wait_until


def answers(*values: object) -> Callable[[], object]:
    """A probe that gives each value once."""
    left = iter(values)
    return lambda: next(left)


def awaited(probe: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return probe()

    return ask


def test_the_first_fact_is_returned() -> None:
    """Callers use what they waited for."""
    probe = answers(None, [], 0, "here", "later")
    assert wait_for(probe, timeout_seconds=10, what="word") == "here"


async def test_the_same_holds_for_awaited_probes() -> None:
    """The supervisor waits in its event loop."""
    probe = awaited(answers(None, False, 7))
    assert await wait_until(probe, timeout_seconds=10, what="number") == 7


def test_what_did_not_come_is_named() -> None:
    """A time-out without a subject helps nobody."""
    with pytest.raises(WaitTimeoutError, match=r"0 s.*no leader of PD.*last answer: \[\]"):
        wait_for(list, timeout_seconds=0, what="leader of PD")


async def test_a_late_fact_is_a_timeout_error() -> None:
    """So that callers may catch the built-in type."""
    with pytest.raises(TimeoutError):
        await wait_until(awaited(lambda: None), timeout_seconds=0, what="anything")


def test_an_error_of_the_probe_is_not_swallowed() -> None:
    """`it ended` must end the waiting at once."""
    with pytest.raises(StopIteration):
        wait_for(answers(), timeout_seconds=10, what="anything")
