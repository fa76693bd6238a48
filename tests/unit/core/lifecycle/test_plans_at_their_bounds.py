"""Plans that run into a bound: the journal's, the risk that was approved, the policy's."""

from dataclasses import replace

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Execution, Phase, StepState
from assent.api.v1alpha1.actions import ActionType, PlanStep, action, plan
from assent.api.v1alpha1.parameters.placement import (
    DeleteRegionLabelRule,
    KeyRange,
    RegionLabel,
    RuleRole,
    SetPlacementRule,
    SetRegionLabelRule,
)
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.lifecycle.between import go_on
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.journal import MAX_STEPS, Sender, has_room
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome, Did, PdCall
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Hold
from tests.support.obedient_pd import obey, with_store
from tests.support.placement import placed
from tests.support.proposals import cluster, facts, proposal
from tests.support.simulate import apply
from tests.support.snapshots import snapshot
from tests.support.voyage import Voyage

NOT_NOW = Hold(Reason.HELD, "too little of the lease is left")


def limit(rate: int, store_id: int = 4) -> SetStoreLimit:
    """Return parameters for an add-peer limit."""
    return SetStoreLimit(store_id=store_id, kind=StoreLimitKind.ADD_PEER, rate_per_minute=rate)


LABELS = (RegionLabel(key="a", value="b"),)
RANGES = (KeyRange(start_key="74", end_key="75"),)
SIXTEEN = plan(*(limit(20 + number, 1 + number % 4) for number in range(16)))


def withheld(voyage: Voyage, times: int) -> None:
    """Have the last look stop the next call so many times; what PD shows stays."""
    for _ in range(times):
        before, sent = voyage.shown, len(voyage.sent)
        if voyage.status.phase is Phase.EXECUTING:
            voyage.turn()
        else:
            voyage.go(0)  # the claim
        if voyage.status.phase is not Phase.EXECUTING or len(voyage.sent) == sent:
            return
        voyage.shown = before
        del voyage.sent[sent:]
        proposal = voyage.known.proposal
        status = withhold(proposal, NOT_NOW, voyage.now).status
        voyage.known = replace(voyage.known, proposal=replace(proposal, status=status))


def test_room_is_kept_for_two_calls_back_a_stage() -> None:
    """One more is one too many."""
    assert has_room(MAX_STEPS - 3, forward=1, back=1)
    assert not has_room(MAX_STEPS - 2, forward=1, back=1)


def test_the_longest_plan_fits_and_can_be_taken_back() -> None:
    """16 steps, the last of which fails: 32 entries and every value as before."""
    count = 0

    def last_fails(call: object, shown: object) -> object:
        nonlocal count
        count += 1
        return obey(call, shown)  # type: ignore[arg-type]

    voyage = Voyage(SIXTEEN, snapshot(), last_fails, revert_after="1h")  # type: ignore[arg-type]
    assert voyage.go(200).phase is Phase.ACTIVE
    voyage.wait(3600)
    voyage.revert()
    assert voyage.go(200).reason == Reason.REVERTED
    assert count == 32


def test_a_plan_is_not_begun_where_its_undo_would_not_fit_into_the_journal() -> None:
    """Many attempts that came to no call leave room for a single action, not for 16 and back."""
    voyage = Voyage(SIXTEEN, snapshot(), obey)
    withheld(voyage, 17)
    assert voyage.status.phase is Phase.APPROVED
    decision = decide(replace(voyage.known, snapshot=voyage.shown))
    assert (decision.call, decision.status.reason) == (None, Reason.HELD)
    assert "journal is full" in str(decision.status.message)


def test_a_plan_whose_journal_fills_between_two_steps_is_taken_back() -> None:
    """Else it could neither go on nor back, for no entry could be stored."""
    voyage = Voyage(plan(limit(20, 1), limit(25, 2)), snapshot(), obey)
    while not voyage.sent or voyage.status.reason != Reason.NEXT_STEP:
        voyage.go(1)
    withheld(voyage, MAX_STEPS + 1)
    status = voyage.go(200)
    assert (status.phase, status.reason) == (Phase.ROLLED_BACK, Reason.UNDONE)
    execution = status.execution
    assert isinstance(execution, Execution)
    assert len(execution.steps) <= MAX_STEPS
    assert {step.state for step in execution.steps[1:-1]} == {StepState.NOT_DONE}


def two_evictions() -> Voyage:
    """Return a plan that was approved as Medium: each of its evictions alone is."""
    voyage = Voyage(plan(limit(20, 1), EvictLeaders(store_id=4)), snapshot(), obey)
    voyage.go(1)
    assert voyage.status.risk is not None
    assert voyage.status.risk.tier is Tier.MEDIUM
    return voyage


def test_a_step_that_has_become_riskier_than_approved_waits_and_is_taken_back() -> None:
    """Somebody evicts another store meanwhile: two at once are High, and one person agreed."""
    voyage = two_evictions()
    voyage.shown = replace(voyage.shown, evicted_store_ids=frozenset({3}))
    voyage.go(3)
    assert voyage.status.reason == Reason.PRECONDITION_WAITING
    assert "its risk is High now and Medium was approved" in str(voyage.status.message)
    voyage.step_seconds = 600
    assert voyage.go().phase is Phase.ROLLED_BACK
    assert not any("schedulers" in line for line in voyage.lines)


def test_a_step_that_is_as_risky_as_approved_again_goes_on() -> None:
    """The other eviction ended in time."""
    voyage = two_evictions()
    voyage.shown = replace(voyage.shown, evicted_store_ids=frozenset({3}))
    voyage.go(3)
    voyage.shown = replace(voyage.shown, evicted_store_ids=frozenset())
    assert voyage.go().phase is Phase.SUCCEEDED


