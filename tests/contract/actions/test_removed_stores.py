"""ForceRemoveStore and RemoveTombstones on the real PD: what nobody takes back."""

import asyncio
import time

import pytest

from assent.api.v1alpha1.parameters.store import (
    CancelDrain,
    DrainStore,
    ForceRemoveStore,
    RemoveTombstones,
)
from assent.core.actions.action import Progress
from assent.core.model.call import Did, DidNot, PdCall
from assent.core.model.reading import Reading, Wanted
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from tests.contract.actions.stage import Stage

STORE = 4
FORCE = ForceRemoveStore(store_id=STORE)
TOMBSTONES = Wanted(readings=frozenset({Reading.TOMBSTONES}))
MOVED = ("region/*/leader", "region/*/peers", "region/*/pending", "region/*/down")


def state(snapshot: ClusterSnapshot) -> StoreState | None:
    store = snapshot.store(STORE)
    return None if store is None else store.state


@pytest.mark.action("ForceRemoveStore", "RemoveTombstones")
@pytest.mark.trap("P27", "P37")
async def test_a_dead_store_is_forced_out_and_then_forgotten(stage: Stage) -> None:
    """Refused while it only is silent; once it is dead, its data is copied from the others, its
    tombstone is named, and is gone. Every other store and setting is as before.
    """
    assert [check.name for check in await stage.refusals(FORCE)] == ["StoreDead"]
    before = stage.whole_state()
    stage.config("max-store-down-time", "4s")
    stage.store(STORE, "stop")
    await stage.until(lambda now: state(now) is StoreState.DOWN, "the store down", FORCE)
    done = await stage.perform(FORCE, timeout_seconds=60)
    assert done.outcome == Did("The store is set as Offline.")
    assert done.settled, done.verification
    assert done.action.inverse(FORCE, done.before) is None
    assert [request.path for request in stage.writes()] == ["/pd/api/v1/store/4?force"]
    snapshot = await stage.see(wanted=TOMBSTONES)
    assert [store.id for store in snapshot.tombstones or ()] == [STORE]
    wrong = RemoveTombstones(store_ids=[STORE, 5])
    assert [check.name for check in await stage.refusals(wrong)] == ["TombstonesAsNamed"]
    params = RemoveTombstones(store_ids=[STORE])
    forgotten = await stage.perform(params)
    assert forgotten.outcome == Did("Remove tombstone successfully.")
    assert forgotten.settled, forgotten.verification
    assert (await stage.see(wanted=TOMBSTONES)).tombstones == ()
    gone = ("store/4/*", "limit/4/*", "config/schedule/max-store-down-time")
    await stage.until_same(before, except_for=(*MOVED, *gone))


@pytest.mark.action("RemoveTombstones")
async def test_tombstones_that_are_not_named_are_not_removed(stage: Stage) -> None:
    """PD's call takes all there are, so the ask must name all; and there must be any."""
    params = RemoveTombstones(store_ids=[STORE])
    assert [check.name for check in await stage.refusals(params)] == ["TombstonesAsNamed"]
    assert stage.writes() == []


@pytest.mark.trap("P27")
async def test_p27_force_false_forces_and_there_is_no_way_back(stage: Stage) -> None:
    """PD looks for the word alone. We have no such call, and cancelling is refused by both."""
    stage.pd("POST", "/checker/rule", {"delay": 120})
    call = PdCall("DELETE", f"/pd/api/v1/store/{STORE}?force=false")
    refused = await stage.send(call)
    assert isinstance(refused, DidNot)
    assert not refused.sent
    stage.pd("DELETE", f"/store/{STORE}?force=false")
    snapshot = await stage.see()
    found = snapshot.store(STORE)
    assert found is not None
    assert (found.state, found.physically_destroyed) == (StoreState.OFFLINE, True)
    names = [check.name for check in await stage.refusals(CancelDrain(store_id=STORE))]
    assert names == ["StoreCanStay"]
    up = await stage.send(PdCall("POST", f"/pd/api/v1/store/{STORE}/state?state=Up"))
    again = await stage.send(PdCall("DELETE", f"/pd/api/v1/store/{STORE}"))
    assert isinstance(up, DidNot)
    assert isinstance(again, DidNot)
    assert "ErrStoreDestroyed" in up.answer
    assert "ErrStoreDestroyed" in again.answer


@pytest.mark.trap("P37")
async def test_p37_a_store_that_is_only_silent_is_not_dead(stage: Stage) -> None:
    """Silent for less than max-store-down-time: PD would take the force, we hold it."""
    stage.store(STORE, "stop")
    began = time.monotonic()
    while state(await stage.see()) is StoreState.UP:
        assert time.monotonic() - began < 40, "PD never missed the store"
        await asyncio.sleep(0.5)
    checks = await stage.refusals(FORCE)
    assert "StoreDead" in [check.name for check in checks]
    assert "max-store-down-time, 1800 s" in str(checks)


@pytest.mark.trap("P40")
async def test_p40_a_dropped_region_cache_buries_a_store_that_still_holds_data(
    stage: Stage,
) -> None:
    """PD forgets which regions there are, counts none on the store that leaves, and makes it a
    tombstone: inferred from its source, and so. We have no call that drops the cache.
    """
    refused = await stage.send(PdCall("DELETE", "/pd/api/v1/admin/cache/regions"))
    assert isinstance(refused, DidNot)
    assert not refused.sent
    stage.pd("POST", "/checker/rule", {"delay": 120})
    done = await stage.perform(DrainStore(store_id=STORE), enough=Progress.SEEN)
    moved = len(stage.effects("remove_peer", from_store=STORE))
    held = stage.cluster.stores.stores()[STORE]["peer_count"]
    await _buried_by_dropping_the_cache(stage)
    assert (moved, held > 0) == (0, True)
    assert stage.effects("remove_peer", from_store=STORE) == []
    assert done.verification.progress is Progress.SEEN


async def _buried_by_dropping_the_cache(stage: Stage) -> None:
    """Drop the cache until PD's job (each 10 s) meets it empty: heartbeats refill it."""
    for _ in range(40):
        stage.pd("DELETE", "/admin/cache/regions")
        snapshot = await stage.see(DrainStore(store_id=STORE))
        if snapshot.store(STORE) is None:
            return
        await asyncio.sleep(0.5)
    raise AssertionError("PD never showed the store buried")
