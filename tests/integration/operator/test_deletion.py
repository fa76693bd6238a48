"""What is in flight survives `kubectl delete`, and goes afterwards like anything else."""

import pytest

from sandbox.library import KubectlError
from tests.integration.operator.scene import Scene, set_limit

LIMIT = r"/store/\d+/limit"


def test_what_is_in_flight_survives_kubectl_delete(scene: Scene) -> None:
    """A call waits in front of PD: neither its journal nor the way to its PD may vanish."""
    box = scene.box
    scene.configure(policy={"actionTimeout": "30s"})
    scene.file("kept", set_limit(2, 47))
    scene.await_phase("kept", "Pending")
    box.faults.add("delay_before", method="POST", path=LIMIT, milliseconds=3_000, count=1)
    scene.approve("kept")
    box.wait_for(lambda: box.faults.hits() > 0, 20, "the call to be at PD's door")

    for kind, name, says in (
        ("actionproposal", "kept", "in flight"),
        ("tikvcluster", "prod", "proposal kept"),
    ):
        with pytest.raises(KubectlError, match=says):
            box.kubectl("-n", scene.namespace, "delete", kind, name, "--wait=false")
        with pytest.raises(KubectlError, match=says):
            box.kubectl("-n", scene.namespace, "delete", kind, name, "--force", "--grace-period=0")

    scene.await_phase("kept", "Succeeded")
    assert len(scene.calls()) == 1
    box.wait_for(lambda: _deleted(scene, "tikvcluster", "prod"), 10, "the cluster to go")
    assert _deleted(scene, "actionproposal", "kept")


def _deleted(scene: Scene, kind: str, name: str) -> bool:
    try:
        scene.box.kubectl("-n", scene.namespace, "delete", kind, name, "--wait=false")
    except KubectlError:
        return False
    return True
