"""How an open proposal ends without a call, and how a person settles an unknown one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    Phase,
    Resolution,
    ResolutionOutcome,
    StepState,
)
from assent.api.v1alpha1.lifecycle import FINISHED
from assent.core.detection.finding import Problem
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.settle import settle
from assent.core.lifecycle.transition import seen
from assent.core.model.call import Did, Unknown
from tests.support.proposals import (
    EVICT_4,
    OPERATOR,
    STOP_4,
    approved,
    assessed,
    at,
    cancel,
    claimed,
    cluster,
    evicted,
    facts,
    later,
    problem,
    proposal,
    rejection,
    stored,
    with_spec,
)
from tests.support.snapshots import snapshot, store, unprepared


def _unseen(known: Facts) -> Facts:
    return known


def _held(known: Facts) -> Facts:
    waiting = replace(approved(known), in_flight=("other",))
    return stored(waiting, decide(waiting))


OPEN_STATES = pytest.mark.parametrize(
    "start", [_unseen, assessed, approved, _held], ids=["new", "Pending", "agreed to", "Approved"]
)


@OPEN_STATES
def test_cancel_ends_every_open_phase(start: Callable[[Facts], Facts]) -> None:
    """There is always a way to say no."""
    decided = decide(with_spec(start(facts()), cancel=cancel("sre-9", "wrong store")))
    assert decided.status.phase is Phase.CANCELLED
    assert decided.status.reason == Reason.CANCELLED
    assert decided.status.message == "Cancelled by sre-9: wrong store"
    assert decided.call is None
    assert (decided.status.history or [])[-1].by == "sre-9"


@OPEN_STATES
def test_one_reject_ends_every_open_phase(start: Callable[[Facts], Facts]) -> None:
    """Also when enough others said yes, and without any digest."""
    known = start(facts())
    seats = [*(known.proposal.spec.approvals or []), rejection("sre-8", "not today")]
    decided = decide(with_spec(known, approvals=seats))
    assert decided.status.phase is Phase.REJECTED
    assert decided.status.message == "Rejected by sre-8: not today"
    assert decided.call is None


def test_without_words_the_message_has_none() -> None:
    """A cancel or reject needs no reason."""
    assert decide(with_spec(facts(), cancel=cancel())).status.message == "Cancelled by sre-9"
    assert decide(with_spec(facts(), approvals=[rejection("a")])).status.message == "Rejected by a"


@pytest.mark.parametrize("start", [assessed, approved, _held])
def test_time_ends_what_nobody_decided(start: Callable[[Facts], Facts]) -> None:
    """Judged at the claim too: enough approvals that come too late run nothing."""
    known = later(start(facts()), 24 * 3600)
    decided = decide(known)
    assert decided.status.phase is Phase.EXPIRED
    assert decided.call is None
    assert "2026-03-02T12:00:00Z" in (decided.status.message or "")


def test_a_moment_before_the_end_it_still_runs() -> None:
    """The bound itself is the end."""
    assert decide(later(approved(facts()), 24 * 3600 - 1)).call is not None


def test_an_end_in_the_past_is_refused_at_the_first_look() -> None:
    """Nobody is asked for what could never run."""
    assert decide(facts(proposal(not_after=at(-1)))).status.phase is Phase.EXPIRED


def test_an_edit_outlives_the_old_end() -> None:
    """Changed a moment before its end and seen a moment after: it is a new question."""
    known = with_spec(later(assessed(facts()), 24 * 3600 + 1), reason="other")
    assert decide(known).status.phase is Phase.PENDING


def test_an_edited_end_counts_at_once() -> None:
    """Also before the edit is assessed."""
    known = with_spec(later(assessed(facts()), 60), not_after=at(30))
    assert decide(known).status.phase is Phase.EXPIRED


def ours(value: Problem | None, **changes: Any) -> Facts:
    """Return facts about a proposal of the operator's own."""
    mine = proposal(proposed_by=OPERATOR)
    return facts(mine, problem=value, **{"detection_ran": True, **changes})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, Reason.PROBLEM_GONE, id="healed by itself"),
        pytest.param(problem(None), Reason.PROBLEM_GONE, id="cured elsewhere"),
        pytest.param(problem(EVICT_4), Reason.BETTER_PROPOSAL, id="calls for another action"),
    ],
)
@pytest.mark.parametrize("start", [_unseen, assessed, approved])
def test_the_operators_own_goes_with_its_problem(
    value: Problem | None, reason: Reason, start: Callable[[Facts], Facts]
) -> None:
    """Nobody is asked to cure what is not there."""
    decided = decide(replace(start(ours(problem())), problem=value))
    assert decided.status.phase is Phase.SUPERSEDED
    assert decided.status.reason == reason
    assert decided.call is None


def test_no_action_says_why() -> None:
    """The diagnosis' own sentence is kept."""
    assert decide(ours(problem(None))).status.message == "No action, because it is cured elsewhere"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"detection_ran": False}, id="detection has not looked yet"),
        pytest.param({"snapshot": None}, id="PD was not read"),
        pytest.param({"snapshot": unprepared(evicted())}, id="PD shows nothing yet"),
        pytest.param({"cluster_ready": "PD does not answer"}, id="PD is away"),
        pytest.param({"cluster": None}, id="the cluster object is gone"),
    ],
)
def test_absence_is_no_proof_without_sight(changes: dict[str, Any]) -> None:
    """A problem that cannot be seen is not a problem that is gone."""
    assert decide(ours(None, **changes)).status.phase is Phase.PENDING


