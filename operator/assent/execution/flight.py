"""One proposal in the air: call, verify, store, next step, until it acts no more."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from assent.api.v1alpha1.actionproposal import StepState
from assent.core.lifecycle.between import go_on
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.progress import begun, open_step
from assent.core.lifecycle.recovery import NO_RECORD
from assent.core.lifecycle.settle import settle
from assent.core.model.call import CallOutcome, PdCall
from assent.core.model.resource import Cluster, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Hold
from assent.core.policy.gates import busy_check
from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.execution.caller import Caller, PdOf, seen
from assent.execution.journal import Journal
from assent.execution.leadership import Term
from assent.execution.record import (
    FIRST_LOOK_SECONDS,
    SLOWEST_LOOK_SECONDS,
    Record,
    breathe,
    wait,
)
from assent.execution.sending import ACTING, Air, Sending, Sent

WAITING_LOOK_SECONDS = 10.0
"""How often PD is looked at while it works on something for hours, or a step waits."""


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
        self._sending = Sending(caller, pd, record, now)
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
        sent = Sent(earlier or NO_RECORD)
        while proposal.status.phase in ACTING:
            if call is not None:
                proposal, call, sent = await self._sending.send(
                    proposal, cluster, call, term, air, earlier
                )
                earlier = None
            elif _has_open_step(proposal):
                proposal, call = await self._settle(proposal, cluster, sent, air)
            else:
                proposal, call = await self._between(proposal, cluster, term, air)

    async def _settle(
        self, proposal: Proposal, cluster: Cluster, sent: Sent, air: Air
    ) -> tuple[Proposal, PdCall | None]:
        """Look at PD until the outcome is clear, store it; return what was stored, and the call.

        Asked to stop before that, it first notes what PD answered: a release of the Lease without
        it would license the next leader to send again what somebody has set back since.
        """
        since, delay = self._now(), FIRST_LOOK_SECONDS
        while True:
            proposal, snapshot = await self._look(proposal, cluster, since, sent, air)
            beside = self._pd.tidb_operator(cluster)
            evidence = Evidence(sent.outcome, snapshot, self._now(), sent.at, beside)
            decision = settle(proposal, evidence)
            if decision is not None:
                look_again = partial(settle, evidence=evidence)
                settled = await self._record.store_judged(proposal, look_again, decision)
                air.landed.set()
                return settled
            step = proposal.status.execution.steps[-1] if proposal.status.execution else None
            waiting = step is not None and step.state is StepState.WAITING
            if waiting:
                delay = WAITING_LOOK_SECONDS
            await wait(air.nudge, delay)
            if waiting:  # for hours, in which a person may cancel it and no write of ours tells
                proposal = await self._record.reread(proposal)
            since, delay = self._now(), min(delay * 2, max(delay, SLOWEST_LOOK_SECONDS))

    async def _look(
        self, proposal: Proposal, cluster: Cluster, since: datetime, sent: Sent, air: Air
    ) -> tuple[Proposal, ClusterSnapshot | None]:
        """Look at PD. Asked to stop meanwhile, note its answer without waiting: PD may hang."""
        looking = asyncio.ensure_future(seen(self._pd, proposal, cluster, since))
        leaving = asyncio.ensure_future(air.leave.wait())
        try:
            await asyncio.wait({looking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done() and not air.landed.is_set():
                proposal = await self._sending.note_and_land(proposal, sent.outcome, air)
            return proposal, await looking
        finally:
            looking.cancel()
            leaving.cancel()

    async def _between(
        self, proposal: Proposal, cluster: Cluster, term: Term, air: Air
    ) -> tuple[Proposal, PdCall | None]:
        """Decide the next step from fresh facts, as often as it takes; return what was stored."""
        delay = FIRST_LOOK_SECONDS
        unsure: list[Decision] = []
        while True:
            since = self._now()
            live, hold = await self._caller.look(proposal, term)
            snapshot = await seen(self._pd, proposal, cluster, since)
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
                if self._caller.stopping():
                    raise LeadershipLost("asked to stop before the next intent was stored")
                # While this one waited for a fact it stood in nobody's way: they go first now.
                busy = busy_check(self._others_acting(newest, cluster)).verdict
                if isinstance(busy, Hold):
                    decision = go_on(newest, replace(view, hold=busy))
            if decision is not None and decision.status != newest.status:
                if decision.call is not None:
                    air.landed.clear()  # a stop waits until what is stored was sent, or withheld
                stored = await self._try_store(newest, decision, unsure, air)
                if stored is not None:
                    if decision.call is not None or _moved(newest, stored):
                        return stored, decision.call
                    proposal = stored
            await wait(air.nudge, delay)
            judging = bool(newest.status.execution and begun(newest.status.execution))
            delay = min(delay * 2, SLOWEST_LOOK_SECONDS if judging else WAITING_LOOK_SECONDS)

    async def _try_store(
        self, newest: Proposal, decision: Decision, unsure: list[Decision], air: Air
    ) -> Proposal | None:
        """Return the stored state, None when it is not stored: decide anew.

        A write that was not answered and reads back as absent may still land: it is noted in
        ``unsure``.
        """
        try:
            return await self._journal.store(newest, decision)
        except OutcomeUnknown as error:
            await breathe(error, FIRST_LOOK_SECONDS)
            found = await self._record.reread(newest)
            if found.status.execution == decision.status.execution:
                return found
            unsure.append(decision)
            air.landed.set()
            return None
        except AssentError as error:
            air.landed.set()
            if not isinstance(error, Retryable):
                raise
            await breathe(error, FIRST_LOOK_SECONDS)
            return None


def _has_open_step(proposal: Proposal) -> bool:
    execution = proposal.status.execution
    return execution is not None and open_step(execution) is not None


def _moved(before: Proposal, after: Proposal) -> bool:
    """Return True when more than words has changed."""
    return (
        after.status.phase is not before.status.phase
        or after.status.execution != before.status.execution
    )
