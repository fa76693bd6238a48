"""What the next leader makes of a journal in hard times: no PD, lost answers, notes, waits."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from assent.controllers.clusters import Gate
from assent.core.lifecycle.recovery import NO_RECORD
from assent.errors import AssentError
from assent.execution.engine import UNREADABLE_GRACE
from tests.support.fake_kube import lose
from tests.support.fake_pd import EVICT, answer
from tests.support.proposals import EVICT_4
from tests.unit.execution.relay import answers, next_leader, taken_over
from tests.unit.execution.rig import NS, Rig
from tests.unit.execution.test_plan_flights import GONE as GATE_GONE
from tests.unit.execution.test_plan_flights import TWO, between_the_steps, misses_and_then
from tests.unit.execution.test_recovery import crashed, look, pod, took_effect
from tests.unit.execution.test_stopping import START, STATUS, being_looked_at, being_verified

EVERY_MEMBER = {0, 1, 2}


def unreachable(op: Rig) -> None:
    """No member of PD answers."""
    op.pd.unreachable |= EVERY_MEMBER


def another(op: Rig) -> None:
    """The endpoints lead to another PD cluster."""
    op.pd.cluster_id = 4711


async def looked(later: Rig) -> None:
    """Let a worker look once, whatever that comes to, until its flight has ended."""
    with suppress(AssentError):
        await later.reconcile("p1")
    await later.until_idle("p1")


def pass_verify_by(later: Rig, margin: timedelta) -> None:
    """Let the clock stand so long after the open step's time."""
    step = later.status("p1")["execution"]["steps"][-1]
    then = datetime.fromisoformat(step["verifyBy"]) + margin
    later.clock.advance((then - later.clock.now()).total_seconds())


@pytest.mark.parametrize("gone", [unreachable, another])
async def test_an_open_intent_ends_though_its_pd_is_gone_for_good(
    op: Rig, tmp_path: Path, gone: Callable[[Rig], None]
) -> None:
    """Nobody can ever see what came of it: a person is asked, instead of a wait without an end."""
    later = await crashed(op, tmp_path)
    gone(later)
    try:
        pass_verify_by(later, UNREADABLE_GRACE + timedelta(seconds=1))
        await look(later)
        status = await later.until_phase("p1", "OutcomeUnknown")
        assert status["execution"]["epoch"] == later.term.epoch
        assert later.sent == 0
    finally:
        await later.end()


async def test_an_open_intent_waits_a_minute_for_a_pd_that_comes_back(
    op: Rig, tmp_path: Path
) -> None:
    """PD and the operator are often restarted together, and PD's answer is worth a moment."""
    later = await crashed(op, tmp_path, took_effect=True)
    unreachable(later)
    try:
        pass_verify_by(later, UNREADABLE_GRACE - timedelta(seconds=5))
        await looked(later)
        assert later.status("p1")["phase"] == "Executing"
        assert later.status("p1")["execution"]["epoch"] == op.term.epoch
        later.pd.unreachable.clear()
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 0
    finally:
        await later.end()


async def test_a_plan_between_two_steps_can_be_cancelled_while_pd_is_gone(
    op: Rig, tmp_path: Path
) -> None:
    """No call is open, so there is nothing that only PD could tell."""
    await op.approved("p1", TWO)
    between_the_steps(op, lambda: setattr(op, "gate", GATE_GONE))
    await op.reconcile("p1")
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    unreachable(op)
    async with next_leader(op, tmp_path) as later:
        later.cancel("p1")
        later.listed()
        await later.reconcile("p1")
        status = await later.until_phase("p1", "Failed")
        assert status["reason"] == "Cancelled"
        assert "Left to do by hand: POST /pd/api/v1/store/1/limit" in status["message"]


