"""The one decision about one proposal: from facts to the status that should stand."""

from datetime import datetime, timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Phase
from assent.api.v1alpha1.actionproposal import Decision as Said
from assent.api.v1alpha1.lifecycle import OPEN, LifeEvent
from assent.api.v1alpha1.tikvcluster import Mode
from assent.core.actions.catalogue import CATALOGUE
from assent.core.approvals.count import Tally
from assent.core.lifecycle.active import revert_or_wait
from assent.core.lifecycle.assess import (
    Blind,
    Catalogue,
    View,
    ask_is_assessed,
    assessed,
    finding_of,
    is_current,
    look,
    shown,
    tally_of,
    voided,
)
from assent.core.lifecycle.claim import claim_or_hold, held
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.endings import ending, resolved
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.gate_list import (
    Obstacle,
    first_denied,
    first_held,
    gates_of,
)
from assent.core.lifecycle.messages import approve_command, clip
from assent.core.lifecycle.transition import Also, Cause, advance, seen
from assent.core.policy.gates import RECHECK_SECONDS

MAX_NAMES = 120
"""Characters for those who approved an earlier revision; the list of approvals names all."""


def decide(facts: Facts, catalogue: Catalogue = CATALOGUE) -> Decision:
    """Return the status that should stand, and the call to send once it is stored.

    Deciding again on the result with the same facts returns the same status, so nothing is
    written when nothing changed. A proposal in flight is the executor's and stays as it is.
    """
    proposal = facts.proposal
    unchanged = Decision(status=proposal.status)
    if proposal.status.phase is Phase.OUTCOME_UNKNOWN:
        return resolved(facts) or Decision(status=seen(proposal))
    if proposal.status.phase is Phase.ACTIVE:
        return revert_or_wait(facts, catalogue)
    is_open = proposal.status.phase is None or proposal.status.phase in OPEN
    if not is_open or proposal.meta.deleting:
        return unchanged
    return ending(facts) or _judge(facts, look(facts, catalogue), catalogue)


def _judge(facts: Facts, view: View | Blind, catalogue: Catalogue) -> Decision:
    if facts.gate_open is not None:
        return _ungated(facts, facts.gate_open)
    if isinstance(view, Blind):
        return _blind(facts, view)
    refusal = first_denied(view.checks)
    if refusal is not None and not _observes(facts) and facts.proposal.status.phase in _REFUSABLE:
        return _refused(facts, view, refusal)
    if is_current(facts, view):
        return _standing(facts, view, catalogue)
    if view.target is None:
        return _no_target(facts, view)
    return _rest(facts, Also(assessed(facts, view, view.target)))


_REFUSABLE = frozenset({None, Phase.PENDING, Phase.APPROVED})
"""Phases from which the table lets a proposal fail. A suggestion keeps its refusal as a gate."""


def _standing(facts: Facts, view: View, catalogue: Catalogue) -> Decision:
    """Return what becomes of an ask that is assessed as it stands."""
    tally = tally_of(facts)
    changes = {**shown(facts, view), "approvals": tally.count if tally is not None else None}
    ready = facts.proposal.status.phase in (Phase.PENDING, Phase.APPROVED)
    if tally is None or not tally.enough or not ready or _observes(facts):
        return _rest(facts, Also(changes))
    return claim_or_hold(facts, view, tally, catalogue)


def _refused(facts: Facts, view: View, refusal: Obstacle) -> Decision:
    cause = Cause(refusal.reason, f"Refused: {refusal.message}", facts.operator_username)
    also = Also({**shown(facts, view), "risk": view.risk, "finding": finding_of(facts)})
    return advance(facts.proposal, LifeEvent.REFUSED, cause, now=facts.now, also=also)


def _no_target(facts: Facts, view: View) -> Decision:
    """PD does not show what the ask names: nothing to approve, and nothing is lost."""
    also = Also({**voided(facts), **shown(facts, view)})
    obstacle = first_held(view.checks) or Obstacle(
        Reason.PRECONDITION_WAITING, "PD does not show what it names"
    )
    return _unassessable(facts, obstacle, also)


def _ungated(facts: Facts, how: str) -> Decision:
    """Nobody can be believed: the digest goes, and with the next one all that was said meanwhile.

    The revision is part of the digest, so an approval stored while the gate was open never counts.
    """
    obstacle = Obstacle(Reason.GATE_NOT_INSTALLED, how)
    return _unassessable(facts, obstacle, Also(voided(facts)))


def _blind(facts: Facts, view: Blind) -> Decision:
    """Nothing can be judged: what was assessed stays, what was not waits."""
    phase = facts.proposal.status.phase
    gates = gates_of((view.check,), facts.proposal.status.gates)
    obstacle = first_held((view.check,))
    assert obstacle is not None  # noqa: S101 - Blind carries a Hold
    if facts.proposal.status.digest is None or not ask_is_assessed(facts):
        return _unassessable(facts, obstacle, Also({**voided(facts), "gates": gates}))
    tally = tally_of(facts)
    approved = phase is Phase.APPROVED if tally is None else tally.enough
    if approved and phase is not Phase.SUGGESTED and not _observes(facts):
        changes = {"gates": gates, **_counted(tally)}
        return held(facts, obstacle, tally, also=Also(changes, look_again_at=_soon(facts)))
    return _rest(facts, Also(_counted(tally)))


