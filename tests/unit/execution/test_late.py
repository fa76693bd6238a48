"""A call that outlasts its term, and a proposal that is no longer the same object."""

import asyncio

import httpx
import pytest

from assent.errors import LeadershipLost
from assent.kube.resources import KINDS
from tests.support.fake_pd import answer
from tests.support.proposals import EVICT_4, STOP_4
from tests.unit.execution.rig import NS, Rig

START = ("POST", "/pd/api/v1/schedulers")
STATUS = "/status$"
LOOK = "/actionproposals/p1$"


def late_records(op: Rig) -> list[str]:
    """The Events that tell of late calls."""
    return [item["message"] for item in op.server.all(KINDS.event) if item["reason"] == "LateCall"]


async def test_an_answer_after_the_deadline_raises_an_alert_and_leaves_a_record(op: Rig) -> None:
    """The process slept between its last check and PD's answer: PD acted, perhaps too late."""

    def thawed(_: httpx.Request) -> httpx.Response:
        op.clock.advance(2e6)  # the deadline is at 1e6
        return answer(200, "The scheduler is created.")

    op.pd.answers[START] = thawed
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until(lambda: bool(late_records(op)))
    assert op.metric("assent_late_calls_total") == 1
    (text,) = late_records(op)
    assert "POST /pd/api/v1/schedulers" in text
    assert "term 7" in text
    op.clock.advance(3600)  # its verification ends
    assert op.running is not None
    async with asyncio.timeout(30):
        with pytest.raises(LeadershipLost):
            await op.running
    assert "answer" not in op.status("p1")["execution"]["steps"][0], "fenced: nothing was written"


async def test_a_call_that_is_cut_off_by_the_deadline_is_told_of_too(op: Rig) -> None:
    """The watchdog cancels the work while PD is silent: whether PD acts is not known here."""
    arrived = asyncio.Event()

    async def silent(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return await real(request)
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError("never answered")

    real, op.pd.handle_async_request = op.pd.handle_async_request, silent  # type: ignore[method-assign]
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    async with asyncio.timeout(30):
        await arrived.wait()
    op.term.end()
    await op.stop_flying()
    await op.until(lambda: bool(late_records(op)))
    assert op.metric("assent_late_calls_total") == 1


async def test_a_call_in_time_leaves_no_such_record(op: Rig) -> None:
    """An alert that comes without a cause is soon ignored."""
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    await op.until(lambda: any(item["reason"] == "Done" for item in op.server.all(KINDS.event)))
    assert late_records(op) == []
    assert op.metric("assent_late_calls_total") == 0


def _made_anew(op: Rig) -> None:
    """As after a forced deletion: the same name, another object."""
    old = op.server.get(KINDS.proposal, NS, "p1")
    op.server.delete(KINDS.proposal, NS, "p1")
    op.server.put(
        KINDS.proposal, {"metadata": {"name": "p1", "namespace": NS}, "spec": old["spec"]}
    )


async def test_a_proposal_made_anew_before_its_call_ends_its_flight_and_not_the_term(
    op: Rig,
) -> None:
    """One force-deleted object must not stop everybody else's work: nothing is sent for it."""
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, lambda: _made_anew(op), after_storing=True)
    await op.reconcile("p1")
    await op.until_idle("p1")
    assert op.sent == 0
    assert op.metric("assent_execution_errors_total", reason="MadeAnew") == 1
    assert op.running is not None
    assert not op.running.done(), "the term goes on"

    op.pd.evicted.add(4)
    await op.approved("p2", STOP_4)
    await op.reconcile("p2")
    await op.until_phase("p2", "Succeeded")


async def test_a_proposal_made_anew_under_its_call_is_not_written_to(op: Rig) -> None:
    """Its effect stands in PD; the new object of that name has no part in it."""

    async def acting(request: httpx.Request) -> httpx.Response:
        done = await real(request)
        if request.method == "POST":
            _made_anew(op)
        return done

    real, op.pd.handle_async_request = op.pd.handle_async_request, acting  # type: ignore[method-assign]
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until(lambda: op.metric("assent_execution_errors_total", reason="MadeAnew") == 1)
    assert op.status("p1") == {}
    assert op.calls == [("POST", "/schedulers")]
    assert op.running is not None
    assert not op.running.done()
