"""The next step of an execution, decided from fresh facts: what was approved as a whole is checked
anew before each of its calls.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Execution, Step, StepKind, StepState
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.lifecycle import LifeEvent
from assent.api.v1alpha1.tikvcluster import Policy, Tier
from assent.core.actions.action import Progress
from assent.core.actions.plan import pinned
from assent.core.actions.program import Stage, awaited, beside
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.gate_list import as_precondition, first_denied, first_held
from assent.core.lifecycle.journal import Sender, Window, append_step, has_room, new_step
from assent.core.lifecycle.progress import (
    begun,
    captured,
    forward_steps,
    is_passed,
    plan_step,
    to_take_back,
    took_effect,
)
from assent.core.lifecycle.rollback import Undoing, take_back
from assent.core.lifecycle.transition import Also, Cause, advance
from assent.core.model.call import PdCall
from assent.core.model.instant import instant
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict
from assent.core.policy.ceremony import ceremony_of
from assent.core.policy.deed import deed_of
from assent.core.policy.limits import timeout_seconds, to_milliseconds
from assent.core.policy.other_controllers import check_others
from assent.core.policy.tidb_operator import culprit

PATIENCE = timedelta(hours=1)
"""How long a step may wait for its preconditions before the plan is taken back."""


@dataclass(frozen=True, slots=True)
class Now:
    """The world between two steps."""

    snapshot: ClusterSnapshot | None
    """PD as just read; None while it cannot be read or is not prepared."""
    now: datetime
    sender: Sender
    policy: Policy
    hold: Hold | None
    """What stands against any call now (cancelled, suspended, halted), None for nothing."""
    tidb_operator: TidbOperatorFacts | None = None
    """What TiDB Operator's object says now; None when the cluster names none."""


@dataclass(frozen=True, slots=True)
class Next:
    """The stage that comes next, with all that its decision needs."""

    proposal: Proposal
    journal: Execution
    program: tuple[Stage, ...]
    stage: Stage
    snapshot: ClusterSnapshot
    now: Now
    catalogue: Catalogue

    @property
    def since(self) -> datetime:
        """When the last step ended: of a group the last to end, wherever it stands."""
        return max(step.verified_at or step.intended_at for step in self.journal.steps)

    @property
    def previous(self) -> tuple[Stage, ...]:
        """What must stand before it begins: the stage before, with all of its group."""
        group = beside(self.stage, self.program)
        first = group[0].index
        return beside(self.program[first - 1], self.program) if first > 0 else ()


def forward(case: Next) -> Decision | None:
    """Return the next call with its intent, what it waits for, or why it is given up; None when
    what stands on the object still says it, or others that have begun are judged first.
    """
    if (waiting := _awaited(case)) is not None:
        return waiting
    if (lost := _previous_lost(case)) is not None:
        return _give_up(case, Reason.CHANGED_SINCE, lost)
    stage, snapshot = case.stage, case.snapshot
    attempts = forward_steps(case.journal, stage.index)
    if attempts and attempts[-1].state is not StepState.NOT_DONE:
        answer = attempts[-1].answer or "its effect never showed"
        return _give_up(case, Reason.NO_EFFECT, f"an earlier attempt had no effect ({answer})")
    standing = sum(1 for _ in to_take_back(case.journal, case.program))
    if not has_room(len(case.journal.steps), forward=1, back=standing + 1):
        return _give_up(case, Reason.HELD, "its journal is full")
    if took_effect(case.journal, stage.index):
        return _second_call(case)
    not_after = case.proposal.spec.not_after
    if not_after is not None and case.now.now >= not_after:
        return _give_up(case, Reason.EXPIRED, f"spec.notAfter ({instant(not_after)}) is over")
    if (moved := _target_moved(case)) is not None:
        return _give_up(case, Reason.PRECONDITION_FAILED, moved)
    if stage.action.already_done(stage.params, snapshot):
        call = stage.action.call(stage.params)
        step = _step(case, call, StepState.ALREADY_DONE)
        also = Also({"execution": append_step(case.journal, step)})
        text = f"Step {stage.index + 1} of {len(case.program)}: PD already is as asked"
        cause = Cause(Reason.NEXT_STEP, text, case.now.sender.holder)
        return advance(case.proposal, None, cause, now=case.now.now, also=also)
    checks = [
        Check("Risk", _risk(case)),
        *_others(case),
        *(as_precondition(check) for check in stage.action.preconditions(stage.params, snapshot)),
    ]
    if (denied := first_denied(checks)) is not None:
        return _give_up(case, Reason.PRECONDITION_FAILED, denied.message)
    if (held := first_held(checks)) is not None:
        if case.now.now >= case.since + _longest_wait(case) + PATIENCE:
            return _give_up(case, Reason.PRECONDITION_FAILED, f"{held.message}, for too long")
        text = f"Step {stage.index + 1} of {len(case.program)} waits: {held.message}"
        return note(case.proposal, Reason.PRECONDITION_WAITING, text, case.now)
    return _send(case, stage.action.call(stage.params))


