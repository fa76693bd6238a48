"""What a change sets in motion while leading, and what must not end leadership."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from assent.controllers import leader as leader_module
from assent.controllers.clusters import Gate
from assent.controllers.leader import UNTESTED, Leader
from assent.core.lifecycle.decision import Notice
from assent.errors import LeadershipLost, Retryable
from assent.kube.resources import KINDS
from tests.support.fake_kube import lose, refusal
from tests.support.proposals import EVICT_4
from tests.unit.execution.rig import NS, Rig


async def stands() -> Gate:
    """A gate that stands."""
    return Gate(None)


async def warm() -> None:
    """Connections are warm."""


def made(
    op: Rig,
    *,
    check_gate: Callable[[], Awaitable[Gate]] = stands,
    keep_warm: Callable[[], Awaitable[None]] = warm,
    told: list[tuple[str, Notice]] | None = None,
) -> Leader:
    """Return a leader over the rig's parts."""
    found = Leader(
        world=op.world,
        clusters=op.clusters,
        proposals=op.proposals,
        executor=op.executor,
        check_gate=check_gate,
        read_anew=op.read_anew,
        keep_warm=keep_warm,
        announce=lambda key, notice: told.append((key, notice)) if told is not None else None,
        metrics=op.metrics,
    )
    op.on_change, op.gate_now = found.changed, lambda: found.gate
    return found


@asynccontextmanager
async def leading(op: Rig, leader: Leader) -> AsyncIterator["asyncio.Task[None]"]:
    """Lead for as long as the block lasts."""
    await op.stop_flying()  # the leader runs the executor itself
    task = asyncio.create_task(leader.lead(op.term))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ExceptionGroup):
            await task


async def test_a_filed_proposal_is_assessed_and_an_approval_executed(op: Rig) -> None:
    """By nothing but the events of the watch."""
    async with leading(op, made(op)):
        op.file("p1", EVICT_4)
        status = await op.until_phase("p1", "Pending")
        seats = [{"by": "sre-2", "decision": "Approve", "digest": status["digest"]}]
        op.say("p1", approvals=seats)
        await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]


async def test_standing_by_nothing_is_done(op: Rig) -> None:
    """A standby keeps its cache and touches nothing."""
    made(op)
    op.file("p1", EVICT_4)
    assert op.server.seen == []
    assert op.pd.seen == []


async def test_a_halt_and_its_end_reach_every_proposal(op: Rig) -> None:
    """Whoever halts wants to read it on the objects."""
    async with leading(op, made(op)):
        await op.until(lambda: "state" in op.cluster_status())
        op.halt()
        await op.until(lambda: op.cluster_status()["state"] == "Halted")
        op.server.delete(KINDS.halt, "", "stop-all")
        await op.until(lambda: op.cluster_status()["state"] == "Watching")


async def test_the_end_of_a_cluster_reaches_its_proposals(op: Rig) -> None:
    """They say why they wait, at once."""
    async with leading(op, made(op)):
        op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": True}})
        op.file("p1", EVICT_4)
        status = await op.until_phase("p1", "Pending")
        seats = [{"by": "sre-2", "decision": "Approve", "digest": status["digest"]}]
        op.say("p1", approvals=seats)
        await op.until_phase("p1", "Approved")
        op.server.delete(KINDS.cluster, NS, "demo")
        await op.until(lambda: op.status("p1")["reason"] == "ClusterNotReady")


@pytest.mark.parametrize("lost", [False, True], ids=["conflict", "answer lost"])
async def test_a_cache_that_a_write_proves_old_is_read_anew(op: Rig, lost: bool) -> None:
    """A watch may lag for long, or miss an edit: waiting for it would hold what was approved."""
    async with leading(op, made(op)):
        op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": True}})
        op.file("p1", EVICT_4)
        status = await op.until_phase("p1", "Pending")
        seats = [{"by": "sre-2", "decision": "Approve", "digest": status["digest"]}]
        op.say("p1", approvals=seats)
        await op.until_phase("p1", "Approved")
        listeners, op.server.listeners = op.server.listeners, []
        op.server.edit(KINDS.proposal, NS, "p1", {"metadata": {"labels": {"team": "db"}}})
        op.server.listeners = listeners
        if lost:
            op.server.order("PATCH", "/actionproposals/p1/status$", lose)
        op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": False}})
        await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]


async def test_a_test_of_the_gate_that_breaks_closes_the_gate_and_not_the_leader(op: Rig) -> None:
    """A bug in the check is no reason to stop watching, and none to trust the gate."""

    async def broken() -> Gate:
        raise KeyError("spec")

    leader = made(op, check_gate=broken)
    async with leading(op, leader) as task:
        await op.until(lambda: op.cluster_status().get("state") == "GateNotInstalled")
        assert "cannot be tested" in (leader.gate.problem or "")
        assert not task.done()


