"""Groups at their bounds: a cancel at the worst moment, PD gone for good, a second call refused,
waits around a group, and what one member does to the others.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    Phase,
    Resolution,
    ResolutionOutcome,
    StepState,
)
from assent.api.v1alpha1.actions import Action, plan
from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.parameters.store import (
    CancelDrain,
    DrainStore,
    EvictLeaders,
    StopEvictLeaders,
)
from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import program_of
from assent.core.lifecycle.between import go_on
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.endings import resolved
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.rollback import by_hand
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome, DidNot, PdCall
from assent.core.model.member import PdMember
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Hold
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import approved, cancel, cluster, facts, proposal, with_spec
from tests.support.slow_pd import NEVER, SlowPd
from tests.support.snapshots import snapshot, store
from tests.support.voyage import Voyage
from tests.unit.core.lifecycle.test_groups import THREE, grouped, never_for, voyage
from tests.unit.core.lifecycle.test_plans import limit

CANCELLED = Hold(Reason.CANCELLED, "sre-9 cancelled it")


def cancelled(trip: Voyage) -> None:
    """A person cancels the plan now."""
    trip.known = with_spec(trip.known, cancel=cancel())
    trip.hold = CANCELLED


def condition(trip: Voyage, name: str) -> str:
    """Return the status of that condition."""
    return next(one.status for one in trip.status.conditions or [] if one.type == name)


def denied(asks: Action, shown: ClusterSnapshot) -> str:
    """Return why the plan is refused, by its gate Groups."""
    gates = decide(facts(proposal(asks), snapshot=shown)).status.gates or []
    return next(gate.message for gate in gates if gate.name == "Groups")


def test_a_cancel_at_the_last_look_ends_it_once_what_has_begun_is_judged() -> None:
    """The second one's intent is stored, its call is not sent; the first is still to come."""
    pd = SlowPd(delays=lambda call: 9)
    trip = voyage(THREE, pd)
    while len(trip.sent) < 2:
        trip.go(1)
    pd.pending = pd.pending[:1]  # the voyage has sent it; here the last look says no before
    cancelled(trip)
    trip._take(withhold(trip.known.proposal, CANCELLED, trip.now))
    assert (trip.status.phase, trip.status.reason) == (Phase.EXECUTING, Reason.CANCELLED)
    assert [state for _, _, state in trip.states] == [StepState.BEGUN, StepState.NOT_DONE]
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.CANCELLED)
    assert pd.pending == []
    assert trip.states[0] == (1, "Forward", StepState.DONE)
    assert "Left to do by hand: POST /pd/api/v1/store/1/limit" in str(status.message)


def blind(trip: Voyage) -> None:
    """Go on once, with a PD that cannot be read."""
    policy = cluster().spec.policy
    decision = go_on(
        trip.known.proposal, Now(None, trip.now, Sender(7, "assent-0"), policy, trip.hold)
    )
    if decision is not None:
        trip._take(decision)


def test_a_cancel_ends_it_also_when_pd_never_comes_back() -> None:
    """Not before its time is over: what has begun may still be seen. Then a person says it."""
    trip = voyage(THREE, SlowPd(delays=lambda call: NEVER))
    trip.go(5)
    cancelled(trip)
    blind(trip)
    assert (trip.status.phase, trip.status.reason) == (Phase.EXECUTING, Reason.CANCELLED)
    trip.wait(3600.0)
    blind(trip)
    status = trip.status
    assert (status.phase, status.reason) == (Phase.OUTCOME_UNKNOWN, Reason.ANSWER_LOST)
    assert "whether the call of step 3 took effect" in str(status.message)
    word = Resolution(by="sre-2", outcome=ResolutionOutcome.DID_NOT_HAPPEN, digest=status.digest)
    said = resolved(with_spec(trip.known, resolution=word))
    assert said is not None
    assert said.status.phase is Phase.FAILED
    assert "nobody has looked at what came of step 1, 2" in str(said.status.message)
    assert "POST /pd/api/v1/store/2/limit" in str(said.status.message)
    assert "/store/3/limit" not in str(said.status.message)


def test_a_word_about_an_unknown_outcome_is_of_that_step() -> None:
    """The one that nobody saw stands before one that is done: that one stays done."""
    trip = voyage(THREE, never_for(1))
    trip.go(30)
    assert [state for _, _, state in trip.states] == [
        StepState.BEGUN,
        StepState.DONE,
        StepState.DONE,
    ]
    cancelled(trip)
    trip.wait(3600.0)
    blind(trip)
    assert trip.states[0] == (1, "Forward", StepState.UNKNOWN)
    word = Resolution(
        by="sre-2", outcome=ResolutionOutcome.DID_NOT_HAPPEN, digest=trip.status.digest
    )
    said = resolved(with_spec(trip.known, resolution=word))
    assert said is not None
    assert said.status.execution is not None
    assert [step.state for step in said.status.execution.steps] == [
        StepState.NOT_DONE,
        StepState.DONE,
        StepState.DONE,
    ]


