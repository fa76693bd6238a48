"""The second lock: whatever decide let through by mistake is stopped at the claim, and named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import GateVerdict, Phase, Risk
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.catalogue import CATALOGUE
from assent.core.approvals.count import Tally
from assent.core.lifecycle.assess import View, look, tally_of
from assent.core.lifecycle.claim import claim_or_hold
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import (
    NOW,
    approval,
    approved,
    assessed,
    facts,
    proposal,
    with_spec,
)

WHY = "both colleagues are on a plane"


def seen(known: Facts) -> View:
    found = look(known, CATALOGUE)
    assert isinstance(found, View)
    return found


def counted(known: Facts) -> Tally:
    found = tally_of(known)
    assert found is not None
    return found


def with_status(known: Facts, **changes: object) -> Facts:
    status = known.proposal.status.model_copy(update=changes)
    return replace(known, proposal=replace(known.proposal, status=status))


def claimed_past(known: Facts, spoil: Callable[[Facts], Facts]) -> Decision:
    """Return the claim of what was approved, on facts that were spoiled after the count."""
    view, tally = seen(known), counted(known)
    return claim_or_hold(spoil(known), view, tally)


SPOILED: list[tuple[str, Callable[[Facts], Facts], str, str]] = [
    (
        "Another digest was stored",
        lambda known: with_status(known, digest="sha256:forged"),
        "SameDigest",
        "the digest is not that of the ask",
    ),
    (
        "A lower tier was stored than the risk that is seen",
        lambda known: with_status(known, risk=Risk(tier=Tier.MEDIUM, factors=[])),
        "SameTier",
        "the tier is Low, not the one that was approved",
    ),
    (
        "The approval went away after the count",
        lambda known: with_spec(known, approvals=None),
        "Seats",
        "the approvals do not suffice",
    ),
    (
        "Another person's approval stands there than the one that was counted",
        lambda known: with_spec(known, approvals=[approval("sre-4", known.proposal.status.digest)]),
        "Seats",
        "the approvals do not suffice",
    ),
    (
        "Whoever approved had written a revision of it",
        lambda known: with_status(known, authors=["sre-1", "sre-2"]),
        "OthersAsked",
        "sre-2 approved what they wrote",
    ),
    (
        "Its time is over",
        lambda known: replace(known, now=known.now + timedelta(days=30)),
        "NotExpired",
        "it expired at",
    ),
    (
        "Its time is over at this very moment",
        lambda known: replace(known, now=known.proposal.status.expires_at or known.now),
        "NotExpired",
        "it expired at",
    ),
]


@pytest.mark.parametrize(
    ("why", "spoil", "name", "says"), SPOILED, ids=[case[0] for case in SPOILED]
)
def test_what_fails_at_the_claim_is_named_and_sends_nothing(
    why: str, spoil: Callable[[Facts], Facts], name: str, says: str
) -> None:
    """No call, and a gate of that name with the sentence."""
    decided = claimed_past(approved(facts()), spoil)
    assert decided.call is None, why
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == Reason.HELD
    failed = {gate.name: gate for gate in decided.status.gates or [] if gate.verdict == "hold"}
    assert says in failed[name].message
    assert "the check before the claim failed" in (decided.status.message or "")


def test_the_asks_own_end_holds_whatever_was_stored() -> None:
    """People agreed to ``notAfter``; a status that says later does not outlast it."""
    end = NOW + timedelta(minutes=5)
    known = approved(facts(proposal(not_after=end)))
    late = with_status(known, expires_at=end + timedelta(hours=1))
    decided = claimed_past(known, lambda _: replace(late, now=end))
    assert decided.call is None
    failed = {gate.name for gate in decided.status.gates or [] if gate.verdict == "hold"}
    assert "NotExpired" in failed


def test_what_holds_is_on_record() -> None:
    """Everything that was checked at the claim can be read afterwards."""
    decided = decide(approved(facts()))
    assert decided.call is not None
    passed = [gate.name for gate in decided.status.gates or [] if gate.verdict == "pass"]
    assert passed[:5] == ["SameDigest", "SameTier", "Seats", "OthersAsked", "NotExpired"]


def test_a_broken_glass_passes_with_a_warning() -> None:
    """It skips people, and every reader of the gates sees that it did."""
    known = assessed(facts())
    policy = known.cluster.spec.policy if known.cluster else None
    assert policy is not None
    needed = policy.model_copy(
        update={"approvals_needed": policy.approvals_needed.model_copy(update={"low": 2})}
    )
    assert known.cluster is not None
    spec = known.cluster.spec.model_copy(update={"policy": needed})
    known = replace(known, cluster=replace(known.cluster, spec=spec))
    seat = approval("sre-2", known.proposal.status.digest)
    decided = decide(with_spec(known, approvals=[seat.model_copy(update={"break_glass": WHY})]))
    assert decided.call is not None
    seats = next(gate for gate in decided.status.gates or [] if gate.name == "Seats")
    assert seats.verdict is GateVerdict.WARN
    assert WHY in seats.message
