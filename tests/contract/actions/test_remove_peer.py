"""RemovePeer on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.region import RemovePeer
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.model.call import Did, DidNot
from assent.core.model.snapshot import StoreState
from tests.contract.actions.peers import (
    hold_rule_checker,
    operator_text,
    pd_timeout_seconds,
    roles_of,
)
from tests.contract.actions.stage import Stage, action_for, follower_store, store_without

pytestmark = pytest.mark.action("RemovePeer")


async def test_a_peer_is_removed_and_one_is_added_again(stage: Stage) -> None:
    """At High, because two of three replicas remain; the undo gives a peer of another number."""
    hold_rule_checker(stage)
    before = stage.whole_state()
    region = await stage.region()
    params = RemovePeer(region_id=region.id, store_id=follower_store(region))
    assert action_for(params).risk(params, await stage.see(params)).tier is Tier.HIGH
    done = await stage.perform(params)
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    assert "2 of 2 voters are healthy" in done.verification.message
    made = stage.effects(region=region.id)
    assert [(line["kind"], line["from_store"]) for line in made] == [
        ("remove_peer", params.store_id)
    ]
    await stage.at_rest()
    await stage.undo(done)
    await stage.until_same(before)


async def test_a_leader_that_was_removed_leads_again_after_the_undo(stage: Stage) -> None:
    """PD moves the leadership first, silently; it is given back with the peer."""
    hold_rule_checker(stage)
    before = stage.whole_state()
    region = await stage.region()
    assert region.leader_store_id is not None
    done = await stage.perform(RemovePeer(region_id=region.id, store_id=region.leader_store_id))
    assert done.settled, done.verification
    assert [line["kind"] for line in stage.effects(region=region.id)] == [
        "transfer_leader",
        "remove_peer",
    ]
    await stage.at_rest()
    assert len(await stage.undo(done)) == 2
    await stage.until_same(before)


async def test_an_extra_peer_goes_at_medium(stage: Stage) -> None:
    """What it is for: three of three wanted replicas remain."""
    hold_rule_checker(stage)
    region = await stage.region()
    extra = store_without(region)
    stage.pd("POST", "/operators", {"name": "add-peer", "region_id": region.id, "store_id": extra})
    params = RemovePeer(region_id=region.id, store_id=extra)
    await stage.until(lambda now: extra in roles_of(now, region.id), "a fourth peer", params)
    await stage.at_rest()
    assert action_for(params).risk(params, await stage.see(params)).tier is Tier.MEDIUM
    done = await stage.perform(params)
    assert done.settled, done.verification


@pytest.mark.trap("P20")
async def test_p20_pd_would_take_the_last_quorum(stage: Stage) -> None:
    """One of three is dead: we refuse to remove a healthy one, PD orders it all the same."""
    hold_rule_checker(stage)
    region = await stage.region()
    assert region.leader_store_id is not None
    dead, healthy = (
        peer.store_id for peer in region.peers if peer.store_id != region.leader_store_id
    )
    stage.store(dead, "stop")
    params = RemovePeer(region_id=region.id, store_id=healthy)
    await stage.until(
        lambda now: (
            any(store.id == dead and store.state is not StoreState.UP for store in now.stores)
            or dead in now.regions[region.id].down_store_ids
        ),
        "the dead store",
        params,
    )
    refused = await stage.refusals(params)
    assert [check.name for check in refused] == ["QuorumKept"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    assert operator_text(stage, region.id).startswith("status: RUNNING")
    # The stores decide by majority and refuse; a TiKV whose log is ahead would not.
    assert stage.effects("remove_peer", region=region.id) == []


@pytest.mark.trap("P20")
async def test_p20_a_dead_peer_may_go(stage: Stage) -> None:
    """The other half of it: what remains decides, and that is healthy."""
    hold_rule_checker(stage)
    region = await stage.region()
    dead = follower_store(region)
    stage.store(dead, "stop")
    params = RemovePeer(region_id=region.id, store_id=dead)
    await stage.until(
        lambda now: dead in now.regions[region.id].down_store_ids, "a down peer", params
    )
    done = await stage.perform(params)
    assert done.settled, done.verification
    assert "2 of 2 voters are healthy" in done.verification.message


@pytest.mark.trap("P21")
async def test_p21_a_peer_that_the_rules_want_is_added_again(stage: Stage) -> None:
    """It is removed, as asked; we warned before and say afterwards that PD adds one. It does so
    within milliseconds: its checker is held until we have looked.
    """
    hold_rule_checker(stage)
    region = await stage.region()
    params = RemovePeer(region_id=region.id, store_id=follower_store(region))
    done = await stage.perform(params)
    warned = {check.name: check.verdict for check in done.checks}["ReplicasKept"]
    assert "adds one again" in warned.message
    assert "adds one again, perhaps there (P21)" in done.verification.message
    stage.pd("POST", "/checker/rule", {"delay": 0})
    await stage.until(lambda now: len(roles_of(now, region.id)) == 3, "three again", params)
    assert len(stage.effects("add_peer", region=region.id, cause="pd")) == 1


@pytest.mark.trap("P22")
async def test_p22_pd_gives_up_after_a_minute_or_two(stage: Stage) -> None:
    """Two when the leader has to move first, by the operator's own text."""
    hold_rule_checker(stage)
    region = await stage.region()
    leader = region.leader_store_id
    assert leader is not None
    bound = action_for(RemovePeer(region_id=region.id, store_id=leader)).timeout_seconds
    assert bound is not None
    stage.store(leader, "hang")
    for store_id, expected in ((follower_store(region), 60), (leader, 120)):
        params = RemovePeer(region_id=region.id, store_id=store_id)
        assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
        assert pd_timeout_seconds(stage, region.id) == expected < bound
        stage.pd("DELETE", f"/operators/{region.id}")


