"""Policy in numbers: seats, expiry, timeouts, dry-run."""

from datetime import datetime, timedelta

import pytest

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.tikvcluster import ApprovalsNeeded, Policy, Tier, TypeOverride
from assent.core.policy.ceremony import CEREMONIES, ceremony_of
from assent.core.policy.limits import (
    effective_dry_run,
    expires_at,
    needed_approvals,
    timeout_seconds,
    to_milliseconds,
)
from tests.support.proposals import NOW, at, cluster, proposal

EVICT = ActionType.EVICT_LEADERS


@pytest.mark.parametrize(
    ("tier", "needed"), [(Tier.LOW, 1), (Tier.MEDIUM, 1), (Tier.HIGH, 2), (Tier.CRITICAL, 2)]
)
def test_default_seats_by_tier(tier: Tier, needed: int) -> None:
    """The defaults of the design: 1, 1, 2, 2."""
    assert needed_approvals(Policy(), tier) == needed


def test_policy_sets_the_seats() -> None:
    """A team may ask for more."""
    policy = Policy(approvals_needed=ApprovalsNeeded(low=3))
    assert needed_approvals(policy, Tier.LOW) == 3


@pytest.mark.parametrize(
    ("not_after", "expected"),
    [
        pytest.param(None, at(3600), id="expireAfter alone"),
        pytest.param(at(60), at(60), id="notAfter is earlier"),
        pytest.param(at(7200), at(3600), id="notAfter is later and cannot stretch it"),
    ],
)
def test_expiry_is_the_earlier_end(not_after: datetime | None, expected: datetime) -> None:
    """Nobody's old yes runs later than both allow."""
    policy = Policy(expire_after="1h")
    assert expires_at(policy, assessed_at=NOW, not_after=not_after) == expected


@pytest.mark.parametrize(
    ("policy", "pd_seconds", "expected"),
    [
        pytest.param(Policy(), None, 300, id="PD has none: actionTimeout"),
        pytest.param(Policy(), 90, 300, id="PD gives up earlier: actionTimeout"),
        pytest.param(Policy(), 660, 660, id="PD works longer: giving up first would misjudge"),
        pytest.param(
            Policy(overrides=(TypeOverride(type=EVICT, timeout="20s"),)),
            660,
            20,
            id="the type's own, also when shorter",
        ),
        pytest.param(
            Policy(overrides=(TypeOverride(type=ActionType.TRANSFER_LEADER, timeout="20s"),)),
            None,
            300,
            id="another type's override is not ours",
        ),
    ],
)
def test_timeout(policy: Policy, pd_seconds: int | None, expected: int) -> None:
    """Override, else the longer of PD's own and actionTimeout."""
    assert timeout_seconds(policy, EVICT, pd_timeout_seconds=pd_seconds) == expected


@pytest.mark.parametrize("of_cluster", [True, False])
@pytest.mark.parametrize("of_proposal", [True, False])
def test_either_dry_run_is_dry_run(of_cluster: bool, of_proposal: bool) -> None:
    """A cluster in rehearsal stays so whatever an ask says, and the reverse."""
    spec = proposal(dry_run=of_proposal).spec
    result = effective_dry_run(cluster(dry_run=of_cluster).spec, spec)
    assert result is (of_cluster or of_proposal)


def test_dry_run_is_the_default_of_a_cluster() -> None:
    """Nobody acts by forgetting a field."""
    assert type(cluster().spec).model_validate({"pd": {"endpoints": ["http://pd:1"]}}).dry_run


def test_milliseconds_are_what_the_api_keeps() -> None:
    """A finer instant would differ from its stored copy, and be written again for ever."""
    fine = NOW + timedelta(microseconds=1_999)
    assert to_milliseconds(fine) == NOW + timedelta(milliseconds=1)


def test_every_tier_has_a_ceremony() -> None:
    """A tier without one would run without any."""
    assert set(CEREMONIES) == set(Tier)


def test_ceremony_grows_with_risk() -> None:
    """Robots lose their seat at High; Critical is typed and never undone by itself."""
    assert [ceremony_of(tier).undo for tier in Tier] == [False, True, True, False]
    assert [ceremony_of(tier).service_account_seats for tier in Tier] == [1, 1, 0, 0]
    assert [ceremony_of(tier).typed_confirmation for tier in Tier] == [False, False, False, True]
