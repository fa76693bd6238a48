"""The second lock: at the claim all that was approved is worked out once more, check by check.

``decide`` leads only those here for whom everything holds; should it ever lead another, the check
that fails is named on the object and nothing is sent. The right to approve only admission can
prove.
"""

from assent.api.reasons import Reason
from assent.core.approvals.count import Tally
from assent.core.approvals.revision import authors_of
from assent.core.lifecycle.assess import View, is_current, tally_of
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.messages import broken
from assent.core.model.instant import instant
from assent.core.model.verdict import Allow, Check, Hold, Verdict, Warn


def rechecks(facts: Facts, view: View, tally: Tally) -> tuple[Check, ...]:
    """Return what an approval is for, checked anew from the facts: digest, tier, seats, authors,
    expiry. Each is a Hold where it fails.
    """
    return (
        Check("SameDigest", _digest(facts, view)),
        Check("SameTier", _tier(facts, view)),
        Check("Seats", _seats(facts, tally)),
        Check("OthersAsked", _authors(facts, tally)),
        Check("NotExpired", _expiry(facts)),
    )


def _failed(message: str) -> Hold:
    return Hold(Reason.HELD, f"the check before the claim failed: {message}")


def _digest(facts: Facts, view: View) -> Verdict:
    if is_current(facts, view):
        return Allow("the digest is that of the ask as it stands")
    return _failed("the digest is not that of the ask as it stands")


def _tier(facts: Facts, view: View) -> Verdict:
    risk = facts.proposal.status.risk
    if risk is not None and view.risk.tier is risk.tier:
        return Allow("the tier is the one that was approved")
    return _failed(f"the tier is {view.risk.tier.value}, not the one that was approved")


def _seats(facts: Facts, tally: Tally) -> Verdict:
    again = tally_of(facts)
    if again is None or not again.enough or again != tally:
        return _failed("the approvals do not suffice")
    if again.count.break_glass is not None:
        return Warn(broken(again.count.break_glass))
    return Allow("everybody who is needed has approved")


def _authors(facts: Facts, tally: Tally) -> Verdict:
    authors = authors_of(facts.proposal.spec, facts.proposal.status)
    own = [name for name in tally.approved_by if name in authors]
    if not own:
        return Allow("nobody approved what they wrote")
    return _failed(f"{own[0]} approved what they wrote")


def _expiry(facts: Facts) -> Verdict:
    ends = (facts.proposal.status.expires_at, facts.proposal.spec.not_after)
    over = [end for end in ends if end is not None and facts.now >= end]
    if not over:
        return Allow("its time is not over")
    return _failed(f"it expired at {instant(min(over))}")
