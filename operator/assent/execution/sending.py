"""The call of one open intent: sent, sent again, held, or looked at anew."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from assent.execution.caller import ASKED_TO_STOP, LOOK_FAILED, STOPPING, Caller, PdOf, seen
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

LOOK_LASTS = timedelta(seconds=10)
"""How old the decision may be by which a call is sent: PD has no compare-and-swap, so what people
set in between would be overwritten without a word."""
TOO_LONG_AGO = Hold(LOOK_FAILED, "storing its intent took so long that PD must be looked at again")
PD_UNREAD = Hold(LOOK_FAILED, "PD cannot be read, and a call without a look could overwrite others")


@dataclass
class Air:
    """Where one flight is, for those who wait for it to land."""

    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process was asked to stop: what is known of a call is noted at once."""
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
        if earlier is None and self._now() - _intended_at(proposal) > LOOK_LASTS:
            # The API server took its time over the intent: what it was decided by may be history.
            if proposal.status.phase is not Phase.ROLLING_BACK:
                proposal = await self._withhold(proposal, TOO_LONG_AGO)
                air.landed.set()
                return proposal, None, Sent(NO_RECORD)
            proposal, due = await self._reconsider(proposal, cluster, call, term, air.nudge)
            if due != call:
                air.landed.set()
                return proposal, due, Sent(NO_RECORD)
        air.landed.clear()  # until it is on record that it was sent: a release says the opposite
        try:
            if earlier is None:
                outcome = await self._caller.call(proposal, cluster, call, term)
            else:
                proposal, outcome = await self._repeat(proposal, cluster, call, term, air.nudge)
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
        """Put on record that the open step's call was sent; return what was stored. A call that PD
        refused did nothing, also when it is sent again: of that nothing needs to be noted.

        Raises:
            LeadershipLost, Terminal: as ``Record.store_latest``; nothing was stored.
        """
        if isinstance(outcome, DidNot):
            air.landed.set()
            return proposal
        note = partial(note_answer, outcome=outcome)
        proposal = await self._record.store_latest(proposal, note)
        air.landed.set()
        return proposal

    async def _repeat(
        self,
        proposal: Proposal,
        cluster: Cluster,
        call: PdCall,
        term: Term,
        nudge: asyncio.Event,
    ) -> tuple[Proposal, CallOutcome | Hold]:
        """Send a call again, as ``Caller.call``. What licensed it is looked at once more right
        before: PD has no compare-and-swap, and a value set in between would be overwritten.
        """
        pause = FIRST_LOOK_SECONDS
        while True:
            if self._caller.stopping():
                return proposal, ASKED_TO_STOP
            snapshot = await seen(self._pd, proposal, cluster, self._now())
            if snapshot is not None and not may_repeat(proposal, snapshot, self._now()):
                text = "PD does not show the values from before any more"
                return proposal, Hold(Reason.CHANGED_SINCE, text)
            outcome: CallOutcome | Hold
            if snapshot is None:
                outcome = await self._hold_without_pd(proposal, term)
            else:
                outcome = await self._caller.call(proposal, cluster, call, term)
            if not isinstance(outcome, Hold) or not _passes(outcome, proposal, self._now()):
                return proposal, outcome
            if proposal.status.phase is Phase.ROLLING_BACK:
                proposal = await self._withhold(proposal, outcome)
            await wait(nudge, pause)
            pause = min(SLOWEST_LOOK_SECONDS, pause * 2)

    async def _hold_without_pd(self, proposal: Proposal, term: Term) -> Hold:
        """Return what a person has said meanwhile, else that PD cannot be read."""
        try:
            _, hold = await self._caller.look(proposal, term)
        except Retryable:
            return PD_UNREAD
        return hold or PD_UNREAD

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


def _passes(hold: Hold, proposal: Proposal, now: datetime) -> bool:
    """Return True for a hold that may end by itself: of an undo any but a person's and the stop's,
    as for its first sending; of another call while the effect may still come in time.
    """
    if proposal.status.phase is Phase.ROLLING_BACK:
        return hold.reason not in (Reason.CANCELLED, STOPPING)
    execution = proposal.status.execution
    in_time = execution is not None and now < execution.steps[-1].verify_by
    return in_time and hold.reason in (LEASE_ENDING, LOOK_FAILED)


def _intended_at(proposal: Proposal) -> datetime:
    """Return when the open step was decided; its decision's look at PD is no younger."""
    execution = proposal.status.execution
    if execution is None or not execution.steps:
        raise ValueError(f"{proposal.meta.key} has no open step")
    return execution.steps[-1].intended_at
