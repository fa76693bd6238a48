"""The leader fence deleted and made anew: its known weakness, and the way out of it.

Kubernetes issue 130887, seen on 1.36.3: where the last binding with a Lease as parameter was
deleted, the API server goes on with a frozen copy of the Lease for a binding that comes later.
A sandbox of its own, for nothing but a restart of its API server heals it.
"""

import json
from collections.abc import Iterator

import pytest

from assent.api.admission import policies
from sandbox.library import KubectlError, Sandbox
from sandbox.objects import ObjectError, Query
from tests.integration.operator.scene import FAST_LEASE, Scene, set_limit

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

FENCE = [
    item
    for item in policies(namespace="assent-system", service_account="assent")
    if item["metadata"]["name"] == "assent-leader-fence"
]
KINDS = ("validatingadmissionpolicybindings", "validatingadmissionpolicies")


@pytest.fixture
def scene() -> Iterator[Scene]:
    """One operator that watches, on an API server that nobody else needs."""
    with Sandbox.start() as box:
        box.create_namespace("tikv")
        made = Scene(box, "tikv")
        made.invite()
        made.watch()
        box.operator(1).start(FAST_LEASE)
        made.await_state("Watching")
        yield made


def test_a_fence_made_anew_may_refuse_the_next_leader_and_lets_nobody_else_act(
    scene: Scene,
) -> None:
    """Gone: nothing executes. Back: it goes on for the leader whose Lease the copy shows. The next
    leader is refused, so that nothing is called either; an API server that restarts reads the Lease
    again, and what was approved is carried out, once.
    """
    box = scene.box
    scene.file("held", set_limit(2, 31))
    scene.await_phase("held", "Pending")
    for kind in KINDS:
        box.objects.delete(Query(kind, "assent-leader-fence", ""))
    said = scene.await_state("GateNotInstalled")
    assert "assent-leader-fence" in said["message"]
    assert scene.calls() == []
    # The operator hears of it before the API server goes by it; only then does its copy freeze.
    box.wait_for(lambda: not _fenced(scene), 30, "the API server to go without the fence")

    box.apply(*FENCE)
    scene.await_state("Watching", timeout_seconds=60)
    box.operator(1).stop()
    box.operator(2).start(FAST_LEASE)
    second = box.operator(2).pod
    box.wait_for(lambda: _holder(box) == second, 30, "the next leader to hold the Lease")
    scene.file("asked", set_limit(3, 33))  # a leader with nothing to write is not refused
    log = box.layout.log("operator-2")
    box.wait_for(lambda: "fenced" in log.read_text(), 30, "the next leader to be refused")
    box.wait_for(lambda: log.read_text().count('"leading"') >= 2, 60, "it to try again")
    assert scene.status("asked") == {"observedGeneration": -1}, "nobody has looked at it"
    assert scene.calls() == []

    box.restart("kube-apiserver")

    prod = ("prod", "tikvcluster")
    box.wait_for(lambda: scene.status(*prod)["epoch"] > 1, 90, "the next leader to write")
    scene.await_state("Watching", timeout_seconds=90)
    # The gate was seen open, so the proposal is asked anew, and approved under the new digest.
    scene.approve("held")
    ended = scene.await_phase("held", "Succeeded", timeout_seconds=60)
    assert ended["execution"]["holder"] == second
    assert len(scene.calls()) == 1


def _fenced(scene: Scene) -> bool:
    """Whether somebody with the operator's account, but no pod, is kept from writing status."""
    try:
        scene.box.kubectl(
            "-n", "tikv", "patch", "ap", "held", "--subresource=status", "--type=merge",
            "--dry-run=server", "-p", json.dumps({"status": {"message": "anybody"}}),
            "--as=system:serviceaccount:assent-system:assent",
        )  # fmt: skip
    except KubectlError:
        return True
    return False


def _holder(box: Sandbox) -> str:
    try:
        lease = box.objects.get(Query("leases", "assent", "assent-system"))
    except ObjectError:
        return ""
    return str(lease["spec"].get("holderIdentity") or "")


def test_a_lease_that_is_deleted_stops_nobody_for_good(scene: Scene) -> None:
    """An administrator deletes it: status stands still, people go on, and a new term begins above
    every epoch that was seen.
    """
    box = scene.box
    scene.file("after", set_limit(3, 32))
    before = scene.await_phase("after", "Pending")
    epoch = scene.status("prod", "tikvcluster")["epoch"]
    box.objects.delete(Query("leases", "assent", "assent-system"))
    seats = [{"by": "alice", "decision": "Approve", "digest": before["digest"]}]
    patch = json.dumps({"spec": {"approvals": seats}})
    box.kubectl("-n", "tikv", "patch", "ap", "after", "--type=merge", "-p", patch, user="alice")

    ended = scene.await_phase("after", "Succeeded", timeout_seconds=60)

    assert ended["execution"]["epoch"] > epoch
    assert len(scene.calls()) == 1
