"""What people said while the approval gate was open never counts."""

from collections.abc import Sequence
from dataclasses import replace

from assent.api.v1alpha1.actionproposal import Phase
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import approval, approved, assessed, facts, stored, with_spec

OPEN = "the binding assent-approvals is not as shipped"


def test_an_open_gate_takes_the_digest_away() -> None:
    """Without a digest nobody can approve, and the reason says whose fault it is."""
    known = assessed(facts())
    decided = decide(replace(known, gate_installed=False, gate_open=OPEN))
    assert decided.status.phase is Phase.PENDING
    assert decided.status.digest is None
    assert decided.status.reason == "GateNotInstalled"
    assert OPEN in (decided.status.message or "")
    assert decided.call is None


def test_an_approval_forged_while_the_gate_was_open_is_void_when_it_stands_again() -> None:
    """The forgery quotes the digest of before; the new revision has another."""
    known = assessed(facts())
    forged = with_spec(known, approvals=[approval("nobody", known.proposal.status.digest)])
    opened = replace(forged, gate_installed=False, gate_open=OPEN)
    closed = replace(stored(opened, decide(opened)), gate_installed=True, gate_open=None)
    decided = decide(closed)
    assert decided.status.phase is Phase.PENDING
    assert decided.status.revision == (known.proposal.status.revision or 0) + 1
    assert decided.status.digest not in (None, known.proposal.status.digest)
    assert decided.call is None
    assert decide(stored(closed, decided)).call is None


def test_a_forgery_that_guessed_the_digests_to_come_is_void_when_the_gate_stands_again() -> None:
    """Everything in a digest can be known before, the number of the next revision as well: so the
    next digest is never one that somebody has quoted before there was one.
    """
    opened = replace(assessed(facts()), gate_installed=False, gate_open=OPEN)
    voided = stored(opened, decide(opened))
    guessed: list[str | None] = []
    for _ in range(3):
        guessed.append(_after(voided, guessed).status.digest)
    assert len(set(guessed)) == 3
    decided = _after(voided, guessed)
    assert decided.status.digest not in (None, *guessed)
    assert decided.status.approvals is not None
    assert decided.status.approvals.given == 0
    assert decide(stored(_standing(voided, guessed), decided)).call is None


def _standing(voided: Facts, quoted: Sequence[str | None]) -> Facts:
    seats = [approval(f"nobody-{number}", digest) for number, digest in enumerate(quoted)]
    return replace(with_spec(voided, approvals=seats), gate_installed=True, gate_open=None)


def _after(voided: Facts, quoted: Sequence[str | None]) -> Decision:
    """Return what is decided when the gate stands again and these digests are quoted already."""
    return decide(_standing(voided, quoted))


def test_a_forgery_filed_before_the_gate_was_installed_is_void_at_the_first_look() -> None:
    """The custom resource is there some seconds before the policies are, at every installation."""
    first = decide(facts()).status.digest
    filed = with_spec(facts(), approvals=[approval("nobody", first)])
    decided = decide(filed)
    assert decided.status.digest not in (None, first)
    assert decide(stored(filed, decided)).call is None


def test_what_was_approved_before_is_asked_again() -> None:
    """Nobody can tell the honest yes from the forged one any more."""
    known = approved(facts(), "alice")
    decided = decide(replace(known, gate_installed=False, gate_open=OPEN))
    assert decided.status.digest is None
    assert decided.call is None


def test_a_gate_that_cannot_be_tested_only_holds() -> None:
    """A restarting API server must not cost people their approvals."""
    known = approved(facts(), "alice")
    decided = decide(replace(known, gate_installed=False))
    assert decided.status.digest == known.proposal.status.digest
    assert decided.call is None


def test_deciding_again_with_the_gate_open_writes_nothing() -> None:
    """Idle writes must be zero, also on a bad day."""
    opened = replace(assessed(facts()), gate_installed=False, gate_open=OPEN)
    first = decide(opened)
    assert decide(stored(opened, first)).status == first.status
