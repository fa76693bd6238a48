"""Plans from the first call to the last word: order, waits, failure, and the way back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.api.v1alpha1.actions import ActionType, PlanStep, plan
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.model.call import CallOutcome, DidNot, PdCall, Unknown
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Hold
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import approved, cancel, with_spec
from tests.support.snapshots import snapshot, unprepared
from tests.support.voyage import Answer, Voyage

START_4 = "POST /pd/api/v1/schedulers"
STOP_4 = "DELETE /pd/api/v1/scheduler-config/evict-leader-scheduler/delete/4"


def limit(rate: int, store_id: int = 4) -> SetStoreLimit:
    """Return parameters for an add-peer limit."""
    return SetStoreLimit(store_id=store_id, kind=StoreLimitKind.ADD_PEER, rate_per_minute=rate)


def evict_then(fact: Awaited, timeout: str = "10m", store_id: int = 4) -> PlanStep:
    """Return a step that evicts leaders from store 4 and then waits for a fact."""
    return PlanStep(
        type=ActionType.EVICT_LEADERS,
        evict_leaders=EvictLeaders(store_id=4),
        wait_until=WaitUntil(fact=fact, store_id=store_id, timeout=timeout),
    )


def refusing(number: int) -> Answer:
    """Return a PD that refuses the call of that number, from 1, and obeys all others."""
    count = 0

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        nonlocal count
        count += 1
        if count == number:
            return DidNot("500 not the leader"), shown
        return obey(call, shown)

    return answer


def rate(shown: ClusterSnapshot, store_id: int = 4) -> float | None:
    """Return a store's add-peer limit."""
    store = shown.store(store_id)
    return store.add_peer_limit_per_minute if store is not None else None


FIVE = plan(limit(20, 1), limit(20, 2), limit(20, 3), limit(20, 4), limit(30, 1))


def test_steps_run_in_order_and_each_is_verified() -> None:
    """Evict, then stop: two calls, two entries, one success."""
    voyage = Voyage(plan(EvictLeaders(store_id=4), StopEvictLeaders(store_id=4)), snapshot(), obey)
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.DONE)
    assert [line.split(" {")[0] for line in voyage.lines] == [START_4, STOP_4]
    assert voyage.states == [
        (1, "Forward", StepState.DONE),
        (2, "Forward", StepState.DONE),
    ]


def test_the_third_of_five_fails_and_the_first_two_are_taken_back() -> None:
    """In reverse order, each to the value from before; the last two are never begun."""
    voyage = Voyage(FIVE, snapshot(), refusing(3))
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.ROLLED_BACK, Reason.UNDONE)
    assert [rate(voyage.shown, number) for number in (1, 2, 3, 4)] == [15.0, 15.0, 15.0, 15.0]
    stores = [call.path.split("/")[-2] for call in voyage.sent]
    assert stores == ["1", "2", "3", "2", "1"]
    assert voyage.states[2:] == [
        (3, "Forward", StepState.NOT_DONE),
        (2, "Undo", StepState.DONE),
        (1, "Undo", StepState.DONE),
    ]


def test_a_step_that_touches_the_same_value_twice_is_undone_twice() -> None:
    """Down to 10, up to 20, then a failure: first back to 10, then to what was there before."""
    voyage = Voyage(plan(limit(10), limit(20), limit(30, 1)), snapshot(), refusing(3))
    assert voyage.go().phase is Phase.ROLLED_BACK
    assert [dict(call.body or {})["rate"] for call in voyage.sent] == [10, 20, 30, 10.0, 15.0]


def test_an_undo_stops_where_somebody_changed_the_value() -> None:
    """Theirs is left alone, and the message says what is left to do by hand."""
    tampered = False

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        nonlocal tampered
        if not tampered and call.path.endswith("/3/limit"):
            tampered = True
            return DidNot("500 not the leader"), with_store(
                shown, 2, add_peer_limit_per_minute=77.0
            )
        return obey(call, shown)

    voyage = Voyage(FIVE, snapshot(), answer)
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.ROLLBACK_FAILED, Reason.CHANGED_SINCE)
    assert "overwrite addPeerLimitPerMinute=77.0" in str(status.message)
    assert rate(voyage.shown, 2) == 77.0


def test_a_refused_undo_says_what_is_left_to_do_by_hand() -> None:
    """The stages that still stand are named with the calls that take them back."""
    count = 0

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        nonlocal count
        count += 1
        return (DidNot("500 no"), shown) if count >= 3 else obey(call, shown)

    status = Voyage(FIVE, snapshot(), answer).go()
    assert (status.phase, status.reason) == (Phase.ROLLBACK_FAILED, Reason.UNDO_FAILED)
    assert "Left to do by hand: POST /pd/api/v1/store/1/limit" in str(status.message)


