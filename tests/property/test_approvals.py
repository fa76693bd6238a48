"""Laws of counting and of the digest, against an independent count."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from assent.api.v1alpha1.actionproposal import Approval, Ask, Decision, Fact, Target
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.approvals.count import Ballot, count_approvals
from assent.core.approvals.digest import Material, canonical_bytes, digest_of, same_ask
from tests.support.proposals import AUTHOR, EVICT_4, LIMIT_4, MOVE_17, NOW, OPERATOR, STOP_4

ROBOTS = ("system:serviceaccount:flux:a", "system:serviceaccount:argo:b")
ROBOT_OF_HERE = "system:serviceaccount:tikv:c"
NAMES = st.sampled_from(["sre-2", "sre-3", "sre-4", AUTHOR, OPERATOR, *ROBOTS, ROBOT_OF_HERE])
DIGESTS = st.sampled_from(["sha256:now", "sha256:old", None])
CONFIRMS = st.sampled_from(["store/4", "4", None])
TIERS = st.sampled_from(list(Tier))
SEATS = st.lists(
    st.builds(
        Approval,
        by=NAMES,
        decision=st.sampled_from([Decision.APPROVE, Decision.APPROVE, Decision.REJECT]),
        digest=DIGESTS,
        confirm=CONFIRMS,
    ),
    max_size=8,
)
BALLOTS = st.builds(
    Ballot,
    digest=st.sampled_from(["sha256:now", "sha256:now", None]),
    tier=TIERS,
    needed=st.integers(1, 4),
    target_id=st.sampled_from(["store/4", "store/4", None]),
    authors=st.just(frozenset({AUTHOR})),
    operator_username=st.just(OPERATOR),
    namespace=st.just("tikv"),
)


def oracle(seats: list[Approval], ballot: Ballot) -> int:
    """Count in the plainest way: the set of people, then the robots' one seat."""
    valid = {
        seat.by
        for seat in seats
        if seat.decision is Decision.APPROVE
        and ballot.digest is not None
        and seat.digest == ballot.digest
        and seat.by not in (AUTHOR, OPERATOR, ROBOT_OF_HERE)
        and (
            ballot.tier is not Tier.CRITICAL
            or (ballot.target_id is not None and seat.confirm == ballot.target_id)
        )
    }
    robots = {name for name in valid if name.startswith("system:serviceaccount:")}
    seat_of_robots = 1 if robots and ballot.tier in (Tier.LOW, Tier.MEDIUM) else 0
    return len(valid - robots) + seat_of_robots


@given(SEATS, BALLOTS)
def test_the_count_is_the_plain_one(seats: list[Approval], ballot: Ballot) -> None:
    """Given, missing, summary and verdict all follow from one number and the rejects."""
    tally = count_approvals(seats, ballot)
    expected = oracle(seats, ballot)
    assert tally.count.given == expected
    assert tally.count.missing == max(0, ballot.needed - expected)
    assert tally.count.summary == f"{expected}/{ballot.needed}"
    rejected = any(seat.decision is Decision.REJECT for seat in seats)
    assert tally.enough is (expected >= ballot.needed and not rejected)


GLASS = st.lists(
    st.builds(
        Approval,
        by=NAMES,
        decision=st.sampled_from([Decision.APPROVE, Decision.APPROVE, Decision.REJECT]),
        digest=DIGESTS,
        confirm=CONFIRMS,
        break_glass=st.sampled_from([None, "nobody else is awake"]),
    ),
    max_size=8,
    unique_by=lambda seat: seat.by,
)
"""One seat a person, as the API server's list map has it."""