def _others(case: Next) -> tuple[Check, ...]:
    """Return whether other controllers leave room for the stage; what the plan itself has set or
    paused is nobody else's.
    """
    scopes = [stage.action.scope(stage.params) for stage in case.program]
    ours = frozenset[str]().union(*(scope.settings for scope in scopes))
    deed = deed_of(case.stage.action, case.stage.params)
    return check_others((deed,), case.now.tidb_operator, case.snapshot, ours)


def _risk(case: Next) -> Verdict:
    """Return whether the step is no riskier than what people agreed to, and allowed at all."""
    approved, highest = case.proposal.status.risk, case.now.policy.max_tier
    found = case.stage.action.risk(case.stage.params, case.snapshot)
    if found.tier.rank > highest.rank or (approved and approved.tier.rank > highest.rank):
        message = f"spec.policy.maxTier is {highest.value} now"
        return Deny(Reason.TIER_NOT_ALLOWED, message)
    together = len(beside(case.stage, case.program)) > 1
    if together and found.tier.rank > Tier.MEDIUM.rank:
        message = f"its risk is {found.tier.value} now, and in a group all are Low or Medium"
        return Hold(Reason.PRECONDITION_WAITING, message)
    if approved is not None and found.tier.rank > approved.tier.rank:
        why = f": {found.factors[-1]}" if found.factors else ""
        message = f"its risk is {found.tier.value} now and {approved.tier.value} was approved{why}"
        return Hold(Reason.PRECONDITION_WAITING, message)
    return Allow("no riskier than approved")


def _awaited(case: Next) -> Decision | None:
    """Return what to do while the wait after the previous step lasts, None once it is over: for
    all of a group, when the first of it has begun.
    """
    before = case.previous[-1] if case.previous else None
    if before is None or before.wait_until is None:
        return None
    if any(is_passed(case.journal, one.index) for one in beside(case.stage, case.program)):
        return None
    missing = awaited(before.wait_until, case.snapshot)
    if missing is None:
        return None
    until = case.since + _longest_wait(case)
    text = f"Step {before.index + 1} of {len(case.program)} is done; waiting for {missing}"
    if case.now.now >= until:
        return _give_up(case, Reason.NO_EFFECT, f"{missing} did not come in time")
    waiting = note(case.proposal, Reason.WAITING, f"{text}, until {instant(until)}", case.now)
    return waiting or Decision(status=case.proposal.status)


def _longest_wait(case: Next) -> timedelta:
    """Return how long the fact after the previous step may take: patience begins after it."""
    before = case.previous[-1] if case.previous else None
    if before is None or before.wait_until is None:
        return timedelta()
    return timedelta(seconds=parse_duration_seconds(before.wait_until.timeout))


