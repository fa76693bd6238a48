"""One proposal in the air: call, verify, store, next step, until it acts no more."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.core.lifecycle.between import go_on
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.lost import answer_lost
from assent.core.lifecycle.progress import begun, open_step
from assent.core.lifecycle.recovery import NO_RECORD, may_repeat
from assent.core.lifecycle.settle import reconsider_undo, settle
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome, DidNot, PdCall, Unknown
from assent.core.model.resource import Cluster, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Hold
from assent.core.policy.gates import busy_check
from assent.core.policy.other_controllers import wanted_for
from assent.errors import OutcomeUnknown, Retryable
from assent.execution.caller import LOOK_FAILED, Caller, PdOf, stranger
from assent.execution.fencing import LEASE_ENDING
from assent.execution.journal import Journal
from assent.execution.leadership import Term
from assent.execution.record import (
    FIRST_LOOK_SECONDS,
    SLOWEST_LOOK_SECONDS,
    Record,
    breathe,
    wait,
)

WAITING_LOOK_SECONDS = 10.0
"""How often PD is looked at while it works on something for hours, or a step waits."""

PD_UNREAD = Hold(
    Reason.CLUSTER_NOT_READY, "PD cannot be read, and an undo without a look could overwrite others"
)

_ACTING = (Phase.EXECUTING, Phase.ROLLING_BACK)


@dataclass
class Air:
    """Where one flight is, for those who wait for it to land."""

    nudge: asyncio.Event
    calling: bool = False
    """True from the last look before a call until its answer was classified."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known of the open step's call."""

    outcome: CallOutcome
    at: datetime | None = None
    """When this process sent it; None when an earlier one did."""


