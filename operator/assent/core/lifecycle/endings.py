"""The ways in which an open proposal ends without a call, by people, time or detection."""

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import ResolutionOutcome, StepKind, StepState
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import program_of
from assent.core.approvals.count import rejecters
from assent.core.approvals.digest import ask_of, same_ask
from assent.core.detection.incident import outdated
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.journal import replace_step
from assent.core.lifecycle.progress import begun, next_stage, unknown_place
from assent.core.lifecycle.rollback import by_hand
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.instant import instant


def ending(facts: Facts) -> Decision | None:
    """Return how an open proposal ends now, None while it goes on. A person goes first."""
    for rule in (_cancelled, _rejected, _expired, _superseded):
        if (decision := rule(facts)) is not None:
            return decision
    return None


def _cancelled(facts: Facts) -> Decision | None:
    cancel = facts.proposal.spec.cancel
    if cancel is None:
        return None
    why = f": {cancel.reason}" if cancel.reason else ""
    cause = Cause(Reason.CANCELLED, f"Cancelled by {cancel.by}{why}", cancel.by)
    return advance(facts.proposal, LifeEvent.CANCELLED, cause, now=facts.now)


def _rejected(facts: Facts) -> Decision | None:
    approvals = facts.proposal.spec.approvals or ()
    people = rejecters(approvals)
    if not people:
        return None
    comment = next((one.comment for one in approvals if one.by == people[0] and one.comment), None)
    why = f": {comment}" if comment else ""
    cause = Cause(Reason.REJECTED, f"Rejected by {', '.join(people)}{why}", people[0])
    return advance(facts.proposal, LifeEvent.REJECTED, cause, now=facts.now)


def _expired(facts: Facts) -> Decision | None:
    """Judged at every look, so also at the claim. A changed ask is not bound by the old time."""
    spec, status = facts.proposal.spec, facts.proposal.status
    deadline = spec.not_after
    if same_ask(status.assessed, ask_of(spec)) and status.expires_at is not None:
        deadline = status.expires_at
    if deadline is None or facts.now < deadline:
        return None
    cause = Cause(
        Reason.EXPIRED, f"Nobody decided before {instant(deadline)}", facts.operator_username
    )
    return advance(facts.proposal, LifeEvent.EXPIRED, cause, now=facts.now)


def _superseded(facts: Facts) -> Decision | None:
    """Only for the operator's own: what a person asked for is the person's to take back."""
    spec, problem = facts.proposal.spec, facts.problem
    ours = spec.proposed_by == facts.operator_username
    sees = facts.cluster is not None and facts.cluster_ready is None
    sees = sees and facts.snapshot is not None and facts.snapshot.prepared
    if not (ours and sees and facts.detection_ran):
        return None
    if problem is None:
        cause = Cause(Reason.PROBLEM_GONE, "The problem is gone", spec.proposed_by)
    elif problem.action is None:
        cause = Cause(
            Reason.PROBLEM_GONE, problem.no_action or "No action is proposed now", spec.proposed_by
        )
    elif outdated(problem, facts.proposal, operator_username=facts.operator_username):
        cause = Cause(
            Reason.BETTER_PROPOSAL,
            "The facts changed and call for another action",
            spec.proposed_by,
        )
    else:
        return None
    return advance(facts.proposal, LifeEvent.SUPERSEDED, cause, now=facts.now)


def resolved(facts: Facts) -> Decision | None:
    """Return how a person's word ends an unknown outcome; None without one for this digest."""
    proposal = facts.proposal
    resolution, execution = proposal.spec.resolution, proposal.status.execution
    if resolution is None or execution is None or resolution.digest != proposal.status.digest:
        return None
    place = unknown_place(execution)
    step = execution.steps[place]
    happened = resolution.outcome is ResolutionOutcome.HAPPENED
    state = StepState.DONE if happened else StepState.NOT_DONE
    undo = step.kind is StepKind.UNDO
    what = "undo" if undo else "call"
    came = "happened" if happened else "did not happen"
    journal = replace_step(execution, place, step.model_copy(update={"state": state}))
    program = program_of(proposal.spec.action, CATALOGUE)
    # Whatever came of an undo, the action itself did not reach its goal; nor did a plan of which
    # steps are left: nobody goes on from a state that nobody knew.
    whole = next_stage(journal, program) is None and not begun(journal)
    reached = happened and not undo and whole
    text = f"{resolution.by} says that the {what} {came}"
    if not reached and len(program) > 1:
        unseen = ", ".join(str(journal.steps[place].plan_step) for place in begun(journal))
        text += f"; nobody has looked at what came of step {unseen}" if unseen else ""
        text += f"; the plan ends here{by_hand(journal, program)}"
    elif reached and proposal.spec.revert_after is not None:
        # Nobody counts from an instant that nobody knows.
        text += f"; it is not taken back by itself{by_hand(journal, program)}"
    cause = Cause(Reason.RESOLVED, text, resolution.by)
    event = LifeEvent.RESOLVED_HAPPENED if reached else LifeEvent.RESOLVED_DID_NOT_HAPPEN
    return advance(proposal, event, cause, now=facts.now, also=Also({"execution": journal}))