def test_nobody_asks_a_person_while_pd_may_come_back() -> None:
    """Without a cancel the plan waits for PD, however long, as it does between any two steps."""
    pd = SlowPd()
    trip = voyage(THREE, pd)
    trip.go(5)
    trip.wait(3600.0)
    blind(trip)
    assert (trip.status.phase, trip.status.reason) == (Phase.EXECUTING, Reason.CLUSTER_NOT_READY)
    for _ in range(3):
        trip.shown = pd.pass_turn(trip.shown)
    assert trip.go().phase is Phase.SUCCEEDED


def leaving_with(outcome: Callable[[PdCall], CallOutcome | None]) -> Voyage:
    """Return a voyage that keeps store 3, which PD is removing, beside a slow change of store 1.

    Calls for which ``outcome`` says something end so, and nothing happens.
    """
    pd = SlowPd(delays=lambda call: 20 if "/store/1/" in call.path else 0)

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        said = outcome(call)
        if said is not None:
            return said, shown
        return pd.answer(call, shown) if "/store/1/" in call.path else obey(call, shown)

    gone = store(3, state=StoreState.OFFLINE, remove_peer_limit_per_minute=1e8)
    shown = snapshot(store(1), store(2), gone, store(4))
    asks = plan(grouped(limit(20, 1)), grouped(CancelDrain(store_id=3, remove_peer_per_minute=22)))
    return Voyage(asks, shown, answer, passing=pd.pass_turn)


def test_a_second_call_is_sent_beside_others_too() -> None:
    """PD leaves the limit as it was; the store's own second call sets it right."""
    trip = leaving_with(lambda call: None)
    assert trip.go().phase is Phase.SUCCEEDED
    assert [call.path for call in trip.sent] == [
        "/pd/api/v1/store/1/limit",
        "/pd/api/v1/store/3/state?state=Up",
        "/pd/api/v1/store/3/limit",
    ]


def test_a_refused_second_call_is_not_sent_again_while_others_are_judged() -> None:
    """One refusal is one failure, however long the slowest of the group takes."""
    refused: list[PdCall] = []

    def outcome(call: PdCall) -> CallOutcome | None:
        if call.path != "/pd/api/v1/store/3/limit":
            return None
        refused.append(call)
        return DidNot("500 no")

    trip = leaving_with(outcome)
    trip.go()
    assert trip.status.phase in (Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)
    forward = [call for call in refused if '"rate":22' in call.line]
    assert len(forward) == 1


def test_two_evictions_in_one_group_are_refused() -> None:
    """The second is High, as it is one after the other: no group holds it."""
    asks = plan(grouped(EvictLeaders(store_id=3)), grouped(EvictLeaders(store_id=4)))
    message = "action.plan.steps[1].group: the step is High; in a group all are Low or Medium"
    assert denied(asks, snapshot()) == message


def test_a_change_of_pd_s_leader_works_beside_nothing() -> None:
    """The new leader forgets the operators that the others wait for."""
    members = tuple(PdMember(f"pd-{n}", 11 + n, is_leader=n == 0, healthy=True) for n in range(3))
    shown = snapshot(members=members, paused_schedulers={})
    move = TransferPDLeader(to_member="pd-1")
    asks = plan(grouped(limit(20, 1)), grouped(move))
    message = "action.plan.steps[1].group: PD's new leader forgets what works beside the step (P23)"
    assert denied(asks, shown) == message
    assert "different things" in denied(plan(limit(20, 1), grouped(move)), shown)


def test_a_group_that_facts_make_high_waits_for_them() -> None:
    """Somebody else's eviction ends some day: nothing is refused for good, and nothing begins."""
    asks = plan(grouped(limit(20, 1)), grouped(EvictLeaders(store_id=4)))
    shown = snapshot(store(1), store(2, leader_count=0), store(3), store(4), evicted_store_ids={2})
    held = approved(facts(proposal(asks), snapshot=shown), "sre-2", "sre-3")
    decision = decide(held)
    assert decision.call is None
    assert (decision.status.phase, decision.status.reason) == (
        Phase.APPROVED,
        Reason.PRECONDITION_WAITING,
    )
    assert "steps[1].group: the step is High" in str(decision.status.message)