class Pilot:
    """Carries proposals on. Holds nothing of any of them between two calls of its methods."""

    def __init__(
        self,
        *,
        caller: Caller,
        pd: PdOf,
        journal: Journal,
        record: Record,
        others_acting: Callable[[Proposal, Cluster], tuple[str, ...]],
        now: Callable[[], datetime],
    ) -> None:
        self._caller = caller
        self._pd = pd
        self._journal = journal
        self._record = record
        self._others_acting = others_acting
        self._now = now

    async def carry_on(
        self,
        proposal: Proposal,
        cluster: Cluster,
        term: Term,
        air: Air,
        *,
        call: PdCall | None = None,
        earlier: CallOutcome | None = None,
    ) -> None:
        """Return once the proposal no longer acts, in whatever way.

        Args:
            proposal: as just stored, with its open intent or between two steps.
            cluster: its TiKVCluster.
            term: the term in which all of it happens.
            air: told of every call in the air.
            call: the call of the open intent, to be sent; None when it was sent before, or when
                no step is open.
            earlier: what came of the open intent's call in an earlier term, None when nobody has
                sent it: only then does a hold prove that nothing was sent.

        Raises:
            LeadershipLost, Retryable: the open intent stands on the object; the next cycle
                resumes from there.
        """
        sent = _Sent(earlier or NO_RECORD)
        while proposal.status.phase in _ACTING:
            if call is not None:
                proposal, call, sent = await self._send(proposal, cluster, call, term, air, earlier)
                earlier = None
            elif _has_open_step(proposal):
                proposal, call = await self._settle(proposal, cluster, sent, air.nudge)
            else:
                proposal, call = await self._between(proposal, cluster, term, air.nudge)

    async def _send(
        self,
        proposal: Proposal,
        cluster: Cluster,
        call: PdCall,
        term: Term,
        air: Air,
        earlier: CallOutcome | None,
    ) -> tuple[Proposal, PdCall | None, _Sent]:
        """Send the call; return the proposal, the call if it is still to be sent, what is known."""
        air.calling = True
        try:
            outcome = await self._caller.call(proposal, cluster, call, term)
            while earlier is not None and _passes(outcome, proposal, self._now()):
                # Only the moment stood against the repeat. What licensed it may be otherwise now.
                await asyncio.sleep(FIRST_LOOK_SECONDS)
                snapshot = await self.look(proposal, cluster, self._now())
                if snapshot is None or not may_repeat(proposal, snapshot, self._now()):
                    break
                outcome = await self._caller.call(proposal, cluster, call, term)
        finally:
            air.calling = False
        sent_at: datetime | None = self._now()
        if isinstance(outcome, Hold) and earlier is not None:
            text = f"{earlier.answer}; not sent again: {outcome.message}"
            outcome, sent_at = Unknown(answer=text), None
        if isinstance(outcome, Hold):
            proposal = await self._withhold(proposal, outcome)
            if proposal.status.phase in _ACTING:
                await wait(air.nudge, SLOWEST_LOOK_SECONDS)
            if proposal.status.phase is not Phase.ROLLING_BACK:
                return proposal, None, _Sent(NO_RECORD)
            again = await self._reconsider(proposal, cluster, call, term, air.nudge)
            return *again, _Sent(NO_RECORD)
        if isinstance(outcome, Unknown) and sent_at is not None:
            # At once: the next term must not take it for a call that may be sent again.
            note = partial(answer_lost, outcome=outcome)
            proposal = await self._record.store_latest(proposal, note)
        return proposal, None, _Sent(outcome, sent_at)

    async def _reconsider(
        self,
        proposal: Proposal,
        cluster: Cluster,
        call: PdCall,
        term: Term,
        nudge: asyncio.Event,
    ) -> tuple[Proposal, PdCall | None]:
        """Look at PD again before an undo that had to wait: what somebody set meanwhile stays."""
        while (snapshot := await self.look(proposal, cluster, self._now())) is None:
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
        return await self._store_settled(proposal, look_again, decision)

    async def _withhold(self, proposal: Proposal, hold: Hold) -> Proposal:
        now = self._now()
        if withhold(proposal, hold, now).status == proposal.status:
            return proposal  # it says so already
        return await self._record.store_latest(proposal, lambda newest: withhold(newest, hold, now))

    async def _settle(
        self, proposal: Proposal, cluster: Cluster, sent: _Sent, nudge: asyncio.Event
    ) -> tuple[Proposal, PdCall | None]:
        """Look at PD until the outcome is clear, store it; return what was stored, and the call."""
        since, delay = self._now(), FIRST_LOOK_SECONDS
        while True:
            snapshot = await self.look(proposal, cluster, since)
            beside = self._pd.tidb_operator(cluster)
            evidence = Evidence(sent.outcome, snapshot, self._now(), sent.at, beside)
            decision = settle(proposal, evidence)
            if decision is not None:
                look_again = partial(settle, evidence=evidence)
                return await self._store_settled(proposal, look_again, decision)
            step = proposal.status.execution.steps[-1] if proposal.status.execution else None
            if step is not None and step.state is StepState.WAITING:
                delay = WAITING_LOOK_SECONDS
            await wait(nudge, delay)
            since, delay = self._now(), min(delay * 2, max(delay, SLOWEST_LOOK_SECONDS))

    async def _store_settled(
        self, proposal: Proposal, judge: Callable[[Proposal], Decision | None], first: Decision
    ) -> tuple[Proposal, PdCall | None]:
        decided = first

        def decide(newest: Proposal) -> Decision:
            nonlocal decided
            decided = judge(newest) or first
            return decided

        stored = await self._record.store_latest(proposal, decide)
        return stored, decided.call

    async def _between(
        self, proposal: Proposal, cluster: Cluster, term: Term, nudge: asyncio.Event
    ) -> tuple[Proposal, PdCall | None]:
        """Decide the next step from fresh facts, as often as it takes; return what was stored."""
        delay = FIRST_LOOK_SECONDS
        unsure: list[Decision] = []
        while True:
            since = self._now()
            live, hold = await self._caller.look(proposal, term)
            snapshot = await self.look(proposal, cluster, since)
            newest = await self._record.reread(proposal)
            for landed in unsure:  # late, but certainly before anything was sent for it
                if landed.call is not None and landed.status.execution == newest.status.execution:
                    return newest, landed.call
            policy = (live.cluster or cluster).spec.policy
            sender = Sender(term.epoch, term.holder)
            beside = self._pd.tidb_operator(cluster)
            view = Now(snapshot, self._now(), sender, policy, hold, beside)
            decision = go_on(newest, view)
            if decision is not None and decision.call is not None:
                # While this one waited for a fact it stood in nobody's way: they go first now.
                busy = busy_check(self._others_acting(newest, cluster)).verdict
                if isinstance(busy, Hold):
                    decision = go_on(newest, replace(view, hold=busy))
            if decision is not None and decision.status != newest.status:
                stored = await self._try_store(newest, decision, unsure)
                if stored is not None:
                    if decision.call is not None or _moved(newest, stored):
                        return stored, decision.call
                    proposal = stored
            await wait(nudge, delay)
            judging = bool(newest.status.execution and begun(newest.status.execution))
            delay = min(delay * 2, SLOWEST_LOOK_SECONDS if judging else WAITING_LOOK_SECONDS)

    async def _try_store(
        self, newest: Proposal, decision: Decision, unsure: list[Decision]
    ) -> Proposal | None:
        """Return the stored state, None when it is not stored: decide anew.

        A write that was not answered and reads back as absent may still land: it is noted in
        ``unsure``.
        """
        try:
            return await self._journal.store(newest, decision)
        except Retryable as error:
            await breathe(error, FIRST_LOOK_SECONDS)
            return None
        except OutcomeUnknown as error:
            await breathe(error, FIRST_LOOK_SECONDS)
            found = await self._record.reread(newest)
            if found.status.execution == decision.status.execution:
                return found
            unsure.append(decision)
            return None

    async def look(
        self, proposal: Proposal, cluster: Cluster, since: datetime
    ) -> ClusterSnapshot | None:
        """Return PD as it is since then; None while it cannot be read, is not prepared, or is
        another PD than the one approved: that is a fact to settle by, not an error.
        """
        try:
            snapshot = await self._pd.snapshot(cluster, wanted_for(proposal.spec.action), since)
        except Retryable:
            return None
        # Another PD behind the endpoints shows nothing of what was done to the one approved.
        own = stranger(proposal, snapshot.pd) is None
        return snapshot if snapshot.prepared and own else None


def _passes(outcome: CallOutcome | Hold, proposal: Proposal, now: datetime) -> bool:
    """Return True for a hold that may end by itself while the effect may still come in time."""
    held = isinstance(outcome, Hold) and outcome.reason in (LEASE_ENDING, LOOK_FAILED)
    execution = proposal.status.execution
    return held and execution is not None and now < execution.steps[-1].verify_by


def _has_open_step(proposal: Proposal) -> bool:
    execution = proposal.status.execution
    return execution is not None and open_step(execution) is not None


def _moved(before: Proposal, after: Proposal) -> bool:
    """Return True when more than words has changed."""
    return (
        after.status.phase is not before.status.phase
        or after.status.execution != before.status.execution
    )
