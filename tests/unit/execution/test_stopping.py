"""SIGTERM: what a process puts on record before its Lease is released.

A release tells the next leader that nothing is in the air, and licenses it to send again what has
no answer on record. So everything that was sent must have one by then, or nothing is released.
"""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.support.fake_kube import refusal
from tests.support.fake_pd import answer
from tests.support.proposals import EVICT_4
from tests.unit.execution.rig import Rig

START = ("POST", "/pd/api/v1/schedulers")
STATUS = "/status$"


async def being_verified(op: Rig) -> None:
    """Let PD take the call, and its effect be long in coming."""

    def took(_: httpx.Request) -> httpx.Response:
        op.pd.evicted.add(4)  # and no leader leaves
        return answer(200, "The scheduler is created.")

    op.pd.answers[START] = took
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 1)
    await being_looked_at(op)


async def being_looked_at(op: Rig) -> None:
    """Wait for two more looks at PD: whatever was to be sent has been sent by then."""
    looks = op.pd.calls("/pd/api/v1/stores")
    await op.until(lambda: op.pd.calls("/pd/api/v1/stores") > looks + 1)


async def test_a_stop_lets_a_call_in_the_air_land(op: Rig) -> None:
    """SIGTERM while PD works on it: its answer is awaited before anything is torn down."""
    arrived, land = asyncio.Event(), asyncio.Event()
    real = op.pd.handle_async_request

    async def slowly(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            arrived.set()
            await land.wait()
        return await real(request)

    op.pd.handle_async_request = slowly  # type: ignore[method-assign]
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    async with asyncio.timeout(30):
        await arrived.wait()
    assert op.running is not None
    op.running.cancel()
    await asyncio.sleep(0)
    assert not op.running.done()
    land.set()
    async with asyncio.timeout(30):
        await asyncio.gather(op.running, return_exceptions=True)
    assert op.calls == [("POST", "/schedulers")]
    assert op.metric("assent_pd_writes_total", outcome="Did") == 1


async def test_a_stop_waits_until_a_lost_answer_is_on_record(op: Rig) -> None:
    """The Lease is released after it, and a release tells the next leader that nobody has anything
    in the air: without the note it would send the call again, beside one that PD may still hold.
    """
    noting, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        noting.set()
        await go_on.wait()

    def lost(request: httpx.Request) -> httpx.Response:
        op.server.order("PATCH", STATUS, slowly)
        raise httpx.ReadTimeout("no answer", request=request)

    op.pd.answers[START] = lost
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    async with asyncio.timeout(30):
        await noting.wait()
    assert op.running is not None
    op.running.cancel()
    await asyncio.sleep(0)
    assert not op.running.done()
    go_on.set()
    async with asyncio.timeout(30):
        await asyncio.gather(op.running, return_exceptions=True)
    (step,) = op.status("p1")["execution"]["steps"]
    assert "answer" in step


async def test_a_stop_before_the_call_sends_nothing_more(op: Rig) -> None:
    """Asked to stop during the live look: the Lease will be released, so nothing may follow."""
    await op.approved("p1", EVICT_4)
    looking, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        looking.set()
        await go_on.wait()

    op.server.order("GET", "/actionproposals/p1$", slowly)
    await op.reconcile("p1")
    async with asyncio.timeout(30):
        await looking.wait()
    assert op.running is not None
    op.running.cancel()
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(30):
        await asyncio.gather(op.running, return_exceptions=True)
    assert op.calls == []
    status = op.status("p1")
    assert status["phase"] == "Approved"
    assert [step["state"] for step in status["execution"]["steps"]] == ["NotDone"]


async def test_a_stop_while_pd_is_looked_at_notes_what_pd_answered(op: Rig) -> None:
    """And leaves the rest to the next leader, to whom the Lease is given at once."""
    await being_verified(op)
    (step,) = op.status("p1")["execution"]["steps"]
    assert "answer" not in step
    await op.stop_flying()
    status = op.status("p1")
    (step,) = status["execution"]["steps"]
    assert (status["phase"], step["state"]) == ("Executing", "Intended")
    assert step["answer"] == "The scheduler is created."
    assert not op.term.ended


async def test_what_somebody_set_back_after_a_stop_stays_set_back(op: Rig, tmp_path: Path) -> None:
    """An on-call saw the eviction, did not want it and stopped it, during a rolling restart: PD is
    as before the call, its sender has released the Lease, and still it is not sent again.
    """
    await being_verified(op)
    await op.end()
    op.pd.evicted.discard(4)
    later = op.successor(tmp_path)
    later.term.released_epoch = op.term.epoch
    await later.lead()
    try:
        await later.reconcile("p1")
        await later.until(lambda: later.status("p1")["execution"]["epoch"] == 8)
        await being_looked_at(later)
        later.clock.advance(3600)
        status = await later.until_phase("p1", "Failed")
        assert "its effect never showed" in status["message"]
        assert status["execution"]["steps"][0]["answer"] == "The scheduler is created."
        assert later.sent == 1
    finally:
        await later.end()


async def test_an_answer_that_cannot_be_noted_leaves_the_lease_unreleased(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server is down while the process is told to go: the next leader must wait until the
    Lease has run out, and then has no proof that would license a repeat.
    """
    monkeypatch.setattr("assent.execution.engine.LANDING_SECONDS", 0.05)
    await being_verified(op)
    for _ in range(3):
        op.server.order("PATCH", STATUS, lambda: refusal(503, "ServiceUnavailable", "no leader"))
    await op.stop_flying()
    assert op.term.ended


def broken(*_: object, **__: object) -> None:
    """A defect of ours after the call."""
    raise RuntimeError("a defect")


async def break_off(op: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PD answer, and lose what it answered."""
    await op.approved("p1", EVICT_4)
    with monkeypatch.context() as patched:
        patched.setattr("assent.execution.flight.settle", broken)
        await op.reconcile("p1")
        await op.until_idle("p1")
    assert op.sent == 1


async def test_a_flight_that_broke_off_with_an_answer_leaves_the_lease_unreleased(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What PD answered is known to nobody any more, so nobody may be told that all is on record."""
    await break_off(op, monkeypatch)
    await op.stop_flying()
    assert op.term.ended


async def test_a_flight_that_broke_off_and_came_to_an_end_after_all_holds_nothing_back(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken up again in the same term, it ends and is on record."""
    await break_off(op, monkeypatch)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    await op.until_idle("p1")
    await op.stop_flying()
    assert not op.term.ended
    assert op.sent == 1


async def test_a_call_that_does_not_land_in_time_leaves_the_lease_unreleased(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release is proof for the next leader that nothing is in the air, so it must not be given:
    the next one waits for the Lease to run out, and repeats nothing on that ground.
    """
    monkeypatch.setattr("assent.execution.engine.LANDING_SECONDS", 0.05)
    arrived = asyncio.Event()
    real = op.pd.handle_async_request

    async def silent(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return await real(request)
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody ends this wait")

    op.pd.handle_async_request = silent  # type: ignore[method-assign]
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    async with asyncio.timeout(30):
        await arrived.wait()
    await op.stop_flying()
    assert op.term.ended
    assert op.status("p1")["phase"] == "Executing"


async def test_a_drained_stop_leaves_the_term_to_be_released(op: Rig) -> None:
    """What landed is no reason to hold the Lease back: the next leader need not wait."""
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    await op.stop_flying()
    assert not op.term.ended
