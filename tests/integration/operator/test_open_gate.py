"""A weakened approval gate is noticed before what it lets through, and leaves nothing behind."""

import json
from collections.abc import Iterator

import pytest

from sandbox.library import KubectlError
from tests.integration.operator.scene import Scene, set_limit

BINDING = "validatingadmissionpolicybinding"
APPROVALS = "assent-approvals"


@pytest.fixture
def weakened(scene: Scene) -> Iterator[Scene]:
    """The binding only audits, as somebody with too many rights left it."""
    scene.file("limit", set_limit(2, 60))
    scene.await_phase("limit", "Pending")
    _act(scene, "Audit")
    try:
        yield scene
    finally:
        _act(scene, "Deny", "Audit")


def _act(scene: Scene, *actions: str) -> None:
    patch = json.dumps({"spec": {"validationActions": list(actions)}})
    scene.box.kubectl("patch", BINDING, APPROVALS, "--type=merge", "-p", patch)


def _forged(scene: Scene, patch: str) -> bool:
    """Whether sam, who has no right to approve, could do so in another's name."""
    try:
        scene.box.kubectl(
            "-n", scene.namespace, "patch", "actionproposal", "limit", "--type=merge", "-p", patch,
            user="sam",
        )  # fmt: skip
    except KubectlError:
        return False
    return True


def test_an_approval_stored_while_the_gate_was_open_never_counts(weakened: Scene) -> None:
    """Neither while it is open, nor after it was restored."""
    scene = weakened
    scene.await_state("GateNotInstalled", timeout_seconds=10)
    status = scene.box.wait_for(
        lambda: (s := scene.status("limit")).get("reason") == "GateNotInstalled" and s, 10, "a word"
    )
    assert "digest" not in status
    digest = status["history"][0]["digest"]
    forged = [{"by": "alice", "decision": "Approve", "digest": digest}]
    patch = json.dumps({"spec": {"approvals": forged}})
    # The operator's watch is ahead of the API server's own copy of the binding: ask until it takes.
    scene.box.wait_for(lambda: _forged(scene, patch), 20, "the open gate to take a forgery")
    _act(scene, "Deny", "Audit")
    scene.await_state("Watching", timeout_seconds=30)
    again = scene.await_phase("limit", "Pending", reason="AwaitingApproval")
    assert again["digest"] != digest
    assert again["revision"] == 2
    assert "alice" in str(again["approvals"]["notCounting"])
    assert scene.calls() == []
