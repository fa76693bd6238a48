"""The operator sees by itself whether the approval gate stands."""

import asyncio
import itertools
import json
import time

import pytest

from assent.kube.admission import check_gate
from sandbox import Sandbox
from tests.integration.kube.conftest import NewReplica, cluster_manifest

PATIENCE_SECONDS = 60.0
BINDING = "validatingadmissionpolicybinding"
APPROVALS = "assent-approvals"


async def test_the_gate_as_installed_stands(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """Shipped manifests, shipped rights: the check must pass with what the chart gives."""
    box.apply(cluster_manifest(namespace))
    await _stands_again(new_replica)  # another test may just have put it back


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
    await _stands_again(new_replica)


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
        await asyncio.sleep(0.1)


def _restore(box: Sandbox, manifest: dict[str, object]) -> None:
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    kept = {name: metadata[name] for name in ("name", "labels") if name in metadata}
    box.kubectl("delete", BINDING, APPROVALS, "--ignore-not-found")
    box.apply({**manifest, "metadata": kept})


TEAM = "team-rule-every-proposal-needs-a-reason"
TEAM_POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": TEAM},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["assent.tikv.org"],
                    "apiVersions": ["*"],
                    "operations": ["CREATE"],
                    "resources": ["actionproposals"],
                }
            ]
        },
        "validations": [{"expression": "has(object.spec.reason)", "message": "say why"}],
    },
}
TEAM_BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": TEAM},
    "spec": {"policyName": TEAM, "validationActions": ["Deny"]},
}


@pytest.mark.contract
async def test_a_policy_of_the_users_own_closes_nothing(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """It refuses the forgery too, and which refusal the API server names changes by chance: here
    until it is the team's.
    """
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    box.apply(TEAM_POLICY)
    box.apply(TEAM_BINDING)
    try:
        give_up_at = time.monotonic() + 2 * PATIENCE_SECONDS
        for attempt in itertools.count():
            box.kubectl("annotate", BINDING, TEAM, f"attempt=n{attempt}", "--overwrite")
            await asyncio.sleep(1.0)  # the API server orders them anew when it hears of a change
            report = await check_gate(replica.kube, replica.settings)
            assert report.problem is None
            if report.hidden_by == TEAM:
                break
            assert time.monotonic() < give_up_at, "the team's refusal never came first"
    finally:
        box.kubectl("delete", BINDING, TEAM)
        box.kubectl("delete", "validatingadmissionpolicy", TEAM)
