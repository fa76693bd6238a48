"""How much surrounds an action, tier by tier; what each promises is proved where it is used."""

import itertools

import pytest

from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.policy.ceremony import CEREMONIES, ceremony_of

LADDER = [Tier.LOW, Tier.MEDIUM, Tier.HIGH, Tier.CRITICAL]


def test_every_tier_has_its_ceremony() -> None:
    """None falls back to another's."""
    assert set(CEREMONIES) == set(Tier)


@pytest.mark.parametrize(
    ("tier", "undo", "seats", "typed", "repeat", "between"),
    [
        pytest.param(Tier.LOW, False, 1, False, True, False, id="before-values and verify"),
        pytest.param(Tier.MEDIUM, True, 1, False, True, False, id="and an undo"),
        pytest.param(Tier.HIGH, True, 0, False, True, True, id="people only, a look each step"),
        pytest.param(Tier.CRITICAL, False, 0, True, False, True, id="typed, nothing automatic"),
    ],
)
def test_what_each_tier_demands(
    tier: Tier, undo: bool, seats: int, typed: bool, repeat: bool, between: bool
) -> None:
    """The table of DESIGN.md section 5, cell by cell."""
    found = ceremony_of(tier)
    assert (found.undo, found.service_account_seats) == (undo, seats)
    assert (found.typed_confirmation, found.safe_repeat) == (typed, repeat)
    assert found.look_between_steps is between


def test_ceremony_only_grows_with_the_tier() -> None:
    """No higher tier gives service accounts more seats, or forgets a look."""
    for lower, higher in itertools.pairwise(LADDER):
        below, above = ceremony_of(lower), ceremony_of(higher)
        assert above.service_account_seats <= below.service_account_seats
        assert above.typed_confirmation >= below.typed_confirmation
        assert above.look_between_steps >= below.look_between_steps
        assert above.safe_repeat <= below.safe_repeat
        assert above.breakable <= below.breakable


def test_the_glass_holds_for_critical_only() -> None:
    """Where data can be lost no single person is enough, whatever the hour."""
    assert [tier for tier in Tier if not ceremony_of(tier).breakable] == [Tier.CRITICAL]
