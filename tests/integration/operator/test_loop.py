"""The main job on the real parts: found, proposed, approved, done once, proved, recorded."""

import pytest

from sandbox.records import ApiRequest
from tests.integration.operator.scene import Scene, evict_leaders, set_limit, stop_evicting


def test_a_leftover_eviction_is_found_approved_and_ended_once(scene: Scene) -> None:
    """The whole loop. Effects are counted in PD's journal, never in our own words."""
    scene.evict(4)
    found = scene.box.wait_for(lambda: scene.found("LeftoverEviction"), 60, "a proposal")
    name = found["metadata"]["name"]
    assert found["spec"]["action"] == stop_evicting(4)
    assert found["status"]["phase"] == "Pending"
    assert f"kubectl -n {scene.namespace} patch ap {name}" in found["status"]["message"]

    scene.approve(name)
    status = scene.await_phase(name, "Succeeded", reason="Done")

    assert [(call.method, call.path, call.status) for call in scene.calls()] == [
        ("DELETE", "/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/4", 200)
    ]
    assert "evict-leader-scheduler" not in scene.box.pd.schedulers()
    assert scene.box.pd.leader_counts()[4] > 0
    step = status["execution"]["steps"][0]
    assert {fact["name"]: fact["value"] for fact in step["before"]}["evicted"] == "true"
    assert {fact["name"]: fact["value"] for fact in step["after"]}["evicted"] == "false"
    assert [entry["phase"] for entry in status["history"]] == ["Pending", "Executing", "Succeeded"]


def test_one_api_write_stands_between_approval_and_call(scene: Scene) -> None:
    """The claim is the intent. More writes would cost time; fewer would lose the journal."""
    scene.file("faster", set_limit(2, 60))
    scene.await_phase("faster", "Pending")
    scene.approve("faster")
    scene.await_phase("faster", "Succeeded")
    (call,) = scene.calls()
    # The audit log has a write only after whoever watches has seen it.
    scene.box.wait_for(lambda: len(_since_yes(scene)) >= 2, 30, "the outcome to be on record")
    after = _since_yes(scene)
    assert len([item for item in after if item.finished < call.started]) == 1
    assert len(after) == 2  # the intent and the outcome


def _since_yes(scene: Scene) -> list[ApiRequest]:
    """What the operator has stored of the proposal `faster` since alice approved it."""
    mine = [item for item in scene.box.audit() if item.namespace == scene.namespace]
    said = [item.received for item in mine if item.user == "alice" and item.persists]
    return [
        item
        for item in scene.writes(("actionproposals",))
        if item.name == "faster" and said and item.received > said[0]
    ]


@pytest.mark.contract
def test_a_lifecycle_costs_few_writes_and_idling_none(scene: Scene) -> None:
    """Five persisted writes at most for a proposal of detection's own, and then silence."""
    scene.evict(3)
    found = scene.box.wait_for(lambda: scene.found("LeftoverEviction"), 60, "a proposal")
    start = [item.name for item in scene.writes()].count(found["metadata"]["name"])
    assert start <= 2
    scene.approve(found["metadata"]["name"])
    scene.await_phase(found["metadata"]["name"], "Succeeded")
    mine = [item for item in scene.writes() if item.resource == "actionproposals"]
    assert len(mine) <= 5

    # Five cycles without any change: counted by PD's journal, so that nothing is slept for.
    scene.box.wait_for(lambda: not scene.status("prod", "tikvcluster").get("diagnoses"), 30, "calm")
    # One cycle before them, for the audit log has a write only after whoever watches has seen it.
    seen = _cycles(scene)
    scene.box.wait_for(lambda: _cycles(scene) > seen, 30, "one more detection cycle")
    settled = len(scene.writes())
    scene.box.wait_for(lambda: _cycles(scene) > seen + 5, 60, "five more detection cycles")
    assert scene.writes()[settled:] == []


def _cycles(scene: Scene) -> int:
    return sum(
        1
        for item in scene.box.pd_journal()
        if item.path == "/pd/api/v1/stores" and item.caller == "assent"
    )


@pytest.mark.contract
def test_a_rejected_proposal_silences_its_problem(scene: Scene) -> None:
    """Asking again and again for what a person refused is how tools get switched off."""
    scene.evict(4)
    found = scene.box.wait_for(lambda: scene.found("LeftoverEviction"), 60, "a proposal")
    scene.reject(found["metadata"]["name"])
    scene.await_phase(found["metadata"]["name"], "Rejected")
    seen = _cycles(scene)
    scene.box.wait_for(lambda: _cycles(scene) >= seen + 5, 30, "five more detection cycles")
    assert len(scene.proposals()) == 1
    assert scene.calls() == []


@pytest.mark.contract
def test_a_problem_that_goes_away_takes_its_proposal_with_it(scene: Scene) -> None:
    """Somebody ended the eviction by hand: nobody should still be asked."""
    scene.evict(4)
    found = scene.box.wait_for(lambda: scene.found("LeftoverEviction"), 60, "a proposal")
    scene.box.pd.delete("/schedulers/evict-leader-scheduler")
    scene.await_phase(found["metadata"]["name"], "Superseded", reason="ProblemGone")
    assert scene.calls() == []


@pytest.mark.contract
def test_eviction_and_its_end_both_work_by_hand(scene: Scene) -> None:
    """A person files both, as before and after maintenance."""
    scene.file("evict", evict_leaders(2))
    scene.await_phase("evict", "Pending")
    scene.approve("evict")
    scene.await_phase("evict", "Succeeded", timeout_seconds=60)
    assert scene.box.pd.leader_counts()[2] == 0
    scene.file("back", stop_evicting(2))
    scene.await_phase("back", "Pending")
    scene.approve("back")
    scene.await_phase("back", "Succeeded", timeout_seconds=60)
    assert [call.method for call in scene.calls()] == ["POST", "DELETE"]


def test_a_leader_is_transferred_and_the_stores_carried_it_out(scene: Scene) -> None:
    """Seen in PD's topology and in the simulated stores' own log."""
    # PD may still balance leaders after another test: it takes none from where there are fewest.
    counts = scene.box.pd.leader_counts()
    regions = scene.box.pd.get("/regions/key?key=&limit=300")["regions"]
    region = min(regions, key=lambda one: counts[one["leader"]["store_id"]])
    leader = region["leader"]["store_id"]
    target = next(peer["store_id"] for peer in region["peers"] if peer["store_id"] != leader)
    action = {"regionId": region["id"], "toStoreId": target}
    scene.file("move", {"type": "TransferLeader", "transferLeader": action})
    scene.await_phase("move", "Pending")
    scene.approve("move")
    scene.await_phase("move", "Succeeded")
    assert [call.path for call in scene.calls()] == ["/pd/api/v1/operators"]
    moved = [
        item
        for item in scene.box.effects()
        if item["kind"] == "transfer_leader" and item["region"] == region["id"]
    ]
    assert moved


def test_what_is_already_so_needs_no_call(scene: Scene) -> None:
    """The limit already is what is asked: success, and PD hears nothing."""
    limits = scene.box.pd.get("/stores/limit")
    scene.file("same", set_limit(1, int(limits["1"]["add-peer"])))
    status = scene.await_phase("same", "Pending")
    assert status["digest"]
    scene.approve("same")
    scene.await_phase("same", "Succeeded", reason="AlreadyDone")
    assert scene.calls() == []
