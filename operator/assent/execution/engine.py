"""Carries out claimed proposals: one call at a time, journaled before, verified after.

The order is that of DESIGN.md section 5: intent stored → live look → fence → one call →
classified → verified by what PD shows → outcome stored.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepKind
from assent.core.actions.catalogue import action_of
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.interrupts import may_call
from assent.core.lifecycle.lost import answer_lost
from assent.core.lifecycle.settle import Evidence, settle
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome, DidNot, PdCall, Unknown
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.core.model.snapshot import ClusterSnapshot, PdIdentity
from assent.core.model.verdict import Hold
from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.execution.fencing import permit_call
from assent.execution.journal import Journal
from assent.execution.leadership import Term
from assent.execution.live import read_live
from assent.execution.recovery import Recovery
from assent.kube.client import KubeClient
from assent.observability.metrics import Metrics
from assent.pd.client import Leader, PdClient
from assent.pd.writes import send

LANDING_SECONDS = 5.0
"""How long calls in the air may take to land when the process is asked to stop."""
FENCE_MARGIN_SECONDS = 0.5
FIRST_LOOK_SECONDS = 0.05
SLOWEST_LOOK_SECONDS = 2.0

_log = logging.getLogger(__name__)


class PdOf(Protocol):
    """How the executor reaches the PD of a cluster; the controllers' watchers implement it."""

    async def client(self, cluster: Cluster) -> PdClient:
        """Return the client for the cluster's PD."""
        ...

    async def snapshot(
        self, cluster: Cluster, wanted: Wanted, newer_than: datetime
    ) -> ClusterSnapshot:
        """Return a snapshot taken after that instant; raise Retryable when PD cannot be read."""
        ...


@dataclass
class _Flight:
    """One proposal in the air."""

    task: asyncio.Task[None]
    nudge: asyncio.Event
    calling: bool = False
    """True from the last look before a call until its answer was classified."""


