"""Steps of a plan that work beside each other: who begins when, and who is judged before what."""

from dataclasses import replace

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    GateVerdict,
    Phase,
    Resolution,
    ResolutionOutcome,
    StepState,
)
from assent.api.v1alpha1.actions import Action, PlanStep, action, plan
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.store import DrainStore, EvictLeaders, StopEvictLeaders
from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.endings import resolved
from assent.core.lifecycle.settle import settle
from assent.core.model.call import Did, DidNot, PdCall, Unknown
from assent.core.model.verdict import Hold
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import cancel, facts, proposal, with_spec
from tests.support.slow_pd import NEVER, SlowPd
from tests.support.snapshots import snapshot, unprepared
from tests.support.voyage import Voyage
from tests.unit.core.lifecycle.test_plans import limit, rate


def grouped(parameters: ApiModel, group: str | None = "a", **more: object) -> PlanStep:
    """Return a step of that group."""
    return PlanStep.model_validate({**dict(action(parameters)), "group": group, **more})


THREE = plan(*(grouped(limit(20, store_id)) for store_id in (1, 2, 3)))


def voyage(asks: Action, pd: SlowPd, step_seconds: float = 1.0) -> Voyage:
    """Return the plan on a healthy cluster with that PD."""
    return Voyage(asks, snapshot(), pd.answer, step_seconds=step_seconds, passing=pd.pass_turn)


def stores(trip: Voyage) -> list[str]:
    """Return which store each call was for."""
    return [call.path.split("/")[-2] for call in trip.sent]


def never_for(store_id: int) -> SlowPd:
    """Return a PD that takes the calls for a store and does nothing."""
    return SlowPd(delays=lambda call: NEVER if f"/store/{store_id}/" in call.path else 2)


def test_each_begins_as_soon_as_pd_has_taken_the_one_before() -> None:
    """All three are on their way before the first shows."""
    pd = SlowPd()
    trip = voyage(THREE, pd)
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.DONE)
    assert pd.most_pending == 3
    assert trip.states == [(n, "Forward", StepState.DONE) for n in (1, 2, 3)]


def test_without_a_group_they_go_one_after_the_other() -> None:
    """The same steps, each begun when the one before shows."""
    pd = SlowPd()
    status = voyage(plan(limit(20, 1), limit(20, 2), limit(20, 3)), pd).go()
    assert status.phase is Phase.SUCCEEDED
    assert pd.most_pending == 1


def test_what_follows_a_group_waits_for_all_of_it() -> None:
    """The fourth step begins when the slowest of the group is done."""
    slow = SlowPd(delays=lambda call: 9 if "/store/2/" in call.path else 1)
    asks = plan(*(grouped(limit(20, n)) for n in (1, 2, 3)), limit(20, 4))
    trip = voyage(asks, slow)
    while len(trip.sent) < 4:
        trip.go(1)
    assert [state for _, _, state in trip.states[:3]] == [StepState.DONE] * 3
    assert trip.go().phase is Phase.SUCCEEDED


def test_two_groups_do_not_mix() -> None:
    """The second begins when the first is judged, also where they stand side by side."""
    pd = SlowPd()
    asks = plan(
        grouped(limit(20, 1), "a"),
        grouped(limit(20, 2), "a"),
        grouped(limit(20, 3), "b"),
        grouped(limit(20, 4), "b"),
    )
    assert voyage(asks, pd).go().phase is Phase.SUCCEEDED
    assert pd.most_pending == 2


def test_a_refused_one_waits_for_those_beside_it_before_all_is_taken_back() -> None:
    """The first has begun and will still come: an undo before that would be overtaken."""
    pd = SlowPd(outcomes={2: DidNot("500 no")}, delays=lambda call: 5)
    trip = voyage(THREE, pd)
    trip.go(1)  # the first has begun
    status = trip.go(2)
    assert status.phase is Phase.EXECUTING
    assert trip.states[:2] == [(1, "Forward", StepState.BEGUN), (2, "Forward", StepState.NO_EFFECT)]
    assert "looking at those beside it first" in str(
        [entry.message for entry in status.history or []] + [str(status.message)]
    )
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.ROLLED_BACK, Reason.UNDONE)
    assert "500 no" in "".join(entry.message for entry in status.history or [])
    assert stores(trip) == ["1", "2", "1"]
    assert rate(trip.shown, 1) == 15.0