def test_an_unknown_answer_in_the_middle_ends_as_unknown_and_nothing_follows() -> None:
    """Nobody goes on from a state that nobody knows."""

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        if call.path.endswith("/2/limit"):
            return Unknown("connection reset"), shown
        return obey(call, shown)

    voyage = Voyage(FIVE, snapshot(), answer, step_seconds=100.0)
    status = voyage.go()
    assert status.phase is Phase.OUTCOME_UNKNOWN
    assert len(voyage.sent) == 2


def test_a_step_that_pd_already_shows_sends_nothing() -> None:
    """It is recorded as already done, and an undo passes it over: it was not ours."""
    shown = with_store(snapshot(), 2, add_peer_limit_per_minute=20.0)
    voyage = Voyage(plan(limit(20, 1), limit(20, 2), limit(20, 3)), shown, refusing(2))
    assert voyage.go().phase is Phase.ROLLED_BACK
    assert [call.path.split("/")[-2] for call in voyage.sent] == ["1", "3", "1"]
    assert rate(voyage.shown, 2) == 20.0


def test_a_wait_holds_the_next_step_until_pd_shows_the_fact() -> None:
    """The store goes down for maintenance and comes back; only then the eviction is stopped."""
    shown = snapshot()
    asks = plan(evict_then(Awaited.STORE_UP, store_id=1), StopEvictLeaders(store_id=4))
    voyage = Voyage(asks, shown, obey)
    voyage.go(1)  # sent and verified
    voyage.shown = with_store(voyage.shown, 1, last_heartbeat=None)
    status = voyage.go(10)
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.WAITING)
    assert "waiting for store 1 to be Up" in str(status.message)
    assert len(voyage.sent) == 1
    voyage.shown = with_store(voyage.shown, 1, last_heartbeat=voyage.now)
    assert voyage.go().phase is Phase.SUCCEEDED


def test_a_wait_that_is_not_met_in_time_takes_the_plan_back() -> None:
    """The eviction is ended, so that no store stays empty for ever."""
    asks = plan(evict_then(Awaited.STORE_UP, "1m", store_id=1), StopEvictLeaders(store_id=4))
    voyage = Voyage(asks, snapshot(), obey)
    voyage.go(1)
    voyage.shown = with_store(voyage.shown, 1, last_heartbeat=None)
    voyage.step_seconds = 30.0
    status = voyage.go()
    assert status.phase is Phase.ROLLED_BACK
    assert voyage.shown.evicted_store_ids == frozenset()


def test_an_unprepared_pd_is_waited_for_between_steps() -> None:
    """Just after a change of PD's leader it shows no eviction: nothing is concluded (P15)."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.go(1)
    shown = voyage.shown
    voyage.shown = unprepared(shown)
    before = len(voyage.sent)
    status = voyage.go(5)
    assert status.phase is Phase.EXECUTING
    assert len(voyage.sent) == before
    voyage.shown = shown
    assert voyage.go().phase is Phase.SUCCEEDED


def test_suspend_between_two_steps_stops_the_next_call() -> None:
    """It goes on where it was when the suspend ends; nothing is sent twice."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.go(1)
    sent = len(voyage.sent)
    voyage.hold = Hold(Reason.SUSPENDED, "TiKVCluster demo is suspended")
    status = voyage.go(5)
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.SUSPENDED)
    assert len(voyage.sent) == sent
    voyage.hold = None
    assert voyage.go().phase is Phase.SUCCEEDED
    assert len(voyage.sent) == 5


def test_a_cancel_while_a_goal_is_missed_says_all_that_stands() -> None:
    """The eviction, and the limit that an earlier step has set."""
    voyage = Voyage(plan(limit(20, 1), EvictLeaders(store_id=4)), snapshot(), listed_only)
    voyage.go(3)
    voyage.known = with_spec(voyage.known, cancel=cancel())
    voyage.step_seconds = 600
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.CANCELLED)
    left = str(status.message).split("Left to do by hand: ")[1]
    assert [line.split(" {")[0] for line in left.split("; ")] == [
        STOP_4,
        "POST /pd/api/v1/store/1/limit",
    ]


