"""Time is over by the policy, and PD still works on it: what comes then would come after the undo
of all else, so it is waited for, but not for ever.
"""

from dataclasses import replace

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepState
from assent.api.v1alpha1.actions import Action, action, plan
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.core.model.call import CallOutcome, Did, PdCall, Unknown
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.obedient_pd import obey
from tests.support.snapshots import region, snapshot
from tests.support.voyage import Voyage
from tests.unit.core.lifecycle.test_groups import grouped
from tests.unit.core.lifecycle.test_plans import limit, rate

MOVE = TransferLeader(region_id=17, to_store_id=2)
SHOWN = snapshot(regions=[region(17)])
OPERATOR = "admin-transfer-leader {transfer leader: store 1 to 2} (kind:admin,leader, …)"


def voyage(asks: Action, outcome: CallOutcome | None = None) -> tuple[Voyage, list[PdCall]]:
    """Return the voyage on a PD that only begins to move the leader, and the call it works on."""
    working: list[PdCall] = []

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        if call.path != "/pd/api/v1/operators":
            return obey(call, shown)
        working.append(call)
        return outcome or Did("200 ok"), replace(shown, running_operators={17: OPERATOR})

    return Voyage(asks, SHOWN, answer, step_seconds=60.0), working


def ended(trip: Voyage, call: PdCall | None) -> None:
    """PD's operator ends, with that call carried out."""
    shown = replace(trip.shown, running_operators={})
    trip.shown = obey(call, shown)[1] if call is not None else shown


def test_what_pd_still_works_on_has_not_failed() -> None:
    """Ten minutes are over, twice its time; then it comes."""
    trip, working = voyage(action(MOVE))
    assert trip.go(10).phase is Phase.EXECUTING
    ended(trip, working[0])
    assert trip.go().phase is Phase.SUCCEEDED


def test_nothing_is_taken_back_while_pd_still_works_on_a_step() -> None:
    """Otherwise RolledBack would say that PD is as before, and the leader moved after it."""
    trip, working = voyage(plan(grouped(limit(20, 1)), grouped(MOVE)))
    assert trip.go(12).phase is Phase.EXECUTING
    assert rate(trip.shown, 1) == 20.0
    ended(trip, None)
    status = trip.go()
    assert (status.phase, rate(trip.shown, 1)) == (Phase.ROLLED_BACK, 15.0)
    assert len(working) == 1


def test_it_fails_at_once_when_pd_has_given_up() -> None:
    """No operator runs and its time is over: that is the end, as ever."""
    trip, _ = voyage(action(MOVE))
    ended(trip, None)
    trip.go(1)
    ended(trip, None)
    status = trip.go(8)
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.NO_EFFECT)


def test_a_lost_answer_waits_for_what_pd_shows() -> None:
    """While PD works on it nobody needs to be asked."""
    trip, working = voyage(action(MOVE), Unknown("connection reset"))
    assert trip.go(10).phase is Phase.EXECUTING
    ended(trip, working[0])
    assert trip.go().phase is Phase.SUCCEEDED


def test_it_does_not_wait_for_ever() -> None:
    """PD's own repair may run on the region then, again and again: that is not ours."""
    trip, _ = voyage(action(MOVE))
    status = trip.go(100)
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.NO_EFFECT)
    assert "PD runs admin-transfer-leader" in str(status.message)


def test_an_operator_elsewhere_is_none_of_its_business() -> None:
    """Only what works on its own region."""

    def taken(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        return Did("200 ok"), replace(shown, running_operators={18: OPERATOR})

    trip = Voyage(action(MOVE), SHOWN, taken, step_seconds=60.0)
    assert trip.go(8).phase is Phase.FAILED
    assert trip.states == [(None, "Forward", StepState.NO_EFFECT)]
