"""What stands in the way of a proposal: all of it, each once, and the lines that end it."""

from typing import Any

import pytest

from assent.cli.decision_command import approve
from assent.cli.failures import Exit
from assent.cli.listing import status_cell
from assent.cli.next_step import after_yes, in_the_way, next_commands, next_step
from assent.cli.proposal import Proposal
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import NOW, Desk, recorded

NAME = "fill-store-2"
SUSPENDED = "TiKVCluster prod is suspended"
HALTED = "Halt stop stops everything (leaders move)"
NOWHERE = "there is no TiKVCluster prod in namespace tikv"
MISSING = "PD does not show what it names"
GROUP = "action.plan.steps[1].group: the step is High; in a group all are Low or Medium"


def gate(name: str, message: str, verdict: str = "hold") -> dict[str, str]:
    return {"name": name, "verdict": verdict, "message": message}


BRAKES = [
    gate("NotSuspended", f"{SUSPENDED}: kubectl -n tikv patch tikvc prod -p '{{}}'"),
    gate("NotHalted", f"{HALTED}: kubectl delete halt stop"),
]


def held(**status: Any) -> dict[str, Any]:
    """Approved, suspended, and halted, too."""
    message = f"Approved; waiting: {SUSPENDED}: kubectl -n tikv patch tikvc prod -p '{{}}'"
    more = {"phase": "Approved", "reason": "Suspended", "message": message, "gates": BRAKES}
    return recorded("pending-high", **{**more, **status})


def test_two_brakes_are_both_named_and_none_twice(desk: Desk) -> None:
    """Whoever ends the first would wonder for long why nothing goes on."""
    desk.has(held())
    out = desk.runs(proposals, "show", NAME).out
    now = out.partition("Why it is not running")[2]
    assert now.count(SUSPENDED) == 1
    assert f"  Also in the way: {HALTED}\n" in now
    assert "  Next: wait: the cluster is suspended (and 1 more)\n" in now
    assert "  kubectl proposals resume prod -n tikv\n  kubectl proposals unhalt stop\n" in now


def test_what_the_message_says_is_not_said_again(desk: Desk) -> None:
    """Whatever its first letter is."""
    desk.has(held(reason="Halted", gates=BRAKES[1:], message=f"Waiting: h{HALTED[1:]}. To go on"))
    out = desk.runs(proposals, "show", NAME).out
    assert "Also in the way" not in out


def test_who_approves_hears_of_all_that_holds(desk: Desk) -> None:
    """The call is not sent when the first of them ends."""
    found = held(phase="Pending", reason="AwaitingApproval", approvals={"missing": 1})
    assert after_yes(Proposal(found)) == (
        f"It waits until these end: {SUSPENDED}; {HALTED}. Then the call is sent, once."
    )
    desk.has(found)
    desk.is_told("patch", "patched")
    assert "It waits until these end:" in desk.runs(approve, NAME).out


def test_the_same_obstacle_of_two_checks_is_one() -> None:
    """A refusal goes first, as it cannot heal."""
    twice = [gate("A", "busy"), gate("B", "busy"), gate("C", "no store 9", "deny")]
    assert in_the_way(Proposal(held(gates=twice))) == ["no store 9", "busy"]


@pytest.mark.parametrize("reason", ["Suspended", "Halted", "NotBefore"])
def test_every_brake_that_stands_has_its_line(reason: str) -> None:
    """Whichever of them the reason names; a clock is no brake."""
    assert next_commands(Proposal(held(reason=reason))) == [
        "kubectl proposals resume prod -n tikv",
        "kubectl proposals unhalt stop",
    ]


def test_each_of_several_halts_has_its_line() -> None:
    """Of several, unhalt without a name only asks which; an older operator named none."""
    two = gate("NotHalted", f"{HALTED}, and 1 more: kubectl delete halt stop upgrade")
    assert next_commands(Proposal(held(reason="Halted", gates=[two]))) == [
        "kubectl proposals unhalt stop",
        "kubectl proposals unhalt upgrade",
    ]
    unnamed = Proposal(held(reason="Halted", gates=[gate("NotHalted", HALTED)]))
    assert next_commands(unnamed) == ["kubectl proposals unhalt"]


