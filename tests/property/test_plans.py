"""Plans of random steps with a random misfortune: what is taken back is as before, and every end
is one that the journal explains.
"""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from assent.api.v1alpha1.actionproposal import Phase, StepKind, StepState
from assent.api.v1alpha1.actions import Action, Plan, PlanStep, action, plan
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.core.model.call import CallOutcome, DidNot, PdCall, Unknown
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.examples import examples
from tests.support.obedient_pd import obey
from tests.support.slow_pd import SlowPd
from tests.support.snapshots import snapshot
from tests.support.voyage import Answer, Voyage

STORES = st.sampled_from([1, 2, 3, 4])
LIMITS = st.builds(
    lambda store_id, kind, rate: SetStoreLimit(store_id=store_id, kind=kind, rate_per_minute=rate),
    STORES,
    st.sampled_from(list(StoreLimitKind)),
    st.sampled_from([15, 20, 30, 60]),
)
STEPS = st.lists(
    st.one_of(
        LIMITS,
        st.builds(lambda store_id: EvictLeaders(store_id=store_id), STORES),
        st.builds(lambda store_id: StopEvictLeaders(store_id=store_id), STORES),
    ),
    min_size=1,
    max_size=6,
)

MANY = settings(max_examples=examples(150), deadline=None)


def failing_at(number: int, outcome: CallOutcome) -> Answer:
    """Return a PD that answers the call of that number so, without effect, and obeys all others."""
    count = 0

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        nonlocal count
        count += 1
        return (outcome, shown) if count == number else obey(call, shown)

    return answer


def settings_of(shown: ClusterSnapshot) -> object:
    """Return all that these steps can change, but who leads: leaders come back in their time."""
    limits = [
        (one.id, one.add_peer_limit_per_minute, one.remove_peer_limit_per_minute)
        for one in shown.stores
    ]
    return limits, shown.evicted_store_ids, shown.schedulers


def voyage(steps: Sequence[ApiModel], answer: Answer) -> Voyage:
    """Return the plan of these steps on a healthy cluster."""
    return Voyage(plan(*steps), snapshot(), answer, step_seconds=60.0)


@MANY
@given(steps=STEPS, number=st.integers(1, 8))
def test_a_refused_step_leaves_pd_as_it_was(steps: list[ApiModel], number: int) -> None:
    """Whichever call PD refuses: taken back whole, or done whole, or it says what stands."""
    trip = voyage(steps, failing_at(number, DidNot("500 no")))
    before = settings_of(trip.shown)
    phase = trip.go().phase
    refused = number <= len(trip.sent)
    if phase is Phase.SUCCEEDED:
        assert not refused
    elif phase in (Phase.ROLLED_BACK, Phase.FAILED):
        assert settings_of(trip.shown) == before
    else:
        assert phase is Phase.ROLLBACK_FAILED
        assert "by hand" in str(trip.status.message).lower() or "somebody" in str(
            trip.status.message
        )


@MANY
@given(steps=STEPS, number=st.integers(1, 6))
def test_nothing_follows_an_answer_that_was_lost(steps: list[ApiModel], number: int) -> None:
    """A call without effect whose answer was lost is the last one, whatever was planned after."""
    trip = voyage(steps, failing_at(number, Unknown("connection reset")))
    phase = trip.go().phase
    if number <= len(trip.sent):
        assert phase is Phase.OUTCOME_UNKNOWN
        assert len(trip.sent) == number
    else:
        assert phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.FAILED)


@MANY
@given(steps=STEPS, turns=st.integers(0, 14))
def test_any_process_comes_to_the_same_end(steps: list[ApiModel], turns: int) -> None:
    """One that takes over at any turn sends what is left, and nothing that was sent."""
    alone = voyage(steps, obey)
    alone.go()
    first = voyage(steps, obey)
    first.go(turns)
    second = voyage(steps, obey)
    second.shown = first.shown
    second.known = replace(second.known, proposal=first.known.proposal, now=first.known.now)
    second.go()
    assert [*first.lines, *second.lines] == alone.lines
    assert second.status.phase is alone.status.phase
    assert settings_of(second.shown) == settings_of(alone.shown)


