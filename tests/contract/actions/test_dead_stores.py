"""Stores die on the real PD: what we refuse then, and when PD itself repairs."""

import time
from datetime import datetime, timedelta

import pytest

from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import (
    AddLearner,
    AddPeer,
    MergeRegions,
    RemovePeer,
    ScatterRegion,
    SplitPolicy,
    SplitRegion,
    TransferLeader,
    TransferPeer,
)
from assent.core.model.snapshot import Region, StoreState
from tests.contract.actions.stage import Stage, follower_store, store_without

DOWN_AFTER = "3s"
REPAIR_SECONDS = 60.0


def every_change_of(region: Region, neighbour: Region) -> list[ApiModel]:
    """Return every action on the region, each with parameters that are right on a good day."""
    led, voter, free = region.leader_store_id or 0, follower_store(region), store_without(region)
    return [
        TransferLeader(region_id=region.id, to_store_id=voter),
        TransferPeer(region_id=region.id, from_store_id=led, to_store_id=free),
        AddPeer(region_id=region.id, store_id=free),
        AddLearner(region_id=region.id, store_id=free),
        RemovePeer(region_id=region.id, store_id=voter),
        SplitRegion(region_id=region.id, policy=SplitPolicy.APPROXIMATE),
        MergeRegions(source_region_id=region.id, target_region_id=neighbour.id),
        ScatterRegion(region_id=region.id),
    ]


@pytest.mark.trap("P20", "P37")
async def test_p20_nothing_is_done_to_a_region_whose_three_stores_are_dead(stage: Stage) -> None:
    """PD still shows its last leader and takes operators for it; nobody could carry them out, and
    whoever comes back must find the region as it was.
    """
    region, neighbour = (await stage.see()).sample[8:10]
    stage.config("max-store-down-time", DOWN_AFTER)
    dead = {peer.store_id for peer in region.peers}
    for store in dead:
        stage.store(store, "stop")
    await stage.until(
        lambda now: all(s.state is StoreState.DOWN for s in now.stores if s.id in dead), "all down"
    )
    for params in every_change_of(region, neighbour):
        assert await stage.refusals(params), params
    assert stage.pd("GET", f"/region/id/{region.id}")["leader"]["store_id"] in dead
    assert stage.writes() == []


@pytest.mark.trap("P37")
async def test_p37_repair_starts_when_the_store_itself_was_silent_for_long(stage: Stage) -> None:
    """Its regions are led elsewhere at once and PD shows it Up; only when max-store-down-time is
    over PD says Down and replaces its peers.
    """
    stage.config("max-store-down-time", "8s")
    stage.stores_settings(down_seconds_factor=1000)
    began = time.monotonic()
    stage.store(4, "stop")
    await stage.until(
        lambda now: any(s.id == 4 and s.leader_count == 0 for s in now.stores), "its leaders gone"
    )
    if time.monotonic() - began < 6:  # a busy machine may have taken its time
        assert stage.effects("add_peer") == []
        early = await stage.see()
        assert next(s.state for s in early.stores if s.id == 4) is StoreState.UP
    await stage.until(
        lambda now: any(s.id == 4 and s.region_count == 0 for s in now.stores),
        "its regions replaced",
        timeout_seconds=REPAIR_SECONDS,
    )
    stage.spoilt = True  # store 4 comes back empty
    replaced = stage.effects("remove_peer", from_store=4)  # a peer may be added for other reasons
    repair = datetime.fromisoformat(replaced[0]["time"])
    down = next(s for s in (await stage.see()).stores if s.id == 4)
    assert down.state is StoreState.DOWN
    assert down.last_heartbeat is not None
    assert repair - down.last_heartbeat >= timedelta(seconds=8)


@pytest.mark.long
@pytest.mark.trap("P37")
async def test_p37_a_silent_store_is_disconnected_after_20_s(stage: Stage) -> None:
    """Until then PD shows it Up, and would let us move leaders to it."""
    region = await stage.region(lambda one: one.peer_on(4) is not None and one.leader_store_id != 4)
    stage.store(4, "stop")
    params = TransferLeader(region_id=region.id, to_store_id=4)
    found = await stage.until(
        lambda now: any(s.id == 4 and s.state is not StoreState.UP for s in now.stores),
        "it disconnected",
        timeout_seconds=40,
    )
    assert next(s.state for s in found.stores if s.id == 4) is StoreState.DISCONNECTED
    assert "StoreUp" in {check.name for check in await stage.refusals(params)}
