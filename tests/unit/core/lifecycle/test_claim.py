"""The claim: one write between approval and call, and everything that keeps it from coming."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase, Step, StepKind, StepState
from assent.api.v1alpha1.actions import Action, ActionType
from assent.api.v1alpha1.tikvcluster import Mode, Tier, TypeOverride
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.journal import MAX_STEPS
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import PdCall
from assent.core.model.verdict import Hold
from tests.support.proposals import (
    EVICT_4,
    LIMIT_4,
    MOVE_17,
    NOW,
    approved,
    assessed,
    at,
    at_tier,
    claimed,
    cluster,
    evicted,
    facts,
    halt,
    later,
    proposal,
    stored,
    with_spec,
)
from tests.support.snapshots import snapshot, store

STOP_PATH = "/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/4"


def step_of(decided: Decision) -> Step:
    """Return the last step of the decided journal."""
    assert decided.status.execution is not None
    return decided.status.execution.steps[-1]


def test_one_write_from_pending_to_executing() -> None:
    """The intent, its before-values and the call stand in one status."""
    decided = decide(approved(facts()))
    assert decided.status.phase is Phase.EXECUTING
    assert decided.status.reason == Reason.CALLING
    assert decided.call == PdCall("DELETE", STOP_PATH)
    assert decided.status.execution is not None
    assert (decided.status.execution.epoch, decided.status.execution.holder) == (7, "assent-0")
    step = step_of(decided)
    assert (step.kind, step.state) == (StepKind.FORWARD, StepState.INTENDED)
    assert (step.epoch, step.holder) == (7, "assent-0")
    assert step.call.path == STOP_PATH
    assert {fact.name: fact.value for fact in step.before}["evicted"] == "true"
    assert step.intended_at == NOW
    assert step.verify_by == NOW + timedelta(minutes=5)
    assert step.pd_leader == "pd-0"


def test_the_claim_says_who_agreed_and_how_to_stop() -> None:
    """The record names people; the message carries the line that cancels."""
    decided = decide(approved(facts(), "sre-3", "sre-2"))
    message = decided.status.message or ""
    assert message.startswith("Approved by sre-2, sre-3; sending DELETE ")
    assert "kubectl -n tikv patch ap p1" in message
    assert '"cancel"' in message
    assert [entry.phase for entry in decided.status.history or []] == [
        Phase.PENDING,
        Phase.EXECUTING,
    ]


def test_the_call_is_the_journaled_one() -> None:
    """What is sent is what was stored."""
    decided = decide(approved(facts(proposal(LIMIT_4)), "sre-2"))
    assert decided.call is not None
    step = step_of(decided)
    assert step.call.body == decided.call.body_text
    assert step.summary == decided.call.line


@pytest.mark.parametrize(
    ("asks", "policy", "seconds"),
    [
        pytest.param(MOVE_17, {"action_timeout": "30s"}, 90, id="PD's own is longer"),
        pytest.param(MOVE_17, {}, 300, id="actionTimeout is longer"),
        pytest.param(
            MOVE_17,
            {"overrides": (TypeOverride(type=ActionType.TRANSFER_LEADER, timeout="20s"),)},
            20,
            id="the type's own rules",
        ),
    ],
)
def test_verification_ends_by_policy(asks: Action, policy: dict[str, Any], seconds: int) -> None:
    """How long the effect may take is written before the call."""
    known = facts(proposal(asks), cluster=cluster(policy=policy))
    step = step_of(decide(approved(known)))
    assert step.verify_by - step.intended_at == timedelta(seconds=seconds)


HOLDS: list[tuple[str, dict[str, Any], Reason]] = [
    ("GateInstalled", {"gate_installed": False}, Reason.GATE_NOT_INSTALLED),
    ("NotSuspended", {"cluster": cluster(suspend=True)}, Reason.SUSPENDED),
    ("NotHalted", {"halts": (halt(),)}, Reason.HALTED),
    ("ClusterReady", {"cluster_ready": "PD does not answer"}, Reason.CLUSTER_NOT_READY),
    ("PDPrepared", {"snapshot": None}, Reason.CLUSTER_NOT_READY),
    ("NotBusy", {"in_flight": ("other",)}, Reason.BUSY),
]


@pytest.mark.parametrize(("gate", "changes", "reason"), HOLDS)
def test_each_hold_keeps_it_approved_and_says_why(
    gate: str, changes: dict[str, Any], reason: Reason
) -> None:
    """Approved is stored only while something holds; then it answers why it is not running."""
    known = replace(approved(facts()), **changes)
    decided = decide(known)
    assert decided.call is None
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == reason
    assert (decided.status.message or "").startswith("Approved; waiting: ")
    held = [item.name for item in decided.status.gates or [] if item.verdict == "hold"]
    assert held == [gate]
    assert decided.look_again_at is not None
    assert decided.look_again_at > known.now


@pytest.mark.parametrize(("gate", "changes", "reason"), HOLDS)
def test_a_hold_that_ends_lets_it_run(gate: str, changes: dict[str, Any], reason: Reason) -> None:
    """Nobody has to agree again."""
    free = approved(facts())
    held = stored(free, decide(replace(free, **changes)))
    decided = decide(replace(held, cluster=cluster(), snapshot=evicted()))
    assert decided.call is not None, (gate, reason)
    assert decided.status.phase is Phase.EXECUTING


def test_not_before_holds_until_its_time() -> None:
    """The next look comes at that time."""
    known = approved(facts(proposal(not_before=at(5))))
    decided = decide(known)
    assert decided.status.reason == Reason.NOT_BEFORE
    assert decided.look_again_at == at(5)
    assert decide(later(stored(known, decided), 5)).call is not None


def test_stale_facts_hold_only_where_nothing_else_does() -> None:
    """Age comes and goes: where something else holds anyway it is not worth a write."""
    known = replace(approved(facts()), now=at(11))
    assert decide(known).status.phase is Phase.APPROVED
    assert (decide(known).status.gates or [])[-1].name == "FreshFacts"
    busy = replace(known, in_flight=("other",))
    assert "FreshFacts" not in {gate.name for gate in decide(busy).status.gates or []}


def test_a_precondition_that_may_heal_holds() -> None:
    """With the action's own words."""
    known = approved(facts(proposal(EVICT_4), snapshot=snapshot()))
    down = snapshot(*(store(number) for number in (1, 2, 3, 4)), leader_schedule_limit=0)
    decided = decide(replace(known, snapshot=down))
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == Reason.PRECONDITION_WAITING
    assert "leader-schedule-limit is 0" in (decided.status.message or "")


