"""A gate that was away while nobody led: what people seem to have said meanwhile never counts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from assent.controllers import leader as leader_module
from assent.controllers.clusters import Gate
from assent.controllers.doubts import MADE_ANEW
from assent.controllers.leader import Leader
from assent.kube.resources import KINDS
from tests.support.fake_kube import refusal
from tests.unit.controllers.test_doubts import STATUS, forge, release, suspended
from tests.unit.controllers.test_leader import leading, made
from tests.unit.execution.rig import NS, Rig


def finds(op: Rig, mark: str) -> Leader:
    """Return a leader that finds a gate that stands, of this installation."""

    async def check() -> Gate:
        return Gate(None, mark=mark)

    return made(op, check_gate=check)


@asynccontextmanager
async def one_term(op: Rig, mark: str) -> AsyncIterator[None]:
    """Lead under a gate of this installation."""
    async with leading(op, finds(op, mark)):
        yield


async def asked(op: Rig) -> str:
    """File p1 under a brake, under the first installation; return the digest it was given."""
    async with one_term(op, "first"):
        status = await suspended(op)
        await op.until(lambda: op.cluster_status().get("gate") == "first")
    return str(status["digest"])


async def test_what_was_said_under_another_installation_is_void(op: Rig) -> None:
    """Uninstalled and installed again, with the digest known to all: as shipped at each test."""
    forge(op, await asked(op))
    async with one_term(op, "second"):
        await op.until(lambda: op.status("p1").get("revision") == 2)
        release(op)
        await op.until(lambda: op.cluster_status()["state"] == "Watching")
        status = op.status("p1")
        assert status["phase"] == "Pending"
        assert "was made anew" in status["revisionReason"]
        assert any(MADE_ANEW in entry["message"] for entry in status["history"])
        await op.until(lambda: op.cluster_status()["gate"] == "second")
    assert op.calls == []


async def test_under_the_same_installation_approvals_outlive_the_leader(op: Rig) -> None:
    """Else each change of the leader would wake everybody who has approved."""
    forge(op, await asked(op))
    release(op)
    async with one_term(op, "first"):
        await op.until_phase("p1", "Succeeded")
    assert op.status("p1")["revision"] == 1


async def test_the_new_installation_is_noted_once_all_was_asked_anew(op: Rig) -> None:
    """A leader that dies before must leave the doubt to the next one."""
    forge(op, await asked(op))
    for _ in range(3):
        op.server.order("PATCH", STATUS, lambda: refusal(503, "ServiceUnavailable", "no leader"))
    async with one_term(op, "second"):
        release(op)
        await op.until(lambda: op.cluster_status()["state"] == "Watching")
        assert op.cluster_status()["gate"] == "first"
    async with one_term(op, "second"):
        await op.until(lambda: op.status("p1").get("revision") == 2)
        await op.until(lambda: op.cluster_status()["gate"] == "second")
    assert op.calls == []


async def test_who_takes_the_note_away_wins_nothing(op: Rig) -> None:
    """Status can be written by others, too, while the gate is away."""
    forge(op, await asked(op))
    raw = op.server.get(KINDS.cluster, NS, "demo")
    status = {key: value for key, value in raw["status"].items() if key != "gate"}
    op.server.put(KINDS.cluster, {**raw, "status": status})
    assert "gate" not in op.cluster_status()
    async with one_term(op, "second"):
        await op.until(lambda: op.status("p1").get("revision") == 2)
    assert op.calls == []


async def test_what_was_asked_anew_is_not_doubted_by_the_next_test(
    op: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note in status may be a cycle behind: one installation is a reason for doubt once."""
    monkeypatch.setattr(leader_module, "GATE_CHECK_SECONDS", 0.01)
    await asked(op)
    tests = 0

    async def check() -> Gate:
        nonlocal tests
        tests += 1
        return Gate(None, mark="second")

    for _ in range(20):
        op.server.order("PATCH", "/tikvclusters/demo/status$", lambda: refusal(503, "x", "later"))
    async with leading(op, made(op, check_gate=check)):
        await op.until(lambda: op.status("p1").get("revision") == 2)
        before = tests
        await op.until(lambda: tests > before + 3)
        forge(op, op.status("p1")["digest"])
        await op.until_phase("p1", "Approved")
    assert op.status("p1")["revision"] == 2
    assert op.cluster_status()["gate"] == "first"


async def test_what_another_leader_has_asked_anew_is_not_doubted(op: Rig) -> None:
    """This process led under the first installation, then another did under the second, noted it,
    and people agreed: that this one leads again is no reason to wake them.
    """
    digest = await asked(op)
    op.server.edit(KINDS.cluster, NS, "demo", {"status": {"gate": "second"}})
    forge(op, digest)
    release(op)
    async with one_term(op, "second"):
        await op.until_phase("p1", "Succeeded")
    assert op.status("p1")["revision"] == 1
