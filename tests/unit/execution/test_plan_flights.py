"""Plans of several steps in the air: what happens to them between two of their calls."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from assent.api.v1alpha1.actions import ActionType, PlanStep, action, plan
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StoreLimitKind
from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.controllers.clusters import Gate
from assent.core.model.reading import Wanted
from assent.errors import LeadershipLost
from assent.kube.resources import KINDS
from tests.support.fake_kube import lose
from tests.support.fake_pd import EVICT, answer
from tests.support.proposals import LIMIT_4
from tests.unit.execution.rig import NS, Rig

STATUS = "/status$"
GONE = Gate("the approval policies are missing", deviates=True)


def limit(store_id: int, rate: int) -> SetStoreLimit:
    """Return parameters for an add-peer limit."""
    return SetStoreLimit(store_id=store_id, kind=StoreLimitKind.ADD_PEER, rate_per_minute=rate)


TWO = plan(limit(1, 20), limit(2, 25))


def between_the_steps(op: Rig, act: Callable[[], None]) -> None:
    """Have that happen once the first step's outcome is stored."""
    op.server.order("PATCH", STATUS, lambda: None, after_storing=True)  # the claim
    op.server.order("PATCH", STATUS, act, after_storing=True)


async def test_the_steps_run_one_after_the_other(op: Rig) -> None:
    """The ground that the others stand on."""
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/store/1/limit"), ("POST", "/store/2/limit")]


async def test_an_ask_that_is_edited_while_it_runs_changes_nothing(op: Rig) -> None:
    """Admission refuses that; should it be gone for a while, what was approved still runs."""
    await op.approved("p1", TWO)
    another = plan(limit(1, 20), limit(3, 900)).wire()
    between_the_steps(op, lambda: op.say("p1", action=another, revertAfter="1h"))
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/store/1/limit"), ("POST", "/store/2/limit")]
    assert op.pd.stores[3].add_peer == 15.0
    assert "revertAt" not in status


def misses_and_then(op: Rig, act: Callable[[], None]) -> None:
    """PD takes the second step's call and does nothing; ``act`` comes right before the undo."""

    def nothing(_: httpx.Request) -> httpx.Response:
        op.server.order("PATCH", STATUS, act, after_storing=True)
        return answer(200, "yes")

    op.pd.answers[("POST", "/pd/api/v1/store/2/limit")] = nothing


async def test_an_undo_that_had_to_wait_leaves_alone_what_was_set_meanwhile(op: Rig) -> None:
    """The gate was gone for a while, and a person set the limit: it is theirs now."""
    misses_and_then(op, lambda: setattr(op, "gate", GONE))
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await op.time_is_up()
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    op.pd.stores[1].add_peer = 99.0
    op.gate = Gate(None)
    op.executor.nudge(f"{NS}/p1")
    status = await op.until_phase("p1", "RollbackFailed")
    assert status["reason"] == "ChangedSince"
    assert op.pd.stores[1].add_peer == 99.0


async def test_an_undo_that_had_to_wait_is_sent_when_nothing_changed(op: Rig) -> None:
    """The look at PD is one more, not one instead of the undo."""
    misses_and_then(op, lambda: setattr(op, "gate", GONE))
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await op.time_is_up()
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    op.gate = Gate(None)
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "RolledBack")
    assert op.pd.stores[1].add_peer == 15.0


async def test_an_undo_that_had_to_wait_is_not_sent_blindly(op: Rig) -> None:
    """PD cannot be read when the hold ends: it waits for a look, and a cancel ends the wait."""
    misses_and_then(op, lambda: setattr(op, "gate", GONE))
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    await op.time_is_up()
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    sent = op.sent
    op.pd.answers[("GET", "/pd/api/v1/stores")] = lambda _: answer(503, "no leader")
    op.gate = Gate(None)
    op.executor.nudge(f"{NS}/p1")
    await op.until(lambda: "without a look" in op.status("p1")["message"])
    op.cancel("p1")
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "RollbackFailed")
    assert op.sent == sent


async def test_a_stop_between_two_steps_leaves_no_intent_behind(op: Rig) -> None:
    """A rolling update: an intent that nobody will send would end as unknown at the next leader."""
    running = op.running
    assert running is not None

    def stop() -> None:
        running.cancel()

    await op.approved("p1", TWO)
    between_the_steps(op, stop)
    await op.reconcile("p1")
    with suppress(asyncio.CancelledError):
        await running
    states = [step["state"] for step in op.status("p1")["execution"]["steps"]]
    assert "Intended" not in states
    assert op.calls == [("POST", "/store/1/limit")]


