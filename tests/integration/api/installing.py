"""Puts the tree's own manifests into the API server under test."""

from pathlib import Path
from typing import Any

import yaml

from sandbox.applying import LOADER
from tests.integration.api.kubeapi import KubeApi, Who
from tests.integration.api.waiting import until

ROOT = Path(__file__).resolve().parents[3]

_PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "NetworkPolicy": "networkpolicies",
}
_CLUSTER_SCOPED = {
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Halt",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def manifests(*folders: str) -> list[dict[str, Any]]:
    """Return every object of these folders of the tree, kustomizations left out."""
    return [
        document
        for folder in folders
        for file in sorted((ROOT / folder).glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for document in yaml.load_all(file.read_text(), Loader=LOADER)
    ]


def path_of(manifest: dict[str, Any]) -> str:
    """Return where the API server keeps this object."""
    kind, version = manifest["kind"], manifest["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = _PLURALS.get(kind, kind.lower() + "s")
    if kind in _CLUSTER_SCOPED:
        return f"{root}/{plural}/{manifest['metadata']['name']}"
    metadata = manifest["metadata"]
    return f"{root}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"


def install(api: KubeApi, documents: list[dict[str, Any]]) -> None:
    """Apply the objects in order; fail at the first that is refused."""
    for document in documents:
        api.apply(path_of(document), document).ok()


def await_crds(api: KubeApi) -> None:
    """Return once all three resources are served."""
    for plural in ("tikvclusters", "actionproposals", "halts"):
        list_path = f"/apis/assent.tikv.org/v1alpha1/{plural}"
        until(lambda at=list_path: api.call("GET", at).code == 200, what=f"{plural} served")  # type: ignore[misc]


def await_policies(api: KubeApi, namespace: str) -> None:
    """Return once every policy refuses what it should; a new one takes a second or two."""
    root = f"/apis/assent.tikv.org/v1alpha1/namespaces/{namespace}"
    forged: dict[str, Any] = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {"name": "forged"},
        "spec": {
            "clusterRef": {"name": "prod"},
            "proposedBy": "admin",
            "action": {"type": "EvictLeaders", "evictLeaders": {"storeId": 1}},
        },
    }
    dry = {"dryRun": "All"}
    stranger = Who("stranger", ("system:authenticated", "system:masters"))

    def refuses(body: dict[str, Any], message: str) -> None:
        def fact() -> bool:
            answer = api.call("POST", f"{root}/actionproposals", body, query=dry)
            return message in answer.message

        until(fact, what=f"a policy that says {message!r}")

    approval = {"by": "nobody", "decision": "Approve", "digest": "none"}
    refuses({**forged, "spec": {**forged["spec"], "approvals": [approval]}}, "in your own name")
    refuses({**forged, "metadata": {"name": "forged", "finalizers": ["a.b/c"]}}, "finalizers")
    # The two on status and the one on TiKVCluster: seen on an object of their own.
    name = "policy-probe"
    cluster = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"name": name},
        "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
    }
    api.call("POST", f"{root}/tikvclusters", cluster).ok()
    status = {"status": {"state": "Watching"}}
    merge = "application/merge-patch+json"
    at = f"{root}/tikvclusters/{name}/status"
    for by, said in (
        (stranger, "by the operator only"),
        (Who("system:serviceaccount:assent-system:assent", ("system:masters",)), "fenced"),
    ):
        until(
            lambda by=by, said=said: (  # type: ignore[misc]
                said in api.call("PATCH", at, status, by=by, content_type=merge, query=dry).message
            ),
            what=f"a policy that says {said!r}",
        )
    patcher = Who("assent-tests-patcher", ("system:authenticated",))
    api.apply(path_of(_PATCHER), _PATCHER).ok()
    until(
        lambda: (
            "may not configure"
            in api.call(
                "PATCH",
                f"{root}/tikvclusters/{name}",
                {"spec": {"dryRun": False}},
                by=patcher,
                content_type=merge,
                query=dry,
            ).message
        ),
        what="the policy on TiKVCluster",
    )
    lease = {"metadata": {"name": "assent"}, "spec": {"holderIdentity": "me"}}
    leases = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"
    until(
        lambda: "by the operator only" in api.call("POST", leases, lease, query=dry).message,
        what="the policy on the Lease",
    )
    # It looks for new kinds every 30 s only, and lets no TiKVCluster go before it has found the
    # kind of the parameters by which a policy spares those in use.
    until(
        lambda: api.call("DELETE", f"{root}/tikvclusters/{name}").code == 200,
        what="the policies' kinds to be known",
        within_seconds=60.0,
    )


_PATCHER: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "assent-tests-patcher"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "assent-proposer",
    },
    "subjects": [
        {
            "kind": "User",
            "name": "assent-tests-patcher",
            "apiGroup": "rbac.authorization.k8s.io",
        }
    ],
}
