"""One's own seat: whether it makes sense, what it holds, and the list that is sent."""

from __future__ import annotations

from assent.cli.failures import CliError, Exit
from assent.cli.next_step import has_no_cluster, unassessed
from assent.cli.proposal import OPEN, SERVICE_ACCOUNT, Json, Proposal

APPROVE, REJECT = "Approve", "Reject"


class Saying:
    """What one person wants to say to a proposal.

    ``confirm`` is the target's id as it was typed; None where the tier does not want it.
    ``break_glass`` is why one person stands in for those who are missing; None for the usual way.
    """

    def __init__(
        self,
        decision: str,
        by: str,
        comment: str | None = None,
        *,
        confirm: str | None = None,
        break_glass: str | None = None,
    ) -> None:
        self.decision = decision
        self.by = by
        self.comment = comment
        self.confirm = confirm
        self.break_glass = break_glass


def seat_for(proposal: Proposal, saying: Saying) -> Json:
    """Return the seat: it quotes the digest of exactly this reading."""
    seat: Json = {"by": saying.by, "decision": saying.decision}
    if proposal.digest:
        seat["digest"] = proposal.digest
    if saying.confirm:
        seat["confirm"] = saying.confirm
    if saying.break_glass:
        seat["breakGlass"] = saying.break_glass
    if saying.comment:
        seat["comment"] = saying.comment
    return seat


def seats_with(proposal: Proposal, saying: Saying) -> list[Json]:
    """Return the whole list: a merge patch replaces it, so what others said is repeated."""
    others = [seat for seat in proposal.seats if seat.get("by") != saying.by]
    return [*others, seat_for(proposal, saying)]


def seats_without(proposal: Proposal, me: str) -> list[Json]:
    """Return what is left when that person takes theirs back."""
    return [seat for seat in proposal.seats if seat.get("by") != me]


def refuse_approval(proposal: Proposal, me: str, break_glass: str | None = None) -> None:
    """Stop before asking where the API server would say no, or where it would change nothing.

    Raises:
        CliError: with the reason and what to do instead; nothing was sent.
    """
    name, why_not = proposal.name, _why_not(proposal, me, break_glass)
    if why_not is None and break_glass is not None:
        why_not = _why_no_glass(proposal, me)
    if why_not is not None:
        raise CliError(f"{name}: {why_not}", Exit.NOT_NOW)


def has_approved(proposal: Proposal, me: str) -> bool:
    """True when that person's yes to exactly this text is stored."""
    mine = proposal.seat_of(me) or {}
    return bool(proposal.digest) and (mine.get("decision"), mine.get("digest")) == (
        APPROVE, proposal.digest,
    )  # fmt: skip


def _why_not(proposal: Proposal, me: str, break_glass: str | None) -> str | None:
    mine = proposal.seat_of(me)
    if proposal.rejecters and proposal.phase in OPEN:
        return f"{', '.join(proposal.rejecters)} rejected it; that is final. File a new proposal."
    if proposal.phase == "Suggested":
        return (
            "the cluster only observes, so there is nothing to approve. Set its spec.mode to "
            "Approval first."
        )
    if proposal.phase not in ("Pending", ""):
        return (
            f"it is {proposal.phase}, not Pending. See `kubectl proposals show {proposal.where}`."
        )
    if proposal.author == me:
        return f"you ({me}) wrote this ask: somebody else must approve it."
    if me in proposal.authors:
        return f"you ({me}) had a hand in this ask: somebody who had none must approve it."
    if not proposal.is_assessed and has_no_cluster(proposal):
        return f"there is no TiKVCluster {proposal.cluster}. Create it, or file this anew."
    if why := unassessed(proposal):
        return f"it cannot be assessed yet: {why}."
    if not proposal.is_assessed:
        return "the operator has not assessed the ask as it stands yet. Try again in a moment."
    said = mine and mine.get("decision") == APPROVE and mine.get("digest") == proposal.digest
    if said and (break_glass is None or (mine or {}).get("breakGlass")):
        missing = int(proposal.count.get("missing") or 0)
        waits = f" Still missing: {missing}. Tell somebody else who may." if missing else ""
        return f"you have approved exactly this already.{waits}"
    if me.startswith(f"{SERVICE_ACCOUNT}{proposal.namespace}:"):
        return (
            f"service accounts of {proposal.namespace} have no seat there, for whoever may edit "
            "there may act as them: a person, or an account of another namespace."
        )
    if me.startswith(SERVICE_ACCOUNT) and proposal.tier in ("High", "Critical"):
        return f"service accounts have no seat for tier {proposal.tier}: a person must approve it."
    return None


def _why_no_glass(proposal: Proposal, me: str) -> str | None:
    if proposal.tier == "Critical":
        return "it is Critical: nobody can stand in for anybody there."
    if me.startswith(SERVICE_ACCOUNT):
        return "only a person can break the glass."
    if stands_in_for(proposal, me) < 1:
        return "nobody but you is missing: approve it without --break-glass."
    return None


def stands_in_for(proposal: Proposal, me: str) -> int:
    """Return how many others are missing once this person has approved."""
    mine = proposal.seat_of(me)
    counted = mine is not None and mine.get("digest") == proposal.digest
    return int(proposal.count.get("missing", 1)) - (0 if counted else 1)


def refuse_rejection(proposal: Proposal, me: str) -> None:
    """Stop where a rejection comes too late or is there already.

    Raises:
        CliError: with what to do instead; nothing was sent.
    """
    name, mine = proposal.name, proposal.seat_of(me)
    if mine and mine.get("decision") == REJECT:
        raise CliError(f"{name}: you have rejected it already.", Exit.NOT_NOW)
    if proposal.phase in OPEN:
        return
    if proposal.phase == "Rejected":
        who = ", ".join(proposal.rejecters)
        raise CliError(f"{name}: {who or 'somebody'} has rejected it already.", Exit.NOT_NOW)
    instead = (
        f"`kubectl proposals cancel {proposal.where}` stops its next call."
        if proposal.phase in ("Executing", "Active", "RollingBack")
        else f"See `kubectl proposals show {proposal.where}`."
    )
    raise CliError(f"{name}: it is {proposal.phase}; too late to reject. {instead}", Exit.NOT_NOW)


def refuse_other_digest(proposal: Proposal, wanted: str | None) -> None:
    """Stop when ``--digest`` names another text than the one that stands.

    Raises:
        CliError: it has changed since the digest was copied; nothing was sent.
    """
    if wanted is not None and wanted != proposal.digest:
        raise CliError(
            f"{proposal.name}: its digest is {proposal.digest or 'not there yet'}, not {wanted}: "
            f"it has changed since. Look again: kubectl proposals show {proposal.where}",
            Exit.CHANGED,
        )
