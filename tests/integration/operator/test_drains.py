"""Draining a store: hours of waiting that stand in nobody's way, and the way back."""

from collections.abc import Iterator

import pytest

from tests.integration.operator.scene import Scene, set_limit

DRAIN_4 = {"type": "DrainStore", "drainStore": {"storeId": 4}}
LIMITS = ("region-schedule-limit", "replica-schedule-limit")
CANCEL_4 = {"type": "CancelDrain", "cancelDrain": {"storeId": 4}}
WEIGHT_4 = {
    "type": "SetStoreWeight",
    "setStoreWeight": {"storeId": 4, "leaderWeightPercent": 50, "regionWeightPercent": 100},
}


pytestmark = pytest.mark.contract


def state(scene: Scene) -> str:
    """Store 4 as PD shows it."""
    return str(scene.box.pd.get("/store/4")["store"]["state_name"])


def test_a_drain_waits_beside_other_work_and_is_called_off(scene: Scene) -> None:
    """It says how far it is; another store's action runs meanwhile; CancelDrain brings the store
    and its remove-peer limit back, and the drain ends by what PD shows.
    """
    box = scene.box
    before = box.pd.get("/stores/limit")["4"]
    scene.file("drain", DRAIN_4)
    asked = scene.await_phase("drain", "Pending")
    assert asked["risk"]["tier"] == "High"
    assert asked["approvals"]["needed"] == 2
    for person in ("alice", "bert"):
        scene.approve("drain", person)

    waiting = scene.await_phase("drain", "Executing", reason="Waiting", timeout_seconds=60)

    assert "Store 4 still holds" in waiting["message"]
    assert state(scene) == "Offline"
    assert box.pd.get("/stores/limit")["4"]["remove-peer"] > before["remove-peer"]

    scene.file("beside", set_limit(2, 33))
    scene.await_phase("beside", "Pending")
    scene.approve("beside")
    scene.await_phase("beside", "Succeeded")

    scene.file("again", WEIGHT_4)
    scene.await_phase("again", "Pending")
    scene.approve("again")
    held = scene.await_phase("again", "Approved")
    assert "drain" in held["message"]
    scene.cancel("again")

    scene.file("call-off", CANCEL_4)
    scene.await_phase("call-off", "Pending")
    scene.approve("call-off")
    scene.await_phase("call-off", "Succeeded", timeout_seconds=60)
    ended = scene.await_phase("drain", "Failed", reason="ChangedSince", timeout_seconds=60)

    assert "called it off" in ended["message"]
    assert state(scene) == "Up"
    assert box.pd.get("/stores/limit")["4"]["remove-peer"] == before["remove-peer"]
    paths = [call.path.rsplit("/v1", 1)[1].split("?")[0] for call in scene.calls()]
    assert paths[0] == "/store/4"
    assert "/store/4/state" in paths


@pytest.fixture
def stuck(scene: Scene) -> Iterator[Scene]:
    """A drain that PD took and does not carry out; the store is brought back afterwards."""
    box = scene.box
    was = box.pd.get("/config/schedule")
    scene.file("drain", DRAIN_4)
    scene.await_phase("drain", "Pending")
    for person in ("alice", "bert"):
        scene.approve("drain", person)
    scene.await_phase("drain", "Executing", reason="Waiting", timeout_seconds=60)
    box.pd.post("/config", dict.fromkeys(LIMITS, 0))
    yield scene
    box.pd.post("/config", {name: was[name] for name in LIMITS})
    box.pd.post("/store/4/state?state=Up", {})
    box.wait_for(lambda: state(scene) == "Up", 30, "store 4 to be up again")


def test_a_drain_that_is_stuck_is_cancelled_at_once(stuck: Scene) -> None:
    """Nothing moves, so nothing is stored that a cancel could conflict with. PD goes on, and the
    record says so.
    """
    stuck.cancel("drain")
    ended = stuck.await_phase("drain", "Failed", reason="Cancelled", timeout_seconds=20)
    assert "sam cancelled it; no further call is sent, and PD goes on" in ended["message"]
    assert state(stuck) == "Offline"
