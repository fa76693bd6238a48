"""TiKVCluster's own gate: loosening it needs a right of its own, stopping it does not."""

from typing import Any
from zlib import crc32

import pytest

from sandbox.waiting import wait_for
from tests.integration.api.kubeapi import ADMIN, MERGE, Answer, KubeApi, Who, path
from tests.integration.api.people import CONNY, MALLORY, OPERATOR_AS_ADMIN, SAM, VERA
from tests.integration.api.waiting import until

PLURAL = "tikvclusters"


def manifest(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"name": name},
        "spec": {"pd": {"endpoints": ["http://pd:2379"]}, **spec},
    }


@pytest.fixture
def cluster(kube: KubeApi, request: pytest.FixtureRequest) -> str:
    """A TiKVCluster of the test's own, made by who may."""
    name = f"c{crc32(request.node.nodeid.encode()):x}"
    kube.call("POST", path(PLURAL), manifest(name), by=CONNY).ok()
    return name


def patch(kube: KubeApi, name: str, spec: dict[str, Any], *, by: Who) -> Answer:
    return kube.call("PATCH", path(PLURAL, name), {"spec": spec}, by=by, content_type=MERGE)


LOOSENING = [
    ("Another PD behind the same approvals", {"pd": {"endpoints": ["http://other:2379"]}}),
    ("The identity check on PD", {"pd": {"clusterId": "7"}}),
    ("A higher ceiling", {"policy": {"maxTier": "Critical"}}),
    ("Fewer people needed", {"policy": {"approvalsNeeded": {"high": 1}}}),
    ("Approvals that never expire", {"policy": {"expireAfter": "9000h"}}),
    ("Real calls instead of shown ones", {"dryRun": False}),
    ("From Observe's opposite: even tightening is configuring", {"mode": "Observe"}),
    ("Blinding a detector", {"detection": {"rules": {"storeDown": {"disabled": True}}}}),
    ("Suspending, with a change smuggled along", {"suspend": True, "dryRun": False}),
]


@pytest.mark.parametrize(("why", "spec"), LOOSENING, ids=[case[0] for case in LOOSENING])
def test_configuring_needs_the_verb(
    kube: KubeApi, cluster: str, why: str, spec: dict[str, Any]
) -> None:
    """Who may patch the object may not, by that alone, change what is allowed there."""
    says = f"user mallory may not configure TiKVCluster tikv/{cluster}: needs the verb configure"
    patch(kube, cluster, spec, by=MALLORY).refused(403, says, "tikvclusters/policy")
    patch(kube, cluster, spec, by=CONNY).ok()


def test_anybody_who_may_patch_can_suspend(kube: KubeApi, cluster: str) -> None:
    """A light right to stop; taking it back is the heavy one."""
    patch(kube, cluster, {"suspend": True}, by=SAM).ok()
    patch(kube, cluster, {"suspend": False}, by=SAM).refused(403, "may not configure")
    patch(kube, cluster, {"suspend": None}, by=SAM).refused(403, "may not configure")
    patch(kube, cluster, {"suspend": False}, by=CONNY).ok()


def test_labels_and_annotations_are_free(kube: KubeApi, cluster: str) -> None:
    """Marks change nothing of what is allowed."""
    body = {"metadata": {"labels": {"team": "db"}, "annotations": {"note": "x"}}}
    kube.call("PATCH", path(PLURAL, cluster), body, by=SAM, content_type=MERGE).ok()


def test_owners_and_finalizers_are_not(kube: KubeApi, cluster: str) -> None:
    """An owner that does not exist would have the garbage collector delete the cluster."""
    ghost = {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "0-0"}
    for metadata in ({"ownerReferences": [ghost]}, {"finalizers": ["example.com/kept"]}):
        body = {"metadata": metadata}
        answer = kube.call("PATCH", path(PLURAL, cluster), body, by=SAM, content_type=MERGE)
        answer.refused(403, "may not configure")
    body = {"metadata": {"finalizers": ["example.com/kept"]}}
    kube.call("PATCH", path(PLURAL, cluster), body, by=CONNY, content_type=MERGE).ok()