def test_what_a_person_asked_is_the_persons() -> None:
    """Detection never takes it back."""
    known = facts(detection_ran=True, problem=None)
    assert decide(known).status.phase is Phase.PENDING


def test_the_same_problem_keeps_it() -> None:
    """Nothing to write."""
    known = assessed(ours(problem()))
    assert decide(known).status == known.proposal.status


@pytest.mark.parametrize("phase", sorted(FINISHED))
def test_finished_phases_absorb(phase: Phase) -> None:
    """Whatever happens after the end changes nothing."""
    known = approved(facts())
    status = known.proposal.status.model_copy(update={"phase": phase})
    ended = replace(known, proposal=replace(known.proposal, status=status))
    for after in (
        ended,
        later(ended, 10**6),
        with_spec(ended, cancel=cancel()),
        with_spec(ended, approvals=[rejection("sre-8")]),
        with_spec(ended, action=EVICT_4),
        replace(ended, cluster=cluster(dry_run=True)),
    ):
        decided = decide(after)
        assert decided.status == status
        assert decided.call is None


@pytest.mark.parametrize("phase", [Phase.EXECUTING, Phase.ROLLING_BACK])
def test_in_flight_is_the_executors(phase: Phase) -> None:
    """decide() never writes beside the flight, not even for a cancel."""
    flying = claimed()
    status = flying.status.model_copy(update={"phase": phase})
    known = with_spec(facts(replace(flying, status=status)), cancel=cancel())
    decided = decide(known)
    assert decided.status == status
    assert decided.call is None


def lost(kind: str = "call") -> Facts:
    """Return facts about a proposal whose call, or undo, nobody can judge."""
    if kind == "call":
        flying = claimed()
        decision = settle(flying, Evidence(Unknown("reset"), evicted(), at(300)))
    else:
        flying = claimed(EVICT_4, snapshot=snapshot())
        full = snapshot(*(store(number) for number in (1, 2, 3, 4)), evicted_store_ids={4})
        undo = settle(flying, Evidence(Did("200"), full, at(300)))
        assert undo is not None
        flying = stored(facts(flying), undo).proposal
        decision = settle(flying, Evidence(Unknown("reset"), full, at(600)))
    assert decision is not None
    found = stored(facts(flying), decision)
    assert found.proposal.status.phase is Phase.OUTCOME_UNKNOWN
    return found


def said(known: Facts, outcome: ResolutionOutcome, digest: str | None = None) -> Facts:
    """Return the facts after a person said what they found."""
    value = digest or known.proposal.status.digest or ""
    word = Resolution(by="sre-5", outcome=outcome, digest=value)
    return with_spec(known, resolution=word)


@pytest.mark.parametrize(
    ("kind", "outcome", "phase", "state"),
    [
        ("call", ResolutionOutcome.HAPPENED, Phase.SUCCEEDED, StepState.DONE),
        ("call", ResolutionOutcome.DID_NOT_HAPPEN, Phase.FAILED, StepState.NOT_DONE),
        ("undo", ResolutionOutcome.HAPPENED, Phase.FAILED, StepState.DONE),
        ("undo", ResolutionOutcome.DID_NOT_HAPPEN, Phase.FAILED, StepState.NOT_DONE),
    ],
)
def test_a_person_settles_the_unknown(
    kind: str, outcome: ResolutionOutcome, phase: Phase, state: StepState
) -> None:
    """It never asks for a resend; an action that was undone, or should have been, has failed."""
    decided = decide(said(lost(kind), outcome))
    assert decided.status.phase is phase
    assert decided.status.reason == Reason.RESOLVED
    assert decided.status.execution is not None
    assert decided.status.execution.steps[-1].state is state
    assert decided.call is None
    assert (decided.status.history or [])[-1].by == "sre-5"


def test_a_word_for_another_digest_settles_nothing() -> None:
    """It was written for something else."""
    known = said(lost(), ResolutionOutcome.HAPPENED, "sha256:other")
    assert decide(known).status == seen(known.proposal)


def test_the_unknown_waits_for_a_word() -> None:
    """Neither time nor a cancel settles it."""
    known = lost()
    assert decide(later(known, 10**6)).status == known.proposal.status
    cancelled = decide(with_spec(known, cancel=cancel())).status
    assert cancelled.phase is Phase.OUTCOME_UNKNOWN
    assert cancelled.message == known.proposal.status.message


def test_a_cancel_of_the_unknown_was_seen() -> None:
    """It changes nothing, but kstatus must go on to say Failed: a status about an older spec would
    read as one that is still worked on. Seen once, it is not written again.
    """
    known = with_spec(lost(), cancel=cancel())
    generation = known.proposal.meta.generation
    decided = decide(known)
    assert decided.status.observed_generation == generation
    conditions = decided.status.conditions or []
    assert {one.observed_generation for one in conditions} == {generation}
    again = stored(known, decided)
    assert decide(again).status == again.proposal.status


def test_stop_is_the_action_under_test() -> None:
    """The default ask of the builders is what these tests assume."""
    assert facts().proposal.spec.action == STOP_4