@given(GLASS, BALLOTS)
def test_a_broken_glass_changes_who_is_needed_and_nothing_else(
    seats: list[Approval], ballot: Ballot
) -> None:
    """It stands in exactly where one of those who count broke it and others are missing."""
    broken = [seat for seat in seats if seat.break_glass is not None]
    refused = {
        seat.by
        for seat in broken
        if ballot.tier is Tier.CRITICAL or seat.by.startswith("system:serviceaccount:")
    }
    whole = [seat.model_copy(update={"break_glass": None}) for seat in seats]
    plain = count_approvals([seat for seat in whole if seat.by not in refused], ballot)
    tally = count_approvals(seats, ballot)
    assert tally.approved_by == plain.approved_by
    may = sorted({seat.by for seat in broken} & set(plain.approved_by))
    glass = tally.count.break_glass
    assert (glass is not None) is (bool(may) and plain.count.missing > 0)
    if glass is not None:
        assert (glass.by, glass.stands_in_for) == (may[0], plain.count.missing)
    assert tally.count.missing == (0 if glass is not None else plain.count.missing)


@given(SEATS, BALLOTS)
def test_whoever_counts_is_not_listed_as_not_counting(
    seats: list[Approval], ballot: Ballot
) -> None:
    """Everybody who approved is in exactly one list."""
    tally = count_approvals(seats, ballot)
    without = {item.by for item in tally.count.not_counting or []}
    approvers = {seat.by for seat in seats if seat.decision is Decision.APPROVE}
    assert without | set(tally.approved_by) == approvers
    assert not without & set(tally.approved_by)


@given(SEATS, BALLOTS, st.randoms(use_true_random=False))
def test_order_never_matters(seats: list[Approval], ballot: Ballot, random: object) -> None:
    """A list map has no order."""
    shuffled = list(seats)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert count_approvals(shuffled, ballot) == count_approvals(seats, ballot)


@given(SEATS, BALLOTS)
def test_a_reject_only_ever_stops(seats: list[Approval], ballot: Ballot) -> None:
    """One more no is never a yes."""
    no = Approval(by="sre-9", decision=Decision.REJECT)
    assert not count_approvals([*seats, no], ballot).enough


@given(SEATS, BALLOTS)
def test_nobody_reaches_a_higher_tier_with_fewer_rules(
    seats: list[Approval], ballot: Ballot
) -> None:
    """What is enough for Critical, seat by seat, is enough for every tier below."""
    critical = count_approvals(seats, replace(ballot, tier=Tier.CRITICAL))
    for tier in Tier:
        given_there = count_approvals(seats, replace(ballot, tier=tier)).count.given
        assert given_there >= critical.count.given


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INSTANTS = st.one_of(st.none(), st.integers(0, 10**6).map(lambda s: NOW + timedelta(seconds=s)))
MATERIALS = st.builds(
    Material,
    uid=TEXTS,
    cluster_name=TEXTS,
    target=st.builds(
        Target,
        cluster_id=st.integers(1, 2**64 - 1).map(str),
        id=TEXTS,
        identity=st.lists(st.builds(Fact, name=TEXTS, value=TEXTS), max_size=3),
    ),
    ask=st.builds(
        Ask,
        action=st.sampled_from([STOP_4, EVICT_4, MOVE_17, LIMIT_4]),
        proposed_by=TEXTS.filter(bool),
        dry_run=st.booleans(),
        reason=st.one_of(st.none(), TEXTS),
        not_before=INSTANTS,
        not_after=INSTANTS,
    ),
    tier=TIERS,
    effective_dry_run=st.booleans(),
    revision=st.integers(1, 9),
)


@given(MATERIALS, MATERIALS)
def test_different_material_has_different_bytes(left: Material, right: Material) -> None:
    """No two asks share a spelling: no text can imitate another field."""
    assert (canonical_bytes(left) == canonical_bytes(right)) is (left == right)


@given(MATERIALS)
def test_a_digest_survives_the_api(material: Material) -> None:
    """Written, stored, read back: the same digest."""
    ask = Ask.model_validate(material.ask.wire())
    target = Target.model_validate(material.target.wire())
    assert same_ask(ask, material.ask)
    assert digest_of(replace(material, ask=ask, target=target)) == digest_of(material)
