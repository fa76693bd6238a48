"""Leads while this process holds the Lease, and at no other time.

Own elector, because none of the libraries' is fit (kubernetes.md 2.1). What it guarantees:

- The deadline of a term is the instant *before* the last successful renewal was sent, plus the
  renew deadline, by this process's monotonic clock. Others wait the longer lease duration after
  they last saw a change, so terms do not overlap unless clocks run at rates that differ by the
  ratio of the two.
- A watchdog of its own cancels the leader's work at the deadline, whatever the renewal is
  waiting for. A process that was frozen past the deadline is caught by ``fencing``, which looks
  at the clock right before each call.
- Every term, also of the same process, has a new and higher epoch, stored in the Lease as
  ``leaseTransitions``.
- When the process is asked to stop, renewals go on until the work is drained; then the Lease is
  released, and the release proves to the successor that nothing is still on its way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Final

from assent.api import meta
from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.execution.terms import Sighting, Term, free_at, next_epoch, released_epoch, sight
from assent.kube.client import KubeClient
from assent.kube.errors import Conflict, NotFound
from assent.kube.leases import LeaseClaim, LeaseRecord, Leases
from assent.observability.crash_points import Point, reached
from assent.observability.metrics import Metrics
from assent.settings import Settings

__all__ = ["Elector", "Lead", "Term"]

WATCH_SECONDS: Final = 60
"""How long one watch of the Lease is kept open by a standby."""

Lead = Callable[[Term], Awaitable[None]]

_BREATH_SECONDS: Final = 0.05

_log = logging.getLogger(__name__)


class Elector:
    """Takes the Lease when it is free, runs the leader's work under it, gives it back."""

    def __init__(
        self,
        kube: KubeClient,
        settings: Settings,
        *,
        monotonic: Callable[[], float],
        utc_now: Callable[[], datetime],
        highest_epoch_seen: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        """Make an elector that stands still until ``run``.

        ``highest_epoch_seen`` gives the highest epoch that any status shows, TiKVClusters and
        proposals alike, in a cache that must be complete before ``run`` is called.
        """
        self._leases = Leases(kube, namespace=settings.pod_namespace, name=meta.LEASE_NAME)
        self._identity = settings.pod_name
        self._timing = settings.lease
        self._monotonic = monotonic
        self._utc_now = utc_now
        self._highest_epoch_seen = highest_epoch_seen
        self._metrics = metrics
        self._seen: Sighting | None = None
        self._led_up_to = 0
        self._term: Term | None = None

    @property
    def term(self) -> Term | None:
        """The running term, None while standing by."""
        return self._term

    @property
    def holder(self) -> str:
        """Who holds the Lease as last seen; empty when nobody does."""
        record = self._seen.record if self._seen else None
        return record.holder if record else ""

    def current_epoch(self) -> int:
        """Return the epoch of the running term.

        Raises:
            LeadershipLost: no term is running, or its deadline has passed.
        """
        term = self._term
        if term is None or not term.valid(self._monotonic()):
            raise LeadershipLost("this process does not lead")
        return term.epoch

    async def run(self, lead: Lead) -> None:
        """Stand by and lead, again and again, until cancelled or until ``lead`` ends.

        ``lead`` is cancelled when leadership is lost (``term.ended`` is True then, or its deadline
        has passed: it must write nothing more), and when this call is cancelled (the term is
        still valid then: it should finish what is in flight). Its own end, by return or
        error, ends the run after the Lease was released.

        Raises:
            LeadershipLost: cancelled work did not end before another may lead (lease duration less
            renew deadline). It is still running: the process must end at once.
            Exception: whatever ``lead`` raised.
        """
        while True:
            term, record = await self._acquire()
            self._term = term
            self._metrics.leading.set(1)
            self._metrics.leader_epoch.set(term.epoch)
            self._metrics.leader_changes.labels(event="begun").inc()
            _log.info("leading", extra={"epoch": term.epoch, "holder": term.holder})
            try:
                if not await self._serve(term, record, lead):
                    return
            finally:
                term.end()
                self._term = None
                self._metrics.leading.set(0)
                self._metrics.leader_changes.labels(event="ended").inc()
                _log.info("no longer leading", extra={"epoch": term.epoch})

    # --- standing by

    async def _acquire(self) -> tuple[Term, LeaseRecord]:
        while True:
            try:
                taken = await self._try_once()
                if taken is not None:
                    return taken
                await self._wait_for_change()
            except (Retryable, OutcomeUnknown, NotFound) as error:
                if not isinstance(error, Conflict):
                    _log.warning("the Lease could not be read or taken", extra=_said(error))
                    await asyncio.sleep(self._timing.retry_period_seconds)

    async def _try_once(self) -> tuple[Term, LeaseRecord] | None:
        """Look, and take the Lease if it is free now; None when it is not."""
        request_seconds = self._timing.retry_period_seconds
        # Always on a fresh read: a watch that died silently must not look like a dead leader.
        record = await self._leases.read(timeout_seconds=request_seconds)
        self._note(record)
        if self._seconds_until_free() > 0:
            return None
        epoch = next_epoch(record, self._led_up_to)
        claim = self._claim(epoch, self._identity, new_term=True)
        sent_at = self._monotonic()
        reached(Point.LEASE_FREE)
        if record is None:
            stored = await self._leases.create(claim, timeout_seconds=request_seconds)
        else:
            stored = await self._leases.write(record, claim, timeout_seconds=request_seconds)
        reached(Point.LEASE_TAKEN)
        released = released_epoch(record, led_up_to=self._led_up_to)
        self._note(stored)
        term = Term(
            epoch=epoch,
            holder=self._identity,
            began_monotonic_seconds=self._monotonic(),
            deadline_monotonic_seconds=sent_at + self._timing.renew_deadline_seconds,
            released_epoch=released,
        )
        return term, stored

    async def _wait_for_change(self) -> None:
        """Return when the Lease was released or its time is up, or when a look is due."""
        record = self._seen.record if self._seen else None
        left = self._seconds_until_free()
        if record is None:
            await asyncio.sleep(min(left, self._timing.retry_period_seconds))
            return
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(left) as timer,
                aclosing(self._leases.changes(since=record, for_seconds=WATCH_SECONDS)) as changes,
            ):
                async for changed in changes:
                    self._note(changed)
                    left = self._seconds_until_free()
                    if left <= 0:
                        return
                    timer.reschedule(loop.time() + left)
                await asyncio.sleep(_BREATH_SECONDS)  # a watch that ends at once must not spin

    def _note(self, record: LeaseRecord | None) -> None:
        self._seen = sight(self._seen, record, self._monotonic())
        if record is not None:
            self._led_up_to = max(self._led_up_to, record.transitions)

    def _seconds_until_free(self) -> float:
        self._led_up_to = max(self._led_up_to, self._highest_epoch_seen())
        if self._seen is None:
            return 0.0
        instant = free_at(
            self._seen,
            identity=self._identity,
            duration_seconds=self._timing.duration_seconds,
            led_up_to=self._led_up_to,
        )
        return max(0.0, instant - self._monotonic())

    def _claim(self, epoch: int, holder: str, *, new_term: bool = False) -> LeaseClaim:
        now = self._utc_now()
        return LeaseClaim(
            holder=holder,
            transitions=epoch,
            duration_seconds=self._timing.duration_seconds,
            renewed_at=now,
            acquired_at=now if new_term else None,
        )

    # --- leading

    async def _serve(self, term: Term, record: LeaseRecord, lead: Lead) -> bool:
        """Run ``lead`` under the term; True when leadership was lost and standing by goes on."""
        held = _Held(record)
        work = asyncio.ensure_future(lead(term))
        renewing = asyncio.create_task(self._renew(term, held), name="lease-renewal")
        watchdog = asyncio.create_task(self._watch_deadline(term), name="lease-watchdog")
        guards = (renewing, watchdog)
        try:
            await asyncio.wait({work, *guards}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await self._give_back(term, held, guards)
                await work  # its error is the run's
                return False
            term.end()
            for guard in guards:
                if guard.done() and (error := guard.exception()) is not None:
                    _log.error("the guard of the Lease failed", exc_info=error)
            await self._unwind(work)
            return True
        except asyncio.CancelledError:
            reached(Point.STOP_ASKED)
            # Asked to stop: drain under a Lease that is still renewed, then release it.
            drained = await self._drain(term, work, guards)
            if drained:
                await self._give_back(term, held, guards)
            raise
        finally:
            for task in (*guards, work):
                task.cancel()
            await asyncio.gather(*guards, return_exceptions=True)

    async def _renew(self, term: Term, held: "_Held") -> None:
        """Renew until the term is lost; returns then, raises never but by a mistake of ours."""
        wait_seconds = self._timing.retry_period_seconds
        while True:
            await asyncio.sleep(wait_seconds)
            wait_seconds = self._timing.retry_period_seconds
            sent_at = self._monotonic()
            left = term.deadline_monotonic_seconds - sent_at
            if left <= 0 or term.ended:
                return
            try:
                reached(Point.RENEWAL_DUE)
                with self._metrics.lease_renewal_seconds.time():
                    held.record = await self._leases.write(
                        held.record,
                        self._claim(term.epoch, self._identity),
                        timeout_seconds=min(left, self._timing.renew_deadline_seconds / 2),
                    )
                reached(Point.LEASE_RENEWED)
                term.extend(sent_at + self._timing.renew_deadline_seconds)
            except (Conflict, OutcomeUnknown, NotFound, Retryable) as error:
                _log.warning("the Lease was not renewed", extra=_said(error))
                if not await self._still_ours(term, held, error):
                    term.end()
                    return
                wait_seconds = min(0.2, self._timing.retry_period_seconds)

    async def _still_ours(self, term: Term, held: "_Held", error: AssentError) -> bool:
        """Read back after a renewal that failed; False when the Lease shows another term."""
        if isinstance(error, NotFound):
            return False
        if not isinstance(error, Conflict | OutcomeUnknown):
            return True
        try:
            record = await self._leases.read(timeout_seconds=self._timing.retry_period_seconds)
        except Retryable:
            return True  # not known to be lost; the deadline decides
        if record is None:
            return False
        held.record = record
        return record.holder == self._identity and record.transitions == term.epoch

    async def _watch_deadline(self, term: Term) -> None:
        """Return once the deadline has passed."""
        while True:
            left = term.deadline_monotonic_seconds - self._monotonic()
            if left <= 0 or term.ended:
                return
            await asyncio.sleep(left)

    async def _unwind(self, work: "asyncio.Future[None]") -> None:
        # From the deadline on, this long nobody else may lead.
        seconds = self._timing.duration_seconds - self._timing.renew_deadline_seconds
        work.cancel()
        await asyncio.wait({work}, timeout=seconds)
        if not work.done():
            raise LeadershipLost(
                f"work did not end within {seconds:.1f} s of losing leadership: end the process"
            )
        _say_how_it_ended(work)

    async def _drain(
        self, term: Term, work: "asyncio.Future[None]", guards: tuple["asyncio.Task[None]", ...]
    ) -> bool:
        """Let work finish while the Lease is renewed; False when leadership went first."""
        work.cancel()
        await asyncio.wait({work, *guards}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            _say_how_it_ended(work)
            return True
        term.end()
        await self._unwind(work)
        return False

    async def _give_back(
        self, term: Term, held: "_Held", guards: tuple["asyncio.Task[None]", ...]
    ) -> None:
        """Release the Lease so that the next leader need not wait. Best effort."""
        for task in guards:
            task.cancel()
        await asyncio.gather(*guards, return_exceptions=True)
        if not term.valid(self._monotonic()):
            return
        term.end()
        claim = self._claim(term.epoch, "")
        with suppress(asyncio.CancelledError):
            for _ in range(2):
                try:
                    reached(Point.RELEASE_DUE)
                    await self._leases.write(held.record, claim, timeout_seconds=1.0)
                except Conflict as error:
                    # Our own last renewal may have landed after its answer was cut off.
                    if not await self._still_ours(term, held, error):
                        return
                except (AssentError, TimeoutError) as error:
                    _log.warning("the Lease was not released", extra={"detail": str(error)})
                    return
                else:
                    reached(Point.LEASE_RELEASED)
                    _log.info("the Lease was released", extra={"epoch": term.epoch})
                    return


class _Held:
    """The Lease as we last stored it: what the next renewal must be written over."""

    def __init__(self, record: LeaseRecord) -> None:
        self.record = record


def _said(error: AssentError) -> dict[str, str]:
    return {"reason": error.reason, "detail": error.message}


def _say_how_it_ended(work: "asyncio.Future[None]") -> None:
    if not work.cancelled() and (error := work.exception()) is not None:
        _log.warning("cancelled work ended with an error", exc_info=error)
