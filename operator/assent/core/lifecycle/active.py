"""An Active proposal: done, and to be taken back when its time is over."""

from datetime import timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.interrupts import may_call
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.rollback import Undoing, take_back
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.instant import instant
from assent.core.model.verdict import Hold
from assent.core.policy.deed import deeds_of
from assent.core.policy.gates import RECHECK_SECONDS, busy_check
from assent.core.policy.tidb_operator import undo_hold


def revert_or_wait(facts: Facts, catalogue: Catalogue) -> Decision:
    """Return the undo once its time has come and nothing stands against it, else what it waits
    for. Told by the clock alone: it runs also when the operator was down at that moment.

    A cancel ends it as RollbackFailed: a person wants no further call, so what was done stands.
    """
    proposal = facts.proposal
    status, execution = proposal.status, proposal.status.execution
    assert execution is not None  # noqa: S101 - Active is reached by an execution only
    revert_at = status.revert_at or facts.now
    if (cancel := proposal.spec.cancel) is not None:
        text = f"Cancelled by {cancel.by}: it is not taken back, what was done stands"
        cause = Cause(Reason.CANCELLED, text, cancel.by)
        return advance(proposal, LifeEvent.UNDO_FAILED, cause, now=facts.now)
    if facts.now < revert_at:
        return Decision(status=status, look_again_at=revert_at)
    soon = facts.now + timedelta(seconds=RECHECK_SECONDS)
    if (obstacle := _obstacle(facts, catalogue)) is not None:
        text = f"Was to be taken back at {instant(revert_at)}; waiting: {obstacle.message}"
        reason = _REASONS.get(obstacle.reason, Reason.HELD)
        cause = Cause(reason, text, facts.operator_username)
        also = Also(look_again_at=soon)
        return advance(proposal, None, cause, now=facts.now, also=also)
    snapshot = facts.snapshot
    if snapshot is None or not snapshot.prepared:
        return Decision(status=status, look_again_at=soon)
    sender = Sender(facts.epoch, facts.holder)
    undoing = Undoing("Its time is over", snapshot, facts.now, sender)
    return take_back(proposal, execution, undoing, catalogue)


def _another_pd(facts: Facts) -> Hold | None:
    """Another PD behind the endpoints shows nothing of what stands on the one approved."""
    snapshot, target = facts.snapshot, facts.proposal.status.target
    if snapshot is None or target is None or str(snapshot.pd.cluster_id) == target.cluster_id:
        return None
    answers = f"PD cluster {snapshot.pd.cluster_id} answers now"
    return Hold(Reason.CLUSTER_NOT_READY, f"{answers}; it was done on {target.cluster_id}")


_REASONS = {reason.value: reason for reason in Reason}


def _obstacle(facts: Facts, catalogue: Catalogue) -> Hold | None:
    if facts.cluster_ready is not None:
        return Hold(Reason.CLUSTER_NOT_READY, facts.cluster_ready)
    execution = facts.proposal.status.execution
    if execution is not None and execution.epoch > facts.epoch:
        return Hold(Reason.HELD, "a later term of the operator has acted on it")
    if not facts.gate_installed:
        return Hold(Reason.GATE_NOT_INSTALLED, "the approval gate is not installed as shipped")
    if (foreign := _another_pd(facts)) is not None:
        return foreign
    busy = busy_check(facts.in_flight).verdict
    if isinstance(busy, Hold):
        return busy
    held = may_call(facts.proposal, facts.cluster, facts.halts, facts.now, undo=True)
    deeds = deeds_of(facts.proposal.spec.action, catalogue)
    return held or undo_hold(deeds, facts.tidb_operator)
