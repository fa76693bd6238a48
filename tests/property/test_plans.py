"""Plans of random steps with a random misfortune: what is taken back is as before, and every end
is one that the journal explains.
"""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.api.v1alpha1.actions import Plan, plan
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
