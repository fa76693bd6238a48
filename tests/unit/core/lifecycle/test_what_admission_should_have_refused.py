"""Objects that no API server with the gate lets in: the operator sends nothing for them either."""

from dataclasses import replace

import pytest

from assent.api.v1alpha1.actionproposal import Approval, Decision
from assent.api.v1alpha1.tikvcluster import ApprovalsNeeded, Tier
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import (
    AUTHOR,
    OPERATOR,
    approval,
    assessed,
    at_tier,
    cluster,
    facts,
    proposal,
    rejection,
    stored,
    with_spec,
)

FLUX, ARGO = "system:serviceaccount:flux:a", "system:serviceaccount:argo:b"
TENANT = "system:serviceaccount:tikv:deployer"
WHY = "both colleagues are on a plane"


def waiting(tier: Tier) -> Facts:
    """Return an assessed proposal of that tier, under a policy that lets it run."""
    needed = ApprovalsNeeded(low=1, medium=1, high=2, critical=2)
    policy = {"max_tier": Tier.CRITICAL, "approvals_needed": needed}
    return assessed(facts(cluster=cluster(policy=policy)), at_tier(tier))


def yes(
    by: str, *, digest: str = "{}", confirm: str | None = None, glass: str | None = None
) -> Approval:
    """Return an Approve; ``{}`` stands for the stored digest."""
    seat = approval(by, digest, confirm)
    return seat if glass is None else seat.model_copy(update={"break_glass": glass})


def bare(by: str) -> Approval:
    """Return an Approve of nothing at all."""
    return Approval(by=by, decision=Decision.APPROVE)


def given(known: Facts, seats: tuple[Approval, ...]) -> Facts:
    """Return the facts with these seats stored."""
    digest = known.proposal.status.digest
    named = [
        seat.model_copy(update={"digest": digest}) if seat.digest == "{}" else seat
        for seat in seats
    ]
    return with_spec(known, approvals=named)


CONFIRM = "store/4"
FORGED: dict[str, tuple[Tier, tuple[Approval, ...]]] = {
    "their own proposal": (Tier.LOW, (yes(AUTHOR),)),
    "the operator's own voice": (Tier.LOW, (yes(OPERATOR),)),
    "an account of the namespace": (Tier.LOW, (yes(TENANT),)),
    "no digest at all": (Tier.LOW, (bare("bob"),)),
    "an empty digest": (Tier.LOW, (yes("bob", digest=""),)),
    "the word for no digest": (Tier.LOW, (yes("bob", digest="none"),)),
    "another digest": (Tier.LOW, (yes("bob", digest="sha256:" + "0" * 64),)),
    "a no beside a yes": (Tier.LOW, (yes("bob"), rejection("ann"))),
    "yes and no in one name": (Tier.LOW, (yes("bob"), rejection("bob"))),
    "one person twice": (Tier.HIGH, (yes("bob"), yes("bob", confirm="again"))),
    "author and one other": (Tier.HIGH, (yes("bob"), yes(AUTHOR))),
    "a person and a robot for High": (Tier.HIGH, (yes("bob"), yes(FLUX))),
    "robots for Medium, one of them at home": (Tier.MEDIUM, (yes(TENANT), yes(OPERATOR))),
    "robots for High": (Tier.HIGH, (yes(FLUX), yes(ARGO))),
    "a robot that breaks the glass": (Tier.HIGH, (yes(FLUX, glass=WHY),)),
    "an author who breaks the glass": (Tier.HIGH, (yes(AUTHOR, glass=WHY),)),
    "a broken glass for another digest": (Tier.HIGH, (yes("bob", digest="none", glass=WHY),)),
    "a broken glass beside a no": (Tier.HIGH, (yes("bob", glass=WHY), rejection("ann"))),
    "a broken glass for Critical": (Tier.CRITICAL, (yes("bob", confirm=CONFIRM, glass=WHY),)),
    "Critical, nothing typed": (Tier.CRITICAL, (yes("ann"), yes("bob"))),
    "Critical, one typed wrongly": (
        Tier.CRITICAL,
        (yes("ann", confirm=CONFIRM), yes("bob", confirm="store/5")),
    ),
    "Critical, one person": (Tier.CRITICAL, (yes("ann", confirm=CONFIRM),)),
}


@pytest.mark.parametrize("why", FORGED)
def test_nothing_is_sent_for_a_forged_seat(why: str) -> None:
    """Looked at twice: the first look must not make the second believe it."""
    tier, seats = FORGED[why]
    catalogue = at_tier(tier)
    known = given(waiting(tier), seats)
    first = decide(known, catalogue)
    assert first.call is None, why
    assert decide(stored(known, first), catalogue).call is None, why


HONEST: dict[Tier, tuple[Approval, ...]] = {
    Tier.LOW: (yes(FLUX),),
    Tier.MEDIUM: (yes("bob"),),
    Tier.HIGH: (yes("ann"), yes("bob")),
    Tier.CRITICAL: (yes("ann", confirm=CONFIRM), yes("bob", confirm=CONFIRM)),
}


@pytest.mark.parametrize("tier", HONEST)
def test_the_same_scene_runs_with_honest_seats(tier: Tier) -> None:
    """Or the scene above would prove nothing."""
    assert decide(given(waiting(tier), HONEST[tier]), at_tier(tier)).call is not None


def test_seats_copied_to_another_object_count_nothing() -> None:
    """Same name, same ask, same target, another object: the digest is of the one that is gone."""
    old = waiting(Tier.HIGH)
    seats = (
        approval("ann", old.proposal.status.digest),
        approval("bob", old.proposal.status.digest),
    )
    anew = proposal()
    anew = replace(anew, meta=replace(anew.meta, uid="uid-of-the-new-one"))
    catalogue = at_tier(Tier.HIGH)
    known = with_spec(assessed(replace(old, proposal=anew), catalogue), approvals=list(seats))
    decided = decide(known, catalogue)
    assert decided.call is None
    assert decided.status.approvals is not None
    assert decided.status.approvals.given == 0
