"""The elector under lost answers, conflicts and silence, against a Lease that does what it is told.

Where a time is waited out it is short: lease 1 s, deadline 0.6 s, retry 0.1 s; where it must not
run out it is 30 times that, for a busy machine. What needs the real API server is in
tests/integration.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assent.errors import LeadershipLost
from assent.execution.leadership import Elector, Term
from assent.kube.client import KubeClient
from assent.observability.metrics import Metrics
from assent.settings import LeaseTiming, Settings
from tests.support.certificates import Authority
from tests.unit.execution.lease_server import LeaseServer, hang, lease_server, lose_the_answer

TIMING = LeaseTiming(duration_seconds=1.0, renew_deadline_seconds=0.6, retry_period_seconds=0.1)
LONG = LeaseTiming(duration_seconds=30.0, renew_deadline_seconds=18.0, retry_period_seconds=0.1)
NOTICED_SECONDS = 1.0
"""By when a leader whose time is over has stopped, also where others use the processor."""
PATIENCE_SECONDS = 30.0


class Leader:
    """An elector and the terms it led."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics()
        self.kube = KubeClient(settings, on_request=self.metrics.kube_request)
        self.terms: list[Term] = []
        self.ended: list[float] = []
        self.elector = Elector(
            self.kube,
            settings,
            monotonic=time.monotonic,
            utc_now=lambda: datetime.now(UTC),
            highest_epoch_seen=lambda: 0,
            metrics=self.metrics,
        )

    async def lead(self, term: Term) -> None:
        """Lead until cancelled."""
        self.terms.append(term)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(time.monotonic())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a fact."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 - the fact is seen from outside
                await asyncio.sleep(0.002)

    async def until_renewed(self) -> None:
        """Wait until the running term's deadline has moved."""
        before = self.terms[-1].deadline_monotonic_seconds
        await self.until(lambda: self.terms[-1].deadline_monotonic_seconds > before)


@pytest.fixture
async def server() -> AsyncIterator[LeaseServer]:
    """The server of the one Lease."""
    async with lease_server() as made:
        yield made


@pytest.fixture
def settings(server: LeaseServer, tmp_path: Path) -> Settings:
    """Settings of pod "me"."""
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca").write_bytes(Authority("nobody asked").pem)
    base = Settings.from_environment(
        {
            "ASSENT_API_SERVER": "https://x",
            "ASSENT_CA_FILE": str(tmp_path / "ca"),
            "ASSENT_TOKEN_FILE": str(tmp_path / "token"),
            "POD_NAME": "me",
        }
    )
    return replace(base, api_server=server.url, lease=LONG)


@pytest.fixture
def hasty(settings: Settings) -> Settings:
    """The same, for who waits until the time is over."""
    return replace(settings, lease=TIMING)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Leader]:
    """Run an elector for the length of the block."""
    leader = Leader(settings)
    task = asyncio.create_task(leader.elector.run(leader.lead))
    try:
        yield leader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await leader.kube.aclose()


@pytest.fixture
async def leader(settings: Settings) -> AsyncIterator[Leader]:
    """A leader in its first term."""
    async with running(settings) as found:
        await found.until(lambda: bool(found.terms))
        yield found


@pytest.fixture
async def hasty_leader(hasty: Settings) -> AsyncIterator[Leader]:
    """The same, whose time is over soon."""
    async with running(hasty) as found:
        await found.until(lambda: bool(found.terms))
        yield found


async def test_a_renewal_whose_answer_is_lost_is_read_back_and_the_term_goes_on(
    leader: Leader, server: LeaseServer
) -> None:
    """The renewal is stored under a version we do not know: without reading back we would
    meet a conflict of our own making.
    """
    server.after_storing = lose_the_answer
    await leader.until(lambda: server.requests.count("GET") >= 2)
    server.after_storing = None
    await leader.until_renewed()
    assert len(leader.terms) == 1


async def test_a_renewal_that_was_read_back_does_not_move_the_deadline(
    hasty_leader: Leader, server: LeaseServer
) -> None:
    """Only an answer to our own write says when it was sent; a deadline is never guessed."""
    leader = hasty_leader
    server.after_storing = lose_the_answer
    before = leader.terms[0].deadline_monotonic_seconds
    await leader.until(lambda: bool(leader.ended))
    assert leader.terms[0].deadline_monotonic_seconds <= before + TIMING.retry_period_seconds * 2


async def test_somebody_who_labels_the_lease_does_not_depose_the_leader(
    leader: Leader, server: LeaseServer
) -> None:
    """The version moves, holder and term do not: read again, renew again."""
    await server.annotate()
    await leader.until_renewed()
    assert len(leader.terms) == 1


async def test_renewals_that_hang_end_the_term_at_the_deadline(
    hasty_leader: Leader, server: LeaseServer
) -> None:
    """The watchdog does not wait for the answer that the renewal waits for."""
    leader = hasty_leader
    server.before_storing = hang
    await leader.until(lambda: bool(leader.ended))
    deadline = leader.terms[0].deadline_monotonic_seconds
    assert deadline <= leader.ended[0] < deadline + NOTICED_SECONDS


