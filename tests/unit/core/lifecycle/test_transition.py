"""One move: by the table, on the record, with conditions that tools can wait for."""

from dataclasses import replace

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Phase
from assent.api.v1alpha1.lifecycle import FINISHED, LifeEvent
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.gate_list import first_denied, first_held, gates_of
from assent.core.lifecycle.journal import sendable_call, stored_call
from assent.core.lifecycle.settle import settle
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import Did, PdCall, Unknown
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn
from tests.support.proposals import (
    NOW,
    approved,
    assessed,
    at,
    cancel,
    claimed,
    evicted,
    facts,
    halt,
    proposal,
    rejection,
    stored,
    with_spec,
)
from tests.support.snapshots import snapshot

CAUSE = Cause(Reason.AWAITING_APPROVAL, "why", "sre-1")


def conditions(status: ActionProposalStatus) -> dict[str, str]:
    """Return the conditions by type."""
    return {item.type: item.status for item in status.conditions or []}


def settled(outcome: Did | Unknown, shown: object, seconds: float) -> ActionProposalStatus:
    """Return the status of a claimed proposal after this evidence."""
    decision = settle(claimed(), Evidence(outcome, shown, at(seconds)))  # type: ignore[arg-type]
    assert decision is not None
    return decision.status


HELD = replace(approved(facts()), halts=(halt(),))
HELD = stored(HELD, decide(HELD))
HELD_SEATS = HELD.proposal.spec.approvals or []

STANDS: list[tuple[str, ActionProposalStatus, str]] = [
    # name, status, Ready Reconciling Stalled Approved Executed Verified
    ("asked", decide(facts()).status, "F T F F F U"),
    ("held", decide(HELD).status, "F T F T F U"),
    ("executing", claimed().status, "F T F T U U"),
    ("done", settled(Did("200"), snapshot(), 1), "T F F T T T"),
    ("no effect", settled(Did("200"), evicted(), 300), "F F T T T F"),
    ("unknown", settled(Unknown("reset"), evicted(), 300), "F F T T U U"),
    ("dry-run", decide(approved(facts(proposal(dry_run=True)))).status, "T F F T F U"),
    (
        "already done",
        decide(replace(approved(facts()), snapshot=snapshot())).status,
        "T F F T F T",
    ),
    (
        "rejected after enough",
        decide(with_spec(HELD, approvals=[*HELD_SEATS, rejection("x")])).status,
        "F F T F F U",
    ),
    ("cancelled", decide(with_spec(facts(), cancel=cancel())).status, "F F T F F U"),
]


@pytest.mark.parametrize(
    ("status", "expected"), [item[1:] for item in STANDS], ids=[item[0] for item in STANDS]
)
def test_conditions_say_where_it_stands(status: ActionProposalStatus, expected: str) -> None:
    """``kubectl wait --for=condition=Ready`` ends, or Stalled says that it never will."""
    words = {"T": "True", "F": "False", "U": "Unknown"}
    names = ("Ready", "Reconciling", "Stalled", "Approved", "Executed", "Verified")
    assert conditions(status) == {
        name: words[letter] for name, letter in zip(names, expected.split(), strict=True)
    }


def test_what_is_active_is_ready() -> None:
    """It is done and verified; that it is taken back later is what was asked."""
    known = stored(facts(), decide(facts())).proposal
    status = known.status.model_copy(update={"phase": Phase.EXECUTING})
    decision = advance(replace(known, status=status), LifeEvent.ACTIVATED, CAUSE, now=NOW)
    found = conditions(decision.status)
    assert decision.status.phase is Phase.ACTIVE
    assert (found["Ready"], found["Reconciling"], found["Stalled"]) == ("True", "False", "False")


@pytest.mark.parametrize("phase", sorted(FINISHED))
def test_every_end_is_ready_or_stalled(phase: Phase) -> None:
    """A tool that waits must learn of every end."""
    start = Phase.ROLLING_BACK if "Roll" in phase.value else Phase.PENDING
    known = stored(facts(), decide(facts())).proposal
    status = known.status.model_copy(update={"phase": start})
    ends = {
        Phase.SUCCEEDED: LifeEvent.SUCCEEDED,
        Phase.FAILED: LifeEvent.REFUSED,
        Phase.ROLLED_BACK: LifeEvent.UNDONE,
        Phase.ROLLBACK_FAILED: LifeEvent.UNDO_FAILED,
        Phase.REJECTED: LifeEvent.REJECTED,
        Phase.EXPIRED: LifeEvent.EXPIRED,
        Phase.SUPERSEDED: LifeEvent.SUPERSEDED,
        Phase.CANCELLED: LifeEvent.CANCELLED,
    }
    decision = advance(replace(known, status=status), ends[phase], CAUSE, now=NOW)
    found = conditions(decision.status)
    assert decision.status.phase is phase
    assert (found["Ready"] == "True") != (found["Stalled"] == "True")
    assert decision.status.finished_at == NOW


