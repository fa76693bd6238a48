"""Puts Assent's own manifests, and what the sandbox adds, into the API server."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from sandbox.applying import Applier, read_manifests
from sandbox.kubeapi import ApiError, KubeApi, Object
from sandbox.layout import CHECKOUT
from sandbox.waiting import wait_until

OPERATOR_NAMESPACE = "assent-system"
SERVICE_ACCOUNT = "assent"
SAMPLE_NAMESPACE = "tikv"
MANIFESTS = Path(__file__).resolve().parent / "manifests"
TIMEOUT_SECONDS = 30.0
PROBE_MESSAGE = "the sandbox's probe is enforced"


async def install(api: KubeApi, checkout: Path = CHECKOUT) -> None:
    """Install CRDs, RBAC and admission; all of it is in force on return.

    Raises:
        SandboxError: a manifest was refused, or did not come into force in time; what was
            installed before it stays.
    """
    applier = Applier(api, namespace=OPERATOR_NAMESPACE)
    crds = read_manifests([checkout / "crds", MANIFESTS / "crds"])
    rules = read_manifests([checkout / "deploy/rbac", checkout / "deploy/admission"])
    await applier.apply([_namespace(OPERATOR_NAMESPACE)])
    # Policies may come before the kinds they speak of; the wait for them is the longest.
    await applier.apply([_service_account(), *rules, *crds])
    await asyncio.gather(
        _wait_until_enforced(api, applier), *(_wait_until_served(api, crd) for crd in crds)
    )


async def install_sample(api: KubeApi, pd_endpoints: Sequence[str]) -> None:
    """Install namespace `tikv` with the TiKVCluster `demo`, which watches PD at `pd_endpoints`.

    Raises:
        SandboxError: it was refused.
    """
    applier = Applier(api, namespace=SAMPLE_NAMESPACE)
    await applier.apply([_namespace(SAMPLE_NAMESPACE)])
    samples = read_manifests([MANIFESTS / "sample"])
    for sample in samples:
        sample["spec"]["pd"]["endpoints"] = list(pd_endpoints)
    await applier.apply(samples)


async def _wait_until_served(api: KubeApi, crd: Object) -> None:
    spec = crd["spec"]
    version = next(version["name"] for version in spec["versions"] if version["served"])
    path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}?limit=1"

    async def listed() -> bool:
        try:
            await api.request("GET", path)
        except ApiError:
            return False
        return True

    await wait_until(listed, timeout_seconds=TIMEOUT_SECONDS, what=f"{spec['names']['kind']} API")


async def _wait_until_enforced(api: KubeApi, applier: Applier) -> None:
    """Wait until a policy installed after all others is enforced; then the others are, too.

    The API server sees policies and bindings in the order in which they were written, and compiles
    all that it has seen in one go (apiserver/pkg/admission/plugin/policy/generic/policy_source.go).
    """
    name = f"sandbox-probe-{secrets.token_hex(4)}"
    policies = _probe_policy(name)
    await applier.apply(policies)
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps?dryRun=All"

    async def refused() -> bool:
        try:
            await api.request("POST", path, probe)
        except ApiError as error:
            return PROBE_MESSAGE in str(error)
        return False

    await wait_until(refused, timeout_seconds=TIMEOUT_SECONDS, what="enforced admission policy")
    await applier.delete(policies[::-1])


def _probe_policy(name: str) -> list[Object]:
    version = "admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    refusal = {"expression": f"object.metadata.name != '{name}'", "message": PROBE_MESSAGE}
    policy = {
        "apiVersion": version,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [refusal]},
    }
    binding = {
        "apiVersion": version,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return [policy, binding]


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _service_account() -> Object:
    metadata = {"name": SERVICE_ACCOUNT, "namespace": OPERATOR_NAMESPACE}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
