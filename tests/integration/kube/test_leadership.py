"""Electors on a real API server: never two at once, always a higher epoch, quick hand-over.

The lease is shortened (4 s, deadline 2.5 s, retry 0.5 s) so that every wait is one for a fact.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from assent.errors import LeadershipLost
from assent.execution.leadership import Elector, Term
from sandbox import Sandbox
from tests.integration.kube.conftest import LeaseObject, NewReplica, Replica, relay

PATIENCE_SECONDS = 60.0
GRACEFUL_SECONDS = 3.0
"""Less than the lease: it was handed over, not waited out. A fifth of a second on a calm machine,
which `make failover` measures; here others run beside it."""
CRASH_SECONDS = 4 + 4.0
"""The lease, and the time that a standby needs after it on a busy machine."""
NOTICED_SECONDS = 1.0
"""By when a leader whose time is over has stopped, on a busy machine; nobody else can lead before
1.5 s, the lease less the deadline, are over."""


@dataclass
class Reign:
    """One term as its leader lived it, by the clock that all candidates of the test share."""

    pod: str
    epoch: int
    term: Term
    began: float
    ended: float | None = None


@dataclass
class Realm:
    """All terms of a test."""

    reigns: list[Reign] = field(default_factory=list)

    async def await_reign(self, holds: Callable[[Reign], bool]) -> Reign:
        """Return the first running term of which that is true, once there is one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for reign in self.reigns:
                    if reign.ended is None and holds(reign):
                        return reign
                await asyncio.sleep(0.005)

    @property
    def overlaps(self) -> list[tuple[Reign, Reign]]:
        """Pairs of terms that were led at the same time."""
        ordered = sorted(self.reigns, key=lambda reign: reign.began)
        return [
            (one, two)
            for one, two in pairwise(ordered)
            if one.ended is None or one.ended > two.began
        ]