async def test_the_deadline_counts_from_before_the_renewal_was_sent(
    leader: Leader, server: LeaseServer
) -> None:
    """A slow answer must not make the term longer than others think it is."""

    async def slow(_: object) -> None:
        await asyncio.sleep(0.25)

    server.before_storing = slow
    await leader.until_renewed()
    answered_at = time.monotonic()
    left = leader.terms[0].deadline_monotonic_seconds - answered_at
    assert left <= LONG.renew_deadline_seconds - 0.25 + 0.01


async def test_another_holder_ends_the_term_before_its_deadline(
    leader: Leader, server: LeaseServer
) -> None:
    """Whoever may write the Lease can depose a leader; the next renewal finds out."""
    assert server.lease is not None
    await server.store({**server.lease, "spec": {**server.spec, "holderIdentity": "other"}})
    await leader.until(lambda: bool(leader.ended))
    assert leader.terms[0].ended
    assert leader.ended[0] < leader.terms[0].deadline_monotonic_seconds


async def test_a_lease_taken_with_a_lost_answer_begins_a_term_of_its_own(
    settings: Settings, server: LeaseServer
) -> None:
    """When it was sent is not known any more, so it is taken again, one epoch higher."""
    lost = 0

    async def lose_the_first(request: object) -> None:
        nonlocal lost
        lost += 1
        if lost == 1:
            await lose_the_answer(request)  # type: ignore[arg-type] # it is a web.Request

    server.after_storing = lose_the_first
    async with running(settings) as leader:
        await leader.until(lambda: bool(leader.terms))
        assert leader.terms[0].epoch == 2
        assert leader.terms[0].released_epoch is None


async def test_a_standby_takes_over_though_its_watches_fail(
    hasty: Settings, server: LeaseServer
) -> None:
    """The watch is a help to be quick, the clock is what decides."""
    server.refuse_watches = True
    await server.store(held_by("other", transitions=3))
    began = time.monotonic()
    async with running(hasty) as leader:
        await leader.until(lambda: bool(leader.terms))
        assert leader.terms[0].epoch == 4
        assert time.monotonic() - began >= TIMING.duration_seconds


async def test_a_standby_waits_as_long_as_renewals_come(
    settings: Settings, server: LeaseServer
) -> None:
    """Each change starts the wait anew; it is seen through the watch alone."""
    await server.store(held_by("other", transitions=3))
    timing = replace(TIMING, duration_seconds=2.5)
    async with running(replace(settings, lease=timing)) as leader:
        await leader.until(lambda: "WATCH" in server.requests)
        for beat in range(10):
            await asyncio.sleep(0.3)  # the rhythm of the other holder is the test
            await server.store(held_by("other", transitions=3, beat=beat))
        assert leader.terms == []
        assert server.requests.count("PATCH") == 0
        assert server.requests.count("WATCH") == 1, "one watch lasts"
        assert server.requests.count("GET") == 1, "nobody polls: a timer is armed instead"


async def test_a_standby_takes_a_released_lease_at_once(
    settings: Settings, server: LeaseServer
) -> None:
    """And knows by it that the former leader had drained its work."""
    await server.store(held_by("other", transitions=3))
    async with running(settings) as leader:
        await leader.until(lambda: "WATCH" in server.requests)
        released_at = time.monotonic()
        await server.store(held_by("", transitions=3))
        await leader.until(lambda: bool(leader.terms))
        assert time.monotonic() - released_at < LONG.duration_seconds / 2
        assert leader.terms[0].released_epoch == 3


async def test_a_release_that_meets_a_conflict_is_tried_over_the_newer_lease(
    settings: Settings, server: LeaseServer
) -> None:
    """A label put on the Lease in the last moment must not cost the successor 15 s."""
    async with running(settings) as leader:
        await leader.until(lambda: bool(leader.terms))
        await leader.until_renewed()
        await server.annotate()
    assert server.spec["holderIdentity"] == ""


async def test_a_lease_of_another_is_never_released(
    settings: Settings, server: LeaseServer
) -> None:
    """The one who was deposed in the last moment must not free what is not its own."""
    async with running(settings) as leader:
        await leader.until(lambda: bool(leader.terms))
        await server.store(held_by("other", transitions=9))
    assert server.spec["holderIdentity"] == "other"


async def test_the_running_epoch_is_known_only_while_leading(
    settings: Settings, server: LeaseServer
) -> None:
    """Status writers ask for it at each write."""
    async with running(settings) as leader:
        await leader.until(lambda: bool(leader.terms))
        assert leader.elector.current_epoch() == 1
        assert leader.metrics.registry.get_sample_value("assent_leading") == 1
    with pytest.raises(LeadershipLost):
        leader.elector.current_epoch()
    assert leader.metrics.registry.get_sample_value("assent_leading") == 0
    assert server.spec["holderIdentity"] == ""


def held_by(holder: str, *, transitions: int, beat: int = 0) -> dict[str, object]:
    """Return a Lease as another holder writes it."""
    return {
        "metadata": {"name": "assent", "uid": "u"},
        "spec": {
            "holderIdentity": holder,
            "leaseTransitions": transitions,
            "leaseDurationSeconds": 1,
            "renewTime": f"2026-01-02T03:04:{beat:02}.000000Z",
        },
    }
