"""Actions that take themselves back: Active until revertAfter is over, whoever leads by then."""

from dataclasses import replace

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    Phase,
    Resolution,
    ResolutionOutcome,
    StepState,
)
from assent.api.v1alpha1.actions import plan
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StoreLimitKind
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from assent.core.model.call import Unknown
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import EVICT_4, LIMIT_4, cancel, cluster, facts, halt, proposal
from tests.support.proposals import with_spec as edited
from tests.support.snapshots import snapshot, unprepared
from tests.support.voyage import Voyage

AFTER_15_MINUTES = 15 * 60.0


def active(asks: object = LIMIT_4, after: str = "15m") -> Voyage:
    """Return a voyage whose action is done and stands."""
    voyage = Voyage(asks, snapshot(), obey, revert_after=after)  # type: ignore[arg-type]
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.ACTIVE, Reason.ACTIVE)
    return voyage


def rate(voyage: Voyage) -> float | None:
    """Return the add-peer limit of store 4 as PD shows it."""
    store = voyage.shown.store(4)
    return store.add_peer_limit_per_minute if store is not None else None


def due(voyage: Voyage, **changes: object) -> Facts:
    """Return the facts at the moment at which it must be taken back."""
    voyage.wait(AFTER_15_MINUTES)
    shown = replace(voyage.shown, taken_at=voyage.now)
    return replace(voyage.known, **{"snapshot": shown, **changes})  # type: ignore[arg-type]


def test_it_says_when_it_takes_itself_back_and_waits_for_that() -> None:
    """Nothing is written while the time runs."""
    voyage = active()
    assert voyage.status.revert_at is not None
    assert "It is taken back at 2026-03-01T12:1" in str(voyage.status.message)
    decision = decide(replace(voyage.known, snapshot=voyage.shown))
    assert decision.status == voyage.status
    assert decision.look_again_at == voyage.status.revert_at


def test_it_is_taken_back_and_ends_as_succeeded() -> None:
    """One call forward, one back, and the value from before."""
    voyage = active()
    voyage.wait(AFTER_15_MINUTES)
    voyage.revert()
    assert voyage.status.phase is Phase.ROLLING_BACK
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.REVERTED)
    assert rate(voyage) == 15.0
    assert [state for _, _, state in voyage.states] == [StepState.DONE, StepState.DONE]


def test_the_planned_end_warns_nobody_and_a_failed_one_does() -> None:
    """Alerts on Warning events must not fire at night for what was asked for."""
    planned = decide(due(active()))
    assert planned.status.phase is Phase.ROLLING_BACK
    assert [(one.reason, one.warning) for one in planned.notices] == [("Undoing", False)]
    voyage = active()
    voyage.shown = with_store(voyage.shown, 4, add_peer_limit_per_minute=99.0)
    failed = decide(due(voyage))
    assert failed.status.phase is Phase.ROLLBACK_FAILED
    assert [one.warning for one in failed.notices] == [True]


def test_an_operator_that_was_down_takes_it_back_late() -> None:
    """The clock decides, not a timer of some process."""
    voyage = active()
    voyage.wait(3 * 86400.0)
    voyage.revert()
    assert voyage.go().reason == Reason.REVERTED


def test_a_plan_is_taken_back_whole_in_reverse_order() -> None:
    """What was done last goes first."""
    steps = [
        SetStoreLimit(store_id=4, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30),
        EvictLeaders(store_id=4),
    ]
    voyage = active(plan(*steps))
    voyage.wait(AFTER_15_MINUTES)
    voyage.revert()
    assert voyage.go().reason == Reason.REVERTED
    assert [call.method for call in voyage.sent] == ["POST", "POST", "DELETE", "POST"]
    assert rate(voyage) == 15.0


def test_what_somebody_took_back_already_sends_nothing() -> None:
    """The end is the same, and the journal says that nothing was sent."""
    voyage = active()
    voyage.wait(AFTER_15_MINUTES)
    voyage.shown = with_store(voyage.shown, 4, add_peer_limit_per_minute=15.0)
    voyage.revert()
    assert (voyage.status.phase, voyage.status.reason) == (Phase.SUCCEEDED, Reason.REVERTED)
    assert len(voyage.sent) == 1
    assert voyage.states[-1] == (None, "Undo", StepState.ALREADY_DONE)


