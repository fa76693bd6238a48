"""Carries out claimed proposals: one call at a time, journaled before, verified after.

The order is that of DESIGN.md section 5: intent stored → live look → fence → one call →
classified → verified by what PD shows → outcome stored.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from assent.core.actions.catalogue import action_of
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.progress import open_step
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.execution.caller import Caller, PdOf, stranger
from assent.execution.flight import Pilot
from assent.execution.journal import Journal
from assent.execution.leadership import Term
from assent.execution.record import Record
from assent.execution.recovery import Recovery
from assent.execution.sending import Air
from assent.kube.client import KubeClient
from assent.observability.crash_points import Point, reached
from assent.observability.metrics import Metrics

LANDING_SECONDS = 5.0
"""How long calls in the air may take to land when the process is asked to stop."""
SETTLING_SECONDS = 0.5
"""How long those that have landed may take to see their effect and store it: most do at once, and
for the others the next leader does, to whom every moment of it is one without a leader."""
UNREADABLE_GRACE = timedelta(minutes=1)
"""How long past its time an open step that was taken over waits for a PD that cannot be read."""

_log = logging.getLogger(__name__)


@dataclass
class _Flight:
    """One proposal in the air."""

    task: asyncio.Task[None]
    air: Air


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
        gate_installed: Callable[[], bool],
        others_acting: Callable[[Proposal, Cluster], tuple[str, ...]],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        """Take the parts; ``halts`` are those that this process's own watch knows of, and
        ``gate_installed`` says whether its last test found the approval gate as shipped, and
        ``others_acting`` names the other proposals in flight on a TiKVCluster.
        """
        self.journal = journal
        self._pd = pd
        self._recovery = recovery
        self._metrics = metrics
        self._now = now
        self._monotonic = monotonic
        caller = Caller(
            kube=kube,
            pd=pd,
            metrics=metrics,
            announce=journal.announce,
            halts=halts,
            gate_installed=gate_installed,
            stopping=lambda: self._lost is None,
            now=now,
            monotonic=monotonic,
        )
        self._record = Record(journal, recovery)
        self._pilot = Pilot(
            caller=caller,
            pd=pd,
            journal=journal,
            record=self._record,
            others_acting=others_acting,
            now=now,
        )
        self._flights: dict[str, _Flight] = {}
        self._unsure: dict[str, Decision] = {}
        """Claims of this term whose write was not answered: stored or not, nothing was sent."""
        self._unrecorded: set[str] = set()
        """Proposals with a call of this term that is not on record as sent, because the flight
        that sent it has ended without."""
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
                calling = [flight for flight in flights if not flight.air.landed.is_set()]
                if calling and term.valid(self._monotonic()):
                    for flight in calling:
                        flight.air.leave.set()  # those that look at PD note its answer first
                        flight.air.nudge.set()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LANDING_SECONDS):
                            for flight in calling:
                                await flight.air.landed.wait()
                    tasks = [flight.task for flight in calling]
                    await asyncio.wait(tasks, timeout=SETTLING_SECONDS)
            finally:
                in_air = [item for item in self._flights.values() if not item.air.landed.is_set()]
                if in_air or self._unrecorded - self._flights.keys():
                    # A release of the Lease would tell the next leader that nothing is in the air.
                    term.end()
                for flight in flights:
                    flight.task.cancel()
                await asyncio.gather(*(flight.task for flight in flights), return_exceptions=True)
                self._flights.clear()
                self._unsure.clear()
                self._unrecorded.clear()

    def nudge(self, key: str) -> None:
        """Make a flight look again at once, because its proposal changed."""
        flight = self._flights.get(key)
        if flight is not None:
            flight.air.nudge.set()

    def flying(self, key: str) -> bool:
        """Whether this process works on the proposal now, so that nobody else may write to it."""
        return key in self._flights

    async def claim(
        self, proposal: Proposal, cluster: Cluster, decision: Decision, term: Term
    ) -> None:
        """Store the intent, then send its call in a flight of its own.

        Raises:
            Retryable: the intent was not stored, so nothing is called.
            LeadershipLost: no term is running any more; nothing was stored.
            OutcomeUnknown: the intent may be stored; ``resume`` knows it again, and that nothing
                was sent for it.
        """
        if decision.call is None:
            raise ValueError("a claim needs a call")
        if self._lost is None:
            raise LeadershipLost("no term is running")
        call, stored = decision.call, asyncio.get_running_loop().create_future()
        stored.add_done_callback(_heard)

        async def body(air: Air) -> None:
            air.landed.clear()  # a stop waits until what is stored was sent, or withheld
            try:
                ours = await self._store_claim(proposal, decision)
            except AssentError as error:
                air.landed.set()
                stored.set_exception(error)
                return
            except BaseException:
                stored.set_exception(LeadershipLost("ended while a claim was being stored"))
                raise
            stored.set_result(None)
            await self._pilot.carry_on(ours, cluster, term, air, call=call)

        self._launch(proposal, body)
        await asyncio.shield(stored)

    async def _store_claim(self, proposal: Proposal, decision: Decision) -> Proposal:
        try:
            return await self.journal.store(proposal, decision)
        except OutcomeUnknown:
            self._unsure[proposal.meta.key] = decision
            # Until it is read back, another claim on this cluster would find it free.
            stored = await self._record.reread(proposal)
            if stored.status.execution != decision.status.execution:
                raise
            self._unsure.pop(proposal.meta.key, None)
            self._announce(stored, decision)
            return stored

    def _announce(self, proposal: Proposal, decision: Decision) -> None:
        """Post what the journal did not, because it never heard that the claim was stored."""
        for notice in decision.notices:
            self.journal.announce(proposal, notice)

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
        if unsure is not None and ours:
            self._announce(proposal, unsure)
        pilot = self._pilot
        if cluster is None:
            self._launch(proposal, lambda _: self._orphaned(proposal, term))
        elif call is not None:
            self._launch(
                proposal, lambda air: pilot.carry_on(proposal, cluster, term, air, call=call)
            )
        else:
            self._launch(proposal, lambda air: self._recover(proposal, cluster, term, air))

    def _launch(self, proposal: Proposal, body: Callable[[Air], Awaitable[None]]) -> None:
        lost = self._lost
        if lost is None:
            raise LeadershipLost("no term is running")
        key, air = proposal.meta.key, Air()
        if key in self._flights:
            raise ValueError(f"{key} is in the air already")
        if key in self._unrecorded:
            air.landed.clear()

        async def guarded() -> None:
            try:
                reached(Point.FLIGHT_BEGUN)
                await body(air)
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
                reached(Point.FLIGHT_ENDED)
                if air.landed.is_set():
                    self._unrecorded.discard(key)
                else:
                    self._unrecorded.add(key)
                    air.landed.set()  # it is over: nobody is to wait for it
                self._flights.pop(key, None)

        self._flights[key] = _Flight(asyncio.create_task(guarded()), air)
        reached(Point.FLIGHT_LAUNCHED)

    async def _orphaned(self, proposal: Proposal, term: Term) -> None:
        """Own an open intent whose TiKVCluster is gone, and say what it waits for."""
        taken = await self._recovery.take_over(proposal, None, term)
        if taken.outcome is not None:
            await self._record.store_latest(taken.proposal, self._recovery.orphan_note)

    async def _recover(self, proposal: Proposal, cluster: Cluster, term: Term, air: Air) -> None:
        """Classify an open intent of an earlier term and go on from there."""
        reached(Point.RECOVERY_BEGUN)
        snapshot = await self._look_back(proposal, cluster)
        reached(Point.RECOVERY_READ)
        taken = await self._recovery.take_over(proposal, snapshot, term)
        if taken.call is None and taken.outcome is None:
            air.landed.set()
            return
        await self._pilot.carry_on(
            taken.proposal, cluster, term, air, call=taken.call, earlier=taken.outcome
        )

    async def _look_back(self, proposal: Proposal, cluster: Cluster) -> ClusterSnapshot | None:
        """Return PD as it is now; None where it is not to be had and nothing waits for it: no step
        is open, or that step's time has been over for so long that a person must look.

        Raises:
            Retryable: PD cannot be read, or is another one, and may yet show what came of it.
        """
        action, params = action_of(proposal.spec.action)
        try:
            snapshot = await self._pd.snapshot(cluster, action.wanted(params), self._now())
            if (foreign := stranger(proposal, snapshot.pd)) is not None:
                raise Retryable(foreign.reason, foreign.message)
            if not snapshot.prepared:
                raise Retryable("PDNotReady", "PD does not know its schedulers yet")
        except Retryable:
            step = open_step(proposal.status.execution) if proposal.status.execution else None
            if step is not None and self._now() < step.verify_by + UNREADABLE_GRACE:
                raise
            return None
        return snapshot


def _heard(stored: "asyncio.Future[None]") -> None:
    """Take note of how a claim ended, also where its worker was cancelled and asks no more."""
    if not stored.cancelled():
        stored.exception()
