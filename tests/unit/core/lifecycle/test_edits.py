"""An edit is on the record: what was asked first, who changed it, why people are asked again."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Phase
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import (
    AUTHOR,
    OPERATOR,
    approval,
    approved,
    assessed,
    at_tier,
    cluster,
    evicted,
    facts,
    proposal,
    stored,
    with_spec,
)


def edited(known: Facts, by: str = "sre-3", **changes: Any) -> Facts:
    """Return the facts after this person changed the ask, which removes all approvals."""
    return with_spec(known, approvals=None, proposed_by=by, **(changes or {"reason": "better so"}))


def looked(known: Facts, **changes: Any) -> Facts:
    """Return the facts after the operator's next look."""
    seen = replace(known, **changes)
    return stored(seen, decide(seen))


def fields(status: ActionProposalStatus) -> list[tuple[str, str | None, str | None]]:
    return [(change.field, change.was, change.now) for change in status.changes or []]


def test_what_nobody_changed_shows_no_original() -> None:
    """Every field that is there without need costs a reader's time."""
    status = assessed(facts()).proposal.status
    assert status.authors == [AUTHOR]
    assert (status.original, status.changes, status.revision_reason) == (None, None, None)


def test_an_edit_is_shown_against_what_was_first_filed() -> None:
    """Also the second edit, and also where it goes back."""
    known = assessed(facts())
    first = known.proposal.status.assessed
    once = looked(edited(known, reason="better so"))
    status = once.proposal.status
    assert status.original == first
    assert fields(status) == [("reason", None, "better so")]
    assert status.authors == [AUTHOR, "sre-3"]
    assert status.revision_reason == "sre-3 changed reason"
    assert (status.message or "").count("revision 2, because sre-3 changed reason") == 1
    twice = looked(edited(once, by="sre-4", reason="best so")).proposal.status
    assert twice.original == first
    assert fields(twice) == [("reason", None, "best so")]
    assert twice.authors == [AUTHOR, "sre-3", "sre-4"]
    back = looked(edited(once, by=AUTHOR, reason=None)).proposal.status
    assert (back.original, back.changes) == (first, None)
    assert back.revision == 3


def test_the_record_is_written_once() -> None:
    """Looking again changes nothing: idle writes are zero."""
    known = looked(edited(assessed(facts())))
    assert decide(known).status == known.proposal.status


def test_an_edit_that_nobody_could_assess_is_remembered() -> None:
    """PD was away: what was first asked must not be forgotten with its assessment."""
    known = assessed(facts())
    first = known.proposal.status.assessed
    blind = looked(edited(known), snapshot=None)
    assert blind.proposal.status.assessed is None
    assert blind.proposal.status.original == first
    again = looked(edited(blind, by="sre-4", reason="best so"), snapshot=None)
    seen = looked(again, snapshot=evicted()).proposal.status
    assert seen.original == first
    assert fields(seen) == [("reason", None, "best so")]
    assert seen.authors == [AUTHOR, "sre-3", "sre-4"]
    assert seen.revision_reason == "sre-4 changed reason"


def test_the_operators_own_proposal_has_it_as_first_author() -> None:
    """And whoever edits it is the one person who cannot approve it."""
    own = assessed(facts(proposal(proposed_by=OPERATOR)))
    status = looked(edited(own)).proposal.status
    assert status.authors == [OPERATOR, "sre-3"]


@pytest.mark.parametrize("by", [AUTHOR, "sre-3"], ids=["who filed it", "who changed it"])
def test_nobody_who_wrote_a_revision_is_counted(by: str) -> None:
    """Admission refuses it; the count does too, and says why."""
    known = looked(edited(assessed(facts())))
    seat = approval(by, known.proposal.status.digest)
    decided = decide(with_spec(known, approvals=[seat]))
    assert decided.call is None
    count = decided.status.approvals
    assert count is not None
    (not_counting,) = count.not_counting or []
    assert not_counting.by == by
    assert "somebody else must approve it" in not_counting.reason


def test_a_third_person_approves_what_two_wrote() -> None:
    """It is not stuck."""
    known = looked(edited(assessed(facts())))
    seat = approval("sre-4", known.proposal.status.digest)
    assert decide(with_spec(known, approvals=[seat])).call is not None


def test_a_risen_tier_says_so_and_lists_who_is_asked_again() -> None:
    """The approval stays where it was written, and counts no more."""
    decided = decide(approved(facts(), "sre-2"), at_tier(Tier.HIGH))
    assert decided.status.phase is Phase.PENDING
    assert decided.status.revision_reason == "the tier rose from Low to High"
    assert "revision 2, because the tier rose from Low to High" in (decided.status.message or "")
    count = decided.status.approvals
    assert count is not None
    assert count.summary == "0/2"
    (not_counting,) = count.not_counting or []
    assert (not_counting.by, not_counting.reason[:26]) == ("sre-2", "it is for another revision")
    # The line to copy keeps that seat, for others may not drop it: a second one would be refused.
    assert "who approved before (sre-2) gives this digest in their own seat" in (
        decided.status.message or ""
    )


def test_without_an_earlier_approval_nothing_is_said_of_one() -> None:
    """Most revisions: one clause less to read."""
    known = assessed(facts(cluster=cluster(dry_run=True)))
    message = decide(replace(known, cluster=cluster())).status.message or ""
    assert "revision 2, because dry-run was switched off. To approve: " in message


def test_a_flip_of_dry_run_says_so() -> None:
    """A yes to a rehearsal is no yes to the call."""
    known = approved(facts(cluster=cluster(dry_run=True)), "sre-2")
    decided = decide(replace(known, cluster=cluster()))
    assert decided.status.revision_reason == "dry-run was switched off"


def test_what_was_said_while_the_gate_was_open_is_explained() -> None:
    """People are asked again for no fault of theirs: they must read whose it was."""
    known = approved(facts(), "sre-2")
    opened = looked(known, gate_installed=False, gate_open="a binding is missing")
    decided = decide(replace(opened, gate_installed=True, gate_open=None))
    assert decided.status.revision == 2
    assert "the approval gate stood open" in (decided.status.revision_reason or "")
