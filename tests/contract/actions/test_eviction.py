"""EvictLeaders and StopEvictLeaders on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.store import EvictLeaders, StopEvictLeaders
from assent.core.actions.action import Progress
from tests.contract.actions.stage import Stage

LEADERS = "region/*/leader"


@pytest.mark.action("EvictLeaders")
async def test_a_store_is_emptied_of_leaders_and_the_eviction_taken_back(stage: Stage) -> None:
    """The stores log one transfer for each leader it had; undone, only leaders lie elsewhere."""
    before = stage.whole_state()
    led = [path for path, store in before.fields.items() if path.endswith("/leader") and store == 4]
    done = await stage.perform(EvictLeaders(store_id=4))
    assert done.settled, done.verification
    moved = stage.effects("transfer_leader", cause="pd", from_store=4)
    assert len(moved) == len(led) > 0
    assert len({line["region"] for line in moved}) == len(led)
    await stage.undo(done)
    await stage.until_same(before, except_for=[LEADERS])


@pytest.mark.action("StopEvictLeaders")
@pytest.mark.trap("P29")
async def test_p29_one_eviction_of_two_ends_and_leaders_come_back(stage: Stage) -> None:
    """The other store stays evicted; undone, both are evicted again."""
    stage.lively()
    stage.pd("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": 1})
    stage.pd("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": 2})
    await stage.until(
        lambda now: all(s.leader_count == 0 for s in now.stores if s.id in (1, 2)), "two empty"
    )
    before = stage.whole_state()
    done = await stage.perform(StopEvictLeaders(store_id=2))
    assert done.settled, done.verification
    assert stage.effects("transfer_leader", cause="pd", to_store=2)
    assert (await stage.see()).evicted_store_ids == frozenset({1})
    await stage.undo(done)
    assert (await stage.see()).evicted_store_ids == frozenset({1, 2})
    # Balancing is in force, and may move peers as well.
    await stage.until_same(before, except_for=[LEADERS, "region/*/peers"])


@pytest.mark.action("StopEvictLeaders")
async def test_the_last_eviction_ends_although_nothing_brings_leaders_back(stage: Stage) -> None:
    """With balancing out of the way PD shows the end of the eviction, and no leader returns."""
    before = stage.whole_state()
    await stage.perform(EvictLeaders(store_id=3))
    done = await stage.perform(StopEvictLeaders(store_id=3), enough=Progress.SEEN)
    assert done.verification.progress is Progress.SEEN
    await stage.until_same(before, except_for=[LEADERS])
