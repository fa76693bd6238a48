"""An undo whose intent is stored and whose call had to wait, for hours perhaps: what PD shows by
then decides, for an undo overwrites nobody.
"""

from datetime import timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.api.v1alpha1.actions import plan
from assent.api.v1alpha1.parameters.store import CancelDrain
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.recovery import NO_RECORD
from assent.core.lifecycle.settle import reconsider_undo
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import DidNot
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Hold
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import cancel, with_spec
from tests.support.slow_pd import NEVER, SlowPd
from tests.support.snapshots import snapshot, store, unprepared
from tests.support.voyage import Voyage
from tests.unit.core.lifecycle.test_plans import limit, rate

HALTED = Hold(Reason.HALTED, "Halt stop-all: maintenance")


def waiting() -> Voyage:
    """Return a plan of three, of which the third failed: the second's undo waits for a Halt."""
    pd = SlowPd(outcomes={3: DidNot("500 no")}, delays=lambda call: NEVER)
    trip = Voyage(plan(limit(20, 1), limit(20, 2), limit(20, 3)), snapshot(), pd.answer)

    def answer(call, shown):  # type: ignore[no-untyped-def]
        outcome, _ = pd.answer(call, shown)
        undo = '"rate":15.0' in call.line
        return (outcome, shown) if undo or isinstance(outcome, DidNot) else obey(call, shown)

    trip.answer = answer
    while trip.status.phase is not Phase.ROLLING_BACK:
        trip.go(1)
    trip._take(withhold(trip.known.proposal, HALTED, trip.now))
    trip.wait(7200.0)
    return trip


def reconsidered(trip: Voyage, shown: ClusterSnapshot | None) -> Decision | None:
    """Return what becomes of it when PD shows that."""
    return reconsider_undo(trip.known.proposal, Evidence(NO_RECORD, shown, trip.now))


def test_it_is_sent_where_pd_shows_what_the_action_set() -> None:
    """However long it waited: its own time begins with its call."""
    trip = waiting()
    assert (rate(trip.shown, 1), rate(trip.shown, 2)) == (20.0, 20.0)
    assert reconsidered(trip, trip.shown) is None


def test_it_overwrites_nobody_s_value() -> None:
    """A person has set another limit meanwhile; what else is left to do is named."""
    trip = waiting()
    said = reconsidered(trip, with_store(trip.shown, 2, add_peer_limit_per_minute=99.0))
    assert said is not None
    assert said.call is None
    assert (said.status.phase, said.status.reason) == (Phase.ROLLBACK_FAILED, Reason.CHANGED_SINCE)
    assert "would overwrite addPeerLimitPerMinute=99.0" in str(said.status.message)
    assert "by hand: POST /pd/api/v1/store/1/limit" in str(said.status.message)
    assert said.status.execution is not None
    assert said.status.execution.steps[-1].state is StepState.NOT_DONE


def test_it_is_passed_over_where_a_person_has_taken_it_back() -> None:
    """The next one follows, with an intent of its own."""
    trip = waiting()
    said = reconsidered(trip, with_store(trip.shown, 2, add_peer_limit_per_minute=15.0))
    assert said is not None
    assert said.call is not None
    assert said.call.path == "/pd/api/v1/store/1/limit"
    assert said.status.execution is not None
    states = [step.state for step in said.status.execution.steps[-2:]]
    assert states == [StepState.ALREADY_DONE, StepState.INTENDED]


def test_nothing_is_decided_while_pd_shows_nothing() -> None:
    """Unreadable, or not prepared after a change of its leader (P15)."""
    trip = waiting()
    assert reconsidered(trip, None) is None
    changed = with_store(trip.shown, 2, add_peer_limit_per_minute=99.0)
    assert reconsidered(trip, unprepared(changed)) is None


def test_a_second_call_of_an_undo_is_not_taken_for_somebody_else_s_change() -> None:
    """The first call has taken it back already: only the limit that PD lifted is left."""

    def refused(call, shown):  # type: ignore[no-untyped-def]
        return (DidNot("500 no"), shown) if "/store/1/" in call.path else obey(call, shown)

    leaving = store(3, state=StoreState.OFFLINE, remove_peer_limit_per_minute=50.0)
    shown = snapshot(store(1), store(2), leaving, store(4))
    asks = plan(CancelDrain(store_id=3, remove_peer_per_minute=22), limit(20, 1))
    trip = Voyage(asks, shown, refused)
    while not trip.sent or trip.sent[-1].line.count("50") == 0:
        trip.go(1)
    assert [state for _, kind, state in trip.states if kind == "Undo"] == [
        StepState.DONE,
        StepState.INTENDED,
    ]
    lifted = with_store(trip.shown, 3, remove_peer_limit_per_minute=1e8)
    assert reconsidered(trip, lifted) is None


def test_a_forward_step_is_none_of_its_business() -> None:
    """Those go back to Approved, or wait between two steps, and are judged anew there."""
    trip = Voyage(plan(limit(20, 1), limit(20, 2)), snapshot(), obey)
    trip.go(0)
    assert reconsidered(trip, with_store(trip.shown, 1, add_peer_limit_per_minute=99.0)) is None


def test_a_cancel_goes_first() -> None:
    """Then nothing is reconsidered: the undo ends, and says what stands."""
    trip = waiting()
    trip.known = with_spec(trip.known, cancel=cancel())
    hold = Hold(Reason.CANCELLED, "sre-9 cancelled it")
    said = withhold(trip.known.proposal, hold, trip.now + timedelta(seconds=1))
    assert said.status.phase is Phase.ROLLBACK_FAILED