async def test_a_gate_that_heals_is_noticed(op: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a restart, and all objects are looked at again."""
    monkeypatch.setattr(leader_module, "GATE_RECHECK_SECONDS", 0.01)
    answers = [Gate("a binding is missing")]

    async def healing() -> Gate:
        return answers.pop() if answers else Gate(None)

    async with leading(op, made(op, check_gate=healing)):
        await op.until(lambda: op.cluster_status().get("state") == "Watching")
    assert op.metric("assent_gate_installed") == 1


async def test_what_an_earlier_term_found_of_the_gate_proves_nothing(op: Rig) -> None:
    """Hours may lie between two terms: first the test, then the work."""
    tested = asyncio.Event()

    async def slowly() -> Gate:
        await tested.wait()
        return Gate(None)

    leader = made(op, check_gate=slowly)
    leader.gate = Gate(None)
    async with leading(op, leader):
        await asyncio.sleep(0)
        assert leader.gate == UNTESTED
        assert op.pd.seen == []
        tested.set()
        await op.until(lambda: op.cluster_status().get("state") == "Watching")


async def test_connections_that_cannot_be_kept_warm_do_not_end_the_leader(op: Rig) -> None:
    """The API server restarts: cold connections cost time, not leadership."""

    async def away() -> None:
        raise Retryable("APIServerUnreachable", "no connection")

    async with leading(op, made(op, keep_warm=away)) as task:
        await op.until(lambda: op.cluster_status().get("state") == "Watching")
        assert not task.done()


async def test_leadership_lost_ends_everything(op: Rig) -> None:
    """A later term has written: no worker goes on."""
    op.server.edit(KINDS.cluster, NS, "demo", {"status": {"epoch": 99}})
    async with leading(op, made(op)) as task:
        async with asyncio.timeout(30):
            with pytest.raises(ExceptionGroup) as caught:
                await task
    assert caught.value.subgroup(LeadershipLost) is not None


async def test_an_error_of_one_object_is_counted_and_the_others_go_on(op: Rig) -> None:
    """One bad object must not stop a hundred good ones."""
    op.watch("bad")
    invalid = refusal(422, "Invalid", "status.message: Too long")
    op.server.order("PATCH", "/tikvclusters/bad/status$", lambda: invalid)
    errors = "assent_reconcile_errors_total"
    async with leading(op, made(op)):
        await op.until(lambda: op.metric(errors, kind="TiKVCluster", reason="Invalid") == 1)
        await op.until(lambda: op.cluster_status().get("state") == "Watching")
        await op.until(lambda: op.cluster_status("bad").get("state") == "ClusterClaimed")


async def test_an_error_that_no_status_can_tell_is_told_whole_by_the_log(
    op: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the right to write a status the object goes on saying what was true before."""
    said = (
        'tikvclusters.assent.tikv.org "demo" is forbidden: User "assent" cannot patch resource '
        '"tikvclusters/status" in API group "assent.tikv.org" in the namespace "tikv"'
    )
    op.server.order("PATCH", "/tikvclusters/demo/status$", lambda: refusal(403, "Forbidden", said))
    async with leading(op, made(op)):
        await op.until(lambda: "reconcile failed" in caplog.text)
    (first, *_) = [line for line in caplog.records if line.getMessage() == "reconcile failed"]
    lacks = 'resources ["tikvclusters/status"], verbs ["patch"]'
    assert lacks in vars(first)["detail"]


async def test_events_say_when_the_gate_falls_and_when_it_stands_again(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each, about every TiKVCluster; the metric says the same."""
    monkeypatch.setattr(leader_module, "GATE_RECHECK_SECONDS", 0.01)
    found = [Gate("a binding is missing", deviates=True)]

    async def check() -> Gate:
        return found[0]

    told: list[tuple[str, Notice]] = []
    leader = made(op, check_gate=check, told=told)
    async with leading(op, leader):
        await op.until(lambda: len(told) == 1)
        assert op.metrics.registry.get_sample_value("assent_gate_installed") == 0
        leader.gate_moved()
        await op.until(lambda: leader.gate == found[0])
        found[0] = Gate(None)
        await op.until(lambda: len(told) == 2)
        assert op.metrics.registry.get_sample_value("assent_gate_installed") == 1
    assert [key for key, _ in told] == [f"{NS}/demo"] * 2
    fell, stands_again = (notice for _, notice in told)
    assert (fell.reason, fell.warning) == ("GateNotInstalled", True)
    assert fell.message == "nothing executes: a binding is missing"
    assert (stands_again.reason, stands_again.warning) == ("GateInstalled", False)


async def test_a_gate_that_stands_from_the_start_is_no_news(op: Rig) -> None:
    """An idle operator posts nothing."""
    told: list[tuple[str, Notice]] = []
    async with leading(op, made(op, told=told)):
        await op.until(lambda: "state" in op.cluster_status())
    assert told == []
