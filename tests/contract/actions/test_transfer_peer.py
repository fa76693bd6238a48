"""TransferPeer on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.region import TransferPeer
from assent.core.actions.action import Progress
from assent.core.actions.operator_time import transfer_peer_seconds
from assent.core.model.call import Did, DidNot
from assent.core.model.snapshot import PeerRole, Region
from tests.contract.actions.peers import (
    hold_rule_checker,
    pd_timeout_seconds,
    roles_of,
    want_replicas,
)
from tests.contract.actions.stage import Stage, action_for, follower_store, store_without

pytestmark = pytest.mark.action("TransferPeer")


def away_from(region: Region, source: int) -> TransferPeer:
    return TransferPeer(
        region_id=region.id, from_store_id=source, to_store_id=store_without(region)
    )


@pytest.mark.trap("P43")
async def test_p43_a_peer_moves_by_exact_steps_and_back(stage: Stage) -> None:
    """A learner, one joint step in and out with two peers each, the removal: conf_ver + 6."""
    before = stage.whole_state()
    region = await stage.region()
    params = away_from(region, follower_store(region))
    done = await stage.perform(params)
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    await stage.at_rest()
    made = stage.effects(region=region.id)
    assert [line["kind"] for line in made] == [
        "add_peer",
        "enter_joint",
        "leave_joint",
        "remove_peer",
    ]
    steps = [line["epoch_after"]["conf_ver"] - line["epoch_before"]["conf_ver"] for line in made]
    assert steps == [1, 2, 2, 1]
    assert made[0]["to_store"] == params.to_store_id
    await stage.undo(done)
    await stage.until_same(before)


async def test_a_leader_that_had_to_go_leads_again_after_the_undo(stage: Stage) -> None:
    """PD moves the leadership silently; giving the peer back alone would not restore it."""
    before = stage.whole_state()
    region = await stage.region()
    assert region.leader_store_id is not None
    done = await stage.perform(away_from(region, region.leader_store_id))
    assert done.settled, done.verification
    await stage.at_rest()
    sent = await stage.undo(done)
    assert [call.body and call.body["name"] for call in sent] == [
        "transfer-peer",
        "transfer-leader",
    ]
    await stage.until_same(before)


@pytest.mark.trap("P44")
async def test_p44_a_snapshot_that_takes_longer_than_pd_repeats_itself(stage: Stage) -> None:
    """PD sends the same command again after 5 s; one replica is made of it."""
    stage.stores_settings(snapshot_delay_ms=6000)
    region = await stage.region()
    done = await stage.perform(away_from(region, follower_store(region)))
    assert done.settled, done.verification
    assert done.seconds > 6
    assert len(stage.effects("add_peer", region=region.id)) == 1


@pytest.mark.trap("P19")
async def test_p19_pd_moves_a_peer_although_scheduling_is_halted_or_denied(stage: Stage) -> None:
    """Both hold us back by name; PD carries an administrator's operator out all the same."""
    region = await stage.region()
    params = away_from(region, follower_store(region))
    rule = {
        "id": "import",
        "labels": [{"key": "schedule", "value": "deny"}],
        "rule_type": "key-range",
        "data": [{"start_key": "", "end_key": ""}],
    }
    stage.pd("POST", "/config/region-label/rule", rule)
    stage.config("schedule.halt-scheduling", "true")
    held = [check.name for check in await stage.refusals(params)]
    assert held == ["SchedulingNotHalted", "ScheduleNotDenied"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    await stage.until(
        lambda now: roles_of(now, region.id).get(params.to_store_id) is PeerRole.VOTER,
        "the peer on its way",
        params,
    )
    stage.config("schedule.halt-scheduling", "false")


@pytest.mark.trap("P20")
async def test_p20_pd_moves_a_peer_to_a_store_without_space(stage: Stage) -> None:
    """Low space holds us back by name; PD does not look."""
    region = await stage.region()
    params = away_from(region, follower_store(region))
    stage.store(params.to_store_id, "fill")
    await stage.until(
        lambda now: any(
            store.id == params.to_store_id and store.available_bytes < store.capacity_bytes // 5
            for store in now.stores
        ),
        "a full store",
    )
    assert [check.name for check in await stage.refusals(params)] == ["TargetHasSpace"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")


@pytest.mark.trap("P20")
async def test_p20_pd_moves_a_peer_to_a_store_that_is_leaving(stage: Stage) -> None:
    """An Offline target is refused by us; PD would fill what it is emptying."""
    region = await stage.region()
    params = away_from(region, follower_store(region))
    # No peer leaves it while the checker stands still, so that mending can take it back.
    hold_rule_checker(stage)
    stage.pd("POST", f"/store/{params.to_store_id}/state?state=Offline")
    assert [check.name for check in await stage.refusals(params)] == ["StoreUp"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    await stage.at_rest()


@pytest.mark.trap("P21")
async def test_p21_a_peer_that_no_rule_wants_there_is_moved_back(stage: Stage) -> None:
    """We refuse it and say why; PD moves it, and then moves it on."""
    region = await stage.region()
    params = away_from(region, follower_store(region))
    held = {peer.store_id for peer in region.peers}
    hold_rule_checker(stage)
    host = (await stage.see()).store(params.to_store_id)
    assert host is not None
    elsewhere = {"key": "host", "op": "notIn", "values": [host.labels["host"]]}
    want_replicas(stage, region, constraints=[elsewhere], voter=3)
    refused = await stage.refusals(params)
    assert [check.name for check in refused] == ["RulesKeepIt"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    await stage.until(
        lambda now: (
            params.to_store_id in roles_of(now, region.id)
            and params.from_store_id not in roles_of(now, region.id)
        ),
        "the peer where no rule wants it",
        params,
    )
    stage.pd("POST", "/checker/rule", {"delay": 0})
    await stage.until(
        lambda now: set(roles_of(now, region.id)) == held, "the peer moved back", params
    )


@pytest.mark.trap("P24")
async def test_p24_one_that_somebody_cancels_half_way_comes_to_nothing(stage: Stage) -> None:
    """A learner is left behind; it is no effect of ours, and PD's rule checker removes it."""
    before = stage.whole_state()
    region = await stage.region()
    params = away_from(region, follower_store(region))
    action = action_for(params)
    captured = action.before(params, await stage.see(params))
    stage.stores_settings(snapshot_delay_ms=3000)
    assert await stage.send(action.call(params)) == Did("The operator is created.")
    half = await stage.until(
        lambda now: params.to_store_id in roles_of(now, region.id), "the learner", params
    )
    on_its_way = action.verify(params, captured, half)
    assert on_its_way.progress is Progress.NOT_SEEN
    assert "on its way, or PD's checkers clean it up" in on_its_way.message
    assert not action.unchanged(params, captured, half)
    stage.pd("DELETE", f"/operators/{region.id}")
    await stage.until_same(before)
    assert action.unchanged(params, captured, await stage.see(params))


@pytest.mark.trap("P22")
async def test_p22_pd_gives_up_when_the_reckoning_says(stage: Stage) -> None:
    """17 min for a follower's peer, 18 for the leader's, in the operator's own text."""
    region = await stage.region()
    leader = region.leader_store_id
    assert leader is not None
    bound = action_for(away_from(region, leader)).timeout_seconds
    for source, expected in ((follower_store(region), 17 * 60), (leader, 18 * 60)):
        stage.store(leader, "hang")
        params = away_from(region, source)
        assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
        shown = pd_timeout_seconds(stage, region.id)
        assert shown == expected <= transfer_peer_seconds(region.size_mib)
        assert bound is not None
        assert shown < bound
        stage.pd("DELETE", f"/operators/{region.id}")


@pytest.mark.trap("P18")
async def test_p18_a_second_one_is_refused_while_the_first_runs(stage: Stage) -> None:
    """Refused on repeat: by us because the region is busy, by PD in its one text."""
    region = await stage.region()
    assert region.leader_store_id is not None
    params = away_from(region, follower_store(region))
    stage.store(region.leader_store_id, "hang")
    call = action_for(params).call(params)
    assert await stage.send(call) == Did("The operator is created.")
    assert "RegionIdle" in [check.name for check in await stage.refusals(params)]
    again = await stage.send(call)
    assert isinstance(again, DidNot)
    assert "maybe already have one" in again.answer