async def test_a_licence_is_not_lost_with_the_answer_to_the_adoption(
    op: Rig, tmp_path: Path
) -> None:
    """The journal names us as the sender by then, and our own pod is not one that has ended."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path)
    later.server.order("PATCH", STATUS, lose, after_storing=True)
    try:
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 1
    finally:
        await later.end()


async def test_an_undo_is_not_lost_with_the_answer_to_the_adoption(op: Rig, tmp_path: Path) -> None:
    """Its intent was stored with the adoption, and nobody else knows that it was never sent."""
    later = await crashed(op, tmp_path, listed_only=True)
    later.clock.advance(3600)
    later.server.order("PATCH", STATUS, lose, after_storing=True)
    try:
        await look(later)
        await later.until_phase("p1", "RolledBack")
        assert later.calls == [("DELETE", f"/scheduler-config/{EVICT}/delete/4")]
    finally:
        await later.end()


async def test_an_undo_that_waits_survives_a_rolling_update(op: Rig, tmp_path: Path) -> None:
    """Never sent by anybody, it waits with the next leader as long as it takes."""
    misses_and_then(op, lambda: setattr(op, "gate", GATE_GONE))
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await op.time_is_up()
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    sent = op.sent
    async with next_leader(op, tmp_path) as later:
        assert not op.term.ended
        later.gate = GATE_GONE
        await taken_over(later)
        await being_looked_at(later)
        later.clock.advance(3600)
        await being_looked_at(later)
        assert (later.status("p1")["phase"], later.sent) == ("RollingBack", sent)
        later.gate = Gate(None)
        later.executor.nudge(f"{NS}/p1")
        await later.until_phase("p1", "RolledBack")
        assert later.sent == sent + 1
        assert later.pd.stores[1].add_peer == 15.0


async def test_an_undo_that_waits_for_a_pd_that_is_gone_hears_a_cancel(
    op: Rig, tmp_path: Path
) -> None:
    """Its own wait has no end: a person's word must be one, though nobody can look at PD."""
    misses_and_then(op, lambda: setattr(op, "gate", GATE_GONE))
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await op.time_is_up()
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    sent = op.sent
    async with next_leader(op, tmp_path) as later:
        later.gate = GATE_GONE
        await taken_over(later)
        await being_looked_at(later)
        later.clock.advance(3600)
        unreachable(later)
        later.cancel("p1")
        later.executor.nudge(f"{NS}/p1")
        await later.until(lambda: later.status("p1")["phase"] != "RollingBack")
        assert later.sent == sent


async def test_a_plan_whose_noted_step_had_no_effect_is_taken_back(op: Rig, tmp_path: Path) -> None:
    """PD took the second call and did nothing: a stop in between makes no riddle of that."""
    op.pd.answers[("POST", "/pd/api/v1/store/2/limit")] = lambda _: answer(200, "yes")
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await being_looked_at(op)
    async with next_leader(op, tmp_path) as later:
        await taken_over(later)
        await being_looked_at(later)
        later.clock.advance(3600)
        await later.until_phase("p1", "RolledBack")
        assert later.pd.stores[1].add_peer == 15.0


async def overdue_with_the_next_leader(op: Rig, folder: Path) -> dict[str, object]:
    """Let the next leader take a noted call over, see nothing of it in time, and say so."""
    async with next_leader(op, folder) as later:
        await taken_over(later)
        await being_looked_at(later)
        later.clock.advance(3600)
        await later.until(lambda: later.status("p1")["phase"] != "Executing")
        assert later.sent == 1
        return later.status("p1")


async def test_an_answer_that_was_noted_stays_on_record(op: Rig, tmp_path: Path) -> None:
    """PD said yes and somebody has set it back since: that is no effect, and not a riddle."""
    await being_verified(op)
    await op.stop_flying()
    op.pd.evicted.discard(4)
    status = await overdue_with_the_next_leader(op, tmp_path)
    assert (status["phase"], status["reason"]) == ("Failed", "NoEffect")
    assert answers(op) == ["The scheduler is created."]


async def test_a_noted_loss_of_an_answer_stays_on_record(op: Rig, tmp_path: Path) -> None:
    """It was sent, and nobody knows what PD made of it: a person is asked, and told why."""

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    op.pd.answers[START] = lost
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 1)
    await op.until(lambda: answers(op) != [None])
    (noted,) = answers(op)
    status = await overdue_with_the_next_leader(op, tmp_path)
    assert (status["phase"], status["reason"]) == ("OutcomeUnknown", "AnswerLost")
    assert answers(op) == [noted]
    assert noted != NO_RECORD.answer


async def test_a_noted_call_whose_effect_shows_is_adopted(op: Rig, tmp_path: Path) -> None:
    """The control: what PD shows outweighs all that is on record."""
    await being_verified(op)
    await op.stop_flying()
    took_effect(op)
    async with next_leader(op, tmp_path) as later:
        await later.reconcile("p1")
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 1
