"""Counting seats: distinct people, exactly this digest, nobody twice, nobody for themselves."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Approval
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.approvals.count import Ballot, Tally, count_approvals, rejecters
from tests.support.proposals import AUTHOR, OPERATOR, approval, rejection

DIGEST = "sha256:this"
FLUX = "system:serviceaccount:flux-system:kustomize-controller"
ARGO = "system:serviceaccount:argocd:argocd"


def ballot(**changes: Any) -> Ballot:
    """Return a ballot for one approval at tier Low."""
    base: dict[str, Any] = {
        "digest": DIGEST,
        "tier": Tier.LOW,
        "needed": 1,
        "target_id": "store/4",
        "authors": frozenset({AUTHOR}),
        "operator_username": OPERATOR,
        "namespace": "tikv",
    }
    return Ballot(**{**base, **changes})


def count(*approvals: Approval, **changes: Any) -> Tally:
    """Return the tally of these approvals."""
    return count_approvals(approvals, ballot(**changes))


def reasons(tally: Tally) -> dict[str, str]:
    """Return who does not count and why."""
    return {item.by: item.reason for item in tally.count.not_counting or []}


def yes(by: str, **changes: Any) -> Approval:
    """Return an approval of this digest."""
    return approval(by, DIGEST).model_copy(update=changes)


def test_nobody_is_not_enough() -> None:
    """The count of an empty list shows what is needed."""
    tally = count(needed=2)
    assert (tally.count.needed, tally.count.given, tally.count.missing) == (2, 0, 2)
    assert tally.count.summary == "0/2"
    assert tally.count.not_counting is None
    assert not tally.enough


def test_one_person_is_one_seat() -> None:
    """The plain case."""
    tally = count(yes("sre-2"))
    assert tally.enough
    assert tally.approved_by == ("sre-2",)
    assert tally.count.summary == "1/1"


def test_the_same_person_twice_is_one_seat() -> None:
    """The API server's list map forbids it; a count must not depend on that."""
    tally = count(yes("sre-2"), yes("sre-2", comment="again"), needed=2)
    assert tally.count.given == 1
    assert not tally.enough


def test_more_than_needed_is_enough() -> None:
    """Missing never falls below zero."""
    tally = count(yes("sre-2"), yes("sre-3"), needed=1)
    assert tally.count.missing == 0
    assert tally.count.summary == "2/1"


@pytest.mark.parametrize(
    ("approvals", "says"),
    [
        pytest.param(
            approval("sre-2", "sha256:other"), "another revision", id="the ask changed since"
        ),
        pytest.param(approval("sre-2", None), "another revision", id="no digest names nothing"),
    ],
)
def test_another_digest_does_not_count(approvals: Approval, says: str) -> None:
    """An approval is for what its author saw."""
    tally = count(approvals)
    assert tally.count.given == 0
    assert says in reasons(tally)["sre-2"]


def test_no_digest_in_the_ballot_counts_nothing() -> None:
    """An ask that is not assessed cannot be approved, not even by an approval without digest."""
    tally = count(approval("sre-2", None), yes("sre-3"), digest=None)
    assert tally.count.given == 0
    assert "not assessed" in reasons(tally)["sre-3"]


def test_the_author_does_not_count() -> None:
    """Nobody approves their own proposal."""
    tally = count(yes(AUTHOR))
    assert not tally.enough
    assert "they wrote this ask" in reasons(tally)[AUTHOR]


def test_the_operator_does_not_count() -> None:
    """What carries it out has no say, also where a person proposed it."""
    assert "no seat" in reasons(count(yes(OPERATOR)))[OPERATOR]


def test_service_accounts_share_one_seat() -> None:
    """Two robots of one team are not two people."""
    tally = count(yes(FLUX), yes(ARGO), needed=2)
    assert tally.count.given == 1
    assert "together have one seat" in " ".join(reasons(tally).values())


@pytest.mark.parametrize(("tier", "given"), [(Tier.LOW, 1), (Tier.HIGH, 0), (Tier.CRITICAL, 0)])
def test_no_crowd_of_robots_gets_more_seats(tier: Tier, given: int) -> None:
    """The third, and one that stands there twice, are refused like the second."""
    seats = [yes(name, confirm="store/4") for name in (FLUX, FLUX, ARGO, f"{ARGO}-2", f"{ARGO}-3")]
    assert count(*seats, tier=tier, needed=2).count.given == given


def test_a_robot_and_a_person_are_two() -> None:
    """The robots' seat is a full one below High."""
    assert count(yes(FLUX), yes("sre-2"), needed=2).enough


def test_a_robot_of_the_proposals_own_namespace_has_no_seat() -> None:
    """Whoever may edit there, and so file proposals, may make its tokens; and it takes no seat
    from another robot. A namespace that only begins like it is another one.
    """
    near, far = "system:serviceaccount:tikv:deployer", "system:serviceaccount:tikv-ops:deployer"
    tally = count(yes(near))
    assert not tally.enough
    assert "own namespace" in reasons(tally)[near]
    assert count(yes(near), yes(far)).approved_by == (far,)


def test_a_void_robot_does_not_take_the_seat() -> None:
    """Only an approval that would count uses the seat up."""
    tally = count(approval(ARGO, "sha256:old"), yes(FLUX))
    assert tally.approved_by == (FLUX,)