def test_all_is_taken_back_in_reverse_order_when_one_never_shows() -> None:
    """Its time is over: the others, which are done, go back, the last one first."""
    trip = voyage(THREE, never_for(2), step_seconds=20.0)
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.ROLLED_BACK, Reason.UNDONE)
    assert stores(trip) == ["1", "2", "3", "3", "1"]
    assert [rate(trip.shown, n) for n in (1, 2, 3)] == [15.0] * 3


def test_none_begins_beside_one_whose_time_is_over() -> None:
    """A hold that outlasts the first one's time: what did not come then will not be joined."""
    trip = voyage(THREE, never_for(1))
    trip.go(1)
    trip.hold = Hold(Reason.SUSPENDED, "TiKVCluster demo is suspended")
    trip.wait(3600.0)
    trip.hold = None
    status = trip.go()
    assert stores(trip) == ["1"]
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.NO_EFFECT)


def test_none_begins_while_one_is_late_and_another_is_not() -> None:
    """The group has failed already; what goes on is only waited for."""
    trip = voyage(THREE, SlowPd(delays=lambda call: NEVER))
    while len(trip.sent) < 2:
        trip.go(1)
        trip.wait(200.0 if len(trip.sent) == 1 else 0.0)
    trip.go(1)
    trip.wait(150.0)  # the first one's five minutes are over, the second one's are not
    trip.go(3)
    assert stores(trip) == ["1", "2"]
    assert [state for _, _, state in trip.states] == [StepState.BEGUN] * 2


def test_several_that_never_show_end_it_together() -> None:
    """Nothing took effect, so nothing is taken back."""
    pd = SlowPd(delays=lambda call: NEVER)
    trip = voyage(THREE, pd, step_seconds=60.0)
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.NO_EFFECT)
    assert stores(trip) == ["1", "2", "3"]


def test_one_that_misses_its_goal_takes_back_all() -> None:
    """Store 4's leaders stay; the limit beside it was done and goes back as well."""

    def listed_only(call: PdCall, shown):  # type: ignore[no-untyped-def]
        outcome, after = obey(call, shown)
        stuck = next(one.leader_count for one in shown.stores if one.id == 4)
        return outcome, with_store(after, 4, leader_count=stuck)

    asks = plan(grouped(EvictLeaders(store_id=4)), grouped(limit(20, 1)))
    trip = Voyage(asks, snapshot(), listed_only, step_seconds=120.0)
    status = trip.go()
    assert status.phase is Phase.ROLLED_BACK
    assert trip.shown.evicted_store_ids == frozenset()
    assert rate(trip.shown, 1) == 15.0


def test_a_lost_answer_whose_effect_shows_goes_on_with_the_group() -> None:
    """What PD shows is enough; the third begins after."""

    def answer(call: PdCall, shown):  # type: ignore[no-untyped-def]
        outcome, after = obey(call, shown)
        return (Unknown("connection reset") if "/store/2/" in call.path else outcome), after

    trip = Voyage(THREE, snapshot(), answer)
    assert trip.go().phase is Phase.SUCCEEDED
    assert stores(trip) == ["1", "2", "3"]


def test_a_lost_answer_without_effect_ends_it_and_nothing_follows() -> None:
    """A person says what came of it; then the plan ends, also where it was the last of all."""
    pd = SlowPd(outcomes={3: Unknown("connection reset")}, delays=lambda call: NEVER)
    trip = voyage(THREE, pd, step_seconds=100.0)
    status = trip.go()
    assert status.phase is Phase.OUTCOME_UNKNOWN
    assert [state for _, _, state in trip.states] == [
        StepState.BEGUN,
        StepState.BEGUN,
        StepState.UNKNOWN,
    ]
    word = Resolution(by="sre-2", outcome=ResolutionOutcome.HAPPENED, digest=str(status.digest))
    said = resolved(with_spec(trip.known, resolution=word))
    assert said is not None
    assert said.status.phase is Phase.FAILED
    assert "Left to do by hand: POST /pd/api/v1/store/3/limit" in str(said.status.message)
    assert "POST /pd/api/v1/store/1/limit" in str(said.status.message)


def test_a_suspend_stops_the_next_one_and_judges_what_has_begun() -> None:
    """Verification goes on during a suspend; it is no call."""
    trip = voyage(THREE, SlowPd())
    trip.go(1)
    trip.hold = Hold(Reason.SUSPENDED, "TiKVCluster demo is suspended")
    status = trip.go(6)
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.SUSPENDED)
    assert trip.states == [(1, "Forward", StepState.DONE)]
    trip.hold = None
    assert trip.go().phase is Phase.SUCCEEDED