def test_write_that_changes_nothing_is_free(kube: KubeApi, cluster: str) -> None:
    """Putting an object back as it is needs no right to configure."""
    stored = kube.call("GET", path(PLURAL, cluster)).ok()
    kube.call("PUT", path(PLURAL, cluster), stored, by=SAM).ok()


def test_creating_needs_the_verb_beside_create(kube: KubeApi) -> None:
    """A role with `create` alone could otherwise re-create a cluster with looser rules."""
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "tests-cluster-creator"},
        "rules": [{"apiGroups": ["assent.tikv.org"], "resources": [PLURAL], "verbs": ["create"]}],
    }
    group = "rbac.authorization.k8s.io"
    kube.call("POST", f"/apis/{group}/v1/clusterroles", body).ok()
    binding = {
        "metadata": {"name": "tests-cluster-creator"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "tests-cluster-creator"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "creator"}],
    }
    kube.call("POST", f"/apis/{group}/v1/clusterrolebindings", binding).ok()
    creator = Who("creator", ("system:authenticated",))

    def answered() -> Answer | None:
        found = kube.call("POST", path(PLURAL), manifest("sneaky"), by=creator)
        return None if "cannot create resource" in found.message else found

    # RBAC learns of a binding by a watch, a moment after it is stored.
    answer = wait_for(answered, timeout_seconds=20, what="the creator's right")
    answer.refused(403, "user creator may not configure TiKVCluster tikv/sneaky")


def test_right_can_be_limited_to_one_cluster_by_name(kube: KubeApi, cluster: str) -> None:
    """ResourceNames on tikvclusters/policy: one team, one cluster."""
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["assent.tikv.org"], "resources": [PLURAL], "verbs": ["patch"]},
        {
            "apiGroups": ["assent.tikv.org"],
            "resources": [f"{PLURAL}/policy"],
            "resourceNames": [cluster],
            "verbs": ["configure"],
        },
    ]
    role = {"metadata": {"name": f"tests-{cluster}"}, "rules": rules}
    kube.call("POST", f"/apis/{group}/v1/clusterroles", role).ok()
    binding = {
        "metadata": {"name": f"tests-{cluster}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": f"tests-{cluster}"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": f"owner-{cluster}"}],
    }
    kube.call("POST", f"/apis/{group}/v1/clusterrolebindings", binding).ok()
    owner = Who(f"owner-{cluster}", ("system:authenticated",))
    other = f"x{cluster}"
    kube.call("POST", path(PLURAL), manifest(other), by=CONNY).ok()
    # RBAC learns of role and binding by watches, a moment after they are stored.
    until(
        lambda: patch(kube, cluster, {"dryRun": False}, by=owner).code == 200,
        what="the owner's right",
    )
    patch(kube, other, {"dryRun": False}, by=owner).refused(403, "may not configure")


@pytest.mark.parametrize(
    ("by", "says"),
    [
        pytest.param(VERA, 'User "vera" cannot patch', id="a viewer"),
        pytest.param(
            Who("system:serviceaccount:assent-system:assent", ("system:serviceaccounts",)),
            'cannot patch resource "tikvclusters"',
            id="the operator: it never writes what it is allowed",
        ),
    ],
)
def test_role_without_patch_cannot_even_suspend(
    kube: KubeApi, cluster: str, by: Who, says: str
) -> None:
    """What RBAC refuses does not reach the policy."""
    patch(kube, cluster, {"suspend": True}, by=by).refused(403, says)


def test_administrator_has_every_verb(kube: KubeApi, cluster: str) -> None:
    """system:masters passes verb checks: the threat model says so."""
    patch(kube, cluster, {"dryRun": False}, by=ADMIN).ok()
    patch(kube, cluster, {"dryRun": True}, by=OPERATOR_AS_ADMIN).ok()
