"""One person in place of several: loud on the object, in an Event, and bound by every check."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import ApprovalsNeeded, Mode, Tier
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import (
    AUTHOR,
    approval,
    assessed,
    at_tier,
    cluster,
    evicted,
    facts,
    halt,
    later,
    rejection,
    stored,
    with_spec,
)

WHY = "both colleagues\nare on a plane"
TWO = {"approvals_needed": ApprovalsNeeded(low=2)}
SAYS = "sre-2 broke the glass and stands in for 1 person who did not approve"


def broken(known: Facts | None = None, by: str = "sre-2", **changes: Any) -> Facts:
    """Return facts under which this person broke the glass for an ask that needs two."""
    seen = assessed(known or facts(cluster=cluster(policy=TWO)))
    status = seen.proposal.status
    confirm = status.target.id if status.target else None
    seat = approval(by, status.digest, confirm).model_copy(update={"break_glass": WHY})
    return replace(with_spec(seen, approvals=[seat]), **changes)


def test_it_is_claimed_and_says_who_and_why() -> None:
    """Message, count, condition and history bear the mark; the reason is kept on one line."""
    decided = decide(broken())
    assert decided.call is not None
    message = decided.status.message or ""
    assert message.startswith(
        f"Approved by sre-2 ({SAYS}: both colleagues are on a plane); sending"
    )
    count = decided.status.approvals
    assert count is not None
    assert (count.summary, count.missing) == ("1/2 glass", 0)
    assert SAYS in (decided.status.history or [])[-1].message
    condition = {item.type: item for item in decided.status.conditions or []}["Approved"]
    assert (condition.status, condition.reason) == ("True", "GlassBroken")


def test_a_warning_is_posted_once() -> None:
    """With the claim, or with the hold before it, and not again when the hold ends."""
    first = decide(broken(halts=(halt(),)))
    assert first.status.phase is Phase.APPROVED
    glass, held = first.notices
    assert (glass.reason, glass.warning) == ("GlassBroken", True)
    assert SAYS in glass.message
    assert held.reason == Reason.HALTED
    then = decide(replace(stored(broken(halts=(halt(),)), first), halts=()))
    assert then.call is not None
    assert [notice.reason for notice in then.notices] == [Reason.CALLING]


def test_without_the_glass_the_same_approval_waits() -> None:
    """It is the glass that stands in, nothing else."""
    known = assessed(facts(cluster=cluster(policy=TWO)))
    seat = approval("sre-2", known.proposal.status.digest)
    decided = decide(with_spec(known, approvals=[seat]))
    assert decided.call is None
    assert decided.status.phase is Phase.PENDING
    assert "GlassBroken" not in [notice.reason for notice in decided.notices]


HELD: list[tuple[str, dict[str, Any], Reason]] = [
    ("a Halt", {"halts": (halt(),)}, Reason.HALTED),
    ("a suspended cluster", {"cluster": cluster(policy=TWO, suspend=True)}, Reason.SUSPENDED),
    ("a gate that is not installed", {"gate_installed": False}, Reason.GATE_NOT_INSTALLED),
    ("a cluster that cannot be read", {"cluster_ready": "no PD"}, Reason.CLUSTER_NOT_READY),
    ("another action in flight", {"in_flight": ("other",)}, Reason.BUSY),
]


@pytest.mark.parametrize(("why", "changes", "reason"), HELD, ids=[case[0] for case in HELD])
def test_it_skips_people_and_no_check(why: str, changes: dict[str, Any], reason: Reason) -> None:
    """Whatever holds what everybody approved holds this too."""
    decided = decide(broken(**changes))
    assert decided.call is None, why
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == reason


def test_it_does_not_lift_the_ceiling() -> None:
    """spec.policy.maxTier is the cluster's word, not a person who is away."""
    known = facts(cluster=cluster(policy=TWO))
    low = {**TWO, "max_tier": Tier.LOW}
    decided = decide(broken(known, cluster=cluster(policy=low)), catalogue=at_tier(Tier.MEDIUM))
    assert decided.call is None
    assert decided.status.reason == Reason.TIER_NOT_ALLOWED


def test_it_does_not_turn_observe_into_approval() -> None:
    """In Observe nothing is called, whoever wants it."""
    decided = decide(broken(cluster=cluster(policy=TWO, mode=Mode.OBSERVE)))
    assert decided.call is None
    assert decided.status.phase is Phase.SUGGESTED


def test_it_does_not_outlive_its_time() -> None:
    """Expiry is judged at every look, also of this."""
    decided = decide(later(broken(), 10 * 86400))
    assert decided.call is None
    assert decided.status.phase is Phase.EXPIRED


def test_it_is_void_with_its_digest() -> None:
    """A changed ask asks again, and breaking the glass is for one revision."""
    known = broken()
    changed = with_spec(known, reason="another why", proposed_by="sre-3")
    decided = decide(changed)
    assert decided.call is None
    count = decided.status.approvals
    assert count is not None
    assert (count.summary, count.break_glass) == ("0/2", None)


def test_it_is_not_for_authors() -> None:
    """Admission refuses it; so does the count."""
    decided = decide(broken(by=AUTHOR))
    assert decided.call is None
    assert decided.status.phase is Phase.PENDING


def test_it_is_not_for_critical() -> None:
    """Two people, whatever happens; the object says why one does not count."""
    catalogue = at_tier(Tier.CRITICAL)
    known = facts(cluster=cluster(policy={"max_tier": Tier.CRITICAL}))
    seen = assessed(known, catalogue)
    status = seen.proposal.status
    assert status.target is not None
    seat = approval("sre-2", status.digest, status.target.id)
    decided = decide(
        with_spec(seen, approvals=[seat.model_copy(update={"break_glass": WHY})]), catalogue
    )
    assert decided.call is None
    count = decided.status.approvals
    assert count is not None
    assert (count.given, count.missing) == (0, 2)
    (not_counting,) = count.not_counting or []
    assert "the glass cannot be broken for tier Critical" in not_counting.reason


def test_a_no_is_a_no() -> None:
    """Nobody stands in for a colleague who is there and says no."""
    known = broken()
    seats = [*(known.proposal.spec.approvals or []), rejection("sre-3")]
    decided = decide(with_spec(known, approvals=seats))
    assert decided.status.phase is Phase.REJECTED


def test_a_dry_run_and_what_is_done_already_bear_the_mark_too() -> None:
    """Nothing is sent, and still one person stood in for another."""
    dry = facts(cluster=cluster(policy=TWO, dry_run=True))
    assert SAYS in (decide(broken(dry)).status.message or "")
    done = facts(cluster=cluster(policy=TWO), snapshot=evicted(evicted_store_ids=frozenset()))
    assert SAYS in (decide(broken(done)).status.message or "")