def _unassessable(facts: Facts, obstacle: Obstacle, also: Also) -> Decision:
    cause = Cause(
        obstacle.reason, f"Cannot be assessed yet: {obstacle.message}", facts.operator_username
    )
    return advance(
        facts.proposal,
        _resting_event(facts, approvals_void=False),
        cause,
        now=facts.now,
        also=Also({**also.changes, "finding": finding_of(facts)}, look_again_at=_soon(facts)),
    )


def _rest(facts: Facts, also: Also) -> Decision:
    """Return the decision that lets the proposal wait for people (or, in Observe, for nothing)."""
    status = facts.proposal.status.model_copy(update=dict(also.changes))
    same_digest = status.digest == facts.proposal.status.digest
    # A suggestion that people agreed to before the mode was Observe is claimed by the next look.
    asked_now = facts.proposal.status.phase is Phase.SUGGESTED and not _observes(facts)
    enough = status.approvals is not None and status.approvals.missing == 0
    again_at = facts.now if enough and asked_now else _soon(facts)
    cause = _suggestion(facts) if _observes(facts) else _question(facts, also)
    return advance(
        facts.proposal,
        _resting_event(facts, approvals_void=same_digest),
        cause,
        now=facts.now,
        also=Also(also.changes, look_again_at=again_at),
    )


def _suggestion(facts: Facts) -> Cause:
    sentence = "A suggestion only: the cluster is in mode Observe, nothing is called"
    return Cause(Reason.OBSERVE_MODE, sentence, facts.operator_username)


def _question(facts: Facts, also: Also) -> Cause:
    proposal = facts.proposal
    status = proposal.status.model_copy(update=dict(also.changes))
    count, risk, digest = status.approvals, status.risk, status.digest
    if facts.cluster is None or count is None or risk is None or digest is None:
        # The cluster went away after the assessment: the policy that counts seats is unknown.
        name, namespace = proposal.spec.cluster_ref.name, proposal.meta.namespace
        gone = f"Cannot be decided: there is no TiKVCluster {name} in namespace {namespace}"
        return Cause(Reason.CLUSTER_NOT_READY, gone, facts.operator_username)
    more = "1 more approval" if count.missing == 1 else f"{count.missing} more approvals"
    kind = f"{risk.tier.value} risk" + (", dry-run" if status.effective_dry_run else "")
    if count.missing == 0:
        sentence = f"Approved to {status.summary} ({kind})"
        return Cause(Reason.AWAITING_APPROVAL, sentence, facts.operator_username)
    line = approve_command(
        proposal.meta, proposal.spec.approvals or (), digest=digest, tier=risk.tier
    )
    return Cause(
        Reason.AWAITING_APPROVAL,
        f"Needs {more} to {status.summary} ({kind}){_anew(status)}{_again(facts, digest)}",
        facts.operator_username,
        f"To approve: {line}",
    )


def _anew(status: ActionProposalStatus) -> str:
    """Return why people are asked again, as the end of a sentence; empty the first time."""
    if status.revision_reason is None:
        return ""
    return f"; revision {status.revision}, because {status.revision_reason}"


def _again(facts: Facts, digest: str) -> str:
    """Return what whoever approved an earlier revision does, as the end of a sentence.

    The line to copy adds a seat and repeats theirs; the API server refuses two of one person.
    """
    seats = facts.proposal.spec.approvals or ()
    earlier = sorted(
        seat.by for seat in seats if seat.decision is Said.APPROVE and seat.digest != digest
    )
    if not earlier:
        return ""
    names = clip(", ".join(earlier), MAX_NAMES)
    return f"; who approved before ({names}) gives this digest in their own seat"


def _resting_event(facts: Facts, *, approvals_void: bool) -> LifeEvent | None:
    """Return the event that leads to rest, None when the proposal rests already."""
    phase = facts.proposal.status.phase
    if _observes(facts):
        return None if phase is Phase.SUGGESTED else LifeEvent.SUGGESTED
    if phase is Phase.PENDING:
        return None
    if phase is Phase.APPROVED and approvals_void:
        return LifeEvent.APPROVAL_VOID
    return LifeEvent.ASSESSED


def _counted(tally: Tally | None) -> dict[str, object]:
    return {} if tally is None else {"approvals": tally.count}


def _observes(facts: Facts) -> bool:
    if facts.cluster is None:  # then nothing says that the mode has changed
        return facts.proposal.status.phase is Phase.SUGGESTED
    return facts.cluster.spec.mode is Mode.OBSERVE


def _soon(facts: Facts) -> datetime:
    """Return when to look again: facts move without events, and time runs out."""
    soon = facts.now + timedelta(seconds=RECHECK_SECONDS)
    expires_at = facts.proposal.status.expires_at
    return soon if expires_at is None or expires_at <= facts.now else min(soon, expires_at)