def test_one_that_became_high_does_not_begin_beside_others() -> None:
    """The plan was approved as High for another step; the group was shown as Medium at most."""
    asks = plan(
        grouped(limit(20, 1)),
        grouped(EvictLeaders(store_id=4)),
        DrainStore(store_id=4),
    )
    trip = voyage(asks, SlowPd())
    trip.go(0)
    assert trip.status.risk is not None
    trip.shown = replace(trip.shown, evicted_store_ids=frozenset({3}))
    status = trip.go(20)
    assert len(trip.sent) == 1
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.PRECONDITION_WAITING)
    assert "its risk is High now, and in a group all are Low or Medium" in str(status.message)


def wait_for(store_id: int) -> WaitUntil:
    """Wait a minute for that store to be up."""
    return WaitUntil(fact=Awaited.STORE_UP, store_id=store_id, timeout="1m")


def test_a_wait_after_a_group_begins_when_the_last_of_it_is_done() -> None:
    """Its last step was done long ago; the first took longer than the wait may."""
    slow = SlowPd(delays=lambda call: 150 if "/store/1/" in call.path else 1)
    asks = plan(grouped(limit(20, 1)), grouped(limit(20, 2), wait_until=wait_for(3)), limit(20, 4))
    trip = voyage(asks, slow)
    trip.go(20)
    trip.shown = with_store(trip.shown, 3, state=StoreState.DISCONNECTED)
    while StepState.BEGUN in [state for _, _, state in trip.states]:
        trip.go(1)
    trip.go(30)
    assert trip.status.reason == Reason.WAITING
    trip.shown = with_store(trip.shown, 3, state=StoreState.UP)
    assert trip.go().phase is Phase.SUCCEEDED


@pytest.mark.parametrize("delay", [0, 1, 30], ids=["at once", "soon", "later"])
def test_a_wait_before_a_group_is_for_all_of_it(delay: int) -> None:
    """The fact held when the first began: whether that is done by now changes nothing."""
    hold = Hold(Reason.SUSPENDED, "TiKVCluster demo is suspended")
    asks = plan(
        grouped(limit(20, 1), None, wait_until=wait_for(3)),
        grouped(limit(20, 2)),
        grouped(limit(20, 4)),
    )
    trip = voyage(asks, SlowPd(delays=lambda call: delay))
    while len(trip.sent) < 2:
        trip.go(1)
    trip.hold = hold
    trip.shown = with_store(trip.shown, 3, state=StoreState.DISCONNECTED)
    trip.go(10)
    trip.hold = None
    assert trip.go(40).phase is Phase.SUCCEEDED


def test_verified_is_not_true_while_one_of_the_group_is_not() -> None:
    """The last entry is done and an earlier one is not judged: nobody may take that for all."""
    trip = voyage(THREE, never_for(1), step_seconds=20.0)
    while [state for _, _, state in trip.states][1:] != [StepState.DONE] * 2:
        trip.go(1)
    assert (condition(trip, "Executed"), condition(trip, "Verified")) == ("True", "Unknown")
    assert trip.go().phase is Phase.ROLLED_BACK
    assert condition(trip, "Verified") == "False"


