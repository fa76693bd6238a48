"""The three resources as values: defaults, helpers, and the text that people read."""

import pytest

from assent.api.meta import API_VERSION, service_account_username
from assent.api.reasons import ClusterState, ConditionType, Reason
from assent.api.v1alpha1.actionproposal import ActionProposal
from assent.api.v1alpha1.halt import Halt
from assent.api.v1alpha1.tikvcluster import (
    ApprovalsNeeded,
    Mode,
    Tier,
    TiKVCluster,
    TiKVClusterSpec,
)

LEAST = {"pd": {"endpoints": ["http://pd:2379"]}}


def test_least_cluster_is_safe() -> None:
    """It asks, and it only shows: nothing is called until somebody says otherwise."""
    spec = TiKVClusterSpec.model_validate(LEAST)
    assert spec.mode is Mode.APPROVAL
    assert spec.dry_run
    assert spec.policy.max_tier is Tier.HIGH
    assert spec.policy.overrides == ()


@pytest.mark.parametrize(
    ("tier", "needed"), [(Tier.LOW, 1), (Tier.MEDIUM, 1), (Tier.HIGH, 2), (Tier.CRITICAL, 2)]
)
def test_approvals_needed_by_tier(tier: Tier, needed: int) -> None:
    """1, 1, 2, 2 unless configured."""
    assert ApprovalsNeeded().of(tier) == needed


def test_tiers_are_ordered() -> None:
    """A ceiling needs an order."""
    assert [tier.rank for tier in Tier] == [0, 1, 2, 3]


def test_resources_read_without_status() -> None:
    """A new object has none."""
    assert TiKVCluster.model_validate({"spec": LEAST}).status is None
    ask = {
        "clusterRef": {"name": "prod"},
        "proposedBy": "sam",
        "action": {"type": "EvictLeaders", "evictLeaders": {"storeId": 1}},
    }
    proposal = ActionProposal.model_validate({"spec": ask})
    assert proposal.status is None
    assert proposal.spec.wire() == {**ask, "dryRun": False}
    assert not Halt.model_validate({"spec": {"reason": "x"}}).spec.allow_rollback


@pytest.mark.parametrize("member", [*Reason, *ClusterState])
def test_every_reason_has_a_meaning(member: Reason | ClusterState) -> None:
    """The page that people land on says something about each, in one sentence."""
    assert member.value.isidentifier()
    assert member.meaning.endswith(".")


def test_reasons_of_the_conditions_follow_kstatus() -> None:
    """`kubectl wait` and GitOps tools look for these three."""
    assert {"Ready", "Reconciling", "Stalled"} <= set(ConditionType)


def test_names() -> None:
    """As the API server spells them."""
    assert API_VERSION == "assent.tikv.org/v1alpha1"
    assert service_account_username(namespace="a", name="b") == "system:serviceaccount:a:b"
