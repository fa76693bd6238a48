"""What is in flight survives `kubectl delete`, and goes afterwards like anything else."""

import pytest

from sandbox.library import KubectlError
from tests.integration.operator.scene import Scene, set_limit


def test_what_is_in_flight_survives_kubectl_delete(scene: Scene) -> None:
    """A change stands that is still to be taken back: neither its journal nor the way to its PD may
    vanish; once it has ended, both may.
    """
    box = scene.box
    scene.file("kept", set_limit(2, 47), revertAfter="1h")
    scene.await_phase("kept", "Pending")
    scene.approve("kept")
    scene.await_phase("kept", "Active")
    box.wait_for(lambda: not _unconfigured(scene), 60, "the API server to know the policy's kinds")

    for kind, name, says in (
        ("actionproposal", "kept", "in flight"),
        ("tikvcluster", "prod", "proposal kept"),
    ):
        target = ("-n", scene.namespace, "delete", kind, name)
        with pytest.raises(KubectlError, match=says):
            box.kubectl(*target, "--wait=false")
        with pytest.raises(KubectlError, match=says):
            box.kubectl(*target, "--force", "--grace-period=0")

    scene.cancel("kept")
    scene.await_phase("kept", "RollbackFailed")
    box.wait_for(lambda: _deleted(scene, "tikvcluster", "prod"), 30, "the cluster to go")
    assert _deleted(scene, "actionproposal", "kept")


def _unconfigured(scene: Scene) -> bool:
    """Whether it refuses everything: it looks for new kinds every 30 s only, and until then it
    cannot read the parameters of a policy (nobody is let through meanwhile).
    """
    target = ("-n", scene.namespace, "delete", "tikvcluster", "prod", "--wait=false")
    with pytest.raises(KubectlError) as refused:
        scene.box.kubectl(*target, "--dry-run=server")
    return "failed to configure policy" in str(refused.value)


def _deleted(scene: Scene, kind: str, name: str) -> bool:
    try:
        scene.box.kubectl("-n", scene.namespace, "delete", kind, name, "--wait=false")
    except KubectlError:
        return False
    return True
