"""DrainStore and CancelDrain on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.store import CancelDrain, DrainStore
from assent.core.actions.action import Progress
from assent.core.actions.removal import UNLIMITED_PER_MINUTE
from assent.core.model.call import Did
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from sandbox.remote import RefusedError
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage

STORE = 4
DRAIN = DrainStore(store_id=STORE)
NOTHING_MOVES = ("checker/*", "store/4/*", "limit/4/*")
NEW_LEADER = ("checker/*", "pd/leader", "config/pd-server/flow-round-by-digit")
"""Of the last a PD leader shows its default until it has read what is stored."""
REGIONS_MOVED = ("region/*/leader", "region/*/peers", "region/*/pending", "region/*/down")


def hold_still(stage: Stage) -> None:
    """Let PD move nothing off the store; no precondition looks at the checkers."""
    stage.pd("POST", "/checker/rule", {"delay": 120})


def remove_limit(snapshot: ClusterSnapshot) -> float | None:
    store = snapshot.store(STORE)
    return None if store is None else store.remove_peer_limit_per_minute


@pytest.mark.action("DrainStore")
async def test_a_store_is_emptied_and_buried(stage: Stage) -> None:
    """All of its data moves, by the stores' own word; then PD has a tombstone, and the other
    stores, settings and regions are as they were but for their place.
    """
    before = stage.whole_state()
    held = len([peers for peers in before.fields.values() if _on_store(peers)])
    done = await stage.perform(DRAIN, timeout_seconds=90)
    assert done.outcome == Did("The store is set as Offline.")
    assert done.settled, done.verification
    assert len(stage.effects("remove_peer", from_store=STORE)) >= held > 0
    snapshot = await stage.see(DRAIN)
    assert [store.id for store in snapshot.tombstones or ()] == [STORE]
    after = stage.whole_state()
    assert not [peers for peers in after.fields.values() if _on_store(peers)]
    await stage.until_same(before, except_for=(*REGIONS_MOVED, "store/4/*", "limit/4/*"))
    assert done.action.already_done(DRAIN, snapshot)
    assert done.action.target(DRAIN, snapshot) is not None
    assert [request.path for request in stage.writes()] == ["/pd/api/v1/store/4"]


@pytest.mark.action("DrainStore")
@pytest.mark.trap("P28")
async def test_p28_a_drain_lifts_a_limit_without_a_word_and_its_undo_restores_it(
    stage: Stage,
) -> None:
    """The same leader remembers the limit, so the one call is enough; all is as before."""
    before = stage.whole_state()
    hold_still(stage)
    done = await stage.perform(DRAIN, enough=Progress.SEEN)
    assert remove_limit(await stage.see()) == UNLIMITED_PER_MINUTE
    await stage.until_same(before, except_for=NOTHING_MOVES)
    sent = await stage.undo(done)
    assert [call.path for call in sent] == ["/pd/api/v1/store/4/state?state=Up"]
    await stage.until_same(before, except_for=["checker/*"])
    assert stage.effects("remove_peer", from_store=STORE) == []


@pytest.mark.action("DrainStore")
async def test_data_that_has_moved_stays_moved_when_a_drain_is_taken_back(stage: Stage) -> None:
    """Reversible in part, as the catalogue says: state and limits, not the place of replicas."""
    before = stage.whole_state()
    stage.stores_settings(snapshot_delay_ms=300)
    done = await stage.perform(DRAIN, enough=Progress.SEEN)
    await stage.until(
        lambda now: done.action.verify(DRAIN, done.before, now).message.find(" % moved") > 0,
        "a percentage",
        DRAIN,
    )
    await stage.undo(done)
    await stage.at_rest()
    await stage.until_same(before, except_for=REGIONS_MOVED)


@pytest.mark.action("DrainStore")
@pytest.mark.trap("P28")
@THREE_MEMBERS
async def test_p28_the_undo_restores_the_limit_after_a_change_of_pds_leader(stage: Stage) -> None:
    """Only the old leader knew it: state=Up leaves the limit unlimited, a second call restores."""
    before = stage.whole_state()
    hold_still(stage)
    done = await stage.perform(DRAIN, enough=Progress.SEEN)
    await stage.move_pd_leader()
    hold_still(stage)
    sent = await stage.undo(done)
    state, *limits = (call.path.rpartition("/")[2] for call in sent)
    assert (state, {*limits}) == ("state?state=Up", {"limit"})
    assert sent[1].body == {"rate": before.fields["limit/4/remove-peer"], "type": "remove-peer"}
    await stage.until_same(before, except_for=[*NEW_LEADER, *REGIONS_MOVED])


@pytest.mark.action("CancelDrain")
@pytest.mark.trap("P28")
@THREE_MEMBERS
async def test_p28_a_cancelled_drain_gets_its_limit_after_a_change_of_pds_leader(
    stage: Stage,
) -> None:
    """Somebody drained, PD's leader moved, the limit is forgotten: a follow-up sets what was asked
    for; and the undo drains again, under the limit that it had.

    Nothing moves meanwhile, by a setting: a pause would end with PD's leader (P32).
    """
    stage.config("replica-schedule-limit", 0)
    stage.pd("DELETE", f"/store/{STORE}")
    await stage.move_pd_leader()
    params = CancelDrain(store_id=STORE, remove_peer_per_minute=900)
    await stage.see(params)  # the new leader is prepared
    before = stage.whole_state()
    done = await stage.perform(params)
    assert done.settled, done.verification
    assert [call.path.rpartition("/")[2] for call in done.sent] == ["state?state=Up", "limit"]
    snapshot = await stage.see(params)
    assert remove_limit(snapshot) == 900
    await stage.undo(done)
    assert remove_limit(await stage.see(params)) == UNLIMITED_PER_MINUTE
    await stage.until_same(before, except_for=["checker/*", *REGIONS_MOVED])


@pytest.mark.action("CancelDrain")
async def test_a_drain_is_cancelled_and_begun_again_with_its_own_limits(stage: Stage) -> None:
    """PD sets the add-peer limit back, too, which somebody had changed meanwhile: it stays."""
    hold_still(stage)
    former = stage.whole_state().fields["limit/4/remove-peer"]
    stage.pd("DELETE", f"/store/{STORE}")
    stage.pd("POST", f"/store/{STORE}/limit", {"rate": 77, "type": "add-peer"})
    stage.pd("POST", f"/store/{STORE}/limit", {"rate": 33, "type": "remove-peer"})
    before = stage.whole_state()
    done = await stage.perform(CancelDrain(store_id=STORE))
    assert done.settled, done.verification
    after = stage.whole_state()
    assert after.below("limit/4/") == {"add-peer": 77, "remove-peer": former}
    assert after.fields["store/4/state_name"] == "Up"
    assert [call.body for call in done.follow_ups] == [{"rate": 77.0, "type": "add-peer"}]
    await stage.undo(done)
    await stage.until_same(before, except_for=["checker/*"])
    assert stage.effects() == []


@pytest.mark.trap("P12")
async def test_p12_a_store_that_is_down_is_not_up_again_by_a_word(stage: Stage) -> None:
    """PD answers 200 and nothing happens; we send nothing and say what is."""
    stage.config("max-store-down-time", "3s")
    stage.store(STORE, "stop")
    params = CancelDrain(store_id=STORE)
    await stage.until(lambda now: _state(now) is StoreState.DOWN, "the store down", params)
    assert stage.pd("POST", f"/store/{STORE}/state?state=Up") == "The store's state is updated."
    done = await stage.perform(params)
    assert (done.sent, _state(await stage.see())) == ((), StoreState.DOWN)
    assert "it is not being removed (P12)" in str(done.checks)


@pytest.mark.trap("P28")
async def test_p28_pd_counts_tiflash_as_able_to_take_replicas_and_we_do_not(stage: Stage) -> None:
    """Three stores would remain, one of them TiFlash: PD takes the drain."""
    hold_still(stage)
    stage.pd("POST", "/store/3/label", {"engine": "tiflash"})
    names = [check.name for check in await stage.refusals(DRAIN)]
    assert "ReplicasFit" in names
    assert stage.pd("DELETE", f"/store/{STORE}") == "The store is set as Offline."


@pytest.mark.trap("P28", "P37")
async def test_p28_pd_counts_a_silent_store_and_we_do_not(stage: Stage) -> None:
    """Down after max-store-down-time of silence, and still "up" to PD's own check."""
    stage.config("max-store-down-time", "3s")
    hold_still(stage)
    stage.store(3, "stop")
    await stage.until(lambda now: _state(now, 3) is StoreState.DOWN, "the store down", DRAIN)
    names = [check.name for check in await stage.refusals(DRAIN)]
    assert "ReplicasFit" in names
    assert stage.pd("DELETE", f"/store/{STORE}") == "The store is set as Offline."


