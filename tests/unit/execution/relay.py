"""One process stops as SIGTERM does, the next one leads: what the Lease between them says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.execution.rig import Rig

PATIENCE_SECONDS = 30.0


@asynccontextmanager
async def next_leader(op: Rig, folder: Path) -> AsyncIterator[Rig]:
    """Yield the next leader's process; the Lease was released if the term before was left to be."""
    await op.end()
    later = op.successor(folder)
    later.term.released_epoch = None if op.term.ended else op.term.epoch
    await later.lead()
    try:
        yield later
    finally:
        await later.end()


async def taken_over(later: Rig) -> None:
    """Let that process take p1 up, and wait until its journal is in its hands."""
    await later.reconcile("p1")
    await later.until(lambda: later.status("p1")["execution"]["epoch"] == later.term.epoch)


async def stop_at_once(op: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop; whoever waited for something to land would wait for an hour."""
    monkeypatch.setattr("assent.execution.engine.LANDING_SECONDS", 3600.0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await op.stop_flying()


class Slow:
    """An answer of the API server that takes until a test lets it go."""

    def __init__(self) -> None:
        self._asked, self._go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self._asked.set()
        await self._go_on.wait()

    async def asked(self) -> None:
        """Wait until a request has come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._asked.wait()

    async def answers_under_a_stop(self, op: Rig, *workers: "asyncio.Task[object]") -> None:
        """Ask the process to stop, as the group of a leader's tasks does; then let it go."""
        assert op.running is not None
        for task in (*workers, op.running):
            task.cancel()
        await asyncio.sleep(0)
        self._go_on.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*workers, op.running, return_exceptions=True)


def states(op: Rig) -> list[str]:
    """The states of p1's steps."""
    return [step["state"] for step in op.status("p1")["execution"]["steps"]]


def answers(op: Rig) -> list[str | None]:
    """What is on record of PD's answers to p1's steps."""
    return [step.get("answer") for step in op.status("p1")["execution"]["steps"]]
