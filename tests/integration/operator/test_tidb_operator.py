"""Beside TiDB Operator, row by row of what it does: found before acting, named after being undone.

The actor plays TiDB Operator on the real API server and the real PD; what the gates and messages
say is read from the stored objects, and what was done from PD's side.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assent.core.model.snapshot import BALANCERS
from tests.integration.operator.scene import Scene, evict_leaders, set_limit, stop_evicting
from tests.support.tidb_operator_actor import EVICTION, TidbOperatorV1, TidbOperatorV2

pytestmark = pytest.mark.contract
"""The whole of it runs in make contract, a smoke of it in make test."""

JOB = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
DRAIN_4 = {"type": "DrainStore", "drainStore": {"storeId": 4}}
CANCEL_4 = {"type": "CancelDrain", "cancelDrain": {"storeId": 4}}


def refer_to(scene: Scene, kind: str, name: str = "basic") -> None:
    """Name TiDB Operator's object on the TiKVCluster, as its administrator."""
    scene.configure(pd={"tidbClusterRef": {"name": name, "kind": kind}})


@pytest.fixture
def v1(scene: Scene) -> TidbOperatorV1:
    """A cluster that v1 manages."""
    actor = TidbOperatorV1(scene.box, scene.namespace)
    refer_to(scene, "TidbCluster")
    noticed(scene)
    return actor


@pytest.fixture
def v2(scene: Scene) -> TidbOperatorV2:
    """A cluster that v2 manages."""
    actor = TidbOperatorV2(scene.box, scene.namespace)
    refer_to(scene, "Cluster")
    noticed(scene)
    return actor


@pytest.fixture
def still(scene: Scene) -> Iterator[None]:
    """Nothing moves off a store that leaves, and store 4 stays in the end."""
    scene.box.pd.post("/checker/rule", {"delay": 120})
    yield
    if state(scene) == "Offline":
        scene.box.pd.post("/store/4/state?state=Up")
    scene.box.pd.post("/checker/rule", {"delay": 0})


def noticed(scene: Scene) -> None:
    """Return once the operator has read the object again, as it does in every cycle."""

    def cycles() -> int:
        mine = [item for item in scene.box.pd_journal() if item.caller == "assent"]
        return sum(item.path == "/pd/api/v1/stores" for item in mine)

    seen = cycles()
    scene.box.wait_for(lambda: cycles() >= seen + 2, 30, "two more looks")


def state(scene: Scene) -> str:
    """Store 4 as PD shows it."""
    return str(scene.box.pd.get("/store/4")["store"]["state_name"])


def gate(status: dict[str, Any], name: str) -> tuple[str, str]:
    """The verdict and the sentence of one gate."""
    return next(
        (item["verdict"], item["message"]) for item in status["gates"] if item["name"] == name
    )


def refused(scene: Scene, name: str, action: dict[str, Any]) -> str:
    """File it by hand and see it denied as TiDB Operator's; return the sentence."""
    scene.file(name, action)
    status = scene.await_phase(name, "Failed", reason="PreconditionFailed")
    verdict, message = gate(status, "TidbOperatorsOwn")
    assert verdict == "deny"
    assert message.startswith("it belongs to TiDB Operator: ")
    assert message in status["message"]
    return message


@pytest.mark.parametrize(
    ("begin", "end", "busy"),
    [
        pytest.param(
            TidbOperatorV1.begin_upgrade, TidbOperatorV1.rest, "upgrade", id="upgrade of TiKV"
        ),
        pytest.param(
            TidbOperatorV1.begin_pd_upgrade, TidbOperatorV1.rest, "PD's upgrade",
            id="upgrade of PD",
        ),
        pytest.param(
            lambda actor: actor.fail_over(3), lambda actor: actor.end_failover(3),
            "failover of pod basic-tikv-2", id="failover",
        ),
    ],
)  # fmt: skip
def test_v1_at_work_holds_an_approved_eviction_until_it_is_done(
    scene: Scene,
    v1: TidbOperatorV1,
    begin: Callable[[TidbOperatorV1], None],
    end: Callable[[TidbOperatorV1], None],
    busy: str,
) -> None:
    """It moves leaders itself meanwhile; nothing of the approval is lost by waiting."""
    begin(v1)
    noticed(scene)
    scene.file("evict", evict_leaders(4))
    scene.await_phase("evict", "Pending")
    scene.approve("evict")
    held = scene.await_phase("evict", "Approved", reason="PreconditionWaiting")
    assert gate(held, "TidbOperatorIdle") == (
        "hold",
        f"TiDB Operator is busy with TidbCluster basic ({busy}): "
        "it moves leaders and stores itself",
    )
    assert scene.calls() == []
    end(v1)
    scene.await_phase("evict", "Succeeded", timeout_seconds=60)
    assert len(scene.calls()) == 1


