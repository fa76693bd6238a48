"""Waiting for facts, with a deadline and a sentence for when they do not come."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sandbox.errors import SandboxError

Fact = TypeVar("Fact")

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.2


class WaitTimeoutError(SandboxError, TimeoutError):
    """What was waited for did not come in time."""


def wait_for(probe: Callable[[], Fact | None], *, timeout_seconds: float, what: str) -> Fact:
    """The first true value that `probe` returns, asked again and again.

    Raises:
        WaitTimeoutError: none came within `timeout_seconds`; the message says `what` was awaited
            and what the last answer was.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while not (found := probe()):
        if time.monotonic() >= deadline:
            raise _late(what, timeout_seconds, found)
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return found


async def wait_until(
    probe: Callable[[], Awaitable[Fact | None]], *, timeout_seconds: float, what: str
) -> Fact:
    """As `wait_for`, for a probe that is awaited."""
    deadline = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while not (found := await probe()):
        if time.monotonic() >= deadline:
            raise _late(what, timeout_seconds, found)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return found


def _late(what: str, timeout_seconds: float, last: object) -> WaitTimeoutError:
    return WaitTimeoutError(
        f"After {timeout_seconds:g} s there is still no {what} (last answer: {last!r})."
    )
