"""`python -m sandbox up --pd 3`: a real operator on three PD members proposes what it is shown.

One sandbox for all tests of this file, broken and mended by each; the fault comes from the command
line or from PD's API, as a person would order it.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import Sandbox
from sandbox.errors import SandboxError
from tests.integration.sandbox.command_line import CommandLine

pytestmark = pytest.mark.contract

NAMESPACE = "tikv"
PROMISED_SECONDS = 60
EVICT, BALANCE = "evict-leader-scheduler", "balance-leader-scheduler"


class Shown:
    """The sandbox that `up` started, and what its operator shows."""

    def __init__(self, line: CommandLine) -> None:
        self.line = line
        self.box = Sandbox.attach(line.directory)

    def evict(self, store_id: int) -> None:
        """Evict a store's leaders, as before maintenance."""
        self.box.pd.post("/schedulers", {"name": EVICT, "store_id": store_id})

    def cluster(self) -> dict[str, Any]:
        """The TiKVCluster `demo`."""
        return self.box.get("tikvcluster", "demo", "-n", NAMESPACE)

    def refer_to(self, name: str | None) -> None:
        """Set spec.pd.tidbClusterRef, or take it away."""
        reference = None if name is None else {"name": name}
        patch = json.dumps({"spec": {"pd": {"tidbClusterRef": reference}}})
        self.box.kubectl(
            "-n", NAMESPACE, "patch", "tikvcluster", "demo", "--type=merge", "-p", patch
        )

    def open_proposals(self, rule: str) -> list[dict[str, Any]]:
        """The proposals of a rule that wait for people."""
        return [
            item
            for item in self.box.get("actionproposals", "-n", NAMESPACE)["items"]
            if item["metadata"]["labels"]["assent.tikv.org/rule"] == rule
            and item.get("status", {}).get("phase") == "Pending"
            and item["status"].get("digest")
        ]

    def await_proposal(self, rule: str, timeout_seconds: float) -> dict[str, Any]:
        """The only proposal of the rule, once it can be approved."""
        (found,) = self.box.wait_for(
            lambda: self.open_proposals(rule), timeout_seconds, f"a proposal of {rule}"
        )
        return found

    def await_diagnosis(self, rule: str, timeout_seconds: float) -> str:
        """What the TiKVCluster says of a problem that is left alone, once it says it."""

        def said() -> str | None:
            diagnoses = self.cluster().get("status", {}).get("diagnoses", [])
            return next((item["message"] for item in diagnoses if item["rule"] == rule), None)

        return self.box.wait_for(said, timeout_seconds, f"a diagnosis of {rule}")

    def await_calm(self) -> None:
        """Wait until no proposal is open and nothing is diagnosed."""

        def calm() -> bool:
            listed = self.box.get("actionproposals", "-n", NAMESPACE)["items"]
            phases = {item.get("status", {}).get("phase") for item in listed}
            diagnoses = self.cluster().get("status", {}).get("diagnoses")
            return phases <= {"Superseded"} and not diagnoses

        self.box.wait_for(calm, PROMISED_SECONDS, "an operator that has nothing to say")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    line = CommandLine(tmp_path_factory.mktemp("up") / "box")
    line.type("up", "--pd", "3", "--regions", "120")
    shown = Shown(line)
    yield shown
    shown.box.stop()
    line.type("down")


@pytest.fixture
def mended(shown: Shown) -> Iterator[Shown]:
    """With nothing broken before, and all that tests break mended after."""
    yield shown
    if EVICT in shown.box.pd.schedulers():
        shown.box.pd.delete(f"/schedulers/{EVICT}")
    if BALANCE not in shown.box.pd.schedulers():
        shown.box.pd.post("/schedulers", {"name": BALANCE})
    shown.box.tikvsim.store(4, "start")
    shown.refer_to(None)
    shown.await_calm()


def test_a_leftover_eviction_and_a_dead_store_are_told_within_a_minute(mended: Shown) -> None:
    """What can be cured is proposed, Pending; what is PD's own to repair is said to be."""
    began = time.monotonic()
    mended.line.run("store", "stop", "4")
    mended.evict(1)
    found = mended.await_proposal("LeftoverEviction", PROMISED_SECONDS)
    assert found["spec"]["action"]["stopEvictLeaders"] == {"storeId": 1}
    assert found["spec"]["dryRun"] is False
    left = PROMISED_SECONDS - (time.monotonic() - began)
    assert mended.await_diagnosis("StoreDown", left).startswith("No action, because ")
    shown = mended.line.kubectl("-n", NAMESPACE, "get", "actionproposals")
    assert re.search(r"Pending +AwaitingApproval +stop evicting leaders from store 1", shown)


def test_a_leader_imbalance_is_proposed_within_a_minute(mended: Shown) -> None:
    """PD's balancing is gone and leaders pile up on one store: move one, says Assent."""
    mended.box.pd.delete(f"/schedulers/{BALANCE}")
    leaders = mended.box.pd.leader_counts()
    for store in (1, 2, 3):
        order = {"from_store": store, "to_store": 4, "count": leaders[store]}
        mended.box.tikvsim.post("/leaders/move", order)
    found = mended.await_proposal("LeaderImbalance", PROMISED_SECONDS)
    move = found["spec"]["action"]["transferLeader"]
    region = mended.box.pd.get(f"/region/id/{move['regionId']}")
    assert region["leader"]["store_id"] == 4
    assert move["toStoreId"] in {peer["store_id"] for peer in region["peers"]} - {4}
    assert BALANCE in found["status"]["finding"]["diagnosis"]


