"""Each write of a proposal's status is the point that its meaning says."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Execution, Phase, Step, StepState
from assent.core.lifecycle.decision import Decision
from assent.core.model.call import PdCall
from assent.core.model.resource import Proposal
from tests.crash import labels
from tests.crash.labels import WRITES, writing
from tests.support.proposals import LIMIT_4, NOW, approved, assessed, claimed, facts, proposal

CLAIMED = claimed(LIMIT_4)
CALL = PdCall("POST", "/pd/api/v1/store/4/limit", {"rate": 30})


def at(phase: Phase | None, *steps: Step, **execution: Any) -> Proposal:
    """The claimed proposal in that phase, with those steps; none for as they are."""
    status = CLAIMED.status
    assert status.execution is not None
    update: dict[str, Any] = dict(execution)
    if steps:
        update["steps"] = list(steps)
    journal = status.execution.model_copy(update=update)
    changed = status.model_copy(update={"phase": phase, "execution": journal})
    return Proposal(meta=CLAIMED.meta, spec=CLAIMED.spec, status=changed)


def step(**changes: Any) -> Step:
    """The open step, changed."""
    journal = CLAIMED.status.execution
    assert isinstance(journal, Execution)
    return journal.steps[-1].model_copy(update=changes)


def to(after: Proposal, *, call: PdCall | None = None) -> Decision:
    """The decision that stores that state."""
    return Decision(status=after.status, call=call)


OPEN_STEP = step()
DONE = step(state=StepState.DONE, verified_at=NOW)
EXECUTING = at(Phase.EXECUTING)
ROLLING = at(Phase.ROLLING_BACK)


@pytest.mark.parametrize(
    ("before", "decision", "expected"),
    [
        pytest.param(
            proposal(LIMIT_4),
            to(assessed(facts(proposal(LIMIT_4))).proposal),
            labels.ASSESSMENT,
            id="the first look at it",
        ),
        pytest.param(
            approved(facts(proposal(LIMIT_4))).proposal,
            to(CLAIMED, call=CALL),
            labels.INTENT,
            id="the claim",
        ),
        pytest.param(
            EXECUTING,
            to(at(Phase.EXECUTING, step(answer="no answer"))),
            labels.LOSS,
            id="the answer was lost",
        ),
        pytest.param(
            EXECUTING, to(at(Phase.APPROVED)), labels.WITHHOLDING, id="back to Approved, unsent"
        ),
        pytest.param(
            EXECUTING, to(at(Phase.SUCCEEDED, DONE)), labels.OUTCOME, id="done, and the end"
        ),
        pytest.param(
            EXECUTING, to(at(Phase.EXECUTING, DONE)), labels.OUTCOME, id="done, more to come"
        ),
        pytest.param(
            EXECUTING,
            to(at(Phase.EXECUTING, step(state=StepState.BEGUN))),
            labels.OUTCOME,
            id="a step of a group is taken by PD",
        ),
        pytest.param(
            at(Phase.EXECUTING, DONE),
            to(at(Phase.EXECUTING, DONE, OPEN_STEP), call=CALL),
            labels.NEXT_STEP,
            id="the next step of a plan",
        ),
        pytest.param(
            EXECUTING,
            to(at(Phase.EXECUTING, step(state=StepState.WAITING))),
            labels.NOTE,
            id="PD works on it",
        ),
        pytest.param(
            at(Phase.EXECUTING, DONE),
            to(at(Phase.EXECUTING, DONE)),
            labels.NOTE,
            id="only words",
        ),
        pytest.param(
            EXECUTING,
            to(at(Phase.ROLLING_BACK, DONE, OPEN_STEP), call=CALL),
            labels.ROLLBACK,
            id="it turns back",
        ),
        pytest.param(
            at(Phase.ACTIVE, DONE),
            to(at(Phase.ROLLING_BACK, DONE, OPEN_STEP), call=CALL),
            labels.REVERT,
            id="its time is over",
        ),
        pytest.param(
            ROLLING,
            to(at(Phase.ROLLING_BACK, DONE, OPEN_STEP), call=CALL),
            labels.UNDO_OUTCOME,
            id="one undo done, the next begins",
        ),
        pytest.param(
            ROLLING, to(at(Phase.ROLLED_BACK, DONE)), labels.UNDO_OUTCOME, id="the last undo done"
        ),
        pytest.param(ROLLING, to(at(Phase.ROLLING_BACK)), labels.NOTE, id="an undo is held"),
        pytest.param(
            EXECUTING,
            to(at(Phase.EXECUTING, epoch=9, holder="other")),
            labels.TAKEOVER,
            id="another term claims it",
        ),
        pytest.param(
            EXECUTING,
            to(at(Phase.SUCCEEDED, DONE, epoch=9, holder="other")),
            labels.TAKEOVER,
            id="another term sees how it ended",
        ),
        pytest.param(
            EXECUTING,
            to(at(Phase.EXECUTING, epoch=9, holder="other"), call=CALL),
            labels.REPEAT,
            id="another term sends it again",
        ),
    ],
)
def test_a_write_is_the_point_it_means(
    before: Proposal, decision: Decision, expected: labels.Around
) -> None:
    """What was, and what is to be: nothing else is looked at."""
    assert writing(before, decision) == expected


def test_every_write_has_two_points_of_its_own() -> None:
    """One before, one after; else two moments would be killed as one."""
    points = [point for write in WRITES for point in write]
    assert len(points) == len(set(points)) == 2 * len(WRITES)
    assert all(before.name.endswith("_DUE") for before, _ in WRITES)
