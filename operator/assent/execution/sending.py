"""The call of one open intent: sent, sent again, held, or looked at anew."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.noted import note_answer
from assent.core.lifecycle.recovery import NO_RECORD, may_repeat
from assent.core.lifecycle.settle import reconsider_undo
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome, DidNot, PdCall, Unknown
from assent.core.model.resource import Cluster, Proposal
from assent.core.model.verdict import Hold
from assent.errors import AssentError, LeadershipLost, Retryable
from assent.execution.caller import LOOK_FAILED, STOPPING, Caller, PdOf, seen
from assent.execution.fencing import LEASE_ENDING
from assent.execution.leadership import Term
from assent.execution.record import (
    FIRST_LOOK_SECONDS,
    SLOWEST_LOOK_SECONDS,
    Record,
    breathe,
    wait,
)

ACTING = (Phase.EXECUTING, Phase.ROLLING_BACK)

PD_UNREAD = Hold(LOOK_FAILED, "PD cannot be read, and a call without a look could overwrite others")


@dataclass
class Air:
    """Where one flight is, for those who wait for it to land."""

    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    """Clear from the last look before a call until it is on record that it was sent, by its
    outcome or by a note of its answer; or that it was not."""

    def __post_init__(self) -> None:
        """Nothing is in the air yet."""
        self.landed.set()


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of the open step's call."""

    outcome: CallOutcome
    at: datetime | None = None
    """When this process sent it; None when an earlier one did."""


class Sending:
    """Sends what an intent says, and puts on record what came of the attempt."""

    def __init__(
        self, caller: Caller, pd: PdOf, record: Record, now: Callable[[], datetime]
    ) -> None:
        self._caller = caller
        self._pd = pd
        self._record = record
        self._now = now

    async def send(
        self,
        proposal: Proposal,
        cluster: Cluster,
        call: PdCall,
        term: Term,
        air: Air,
        earlier: CallOutcome | None,
    ) -> tuple[Proposal, PdCall | None, Sent]:
        """Send the call; return the proposal, the call if it is still to be sent, what is known."""
        air.landed.clear()  # until it is on record that it was sent: a release says the opposite
        try:
            send = self._caller.call if earlier is None else self._repeat
            outcome = await send(proposal, cluster, call, term)
        except AssentError:
            air.landed.set()  # nothing was sent
            raise
        if isinstance(outcome, Unknown):
            # At once: the next term must not take it for a call that may be sent again.
            sent = Sent(outcome, self._now())
            return await self.note_and_land(proposal, outcome, air), None, sent
        if not isinstance(outcome, Hold):
            return proposal, None, Sent(outcome, self._now())
        if earlier is not None:
            air.landed.set()  # nothing was sent in this term
            if outcome.reason == STOPPING:
                raise LeadershipLost(outcome.message)  # whether it was sent before, others must see
            text = f"{earlier.answer}; not sent again: {outcome.message}"
            return proposal, None, Sent(Unknown(answer=text))
        proposal = await self._withhold(proposal, outcome)
        air.landed.set()
        if proposal.status.phase in ACTING:
            await wait(air.nudge, SLOWEST_LOOK_SECONDS)
        if proposal.status.phase is not Phase.ROLLING_BACK:
            return proposal, None, Sent(NO_RECORD)
        again = await self._reconsider(proposal, cluster, call, term, air.nudge)
        return *again, Sent(NO_RECORD)

    async def note_and_land(self, proposal: Proposal, outcome: CallOutcome, air: Air) -> Proposal:
        """Put on record that the open step's call was sent; return what was stored.

        Raises:
            LeadershipLost, Terminal: as ``Record.store_latest``; nothing was stored.
        """
        note = partial(note_answer, outcome=outcome)
        proposal = await self._record.store_latest(proposal, note)
        air.landed.set()
        return proposal

    async def _repeat(
        self, proposal: Proposal, cluster: Cluster, call: PdCall, term: Term
    ) -> CallOutcome | Hold:
        """Send a call again, as ``Caller.call``. What licensed it is looked at once more right
        before: PD has no compare-and-swap, and a value set in between would be overwritten.
        """
        while True:
            snapshot = await seen(self._pd, proposal, cluster, self._now())
            if snapshot is not None and not may_repeat(proposal, snapshot, self._now()):
                return Hold(
                    Reason.CHANGED_SINCE, "PD does not show the values from before any more"
                )
            outcome: CallOutcome | Hold = PD_UNREAD
            if snapshot is not None:
                outcome = await self._caller.call(proposal, cluster, call, term)
            if not _passes(outcome, proposal, self._now()):
                return outcome
            await asyncio.sleep(FIRST_LOOK_SECONDS)

    async def _reconsider(
        self,
        proposal: Proposal,
        cluster: Cluster,
        call: PdCall,
        term: Term,
        nudge: asyncio.Event,
    ) -> tuple[Proposal, PdCall | None]:
        """Look at PD again before an undo that had to wait: what somebody set meanwhile stays."""
        while (snapshot := await seen(self._pd, proposal, cluster, self._now())) is None:
            try:
                _, hold = await self._caller.look(proposal, term)
            except Retryable as error:
                await breathe(error, FIRST_LOOK_SECONDS)
                continue
            proposal = await self._withhold(proposal, hold or PD_UNREAD)
            if proposal.status.phase is not Phase.ROLLING_BACK:
                return proposal, None
            await wait(nudge, SLOWEST_LOOK_SECONDS)
        beside = self._pd.tidb_operator(cluster)
        unsent = DidNot("not sent while it had to wait", sent=False)
        evidence = Evidence(unsent, snapshot, self._now(), tidb_operator=beside)
        decision = reconsider_undo(proposal, evidence)
        if decision is None:
            return proposal, call
        look_again = partial(reconsider_undo, evidence=evidence)
        return await self._record.store_judged(proposal, look_again, decision)

    async def _withhold(self, proposal: Proposal, hold: Hold) -> Proposal:
        now = self._now()
        if withhold(proposal, hold, now).status == proposal.status:
            return proposal  # it says so already
        return await self._record.store_latest(proposal, lambda newest: withhold(newest, hold, now))


def _passes(outcome: CallOutcome | Hold, proposal: Proposal, now: datetime) -> bool:
    """Return True for a hold that may end by itself while the effect may still come in time."""
    held = isinstance(outcome, Hold) and outcome.reason in (LEASE_ENDING, LOOK_FAILED)
    execution = proposal.status.execution
    return held and execution is not None and now < execution.steps[-1].verify_by
