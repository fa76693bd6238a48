"""What a TiKVCluster's policy says in numbers: seats, expiry, timeouts, dry-run."""

from datetime import datetime, timedelta

from assent.api.v1alpha1.actionproposal import ActionProposalSpec
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.tikvcluster import Policy, Tier, TiKVClusterSpec

SNAPSHOT_MAX_AGE_SECONDS = 10
"""A call is claimed only on facts that are not older."""


def needed_approvals(policy: Policy, tier: Tier) -> int:
    """Return how many distinct people must approve at this tier."""
    return policy.approvals_needed.of(tier)


def expires_at(policy: Policy, *, assessed_at: datetime, not_after: datetime | None) -> datetime:
    """Return when a proposal ends undecided: expireAfter from its assessment, or notAfter."""
    by_policy = assessed_at + timedelta(seconds=parse_duration_seconds(policy.expire_after))
    return by_policy if not_after is None else min(by_policy, not_after)


def timeout_seconds(
    policy: Policy, action_type: ActionType, *, pd_timeout_seconds: int | None
) -> int:
    """Return how long the effect may take to show.

    The type's override; else the longer of PD's own timeout (None where PD has none) and
    actionTimeout: giving up before PD does would call a success a failure.
    """
    for override in policy.overrides:
        if override.type is action_type:
            return parse_duration_seconds(override.timeout)
    return max(pd_timeout_seconds or 0, parse_duration_seconds(policy.action_timeout))


def effective_dry_run(cluster: TiKVClusterSpec, proposal: ActionProposalSpec) -> bool:
    """Return True when the cluster or the proposal says dry-run."""
    return cluster.dry_run or proposal.dry_run


def to_milliseconds(instant: datetime) -> datetime:
    """Return the instant as the API stores it, so that a stored value equals the computed."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