@pytest.mark.trap("P30")
async def test_p30_a_drain_that_stands_still_says_why(stage: Stage) -> None:
    """A limit of 0 refuses the drain; set during one, nothing moves and the message names it."""
    hold_still(stage)
    done = await stage.perform(DRAIN, enough=Progress.SEEN)
    stage.config("replica-schedule-limit", 0)
    snapshot = await stage.until(
        lambda now: now.settings.get("replica-schedule-limit") == "0", "the limit", DRAIN
    )
    found = done.action.verify(DRAIN, done.before, snapshot)
    assert found.progress is Progress.SEEN
    assert "nothing moves: replica-schedule-limit is 0" in found.message
    await stage.undo(done)
    assert [check.name for check in await stage.refusals(DRAIN)] == ["ReplicasMayMove"]


async def test_one_store_is_drained_at_a_time(stage: Stage) -> None:
    """The second has to wait, and a repeat is refused: the first is somebody else's."""
    hold_still(stage)
    stage.pd("DELETE", f"/store/{STORE}")
    second = [check.name for check in await stage.refusals(DrainStore(store_id=1))]
    assert second[0] == "NoOtherRemoval"
    assert "StoreStays" in [check.name for check in await stage.refusals(DRAIN)]


async def test_the_third_store_of_three_replicas_cannot_leave(stage: Stage) -> None:
    """Refused by us before PD refuses it, in the same words: the number of stores."""
    hold_still(stage)
    stage.pd("POST", "/config", {"replication.max-replicas": 4})
    assert "ReplicasFit" in [check.name for check in await stage.refusals(DRAIN)]
    with pytest.raises(RefusedError, match="ErrStoresNotEnough"):
        stage.pd("DELETE", f"/store/{STORE}")


def _on_store(value: object) -> bool:
    return isinstance(value, list) and any(str(peer).startswith(f"{STORE}:") for peer in value)


def _state(snapshot: ClusterSnapshot, number: int = STORE) -> StoreState | None:
    store = snapshot.store(number)
    return None if store is None else store.state