def test_an_eviction_that_v1_recorded_is_its_own_to_end(scene: Scene, v1: TidbOperatorV1) -> None:
    """The annotation of the pod is the tool; an eviction that it did not record is left over."""
    v1.evict(4)
    noticed(scene)
    message = refused(scene, "stop", stop_evicting(4))
    assert "remove the annotation tidb.pingcap.com/evict-leader from pod basic-tikv-3" in message
    assert EVICTION in scene.box.pd.schedulers()
    v1.end_eviction(4)
    assert EVICTION not in scene.box.pd.schedulers()

    scene.evict(3)
    noticed(scene)
    v1.end_eviction(3)  # not recorded: v1 leaves it alone
    assert EVICTION in scene.box.pd.schedulers()
    scene.file("left-over", stop_evicting(3))
    scene.await_phase("left-over", "Pending")
    scene.approve("left-over")
    scene.await_phase("left-over", "Succeeded", timeout_seconds=60)
    assert len(scene.calls()) == 1


def test_a_store_whose_pod_is_in_its_stateful_set_is_scaled_in_by_v1(
    scene: Scene, v1: TidbOperatorV1
) -> None:
    """Also where the drain is a later step of a plan. Without a pod the store is nobody else's."""
    assert "spec.tikv.replicas of TidbCluster basic" in refused(scene, "drain", DRAIN_4)
    steps = {"type": "Plan", "plan": {"steps": [set_limit(2, 21), DRAIN_4]}}
    assert "pod basic-tikv-3 of store 4" in refused(scene, "plan", steps)
    v1.lose_pod(4)
    noticed(scene)
    scene.file("repair", DRAIN_4)
    status = scene.await_phase("repair", "Pending")
    assert gate(status, "TidbOperatorsOwn")[0] == "pass"
    assert scene.calls() == []


@pytest.mark.usefixtures("still")
def test_a_scale_in_of_v1_is_called_off_by_its_replicas_first(
    scene: Scene, v1: TidbOperatorV1
) -> None:
    """It would delete the store again. It never brings one back (#6195): that is done then."""
    v1.scale_in(3)
    noticed(scene)
    assert "removes store 4 itself" in refused(scene, "drain", DRAIN_4)
    scene.file("stay", CANCEL_4)
    scene.await_phase("stay", "Pending")
    scene.approve("stay")
    held = scene.await_phase("stay", "Approved", reason="PreconditionWaiting")
    verdict, message = gate(held, "TidbOperatorsOwn")
    assert verdict == "hold"
    assert "raise its spec.tikv.replicas first" in message
    assert state(scene) == "Offline"
    v1.raise_replicas(4)
    scene.await_phase("stay", "Succeeded", timeout_seconds=60)
    assert state(scene) == "Up"


def test_what_v2_would_undo_is_not_begun(scene: Scene, v2: TidbOperatorV2) -> None:
    """It owns evictions and removals in PD, those it wants and those it does not want."""
    assert "ends every eviction that it did not ask for" in refused(
        scene, "evict", evict_leaders(4)
    )
    assert "cancels every removal that it did not ask for" in refused(scene, "drain", DRAIN_4)
    v2.evicts = {4}
    assert v2.reconcile() == ["evicts store 4"]
    noticed(scene)
    assert "starts its own again" in refused(scene, "stop", stop_evicting(4))
    assert scene.calls() == []


@pytest.mark.usefixtures("still")
def test_a_removal_that_v2_wants_is_its_own_to_call_off(scene: Scene, v2: TidbOperatorV2) -> None:
    """spec.offline of the TiKV object is the tool."""
    v2.offline = {4}
    assert v2.reconcile() == ["removes store 4"]
    noticed(scene)
    assert "set spec.offline to false" in refused(scene, "stay", CANCEL_4)
    v2.offline = set()
    assert v2.reconcile() == ["cancelled the removal of store 4"]


@pytest.mark.smoke
def test_a_rollout_of_v2_holds(scene: Scene, v2: TidbOperatorV2) -> None:
    """Weights are nobody else's, but moving leaders waits for the rollout."""
    v2.progress(under_way=True)
    weight = {"storeId": 4, "leaderWeightPercent": 50, "regionWeightPercent": 100}
    scene.file("weight", {"type": "SetStoreWeight", "setStoreWeight": weight})
    status = scene.await_phase("weight", "Pending")
    verdict, message = gate(status, "TidbOperatorIdle")
    assert (verdict, "a rollout" in message) == ("hold", True)


@pytest.mark.usefixtures("still")
def test_a_drain_that_v2_cancels_ends_and_says_who_most_likely_did_it(scene: Scene) -> None:
    """Nobody had named its Cluster, so nothing was known of it before; PD itself names nobody."""
    scene.file("drain", DRAIN_4)
    scene.await_phase("drain", "Pending")
    for person in ("alice", "bert"):
        scene.approve("drain", person)
    scene.await_phase("drain", "Executing", reason="Waiting", timeout_seconds=60)
    v2 = TidbOperatorV2(scene.box, scene.namespace)
    refer_to(scene, "Cluster")
    assert v2.reconcile() == ["cancelled the removal of store 4"]
    ended = scene.await_phase("drain", "Failed", reason="ChangedSince", timeout_seconds=60)
    assert (
        "most likely TiDB Operator (Cluster basic), which cancels the removal" in ended["message"]
    )