def test_a_cancel_ends_it_once_what_has_begun_is_judged() -> None:
    """The message then says truly what stands and how to take it back."""
    trip = voyage(THREE, SlowPd(delays=lambda call: 4))
    trip.go(1)
    trip.known = with_spec(trip.known, cancel=cancel())
    trip.hold = Hold(Reason.CANCELLED, "sre-9 cancelled it")
    status = trip.go(2)
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.CANCELLED)
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert stores(trip) == ["1"]
    assert "Left to do by hand: POST /pd/api/v1/store/1/limit" in str(status.message)


def test_nothing_is_judged_while_pd_is_not_prepared() -> None:
    """Just after a change of its leader PD shows no settings of ours (P15), however late it is."""
    trip = voyage(THREE, SlowPd(), step_seconds=600.0)
    trip.go(3)
    shown = trip.shown
    trip.shown, trip.passing = unprepared(shown), lambda same: same
    status = trip.go(4)
    assert status.phase is Phase.EXECUTING
    assert StepState.BEGUN in [state for _, _, state in trip.states]


def test_the_answer_on_record_counts_for_whoever_takes_over() -> None:
    """Another process judges by what PD shows; that it has no answer of its own is no doubt."""
    trip = voyage(THREE, never_for(1), step_seconds=100.0)
    trip.go(3)
    successor = voyage(THREE, SlowPd(), step_seconds=100.0)
    successor.shown = trip.shown
    successor.known = replace(successor.known, proposal=trip.known.proposal, now=trip.known.now)
    assert successor.go().phase is not Phase.OUTCOME_UNKNOWN


def test_a_single_action_never_begins_without_being_judged() -> None:
    """A group of one is a step like any other."""
    trip = voyage(plan(grouped(limit(20, 1))), SlowPd())
    trip.go(1)
    assert StepState.BEGUN not in [state for _, _, state in trip.states]
    assert trip.go().phase is Phase.SUCCEEDED


def test_a_refusal_is_not_taken_for_a_beginning() -> None:
    """PD said no, whatever it shows: the first of the group fails, and nothing stands."""
    trip = voyage(THREE, SlowPd(outcomes={1: DidNot("500 no")}))
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.REFUSED)
    assert stores(trip) == ["1"]


def test_the_entry_keeps_pd_s_answer() -> None:
    """What is judged later is judged with the answer of its own call, not of the last one."""
    trip = voyage(THREE, SlowPd())
    trip.go(0)
    first = trip.known.proposal
    decision = settle(first, Evidence(Did("200 taken"), trip.shown, trip.now))
    assert decision is not None
    assert decision.status.execution is not None
    assert decision.status.execution.steps[0].answer == "200 taken"


BAD = {
    "the same store twice": (
        plan(grouped(limit(20, 1)), grouped(limit(30, 1))),
        "action.plan.steps[1].group: step 1 of its group works on store 1, too",
    ),
    "one group in two places": (
        plan(grouped(limit(20, 1)), limit(20, 2), grouped(limit(20, 3))),
        "action.plan.steps[2].group: its group begins a second time: name one otherwise",
    ),
    "a wait inside a group": (
        plan(
            grouped(
                limit(20, 1), wait_until=WaitUntil(fact=Awaited.STORE_UP, store_id=1, timeout="1m")
            ),
            grouped(limit(20, 2)),
        ),
        "action.plan.steps[0].group: only the last step of a group may have waitUntil",
    ),
    "a High step": (
        plan(grouped(limit(20, 1)), grouped(DrainStore(store_id=4))),
        "action.plan.steps[1].group: the step is High; in a group all are Low or Medium",
    ),
}


@pytest.mark.parametrize(("asks", "message"), BAD.values(), ids=BAD)
def test_a_group_that_cannot_stand_is_refused(asks: Action, message: str) -> None:
    """With the field that is wrong, before anybody is asked."""
    status = decide(facts(proposal(asks), snapshot=snapshot())).status
    assert status.phase is Phase.FAILED
    denied = [gate.message for gate in status.gates or [] if gate.verdict is GateVerdict.DENY]
    assert message in denied


def test_a_wait_may_stand_at_the_end_of_a_group() -> None:
    """It holds what follows, once all of the group is done."""
    last = WaitUntil(fact=Awaited.STORE_WITHOUT_LEADERS, store_id=4, timeout="10m")
    asks = plan(
        grouped(limit(20, 1)),
        grouped(EvictLeaders(store_id=4), wait_until=last),
        StopEvictLeaders(store_id=4),
    )
    trip = voyage(asks, SlowPd())
    assert trip.go().phase is Phase.SUCCEEDED
