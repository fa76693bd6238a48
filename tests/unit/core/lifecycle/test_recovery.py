"""Open intents of earlier processes: repeat only on proof, never on time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, Risk, StepKind, StepState
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.recovery import (
    Adopt,
    Compensate,
    ContinueVerifying,
    DeclareUnknown,
    Recovery,
    SafeRepeat,
    adopt,
    classify,
)
from assent.core.lifecycle.settle import settle
from assent.core.model.call import Did
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.proposals import (
    EVICT_4,
    MOVE_17,
    STOP_4,
    at,
    claimed,
    evicted,
    facts,
    proposal,
    stored,
)
from tests.support.snapshots import region, snapshot, store, unprepared

EARLY, OVERDUE, EXPIRED = at(1), at(300), at(25 * 3600)
BEFORE = evicted()
SEEN = snapshot(store(1), store(4, leader_count=0))
SETTLED = snapshot()
FULL = snapshot(*(store(number) for number in (1, 2, 3, 4)), evicted_store_ids={4})


def verdict(
    flying: Proposal, seen: ClusterSnapshot | None, *, gone: bool, now: datetime
) -> Recovery:
    """Return what classify says."""
    return classify(flying, seen, sender_gone=gone, now=now)


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize(
    ("seen", "now", "expected"),
    [
        pytest.param(SETTLED, EARLY, Adopt, id="all of it shows"),
        pytest.param(SETTLED, OVERDUE, Adopt, id="all of it shows, late"),
        pytest.param(SEEN, EARLY, ContinueVerifying, id="the effect shows, not its goal"),
        pytest.param(SEEN, OVERDUE, Adopt, id="the effect is enough when its time is over"),
        pytest.param(None, EARLY, ContinueVerifying, id="PD cannot be read"),
        pytest.param(None, OVERDUE, DeclareUnknown, id="PD could not be read in time"),
        pytest.param(unprepared(BEFORE), EARLY, ContinueVerifying, id="PD shows nothing"),
    ],
)
def test_what_shows_needs_no_proof_of_the_senders_end(
    seen: ClusterSnapshot | None, now: datetime, expected: type, gone: bool
) -> None:
    """PD's own state decides where it says something."""
    assert isinstance(verdict(claimed(), seen, gone=gone, now=now), expected)


@pytest.mark.parametrize("now", [EARLY, OVERDUE, at(3600)])
def test_a_sender_proven_gone_lets_an_absolute_call_be_repeated(now: datetime) -> None:
    """PD still shows the value from before, and nobody else can send."""
    found = verdict(claimed(), BEFORE, gone=True, now=now)
    assert isinstance(found, SafeRepeat)
    assert found.call.line.startswith("DELETE /pd/api/v1/scheduler-config")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (EARLY, ContinueVerifying),
        (OVERDUE, DeclareUnknown),
        (OVERDUE + timedelta(days=300), DeclareUnknown),
    ],
)
def test_time_never_licenses_a_repeat(now: datetime, expected: type) -> None:
    """A frozen sender may wake up after any time."""
    assert isinstance(verdict(claimed(), BEFORE, gone=False, now=now), expected)


def test_a_call_that_is_not_absolute_is_never_repeated() -> None:
    """PD refuses a second operator only while the first runs."""
    flying = claimed(MOVE_17)
    assert isinstance(verdict(flying, BEFORE, gone=True, now=EARLY), ContinueVerifying)
    assert isinstance(verdict(flying, BEFORE, gone=True, now=OVERDUE), DeclareUnknown)


def test_a_critical_call_is_never_repeated() -> None:
    """The same proof that licenses a repeat below Critical licenses none here."""
    flying = claimed()
    risk = Risk(tier=Tier.CRITICAL, factors=["made Critical for a test"])
    status = flying.status.model_copy(update={"risk": risk})
    assert isinstance(verdict(flying, BEFORE, gone=True, now=EARLY), SafeRepeat)
    critical = replace(flying, status=status)
    assert isinstance(verdict(critical, BEFORE, gone=True, now=EARLY), ContinueVerifying)


def test_what_expired_is_not_repeated() -> None:
    """What people agreed to had an end."""
    found = verdict(claimed(), BEFORE, gone=True, now=at(24 * 3600))
    assert isinstance(found, DeclareUnknown)


@pytest.mark.parametrize(
    "changes", [{"answer": "200 ok"}, {"state": StepState.UNKNOWN}], ids=["answered", "unknown"]
)
def test_what_was_answered_or_unknown_is_not_repeated(changes: dict[str, Any]) -> None:
    """Unknown never maps to repeat."""
    flying = claimed()
    execution = flying.status.execution
    assert execution is not None
    step = execution.steps[0].model_copy(update=changes)
    journal = execution.model_copy(update={"steps": [step]})
    status = flying.status.model_copy(update={"execution": journal})
    found = verdict(replace(flying, status=status), BEFORE, gone=True, now=EARLY)
    assert isinstance(found, ContinueVerifying)


def test_a_missed_goal_is_compensated() -> None:
    """The effect stands and did not help: the undo is journaled with the take-over."""
    found = verdict(claimed(EVICT_4, snapshot=snapshot()), FULL, gone=True, now=OVERDUE)
    assert isinstance(found, Compensate)
    assert found.call.method == "DELETE"
    assert found.decision.status.phase is Phase.ROLLING_BACK


def undoing() -> Proposal:
    """Return an eviction whose undo is on its way."""
    flying = claimed(EVICT_4, snapshot=snapshot())
    decision = settle(flying, Evidence(Did("200"), FULL, OVERDUE))
    assert decision is not None
    return stored(facts(flying), decision).proposal