def test_an_eviction_that_v2_ends_while_it_is_verified_says_who_most_likely_did_it(
    scene: Scene,
) -> None:
    """A store that hangs keeps its leaders, and v2 ends the eviction before its time is over."""
    scene.configure(policy={"overrides": [{"type": "EvictLeaders", "timeout": "8s"}]})
    scene.file("evict", evict_leaders(4))
    scene.await_phase("evict", "Pending")
    scene.box.tikvsim.store(4, "hang")
    scene.approve("evict")
    scene.box.wait_for(lambda: scene.calls(), 30, "the call")
    v2 = TidbOperatorV2(scene.box, scene.namespace)
    refer_to(scene, "Cluster")
    assert v2.reconcile() == ["ended the eviction of store 4"]
    ended = scene.await_phase("evict", "Failed", timeout_seconds=60)
    assert "most likely TiDB Operator (Cluster basic), which ends every" in ended["message"]
    assert len(scene.calls()) == 1


@pytest.mark.smoke
def test_an_object_that_is_not_there_holds_and_is_named(scene: Scene) -> None:
    """Whether TiDB Operator is at work is not known; a limit is no risk beside it."""
    refer_to(scene, "TidbCluster", "no-such")
    noticed(scene)
    scene.file("evict", evict_leaders(4))
    scene.await_phase("evict", "Pending")
    scene.approve("evict")
    held = scene.await_phase("evict", "Approved", reason="PreconditionWaiting")
    verdict, message = gate(held, "TidbOperatorKnown")
    assert verdict == "hold"
    assert f"TidbCluster {scene.namespace}/no-such does not exist" in message
    scene.file("limit", set_limit(2, 31))
    scene.await_phase("limit", "Pending")
    scene.approve("limit")
    status = scene.await_phase("limit", "Succeeded")
    assert gate(status, "TidbOperatorKnown")[0] == "warn"


def test_a_pause_by_somebody_holds_what_relies_on_it_until_it_is_over(scene: Scene) -> None:
    """An eviction whose scheduler is paused would move nothing; the gate says until when."""
    box = scene.box
    box.pd.post("/schedulers", {"name": EVICTION, "store_id": 3})
    try:
        box.pd.post(f"/schedulers/{EVICTION}", {"delay": 600})
        scene.file("evict", evict_leaders(4))
        scene.await_phase("evict", "Pending")
        scene.approve("evict")
        scene.box.wait_for(
            lambda: (
                scene.status("evict").get("gates")
                and gate(scene.status("evict"), "NobodyPaused")[0] == "hold"
            ),
            30,
            "the pause to be seen",
        )
        assert scene.calls() == []
    finally:
        box.pd.delete(f"/schedulers/{EVICTION}")


def test_a_range_that_br_or_lightning_writes_to_is_left_alone_meanwhile(scene: Scene) -> None:
    """As newer ones do it: a rule named by a UUID whose label lapses unless they renew it. PD
    itself would move the leader all the same.
    """
    box = scene.box
    region = box.pd.get("/regions/key?key=&limit=2")["regions"][1]
    leader = region["leader"]["store_id"]
    target = next(peer["store_id"] for peer in region["peers"] if peer["store_id"] != leader)
    keys = {"start_key": region["start_key"].lower(), "end_key": region["end_key"].lower()}
    rule = {
        "id": JOB,
        "labels": [{"key": "schedule", "value": "deny", "ttl": "10m"}],
        "rule_type": "key-range",
        "data": [keys],
    }
    box.pd.post("/config/region-label/rule", rule)
    try:
        moved = {"regionId": region["id"], "toStoreId": target}
        scene.file("move", {"type": "TransferLeader", "transferLeader": moved})
        scene.await_phase("move", "Pending")
        scene.approve("move")
        held = scene.await_phase("move", "Approved", reason="PreconditionWaiting")
        verdict, message = gate(held, "NobodyDeniesRange")
        assert verdict == "hold"
        assert "as BR and TiDB Lightning do" in message
        assert scene.calls() == []
    finally:
        box.pd.delete(f"/config/region-label/rule/{JOB}")
    scene.await_phase("move", "Succeeded", timeout_seconds=60)


def test_no_store_is_drained_while_all_balancers_are_paused(scene: Scene) -> None:
    """As BR and Lightning pause them, and older ones do nothing else that PD shows."""
    for name in BALANCERS:
        scene.box.pd.post(f"/schedulers/{name}", {"delay": 600})
    try:
        noticed(scene)
        scene.file("drain", DRAIN_4)
        status = scene.await_phase("drain", "Pending")
        assert gate(status, "NobodyPaused")[0] == "hold"
    finally:
        for name in BALANCERS:
            scene.box.pd.post(f"/schedulers/{name}", {"delay": 0})
    scene.box.wait_for(
        lambda: gate(scene.status("drain"), "NobodyPaused")[0] == "pass", 40, "the pauses to end"
    )
    assert scene.calls() == []