def listed_only(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
    """Return a PD that lists an eviction whose leaders stay."""
    outcome, after = obey(call, shown)
    stuck = next(one.leader_count for one in shown.stores if one.id == 4)
    return outcome, with_store(after, 4, leader_count=stuck)


def test_cancel_between_two_steps_ends_it_and_says_what_stands() -> None:
    """No call follows a cancel, not even an undo; the way back is printed."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.go(1)
    voyage.known = with_spec(voyage.known, cancel=cancel())
    voyage.hold = Hold(Reason.CANCELLED, "sre-9 cancelled it")
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert 'Left to do by hand: POST /pd/api/v1/store/1/limit {"rate":15.0' in str(status.message)


def test_a_precondition_that_cannot_heal_takes_back_what_was_done() -> None:
    """The fourth step's store was removed meanwhile."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.go(1)
    voyage.shown = replace(
        voyage.shown, stores=tuple(one for one in voyage.shown.stores if one.id != 4)
    )
    status = voyage.go()
    assert status.phase is Phase.ROLLED_BACK
    assert [rate(voyage.shown, number) for number in (1, 2, 3)] == [15.0, 15.0, 15.0]


def test_a_target_that_is_not_the_one_approved_takes_the_plan_back() -> None:
    """The store restarted under another address: another machine than people agreed to."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.go(1)
    voyage.shown = with_store(voyage.shown, 4, address="elsewhere:20160")
    status = voyage.go()
    assert status.phase is Phase.ROLLED_BACK
    assert any(
        "store/4 is not as approved any more" in entry.message for entry in status.history or []
    )


def test_what_cannot_heal_in_an_hour_is_given_up() -> None:
    """A later step waits for its preconditions, not for ever."""
    asks = plan(limit(20, 1), EvictLeaders(store_id=4))
    voyage = Voyage(asks, snapshot(), obey, step_seconds=300.0)
    voyage.go(0)
    voyage.shown = replace(
        voyage.shown, schedule=replace(voyage.shown.schedule, leader_schedule_limit=0)
    )
    status = voyage.go(3)
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.PRECONDITION_WAITING)
    assert "leader-schedule-limit is 0" in str(status.message)
    assert voyage.go().phase is Phase.ROLLED_BACK


@pytest.mark.parametrize("turns", range(12))
def test_a_new_leader_goes_on_from_any_moment(turns: int) -> None:
    """The journal alone says where it is: from every turn on the plan comes to the same end."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.go(turns)
    successor = Voyage(FIVE, voyage.shown, obey)
    successor.known = replace(successor.known, proposal=voyage.known.proposal, now=voyage.known.now)
    status = successor.go()
    assert status.phase is Phase.SUCCEEDED
    assert len(voyage.sent) + len(successor.sent) == 5


def test_a_dry_run_shows_every_call_and_sends_none() -> None:
    """One entry a step, each under the mark."""
    voyage = Voyage(FIVE, snapshot(), obey)
    voyage.known = with_spec(voyage.known, dry_run=True, approvals=None)
    voyage.known = approved(voyage.known, "sre-2", "sre-3")
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.DRY_RUN)
    assert voyage.sent == []
    assert [state for _, _, state in voyage.states] == [StepState.DRY_RUN] * 5


def test_high_looks_again_at_the_step_before() -> None:
    """Somebody ended the eviction between two steps: at High the plan stops and is taken back."""
    asks = plan(EvictLeaders(store_id=4), limit(10), limit(30, 1))
    high = with_store(snapshot(), 4, leader_count=900)  # more than 40 % of all leaders
    voyage = Voyage(asks, high, obey)
    voyage.go(1)
    assert voyage.status.risk is not None
    assert voyage.status.risk.tier is Tier.HIGH
    voyage.shown = replace(
        with_store(voyage.shown, 4, leader_count=80), evicted_store_ids=frozenset()
    )
    status = voyage.go()
    assert status.phase in (Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)
    assert any("step 1 no longer stands" in entry.message for entry in status.history or [])
    assert len(voyage.sent) == 1


def test_no_step_begins_after_not_after() -> None:
    """Who gave the plan an end wants no step after it: what was done is taken back."""
    voyage = Voyage(FIVE, snapshot(), obey)
    end = voyage.now + timedelta(minutes=5)
    voyage.known = approved(
        with_spec(voyage.known, not_after=end, approvals=None), "sre-2", "sre-3"
    )
    voyage.go(1)
    voyage.wait(600.0)
    status = voyage.go()
    assert status.phase is Phase.ROLLED_BACK
    assert any("spec.notAfter" in entry.message for entry in status.history or [])
