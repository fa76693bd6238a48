"""An API server with the tree's manifests and everybody's rights."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.integration.api.installing import await_crds, await_policies, install, manifests
from tests.integration.api.kubeapi import MERGE, NAMESPACE, KubeApi, Who
from tests.integration.api.server import api_server
from tests.integration.api.waiting import until
from tests.matrix.roles import ELSEWHERE, MEDIUM_TRANSFERS, ROLES, TENANT, bindings
from tests.matrix.stage import Stage

LEADER, REPLICA = "assent-0", "assent-1"
_CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


@contextmanager
def ground(folder: Path, *, kube_apiserver: str = "kube-apiserver") -> Iterator[Stage]:
    """Start it from nothing; ``kube_apiserver`` names the binary of the sandbox's toolchain."""
    with (
        api_server(folder, kube_apiserver=kube_apiserver) as server,
        closing(KubeApi(server)) as kube,
    ):
        for name in ("assent-system", NAMESPACE, ELSEWHERE):
            kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).ok()
        lease = {"metadata": {"name": "assent"}, "spec": {"holderIdentity": LEADER}}
        leases = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"
        kube.call("POST", leases, lease).ok()
        install(kube, manifests("crds", "deploy/rbac", "deploy/admission"))
        install(kube, [MEDIUM_TRANSFERS, TENANT, *bindings()])
        _aggregate(kube, "edit")
        await_crds(kube)
        await_policies(kube, NAMESPACE)
        _await_rights(kube)
        yield Stage(kube, _pod(kube, LEADER), _pod(kube, REPLICA))


def version_of(kube: KubeApi) -> str:
    """Return what the API server says it is, such as v1.36.3."""
    return str(kube.call("GET", "/version").ok()["gitVersion"])


def _pod(kube: KubeApi, name: str) -> Who:
    return Who(token=kube.pod_token(name, namespace="assent-system", account="assent"))


def _aggregate(kube: KubeApi, name: str) -> None:
    """Do what kube-controller-manager does: write the rules that join into the ClusterRole."""
    label = f"rbac.authorization.k8s.io/aggregate-to-{name}"
    found = kube.call("GET", _CLUSTER_ROLES, query={"labelSelector": f"{label}=true"}).ok()
    rules = [rule for role in found["items"] for rule in role["rules"] or []]
    assert any("assent.tikv.org" in rule.get("apiGroups", []) for rule in rules), name
    kube.call("PATCH", f"{_CLUSTER_ROLES}/{name}", {"rules": rules}, content_type=MERGE).ok()


def _await_rights(kube: KubeApi) -> None:
    """Return once RBAC knows the last binding of everybody; it learns them by a watch."""
    for role in ROLES:
        if not (role.cluster_roles or role.everywhere):
            continue
        plural = "halts" if role.everywhere else "actionproposals"
        if role.name == "configurer":
            plural = "tikvclusters"
        question: dict[str, Any] = {
            "spec": {
                "user": role.user,
                "resourceAttributes": {
                    "verb": "list",
                    "group": "assent.tikv.org",
                    "resource": plural,
                    "namespace": NAMESPACE if role.cluster_roles else "",
                },
            }
        }

        def knows(question: dict[str, Any] = question) -> bool:
            at = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            return bool(kube.call("POST", at, question).ok()["status"]["allowed"])

        until(knows, what=f"the rights of {role.name}")