def test_what_cannot_be_assessed_says_why(desk: Desk) -> None:
    """That the operator assesses it would be untrue, for as long as PD lacks what it names."""
    found = recorded("pending-high", message=f"Cannot be assessed yet: {MISSING}", digest=None)
    assert next_step(Proposal(found), NOW) == f"wait: {MISSING}"
    gone = "ValidatingAdmissionPolicyBinding assent-approvals is not installed"
    open_gate = recorded("pending-high", message=f"Cannot be assessed yet: {gone}", digest=None)
    open_gate["status"]["reason"] = "GateNotInstalled"
    assert next_step(Proposal(open_gate), NOW).startswith("repair: "), "nobody else does it"
    stopped = f"Cannot be assessed yet: {HALTED}: kubectl delete halt stop"
    halted = Proposal(recorded("pending-high", message=stopped, digest=None))
    assert next_step(halted, NOW) == f"wait: {HALTED}", "no line for those without the plugin"
    desk.has(found)
    done = desk.runs(approve, NAME)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert done.err == f"{NAME}: it cannot be assessed yet: {MISSING}.\n"
    waits = held(reason="NotBefore", gates=[gate("NotBefore", "starts no earlier than 22:00")])
    assert next_commands(Proposal(waits)) == []


@pytest.mark.parametrize("phase", ["", "Pending", "Suggested", "Approved"])
def test_without_its_cluster_nobody_is_asked_to_approve(desk: Desk, phase: str) -> None:
    """Its clusterRef cannot change: it is never assessed, nor carried out."""
    found = recorded(
        "pending-high",
        phase=phase, reason="ClusterNotReady", message=f"Cannot be assessed yet: {NOWHERE}",
        gates=[gate("ClusterReady", NOWHERE)], digest=None, assessed=None,
    )  # fmt: skip
    desk.has(found)
    out = desk.runs(proposals, "show", NAME).out
    assert "  Next: create TiKVCluster prod, or delete this and file it anew\n" in out
    assert "kubectl approve" not in out
    assert out.partition("Why it is not running")[2].count(NOWHERE) == 1
    if phase in ("", "Pending"):
        done = desk.runs(approve, NAME)
        assert done.code == Exit.NOT_NOW
        assert done.err.startswith(f"{NAME}: there is no TiKVCluster prod. Create it, or file")


def test_what_is_not_assessed_yet_has_no_line_to_approve_it() -> None:
    """It would be refused."""
    found = recorded("pending-high")
    found["spec"]["action"]["setStoreLimit"]["ratePerMinute"] = 60
    assert next_commands(Proposal(found)) == []


@pytest.mark.parametrize("phase", ["Pending", "Approved"])
def test_a_step_too_risky_for_its_group_can_be_taken_out(phase: str) -> None:
    """The check does not end by itself while the step's risk stands."""
    found = Proposal(held(phase=phase, reason="RiskyGroup", gates=[gate("Groups", GROUP)]))
    assert next_step(found, NOW) == "take step 2 out of its group, or wait until it is less risky"
    assert next_commands(found) == [f"kubectl proposals modify {NAME} 2.group= -n tikv"]
    other = gate("Groups", "action.plan.steps[1].group: name one otherwise", "deny")
    assert next_step(Proposal(held(gates=[other])), NOW).startswith("wait: ")


def test_what_was_left_standing_on_purpose_is_nothing_to_mend(desk: Desk) -> None:
    """Somebody cancelled what would have taken itself back: they meant it, or take it back."""
    found = recorded("succeeded", phase="RollbackFailed", reason="Cancelled")
    assert status_cell(Proposal(found)) == "RollbackFailed (Cancelled)"
    desk.has(found)
    out = desk.runs(proposals, "show", NAME).out
    assert "  Next: nothing, if that was meant; else revert it\n" in out
    assert f"  kubectl proposals revert {NAME} -n tikv\n" in out
    broken = Proposal(recorded("succeeded", phase="RollbackFailed", reason="UndoFailed"))
    assert (status_cell(broken), next_step(broken, NOW)) == ("RollbackFailed", "mend by hand")


def test_show_does_not_tell_to_show(desk: Desk) -> None:
    """One looks at it already."""
    desk.has(recorded("succeeded", phase="RollbackFailed", reason="UndoFailed"))
    out = desk.runs(proposals, "show", NAME).out
    assert "  Next: mend by hand\n" in out
    assert "kubectl proposals show" not in out


def test_an_unknown_outcome_has_two_lines_that_a_shell_takes(desk: Desk) -> None:
    """One of them is said; and nothing of it was verified."""
    found = recorded("succeeded", phase="OutcomeUnknown", reason="AnswerLost")
    found["status"]["execution"]["steps"][0]["state"] = "Unknown"
    found["status"]["message"] = (
        "Nobody can know; it is never sent again. Find out, then say: kubectl -n tikv patch ap x"
    )
    desk.has(found)
    out = desk.runs(proposals, "show", NAME).out
    assert "it is never sent again\n" in out, "the line for those without the plugin is left out"
    for came in ("happened", "did-not-happen"):
        assert f"  kubectl proposals resolve {NAME} --{came} -n tikv\n" in out
    assert "  looked at  2026-11-21" in out
    assert "verified " not in out