def test_a_condition_keeps_its_time_while_it_stands() -> None:
    """LastTransitionTime is when it changed, not when it was looked at."""
    first = stored(facts(), decide(facts()))
    agreed = replace(approved(facts()), now=at(9), snapshot=evicted(taken_at=at(9)))
    times = {
        item.type: item.last_transition_time for item in decide(agreed).status.conditions or []
    }
    assert times["Reconciling"] == NOW
    assert times["Approved"] == at(9)
    generations = {item.observed_generation for item in first.proposal.status.conditions or []}
    assert generations == {1}


def test_a_move_the_table_does_not_have_is_refused() -> None:
    """One table: the CRD's rule, the diagram and the code cannot differ."""
    with pytest.raises(ValueError, match="no move from None by Claimed"):
        advance(proposal(), LifeEvent.CLAIMED, CAUSE, now=NOW)
    with pytest.raises(ValueError, match="no move"):
        advance(proposal(), None, CAUSE, now=NOW)


def test_a_change_of_words_is_neither_recorded_nor_announced() -> None:
    """History holds moves; Events tell of moves."""
    known = assessed(facts()).proposal
    other = replace(CAUSE, sentence="other words")
    decision = advance(known, None, other, now=at(5))
    assert decision.status.history == known.status.history
    assert decision.status.message == "other words"
    assert decision.notices == ()


def test_a_new_digest_in_the_same_phase_is_recorded() -> None:
    """What people are asked has changed."""
    known = assessed(facts()).proposal
    decision = advance(known, None, CAUSE, now=at(5), also=Also({"digest": "sha256:new"}))
    assert len(decision.status.history or []) == 2
    assert decision.notices


def test_instants_are_written_as_the_api_keeps_them() -> None:
    """A status must equal its stored copy."""
    fine = replace(facts(), now=NOW.replace(microsecond=123_456))
    decided = decide(fine)
    assert stored(fine, decided).proposal.status == decided.status


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (Allow("m"), "pass"),
        (Warn("m"), "warn"),
        (Hold(Reason.HELD, "m", at(5)), "hold"),
        (Deny(Reason.PRECONDITION_FAILED, "m"), "deny"),
    ],
)
def test_verdicts_become_gates(verdict: Verdict, word: str) -> None:
    """Only a hold has an end."""
    (gate,) = gates_of([Check("Name", verdict)], None)
    assert (gate.name, gate.verdict, gate.message) == ("Name", word, "m")
    assert gate.until == (at(5) if word == "hold" else None)


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        pytest.param(Allow("3 leaders"), Allow("4 leaders"), True, id="still passes"),
        pytest.param(Warn("3 leaders"), Warn("4 leaders"), True, id="still warns"),
        pytest.param(Allow("3 leaders"), Warn("4 leaders"), False, id="another verdict"),
        pytest.param(
            Hold(Reason.BUSY, "waits for a"), Hold(Reason.BUSY, "waits for b"), False, id="holds"
        ),
    ],
)
def test_quiet_gates_keep_their_words(old: Verdict, new: Verdict, kept: bool) -> None:
    """Numbers drift in what passes; what holds must say the truth of now."""
    before = gates_of([Check("Name", old)], None)
    after = gates_of([Check("Name", new)], before)
    assert (after == before) is kept


def test_gates_stay_within_the_crd() -> None:
    """At most 32."""
    assert len(gates_of([Check(f"N{number}", Allow()) for number in range(50)], None)) == 32


def test_the_first_obstacle_gives_the_reason() -> None:
    """In the order of the checks; a pass is none."""
    checks = [
        Check("A", Allow()),
        Check("B", Hold(Reason.BUSY, "b")),
        Check("C", Deny(Reason.TIER_NOT_ALLOWED, "c")),
        Check("D", Hold(Reason.HALTED, "d")),
    ]
    held, denied = first_held(checks), first_denied(checks)
    assert held is not None
    assert denied is not None
    assert held.reason is Reason.BUSY
    assert denied.reason is Reason.TIER_NOT_ALLOWED
    assert first_held(checks[:1]) is None
    assert first_denied(checks[:2]) is None


@pytest.mark.parametrize(
    "call",
    [
        PdCall("DELETE", "/pd/api/v1/x"),
        PdCall("POST", "/pd/api/v1/x", {"rate": 12.5, "type": "add-peer", "store_id": 4}),
    ],
)
def test_a_journaled_call_is_sent_as_it_was_stored(call: PdCall) -> None:
    """Nothing is recomputed on the way through the API."""
    assert sendable_call(stored_call(call)) == call
