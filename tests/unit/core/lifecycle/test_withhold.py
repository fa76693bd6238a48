"""A call that was certainly not sent leaves a proposal where people expect it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, StepKind, StepState
from assent.core.lifecycle.withhold import withhold
from assent.core.model.resource import Proposal
from assent.core.model.verdict import Hold
from tests.support.proposals import NOW, cancel, claimed, proposal

LATER = NOW + timedelta(seconds=1)
SUSPENDED = Hold(Reason.SUSPENDED, "TiKVCluster demo is suspended")
CANCELLED = Hold(Reason.CANCELLED, "sre-9 cancelled it")


def undoing() -> Proposal:
    """Return a proposal whose undo is intended and not sent."""
    flying = claimed()
    execution = flying.status.execution
    assert execution is not None
    undo = execution.steps[0].model_copy(update={"kind": StepKind.UNDO})
    journal = execution.model_copy(update={"steps": [*execution.steps, undo]})
    status = flying.status.model_copy(update={"phase": Phase.ROLLING_BACK, "execution": journal})
    return replace(flying, status=status)


def test_what_was_approved_still_is() -> None:
    """Suspended in the last moment: it runs when the suspension ends, without being asked again."""
    status = withhold(claimed(), SUSPENDED, LATER).status
    assert (status.phase, status.reason) == (Phase.APPROVED, "Suspended")
    assert status.digest == claimed().status.digest
    assert status.execution is not None
    assert status.execution.steps[-1].state is StepState.NOT_DONE
    assert "not sent" in (status.execution.steps[-1].answer or "")


def test_the_journal_never_shrinks() -> None:
    """The CRD refuses it, and the record of a claim is a record."""
    before = claimed().status.execution
    after = withhold(claimed(), SUSPENDED, LATER).status.execution
    assert before is not None
    assert after is not None
    assert len(after.steps) == len(before.steps)
    assert (after.epoch, after.holder) == (before.epoch, before.holder)


def test_a_cancel_ends_it_in_the_name_of_who_cancelled() -> None:
    """Nothing was sent, so Failed (Cancelled) is the whole truth."""
    flying = claimed()
    spec = flying.spec.model_copy(update={"cancel": cancel("sre-9")})
    decision = withhold(replace(flying, spec=spec), CANCELLED, LATER)
    assert (decision.status.phase, decision.status.reason) == (Phase.FAILED, "Cancelled")
    assert decision.status.history is not None
    assert decision.status.history[-1].by == "sre-9"
    assert decision.call is None


def test_an_undo_waits_where_it_is_and_says_why() -> None:
    """Its intent stays open: it is sent when the hold ends."""
    before = undoing()
    status = withhold(before, SUSPENDED, LATER).status
    assert (status.phase, status.reason) == (Phase.ROLLING_BACK, "Suspended")
    assert status.execution == before.status.execution
    assert "the undo waits" in (status.message or "")


def test_an_undo_that_says_so_already_is_not_written_again() -> None:
    """Looked at every two seconds, written once."""
    before = undoing()
    first = withhold(before, SUSPENDED, LATER).status
    again = withhold(replace(before, status=first), SUSPENDED, LATER + timedelta(seconds=2))
    assert again.status == first


def test_a_cancelled_undo_names_what_is_left() -> None:
    """Whoever cancels it has to put things right by hand."""
    flying = undoing()
    spec = flying.spec.model_copy(update={"cancel": cancel("sre-9")})
    status = withhold(replace(flying, spec=spec), CANCELLED, LATER).status
    assert (status.phase, status.reason) == (Phase.ROLLBACK_FAILED, "UndoFailed")
    assert "evicted was true" in (status.message or "")


@pytest.mark.parametrize("reason", ["LeaseEnding", "SomethingNew"])
def test_a_reason_of_the_shell_is_shown_as_held(reason: str) -> None:
    """Reasons are API; what is not in the catalogue comes in the message alone."""
    status = withhold(claimed(), Hold(reason, "the lease has 1.0 s left"), LATER).status
    assert status.reason == "Held"
    assert "the lease has 1.0 s left" in (status.message or "")


def test_without_an_open_step_nothing_is_decided() -> None:
    """A bug of the caller, said as one."""
    with pytest.raises(ValueError, match="no open step"):
        withhold(proposal(), SUSPENDED, LATER)
