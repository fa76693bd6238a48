"""A broken glass is told of once, and by the next leader where who stored it was killed."""

from contextlib import suppress
from pathlib import Path

import pytest

from assent.errors import LeadershipLost
from assent.kube.resources import KINDS
from tests.support.proposals import EVICT_4
from tests.unit.execution.rig import NS, Rig

GLASS = "assent_glass_broken_total"
WHY = "both colleagues are on a plane"


async def approved_by_one(op: Rig, *, suspend: bool) -> None:
    """One of two has said yes, and stands in for the other; nobody has looked at it yet."""
    needed = {"policy": {"approvalsNeeded": {"medium": 2}}, "suspend": suspend}
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": needed})
    op.file("p1", EVICT_4)
    await op.reconcile("p1")
    seat = {"by": "sre-2", "decision": "Approve", "digest": op.status("p1")["digest"]}
    op.say("p1", approvals=[{**seat, "breakGlass": WHY}])


async def told(op: Rig) -> int:
    """How many Events of this process's tell of it."""
    await op.events.aclose(within_seconds=30)
    events = op.server.all(KINDS.event)
    mine = [one for one in events if one["reportingInstance"] == op.term.holder]
    return sum(one.get("count", 1) for one in mine if one["reason"] == "GlassBroken")


@pytest.mark.parametrize("suspend", [True, False], ids=["held", "claimed"])
async def test_the_next_leader_tells_of_what_a_killed_one_stored(
    op: Rig, tmp_path: Path, suspend: bool
) -> None:
    """Its Event waits a tenth of a second, and its count until it is scraped: both die with it."""
    await approved_by_one(op, suspend=suspend)
    op.dies_after_storing()
    with suppress(LeadershipLost):
        await op.reconcile("p1")
    await op.stop_flying()
    assert op.status("p1")["approvals"]["summary"] == "1/2 glass"
    op.clock.advance(60)
    later = op.successor(tmp_path)
    await later.lead()
    try:
        for _ in range(3):
            await later.reconcile("p1")
        assert later.metric(GLASS, tier="Medium") == 1
        assert await told(later) == 1
    finally:
        await later.end()


async def test_what_was_told_of_long_ago_is_no_news_to_the_next_leader(
    op: Rig, tmp_path: Path
) -> None:
    """Held for an hour: a change of the leader must not raise the alarm again."""
    await approved_by_one(op, suspend=True)
    await op.reconcile("p1")
    op.clock.advance(3600)
    later = op.successor(tmp_path)
    await later.lead()
    try:
        for _ in range(2):
            await later.reconcile("p1")
        assert later.metric(GLASS, tier="Medium") == 0
        assert await told(later) == 0
    finally:
        await later.end()


async def test_who_stored_it_tells_of_it_once(op: Rig) -> None:
    """However often it is looked at, to its end."""
    await approved_by_one(op, suspend=True)
    for _ in range(3):
        await op.reconcile("p1")
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": False}})
    for _ in range(3):
        await op.reconcile("p1")
        await op.until_idle("p1")
    assert op.status("p1")["phase"] == "Succeeded"
    assert op.metric(GLASS, tier="Medium") == 1
    assert await told(op) == 1


async def test_what_ended_at_once_is_told_of_too(op: Rig, tmp_path: Path) -> None:
    """A dry run is over with the write that bears the mark."""
    await approved_by_one(op, suspend=False)
    op.server.edit(KINDS.proposal, NS, "p1", {"spec": {"dryRun": True, "approvals": None}})
    await op.reconcile("p1")
    seat = {"by": "sre-2", "decision": "Approve", "digest": op.status("p1")["digest"]}
    op.say("p1", approvals=[{**seat, "breakGlass": WHY}])
    await op.reconcile("p1")
    assert op.status("p1")["phase"] == "Succeeded"
    later = op.successor(tmp_path)
    await later.lead()
    try:
        for _ in range(2):
            assert await later.reconcile("p1") is None
        assert later.metric(GLASS, tier="Medium") == 1
    finally:
        await later.end()
