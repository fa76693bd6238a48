"""What was said while the approval gate was seen to be open never counts."""

import asyncio

import pytest

from assent.controllers import leader as leader_module
from assent.controllers.clusters import Gate
from assent.controllers.doubts import Doubts
from assent.core.lifecycle.decision import Notice
from assent.kube.resources import KINDS, Raw
from tests.support.proposals import EVICT_4, STOP_4
from tests.unit.controllers.test_leader import leading, made
from tests.unit.execution.rig import NS, Rig

OPEN = "the binding assent-approvals is not installed"
STATUS = "/actionproposals/p1/status$"


def forge(op: Rig, digest: str) -> None:
    """Approve in somebody's name, as only an open gate lets through."""
    op.say("p1", approvals=[{"by": "forged", "decision": "Approve", "digest": digest}])


async def suspended(op: Rig) -> Raw:
    """File p1 under a brake; return its status once it waits for people."""
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": True}})
    op.file("p1", EVICT_4)
    return await op.until_phase("p1", "Pending")


def release(op: Rig) -> None:
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": False}})


async def test_a_forgery_that_outran_the_voiding_of_its_digest_is_void(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forger's write makes the operator's a conflict, and when it looks again the gate stands:
    only that it was open is left to go by.
    """
    monkeypatch.setattr(leader_module, "GATE_RECHECK_SECONDS", 0.02)
    found = [Gate(None)]

    async def check() -> Gate:
        return found[0]

    leader = made(op, check_gate=check)
    async with leading(op, leader):
        before = await suspended(op)
        await op.until(lambda: leader.gate.problem is None)
        stuck = asyncio.Event()
        op.server.order("PATCH", STATUS, stuck.wait)
        found[0] = Gate(OPEN, deviates=True)
        leader.gate_moved()
        await op.until(lambda: leader.gate.deviates)
        forge(op, before["digest"])
        found[0] = Gate(None)
        await op.until(lambda: leader.gate.problem is None)
        stuck.set()
        await op.until(lambda: op.status("p1").get("revision") == 2)
        release(op)
        await op.until(lambda: op.cluster_status()["state"] == "Watching")
        assert op.status("p1")["phase"] == "Pending"
        assert "the approval gate stood open" in op.status("p1")["revisionReason"]
    assert op.calls == []


async def test_an_opening_that_only_the_watch_told_of_is_enough(op: Rig) -> None:
    """Deleted and made anew within a moment: every test finds it as shipped."""
    told: list[tuple[str, Notice]] = []
    leader = made(op, told=told)
    async with leading(op, leader):
        before = await suspended(op)
        forge(op, before["digest"])
        await op.until_phase("p1", "Approved")
        leader.gate_moved(OPEN)
        await op.until(lambda: op.status("p1").get("revision") == 2)
        release(op)
        await op.until(lambda: op.cluster_status()["state"] == "Watching")
        assert op.status("p1")["phase"] == "Pending"
        assert op.metric("assent_gate_installed") == 1
    assert op.calls == []
    assert [notice.reason for _, notice in told] == ["GateNotInstalled", "GateInstalled"]


async def test_a_standby_that_saw_it_open_doubts_when_it_leads(op: Rig) -> None:
    """Nobody led then: what the new leader saw as a standby is all that is known of it."""
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": True}})
    told: list[tuple[str, Notice]] = []
    leader = made(op, told=told)
    op.file("p1", EVICT_4)
    await op.reconcile("p1")
    forge(op, op.status("p1")["digest"])
    leader.gate_moved(OPEN)
    assert told == []  # Events are the leader's
    async with leading(op, leader):
        await op.until(lambda: op.status("p1").get("revision") == 2)
        assert op.status("p1")["phase"] == "Pending"
    assert op.calls == []


async def test_what_was_asked_anew_since_is_not_doubted(op: Rig) -> None:
    """A standby that takes over days later must not void what was agreed to since."""
    leader = made(op)
    op.file("p1", EVICT_4)
    await op.reconcile("p1")
    leader.gate_moved(OPEN)
    op.say("p1", reason="another", proposedBy="sre-5")
    op.gate_now = lambda: Gate(None)
    await op.reconcile("p1")
    await op.reconcile("p1")
    status = op.status("p1")
    assert status["revision"] == 2
    op.gate_now = lambda: leader.gate
    forge(op, status["digest"])
    async with leading(op, leader):
        await op.until_phase("p1", "Succeeded")


async def test_doubts_are_forgotten_with_their_proposals(op: Rig) -> None:
    """And one whose life has ended is doubted by nobody."""
    doubts = Doubts(op.world)
    for name in ("p1", "p2"):
        op.file(name, STOP_4)
        await op.reconcile(name)
    first = op.world.proposal(f"{NS}/p1")
    second = op.world.proposal(f"{NS}/p2")
    assert first is not None
    assert second is not None
    doubts.cast(OPEN)
    assert (doubts.about(first), doubts.about(second)) == (OPEN, OPEN)
    op.server.delete(KINDS.proposal, NS, "p1")
    doubts.cast("again")
    assert (doubts.about(first), doubts.about(second)) == (None, "again")
