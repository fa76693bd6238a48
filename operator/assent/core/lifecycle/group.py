"""Steps of a group, once PD has taken their calls: each is judged by its own effect, and only when
every one of them was judged is anything taken back.
"""

from dataclasses import replace
from datetime import datetime

from assent.api.v1alpha1.actionproposal import Execution, StepState
from assent.core.actions.program import Stage, beside
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.case import Evidence, case_at
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.progress import begun, stage_index
from assent.core.lifecycle.settle import judge
from assent.core.model.resource import Proposal


def judge_group(
    proposal: Proposal, execution: Execution, evidence: Evidence, catalogue: Catalogue
) -> Decision | None:
    """Return what the next of the begun steps came to, None while all must be looked at again.

    Without a snapshot nothing is judged. What reached its goal is closed at once. When the time of
    all others is over, they are closed in one write, and the plan is taken back.
    """
    cases = [case_at(proposal, execution, place, evidence, catalogue) for place in begun(execution)]
    for case in cases:
        enough = case.settled or (case.shows and not case.action.goal_required)
        if (enough or not case.overdue) and (decision := judge(case, catalogue)) is not None:
            return decision
    if not cases or not all(case.overdue and case.snapshot for case in cases):
        return None
    *others, last = cases
    for case in others:
        state = StepState.DONE if case.shows else StepState.NO_EFFECT
        execution = replace(case, execution=execution).closed(state)
    return judge(replace(last, execution=execution), catalogue)


def give_up_looking(
    proposal: Proposal, execution: Execution, evidence: Evidence, catalogue: Catalogue
) -> Decision | None:
    """Return that a person must say what came of the begun steps: the time of all is over, and PD
    cannot be read. None otherwise; for the end of a plan that is wanted all the same.
    """
    cases = [case_at(proposal, execution, place, evidence, catalogue) for place in begun(execution)]
    if not all(case.overdue and case.snapshot is None for case in cases):
        return None
    return judge(cases[-1], catalogue)


def may_begin(
    stage: Stage, execution: Execution, program: tuple[Stage, ...], now: datetime
) -> bool:
    """Return True when the stage may begin beside those that have: it is of their group, and the
    time of none of them is over.
    """
    places = begun(execution)
    group = {one.index for one in beside(stage, program)}
    return all(
        stage_index(execution.steps[place]) in group and now < execution.steps[place].verify_by
        for place in places
    )