@MANY
@given(steps=STEPS)
def test_the_journal_names_every_step_once_and_in_order(steps: list[ApiModel]) -> None:
    """Every step that is behind us has one entry: done, or already as asked."""
    trip = voyage(steps, obey)
    trip.go()
    asked = trip.asks.parameters
    assert isinstance(asked, Plan)
    forward = [(number or 1, state) for number, kind, state in trip.states if kind == "Forward"]
    numbers = [number for number, _ in forward]
    assert numbers == list(range(1, len(numbers) + 1))
    sent = [state for _, state in forward if state is not StepState.ALREADY_DONE]
    undone = sum(kind == "Undo" for _, kind, _ in trip.states)
    assert len(trip.sent) == len(sent) + undone or trip.status.phase is Phase.ROLLED_BACK


BESIDE = st.lists(
    st.tuples(st.booleans(), st.permutations([1, 2, 3, 4]), st.integers(1, 4)),
    min_size=1,
    max_size=3,
)
"""Groups of steps: whether they are one, which stores in which order, how many of them."""


def in_groups(drawn: Sequence[tuple[bool, Sequence[int], int]], kinds: Sequence[bool]) -> Action:
    """Return the plan: limits and evictions, each group's on different stores."""
    steps: list[PlanStep] = []
    for number, (together, order, count) in enumerate(drawn):
        for store_id in order[:count]:
            rate = 20 + 10 * number
            kind = StoreLimitKind.ADD_PEER
            step: ApiModel = SetStoreLimit(store_id=store_id, kind=kind, rate_per_minute=rate)
            if kinds[len(steps) % len(kinds)] and store_id == 4:
                step = EvictLeaders(store_id=4)
            group = f"g{number}" if together else None
            steps.append(PlanStep.model_validate({**dict(action(step)), "group": group}))
    return plan(*steps)


@MANY
@given(
    drawn=BESIDE,
    kinds=st.lists(st.booleans(), min_size=1, max_size=4),
    delays=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    refused=st.integers(1, 14),
    handover=st.integers(0, 30),
)
def test_nothing_comes_to_show_after_a_group_was_taken_back(
    drawn: list[tuple[bool, list[int], int]],
    kinds: list[bool],
    delays: list[int],
    refused: int,
    handover: int,
) -> None:
    """Effects are slow, one call is refused, another process takes over at any turn: at the end
    PD is as before or as asked, also once all that was on its way has come.
    """
    pd = SlowPd(
        delays=lambda call: delays[len(call.path) % len(delays)],
        outcomes={refused: DidNot("500 no")},
    )
    asks = in_groups(drawn, kinds)
    first = Voyage(asks, snapshot(), pd.answer, step_seconds=5.0, passing=pd.pass_turn)
    before = settings_of(first.shown)
    first.go(handover)
    second = Voyage(asks, first.shown, pd.answer, step_seconds=5.0, passing=pd.pass_turn)
    second.known = replace(second.known, proposal=first.known.proposal, now=first.known.now)
    second._outcome = first._outcome
    phase = second.go(300).phase
    shown = second.shown
    for _ in range(20):
        shown = pd.pass_turn(shown)
    execution = second.status.execution
    assert execution is not None
    if phase in (Phase.ROLLED_BACK, Phase.FAILED):
        assert settings_of(shown) == before
    else:
        assert phase is Phase.SUCCEEDED
        assert settings_of(shown) == settings_of(second.shown)
    assert StepState.BEGUN not in [step.state for step in execution.steps]
    undone = [step.plan_step for step in execution.steps if step.kind is StepKind.UNDO]
    assert undone == sorted(undone, key=lambda number: -(number or 0))


@MANY
@given(drawn=BESIDE, lost=st.integers(1, 12))
def test_nothing_begins_beside_an_answer_that_was_lost(
    drawn: list[tuple[bool, list[int], int]], lost: int
) -> None:
    """Whoever has begun beside it stays in the journal; no call follows, no undo either."""
    asks = in_groups(drawn, [False])
    trip = Voyage(
        asks, snapshot(), failing_at(lost, Unknown("connection reset")), step_seconds=60.0
    )
    if trip.go(300).phase is Phase.OUTCOME_UNKNOWN:
        assert len(trip.sent) == lost
    else:
        assert len(trip.sent) < lost
        assert trip.status.phase is Phase.SUCCEEDED
