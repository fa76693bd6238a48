"""ScatterRegion on the real PD: what moves, and the "created" with which nothing moves (P06)."""

from collections.abc import Callable

import pytest

from assent.api.v1alpha1.parameters.region import ScatterRegion
from assent.core.actions.action import Progress
from assent.core.model.call import Did
from assent.core.model.snapshot import ClusterSnapshot, Region
from tests.contract.actions.stage import Stage, action_for, follower_store, store_without

pytestmark = pytest.mark.action("ScatterRegion")

CREATED = Did("The operator is created.")
ROUNDS = 200
"""PD's scatterer spreads by what it remembers and by chance: about one in ten finds nothing to
move, and most find something."""


def lagging(region: Region) -> Callable[[ClusterSnapshot], bool]:
    return lambda now: bool(now.regions[region.id].pending_store_ids)


@pytest.mark.trap("P06")
async def test_p06_created_is_said_whether_or_not_anything_moves(stage: Stage) -> None:
    """The first region is found well placed and no operator is made; sooner or later one moves.
    Verification tells them apart by the peers, and everything but the peers is as before.
    """
    before = stage.whole_state()
    stayed, moved = 0, 0
    sample = (await stage.see()).sample
    for number in range(ROUNDS):
        region = sample[number % len(sample)]
        params = ScatterRegion(region_id=region.id)
        action = action_for(params)
        assert await stage.refusals(params) == []
        facts = action.before(params, await stage.see(params))
        effects = len(stage.effects(region=region.id, cause="pd"))
        assert await stage.send(action.call(params)) == CREATED
        await stage.at_rest()
        seen = await stage.see(params)
        found = action.verify(params, facts, seen)
        carried_out = stage.effects(region=region.id, cause="pd")[effects:]
        if carried_out:
            moved += 1
            assert found.progress is Progress.SETTLED, found
            assert not action.unchanged(params, facts, seen)
        else:
            stayed += 1
            assert found.progress is Progress.NOT_SEEN
            assert "PD may have found nothing to move (P06)" in found.message
            assert action.unchanged(params, facts, seen)
        if stayed and moved:
            break
    assert stayed, "PD always found something to move"
    assert moved, "PD never found anything to move"
    await stage.until_same(before, except_for=["region/*/leader", "region/*/peers"])


async def test_a_move_under_way_is_seen(stage: Stage) -> None:
    """While a new peer lags, the region has moved and still moves. Somebody else's operator makes
    it here, for PD's scatterer moves what it likes; verification looks at the region alone.
    """
    stage.stores_settings(snapshot_delay_ms=2500)
    region = await stage.region()
    params = ScatterRegion(region_id=region.id)
    action = action_for(params)
    facts = action.before(params, await stage.see(params))
    move = {"from_store_id": follower_store(region), "to_store_id": store_without(region)}
    stage.pd("POST", "/operators", {"name": "transfer-peer", "region_id": region.id, **move})
    seen = await stage.until(lagging(region), "the new peer", params)
    assert action.verify(params, facts, seen).progress is Progress.SEEN
    assert "RegionIdle" in {check.name for check in await stage.refusals(params)}


async def test_a_region_with_a_peer_down_is_refused(stage: Stage) -> None:
    """Its layout is about to change anyway."""
    region = await stage.region()
    stage.store(region.peers[0].store_id, "stop")
    params = ScatterRegion(region_id=region.id)
    await stage.until(lambda now: bool(now.regions[region.id].down_store_ids), "down", params)
    assert "PeersInStep" in {check.name for check in await stage.refusals(params)}
