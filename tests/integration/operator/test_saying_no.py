"""Always a way to say no: modes, dry-run, suspend, halt, cancel, reject, expiry, tiers."""

from tests.integration.operator.scene import FAST_LEASE, Scene, evict_leaders, set_limit


def test_observe_only_suggests_until_the_mode_changes(stage: Scene) -> None:
    """Observe touches nothing; what it saw is not lost when the mode changes."""
    stage.watch(mode="Observe")
    stage.box.operator(1).start(FAST_LEASE)
    stage.await_state("Watching")
    stage.evict(4)
    found = stage.box.wait_for(lambda: stage.found("LeftoverEviction"), 60, "a suggestion")
    name = found["metadata"]["name"]
    stage.await_phase(name, "Suggested", reason="ObserveMode")
    stage.configure(mode="Approval")
    stage.await_phase(name, "Pending")
    assert stage.calls() == []


def test_a_dry_run_cluster_shows_the_call_and_sends_none(stage: Scene) -> None:
    """Dry-run is the default; an approval of a dry run is not one of the real thing."""
    stage.watch(dryRun=True)
    stage.box.operator(1).start(FAST_LEASE)
    stage.file("limit", set_limit(2, 60))
    rehearsed = stage.await_phase("limit", "Pending")
    assert rehearsed["effectiveDryRun"] is True
    stage.approve("limit")
    status = stage.await_phase("limit", "Succeeded", reason="DryRun")
    assert status["execution"]["steps"][0]["summary"].startswith("[DRY-RUN] would send POST")
    assert stage.calls() == []


def test_a_flip_of_dry_run_voids_what_was_approved(scene: Scene) -> None:
    """Held by a suspend, approved as real; then dry-run is switched on and off again."""
    scene.configure(suspend=True)
    scene.file("limit", set_limit(2, 60))
    real = scene.await_phase("limit", "Pending")
    scene.approve("limit")
    scene.await_phase("limit", "Approved", reason="Suspended")
    scene.configure(dryRun=True)
    dry = scene.await_phase("limit", "Pending")
    assert dry["digest"] != real["digest"]
    assert dry["revision"] == real["revision"] + 1
    assert "alice" in str(dry["approvals"]["notCounting"])
    scene.configure(suspend=False)
    assert scene.calls() == []


def test_suspend_holds_what_was_approved_and_lets_it_go_again(scene: Scene) -> None:
    """Every hold says why on the object, and nothing has to be approved again."""
    scene.configure(suspend=True)
    scene.await_state("Suspended")
    scene.file("limit", set_limit(2, 60))
    scene.await_phase("limit", "Pending")
    scene.approve("limit")
    scene.await_phase("limit", "Approved", reason="Suspended")
    assert scene.calls() == []
    scene.configure(suspend=False)
    scene.await_phase("limit", "Succeeded")
    assert len(scene.calls()) == 1


def test_a_halt_stops_everything_and_says_why(scene: Scene) -> None:
    """One object for the whole Kubernetes cluster; deleting it lets work go on."""
    halt = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": "incident-7"},
        "spec": {"reason": "we do not understand what we see"},
    }
    scene.box.apply(halt)
    try:
        scene.file("limit", set_limit(2, 60))
        scene.await_phase("limit", "Pending")
        scene.approve("limit")
        status = scene.await_phase("limit", "Approved", reason="Halted")
        assert "incident-7" in status["message"]
        assert scene.calls() == []
    finally:
        scene.box.kubectl("delete", "halt", "incident-7")
    scene.await_phase("limit", "Succeeded")


def test_cancel_ends_it_before_any_call(scene: Scene) -> None:
    """Open in every phase; here while people still decide."""
    scene.file("limit", set_limit(2, 60))
    scene.await_phase("limit", "Pending")
    scene.cancel("limit")
    scene.await_phase("limit", "Cancelled")
    assert scene.calls() == []


def test_an_edit_is_a_new_revision_that_its_editor_cannot_approve(scene: Scene) -> None:
    """What runs is what was approved: the edited text, by somebody else."""
    scene.file("limit", set_limit(2, 90))
    first = scene.await_phase("limit", "Pending")
    scene.edit("limit", "alice", set_limit(2, 45))
    second = scene.box.wait_for(
        lambda: (s := scene.status("limit")).get("revision") == 2 and s, 20, "revision 2"
    )
    assert second["digest"] != first["digest"]
    scene.approve("limit", by="bert")
    scene.await_phase("limit", "Succeeded")
    assert [call.json()["rate"] for call in scene.calls()] == [45]


def test_nobody_decides_in_time(stage: Scene) -> None:
    """An old yes to an old picture is worth nothing."""
    stage.watch(policy={"expireAfter": "3s"})
    stage.box.operator(1).start(FAST_LEASE)
    stage.file("limit", set_limit(2, 60))
    stage.await_phase("limit", "Expired")
    assert stage.calls() == []


def test_a_tier_above_the_ceiling_never_runs(stage: Scene) -> None:
    """MaxTier holds, approved or not."""
    stage.watch(policy={"maxTier": "Low"})
    stage.box.operator(1).start(FAST_LEASE)
    stage.file("evict", evict_leaders(2))
    status = stage.box.wait_for(
        lambda: (s := stage.status("evict")).get("phase") == "Failed" and s, 30, "its refusal"
    )
    assert status["reason"] == "TierNotAllowed"
    assert stage.calls() == []


def test_two_approvals_are_two_people(scene: Scene) -> None:
    """More than ten times the old limit is High: one yes is not enough."""
    limits = scene.box.pd.get("/stores/limit")
    scene.file("bold", set_limit(3, min(1000, int(limits["3"]["add-peer"]) * 20)))
    status = scene.await_phase("bold", "Pending")
    assert status["risk"]["tier"] == "High"
    scene.approve("bold", by="alice")
    status = scene.box.wait_for(
        lambda: (s := scene.status("bold"))["approvals"]["given"] == 1 and s, 20, "one seat"
    )
    assert (status["phase"], status["approvals"]["summary"]) == ("Pending", "1/2")
    scene.approve("bold", by="bert")
    scene.await_phase("bold", "Succeeded")
    assert len(scene.calls()) == 1
