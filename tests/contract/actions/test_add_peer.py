"""AddPeer on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.region import AddPeer
from assent.core.actions.action import Progress
from assent.core.actions.operator_time import add_peer_seconds
from assent.core.model.call import Did, DidNot
from assent.core.model.snapshot import PeerRole
from tests.contract.actions.peers import (
    hold_rule_checker,
    pd_timeout_seconds,
    roles_of,
    want_replicas,
)
from tests.contract.actions.stage import Stage, action_for, store_without

pytestmark = pytest.mark.action("AddPeer")


async def test_a_voter_is_added_and_taken_away(stage: Stage) -> None:
    """A learner, then its promotion; the undo leaves the region as it was."""
    region = await stage.region()
    hold_rule_checker(stage)
    want_replicas(stage, region, voter=4)
    before = stage.whole_state()
    params = AddPeer(region_id=region.id, store_id=store_without(region))
    done = await stage.perform(params)
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    assert "4 of 4 voters are healthy" in done.verification.message
    made = stage.effects(region=region.id)
    assert [(line["kind"], line["to_store"]) for line in made] == [
        ("add_peer", params.store_id),
        ("promote", params.store_id),
    ]
    await stage.at_rest()
    await stage.undo(done)
    await stage.until_same(before)


async def test_a_learner_on_its_way_is_seen_and_not_settled(stage: Stage) -> None:
    """While the snapshot travels the effect shows, and is not what was asked for yet."""
    region = await stage.region()
    hold_rule_checker(stage)
    want_replicas(stage, region, voter=4)
    stage.stores_settings(snapshot_delay_ms=4000)
    params = AddPeer(region_id=region.id, store_id=store_without(region))
    begun = await stage.perform(params, enough=Progress.SEEN)
    assert begun.verification.progress is Progress.SEEN
    assert "not yet a Voter" in begun.verification.message
    await stage.until(
        lambda now: begun.action.verify(params, begun.before, now).progress is Progress.SETTLED,
        "the voter",
        params,
    )


@pytest.mark.trap("P21")
async def test_p21_a_voter_too_many_is_taken_away_again(stage: Stage) -> None:
    """We hold back because the rule is full; PD adds it, and its rule checker removes one."""
    region = await stage.region()
    params = AddPeer(region_id=region.id, store_id=store_without(region))
    action = action_for(params)
    captured = action.before(params, await stage.see(params))
    assert [check.name for check in await stage.refusals(params)] == ["RulesKeepIt"]
    assert await stage.send(action.call(params)) == Did("The operator is created.")
    now = await stage.until(
        lambda now: (
            region.id in now.ended_operators
            and "rm peer" in now.ended_operators[region.id].text
            and len(stage.effects("remove_peer", region=region.id)) == 1
            and len(roles_of(now, region.id)) == 3
        ),
        "one peer less again",
        params,
    )
    assert len(stage.effects("add_peer", region=region.id)) == 1
    found = action.verify(params, captured, now)
    assert found.progress is Progress.NOT_SEEN
    assert "PD's rule checker may have taken it away again (P21)" in found.message
    assert "PD's last operator on it, remove-orphan-peer {rm peer" in found.message


@pytest.mark.trap("P20")
async def test_p20_pd_adds_a_voter_where_the_rules_want_none(stage: Stage) -> None:
    """A label constraint keeps us away by name; PD asks it only afterwards."""
    hold_rule_checker(stage)
    region = await stage.region()
    params = AddPeer(region_id=region.id, store_id=store_without(region))
    store = (await stage.see()).store(params.store_id)
    assert store is not None
    elsewhere = {"key": "host", "op": "notIn", "values": [store.labels["host"]]}
    want_replicas(stage, region, constraints=[elsewhere], voter=4)
    refused = await stage.refusals(params)
    assert [check.name for check in refused] == ["RulesKeepIt"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    await stage.until(
        lambda now: roles_of(now, region.id).get(params.store_id) is PeerRole.VOTER,
        "the voter that no rule wants",
        params,
    )


@pytest.mark.trap("P22")
async def test_p22_pd_gives_up_after_eleven_minutes(stage: Stage) -> None:
    """By the operator's own text; a repeat while it runs is refused."""
    region = await stage.region()
    assert region.leader_store_id is not None
    stage.store(region.leader_store_id, "hang")
    params = AddPeer(region_id=region.id, store_id=store_without(region))
    call = action_for(params).call(params)
    assert await stage.send(call) == Did("The operator is created.")
    assert pd_timeout_seconds(stage, region.id) == add_peer_seconds(region.size_mib) == 11 * 60
    assert isinstance(await stage.send(call), DidNot)


async def test_a_store_with_a_peer_refuses_another(stage: Stage) -> None:
    """PD's text for it is one that proves that nothing happened."""
    region = await stage.region()
    params = AddPeer(region_id=region.id, store_id=region.peers[0].store_id)
    done = await stage.perform(params)
    assert (done.sent, done.settled) == ((), True), "a voter is there already"
    outcome = await stage.send(action_for(params).call(params))
    assert outcome == DidNot(f"500 region already has peer in store {params.store_id}")
