"""The operator sees by itself whether the approval gate stands."""

import json
import time

from assent.kube.admission import check_gate
from sandbox import Sandbox
from tests.integration.kube.conftest import NewReplica, cluster_manifest

PATIENCE_SECONDS = 20.0
BINDING = "validatingadmissionpolicybinding"
APPROVALS = "assent-approvals"


async def test_the_gate_as_installed_stands(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """Shipped manifests, shipped rights: the check must pass with what the chart gives."""
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    assert (await check_gate(replica.kube, replica.settings)).problem is None


async def test_a_missing_binding_is_named(new_replica: NewReplica, box: Sandbox) -> None:
    """A policy without a binding looks installed and refuses nothing."""
    replica = await new_replica()
    manifest = box.get(BINDING, APPROVALS)
    box.kubectl("delete", BINDING, APPROVALS)
    try:
        problem = (await check_gate(replica.kube, replica.settings)).problem
    finally:
        _restore(box, manifest)
    assert problem is not None
    assert APPROVALS in problem
    assert "not installed" in problem


async def test_a_policy_that_was_weakened_is_named(new_replica: NewReplica, box: Sandbox) -> None:
    """Warn instead of Deny lets everything through and leaves every object in place."""
    replica = await new_replica()
    manifest = box.get(BINDING, APPROVALS)
    patch = json.dumps({"spec": {"validationActions": ["Warn"]}})
    box.kubectl("patch", BINDING, APPROVALS, "--type=merge", "-p", patch)
    try:
        problem = (await check_gate(replica.kube, replica.settings)).problem
    finally:
        _restore(box, manifest)
    assert problem is not None
    assert "not as shipped" in problem
    await _stands_again(new_replica)


async def _stands_again(new_replica: NewReplica) -> None:
    replica = await new_replica()
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (problem := (await check_gate(replica.kube, replica.settings)).problem) is not None:
        assert time.monotonic() < give_up_at, problem


def _restore(box: Sandbox, manifest: dict[str, object]) -> None:
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    kept = {name: metadata[name] for name in ("name", "labels") if name in metadata}
    box.kubectl("delete", BINDING, APPROVALS, "--ignore-not-found")
    box.apply({**manifest, "metadata": kept})
