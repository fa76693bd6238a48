"""A weakened approval gate is noticed before what it lets through, and leaves nothing behind."""

import json
from collections.abc import Iterator

import pytest

from sandbox.library import KubectlError
from tests.integration.operator.scene import FAST_LEASE, Scene, evict_leaders, set_limit
from tests.integration.operator.test_plans import LIMIT_DEFAULT, LIMIT_ZERO, approved, paths, plan

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


def _forged(scene: Scene, patch: str, name: str = "limit") -> bool:
    """Whether sam could write what only the gate forbids: in another's name, or while it runs."""
    try:
        scene.box.kubectl(
            "-n", scene.namespace, "patch", "actionproposal", name, "--type=merge", "-p", patch,
            user="sam",
        )  # fmt: skip
    except KubectlError:
        return False
    return True


def test_an_approval_stored_while_the_gate_was_open_never_counts(weakened: Scene) -> None:
    """Neither while it is open, nor after it was restored."""
    scene = weakened
    scene.await_state("GateNotInstalled")
    status = scene.box.wait_for(
        lambda: (s := scene.status("limit")).get("reason") == "GateNotInstalled" and s, 30, "a word"
    )
    assert "digest" not in status
    digest = status["history"][0]["digest"]
    forged = [{"by": "alice", "decision": "Approve", "digest": digest}]
    patch = json.dumps({"spec": {"approvals": forged}})
    # The operator's watch is ahead of the API server's own copy of the binding: ask until it takes.
    scene.box.wait_for(lambda: _forged(scene, patch), 20, "the open gate to take a forgery")
    _act(scene, "Deny", "Audit")
    scene.await_state("Watching", timeout_seconds=60)
    again = scene.await_phase("limit", "Pending", reason="AwaitingApproval")
    assert again["digest"] != digest
    assert again["revision"] > 1  # one more for each time it was seen to be open
    assert "alice" in str(again["approvals"]["notCounting"])
    assert scene.calls() == []


@pytest.mark.contract
def test_a_plan_stops_while_the_gate_is_open_and_keeps_to_what_was_approved(scene: Scene) -> None:
    """Its next step is edited through the open gate: it waits, then does what people agreed to."""
    pd = scene.box.pd
    pd.post("/config", LIMIT_ZERO)
    try:
        approved(scene, "maintenance", plan(set_limit(2, 21), evict_leaders(4)))
        scene.await_phase("maintenance", "Executing", reason="PreconditionWaiting")
        _act(scene, "Audit")
        scene.await_state("GateNotInstalled")
        forged = json.dumps({"spec": {"action": plan(set_limit(2, 21), set_limit(3, 99))}})
        scene.box.wait_for(
            lambda: _forged(scene, forged, "maintenance"), 20, "the open gate to take an edit"
        )
        pd.post("/config", LIMIT_DEFAULT)
        scene.await_phase("maintenance", "Executing", reason="GateNotInstalled")
        assert paths(scene) == ["POST /store/2/limit"]
    finally:
        pd.post("/config", LIMIT_DEFAULT)
        _act(scene, "Deny", "Audit")
    scene.await_phase("maintenance", "Succeeded", timeout_seconds=60)
    assert paths(scene) == ["POST /store/2/limit", "POST /schedulers"]


@pytest.mark.contract
def test_a_gate_that_was_away_while_nobody_led_voids_what_was_said(scene: Scene) -> None:
    """Uninstalled with the operator and installed again, word for word: as shipped at each test."""
    box = scene.box
    scene.file("limit", set_limit(2, 60))
    asked = scene.await_phase("limit", "Pending")
    box.operator(1).stop()
    binding = box.get(BINDING, APPROVALS)
    box.kubectl("delete", BINDING, APPROVALS)
    try:
        forged = [{"by": "alice", "decision": "Approve", "digest": asked["digest"]}]
        patch = json.dumps({"spec": {"approvals": forged}})
        box.wait_for(lambda: _forged(scene, patch), 20, "the open gate to take a forgery")
    finally:
        kept = ("name", "labels", "annotations")
        meta = {key: value for key, value in binding["metadata"].items() if key in kept}
        again = json.dumps({**binding, "metadata": meta})
        box.kubectl("create", "-f", "-", input=again)
    box.operator(1).start(FAST_LEASE)
    status = box.wait_for(
        lambda: (s := scene.status("limit")).get("revision", 1) > 1 and s, 30, "a new revision"
    )
    assert "made anew" in status["revisionReason"]
    waiting = scene.await_phase("limit", "Pending", reason="AwaitingApproval")
    assert "alice" in str(waiting["approvals"]["notCounting"])
    assert scene.calls() == []
    scene.approve("limit")
    scene.await_phase("limit", "Succeeded")
    assert paths(scene) == ["POST /store/2/limit"]
