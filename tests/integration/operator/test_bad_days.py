"""What breaks around the operator is said in one sentence, survived, and healed by itself."""

import json

import pytest

from sandbox.objects import Query
from tests.integration.operator.scene import FAST_LEASE, Scene, evict_leaders, set_limit

EVICT = "/pd/api/v1/schedulers"


@pytest.mark.contract
def test_an_unreachable_pd_is_said_and_recovered_from(scene: Scene) -> None:
    """Proposals are kept; nothing is concluded from silence."""
    scene.file("limit", set_limit(2, 60))
    scene.await_phase("limit", "Pending")
    scene.box.faults.add("cut_before_send", caller="assent", count=0)
    status = scene.await_state("PDUnreachable", timeout_seconds=60)
    assert "http" in status["message"]
    scene.box.faults.clear()
    scene.await_state("Watching", timeout_seconds=60)
    assert scene.status("limit")["phase"] == "Pending"
    scene.approve("limit")
    scene.await_phase("limit", "Succeeded")


def test_tls_trouble_is_told_from_silence(stage: Scene) -> None:
    """The secret that holds the client certificate is not there (or may not be read)."""
    https = [url.replace("http://", "https://") for url in stage.box.pd_urls]
    stage.watch(pd={"endpoints": https, "tls": {"secretName": "pd-client"}})
    stage.box.operator(1).start(FAST_LEASE)
    status = stage.await_state("TLSFailed")
    assert "pd-client" in status["message"]


def test_another_cluster_behind_the_endpoint_is_never_acted_on(stage: Scene) -> None:
    """The id that a person wrote down is not the one that answers."""
    stage.watch(pd={"clusterId": "4711"})
    stage.box.operator(1).start(FAST_LEASE)
    status = stage.await_state("WrongCluster")
    assert "4711" in status["message"]
    stage.file("limit", set_limit(2, 60))
    waiting = stage.box.wait_for(
        lambda: (s := stage.status("limit")).get("reason") == "ClusterNotReady" and s, 20, "a word"
    )
    assert "digest" not in waiting


@pytest.mark.contract
def test_the_second_object_on_one_pd_says_so_and_never_acts(scene: Scene) -> None:
    """Two owners of one PD would undo each other."""
    scene.watch("twin")
    status = scene.await_state("ClusterClaimed", "twin")
    assert f"{scene.namespace}/prod" in status["message"]
    scene.evict(4)
    scene.box.wait_for(lambda: scene.found("LeftoverEviction"), 60, "a proposal")
    assert {item["spec"]["clusterRef"]["name"] for item in scene.proposals()} == {"prod"}


@pytest.mark.contract
def test_the_api_server_restarts_and_nothing_is_lost(scene: Scene) -> None:
    """The operator goes on in the same process."""
    operator = scene.box.operator(1)
    scene.file("limit", set_limit(2, 60))
    scene.await_phase("limit", "Pending")
    process = operator.process_id
    scene.box.restart("kube-apiserver")
    scene.approve("limit")
    scene.await_phase("limit", "Succeeded", timeout_seconds=60)
    assert operator.process_id == process
    assert len(scene.calls()) == 1


@pytest.mark.contract
def test_a_cluster_that_went_while_nobody_could_watch_claims_its_pd_no_more(scene: Scene) -> None:
    """The watch starts anew from a list then, which has no word of it: as a ghost it would own its
    PD until the next full list, and the one that took its place could do nothing.
    """
    scene.box.process("kube-apiserver", "stop")
    scene.box.erase(Query("tikvclusters", "prod", scene.namespace))
    scene.box.process("kube-apiserver", "start")
    scene.watch("heir")
    assert scene.await_state("Watching", "heir", timeout_seconds=90)["state"] == "Watching"


@pytest.mark.contract
def test_a_missing_right_is_named_and_its_return_noticed(scene: Scene) -> None:
    """The person who forgot a rule reads on the object which one it is."""
    rules = scene.box.get("clusterrole", "assent-operator")["rules"]
    cut = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "create"] or ["get"]}
        if "actionproposals" in rule.get("resources", [])
        else rule
        for rule in rules
    ]
    assert cut != rules
    _set_rules(scene, cut)
    try:
        scene.evict(4)
        status = scene.await_state("Forbidden")
        assert "create" in status["message"]
        assert "actionproposals" in status["message"]
    finally:
        _set_rules(scene, rules)
    scene.box.wait_for(lambda: scene.found("LeftoverEviction"), 90, "a proposal after all")
    scene.await_state("Watching", timeout_seconds=60)


def _set_rules(scene: Scene, rules: object) -> None:
    patch = json.dumps([{"op": "replace", "path": "/rules", "value": rules}])
    scene.box.kubectl("patch", "clusterrole", "assent-operator", "--type=json", "-p", patch)


@pytest.mark.contract
def test_a_dead_store_is_left_to_pd_and_that_is_said(scene: Scene) -> None:
    """A diagnosis may end with: no action, because …"""
    scene.box.tikvsim.store(4, "stop")
    status = scene.box.wait_for(
        lambda: (s := scene.status("prod", "tikvcluster")).get("diagnoses") and s,
        60,
        "the diagnosis of the silent store",
    )
    messages = [item["message"] for item in status["diagnoses"] if item["rule"] == "StoreDown"]
    assert messages
    assert messages[0].startswith("No action, because")
    assert scene.calls() == []


def test_a_lost_answer_is_settled_by_what_pd_shows(scene: Scene) -> None:
    """PD did it and the answer was cut: verified as done, and never sent again."""
    scene.box.faults.add("cut_after_answer", method="POST", path=EVICT, caller="assent")
    scene.file("evict", evict_leaders(2))
    scene.await_phase("evict", "Pending")
    scene.approve("evict")
    scene.await_phase("evict", "Succeeded", timeout_seconds=60)
    assert [call.fault for call in scene.calls()] == ["cut_after_answer"]


@pytest.mark.contract
def test_an_operator_killed_in_flight_is_succeeded_by_another_without_a_second_call(
    scene: Scene,
) -> None:
    """SIGKILL between the call and the outcome; the next one reads PD and finishes the record."""
    scene.box.faults.add(
        "delay_after", method="POST", path=EVICT, caller="assent", milliseconds=3000
    )
    scene.file("evict", evict_leaders(2))
    scene.await_phase("evict", "Pending")
    scene.approve("evict")
    scene.box.wait_for(
        lambda: "evict-leader-scheduler" in scene.box.pd.schedulers(), 20, "the effect in PD"
    )
    scene.box.operator(1).kill()
    scene.box.operator(2).start(FAST_LEASE)
    status = scene.await_phase("evict", "Succeeded", timeout_seconds=60)
    assert len([call for call in scene.calls() if call.pd_status]) == 1
    assert status["execution"]["epoch"] > status["execution"]["steps"][0]["epoch"] - 1
    assert status["execution"]["holder"] == scene.box.operator(2).pod


@pytest.mark.contract
def test_a_standby_takes_over_and_only_one_acts(stage: Scene) -> None:
    """Two replicas: the Lease decides, the standby is warm."""
    stage.watch()
    stage.box.operator(1).start(FAST_LEASE)
    stage.await_state("Watching")
    stage.box.operator(2).start(FAST_LEASE)
    stage.box.operator(1).stop()
    stage.file("limit", set_limit(2, 60))
    stage.await_phase("limit", "Pending")
    stage.approve("limit")
    status = stage.await_phase("limit", "Succeeded")
    assert status["execution"]["holder"] == stage.box.operator(2).pod
    assert len(stage.calls()) == 1
