"""Waiting for a fact instead of for a while."""

import time
from collections.abc import Callable


def until(fact: Callable[[], bool], *, what: str, within_seconds: float = 30.0) -> None:
    """Return once ``fact`` is true; fail the test when it does not become true in time."""
    give_up_at = time.monotonic() + within_seconds
    while not fact():
        assert time.monotonic() < give_up_at, f"{what} did not happen in {within_seconds} s"
        time.sleep(0.05)