def test_what_tidb_operator_evicts_itself_is_left_alone(mended: Shown) -> None:
    """During its rolling upgrade the eviction is its own; once the upgrade ends, it is left over.

    The operator reads the TidbCluster with no more rights than the chart gives it.
    """
    tidb = {
        "apiVersion": "pingcap.com/v1alpha1",
        "kind": "TidbCluster",
        "metadata": {"name": "basic", "namespace": NAMESPACE},
    }
    mended.box.apply({**tidb, "status": {}})
    _set_phase(mended.box, "Upgrade")
    mended.refer_to("basic")
    mended.evict(3)
    said = mended.await_diagnosis("LeftoverEviction", PROMISED_SECONDS)
    assert said.startswith("No action, because TiDB Operator is busy with TidbCluster basic")
    assert "upgrade" in said
    assert mended.open_proposals("LeftoverEviction") == []
    _set_phase(mended.box, "Normal")
    found = mended.await_proposal("LeftoverEviction", PROMISED_SECONDS)
    assert found["spec"]["action"]["stopEvictLeaders"] == {"storeId": 3}


def _set_phase(box: Sandbox, phase: str) -> None:
    """Write into the TidbCluster what TiDB Operator would."""
    patch = json.dumps({"status": {"tikv": {"phase": phase}}})
    arguments = ("--subresource=status", "--type=merge", "-p", patch)
    box.kubectl("-n", NAMESPACE, "patch", "tidbcluster", "basic", *arguments)


def test_what_is_not_understood_is_left_alone_and_so_is_its_consequence(mended: Shown) -> None:
    """A reference to nothing: whose eviction it is is not known, so nobody ends it.

    The leaders that it drives to the other stores are no imbalance to be cured there.
    """
    mended.refer_to("no-such-cluster")
    mended.evict(3)
    said = mended.await_diagnosis("LeftoverEviction", PROMISED_SECONDS)
    assert "TidbCluster no-such-cluster cannot be read" in said
    said = mended.await_diagnosis("LeaderImbalance", PROMISED_SECONDS)
    assert said.startswith("No action, because leaders are evicted from store 3")
    assert mended.open_proposals("LeftoverEviction") == []
    assert mended.open_proposals("LeaderImbalance") == []


def test_env_and_status_tell_of_three_members_and_the_operator(shown: Shown) -> None:
    """The first member's proxy is PD_URL; every member has its own, and its own journal."""
    told = shown.line.environment()
    assert told["PD_URL"] == shown.box.pd_urls[0]
    table = shown.line.run("status")
    for name in ("pd-0", "pd-1", "pd-2", "pdproxy-0", "pdproxy-1", "pdproxy-2", "operator-1"):
        assert re.search(rf"^{name} +running +\d+ +http", table, re.MULTILINE), name
    members = httpx.get(f"{told['PD_URL']}/pd/api/v1/members").json()["members"]
    assert {member["client_urls"][0] for member in members} == set(shown.box.pd_urls)


def test_the_operators_log_is_json_lines(shown: Shown) -> None:
    """`logs operator-1` can be piped into jq."""
    lines = shown.line.run("logs", "operator-1").splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_a_user_may_do_what_a_shipped_role_allows(shown: Shown, tmp_path: Path) -> None:
    """`user alice --group sre` and one binding: nothing else stands between a person and a yes."""
    config = tmp_path / "alice"
    config.write_text(shown.line.run("user", "alice", "--group", "sre"))
    bind = ("create", "rolebinding", "sre", "-n", NAMESPACE, "--group=sre")
    shown.line.kubectl(*bind, "--clusterrole=assent-proposer")

    def may() -> bool:
        asks = ("auth", "can-i", "create", "actionproposals.assent.tikv.org", "-n", NAMESPACE)
        try:
            return shown.box.kubectl(*asks, user="alice", groups=["sre"]).strip() == "yes"
        except SandboxError:
            return False

    shown.box.wait_for(may, what="alice's right to file proposals")
    told = shown.line.kubectl("get", "ap", "-n", NAMESPACE, kubeconfig=config)
    assert "Forbidden" not in told


def test_an_operator_can_be_killed_and_started_again(shown: Shown) -> None:
    """From the command line; the new process has a Pod of its own and watches on."""
    before = shown.box.operator(1).pod
    assert "ended (SIGKILL)" in shown.line.run("operator", "kill", "1")
    assert "running" in shown.line.run("operator", "start", "1")
    assert shown.box.operator(1).pod != before
    assert shown.cluster()["status"]["state"] == "Watching"


def test_the_loss_of_pds_leader_is_survived(mended: Shown) -> None:
    """Another member leads; what a follower forwards is counted once; the operator follows."""
    box = mended.box
    first = box.pd.leader()
    box.process(first, "kill")
    leader = box.wait_for(lambda: _other_leader(box, first), PROMISED_SECONDS, "other leader")
    (follower,) = {"pd-0", "pd-1", "pd-2"} - {first, leader}
    proxies = {member["name"]: member["proxy_url"] for member in box.state["pd"]}
    schedulers = f"{proxies[follower]}/pd/api/v1/schedulers"
    box.wait_for(lambda: httpx.get(schedulers).is_success, what="follower that knows the leader")
    httpx.post(schedulers, json={"name": EVICT, "store_id": 1}, timeout=10).raise_for_status()
    # The follower forwarded it: both proxies saw it, and it happened once.
    assert [write.member for write in box.pd_writes() if write.caller != "assent"] == [follower]
    mended.await_proposal("LeftoverEviction", PROMISED_SECONDS)
    box.process(first, "start")


def _other_leader(box: Sandbox, first: str) -> str | None:
    """Who leads PD now, None if that is nobody or still `first`."""
    try:
        leader = box.pd.leader()
    except SandboxError:
        return None
    return None if leader == first else leader
