"""Who said yes to exactly this, and whether that is enough."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assent.api.v1alpha1.actionproposal import (
    Approval,
    ApprovalCount,
    BrokenGlass,
    Decision,
    NotCounting,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.policy.ceremony import ceremony_of

SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"
MAX_NOT_COUNTING = 16
"""Bound of ``status.approvals.notCounting``; the list of approvals has the same bound."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What the seats are counted for."""

    digest: str | None
    """None while the ask is not assessed: then no approval counts."""
    tier: Tier
    needed: int
    target_id: str | None
    """What ``confirm`` must repeat for tier Critical."""
    authors: frozenset[str]
    """Everybody who wrote the ask, at any revision: whoever filed it, and whoever changed it."""
    operator_username: str
    """Carries out what others approve, so it has no seat itself."""
    namespace: str
    """Of the proposal: its service accounts have no seat."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The result of a count. With a broken glass nothing is missing, whoever is."""

    count: ApprovalCount
    approved_by: tuple[str, ...]
    """Those whose approval counts, sorted."""
    rejected_by: tuple[str, ...]
    """Everybody who said no, sorted; one is enough."""

    @property
    def enough(self) -> bool:
        """True when nobody said no and no approval is missing."""
        return not self.rejected_by and self.count.missing == 0


def count_approvals(approvals: Sequence[Approval], ballot: Ballot) -> Tally:
    """Return who approved this digest and how many are missing.

    The API server's policies refuse most of what is left out here; this is the second lock.
    The result does not depend on the order of the list.
    """
    approved: dict[str, Approval] = {}
    not_counting: dict[str, str] = {}
    service_account_seats = ceremony_of(ballot.tier).service_account_seats
    for approval in sorted(approvals, key=_order):
        if approval.decision is Decision.REJECT or approval.by in approved:
            continue
        why_not = _why_not(approval, ballot)
        if why_not is None and approval.by.startswith(SERVICE_ACCOUNT_PREFIX):
            if service_account_seats > 0:
                service_account_seats -= 1
            else:
                why_not = _no_seat(ballot.tier)
        if why_not is None:
            approved[approval.by] = approval
            not_counting.pop(approval.by, None)
        else:
            not_counting[approval.by] = why_not
    given = len(approved)
    missing = max(0, ballot.needed - given)
    glass = _broken_glass(approved.values(), missing)
    return Tally(
        count=ApprovalCount(
            needed=ballot.needed,
            given=given,
            missing=missing if glass is None else 0,
            summary=f"{given}/{ballot.needed}{'' if glass is None else ' glass'}",
            break_glass=glass,
            not_counting=[
                NotCounting(by=by, reason=reason)
                for by, reason in sorted(not_counting.items())[:MAX_NOT_COUNTING]
            ]
            or None,
        ),
        approved_by=tuple(approved),
        rejected_by=rejecters(approvals),
    )


def rejecters(approvals: Sequence[Approval]) -> tuple[str, ...]:
    """Return everybody who said no, sorted. A Reject needs no digest: no means no."""
    return tuple(sorted({one.by for one in approvals if one.decision is Decision.REJECT}))


def _broken_glass(approved: Iterable[Approval], missing: int) -> BrokenGlass | None:
    """Return who stands in for what is missing; None when nobody does, or nothing is missing."""
    if missing == 0:
        return None
    return next(
        (
            BrokenGlass(by=one.by, reason=one.break_glass, stands_in_for=missing)
            for one in approved
            if one.break_glass is not None
        ),
        None,
    )


def _order(approval: Approval) -> tuple[str, ...]:
    said = (approval.digest, approval.confirm, approval.break_glass)
    return (approval.by, *(text or "" for text in said))


def _why_not(approval: Approval, ballot: Ballot) -> str | None:
    if ballot.digest is None:
        return "the ask is not assessed yet"
    if approval.digest != ballot.digest:
        return "it is for another revision: the digest is not that of the ask as it stands"
    if approval.by in ballot.authors:
        return "they wrote this ask, or a revision of it: somebody else must approve it"
    if approval.by == ballot.operator_username:
        return "the operator has no seat"
    if approval.by.startswith(f"{SERVICE_ACCOUNT_PREFIX}{ballot.namespace}:"):
        return "it is a service account of the proposal's own namespace: who may edit may act as it"
    if ceremony_of(ballot.tier).typed_confirmation and (
        ballot.target_id is None or approval.confirm != ballot.target_id
    ):
        return f"{ballot.tier.value} needs confirm: {ballot.target_id}"
    if approval.break_glass is not None and not ceremony_of(ballot.tier).breakable:
        return f"the glass cannot be broken for tier {ballot.tier.value}"
    if approval.break_glass is not None and approval.by.startswith(SERVICE_ACCOUNT_PREFIX):
        return "only a person can break the glass"
    return None


def _no_seat(tier: Tier) -> str:
    if ceremony_of(tier).service_account_seats == 0:
        return f"service accounts have no seat for tier {tier.value}"
    return "all service accounts together have one seat"