async def test_nothing_is_called_between_two_steps_while_the_gate_is_gone(op: Rig) -> None:
    """The plan says why it waits, and goes on by itself once the gate stands again."""
    await op.approved("p1", TWO)
    between_the_steps(op, lambda: setattr(op, "gate", GONE))
    await op.reconcile("p1")
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    assert op.status("p1")["phase"] == "Executing"
    assert op.calls == [("POST", "/store/1/limit")]
    op.gate = Gate(None)
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "Succeeded")
    assert len(op.calls) == 2


async def test_a_gate_that_goes_between_intent_and_call_withholds_the_call(op: Rig) -> None:
    """Back to Approved: what was agreed to still is, and nothing was sent."""
    await op.approved("p1", LIMIT_4)
    op.server.order("PATCH", STATUS, lambda: setattr(op, "gate", GONE), after_storing=True)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Approved")
    assert status["reason"] == "GateNotInstalled"
    assert op.calls == []


async def test_an_undo_waits_for_the_gate(op: Rig) -> None:
    """Taking back is a call like any other."""

    def listed_only(_: httpx.Request) -> httpx.Response:
        op.pd.evicted.add(4)
        op.gate = GONE
        return answer(200, "The scheduler is created.")

    op.pd.answers[("POST", "/pd/api/v1/schedulers")] = listed_only
    await op.approved("p1", action(EvictLeaders(store_id=4)))
    await op.reconcile("p1")
    await op.time_is_up()
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    assert (op.status("p1")["phase"], op.calls) == ("RollingBack", [])
    op.gate = Gate(None)
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "RolledBack")
    assert op.calls == [("DELETE", f"/scheduler-config/{EVICT}/delete/4")]


async def test_the_next_intent_that_lands_late_is_known_again_as_never_sent(op: Rig) -> None:
    """Its write hung in the API server, was read back as absent, and landed after all."""
    await op.approved("p1", TWO)
    held: list[dict[str, object]] = []

    def keep_and_lose() -> None:
        held.append(op.server.seen[-1].body)
        lose()

    def land() -> None:
        op.server.edit(KINDS.proposal, NS, "p1", {"status": held[0]["status"]})

    op.server.order("PATCH", STATUS, lambda: None)  # the claim
    op.server.order("PATCH", STATUS, lambda: None)  # the first step's outcome
    op.server.order("PATCH", STATUS, keep_and_lose)  # the second step's intent
    op.server.order("PATCH", STATUS, land)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/store/1/limit"), ("POST", "/store/2/limit")]


@pytest.mark.parametrize("writes", range(4))
async def test_a_process_that_dies_at_any_write_sends_nothing_twice(
    op: Rig, tmp_path: Path, writes: int
) -> None:
    """Whatever was stored by then, the successor finds out what came of it, call by call."""
    await op.approved("p1", TWO)
    for _ in range(writes):
        op.server.order("PATCH", STATUS, lambda: None, after_storing=True)

    async def die() -> None:
        assert op.running is not None
        op.running.cancel()

    op.server.order("PATCH", STATUS, die, after_storing=True)
    with suppress(LeadershipLost):
        await op.reconcile("p1")
    await op.until(lambda: op.running is not None and op.running.done())
    other = op.successor(tmp_path)
    await other.lead()
    await other.reconcile("p1")
    if writes == 0:  # withheld: nothing is open, and it rests before it is tried again
        assert (op.status("p1")["phase"], op.calls) == ("Approved", [])
    else:
        await other.until(lambda: op.status("p1")["phase"] in ("Succeeded", "Executing"))
    await other.until_idle("p1") if op.status("p1")["phase"] == "Succeeded" else None
    assert len(op.calls) == len(set(op.calls))
    await other.end()


