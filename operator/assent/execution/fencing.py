"""The last check before a call to PD, and the only maker of permits.

Nothing may await between ``permit_call`` and the request it is for: a wait there could outlast the
deadline that was just checked. ``tests/architecture`` proves both.
"""

from typing import Final

from assent.core.model.call import Permit
from assent.core.model.verdict import Hold
from assent.errors import AssentError, LeadershipLost
from assent.execution.terms import Term
from assent.kube.errors import Fenced
from assent.settings import LeaseTiming

LEASE_ENDING: Final = "LeaseEnding"
"""Why a call is held that might not end before the lease does."""

FENCE_CATCHES_UP_SECONDS: Final = 2.0
"""How long after the start of a term the API server's cache of the Lease may lag (kubernetes.md
2.3; under one round trip when measured idle)."""


FENCE_MARGIN_SECONDS: Final = 0.5
"""How long before the deadline a call must have ended at the latest."""


def too_short(timing: LeaseTiming, *, timeout_seconds: float) -> str | None:
    """Return why no call could ever pass the fence with these timings, None when it can.

    Just before a renewal is answered the deadline is closest: one retry period after the last.
    """
    needed = timeout_seconds + FENCE_MARGIN_SECONDS + timing.retry_period_seconds
    if needed <= timing.renew_deadline_seconds:
        return None
    return (
        f"ASSENT_RENEW_DEADLINE_SECONDS must be at least {needed:g}: a call to PD may take"
        f" {timeout_seconds:g} s and must fit before the deadline, also just before a renewal"
    )


def permit_call(
    term: Term, *, now_monotonic_seconds: float, timeout_seconds: float, margin_seconds: float
) -> Permit | Hold:
    """Return leave to send one call that takes at most ``timeout_seconds``, or a hold.

    The call must have ended by the lease deadline with ``margin_seconds`` to spare. A hold is
    for too little time left: the next renewal may heal it.

    Raises:
        LeadershipLost: the term is over. Nothing was sent, and nothing may be.
    """
    if not term.valid(now_monotonic_seconds):
        raise LeadershipLost(f"term {term.epoch} is over")
    deadline = term.deadline_monotonic_seconds
    send_by = deadline - timeout_seconds - margin_seconds
    if now_monotonic_seconds > send_by:
        left = deadline - now_monotonic_seconds
        return Hold(
            LEASE_ENDING,
            f"the lease has {left:.1f} s left and the call may take"
            f" {timeout_seconds + margin_seconds:.1f} s: waiting for its renewal",
        )
    return Permit(
        epoch=term.epoch,
        send_by_monotonic_seconds=send_by,
        lease_deadline_monotonic_seconds=deadline,
    )


def judge_refusal(term: Term, refusal: Fenced, *, now_monotonic_seconds: float) -> AssentError:
    """Return what a refusal by the leader fence means: retry shortly, or leadership is lost.

    The fence reads the Lease from a cache, so that it may refuse the new leader for a moment.
    Nothing was stored in either case.
    """
    age = now_monotonic_seconds - term.began_monotonic_seconds
    if term.valid(now_monotonic_seconds) and age < FENCE_CATCHES_UP_SECONDS:
        return refusal
    return LeadershipLost(f"the API server does not see this pod as leader: {refusal.message}")