@pytest.mark.parametrize(
    ("seen", "gone", "now", "expected"),
    [
        pytest.param(FULL, True, at(301), SafeRepeat, id="our value stands, sender gone"),
        pytest.param(FULL, False, at(301), ContinueVerifying, id="the sender may still send"),
        pytest.param(FULL, False, at(600), DeclareUnknown, id="nobody can know"),
        pytest.param(snapshot(), True, at(301), Adopt, id="it is undone"),
        pytest.param(None, True, at(301), ContinueVerifying, id="PD cannot be read"),
    ],
)
def test_an_undo_is_recovered_like_a_call(
    seen: ClusterSnapshot | None, gone: bool, now: datetime, expected: type
) -> None:
    """Only that its effect is the value from before."""
    assert isinstance(verdict(undoing(), seen, gone=gone, now=now), expected)


def test_an_undo_may_be_repeated_though_its_proposal_has_expired() -> None:
    """What was agreed to had an end, and taking it back had none: left alone, our own change would
    stand for good, for a person to find.
    """
    flying = undoing()
    assert flying.status.expires_at is not None
    assert flying.status.expires_at < EXPIRED
    found = verdict(flying, FULL, gone=True, now=EXPIRED)
    assert isinstance(found, SafeRepeat)
    assert found.call.method == "DELETE"
    decision = adopt(flying, found, epoch=9, holder="assent-1", now=EXPIRED)
    assert decision.status.execution is not None
    assert decision.status.execution.steps[-1].verify_by > EXPIRED


@pytest.mark.parametrize(
    ("seen", "gone", "why"),
    [
        (FULL, False, "its sender may still send it"),
        (snapshot(), True, "it is undone"),
        (unprepared(FULL), True, "PD shows nothing"),
    ],
)
def test_an_expired_undo_is_repeated_on_proof_alone(
    seen: ClusterSnapshot, gone: bool, why: str
) -> None:
    """The rest of the licence is asked for as ever."""
    found = verdict(undoing(), seen, gone=gone, now=EXPIRED)
    assert not isinstance(found, SafeRepeat), why


def test_taking_over_raises_the_epoch_and_keeps_the_sender() -> None:
    """The next leader must ask for the end of the pod that sent, not of the one that watched."""
    flying = claimed()
    decision = adopt(flying, ContinueVerifying(), epoch=9, holder="assent-1", now=EARLY)
    assert decision.call is None
    assert decision.status.phase is Phase.EXECUTING
    assert decision.status.execution is not None
    assert (decision.status.execution.epoch, decision.status.execution.holder) == (9, "assent-1")
    step = decision.status.execution.steps[0]
    assert (step.epoch, step.holder) == (7, "assent-0")


@pytest.mark.parametrize("verdict_value", [Adopt(), ContinueVerifying()])
def test_the_epoch_never_falls(verdict_value: Recovery) -> None:
    """The API server would refuse it."""
    decision = adopt(claimed(), verdict_value, epoch=3, holder="assent-1", now=EARLY)
    assert decision.status.execution is not None
    assert decision.status.execution.epoch == 7


def test_a_repeat_names_its_new_sender_before_it_is_sent() -> None:
    """Same call, one step, new window: whoever recovers next asks for the right pod."""
    flying = claimed()
    found = verdict(flying, BEFORE, gone=True, now=at(50))
    decision = adopt(flying, found, epoch=9, holder="assent-1", now=at(50))
    assert isinstance(found, SafeRepeat)
    assert decision.call == found.call
    assert decision.status.reason == Reason.CALLING
    assert decision.status.execution is not None
    (step,) = decision.status.execution.steps
    assert (step.epoch, step.holder) == (9, "assent-1")
    assert (step.intended_at, step.verify_by) == (at(50), at(350))
    assert decision.status.execution.epoch == 9


def test_a_repeated_undo_says_so() -> None:
    """It is still being taken back."""
    flying = undoing()
    found = verdict(flying, FULL, gone=True, now=at(310))
    decision = adopt(flying, found, epoch=9, holder="assent-1", now=at(310))
    assert decision.status.phase is Phase.ROLLING_BACK
    assert decision.status.reason == Reason.UNDOING
    assert decision.call is not None


def test_compensating_journals_our_own_undo() -> None:
    """The step carries our epoch and pod; the earlier step its own."""
    flying = claimed(EVICT_4, snapshot=snapshot())
    found = verdict(flying, FULL, gone=False, now=OVERDUE)
    decision = adopt(flying, found, epoch=9, holder="assent-1", now=OVERDUE)
    assert decision.call is not None
    assert decision.status.execution is not None
    forward, undo = decision.status.execution.steps
    assert undo.kind is StepKind.UNDO
    assert (forward.epoch, undo.epoch) == (7, 9)
    assert (forward.holder, undo.holder) == ("assent-0", "assent-1")


def test_declaring_unknown_is_one_write() -> None:
    """Take-over and verdict together; a person is asked."""
    flying = claimed()
    found = verdict(flying, BEFORE, gone=False, now=OVERDUE)
    decision = adopt(flying, found, epoch=9, holder="assent-1", now=OVERDUE)
    assert decision.call is None
    assert decision.status.phase is Phase.OUTCOME_UNKNOWN
    assert decision.status.execution is not None
    assert decision.status.execution.epoch == 9
    assert decision.notices


def test_nothing_open_is_the_callers_mistake() -> None:
    """Nothing is decided."""
    with pytest.raises(ValueError, match="no open step"):
        verdict(proposal(STOP_4), BEFORE, gone=True, now=EARLY)


def test_a_region_that_moved_by_itself_is_adopted() -> None:
    """PD shows the leader where it was wanted."""
    moved = evicted(regions=[region(17, leader=2)])
    assert isinstance(verdict(claimed(MOVE_17), moved, gone=False, now=EARLY), Adopt)