async def test_another_pd_ends_no_undo_that_waits_for_its_time(op: Rig) -> None:
    """Another PD behind the endpoints shows nothing of what stands on the one approved."""
    await op.approved("p1", LIMIT_4, revertAfter="1h")
    await op.reconcile("p1")
    await op.until_phase("p1", "Active")
    await op.until_idle("p1")
    op.clock.advance(3601)
    op.pd.cluster_id = 4711
    watcher = op.clusters.watcher(op.world.clusters[0])
    await watcher.aclose()
    await watcher.renew(op.world.clusters[0], Wanted())
    op.pd.stores[4].add_peer = 15.0
    await op.reconcile("p1")
    status = op.status("p1")
    assert (status["phase"], status["reason"]) == ("Active", "ClusterNotReady")
    assert "4711" in status["message"]


async def test_a_plan_that_waited_lets_those_go_first_that_began_meanwhile(op: Rig) -> None:
    """One action at a time on a PD cluster, also when the wait of a plan is over."""
    first = PlanStep(
        type=ActionType.SET_STORE_LIMIT,
        set_store_limit=limit(1, 20),
        wait_until=WaitUntil(fact=Awaited.STORE_UP, store_id=2, timeout="10m"),
    )
    op.pd.stores[2].state_name = "Disconnected"
    await op.approved("p1", plan(first, limit(3, 25)))
    await op.reconcile("p1")
    await op.until(lambda: op.status("p1")["reason"] == "Waiting")

    op.pd.answers[("POST", "/pd/api/v1/store/4/limit")] = lambda _: answer(200, "soon")
    await op.approved("p2", LIMIT_4)
    await op.reconcile("p2")
    await op.until(lambda: op.sent == 2)
    op.pd.stores[2].state_name = "Up"
    op.executor.nudge(f"{NS}/p1")
    await op.until(lambda: op.status("p1")["reason"] == "Busy")
    assert "p2" in op.status("p1")["message"]
    assert op.sent == 2

    op.pd.stores[4].add_peer = 30.0
    await op.until_phase("p2", "Succeeded")
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "Succeeded")
    assert op.sent == 3


async def test_a_plan_whose_cluster_is_gone_can_be_cancelled(op: Rig, tmp_path: Path) -> None:
    """Also by a process that never saw the TiKVCluster: else nothing would ever end it."""
    await op.approved("p1", TWO)
    between_the_steps(op, lambda: setattr(op, "gate", GONE))
    await op.reconcile("p1")
    await op.until(lambda: op.status("p1")["reason"] == "GateNotInstalled")
    await op.stop_flying()
    op.server.delete(KINDS.cluster, NS, "demo")
    other = op.successor(tmp_path)
    await other.lead()
    await other.reconcile("p1")
    await other.until(lambda: op.status("p1")["reason"] == "ClusterNotReady")
    assert "TiKVCluster demo is gone" in op.status("p1")["message"]
    await other.until_idle("p1")
    op.cancel("p1")
    await other.reconcile("p1")
    status = await other.until_phase("p1", "Failed")
    assert status["reason"] == "Cancelled"
    assert "Left to do by hand: POST /pd/api/v1/store/1/limit" in status["message"]
    await other.end()


async def test_a_wait_longer_than_the_step_before_it_might_take_goes_on(op: Rig) -> None:
    """The bound on a late call is that of a call which is open, not of one long done."""
    first = PlanStep(
        type=ActionType.SET_STORE_LIMIT,
        set_store_limit=limit(1, 20),
        wait_until=WaitUntil(fact=Awaited.STORE_UP, store_id=2, timeout="4h"),
    )
    op.pd.stores[2].state_name = "Disconnected"
    await op.approved("p1", plan(first, limit(3, 25)))
    await op.reconcile("p1")
    await op.until(lambda: op.status("p1")["reason"] == "Waiting")
    op.clock.advance(3 * 3600)
    op.pd.stores[2].state_name = "Up"
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/store/1/limit"), ("POST", "/store/3/limit")]


async def test_an_undo_that_waited_for_pd_is_begun_however_late(op: Rig) -> None:
    """The second step is refused while PD shows nothing; long after, the first is taken back."""

    def refuse(_: httpx.Request) -> httpx.Response:
        op.pd.prepared = False
        return answer(500, "[PD:core:ErrStoreNotFound]store 2 not found")

    op.pd.answers[("POST", "/pd/api/v1/store/2/limit")] = refuse
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until_phase("p1", "RollingBack")
    op.clock.advance(3 * 3600)
    op.pd.prepared = True
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "RolledBack")
    assert op.pd.stores[1].add_peer == 15.0
