"""One step that was not judged yet, with all that is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from assent.api.v1alpha1.actionproposal import Execution, Fact, Phase, Step, StepState
from assent.api.v1alpha1.base import ApiModel
from assent.core.actions.action import Action, Progress, Verification
from assent.core.actions.program import Stage, program_of
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.journal import closed, replace_step
from assent.core.lifecycle.noted import noted_outcome
from assent.core.lifecycle.progress import begun, captured, open_step, stage_index
from assent.core.model.call import CallOutcome, Did, DidNot
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.core.policy.deed import deed_of
from assent.core.policy.limits import to_milliseconds
from assent.core.policy.tidb_operator import culprit

LONGEST_OPERATOR = timedelta(hours=1)
"""PD's own timeouts (pd-api.md 2.2) are shorter: 10 min for every replica that is added, for a
merge of regions that share no store somewhat less than an hour. An operator that runs beyond is
another one than ours."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of the last call."""

    outcome: CallOutcome
    """How the answer was classified; Unknown also when nobody recorded an answer."""
    snapshot: ClusterSnapshot | None
    """PD after the call; None while it cannot be read."""
    now: datetime
    sent_at: datetime | None = None
    """When this process sent the call, if it did: a call that had to wait gets its whole time to
    show from then on. None counts from the intent."""
    tidb_operator: TidbOperatorFacts | None = None
    """What TiDB Operator's object said then; None when the cluster names none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One open step with what the evidence says of it."""

    proposal: Proposal
    execution: Execution
    place: int
    """Where in the journal the step stands."""
    step: Step
    program: tuple[Stage, ...]
    stage: Stage
    before: Sequence[Fact]
    """The values from before the stage changed anything."""
    evidence: Evidence
    snapshot: ClusterSnapshot | None
    """The evidence's, None also while PD is not prepared: it shows nothing to judge by (P15)."""
    verification: Verification | None
    """How far the stage's own effect is; None while PD cannot be read."""
    unchanged: bool
    """True when PD shows exactly the values from before the stage."""

    @property
    def action(self) -> Action[Any]:
        """The stage's action."""
        return self.stage.action

    @property
    def params(self) -> ApiModel:
        """The stage's parameters."""
        return self.stage.params

    @property
    def others_begun(self) -> bool:
        """True while other steps of its group wait to be judged."""
        return any(place != self.place for place in begun(self.execution))

    @property
    def overdue(self) -> bool:
        """True when the time in which the effect must show is over, and PD does not work on it:
        the policy may give it less time than PD does, and what is still to come would come after
        the undo of all else.
        """
        step, sent_at = self.step, self.evidence.sent_at
        verify_by = step.verify_by
        if sent_at is not None:
            verify_by = max(verify_by, sent_at + (step.verify_by - step.intended_at))
        if self._in_work:
            verify_by += LONGEST_OPERATOR
        return self.evidence.now >= verify_by

    @property
    def _in_work(self) -> bool:
        """True while PD runs an operator on a region that the stage touches."""
        if self.snapshot is None:
            return False
        return not self.action.scope(self.params).region_ids.isdisjoint(
            self.snapshot.running_operators
        )

    @property
    def shows(self) -> bool:
        """True when PD shows what the action sets, and did not before."""
        seen = self.verification is not None and self.verification.progress is not Progress.NOT_SEEN
        return seen and not self.unchanged

    @property
    def settled(self) -> bool:
        """True when PD shows all that the action is for."""
        found = self.verification
        return found is not None and found.progress is Progress.SETTLED and not self.unchanged

    @property
    def seen_text(self) -> str:
        """What PD shows, in words."""
        return self.verification.message if self.verification else "PD cannot be read"

    @property
    def culprit(self) -> str:
        """Who most likely undid it, as the end of a sentence; empty when nobody is known."""
        return culprit(deed_of(self.action, self.params), self.evidence.tidb_operator)

    def closed(self, state: StepState) -> Execution:
        """Return the journal with the step in that state, PD's answer and what it was judged by."""
        step = closed(
            self.step,
            state,
            outcome=self.evidence.outcome,
            verification=self.verification,
            now=to_milliseconds(self.evidence.now),
        )
        return replace_step(self.execution, self.place, step)

    @property
    def lost(self) -> bool:
        """True when nobody knows PD's answer."""
        return not isinstance(self.evidence.outcome, (Did, DidNot))


def case_of(proposal: Proposal, evidence: Evidence, catalogue: Catalogue) -> Case:
    """Return the open step with what the evidence says of it.

    Raises:
        ValueError: the proposal has no open step.
    """
    execution = proposal.status.execution
    acting = proposal.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK)
    if execution is None or not acting or open_step(execution) is None:
        raise ValueError(f"{proposal.meta.key} has no open step")
    return case_at(proposal, execution, len(execution.steps) - 1, evidence, catalogue)


def case_at(
    proposal: Proposal, execution: Execution, place: int, evidence: Evidence, catalogue: Catalogue
) -> Case:
    """Return the step at that place of the journal with what the evidence says of it."""
    step = execution.steps[place]
    if step.state in (StepState.WAITING, StepState.BEGUN) and step.answer is not None:
        # Its effect has shown before: the answer on record stands, whoever leads now.
        evidence = replace(evidence, outcome=Did(step.answer, late=bool(step.late)))
    elif step.answer is not None and evidence.sent_at is None:
        evidence = replace(evidence, outcome=noted_outcome(step.answer, late=step.late))
    program = program_of(proposal.spec.action, catalogue)
    stage = program[stage_index(step)]
    before = captured(execution, stage.index)
    snapshot = evidence.snapshot
    if snapshot is not None and not snapshot.prepared:
        snapshot = None
    action, params = stage.action, stage.params
    return Case(
        proposal=proposal,
        execution=execution,
        place=place,
        step=step,
        program=program,
        stage=stage,
        before=before,
        evidence=evidence,
        snapshot=snapshot,
        verification=action.verify(params, before, snapshot) if snapshot is not None else None,
        unchanged=snapshot is not None and action.unchanged(params, before, snapshot),
    )
