"""What people say, from the API server to PD: a broken glass, edits, second thoughts."""

import json
import urllib.request
from typing import Any

import pytest

from sandbox.library import KubectlError
from tests.integration.operator.conftest import OPERATOR
from tests.integration.operator.scene import Scene, set_limit

WHY = "bert and ann are on a plane until noon"
BINDING = "validatingadmissionpolicybinding"


@pytest.fixture
def two(scene: Scene) -> Scene:
    """A cluster where two are needed for anything, and Alice may break the glass."""
    scene.configure(policy={"approvalsNeeded": {"low": 2, "medium": 2}})
    scene.box.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "alice-glass", "namespace": scene.namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "assent-glass-breaker",
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}
            ],
        }
    )
    scene.file("limit", set_limit(2, 60))
    scene.box.wait_for(
        lambda: scene.status("limit").get("approvals", {}).get("needed") == 2, 30, "two needed"
    )
    scene.await_right("alice", "break-glass", "medium")
    return scene


def say(scene: Scene, by: str, **fields: str) -> None:
    """Write this person's seat for the digest that stands, beside all others."""
    found = scene.get("limit")
    seat = {"by": by, "decision": "Approve", "digest": found["status"]["digest"], **fields}
    others = [item for item in found["spec"].get("approvals", []) if item["by"] != by]
    write(scene, by, {"approvals": [*others, seat]})


def write(scene: Scene, by: str, spec: dict[str, Any]) -> None:
    patch = json.dumps({"spec": spec})
    scene.box.kubectl(
        "-n", scene.namespace, "patch", "ap", "limit", "--type=merge", "-p", patch, user=by
    )


def events(scene: Scene, reason: str) -> list[dict[str, Any]]:
    """Return the Events of that reason in the namespace."""
    items = scene.box.get("events", "-n", scene.namespace)["items"]
    return [item for item in items if item["reason"] == reason]


def metric(scene: Scene, line: str) -> float:
    """Return the value that the operator serves under this name and labels."""
    url = f"{scene.box.operator(OPERATOR).url}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own, on loopback
        text = answer.read().decode()
    (value,) = [item.rsplit(" ", 1)[1] for item in text.splitlines() if item.startswith(f"{line} ")]
    return float(value)


def test_one_person_breaks_the_glass_and_everybody_hears_it(two: Scene) -> None:
    """It runs, once; Event, metric and record say who stood in for whom, and why."""
    counter = f'assent_glass_broken_total{{tier="{two.status("limit")["risk"]["tier"]}"}}'
    before = metric(two, counter)
    with pytest.raises(KubectlError, match="user bert may not break the glass for"):
        say(two, "bert", breakGlass=WHY)
    say(two, "alice", breakGlass=WHY)

    status = two.await_phase("limit", "Succeeded")

    assert len(two.calls()) == 1
    assert status["approvals"]["breakGlass"] == {"by": "alice", "reason": WHY, "standsInFor": 1}
    assert status["approvals"]["summary"] == "1/2 glass"
    says = f"alice broke the glass and stands in for 1 person who did not approve: {WHY}"
    assert any(says in entry["message"] for entry in status["history"])
    (event,) = two.box.wait_for(lambda: events(two, "GlassBroken"), 30, "the Event")
    assert (event["type"], event["message"]) == ("Warning", says)
    assert event["involvedObject"]["name"] == "limit"
    two.box.wait_for(lambda: metric(two, counter) == before + 1, 30, "the metric")


def test_a_broken_glass_waits_like_everybody(two: Scene) -> None:
    """Suspend is a safety check: it holds what one person agreed to as what two did."""
    two.configure(suspend=True)
    two.await_state("Suspended")
    say(two, "alice", breakGlass=WHY)
    status = two.await_phase("limit", "Approved", reason="Suspended")
    assert "alice broke the glass" in status["message"]
    assert two.calls() == []
    two.configure(suspend=False)
    two.await_phase("limit", "Succeeded")
    assert len(two.calls()) == 1


def test_an_approval_that_was_withdrawn_in_time_runs_nothing(scene: Scene) -> None:
    """Second thoughts while something holds it; afterwards only the way back is left."""
    scene.configure(suspend=True)
    scene.await_state("Suspended")
    scene.file("limit", set_limit(2, 60))
    scene.await_phase("limit", "Pending")
    say(scene, "alice")
    scene.await_phase("limit", "Approved", reason="Suspended")
    write(scene, "alice", {"approvals": None})
    scene.await_phase("limit", "Pending", reason="AwaitingApproval")
    scene.configure(suspend=False)
    scene.await_state("Watching")
    assert scene.calls() == []
    say(scene, "alice")
    scene.await_phase("limit", "Succeeded")
    with pytest.raises(KubectlError, match="kubectl proposals revert limit -n"):
        write(scene, "alice", {"approvals": None})


def test_an_edit_shows_what_was_asked_before_and_bars_all_who_wrote_it(scene: Scene) -> None:
    """Filed by Sam, edited by Alice: neither approves; `kubectl describe` shows the difference."""
    scene.file("limit", set_limit(2, 90))
    first = scene.await_phase("limit", "Pending")
    assert first["authors"] == ["sam"]
    assert "original" not in first
    scene.edit("limit", "alice", set_limit(2, 45))
    second = scene.box.wait_for(
        lambda: (s := scene.status("limit")).get("revision") == 2 and s, 20, "revision 2"
    )
    field = "action.setStoreLimit.ratePerMinute"
    assert second["original"] == first["assessed"]
    assert second["changes"] == [{"field": field, "was": "90", "now": "45"}]
    assert second["authors"] == ["sam", "alice"]
    assert second["revisionReason"] == f"alice changed {field}"
    assert f"revision 2, because alice changed {field}" in second["message"]
    shown = scene.box.kubectl("-n", scene.namespace, "describe", "ap", "limit")
    changes = shown[shown.index("Changes:") :][:200]
    assert changes.split()[:7] == ["Changes:", "Field:", field, "Now:", "45", "Was:", "90"]
    with pytest.raises(KubectlError, match="you proposed this"):
        say(scene, "alice")
    say(scene, "bert")
    scene.await_phase("limit", "Succeeded")
    assert [call.json()["rate"] for call in scene.calls()] == [45]


def test_a_gate_that_falls_is_told_of_at_the_cluster(scene: Scene) -> None:
    """Event and metric, when it falls and when it stands again; nothing runs between."""

    def act(*actions: str) -> None:
        patch = json.dumps({"spec": {"validationActions": list(actions)}})
        scene.box.kubectl("patch", BINDING, "assent-lease", "--type=merge", "-p", patch)

    scene.box.wait_for(
        lambda: metric(scene, "assent_gate_installed") == 1, 30, "a gate that stands"
    )
    act("Audit")
    try:
        (fell,) = scene.box.wait_for(lambda: events(scene, "GateNotInstalled"), 30, "the Event")
        assert metric(scene, "assent_gate_installed") == 0
    finally:
        act("Deny", "Audit")
    assert (fell["type"], fell["involvedObject"]["kind"]) == ("Warning", "TiKVCluster")
    assert "assent-lease is not as shipped: spec.validationActions" in fell["message"]
    (stands,) = scene.box.wait_for(lambda: events(scene, "GateInstalled"), 60, "the other Event")
    assert stands["type"] == "Normal"
    scene.await_state("Watching")
    assert metric(scene, "assent_gate_installed") == 1
