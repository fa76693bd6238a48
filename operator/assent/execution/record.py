"""Storing what became of a call, for as long as it takes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from assent.core.lifecycle.decision import Decision
from assent.core.model.call import PdCall
from assent.core.model.resource import Proposal
from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.execution.journal import Journal
from assent.execution.recovery import Recovery

FIRST_LOOK_SECONDS = 0.05
SLOWEST_LOOK_SECONDS = 2.0


class Record:
    """Writes decisions over the newest state that still holds our open intent."""

    def __init__(self, journal: Journal, recovery: Recovery) -> None:
        self._journal = journal
        self._recovery = recovery

    async def store_latest(
        self, proposal: Proposal, decide: Callable[[Proposal], Decision]
    ) -> Proposal:
        """Store what ``decide`` says of the newest state that still holds our open intent.

        People may write spec meanwhile (cancel, labels), which moves resourceVersion. The journal
        part is ours: if it is not as we left it, another leader took over.

        Raises:
            LeadershipLost: the journal is in other hands; nothing was stored.
            Terminal: the proposal is gone, or made anew; nothing was stored.
        """
        current, pause = proposal, 0.0
        while True:
            decision = decide(current)
            try:
                return await self._journal.store(current, decision)
            except (Retryable, OutcomeUnknown) as error:
                await breathe(error, pause)
            pause = min(SLOWEST_LOOK_SECONDS, pause * 2 or FIRST_LOOK_SECONDS)
            current = await self.reread(proposal)
            if current.status == decision.status:
                return current  # the answer was lost, the write was not
            if current.status.execution != proposal.status.execution:
                raise LeadershipLost(f"the journal of {proposal.meta.key} is in other hands")

    async def store_judged(
        self, proposal: Proposal, judge: Callable[[Proposal], Decision | None], first: Decision
    ) -> tuple[Proposal, PdCall | None]:
        """Store what ``judge`` says of the newest state, ``first`` where it says nothing there;
        return what was stored and its call. Errors as ``store_latest``.
        """
        decided = first

        def decide(newest: Proposal) -> Decision:
            nonlocal decided
            decided = judge(newest) or first
            return decided

        return await self.store_latest(proposal, decide), decided.call

    async def reread(self, proposal: Proposal) -> Proposal:
        """Read it as often as it takes: what is known of the call is known only here."""
        pause = FIRST_LOOK_SECONDS
        while True:
            try:
                return await self._recovery.reread(proposal)
            except Retryable as error:
                await breathe(error, pause)
                pause = min(SLOWEST_LOOK_SECONDS, pause * 2)


async def breathe(error: AssentError, at_least_seconds: float) -> None:
    """Wait as long as the error says, and no shorter than that."""
    stated = error.after_seconds if isinstance(error, Retryable) else 0.5
    await asyncio.sleep(max(stated, at_least_seconds))


async def wait(nudge: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until something about the proposal changed; also while we looked."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await nudge.wait()
    nudge.clear()
