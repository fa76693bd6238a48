"""Plans and timed reverts on the real control plane: counted from PD's side, whoever leads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.operator.scene import FAST_LEASE, Scene, evict_leaders, set_limit

pytestmark = pytest.mark.contract
"""The whole of it runs in make contract, a smoke of it in make test."""

LIMIT_ZERO = {"leader-schedule-limit": 0}
LIMIT_DEFAULT = {"leader-schedule-limit": 4}


@pytest.fixture
def blocked(scene: Scene) -> Iterator[Scene]:
    """A scene in whose PD no eviction can progress until the test lets it."""
    scene.box.pd.post("/config", LIMIT_ZERO)
    yield scene
    scene.box.pd.post("/config", LIMIT_DEFAULT)


def plan(*steps: dict[str, Any]) -> dict[str, Any]:
    """The action Plan."""
    return {"type": "Plan", "plan": {"steps": list(steps)}}


def stop_evicting(store_id: int) -> dict[str, Any]:
    """The action StopEvictLeaders."""
    return {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": store_id}}


def paths(scene: Scene) -> list[str]:
    """Method and end of the path of every call that PD got."""
    return [f"{call.method} {call.path.rsplit('/v1', 1)[1]}" for call in scene.calls()]


LIMIT_2_THEN_EVICT_4 = plan(set_limit(2, 21), evict_leaders(4), stop_evicting(4))


def approved(scene: Scene, name: str, action: dict[str, Any], **ask: Any) -> None:
    """File it and let as many approve as it needs."""
    scene.file(name, action, **ask)
    scene.await_phase(name, "Pending")
    scene.approve(name)


@pytest.mark.smoke
def test_steps_run_in_order_each_once(scene: Scene) -> None:
    """A limit, an eviction to its end, and the end of the eviction: three calls in PD's journal."""
    approved(scene, "maintenance", LIMIT_2_THEN_EVICT_4)
    status = scene.await_phase("maintenance", "Succeeded", timeout_seconds=60)
    assert [step["planStep"] for step in status["execution"]["steps"]] == [1, 2, 3]
    assert paths(scene) == [
        "POST /store/2/limit",
        "POST /schedulers",
        "DELETE /scheduler-config/evict-leader-scheduler/delete/4",
    ]


def test_a_killed_operator_does_no_step_twice(blocked: Scene) -> None:
    """Kill -9 while the second step waits: the next process goes on from the journal."""
    scene, box = blocked, blocked.box
    approved(scene, "maintenance", LIMIT_2_THEN_EVICT_4)
    waiting = scene.await_phase("maintenance", "Executing", reason="PreconditionWaiting")
    assert "leader-schedule-limit is 0" in waiting["message"]
    box.operator(1).kill()
    box.operator(1).start(FAST_LEASE)
    box.pd.post("/config", LIMIT_DEFAULT)
    scene.await_phase("maintenance", "Succeeded", timeout_seconds=60)
    assert [path.split()[1] for path in paths(scene)][:2] == ["/store/2/limit", "/schedulers"]
    assert len(paths(scene)) == 3


def test_suspend_between_two_steps_stops_the_next_call(blocked: Scene) -> None:
    """What was done stands, nothing more is sent, and it goes on when the suspend ends."""
    scene, box = blocked, blocked.box
    approved(scene, "maintenance", LIMIT_2_THEN_EVICT_4)
    scene.await_phase("maintenance", "Executing", reason="PreconditionWaiting")
    scene.configure(suspend=True)
    box.pd.post("/config", LIMIT_DEFAULT)
    scene.await_phase("maintenance", "Executing", reason="Suspended")
    assert paths(scene) == ["POST /store/2/limit"]
    scene.configure(suspend=False)
    scene.await_phase("maintenance", "Succeeded", timeout_seconds=60)
    assert len(paths(scene)) == 3


def test_a_plan_cancelled_between_two_steps_says_what_stands(blocked: Scene) -> None:
    """No further call, not even an undo; the line that takes it back is printed."""
    scene = blocked
    approved(scene, "maintenance", LIMIT_2_THEN_EVICT_4)
    scene.await_phase("maintenance", "Executing", reason="PreconditionWaiting")
    scene.cancel("maintenance")
    status = scene.await_phase("maintenance", "Failed", reason="Cancelled")
    assert "Left to do by hand: POST /pd/api/v1/store/2/limit" in status["message"]
    assert paths(scene) == ["POST /store/2/limit"]


def test_a_step_that_misses_its_goal_takes_the_whole_plan_back(scene: Scene) -> None:
    """Leaders do not leave in time: the eviction ends, then the limits are as before."""
    before = scene.box.pd.get("/stores/limit")
    scene.configure(policy={"overrides": [{"type": "EvictLeaders", "timeout": "2s"}]})
    asks = plan(set_limit(2, 21), set_limit(3, 22), evict_leaders(4), set_limit(1, 23))
    scene.file("maintenance", asks)
    scene.await_phase("maintenance", "Pending")
    scene.box.tikvsim.store(4, "hang")
    scene.approve("maintenance")
    status = scene.await_phase("maintenance", "RolledBack", timeout_seconds=60)
    assert paths(scene) == [
        "POST /store/2/limit",
        "POST /store/3/limit",
        "POST /schedulers",
        "DELETE /scheduler-config/evict-leader-scheduler/delete/4",
        "POST /store/3/limit",
        "POST /store/2/limit",
    ]
    assert scene.box.pd.get("/stores/limit") == before
    assert [step["kind"] for step in status["execution"]["steps"]][3:] == ["Undo"] * 3