def _previous_lost(case: Next) -> str | None:
    """Return how the previous step no longer stands, where the tier asks for that look."""
    risk = case.proposal.status.risk
    if risk is None or not ceremony_of(risk.tier).look_between_steps:
        return None
    for before in case.previous:
        if not took_effect(case.journal, before.index):
            continue
        facts = captured(case.journal, before.index)
        found = before.action.verify(before.params, facts, case.snapshot)
        if found.progress is Progress.NOT_SEEN:
            who = culprit(deed_of(before.action, before.params), case.now.tidb_operator)
            return f"step {before.index + 1} no longer stands: {found.message}{who}"
    return None


def _target_moved(case: Next) -> str | None:
    """Return how the step's target differs from the one approved, None where it does not.

    What an earlier step of this plan has worked on is another by our own doing: a region has a new
    epoch, a rule a new text.
    """
    target = case.stage.action.target(case.stage.params, case.snapshot)
    if target is None:
        return "PD does not show what it names"
    approved, own = case.proposal.status.target, case.stage.action.scope(case.stage.params)
    if approved is None or len(case.program) == 1:
        return None
    for stage in case.program[: case.stage.index]:
        earlier = stage.action.scope(stage.params)
        if own.region_ids & earlier.region_ids or own.settings & earlier.settings:
            return None
    pin = pinned(case.stage, target)
    was = next((fact.value for fact in approved.identity if fact.name == pin.name), None)
    if was == pin.value:
        return None
    return f"{target.id} is not as approved any more: {pin.value}, it was {was}"


def _second_call(case: Next) -> Decision | None:
    """Go on with a stage whose first call took effect and whose second was not sent."""
    before = captured(case.journal, case.stage.index)
    call = case.stage.action.follow_up(case.stage.params, before, case.snapshot)
    if call is not None:
        return _send(case, call)
    step = _step(case, case.stage.action.call(case.stage.params), StepState.ALREADY_DONE)
    also = Also({"execution": append_step(case.journal, step)})
    cause = Cause(Reason.NEXT_STEP, "PD shows all of it now", case.now.sender.holder)
    return advance(case.proposal, None, cause, now=case.now.now, also=also)


def _send(case: Next, call: PdCall) -> Decision:
    step = _step(case, call, StepState.INTENDED)
    also = Also({"execution": append_step(case.journal, step)}, call=call)
    number = f"Step {case.stage.index + 1} of {len(case.program)}: "
    text = f"{number if len(case.program) > 1 else ''}sending {call.line}"
    cause = Cause(Reason.CALLING, text, case.now.sender.holder)
    return advance(case.proposal, None, cause, now=case.now.now, also=also)


def _give_up(case: Next, reason: Reason, why: str) -> Decision | None:
    if begun(case.journal):
        return None  # those beside it are judged first; then this is found again
    text = f"Step {case.stage.index + 1} of {len(case.program)} cannot be done: {why}"
    if any(True for _ in to_take_back(case.journal, case.program)):
        undoing = Undoing(text, case.snapshot, case.now.now, case.now.sender)
        return take_back(case.proposal, case.journal, undoing, case.catalogue)
    cause = Cause(reason, text, case.now.sender.holder)
    return advance(case.proposal, LifeEvent.FAILED, cause, now=case.now.now)


def _step(case: Next, call: PdCall, state: StepState) -> Step:
    now = to_milliseconds(case.now.now)
    action = case.stage.action
    seconds = timeout_seconds(
        case.now.policy, action.type, pd_timeout_seconds=action.timeout_seconds
    )
    before = (
        captured(case.journal, case.stage.index)
        if took_effect(case.journal, case.stage.index)
        else list(action.before(case.stage.params, case.snapshot))
    )
    return new_step(
        StepKind.FORWARD,
        state,
        call,
        before=before,
        sender=case.now.sender,
        window=Window(now, now + timedelta(seconds=seconds)),
        pd_leader=case.snapshot.pd.leader_name,
        plan_step=plan_step(case.stage, case.program),
    )


def note(proposal: Proposal, reason: Reason, text: str, now: Now) -> Decision | None:
    """Return what to say of an execution that waits, None when that stands there already."""
    decision = advance(proposal, None, Cause(reason, text, now.sender.holder), now=now.now)
    return None if decision.status == proposal.status else decision
