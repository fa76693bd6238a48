"""The claim: the one write between approval and call, or why it does not come yet."""

from datetime import datetime, timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, Step, StepKind, StepState
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.program import Stage, program_of
from assent.core.approvals.count import Tally
from assent.core.lifecycle.assess import Catalogue, View, shown
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.gate_list import Obstacle, first_held, gates_of
from assent.core.lifecycle.journal import (
    Sender,
    Window,
    append_step,
    has_room,
    new_step,
    sendable_call,
)
from assent.core.lifecycle.messages import (
    DRY_RUN_MARK,
    broken,
    cancel_command,
    sentence_case,
)
from assent.core.lifecycle.progress import plan_step
from assent.core.lifecycle.recheck import rechecks
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.instant import instant
from assent.core.model.verdict import Allow, Check, Hold, Verdict
from assent.core.policy.gates import RECHECK_SECONDS, busy_check, freshness_check
from assent.core.policy.limits import timeout_seconds, to_milliseconds


def claim_or_hold(
    facts: Facts, view: View, tally: Tally, catalogue: Catalogue = CATALOGUE
) -> Decision:
    """Return what becomes of a fully approved proposal whose ask is assessed as it stands.

    Every check has been asked for refusals before; here only holds are left. Exactly one status
    follows: Approved with what holds it, Succeeded without a call, or Executing with the call.
    """
    checks = (
        *rechecks(facts, view, tally),
        *view.checks,
        Check("SameTarget", _same_target(facts, view)),
        Check("Leadership", _leadership(facts, catalogue)),
        busy_check(facts.in_flight),
        Check("NoConflict", _conflict(facts, view)),
    )
    if first_held(checks) is None:
        # Asked last, because age comes and goes with every look.
        checks = (*checks, freshness_check(view.snapshot, facts.now))
    gates = gates_of(checks, facts.proposal.status.gates)
    changes = {**shown(facts, view), "gates": gates, "approvals": tally.count}
    if (obstacle := first_held(checks)) is not None:
        return held(facts, obstacle, tally, also=Also(changes, look_again_at=_when(facts, checks)))
    if view.already_done:
        sentence = f"PD already is as asked: nothing was sent{_glass(tally)}"
        cause = Cause(Reason.ALREADY_DONE, sentence, facts.operator_username)
        also = Also(changes)
        return advance(facts.proposal, LifeEvent.SUCCEEDED, cause, now=facts.now, also=also)
    return _carried_out(facts, view, tally, Also(changes), catalogue)


def held(facts: Facts, obstacle: Obstacle, tally: Tally | None, *, also: Also) -> Decision:
    """Return the decision that keeps an approved proposal waiting, and says for what.

    ``tally`` is None while nobody can count; then what is said of it stays.
    """
    event = None if facts.proposal.status.phase is Phase.APPROVED else LifeEvent.ENOUGH_APPROVALS
    cause = Cause(
        obstacle.reason,
        f"Approved{_glass(tally)}; waiting: {obstacle.message}",
        facts.operator_username,
    )
    return advance(facts.proposal, event, cause, now=facts.now, also=also)


def _glass(tally: Tally | None) -> str:
    """Return who broke the glass and why, as the middle of a sentence; empty when nobody did."""
    glass = tally.count.break_glass if tally is not None else None
    return "" if glass is None else f" ({broken(glass)})"


def _carried_out(
    facts: Facts, view: View, tally: Tally, also: Also, catalogue: Catalogue
) -> Decision:
    program = program_of(facts.proposal.spec.action, catalogue)
    execution = facts.proposal.status.execution
    for stage in program:
        # A step with nothing to do is recorded and passed over; the first other one is sent.
        done = stage.action.already_done(stage.params, view.snapshot)
        state = StepState.ALREADY_DONE if done else StepState.INTENDED
        if view.dry_run:
            state = StepState.DRY_RUN
        execution = append_step(execution, _step(facts, view, stage, program, state))
        if state is StepState.INTENDED:
            break
    assert execution is not None  # noqa: S101 - a program has at least one stage
    step = execution.steps[-1]
    call = sendable_call(step.call)
    changes = {**also.changes, "execution": execution}
    people = ", ".join(tally.approved_by)
    if view.dry_run:
        what = sentence_case(view.action.sentence(view.params))
        sent = "; then ".join(stage.action.call(stage.params).line for stage in program)
        sentence = f"{DRY_RUN_MARK} {what}: would send {sent}; nothing was sent{_glass(tally)}"
        cause = Cause(Reason.DRY_RUN, sentence, facts.operator_username)
        event, to_send = LifeEvent.SUCCEEDED, None
    else:
        sentence = (
            f"Approved by {people}{_glass(tally)}; sending {call.line} to PD leader "
            f"{step.pd_leader}; its effect must show by {instant(step.verify_by)}"
        )
        command = f"To stop it: {cancel_command(facts.proposal.meta)}"
        cause = Cause(Reason.CALLING, sentence, facts.operator_username, command)
        event, to_send = LifeEvent.CLAIMED, call
    return advance(facts.proposal, event, cause, now=facts.now, also=Also(changes, to_send))


def _step(
    facts: Facts, view: View, stage: Stage, program: tuple[Stage, ...], state: StepState
) -> Step:
    now = to_milliseconds(facts.now)
    seconds = timeout_seconds(
        view.cluster.spec.policy,
        stage.action.type,
        pd_timeout_seconds=stage.action.timeout_seconds,
    )
    return new_step(
        StepKind.FORWARD,
        state,
        stage.action.call(stage.params),
        before=stage.action.before(stage.params, view.snapshot),
        sender=Sender(facts.epoch, facts.holder),
        window=Window(now, now + timedelta(seconds=seconds)),
        pd_leader=view.snapshot.pd.leader_name,
        plan_step=plan_step(stage, program),
    )


def _same_target(facts: Facts, view: View) -> Verdict:
    target = facts.proposal.status.target
    if view.target is not None and view.target == target:
        return Allow("PD shows the target as it was approved")
    name = target.id if target is not None else "the target"
    return Hold(Reason.PRECONDITION_WAITING, f"PD does not show {name} as it was approved")


def _conflict(facts: Facts, view: View) -> Verdict:
    """Two proposals may not touch the same store, region or setting at once: the second waits."""
    scope = view.action.scope(view.params)
    for other in facts.standing:
        shared = None if other.type in view.action.ends else scope.meets(other.scope)
        if shared is not None:
            return Hold(Reason.BUSY, f"proposal {other.name} ({other.type}) works on {shared}")
    return Allow("no other proposal works on what it touches")


def _leadership(facts: Facts, catalogue: Catalogue) -> Verdict:
    execution = facts.proposal.status.execution
    if execution is not None and execution.epoch > facts.epoch:
        return Hold(Reason.HELD, "a later term of the operator has acted on it")
    stages = len(program_of(facts.proposal.spec.action, catalogue))
    if execution and not has_room(len(execution.steps), forward=stages, back=stages):
        return Hold(Reason.HELD, "its journal is full: file a new proposal")
    return Allow("this term may act")


def _when(facts: Facts, checks: tuple[Check, ...]) -> datetime:
    """Return when to look again: soon, sooner when a hold says when it ends."""
    soon = facts.now + timedelta(seconds=RECHECK_SECONDS)
    ends = [check.verdict.until for check in checks if isinstance(check.verdict, Hold)]
    return min([soon, *(end for end in ends if end is not None and end > facts.now)])