def test_a_precondition_that_cannot_heal_ends_it() -> None:
    """Approved or not."""
    known = approved(facts(proposal(LIMIT_4), snapshot=snapshot()))
    decided = decide(replace(known, snapshot=snapshot(store(1))))
    assert decided.status.phase is Phase.FAILED
    assert decided.status.reason == Reason.PRECONDITION_FAILED
    assert decided.notices[0].warning


def test_max_tier_is_judged_at_the_claim_too() -> None:
    """A ceiling lowered after the yes counts."""
    known = approved(facts(), "sre-2", "sre-3", catalogue=at_tier(Tier.HIGH))
    low = replace(known, cluster=cluster(policy={"max_tier": Tier.LOW}))
    decided = decide(low, at_tier(Tier.HIGH))
    assert decided.status.phase is Phase.FAILED
    assert decided.status.reason == Reason.TIER_NOT_ALLOWED


def test_a_withdrawn_yes_takes_it_back_to_pending() -> None:
    """While it is held, people may change their minds."""
    known = replace(approved(facts()), halts=(halt(),))
    held = with_spec(stored(known, decide(known)), approvals=None)
    decided = decide(replace(held, halts=()))
    assert decided.status.phase is Phase.PENDING
    assert decided.status.reason == Reason.AWAITING_APPROVAL
    assert decided.call is None


def test_more_seats_asked_for_takes_it_back_to_pending() -> None:
    """The policy is read at the claim."""
    known = replace(approved(facts()), halts=(halt(),))
    held = stored(known, decide(known))
    strict = replace(held, halts=(), cluster=cluster(policy={"approvals_needed": {"low": 2}}))
    assert decide(strict).status.phase is Phase.PENDING


@pytest.mark.parametrize("blind", [False, True])
def test_a_yes_taken_back_while_blind(blind: bool) -> None:
    """Counting needs no look at PD."""
    known = replace(approved(facts()), halts=(halt(),))
    held = with_spec(stored(known, decide(known)), approvals=None)
    seen = replace(held, snapshot=None) if blind else held
    assert decide(seen).status.phase is Phase.PENDING


