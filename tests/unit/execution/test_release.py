"""A release of the Lease is a proof, so it is given only when every call is on record as sent.

To the next leader it says that nothing of the former term is on its way, and licenses it to send
again what has no answer. A call that is on no record must therefore hold the Lease back, however
its flight ended.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.core.lifecycle.recovery import NO_RECORD
from assent.errors import LeadershipLost
from assent.execution.fencing import FENCE_CATCHES_UP_SECONDS
from assent.execution.leadership import Elector
from assent.execution.terms import Term
from assent.kube.client import KubeClient
from assent.kube.resources import KINDS
from assent.settings import LeaseTiming
from tests.support.fake_kube import refusal
from tests.support.fake_pd import answer
from tests.support.proposals import EVICT_4
from tests.unit.execution.lease_server import LeaseServer, lease_server
from tests.unit.execution.relay import PATIENCE_SECONDS, answers, next_leader, taken_over
from tests.unit.execution.rig import NS, POD, Rig, settings_for
from tests.unit.execution.test_stopping import (
    START,
    STATUS,
    being_looked_at,
    being_verified,
    break_off,
)

Refusal = Callable[[], web.Response]
POLICY = "ValidatingAdmissionPolicy"


def fenced() -> web.Response:
    """Our own fence sees another holder."""
    text = f"{POLICY} 'assent-leader-fence' denied request: fenced"
    return refusal(403, "Forbidden", text)


def no_lease() -> web.Response:
    """The fence finds no Lease to compare with."""
    return refusal(422, "Invalid", "no params found for policy binding with `Deny`")


def freeze() -> web.Response:
    """Somebody else's policy refuses it."""
    return refusal(422, "Invalid", f"{POLICY} 'freeze' denied request: change freeze")


def no_such_type() -> web.Response:
    """The CRD is gone for a while."""
    return refusal(404, "NotFound", "the server could not find the requested resource")


def lose_the_answer_then(op: Rig, refuse: Refusal) -> None:
    """Lose PD's answer to the call, and have the note of it refused."""

    def lost(request: httpx.Request) -> httpx.Response:
        op.server.order("PATCH", STATUS, refuse)
        del op.pd.answers[START]
        raise httpx.ReadTimeout("no answer", request=request)

    op.pd.answers[START] = lost


async def unnoted(op: Rig, refuse: Refusal) -> None:
    """Send a call, lose its answer, and get nothing of it on record."""
    lose_the_answer_then(op, refuse)
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")


async def sends_nothing_more(op: Rig, folder: Path) -> None:
    """Let the next leader look, and see that it leaves the call alone."""
    async with next_leader(op, folder) as later:
        await taken_over(later)
        await being_looked_at(later)
        assert later.sent == 1


@pytest.mark.parametrize("refuse", [fenced, no_lease])
async def test_a_refused_note_that_ends_the_term_releases_nothing(
    op: Rig, tmp_path: Path, refuse: Refusal
) -> None:
    """The process hears that it does not lead any more, in the moment it would have noted."""
    await unnoted(op, refuse)
    assert op.running is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(LeadershipLost):
            await op.running
    assert answers(op) == [None]
    assert op.term.ended
    await sends_nothing_more(op, tmp_path)


@pytest.mark.parametrize("refuse", [freeze, no_such_type])
async def test_a_refused_note_that_ends_the_flight_releases_nothing(
    op: Rig, tmp_path: Path, refuse: Refusal
) -> None:
    """The term goes on without that flight, and ends before anybody took it up again."""
    await unnoted(op, refuse)
    await op.until_idle("p1")
    assert answers(op) == [None]
    await op.stop_flying()
    assert op.term.ended
    await sends_nothing_more(op, tmp_path)