class Executor:
    """Runs claimed proposals while a term lasts; every one of them in a task of its own."""

    def __init__(
        self,
        *,
        kube: KubeClient,
        pd: PdOf,
        journal: Journal,
        recovery: Recovery,
        metrics: Metrics,
        halts: Callable[[], tuple[HaltOrder, ...]],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        """Take the parts; ``halts`` are those that this process's own watch knows of."""
        self._halts = halts
        self.journal = journal
        self._kube = kube
        self._pd = pd
        self._recovery = recovery
        self._metrics = metrics
        self._now = now
        self._monotonic = monotonic
        self._flights: dict[str, _Flight] = {}
        self._unsure: dict[str, Decision] = {}
        """Claims of this term whose write was not answered: stored or not, nothing was sent."""
        self._lost: asyncio.Future[None] | None = None

    async def run(self, term: Term) -> None:
        """Keep flights alive until cancelled. While the term lasts, calls in the air may land.

        Raises:
            LeadershipLost: a flight found out that the term is over.
        """
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost = lost
        try:
            await lost
        finally:
            self._lost = None  # from here on nothing takes off, and nothing new is sent
            flights = list(self._flights.values())
            try:
                calling = [flight.task for flight in flights if flight.calling]
                if calling and term.valid(self._monotonic()):
                    await asyncio.wait(calling, timeout=LANDING_SECONDS)
            finally:
                for flight in flights:
                    flight.task.cancel()
                await asyncio.gather(*(flight.task for flight in flights), return_exceptions=True)
                self._flights.clear()
                self._unsure.clear()

    def nudge(self, key: str) -> None:
        """Make a flight look again at once, because its proposal changed."""
        flight = self._flights.get(key)
        if flight is not None:
            flight.nudge.set()

    def flying(self, key: str) -> bool:
        """Whether this process works on the proposal now, so that nobody else may write to it."""
        return key in self._flights

    async def claim(
        self, proposal: Proposal, cluster: Cluster, decision: Decision, term: Term
    ) -> None:
        """Store the intent, then send its call in a flight of its own.

        Raises:
            Retryable: the intent was not stored, so nothing is called.
            OutcomeUnknown: the intent may be stored; ``resume`` knows it again, and that nothing
                was sent for it.
        """
        if decision.call is None:
            raise ValueError("a claim needs a call")
        call = decision.call
        try:
            stored = await self.journal.store(proposal, decision)
        except OutcomeUnknown:
            self._unsure[proposal.meta.key] = decision
            # Until it is read back, another claim on this cluster would find it free.
            stored = await self._reread(proposal)
            if stored.status.execution != decision.status.execution:
                raise
            self._unsure.pop(proposal.meta.key, None)
        self._launch(stored, lambda nudge: self._carry_out(stored, cluster, call, term, nudge))

    def resume(self, proposal: Proposal, cluster: Cluster | None, term: Term) -> None:
        """Take up an open intent that nobody in this process is working on.

        Without a ``cluster`` (it is gone) nobody can look at PD: the intent is claimed, says so,
        and ends as OutcomeUnknown when its time is over.
        """
        if proposal.meta.key in self._flights:
            return
        unsure = self._unsure.pop(proposal.meta.key, None)
        ours = unsure is not None and unsure.status.execution == proposal.status.execution
        call = unsure.call if unsure is not None and ours else None
        if cluster is None:
            self._launch(proposal, lambda _: self._orphaned(proposal, term))
        elif call is not None:
            self._launch(
                proposal, lambda nudge: self._carry_out(proposal, cluster, call, term, nudge)
            )
        else:
            self._launch(proposal, lambda nudge: self._recover(proposal, cluster, term, nudge))

    def _launch(self, proposal: Proposal, body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        lost = self._lost
        if lost is None:
            raise LeadershipLost("no term is running")
        key, nudge = proposal.meta.key, asyncio.Event()
        if key in self._flights:
            raise ValueError(f"{key} is in the air already")

        async def guarded() -> None:
            try:
                await body(nudge)
            except LeadershipLost as error:
                if not lost.done():
                    lost.set_exception(error)
            except AssentError as error:
                # The open intent stands on the object: the next cycle resumes from there.
                self._metrics.execution_errors.labels(reason=error.reason).inc()
                _log.warning(
                    "execution interrupted",
                    extra={"object": key, "reason": error.reason, "detail": error.message},
                )
            except Exception as error:  # a flight's top: counted, logged, resumed as above
                self._metrics.execution_errors.labels(reason=type(error).__name__).inc()
                _log.error("execution broke off", extra={"object": key}, exc_info=error)
            finally:
                self._flights.pop(key, None)

        self._flights[key] = _Flight(asyncio.create_task(guarded()), nudge)

    async def _carry_out(
        self,
        proposal: Proposal,
        cluster: Cluster,
        call: PdCall,
        term: Term,
        nudge: asyncio.Event,
        *,
        earlier: CallOutcome | None = None,
    ) -> None:
        """Send the call and settle it. ``earlier`` is what came of it in an earlier term, None when
        nobody has sent it: only then does a hold prove that nothing was sent.
        """
        pending: PdCall | None = call
        while pending is not None:
            flight = self._flights[proposal.meta.key]
            flight.calling = True
            try:
                outcome = await self._call(proposal, cluster, pending, term)
            finally:
                flight.calling = False
            sent_at: datetime | None = self._now()
            if isinstance(outcome, Hold) and earlier is not None:
                text = f"{earlier.answer}; not sent again: {outcome.message}"
                outcome, sent_at = Unknown(answer=text), None
            earlier = None
            if isinstance(outcome, Hold):
                proposal = await self._withhold(proposal, outcome)
                if proposal.status.phase is not Phase.ROLLING_BACK:
                    return
                await _wait(nudge, SLOWEST_LOOK_SECONDS)
                continue
            if isinstance(outcome, Unknown) and sent_at is not None:
                # At once: the next term must not take it for a call that may be sent again.
                note = partial(answer_lost, outcome=outcome)
                proposal = await self._store_latest(proposal, note)
            proposal, decision = await self._settle(
                proposal, cluster, outcome, nudge, sent_at=sent_at
            )
            pending = decision.call

    async def _withhold(self, proposal: Proposal, hold: Hold) -> Proposal:
        now = self._now()
        if withhold(proposal, hold, now).status == proposal.status:
            return proposal  # it says so already
        return await self._store_latest(proposal, lambda newest: withhold(newest, hold, now))

    async def _call(
        self, proposal: Proposal, cluster: Cluster, call: PdCall, term: Term
    ) -> CallOutcome | Hold:
        """Look live, pass the fence, send once. A Hold means that nothing was sent."""
        client = await self._pd.client(cluster)
        live = await read_live(self._kube, proposal)
        self._still_ours(proposal, live.proposal, term)
        stranger = _stranger(proposal, client.known_leader)
        if stranger is not None:
            return stranger
        undo = self._undoing(proposal)
        halts = (*live.halts, *self._halts())
        hold = may_call(live.proposal, live.cluster, halts, self._now(), undo=undo)
        if hold is not None:
            return hold
        if self._lost is None:
            raise LeadershipLost("this process was asked to stop before the call was sent")
        permit = permit_call(
            term,
            now_monotonic_seconds=self._monotonic(),
            timeout_seconds=client.request_timeout_seconds,
            margin_seconds=FENCE_MARGIN_SECONDS,
        )
        if isinstance(permit, Hold):
            return permit
        try:
            outcome = await send(client, call, permit, monotonic=self._monotonic)
        except asyncio.CancelledError:
            if not term.valid(self._monotonic()):
                self._alert_late(proposal, call, term)
            raise
        if isinstance(outcome, DidNot) and not outcome.sent:
            return Hold(Reason.CLUSTER_NOT_READY, outcome.answer)
        self._metrics.pd_writes.labels(outcome=type(outcome).__name__).inc()
        if not isinstance(outcome, DidNot) and outcome.late:
            self._alert_late(proposal, call, term)
        return outcome

    def _alert_late(self, proposal: Proposal, call: PdCall, term: Term) -> None:
        self._metrics.late_calls.inc()
        _log.error(
            "a call to PD was still in the air at the lease deadline",
            extra={"object": proposal.meta.key, "call": call.line, "epoch": term.epoch},
        )

    def _still_ours(self, proposal: Proposal, live: Proposal, term: Term) -> None:
        execution = live.status.execution
        same = live.meta.uid == proposal.meta.uid and live.status.phase is proposal.status.phase
        if not same or execution is None or execution.epoch != term.epoch:
            raise LeadershipLost(f"{proposal.meta.key} is in other hands: another leader took over")

    def _undoing(self, proposal: Proposal) -> bool:
        execution = proposal.status.execution
        return execution is not None and execution.steps[-1].kind is StepKind.UNDO

    async def _settle(
        self,
        proposal: Proposal,
        cluster: Cluster,
        outcome: CallOutcome,
        nudge: asyncio.Event,
        *,
        sent_at: datetime | None = None,
    ) -> tuple[Proposal, Decision]:
        """Look at PD until the outcome is clear, store it, return what was stored."""
        action, params = action_of(proposal.spec.action)
        wanted = action.wanted(params)
        since, delay = self._now(), FIRST_LOOK_SECONDS
        while True:
            snapshot = await self._look(proposal, cluster, wanted, since)
            evidence = Evidence(outcome, snapshot, self._now(), sent_at)
            decision = settle(proposal, evidence)
            if decision is not None:
                return await self._store_settled(proposal, evidence, decision)
            await _wait(nudge, delay)
            since, delay = self._now(), min(delay * 2, SLOWEST_LOOK_SECONDS)

    async def _store_settled(
        self, proposal: Proposal, evidence: Evidence, first: Decision
    ) -> tuple[Proposal, Decision]:
        decided = first

        def decide(newest: Proposal) -> Decision:
            nonlocal decided
            decided = settle(newest, evidence) or first
            return decided

        stored = await self._store_latest(proposal, decide)
        return stored, decided

    async def _look(
        self, proposal: Proposal, cluster: Cluster, wanted: Wanted, since: datetime
    ) -> ClusterSnapshot | None:
        try:
            snapshot = await self._pd.snapshot(cluster, wanted, since)
        except Retryable:
            return None  # PD cannot be read now: that is a fact to settle by, not an error
        # Another PD behind the endpoints shows nothing of what was done to the one approved.
        own = _stranger(proposal, snapshot.pd) is None
        return snapshot if snapshot.prepared and own else None

    async def _store_latest(
        self, proposal: Proposal, decide: Callable[[Proposal], Decision]
    ) -> Proposal:
        """Store what ``decide`` says of the newest state that still holds our open intent.

        People may write spec meanwhile (cancel, labels), which moves resourceVersion. The journal
        part is ours: if it is not as we left it, another leader took over.
        """
        current, pause = proposal, 0.0
        while True:
            decision = decide(current)
            try:
                return await self.journal.store(current, decision)
            except (Retryable, OutcomeUnknown) as error:
                await _breathe(error, pause)
            pause = min(SLOWEST_LOOK_SECONDS, pause * 2 or FIRST_LOOK_SECONDS)
            current = await self._reread(proposal)
            if current.status == decision.status:
                return current  # the answer was lost, the write was not
            if current.status.execution != proposal.status.execution:
                raise LeadershipLost(f"the journal of {proposal.meta.key} is in other hands")

    async def _reread(self, proposal: Proposal) -> Proposal:
        """Read it as often as it takes: what is known of the call is known only here."""
        pause = FIRST_LOOK_SECONDS
        while True:
            try:
                return await self._recovery.reread(proposal)
            except Retryable as error:
                await _breathe(error, pause)
                pause = min(SLOWEST_LOOK_SECONDS, pause * 2)

    async def _orphaned(self, proposal: Proposal, term: Term) -> None:
        """Own an open intent whose TiKVCluster is gone, and say what it waits for."""
        taken = await self._recovery.take_over(proposal, None, term)
        if taken.outcome is not None:
            await self._store_latest(taken.proposal, self._recovery.orphan_note)

    async def _recover(
        self, proposal: Proposal, cluster: Cluster, term: Term, nudge: asyncio.Event
    ) -> None:
        """Classify an open intent of an earlier term and go on from there."""
        action, params = action_of(proposal.spec.action)
        wanted = action.wanted(params)
        snapshot = await self._pd.snapshot(cluster, wanted, self._now())
        if (stranger := _stranger(proposal, snapshot.pd)) is not None:
            raise Retryable(stranger.reason, stranger.message)
        if not snapshot.prepared:
            raise Retryable("PDNotReady", "PD does not know its schedulers yet")
        taken = await self._recovery.take_over(proposal, snapshot, term)
        if taken.call is not None:
            await self._carry_out(
                taken.proposal, cluster, taken.call, term, nudge, earlier=taken.outcome
            )
            return
        if taken.outcome is None:
            return
        stored, decision = await self._settle(taken.proposal, cluster, taken.outcome, nudge)
        if decision.call is not None:
            await self._carry_out(stored, cluster, decision.call, term, nudge)


def _stranger(proposal: Proposal, pd: Leader | PdIdentity | None) -> Hold | None:
    """Return why that PD is not the one that was approved, None when it is or none is known."""
    target = proposal.status.target
    if pd is None or target is None or str(pd.cluster_id) == target.cluster_id:
        return None
    return Hold(
        Reason.CLUSTER_NOT_READY,
        f"PD cluster {pd.cluster_id} answers now; the approval was for {target.cluster_id}",
    )


async def _breathe(error: AssentError, at_least_seconds: float) -> None:
    stated = error.after_seconds if isinstance(error, Retryable) else 0.5
    await asyncio.sleep(max(stated, at_least_seconds))


async def _wait(nudge: asyncio.Event, seconds: float) -> None:
    nudge.clear()
    try:
        async with asyncio.timeout(seconds):
            await nudge.wait()
    except TimeoutError:
        return