def test_already_done_sends_nothing() -> None:
    """PD is as asked: one write, no call, no step."""
    known = approved(facts())
    done = replace(known, snapshot=snapshot())
    decided = decide(done)
    assert decided.call is None
    assert decided.status.phase is Phase.SUCCEEDED
    assert decided.status.reason == Reason.ALREADY_DONE
    assert decided.status.execution is None
    assert decided.status.finished_at == NOW


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(facts(proposal(dry_run=True)), id="the ask's own"),
        pytest.param(facts(cluster=cluster(dry_run=True)), id="the cluster's"),
    ],
)
def test_dry_run_shows_the_call_and_sends_none(known: Facts) -> None:
    """One write, the call under [DRY-RUN], nothing sent; approval is rehearsed too."""
    assert decide(assessed(known)).status.phase is Phase.PENDING
    decided = decide(approved(known))
    assert decided.call is None
    assert decided.status.phase is Phase.SUCCEEDED
    assert decided.status.reason == Reason.DRY_RUN
    step = step_of(decided)
    assert step.state is StepState.DRY_RUN
    assert step.summary == f"[DRY-RUN] would send DELETE {STOP_PATH}"
    assert step.call.path == STOP_PATH
    assert (decided.status.message or "").startswith("[DRY-RUN] Stop evicting leaders")
    assert "nothing was sent" in (decided.status.message or "")


def test_critical_needs_two_who_typed_the_target() -> None:
    """One who did not type it does not count."""
    critical = at_tier(Tier.CRITICAL)
    base = facts(cluster=cluster(policy={"max_tier": Tier.CRITICAL}))
    known = approved(base, "sre-2", "sre-3", catalogue=critical)
    assert decide(known, critical).call is not None
    seats = known.proposal.spec.approvals or []
    careless = [seats[0], seats[1].model_copy(update={"confirm": "yes"})]
    decided = decide(with_spec(known, approvals=careless), critical)
    assert decided.call is None
    assert decided.status.phase is Phase.PENDING
    assert "<type the target's id>" in (decided.status.message or "").replace("'\"'\"'", "'")


def test_observe_never_claims() -> None:
    """The mode is judged with everything else."""
    known = replace(approved(facts()), cluster=cluster(mode=Mode.OBSERVE))
    assert decide(known).call is None


def _withheld(seconds: float = 1) -> Facts:
    flying = claimed()
    decided = withhold(flying, Hold(Reason.SUSPENDED, "suspended"), at(seconds))
    return stored(facts(flying), decided)


def test_a_withheld_claim_runs_again_on_a_longer_journal() -> None:
    """The journal only grows: the step that was not sent stays on record."""
    known = _withheld()
    assert known.proposal.status.phase is Phase.APPROVED
    decided = decide(known)
    assert decided.call is not None
    assert decided.status.execution is not None
    assert [step.state for step in decided.status.execution.steps] == [
        StepState.NOT_DONE,
        StepState.INTENDED,
    ]


def _full(known: Facts) -> Facts:
    execution = known.proposal.status.execution
    assert execution is not None
    steps = [execution.steps[0]] * (MAX_STEPS - 1)
    full = execution.model_copy(update={"steps": steps})
    status = known.proposal.status.model_copy(update={"execution": full})
    return replace(known, proposal=replace(known.proposal, status=status))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda known: replace(known, epoch=6), id="an earlier term than the journal's"
        ),
        pytest.param(_full, id="no room left for the call and its undo"),
    ],
)
def test_a_claim_that_could_not_be_journaled_is_not_made(
    change: Callable[[Facts], Facts],
) -> None:
    """Nothing is sent that cannot be written down by us."""
    decided = decide(change(_withheld()))
    assert decided.call is None
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == Reason.HELD


def test_agreed_before_observe_is_claimed_by_the_look_after() -> None:
    """A suggestion becomes a question first (the table has no shorter way), then runs at once."""
    known = approved(facts())
    observed = replace(known, cluster=cluster(mode=Mode.OBSERVE))
    back = replace(stored(observed, decide(observed)), cluster=cluster())
    first = decide(back)
    assert first.status.phase is Phase.PENDING
    assert first.call is None
    assert first.look_again_at == back.now
    assert decide(stored(back, first)).call is not None