EVICT_4_BESIDE_LIMIT_2 = plan(
    {**evict_leaders(4), "group": "maintenance"},
    {**set_limit(2, 21), "group": "maintenance"},
    stop_evicting(4),
)


def _states(scene: Scene) -> list[str]:
    return [step["state"] for step in scene.status("maintenance")["execution"]["steps"]]


def test_steps_of_a_group_work_beside_each_other_through_a_kill(scene: Scene) -> None:
    """Store 4's leaders stay while it hangs: the limit beside it is set meanwhile, the step after
    the group waits. The next process knows from the journal that both calls were sent.
    """
    box = scene.box
    scene.file("maintenance", EVICT_4_BESIDE_LIMIT_2)
    scene.await_phase("maintenance", "Pending")
    box.tikvsim.store(4, "hang")
    scene.approve("maintenance")
    box.wait_for(lambda: box.pd.get("/stores/limit")["2"]["add-peer"] == 21, 30, "the limit")
    box.wait_for(lambda: _states(scene)[0] == "Begun", 30, "the eviction to be on record")
    box.operator(1).kill()
    box.operator(1).start(FAST_LEASE)
    box.tikvsim.store(4, "hang", off=True)
    status = scene.await_phase("maintenance", "Succeeded", timeout_seconds=60)
    assert [step["state"] for step in status["execution"]["steps"]] == ["Done"] * 3
    assert paths(scene) == [
        "POST /schedulers",
        "POST /store/2/limit",
        "DELETE /scheduler-config/evict-leader-scheduler/delete/4",
    ]


def test_a_group_is_taken_back_in_the_reverse_order_of_its_calls(scene: Scene) -> None:
    """The eviction misses its goal in its time: the limit, done beside it, goes back first."""
    before = scene.box.pd.get("/stores/limit")
    scene.configure(policy={"overrides": [{"type": "EvictLeaders", "timeout": "3s"}]})
    scene.file("maintenance", EVICT_4_BESIDE_LIMIT_2)
    scene.await_phase("maintenance", "Pending")
    scene.box.tikvsim.store(4, "hang")
    scene.approve("maintenance")
    scene.await_phase("maintenance", "RolledBack", timeout_seconds=60)
    assert paths(scene) == [
        "POST /schedulers",
        "POST /store/2/limit",
        "POST /store/2/limit",
        "DELETE /scheduler-config/evict-leader-scheduler/delete/4",
    ]
    assert scene.box.pd.get("/stores/limit") == before


def test_an_action_takes_itself_back_also_when_nobody_was_there(scene: Scene) -> None:
    """The operator is down at that moment; the one that starts later takes it back, once."""
    box = scene.box
    before = box.pd.get("/stores/limit")["2"]["add-peer"]
    approved(scene, "for-a-while", set_limit(2, 60), revertAfter="12s")
    active = scene.await_phase("for-a-while", "Active")
    assert active["reason"] == "Active"
    assert box.pd.get("/stores/limit")["2"]["add-peer"] == 60
    box.operator(1).kill()
    box.operator(1).start(FAST_LEASE)
    status = scene.await_phase("for-a-while", "Succeeded", reason="Reverted", timeout_seconds=60)
    assert [step["kind"] for step in status["execution"]["steps"]] == ["Forward", "Undo"]
    assert box.pd.get("/stores/limit")["2"]["add-peer"] == before
    assert len(scene.calls()) == 2


def test_what_an_active_proposal_holds_is_not_touched_by_another(scene: Scene) -> None:
    """The second says which proposal works on what, and waits for it."""
    approved(scene, "for-a-while", set_limit(2, 60), revertAfter="20s")
    scene.await_phase("for-a-while", "Active")
    approved(scene, "other-store", set_limit(3, 61))
    scene.await_phase("other-store", "Succeeded")
    approved(scene, "same-store", set_limit(2, 62))
    held = scene.await_phase("same-store", "Approved", reason="Busy")
    assert "proposal for-a-while (SetStoreLimit) works on store 2" in held["message"]
    scene.await_phase("for-a-while", "Succeeded", reason="Reverted", timeout_seconds=60)
    scene.await_phase("same-store", "Succeeded", timeout_seconds=60)


def test_a_wait_may_last_longer_than_the_step_before_it(scene: Scene) -> None:
    """The fact comes after the time in which the limit had to show: the plan goes on."""
    scene.configure(policy={"overrides": [{"type": "SetStoreLimit", "timeout": "5s"}]})
    leaderless = {"fact": "StoreWithoutLeaders", "storeId": 4, "timeout": "2m"}
    asks = plan({**set_limit(2, 21), "waitUntil": leaderless}, set_limit(3, 22))
    approved(scene, "maintenance", asks)
    waiting = scene.await_phase("maintenance", "Executing", reason="Waiting")
    verify_by = datetime.fromisoformat(waiting["execution"]["steps"][0]["verifyBy"])
    scene.box.wait_for(lambda: datetime.now(UTC) > verify_by, 30, "the time to be over")
    scene.evict(4)
    scene.await_phase("maintenance", "Succeeded", timeout_seconds=60)
    assert paths(scene) == ["POST /store/2/limit", "POST /store/3/limit"]