@pytest.mark.parametrize("tier", [Tier.HIGH, Tier.CRITICAL])
def test_robots_have_no_seat_at_high_tiers(tier: Tier) -> None:
    """For what can lose data or availability, people answer."""
    tally = count(yes(FLUX, confirm="store/4"), yes("sre-2", confirm="store/4"), tier=tier)
    assert tally.approved_by == ("sre-2",)
    assert f"no seat for tier {tier.value}" in reasons(tally)[FLUX]


@pytest.mark.parametrize(
    ("confirm", "target_id", "counts"),
    [
        pytest.param("store/4", "store/4", True, id="typed as it is"),
        pytest.param("store/5", "store/4", False, id="another target"),
        pytest.param("4", "store/4", False, id="only part of it"),
        pytest.param(None, "store/4", False, id="not typed"),
        pytest.param(None, None, False, id="an unknown target matches nothing, not even nothing"),
    ],
)
def test_critical_needs_the_target_typed(
    confirm: str | None, target_id: str | None, counts: bool
) -> None:
    """A typed confirmation shows that the person read which one."""
    tally = count(yes("sre-2", confirm=confirm), tier=Tier.CRITICAL, target_id=target_id)
    assert tally.enough is counts


def test_confirm_is_not_asked_below_critical() -> None:
    """Ceremony grows with risk."""
    assert count(yes("sre-2"), tier=Tier.HIGH).enough


WHY = "both colleagues are on a plane"


def test_a_broken_glass_stands_in_for_what_is_missing() -> None:
    """One rightful person; the count says who, for how many, and why."""
    tally = count(yes("sre-2", break_glass=WHY), needed=2)
    assert tally.enough
    assert (tally.count.given, tally.count.needed, tally.count.missing) == (1, 2, 0)
    assert tally.count.summary == "1/2 glass"
    glass = tally.count.break_glass
    assert glass is not None
    assert (glass.by, glass.reason, glass.stands_in_for) == ("sre-2", WHY, 1)


def test_glass_that_nobody_needed_is_whole() -> None:
    """When enough others say yes the mark goes: nobody was stood in for."""
    tally = count(yes("sre-2", break_glass=WHY), yes("sre-3"), needed=2)
    assert tally.enough
    assert tally.count.break_glass is None
    assert tally.count.summary == "2/2"


def test_the_longest_summary_fits_its_column() -> None:
    """The CRD bounds it to 16 characters; 8 people is the most a policy can ask for."""
    assert len(count(yes("sre-2", break_glass=WHY), needed=8).count.summary) <= 16


@pytest.mark.parametrize(
    ("seat", "tier", "says"),
    [
        pytest.param(
            yes("sre-2", break_glass=WHY, confirm="store/4"),
            Tier.CRITICAL,
            "the glass cannot be broken for tier Critical",
            id="never for Critical",
        ),
        pytest.param(
            yes(AUTHOR, break_glass=WHY), Tier.HIGH, "they wrote this ask", id="never by an author"
        ),
        pytest.param(
            yes(FLUX, break_glass=WHY), Tier.LOW, "only a person", id="never by a service account"
        ),
        pytest.param(
            approval("sre-2", "sha256:old").model_copy(update={"break_glass": WHY}),
            Tier.HIGH,
            "another revision",
            id="never for what nobody saw",
        ),
        pytest.param(
            yes(OPERATOR, break_glass=WHY), Tier.LOW, "no seat", id="never by the operator"
        ),
    ],
)
def test_a_glass_that_cannot_be_broken_stands_in_for_nobody(
    seat: Approval, tier: Tier, says: str
) -> None:
    """It skips people, never a check."""
    tally = count(seat, tier=tier, needed=2)
    assert not tally.enough
    assert tally.count.break_glass is None
    assert says in reasons(tally)[seat.by]


def test_one_no_outweighs_a_broken_glass() -> None:
    """Standing in for the absent is not overruling the present."""
    tally = count(yes("sre-2", break_glass=WHY), rejection("sre-4"), needed=2)
    assert not tally.enough


def test_of_two_who_break_the_glass_the_first_by_name_is_named() -> None:
    """The mark must not change with the order of the list."""
    seats = [yes(name, break_glass=WHY) for name in ("sre-3", "sre-2")]
    glass = count(*seats, needed=3).count.break_glass
    assert glass is not None
    assert (glass.by, glass.stands_in_for) == ("sre-2", 1)


def test_nobody_who_wrote_a_revision_counts() -> None:
    """Who filed it, and everybody who changed it."""
    tally = count(yes("sre-2"), yes("sre-3"), authors=frozenset({AUTHOR, "sre-2"}))
    assert tally.approved_by == ("sre-3",)
    assert "they wrote this ask" in reasons(tally)["sre-2"]


def test_one_no_outweighs_every_yes() -> None:
    """Any Reject rejects, whatever its digest."""
    tally = count(yes("sre-2"), yes("sre-3"), rejection("sre-4"))
    assert tally.rejected_by == ("sre-4",)
    assert tally.count.missing == 0
    assert not tally.enough


def test_order_does_not_matter() -> None:
    """A list map has no order; a status that followed it would be written for nothing."""
    seats = [yes("sre-3"), yes(FLUX), yes(AUTHOR), yes(ARGO), approval("sre-2", "sha256:x")]
    assert count(*seats) == count(*reversed(seats))


def test_rejecters_are_named_once() -> None:
    """For the message."""
    assert rejecters([rejection("b"), yes("c"), rejection("a"), rejection("b")]) == ("a", "b")


def test_not_counting_stays_within_the_crd() -> None:
    """The list has 16 places, as many as approvals have."""
    tally = count(*(approval(f"sre-{number}", "sha256:old") for number in range(30)))
    assert len(tally.count.not_counting or []) == 16
