"""Actions on which PD works for days: what is stored meanwhile, when it says that nothing moves,
and how it ends.
"""

from dataclasses import replace

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.parameters.store import DrainStore
from assent.core.lifecycle.recovery import NO_RECORD
from assent.core.model.call import CallOutcome, Did, PdCall
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from tests.support.obedient_pd import with_store
from tests.support.proposals import cancel, claimed, with_spec
from tests.support.snapshots import region, snapshot
from tests.support.voyage import Voyage

DRAIN_4 = action(DrainStore(store_id=4))


def ready() -> ClusterSnapshot:
    """Return a cluster that may lose store 4: all that the drain asks for is there."""
    return replace(
        snapshot(regions=[region(17)]),
        sample=(region(18),),
        replication={"max-replicas": "3", "enable-placement-rules": "false"},
        settings={
            "low-space-ratio": "0.8",
            "replica-schedule-limit": "64",
            "region-schedule-limit": "2048",
            "enable-replace-offline-replica": "true",
        },
        tombstones=(),
        removals={},
        paused_schedulers={},
    )


def take(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
    """Return 200, and the store as PD shows it from then on."""
    assert (call.method, call.path) == ("DELETE", "/pd/api/v1/store/4")
    return Did("200 ok"), with_store(
        shown, 4, state=StoreState.OFFLINE, remove_peer_limit_per_minute=1e8
    )


@pytest.fixture
def drain() -> Voyage:
    """A drain that PD has taken."""
    voyage = Voyage(DRAIN_4, ready(), take, step_seconds=10.0)
    voyage.go(1)
    assert (voyage.status.phase, voyage.status.reason) == (Phase.EXECUTING, Reason.WAITING)
    return voyage


def holds(voyage: Voyage, regions: int) -> None:
    """Let PD show so many regions on the store that leaves."""
    voyage.shown = with_store(voyage.shown, 4, region_count=regions)


def test_it_waits_and_says_how_far_it_is(drain: Voyage) -> None:
    """The step is neither open to be sent again nor done."""
    assert drain.states == [(None, "Forward", StepState.WAITING)]
    assert "Store 4 still holds" in str(drain.status.message)


def test_progress_is_stored_once_a_minute(drain: Voyage) -> None:
    """A look every ten seconds, for days, must not be a write every ten seconds."""
    writes = 0
    for number in range(60):
        before = drain.status
        holds(drain, 290 - number)
        drain.turn()
        if drain.status != before:
            writes += 1
            drain.wait(10.0)
    assert 9 <= writes <= 11


def test_ten_minutes_without_progress_are_a_stall(drain: Voyage) -> None:
    """It says so once, with the instant; the next region that moves ends it."""
    drain.go(62)
    assert drain.status.reason == Reason.STALLED
    assert "nothing has moved since 2026-03-01T12:0" in str(drain.status.message)
    stalled = drain.status
    drain.go(20)
    assert drain.status == stalled
    holds(drain, 250)
    drain.turn()
    assert drain.status.reason == Reason.WAITING


def test_a_buried_store_is_the_end(drain: Voyage) -> None:
    """PD lists it no more, but among the tombstones."""
    store = drain.shown.store(4)
    assert store is not None
    gone = tuple(one for one in drain.shown.stores if one.id != 4)
    buried = replace(store, state=StoreState.TOMBSTONE, region_count=0)
    drain.shown = replace(drain.shown, stores=gone, tombstones=(buried,))
    status = drain.go()
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.DONE)


def test_a_drain_that_somebody_called_off_ends_by_what_pd_shows(drain: Voyage) -> None:
    """Nothing is sent: theirs stands."""
    drain.shown = with_store(drain.shown, 4, state=StoreState.UP, remove_peer_limit_per_minute=15.0)
    status = drain.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.CHANGED_SINCE)
    assert "called it off" in str(status.message)
    assert len(drain.sent) == 1


def test_a_cancelled_wait_ends_and_says_how_pd_is_stopped(drain: Voyage) -> None:
    """There is no call left to stop, and none is sent; PD goes on until somebody stops it."""
    drain.known = with_spec(drain.known, cancel=cancel())
    status = drain.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert "sre-9 cancelled it; no further call is sent, and PD goes on" in str(status.message)
    assert "POST /pd/api/v1/store/4/state?state=Up" in str(status.message)
    assert len(drain.sent) == 1


def test_a_cancel_that_comes_when_it_is_done_changes_nothing(drain: Voyage) -> None:
    """What PD shows goes first."""
    drain.known = with_spec(drain.known, cancel=cancel())
    drain.shown = replace(
        drain.shown, stores=tuple(one for one in drain.shown.stores if one.id != 4)
    )
    assert drain.go().phase is Phase.SUCCEEDED


def test_a_takeover_keeps_what_is_on_record_of_the_answer(drain: Voyage) -> None:
    """The next leader has no answer of its own; that PD took the call is in the journal."""
    drain._outcome = NO_RECORD
    holds(drain, 100)
    drain.wait(120.0)
    drain.turn()
    execution = drain.status.execution
    assert execution is not None
    assert execution.steps[-1].answer == "200 ok"
    drain.shown = replace(
        drain.shown, stores=tuple(one for one in drain.shown.stores if one.id != 4)
    )
    status = drain.go()
    assert status.phase is Phase.SUCCEEDED
    assert "lost" not in str(status.message)


def test_a_drain_needs_two_people() -> None:
    """High: one yes leaves it waiting."""
    flying = claimed(DRAIN_4, snapshot=ready())
    assert flying.status.approvals is not None
    assert flying.status.approvals.needed == 2