class Candidate:
    """An elector with a leader that does nothing but remember when it led."""

    def __init__(self, replica: Replica, realm: Realm, *, drain_seconds: float = 0.0) -> None:
        self.pod = replica.settings.pod_name
        self._realm = realm
        self._drain_seconds = drain_seconds
        self.drained_under_valid_term: bool | None = None
        self.elector = Elector(
            replica.kube,
            replica.settings,
            monotonic=time.monotonic,
            utc_now=lambda: datetime.now(UTC),
            highest_epoch_seen=lambda: self.highest_epoch_seen,
            metrics=replica.metrics,
        )
        self.highest_epoch_seen = 0
        self.task: asyncio.Task[None] | None = None

    async def lead(self, term: Term) -> None:
        """Remember the term until cancelled."""
        reign = Reign(self.pod, term.epoch, term, time.monotonic())
        self._realm.reigns.append(reign)
        try:
            await asyncio.Event().wait()
        finally:
            if term.valid(time.monotonic()):
                await asyncio.sleep(self._drain_seconds)
                self.drained_under_valid_term = term.valid(time.monotonic())
            reign.ended = time.monotonic()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Candidate"]:
        """Run it for the length of the block."""
        self.task = asyncio.create_task(self.elector.run(self.lead))
        try:
            yield self
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Ask it to stop gracefully and wait until it has."""
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task


@pytest.fixture
async def realm(lease: LeaseObject) -> Realm:
    """No Lease, no terms yet."""
    assert lease is not None
    return Realm()


async def test_the_first_candidate_leads_at_once_and_the_second_stands_by(
    realm: Realm, new_replica: NewReplica, lease: LeaseObject
) -> None:
    """A fresh installation must not wait for a leader that never was."""
    one, two = Candidate(await new_replica(), realm), Candidate(await new_replica(), realm)
    async with one.running():
        first = await realm.await_reign(lambda _: True)
        async with two.running():
            renewed_from = first.term.deadline_monotonic_seconds
            await _until(lambda: first.term.deadline_monotonic_seconds > renewed_from + 2)
            assert len(realm.reigns) == 1
            assert lease.spec["holderIdentity"] == one.pod
            assert lease.spec["leaseTransitions"] == first.epoch == one.elector.current_epoch() == 1
            assert two.elector.holder == one.pod
            with pytest.raises(LeadershipLost):
                two.elector.current_epoch()


async def test_a_graceful_stop_drains_under_a_valid_term_and_hands_over_quickly(
    realm: Realm, new_replica: NewReplica
) -> None:
    """The work in flight ends under the Lease, and the successor knows that it did."""
    candidates = [
        Candidate(await new_replica(), realm, drain_seconds=3.0),
        Candidate(await new_replica(), realm),
    ]
    one, two = candidates
    async with one.running():
        first = await realm.await_reign(lambda reign: reign.pod == one.pod)
        async with two.running():
            await _until(lambda: two.elector.holder == one.pod)
            await one.stop()
            second = await realm.await_reign(lambda reign: reign.pod == two.pod)
            assert one.drained_under_valid_term, "3 s is past the first deadline: it was renewed"
            assert first.ended is not None
            assert second.began - first.ended <= GRACEFUL_SECONDS
            assert second.term.released_epoch == first.epoch
            assert second.epoch == first.epoch + 1
    assert realm.overlaps == []


@pytest.mark.contract
async def test_a_leader_that_is_cut_off_is_followed_soon_after_its_lease_ran_out(
    realm: Realm, new_replica: NewReplica, box: Sandbox
) -> None:
    """The standby arms a timer on what it saw; and knows that nothing proves a drain."""
    async with relay(box.api_server) as line:
        leader = Candidate(await new_replica(line.url), realm)
        standby = Candidate(await new_replica(), realm)
        async with leader.running():
            first = await realm.await_reign(lambda _: True)
            async with standby.running():
                await _until(lambda: standby.elector.holder == leader.pod)
                cut_at = time.monotonic()
                line.hold()
                second = await realm.await_reign(lambda reign: reign.pod == standby.pod)
        assert second.began - cut_at <= CRASH_SECONDS
        assert first.ended is not None
        assert first.ended <= first.term.deadline_monotonic_seconds + NOTICED_SECONDS
        assert second.term.released_epoch is None
    assert realm.overlaps == []


async def test_an_api_server_that_freezes_past_the_lease_never_makes_two_leaders(
    realm: Realm, new_replica: NewReplica, box: Sandbox
) -> None:
    """The leader stops by its own clock though no answer comes; a new term follows the thaw."""
    one, two = Candidate(await new_replica(), realm), Candidate(await new_replica(), realm)
    async with one.running(), two.running():
        first = await realm.await_reign(lambda _: True)
        await asyncio.to_thread(box.process, "kube-apiserver", "freeze")
        try:
            await _until(lambda: first.ended is not None)
            deadline = first.term.deadline_monotonic_seconds
            assert first.ended is not None
            assert deadline <= first.ended <= deadline + NOTICED_SECONDS
            await asyncio.sleep(deadline + 3 - time.monotonic())  # the fault is the time itself
            assert len(realm.reigns) == 1, "nobody leads while nobody can renew"
        finally:
            await asyncio.to_thread(box.process, "kube-apiserver", "thaw")
        second = await realm.await_reign(lambda reign: reign.epoch > first.epoch)
        assert second.began > deadline
    assert realm.overlaps == []


@pytest.mark.contract
async def test_a_deleted_lease_ends_the_term_and_the_next_epoch_is_higher(
    realm: Realm, new_replica: NewReplica, lease: LeaseObject
) -> None:
    """Deleting the Lease resets its transitions; epochs must not go back with them."""
    one, two = Candidate(await new_replica(), realm), Candidate(await new_replica(), realm)
    async with one.running(), two.running():
        first = await realm.await_reign(lambda _: True)
        # A standby that never saw the Lease could know of its epoch from statuses only.
        await _until(lambda: one.elector.holder == two.elector.holder != "")
        lease.delete()
        second = await realm.await_reign(lambda reign: reign.epoch > first.epoch)
        assert first.ended is not None
        assert second.began - first.ended > 1, "it waited: a leader may not know of the deletion"
        assert lease.spec["leaseTransitions"] == second.epoch == 2
    assert realm.overlaps == []


@pytest.mark.contract
async def test_a_new_installation_begins_above_what_the_statuses_have_seen(
    realm: Realm, new_replica: NewReplica
) -> None:
    """Helm uninstall takes the Lease away, the custom resources stay."""
    one = Candidate(await new_replica(), realm)
    one.highest_epoch_seen = 41
    async with one.running():
        assert (await realm.await_reign(lambda _: True)).epoch == 42


@pytest.mark.contract
async def test_a_lease_that_was_taken_away_is_noticed_at_the_next_renewal(
    realm: Realm, new_replica: NewReplica, lease: LeaseObject
) -> None:
    """An administrator (or a bug) that names another holder deposes the leader."""
    one = Candidate(await new_replica(), realm)
    async with one.running():
        first = await realm.await_reign(lambda _: True)
        lease.give_to("somebody-else", transitions=7)
        await _until(lambda: first.ended is not None)
        second = await realm.await_reign(lambda _: True)
        assert second.epoch == 8


async def test_a_leader_that_fails_releases_the_lease_and_its_error_ends_the_run(
    new_replica: NewReplica, lease: LeaseObject
) -> None:
    """A crash of the work must never leave a Lease that is renewed for nobody."""
    replica = await new_replica()
    candidate = Candidate(replica, Realm())

    async def fail(_: Term) -> None:
        raise RuntimeError("the work broke")

    with pytest.raises(RuntimeError, match="the work broke"):
        await candidate.elector.run(fail)
    assert lease.spec["holderIdentity"] == ""
    assert candidate.elector.term is None


async def test_work_that_does_not_end_when_leadership_is_lost_ends_the_run(
    new_replica: NewReplica, lease: LeaseObject
) -> None:
    """Nothing can stop code that swallows its cancellation but the end of the process."""
    replica = await new_replica()
    candidate = Candidate(replica, Realm())
    leading, release = asyncio.Event(), asyncio.Event()

    async def stubborn(_: Term) -> None:
        leading.set()
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    run = asyncio.create_task(candidate.elector.run(stubborn))
    await leading.wait()
    lease.give_to("somebody-else", transitions=7)
    try:
        with pytest.raises(LeadershipLost, match="end the process"):
            await run
    finally:
        release.set()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - the fact is seen from outside
            await asyncio.sleep(0.005)