@pytest.mark.trap("P23")
async def test_p23_a_refused_operator_hides_the_record_of_the_one_that_ended(stage: Stage) -> None:
    """SUCCESS turns into CANCEL with nothing changed: verification asks the topology."""
    hold_rule_checker(stage)
    region = await stage.region()
    params = RemovePeer(region_id=region.id, store_id=follower_store(region))
    done = await stage.perform(params)
    await stage.at_rest()
    assert operator_text(stage, region.id).startswith("status: SUCCESS")
    stage.config("schedule.scheduler-max-waiting-operator", 0)
    again = done.action.inverse(params, done.before)
    assert again is not None
    refused = await stage.send(again)
    assert isinstance(refused, DidNot)
    assert "maybe already have one" in refused.answer
    assert operator_text(stage, region.id).startswith("status: CANCEL")
    now = await stage.see(params)
    assert done.action.verify(params, done.before, now).progress == done.verification.progress


@pytest.mark.trap("P24")
async def test_p24_nothing_in_an_operator_says_whose_it_is(stage: Stage) -> None:
    """Somebody else's looks the same, so that only the topology counts."""
    hold_rule_checker(stage)
    region = await stage.region()
    assert region.leader_store_id is not None
    params = RemovePeer(region_id=region.id, store_id=follower_store(region))
    stage.store(region.leader_store_id, "hang")
    call = action_for(params).call(params)
    await stage.send(call)
    ours = operator_text(stage, region.id).partition("createAt:")[0]
    stage.pd("DELETE", f"/operators/{region.id}")
    stage.pd("POST", "/operators", call.body)
    theirs = operator_text(stage, region.id).partition("createAt:")[0]
    assert ours == theirs
    assert "admin-remove-peer" in ours


async def test_what_is_gone_is_not_removed_twice(stage: Stage) -> None:
    """No call when there is no peer; PD's own refusal says that it is so already."""
    region = await stage.region()
    params = RemovePeer(region_id=region.id, store_id=store_without(region))
    done = await stage.perform(params)
    assert (done.sent, done.settled) == ((), True)
    outcome = await stage.send(action_for(params).call(params))
    text = f"500 region has no peer in store {params.store_id}"
    assert outcome == DidNot(text, already_done=True)
