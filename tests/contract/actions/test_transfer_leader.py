"""TransferLeader on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.core.actions.action import Progress
from assent.core.model.call import Did
from tests.contract.actions.stage import Stage, follower_store, store_without

pytestmark = pytest.mark.action("TransferLeader")


@pytest.mark.smoke
async def test_a_region_is_led_from_another_store_and_led_back(stage: Stage) -> None:
    """Seen in PD, done once by the stores, and undone: then all is as before."""
    before = stage.whole_state()
    region = await stage.region()
    target = follower_store(region)
    done = await stage.perform(TransferLeader(region_id=region.id, to_store_id=target))
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    assert [(line["from_store"], line["to_store"]) for line in stage.effects(region=region.id)] == [
        (region.leader_store_id, target)
    ]
    await stage.at_rest()
    await stage.undo(done)
    assert len(stage.effects("transfer_leader", cause="pd")) == 2
    await stage.until_same(before)


@pytest.mark.trap("P16")
async def test_p16_what_is_already_so_is_not_sent(stage: Stage) -> None:
    """PD would answer 500 "no operator step is built"."""
    region = await stage.region()
    assert region.leader_store_id is not None
    done = await stage.perform(
        TransferLeader(region_id=region.id, to_store_id=region.leader_store_id)
    )
    assert (done.outcome, done.sent, done.settled) == (None, (), True)
    assert stage.writes() == []


async def test_a_store_without_a_peer_is_refused_before_anything_is_sent(stage: Stage) -> None:
    """The reason names the fact."""
    region = await stage.region()
    params = TransferLeader(region_id=region.id, to_store_id=store_without(region))
    assert [check.name for check in await stage.refusals(params)] == ["TargetHoldsVoter"]


@pytest.mark.trap("P21")
async def test_p21_a_leadership_that_pd_moves_on_is_said_to_have_been_there(stage: Stage) -> None:
    """Somebody evicts the new leader's store: not seen any more, and the message names by what."""
    region = await stage.region()
    params = TransferLeader(region_id=region.id, to_store_id=follower_store(region))
    done = await stage.perform(params)
    assert done.settled, done.verification
    await stage.at_rest()
    stage.pd(
        "POST",
        "/schedulers",
        {"name": "evict-leader-scheduler", "store_id": params.to_store_id},
    )
    now = await stage.until(
        lambda now: (
            now.regions[region.id].leader_store_id != params.to_store_id
            and region.id in now.ended_operators
            and "evict" in now.ended_operators[region.id].text
        ),
        "the leadership moved on",
        params,
    )
    found = done.action.verify(params, done.before, now)
    assert found.progress is Progress.NOT_SEEN
    assert "it did lead, and evict-leader has moved the leadership on (P21)" in found.message
