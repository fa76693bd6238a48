"""One cycle of a TiKVCluster: seen, said, proposed once, and nothing of it on another's PD."""

from datetime import UTC, datetime

import pytest

from assent.api import meta
from assent.controllers.clusters import wanted_of
from assent.errors import Retryable
from assent.kube.errors import Conflict, Forbidden
from assent.kube.resources import KINDS
from tests.support.fake_kube import refusal
from tests.support.proposals import MOVE_17
from tests.unit.execution.rig import NS, Rig

DEMO = f"{NS}/demo"


def status(op: Rig, name: str = "demo") -> dict[str, object]:
    """The TiKVCluster's status."""
    found: dict[str, object] = op.server.get(KINDS.cluster, NS, name).get("status", {})
    return found


async def with_problem(op: Rig) -> None:
    """Leave an eviction standing for longer than the rule's threshold."""
    op.pd.evicted.add(4)
    for region in op.pd.regions.values():
        region.leader_store_id = next(n for n in region.store_ids if n != 4)
    await op.clusters.cycle(DEMO, 7)
    op.clock.advance(7200)
    for store in op.pd.stores.values():
        store.last_heartbeat = datetime.fromtimestamp(op.clock.now().timestamp(), UTC)


async def test_a_cycle_says_once_what_it_sees_and_then_nothing_more(op: Rig) -> None:
    """Idle cycles write nothing at all."""
    assert await op.clusters.cycle(DEMO, 7) is not None
    assert status(op)["state"] == "Watching"
    assert status(op)["epoch"] == 7
    for _ in range(5):
        op.clock.advance(60)
        await op.clusters.cycle(DEMO, 7)
    assert len(op.server.requests("PATCH")) == 1


async def test_an_object_that_is_gone_ends_its_cycles_and_its_connections(op: Rig) -> None:
    """Nothing of it is kept."""
    await op.clusters.cycle(DEMO, 7)
    op.server.delete(KINDS.cluster, NS, "demo")
    assert await op.clusters.cycle(DEMO, 7) is None
    assert op.clusters._watchers == {}


async def test_a_problem_is_proposed_once(op: Rig) -> None:
    """Same problem, same proposal, however many cycles see it."""
    await with_problem(op)
    for _ in range(3):
        await op.clusters.cycle(DEMO, 7)
    (found,) = op.server.all(KINDS.proposal)
    assert found["spec"]["action"]["type"] == "StopEvictLeaders"
    assert found["metadata"]["ownerReferences"][0]["name"] == "demo"
    assert meta.LABEL_INCIDENT in found["metadata"]["labels"]


async def test_a_proposal_of_that_name_is_the_lock(op: Rig) -> None:
    """An earlier leader filed it and our cache has not heard: taken in, not an error."""
    await with_problem(op)
    await op.clusters.cycle(DEMO, 7)
    (filed,) = op.server.all(KINDS.proposal)
    name = filed["metadata"]["name"]
    key = (KINDS.proposal, f"{NS}/{name}")
    op.server.delete(KINDS.proposal, NS, name)
    listeners, op.server.listeners = op.server.listeners, []
    op.server.put(KINDS.proposal, filed)
    assert op.world.raw(key) is None
    op.clock.advance(60)
    await op.clusters.cycle(DEMO, 7)
    op.server.listeners = listeners
    assert op.world.raw(key) is not None
    assert len(op.server.all(KINDS.proposal)) == 1


async def test_a_missing_right_is_said_and_taken_back(op: Rig) -> None:
    """On the object, where the person who can grant it looks."""
    await with_problem(op)
    op.server.order("POST", "/actionproposals$", lambda: refusal(403, "Forbidden", "cannot create"))
    with pytest.raises(Forbidden):
        await op.clusters.cycle(DEMO, 7)
    assert status(op)["state"] == "Forbidden"
    op.clock.advance(60)
    await op.clusters.cycle(DEMO, 7)
    assert status(op)["state"] == "Watching"
    assert len(op.server.all(KINDS.proposal)) == 1


async def test_the_second_on_one_pd_is_told_and_proposes_nothing(op: Rig) -> None:
    """Two owners of one PD would undo each other."""
    await op.clusters.cycle(DEMO, 7)
    op.watch("twin")
    await with_problem(op)
    await op.clusters.cycle(f"{NS}/twin", 7)
    assert status(op, "twin")["state"] == "ClusterClaimed"
    await op.clusters.cycle(f"{NS}/twin", 7)
    assert op.server.all(KINDS.proposal) == []


async def test_a_change_during_the_reading_is_decided_upon(op: Rig) -> None:
    """Suspended while PD was being read: what is said is of the object as it is now."""
    real = op.pd.handle_async_request

    async def meanwhile(request):  # type: ignore[no-untyped-def]
        op.pd.handle_async_request = real  # type: ignore[method-assign]
        op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": True}})
        return await real(request)

    op.pd.handle_async_request = meanwhile  # type: ignore[method-assign]
    await op.clusters.cycle(DEMO, 7)
    assert status(op)["state"] == "Suspended"
    assert status(op)["observedGeneration"] == 2


async def test_an_object_made_anew_during_the_reading_is_not_told_of_the_old_ones_pd(
    op: Rig,
) -> None:
    """Its endpoints may be quite others."""
    real = op.pd.handle_async_request

    async def meanwhile(request):  # type: ignore[no-untyped-def]
        op.pd.handle_async_request = real  # type: ignore[method-assign]
        op.server.delete(KINDS.cluster, NS, "demo")
        op.watch()
        return await real(request)

    op.pd.handle_async_request = meanwhile  # type: ignore[method-assign]
    await op.clusters.cycle(DEMO, 7)
    assert status(op) == {}
    await op.clusters.cycle(DEMO, 7)
    assert status(op)["state"] == "Watching"


async def test_a_conflict_is_for_the_next_cycle(op: Rig) -> None:
    """Nothing is applied to a state that was not looked at."""
    op.server.listeners.clear()
    op.server.edit(KINDS.cluster, NS, "demo", {"metadata": {"labels": {"team": "db"}}})
    with pytest.raises(Conflict):
        await op.clusters.cycle(DEMO, 7)
    assert status(op) == {}


async def test_an_unreachable_pd_is_a_state_and_not_an_error(op: Rig) -> None:
    """And what was known before stays."""
    await op.clusters.cycle(DEMO, 7)
    known = status(op)["clusterId"]
    op.pd.unreachable = {0, 1, 2}
    op.clock.advance(60)
    assert await op.clusters.cycle(DEMO, 7) is not None
    assert (status(op)["state"], status(op)["clusterId"]) == ("PDUnreachable", known)


async def test_a_lost_write_is_retried_by_the_queue(op: Rig) -> None:
    """The API server did not answer: the next cycle decides anew."""
    op.server.order("PATCH", "/status$", lambda: refusal(429, "TooManyRequests", "later"))
    with pytest.raises(Retryable):
        await op.clusters.cycle(DEMO, 7)
    await op.clusters.cycle(DEMO, 7)
    assert status(op)["state"] == "Watching"


def test_the_regions_of_unfinished_proposals_are_read(op: Rig) -> None:
    """Beside what detection needs, what people ask about."""
    op.file("move", MOVE_17)
    assert wanted_of(op.world, op.world.clusters[0]).region_ids == {17}
