"""Plans on the real PD: every step seen there, in order, and all as before when one fails."""

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.actions import Plan, plan
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import TransferLeader, TransferPeer
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    SetStoreWeight,
    StopEvictLeaders,
    StoreLimitKind,
)
from tests.contract.actions.life import Life, phase
from tests.contract.actions.stage import Stage, follower_store, store_without

pytestmark = pytest.mark.action("Plan")

LEADERS_MOVED = ["region/*/leader"]


def steps(*asked: ApiModel) -> Plan:
    """Return the parameters of a plan."""
    found = plan(*asked).parameters
    assert isinstance(found, Plan)
    return found


def limit(store_id: int, rate: int) -> SetStoreLimit:
    """Return parameters for an add-peer limit."""
    return SetStoreLimit(store_id=store_id, kind=StoreLimitKind.ADD_PEER, rate_per_minute=rate)


async def test_maintenance_of_a_store_leaves_pd_as_it_was(stage: Stage) -> None:
    """Lower a limit, evict to the end, stop, restore: four calls in order, then all is as before
    but for who leads.
    """
    before = stage.whole_state()
    rate = before.fields["limit/2/add-peer"]
    life = await Life.approved(
        stage,
        steps(
            limit(2, 900), EvictLeaders(store_id=4), StopEvictLeaders(store_id=4), limit(2, 1000)
        ),
        StopEvictLeaders="1s",  # nothing balances on this stage: no leader comes back by itself
    )
    ended = await life.to_the_end()
    assert phase(ended) == (Phase.SUCCEEDED, "Done"), ended.status.message
    assert [write.method for write in stage.writes()] == ["POST", "POST", "DELETE", "POST"]
    assert stage.effects("transfer_leader", from_store=4)
    stage.pd("POST", "/store/2/limit", {"rate": rate, "type": "add-peer"})
    await stage.at_rest()
    await stage.until_same(before, except_for=LEADERS_MOVED)


async def test_a_step_works_on_the_region_that_an_earlier_one_has_changed(stage: Stage) -> None:
    """The first step gives the region a new epoch (P43): our own doing, not a stranger's."""
    region = await stage.region()
    away, to = follower_store(region), store_without(region)
    life = await Life.approved(
        stage,
        steps(
            TransferPeer(region_id=region.id, from_store_id=away, to_store_id=to),
            TransferLeader(region_id=region.id, to_store_id=to),
        ),
    )
    ended = await life.to_the_end()
    assert phase(ended) == (Phase.SUCCEEDED, "Done"), ended.status.message
    after = (await stage.see(life.params)).regions[region.id]
    assert after.epoch != region.epoch
    assert (after.leader_store_id, after.peer_on(away)) == (to, None)
    assert len(stage.writes()) == 2


async def test_a_step_that_misses_its_goal_takes_the_others_back(stage: Stage) -> None:
    """Leaders do not leave in time: eviction, weights and limit are undone in reverse order, and
    everything that PD shows is as before.
    """
    before = stage.whole_state()
    params = steps(
        limit(2, 900),
        SetStoreWeight(store_id=3, leader_weight_percent=50, region_weight_percent=100),
        EvictLeaders(store_id=4),
        limit(1, 900),
    )
    life = await Life.approved(stage, params, EvictLeaders="1s")
    stage.stores_settings(command_delay_ms=60_000)
    ended = await life.to_the_end()
    assert phase(ended) == (Phase.ROLLED_BACK, "Undone"), ended.status.message
    paths = [write.path.rsplit("/v1", 1)[1] for write in stage.writes()]
    assert paths == [
        "/store/2/limit",
        "/store/3/weight",
        "/schedulers",
        "/scheduler-config/evict-leader-scheduler/delete/4",
        "/store/3/weight",
        "/store/2/limit",
    ]
    stage.stores_settings(command_delay_ms=0)
    await stage.until_same(before, except_for=[*LEADERS_MOVED, "operator/*"])
