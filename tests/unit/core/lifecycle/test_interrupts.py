"""The last look before a call: whoever said no since the intent was stored is heard."""

from dataclasses import replace

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import StepState
from assent.api.v1alpha1.tikvcluster import Mode, Tier
from assent.core.lifecycle.interrupts import may_call
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from tests.support.proposals import (
    EVICT_4,
    at,
    cancel,
    claimed,
    cluster,
    facts,
    halt,
    with_spec,
)
from tests.support.snapshots import snapshot

SOON = at(1)


def deleting_cluster() -> Cluster:
    """Return a TiKVCluster that somebody deletes."""
    found = cluster()
    return replace(found, meta=replace(found.meta, deleting=True))


def cancelled() -> Proposal:
    """Return a claimed proposal that somebody cancelled."""
    return with_spec(facts(claimed()), cancel=cancel()).proposal


def deleting() -> Proposal:
    """Return a claimed proposal that somebody deletes."""
    found = claimed()
    return replace(found, meta=replace(found.meta, deleting=True))


@pytest.mark.parametrize("undo", [False, True])
def test_nothing_against_it_lets_it_go(undo: bool) -> None:
    """The plain case."""
    assert may_call(claimed(), cluster(), (), SOON, undo=undo) is None


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize(
    ("of", "there", "halts", "reason"),
    [
        pytest.param(cancelled(), cluster(), (), Reason.CANCELLED, id="cancelled"),
        pytest.param(claimed(), None, (), Reason.CLUSTER_NOT_READY, id="cluster gone"),
        pytest.param(claimed(), deleting_cluster(), (), Reason.CLUSTER_NOT_READY, id="going"),
        pytest.param(claimed(), cluster(suspend=True), (), Reason.SUSPENDED, id="suspended"),
        pytest.param(claimed(), cluster(mode=Mode.OBSERVE), (), Reason.OBSERVE_MODE, id="Observe"),
        pytest.param(claimed(), cluster(dry_run=True), (), Reason.HELD, id="dry-run"),
        pytest.param(claimed(), cluster(), (halt(),), Reason.HALTED, id="halted"),
    ],
)
def test_every_no_stops_every_call(
    of: Proposal, there: Cluster | None, halts: tuple[HaltOrder, ...], reason: Reason, undo: bool
) -> None:
    """An undo is a call like any other."""
    hold = may_call(of, there, halts, SOON, undo=undo)
    assert hold is not None
    assert hold.reason == reason
    assert hold.message


def test_a_halt_may_let_undos_finish() -> None:
    """AllowRollback lets work in progress end cleanly, and starts nothing new."""
    gentle = (halt(allow_rollback=True),)
    assert may_call(claimed(), cluster(), gentle, SOON, undo=True) is None
    assert may_call(claimed(), cluster(), gentle, SOON, undo=False) is not None


def test_the_strictest_of_several_halts_counts() -> None:
    """One that allows undos does not speak for the other."""
    both = (halt("a", allow_rollback=True), halt("b"))
    hold = may_call(claimed(), cluster(), both, SOON, undo=True)
    assert hold is not None
    assert "Halt b" in hold.message


def test_a_deletion_stops_the_action_not_its_undo() -> None:
    """The journal must come to its end."""
    assert may_call(deleting(), cluster(), (), SOON, undo=False) is not None
    assert may_call(deleting(), cluster(), (), SOON, undo=True) is None


def test_a_process_that_slept_too_long_sends_nothing() -> None:
    """The window in which the effect must show is over; an undo may have waited for a Halt."""
    assert may_call(claimed(), cluster(), (), at(299), undo=False) is None
    hold = may_call(claimed(), cluster(), (), at(300), undo=False)
    assert hold is not None
    assert hold.reason == Reason.HELD
    assert may_call(claimed(), cluster(), (), at(300), undo=True) is None


def test_a_ceiling_that_was_lowered_meanwhile_stops_the_call() -> None:
    """Nothing above it runs, approved or not; an undo of what runs already does."""
    lowered = cluster(policy={"max_tier": Tier.LOW})
    evicting = claimed(EVICT_4, snapshot=snapshot())
    assert evicting.status.risk is not None
    assert evicting.status.risk.tier is Tier.MEDIUM
    hold = may_call(evicting, lowered, (), SOON, undo=False)
    assert hold is not None
    assert hold.reason == Reason.TIER_NOT_ALLOWED
    assert "spec.policy.maxTier is Low now" in hold.message
    assert may_call(evicting, lowered, (), SOON, undo=True) is None
    at_it = cluster(policy={"max_tier": Tier.MEDIUM})
    assert may_call(evicting, at_it, (), SOON, undo=False) is None


def test_between_two_steps_the_ceiling_is_the_next_steps() -> None:
    """There it ends the plan and takes back what stands, rather than wait for ever."""
    evicting = claimed(EVICT_4, snapshot=snapshot())
    execution = evicting.status.execution
    assert execution is not None
    done = [step.model_copy(update={"state": StepState.DONE}) for step in execution.steps]
    journal = execution.model_copy(update={"steps": done})
    status = evicting.status.model_copy(update={"execution": journal})
    lowered = cluster(policy={"max_tier": Tier.LOW})
    assert may_call(replace(evicting, status=status), lowered, (), SOON, undo=False) is None


def test_without_a_journal_only_the_world_is_asked() -> None:
    """The executor checks the journal itself."""
    assert may_call(facts().proposal, cluster(), (), SOON, undo=False) is None