def test_two_evictions_in_one_plan_are_as_risky_as_two_proposals() -> None:
    """Else one person could agree to what two must; an eviction that ended counts no more."""
    both = plan(EvictLeaders(store_id=3), EvictLeaders(store_id=4))
    assert Voyage(both, snapshot(), obey).status.risk.tier is Tier.HIGH  # type: ignore[union-attr]
    turns = plan(EvictLeaders(store_id=3), StopEvictLeaders(store_id=3), EvictLeaders(store_id=4))
    assert Voyage(turns, snapshot(), obey).status.risk.tier is Tier.MEDIUM  # type: ignore[union-attr]


def test_no_step_of_a_plan_is_critical() -> None:
    """By its type or by the facts: nothing automatic happens around what is Critical."""
    fewer = SetPlacementRule(group_id="pd", id="default", role=RuleRole.VOTER, count=2)
    asked = proposal(plan(limit(20, 1), fewer))
    decision = decide(
        facts(asked, snapshot=placed(), cluster=cluster(policy={"max_tier": Tier.CRITICAL}))
    )
    assert decision.status.phase is Phase.FAILED
    assert "step 2 is Critical" in str(decision.status.message)


def test_a_ceiling_that_is_lowered_meanwhile_ends_the_plan() -> None:
    """It holds whatever was approved: what was done is taken back."""
    voyage = two_evictions()
    low = cluster(policy={"max_tier": Tier.LOW})
    voyage.known = replace(voyage.known, cluster=low)
    status = voyage.go()
    assert status.phase is Phase.ROLLED_BACK
    assert "maxTier is Low now" in str(status.message) + str(status.history)
    assert not any("schedulers" in line for line in voyage.lines)


def test_between_two_steps_it_says_that_pd_cannot_be_read() -> None:
    """Every hold says why, and is written once."""
    voyage = two_evictions()
    policy = cluster().spec.policy
    blind = Now(None, voyage.now, Sender(7, "assent-0"), policy, None)
    decision = go_on(voyage.known.proposal, blind)
    assert decision is not None
    assert decision.status.reason == Reason.CLUSTER_NOT_READY
    said = replace(voyage.known.proposal, status=decision.status)
    assert go_on(said, blind) is None


def test_a_lone_action_still_has_its_room() -> None:
    """61 attempts that came to nothing do not stop a lone action."""
    voyage = Voyage(action(limit(30)), with_store(snapshot(), 4), obey)
    withheld(voyage, 61)
    assert voyage.go().phase is Phase.SUCCEEDED


def test_every_step_of_the_longest_plan_is_pinned_to_what_was_seen() -> None:
    """However many facts make up each target, and however alike their names begin."""
    rules = [
        SetRegionLabelRule(id="x" * 80 + str(number), labels=LABELS, ranges=RANGES)
        for number in range(16)
    ]
    voyage = Voyage(plan(*rules), replace(snapshot(), label_rules=()), obey)
    target = voyage.status.target
    assert target is not None
    assert len({fact.name for fact in target.identity}) == 16
    assert {fact.value for fact in target.identity} == {"rule=absent"}


def test_a_step_may_go_on_with_the_rule_that_an_earlier_one_has_set() -> None:
    """Its text is another than approved by our own doing."""
    here = SetRegionLabelRule(id="mine", labels=LABELS, ranges=RANGES)
    shown = replace(snapshot(), label_rules=())
    voyage = Voyage(plan(here, DeleteRegionLabelRule(id="mine")), shown, carried_out)
    status = voyage.go()
    assert status.phase is Phase.SUCCEEDED, status.message
    assert voyage.shown.label_rules == ()


def carried_out(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
    """Return what PD shows after a call of any kind."""
    return Did("200 ok"), apply(call, shown)


def test_patience_begins_after_a_wait_for_a_fact() -> None:
    """The store came up after two hours; an obstacle at that very moment is waited for."""
    first = PlanStep(
        type=ActionType.SET_STORE_LIMIT,
        set_store_limit=limit(20, 1),
        wait_until=WaitUntil(fact=Awaited.STORE_UP, store_id=2, timeout="4h"),
    )
    down = with_store(snapshot(), 2, state=StoreState.DISCONNECTED)
    voyage = Voyage(plan(first, EvictLeaders(store_id=4)), down, obey)
    voyage.go(3)
    assert voyage.status.reason == Reason.WAITING
    voyage.wait(2 * 3600)
    voyage.shown = replace(snapshot(), evicted_store_ids=frozenset({3}))
    voyage.go(2)
    assert voyage.status.reason == Reason.PRECONDITION_WAITING
    voyage.shown = snapshot()
    assert voyage.go().phase is Phase.SUCCEEDED


def test_what_an_earlier_claim_found_done_is_looked_at_again() -> None:
    """Steps 1 and 2 were as asked when the call of step 3 was withheld; then they were undone."""
    asks = plan(limit(15, 1), limit(15, 2), limit(25, 3))
    voyage = Voyage(asks, snapshot(), obey)
    withheld(voyage, 1)
    assert voyage.status.phase is Phase.APPROVED
    for number in (1, 2):
        voyage.shown = with_store(voyage.shown, number, add_peer_limit_per_minute=30.0)
    assert voyage.go().phase is Phase.SUCCEEDED
    limits = [one.add_peer_limit_per_minute for one in voyage.shown.stores[:3]]
    assert limits == [15.0, 15.0, 25.0]