def test_what_missed_its_goal_and_is_taken_back_is_not_verified() -> None:
    """Its effect was there; a tool that waits for Verified must not be told that all is well."""

    def listed_only(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        outcome, after = obey(call, shown)
        return outcome, with_store(after, 4, leader_count=100)

    asks = plan(grouped(EvictLeaders(store_id=4)), grouped(limit(20, 1)))
    trip = Voyage(asks, snapshot(), listed_only, step_seconds=120.0)
    while trip.status.phase is Phase.EXECUTING or trip.status.phase is Phase.PENDING:
        trip.go(1)
    assert "Step 1 of 2 did not reach its goal" in str(trip.status.message)
    assert condition(trip, "Verified") == "False"
    trip.go()
    assert (condition(trip, "Executed"), condition(trip, "Verified")) == ("True", "False")


def test_a_taking_back_that_was_asked_for_leaves_it_verified() -> None:
    """With revertAfter it was all that it was for, as long as it was to be."""
    trip = Voyage(THREE, snapshot(), obey, revert_after="1h")
    assert trip.go().phase is Phase.ACTIVE
    trip.wait(3700.0)
    trip.revert()
    assert trip.status.phase is Phase.ROLLING_BACK
    assert condition(trip, "Verified") == "True"
    assert trip.go().phase is Phase.SUCCEEDED
    assert condition(trip, "Verified") == "True"


def test_messages_name_no_next_step_after_a_failure() -> None:
    """What follows is the undo; a suspend meanwhile says that nothing is sent."""
    trip = voyage(THREE, SlowPd(outcomes={2: DidNot("500 no")}, delays=lambda call: 5))
    said: list[str] = []
    while trip.status.phase is not Phase.ROLLING_BACK:
        trip.go(1)
        said.append(str(trip.status.message))
    assert not [text for text in said if "next: 2" in text]
    assert any("step 2 has failed: all is taken back" in text for text in said)
    trip = voyage(THREE, SlowPd(delays=lambda call: 9))
    trip.go(5)
    trip.hold = Hold(Reason.SUSPENDED, "TiKVCluster demo is suspended")
    trip.go(2)
    assert str(trip.status.message).startswith("Sending nothing: TiKVCluster demo is suspended")


def test_what_somebody_changed_leaves_the_rest_to_do_by_hand() -> None:
    """The undo stops at the first value that is not ours; the message names the others."""

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        if "/store/3/" in call.path:
            return DidNot("500 no"), with_store(shown, 2, add_peer_limit_per_minute=99.0)
        return obey(call, shown)

    trip = Voyage(THREE, snapshot(), answer)
    status = trip.go()
    assert (status.phase, status.reason) == (Phase.ROLLBACK_FAILED, Reason.CHANGED_SINCE)
    assert 'Left to do by hand: POST /pd/api/v1/store/1/limit {"rate":15.0' in str(status.message)
    assert "/store/2/limit" not in str(status.message).split("Left to do by hand")[1]


def test_a_cancelled_undo_names_what_is_left_of_all_steps() -> None:
    """Not only of the one whose undo was to be sent."""
    pd = SlowPd(outcomes={3: DidNot("500 no")}, delays=lambda call: 1)
    trip = voyage(THREE, pd)
    while trip.status.phase is not Phase.ROLLING_BACK:
        trip.go(1)
    cancelled(trip)
    trip._take(withhold(trip.known.proposal, CANCELLED, trip.now))
    status = trip.status
    assert status.reason == Reason.UNDO_FAILED
    left = str(status.message).split("Left to do by hand: ")[1]
    assert ["/store/2/" in left, "/store/1/" in left] == [True, True]


def test_an_eviction_that_ends_in_a_group_still_stands_for_it() -> None:
    """Nothing says that it has ended when the other one begins; one after the other is Medium."""
    shown = snapshot(store(1), store(2), store(3, leader_count=0), store(4), evicted_store_ids={3})
    stop, start = StopEvictLeaders(store_id=3), EvictLeaders(store_id=4)
    message = "action.plan.steps[1].group: the step is High; in a group all are Low or Medium"
    assert denied(plan(grouped(stop), grouped(start)), shown) == message
    assert denied(plan(grouped(stop), grouped(limit(20, 1)), start), shown).startswith("steps that")
    trip = Voyage(plan(grouped(stop), grouped(limit(20, 1)), start), shown, obey)
    assert trip.go().phase is Phase.SUCCEEDED
    assert trip.shown.evicted_store_ids == frozenset({4})


def test_while_some_have_begun_it_stands_in_the_way_of_others() -> None:
    """Another proposal goes first with its call; what has begun here is in flight all the same."""
    trip = voyage(THREE, SlowPd(delays=lambda call: 9))
    trip.go(1)
    trip.hold = Hold(Reason.BUSY, "waits for p2")
    trip.go(1)
    assert trip.status.reason == Reason.NEXT_STEP
    assert "Sending nothing: waits for p2" in str(trip.status.message)
    trip.go(20)
    assert trip.status.reason == Reason.BUSY
    trip.hold = None
    assert trip.go().phase is Phase.SUCCEEDED


def test_lines_left_to_do_by_hand_are_whole() -> None:
    """Sixteen steps leave more lines than a message holds; none of those shown is cut."""
    stores = [store(number) for number in range(1, 17)]
    asks = plan(*(limit(20, number) for number in range(1, 17)))
    trip = Voyage(asks, snapshot(*stores), obey)
    while len(trip.sent) < 16:
        trip.go(1)
    trip.go(1)
    first = trip.known.proposal.status.execution
    assert first is not None
    left = by_hand(first, program_of(asks, CATALOGUE)).removeprefix(". Left to do by hand: ")
    *lines, more = left.split("; ")
    assert all(line.endswith('"type":"add-peer"}') for line in lines)
    assert more == f"and {16 - len(lines)} more: status.execution has the values before"
    assert len(lines) >= 6
