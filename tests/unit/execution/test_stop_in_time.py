"""A stop waits for what must be on record, and for nothing else: every moment has no leader."""

import asyncio
from pathlib import Path

import httpx
import pytest

from assent.api.v1alpha1.actions import action, plan
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.kube.resources import KINDS
from tests.support.fake_pd import answer
from tests.unit.core.lifecycle.test_groups import grouped
from tests.unit.execution.relay import (
    PATIENCE_SECONDS,
    Slow,
    answers,
    next_leader,
    states,
    stop_at_once,
    taken_over,
)
from tests.unit.execution.rig import NS, Rig
from tests.unit.execution.test_plan_flights import TWO, limit
from tests.unit.execution.test_recovery import crashed
from tests.unit.execution.test_stopping import STATUS, being_looked_at, being_verified

MOVE = action(TransferLeader(region_id=100, to_store_id=2))


async def test_a_flight_that_ends_at_the_stop_is_not_waited_for(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its proposal was deleted by force: there is nothing to note on any more."""
    await being_verified(op)
    op.server.listeners.clear()
    op.server.delete(KINDS.proposal, NS, "p1")
    await stop_at_once(op, monkeypatch)
    assert not op.executor.flying(f"{NS}/p1")


async def test_a_pd_that_hangs_does_not_keep_the_note_back(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What PD answered to the call is known, whatever becomes of the look that runs."""
    await being_verified(op)
    hung = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        hung.set()
        await asyncio.Event().wait()
        raise AssertionError(f"nobody ends this wait for {request.url}")

    op.pd.handle_async_request = hang  # type: ignore[method-assign]
    op.executor.nudge(f"{NS}/p1")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await hung.wait()
    await stop_at_once(op, monkeypatch)
    assert answers(op) == ["The scheduler is created."]
    assert not op.term.ended


async def test_a_stop_while_a_claim_is_stored_leaves_nothing_unknown(
    op: Rig, tmp_path: Path
) -> None:
    """A leader is moved by a call that nobody may repeat: an intent that was left open would ask
    a person about a call that was never sent.
    """
    await op.approved("p1", MOVE)
    storing = Slow()
    op.server.order("PATCH", STATUS, storing, after_storing=True)
    worker: asyncio.Task[object] = asyncio.create_task(op.reconcile("p1"))
    await storing.asked()
    await storing.answers_under_a_stop(op, worker)
    assert (op.status("p1")["phase"], states(op)) == ("Approved", ["NotDone"])
    assert not op.term.ended
    async with next_leader(op, tmp_path) as later:
        later.clock.advance(60)
        await later.reconcile("p1")
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 1


async def test_a_stop_while_the_next_intent_is_stored_leaves_none_behind(
    op: Rig, tmp_path: Path
) -> None:
    """The plan goes on with the next leader, from the step that was never begun."""
    await op.approved("p1", TWO)
    storing = Slow()
    for act in (lambda: None, lambda: None, storing):  # the claim, its outcome, the next intent
        op.server.order("PATCH", STATUS, act, after_storing=True)
    await op.reconcile("p1")
    await storing.asked()
    await storing.answers_under_a_stop(op)
    assert "Intended" not in states(op)
    assert op.calls == [("POST", "/store/1/limit")]
    assert not op.term.ended
    async with next_leader(op, tmp_path) as later:
        await later.reconcile("p1")
        await later.until_phase("p1", "Succeeded")
        assert op.calls == [("POST", "/store/1/limit"), ("POST", "/store/2/limit")]


async def test_a_repeat_that_waits_for_pd_does_not_hold_a_stop_up(
    op: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent in this term; and the licence to repeat is handed on."""
    later = await crashed(op, tmp_path)
    later.term.released_epoch = op.term.epoch
    paths = [("GET", f"/pd/api/v1/{path}") for path in ("stores", "members", "leader")]

    def unread() -> None:
        later.pd.answers |= dict.fromkeys(paths, lambda _: answer(503, "no leader"))

    later.server.order("PATCH", STATUS, unread, after_storing=True)
    await taken_over(later)
    asked = len(later.pd.seen)
    await later.until(lambda: len(later.pd.seen) > asked + len(paths))
    await stop_at_once(later, monkeypatch)
    assert later.sent == 0
    assert not later.term.ended
    later.pd.answers.clear()
    async with next_leader(later, tmp_path) as third:
        await third.reconcile("p1")
        await third.until_phase("p1", "Succeeded")
        assert third.sent == 1


async def test_a_stop_notes_every_answer_of_a_group_once(op: Rig, tmp_path: Path) -> None:
    """One step has begun and its sibling is looked for: neither is sent again."""
    for store_id in (1, 2):
        path = f"/pd/api/v1/store/{store_id}/limit"
        op.pd.answers[("POST", path)] = lambda _: answer(200, "soon")
    await op.approved("p1", plan(grouped(limit(1, 20)), grouped(limit(2, 25))))
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await being_looked_at(op)
    async with next_leader(op, tmp_path) as later:
        assert answers(op) == ["soon", "soon"]
        assert not op.term.ended
        await taken_over(later)
        await being_looked_at(later)
        assert later.sent == 2