def test_what_somebody_changed_since_is_left_alone() -> None:
    """An undo would overwrite theirs: it ends as RollbackFailed and says so."""
    voyage = active()
    voyage.wait(AFTER_15_MINUTES)
    voyage.shown = with_store(voyage.shown, 4, add_peer_limit_per_minute=99.0)
    voyage.revert()
    assert (voyage.status.phase, voyage.status.reason) == (
        Phase.ROLLBACK_FAILED,
        Reason.CHANGED_SINCE,
    )
    assert "99.0" in str(voyage.status.message)
    assert len(voyage.sent) == 1


def test_a_cancel_leaves_it_as_it_is() -> None:
    """A person wants no further call; that it is not taken back is not a success."""
    voyage = active()
    known = edited(voyage.known, cancel=cancel())
    status = decide(replace(known, snapshot=voyage.shown)).status
    assert (status.phase, status.reason) == (Phase.ROLLBACK_FAILED, Reason.CANCELLED)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"halts": (halt(),)}, Reason.HALTED, id="a Halt that allows no rollback"),
        pytest.param({"cluster": cluster(suspend=True)}, Reason.SUSPENDED, id="a suspend"),
        pytest.param({"cluster": None}, Reason.CLUSTER_NOT_READY, id="no TiKVCluster"),
        pytest.param({"in_flight": ("p9",)}, Reason.BUSY, id="another call in flight"),
        pytest.param({"gate_installed": False}, Reason.GATE_NOT_INSTALLED, id="no gate"),
        pytest.param({"cluster_ready": "PD is gone"}, Reason.CLUSTER_NOT_READY, id="no PD"),
        pytest.param({"epoch": 6}, Reason.HELD, id="a later term has acted"),
    ],
)
def test_what_holds_a_call_holds_the_undo_and_says_so(
    changes: dict[str, object], reason: Reason
) -> None:
    """It stays Active, is looked at again soon, and is taken back once nothing holds it."""
    voyage = active()
    decision = decide(due(voyage, **changes))
    assert (decision.status.phase, decision.status.reason) == (Phase.ACTIVE, reason)
    assert decision.call is None
    assert decision.look_again_at is not None
    assert "Was to be taken back at" in str(decision.status.message)


def test_a_halt_that_allows_rollback_does_not_hold_it() -> None:
    """That is what allowRollback is for."""
    decision = decide(due(active(), halts=(halt(allow_rollback=True),)))
    assert decision.call is not None


def test_an_unprepared_pd_is_waited_for() -> None:
    """It shows no eviction at all: nothing is concluded from that (P15)."""
    voyage = active(EVICT_4)
    decision = decide(due(voyage, snapshot=unprepared(voyage.shown)))
    assert (decision.status, decision.call) == (voyage.status, None)


def test_an_action_that_was_already_done_stands_as_it_was() -> None:
    """It was not ours to take back."""
    shown = with_store(snapshot(), 4, add_peer_limit_per_minute=30.0)
    voyage = Voyage(LIMIT_4, shown, obey, revert_after="15m")
    status = voyage.go()
    assert (status.phase, status.reason) == (Phase.SUCCEEDED, Reason.ALREADY_DONE)
    assert status.revert_at is None


def test_the_time_is_part_of_the_ask() -> None:
    """People approve how long it stands: another time is another digest."""
    one = facts(proposal(LIMIT_4, revert_after="15m"), snapshot=snapshot())
    two = facts(proposal(LIMIT_4, revert_after="16m"), snapshot=snapshot())
    assert decide(one).status.digest != decide(two).status.digest


def test_what_a_person_says_has_happened_is_not_taken_back_and_says_so() -> None:
    """Nobody knows since when it stands, so no clock runs; the call that ends it is printed."""
    lost = Unknown(answer="connection reset")
    voyage = Voyage(LIMIT_4, snapshot(), lambda _, shown: (lost, shown), revert_after="15m")
    voyage.step_seconds = 600
    assert voyage.go().phase is Phase.OUTCOME_UNKNOWN
    said = Resolution(
        by="sre-9", outcome=ResolutionOutcome.HAPPENED, digest=str(voyage.status.digest)
    )
    status = decide(edited(voyage.known, resolution=said)).status
    assert status.phase is Phase.SUCCEEDED
    assert "it is not taken back by itself. Left to do by hand: POST" in str(status.message)
