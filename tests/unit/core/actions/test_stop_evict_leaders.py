"""StopEvictLeaders: one store only, believed only of a prepared PD, done when leaders return."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import StopEvictLeaders
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.stop_evict_leaders import StopEvictLeadersAction
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Hold, Verdict, Warn
from tests.support.snapshots import TIFLASH, snapshot, store, unprepared

ACTION = StopEvictLeadersAction()
ASK = StopEvictLeaders(store_id=4)


def emptied(*evicted: int, **changes: Any) -> ClusterSnapshot:
    """Return a cluster whose store 4 leads nothing."""
    four = store(4, leader_count=0, **changes)
    return snapshot(store(1), store(2), store(3), four, evicted_store_ids=evicted)


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def test_an_evicted_store_may_be_released() -> None:
    """The plain case."""
    assert all(isinstance(verdict, Allow) for verdict in verdicts(emptied(4)).values())


@pytest.mark.trap("P29")
def test_p29_the_call_names_the_store_and_never_the_scheduler() -> None:
    """DELETE of the scheduler by name would end every store's eviction."""
    assert ACTION.call(ASK).line == (
        "DELETE /pd/api/v1/scheduler-config/evict-leader-scheduler/delete/4"
    )


@pytest.mark.trap("P15")
def test_p15_an_unprepared_pd_is_neither_done_nor_proof() -> None:
    """Just after a leader change no store is listed as evicted, although all still are."""
    seen = unprepared(emptied(4))
    before = ACTION.before(ASK, emptied(4))
    assert not ACTION.already_done(ASK, seen)
    assert ACTION.verify(ASK, before, seen).progress is Progress.NOT_SEEN
    assert "P15" in ACTION.verify(ASK, before, seen).message
    assert not ACTION.unchanged(ASK, before, seen)
    found = verdicts(seen)
    assert list(found) == ["Prepared"]
    assert isinstance(found["Prepared"], Hold)


def test_progress_goes_from_not_seen_by_seen_to_settled() -> None:
    """The end of the eviction is seen at once; settled is when leaders are back."""
    before = ACTION.before(ASK, emptied(4))
    assert ACTION.verify(ASK, before, emptied(4)).progress is Progress.NOT_SEEN
    assert ACTION.verify(ASK, before, emptied()).progress is Progress.SEEN
    back = ACTION.verify(ASK, before, snapshot())
    assert back.progress is Progress.SETTLED
    assert back.after == (Fact(name="evicted", value="false"), Fact(name="leaders", value="100"))


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(snapshot(store(1)), id="PD lists no such store any more"),
        pytest.param(emptied(state=StoreState.DOWN), id="the store is down"),
        pytest.param(emptied(last_heartbeat=None), id="the store sends no heartbeat"),
        pytest.param(emptied(labels=TIFLASH), id="TiFlash never leads"),
        pytest.param(
            snapshot(store(1), store(4, leader_count=0), leader_schedule_limit=0),
            id="P30: balancing moves no leader",
        ),
        pytest.param(
            snapshot(store(1), store(4, leader_count=0), halt_scheduling=True),
            id="PD schedules nothing",
        ),
        pytest.param(
            snapshot(store(1), store(4, leader_count=0), schedulers=("hot-region-scheduler",)),
            id="nobody balances leaders",
        ),
    ],
)
def test_when_no_leader_can_return_the_end_of_the_eviction_is_all(seen: ClusterSnapshot) -> None:
    """Waiting for leaders that nothing brings back would only end in a timeout."""
    found = ACTION.verify(ASK, ACTION.before(ASK, emptied(4)), seen)
    assert found.progress is Progress.SETTLED
    assert "no leader returns by itself" in found.message
    assert isinstance(verdicts(seen)["LeadersReturn"], Warn)


def test_an_eviction_that_ended_meanwhile_is_already_done() -> None:
    """PD would answer 404: no call is needed."""
    assert ACTION.already_done(ASK, emptied())
    assert not ACTION.already_done(ASK, emptied(4))
    assert isinstance(verdicts(emptied())["StoreEvicted"], Warn)


def test_other_stores_evictions_are_no_business_of_it() -> None:
    """Two stores evicted: releasing one leaves the other as it is."""
    before = ACTION.before(ASK, emptied(1, 4))
    assert ACTION.unchanged(ASK, before, emptied(4))
    assert ACTION.verify(ASK, before, emptied(1)).progress is Progress.SEEN


def test_undo_evicts_the_store_again() -> None:
    """The way back is the eviction it ended."""
    undo = ACTION.inverse(ASK, ACTION.before(ASK, emptied(4)))
    assert undo is not None
    assert undo.body == {"name": "evict-leader-scheduler", "store_id": 4}


@pytest.mark.parametrize("before", [(), ACTION.before(ASK, emptied())], ids=["unknown", "not"])
def test_no_eviction_before_means_nothing_to_restore(before: tuple[Fact, ...]) -> None:
    """An undo must not start an eviction that never was."""
    assert ACTION.inverse(ASK, before) is None


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what the executor relies on."""
    assert ACTION.sentence(ASK) == "stop evicting leaders from store 4"
    assert ACTION.pd_ctl(ASK) == ("pd-ctl scheduler config evict-leader-scheduler delete-store 4")
    assert ACTION.scope(ASK) == Scope(frozenset({4}))
    assert ACTION.risk(ASK, emptied(4)).tier is Tier.LOW
    assert not ACTION.goal_required
    target = ACTION.target(ASK, emptied(4))
    assert target is not None
    assert target.id == "store/4"