@pytest.mark.parametrize("refuse", [freeze, no_such_type])
async def test_a_note_that_is_refused_at_the_stop_itself_releases_nothing(
    op: Rig, tmp_path: Path, refuse: Refusal
) -> None:
    """The flight ends by it while the stop waits for it to land: ended is not landed."""
    await being_verified(op)
    op.pd.evicted.discard(4)
    op.server.order("PATCH", STATUS, refuse)
    await op.stop_flying()
    assert answers(op) == [None]
    assert op.term.ended
    await sends_nothing_more(op, tmp_path)


async def test_what_was_taken_up_again_in_its_own_term_is_noted_at_the_stop(op: Rig) -> None:
    """Its second flight sends nothing, and knows all the same that the first one did."""
    await unnoted(op, freeze)
    await op.until_idle("p1")
    await op.reconcile("p1")
    await being_looked_at(op)
    await op.stop_flying()
    assert answers(op) == [NO_RECORD.answer]
    assert not op.term.ended


async def test_an_orphan_does_not_forget_what_is_on_no_record(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken up without its TiKVCluster, it ends its flight in peace and with nothing noted."""
    await break_off(op, monkeypatch)
    op.pd.evicted.discard(4)
    op.server.delete(KINDS.cluster, NS, "demo")
    await op.reconcile("p1")
    await op.until_idle("p1")
    await op.stop_flying()
    assert answers(op) == [None]
    assert op.term.ended


async def test_a_refusal_of_pds_needs_no_record(op: Rig) -> None:
    """PD did nothing, and would do nothing the next time: nobody has to wait for that."""
    op.pd.answers[("POST", "/pd/api/v1/operators")] = lambda _: answer(
        500, "no operator step is built"
    )
    await op.approved("p1", action(TransferLeader(region_id=100, to_store_id=2)))
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 1)
    await being_looked_at(op)
    await op.stop_flying()
    assert op.status("p1")["phase"] == "Executing"
    assert answers(op) == [None]
    assert not op.term.ended


@pytest.fixture
async def lease() -> AsyncIterator[LeaseServer]:
    """The server of the one Lease."""
    async with lease_server() as made:
        yield made


@asynccontextmanager
async def elected(op: Rig, lease: LeaseServer, folder: Path) -> AsyncIterator["asyncio.Task[None]"]:
    """Lead by the real elector over the real executor, joined as the application joins them."""
    await op.stop_flying()
    timing = LeaseTiming(
        duration_seconds=150.0, renew_deadline_seconds=100.0, retry_period_seconds=2.0
    )
    settings = replace(settings_for(folder), api_server=lease.url, lease=timing)
    kube = KubeClient(settings, on_request=op.metrics.kube_request)
    elector = Elector(
        kube,
        settings,
        monotonic=op.clock.monotonic,
        utc_now=op.clock.now,
        highest_epoch_seen=lambda: 0,
        metrics=op.metrics,
    )
    begun = asyncio.Event()

    async def lead(term: Term) -> None:
        op.term = term
        begun.set()
        with suppress(LeadershipLost):
            await op.executor.run(term)

    task = asyncio.create_task(elector.run(lead))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await begun.wait()
        op.clock.advance(FENCE_CATCHES_UP_SECONDS + 1)
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await kube.aclose()


async def test_the_elector_keeps_a_lease_whose_last_call_is_on_no_record(
    op: Rig, lease: LeaseServer, tmp_path: Path
) -> None:
    """The executor ends by itself there, and the end of its work alone would be a reason to
    release.
    """
    async with elected(op, lease, tmp_path) as electing:
        await unnoted(op, no_lease)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await electing
    assert (op.sent, answers(op)) == (1, [None])
    assert lease.spec["holderIdentity"] == POD


async def test_the_elector_releases_a_lease_whose_last_call_is_noted(
    op: Rig, lease: LeaseServer, tmp_path: Path
) -> None:
    """The control: stopped while PD is looked at, it notes the answer and lets go."""
    async with elected(op, lease, tmp_path) as electing:
        await being_verified(op)
        electing.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(electing, return_exceptions=True)
    assert answers(op) == ["The scheduler is created."]
    assert lease.spec["holderIdentity"] == ""
