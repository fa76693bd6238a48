"""What the simulated stores must do so that the real PD takes them for TiKV."""

import asyncio
import time

import pytest

from assent.api.v1alpha1.parameters.region import TransferLeader, TransferPeer
from assent.core.model.call import Did
from tests.contract.actions.stage import Stage, action_for, follower_store, store_without

CONF_VER_STEPS = {
    "add_peer": 1,
    "remove_peer": 1,
    "enter_joint": 2,
    "leave_joint": 2,
    "transfer_leader": 0,
}
"""How far each change moves conf_ver; one joint change swaps two peers."""


@pytest.mark.trap("P41")
async def test_p41_stores_are_known_by_addresses_of_their_own(stage: Stage) -> None:
    """PD has every store that bootstrapped or was put; an address in use is refused, and the
    store stays where PD knew it.
    """
    stores = stage.pd("GET", "/stores")["stores"]
    addresses = {entry["store"]["address"] for entry in stores}
    assert [len(stores), len(addresses)] == [4, 4]
    assert stage.pd("GET", "/cluster/status")["raft_bootstrap_time"]
    taken = next(e["store"]["address"] for e in stores if e["store"]["id"] == 3)
    own = next(e["store"]["address"] for e in stores if e["store"]["id"] == 4)
    stage.store(4, "stop")
    stage.store(4, "start", address=taken)
    log = stage.cluster.processes["tikvsim"].log
    deadline = time.monotonic() + 60
    while "PD refused a store" not in log.read_text():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert stage.pd("GET", "/store/4")["store"]["address"] == own


@pytest.mark.trap("P42")
async def test_p42_every_stores_commands_reach_that_store(stage: Stage) -> None:
    """One region of each store is asked to change its leader: four commands, each on the stream
    of the store that leads.
    """
    sample = (await stage.see()).sample
    for store in (1, 2, 3, 4):
        region = next(one for one in sample if one.leader_store_id == store)
        order = {
            "name": "transfer-leader",
            "region_id": region.id,
            "to_store_id": follower_store(region),
        }
        stage.pd("POST", "/operators", order)
        await stage.at_rest()
        done = [line for line in stage.commands(region.id) if line["result"] == "done"]
        assert [(line["store"], line["command"]) for line in done] == [(store, "transfer_leader")]


@pytest.mark.trap("P24", "P43", "P44")
async def test_p43_a_move_takes_exactly_the_steps_that_pd_counts(stage: Stage) -> None:
    """Learner, joint state, its end, removal: one step too many and PD would cancel it as stale.
    The new peer has the id that PD gave it, which the operator's text names.
    """
    region = await stage.region()
    stay = {region.leader_store_id}
    away = next(peer.store_id for peer in region.peers if peer.store_id not in stay)
    params = TransferPeer(
        region_id=region.id, from_store_id=away, to_store_id=store_without(region)
    )
    stage.stores_settings(command_delay_ms=300)
    snapshot = await stage.see(params)
    assert isinstance(await stage.send(action_for(params).call(params)), Did)
    running = (await stage.see(params)).running_operators[region.id]
    snapshot = await stage.until(
        lambda now: now.regions[region.id].peer_on(away) is None, "the move", params
    )
    await stage.at_rest()
    lines = stage.effects(region=region.id)
    assert {line["kind"] for line in lines} >= {"add_peer", "enter_joint", "leave_joint"}
    for line in lines:
        moved = line["epoch_after"]["conf_ver"] - line["epoch_before"]["conf_ver"]
        assert moved == CONF_VER_STEPS[line["kind"]], line
        assert line["epoch_after"]["version"] == line["epoch_before"]["version"], line
    new = snapshot.regions[region.id].peer_on(params.to_store_id)
    assert new is not None
    assert f"peer {new.id} on store {params.to_store_id}" in running
    ended = (await stage.see(params)).ended_operators[region.id]
    assert ended.status == "SUCCESS"


@pytest.mark.trap("P43")
async def test_p43_a_merged_region_is_a_version_above_both(stage: Stage) -> None:
    """Or PD would take the target's heartbeat for a stale one."""
    left, right = (await stage.see()).sample[10:12]
    order = {"name": "merge-region", "source_region_id": left.id, "target_region_id": right.id}
    stage.pd("POST", "/operators", order)
    now = await stage.until(
        lambda now: now.regions[right.id].start_key == left.start_key, "the merge", None, right.id
    )
    (line,) = stage.effects("merge")
    assert line["source_region"] == left.id
    assert now.regions[right.id].version == max(left.version, right.version) + 1


@pytest.mark.trap("P44")
async def test_p44_a_repeated_command_has_one_effect(stage: Stage) -> None:
    """PD asks again every 2 s until it sees the change; stores that are slow get it twice."""
    region = await stage.region()
    params = TransferLeader(region_id=region.id, to_store_id=follower_store(region))
    stage.stores_settings(command_delay_ms=2800)
    done = await stage.perform(params)
    assert done.settled
    deadline = time.monotonic() + 60
    while len(lines := stage.commands(region.id)) < 2:
        assert time.monotonic() < deadline, lines
        await asyncio.sleep(0.05)
    assert [line["result"] for line in lines].count("done") == 1
    assert len(stage.effects(region=region.id)) == 1


@pytest.mark.trap("P45")
async def test_p45_pd_hears_of_a_change_at_once(stage: Stage) -> None:
    """Not with the heartbeat of the minute, or every operator would take that long a step."""
    region = await stage.region()
    began = time.monotonic()
    done = await stage.perform(
        TransferLeader(region_id=region.id, to_store_id=follower_store(region))
    )
    assert done.settled
    assert time.monotonic() - began < 20, "far below the 60 s between heartbeats"
