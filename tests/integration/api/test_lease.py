"""The Lease that says who leads is written by the operator's account, and by nobody else."""

from collections.abc import Callable

import pytest

from tests.integration.api.conftest import LEADER
from tests.integration.api.kubeapi import ADMIN, APPLY, JSON_PATCH, MERGE, KubeApi, Who
from tests.integration.api.life import Life
from tests.integration.api.people import OPERATOR_AS_ADMIN
from tests.integration.api.waiting import until

ROOT = "/apis/coordination.k8s.io/v1/namespaces"
OURS = f"{ROOT}/assent-system/leases/assent"
ONLY_OPERATOR = "this Lease is written by the operator only"
TAKEN = {"spec": {"holderIdentity": "mine"}}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(TAKEN, MERGE, id="merge patch"),
        pytest.param(
            [{"op": "replace", "path": "/spec/holderIdentity", "value": "mine"}],
            JSON_PATCH,
            id="JSON patch",
        ),
        pytest.param(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "assent"},
                **TAKEN,
            },
            APPLY,
            id="server-side apply",
        ),
    ],
)
@pytest.mark.parametrize(
    "by",
    [
        pytest.param(ADMIN, id="an administrator"),
        pytest.param(
            Who("system:serviceaccount:assent-system:default", ("system:masters",)),
            id="another account of its namespace",
        ),
    ],
)
def test_nobody_else_says_who_leads(
    kube: KubeApi, by: Who, body: object, content_type: str
) -> None:
    """The leader fence believes the Lease: whoever writes it chooses who may write status."""
    query = {"fieldManager": "x", "force": "true"} if content_type == APPLY else None
    answer = kube.call("PATCH", OURS, body, by=by, content_type=content_type, query=query)
    answer.refused(403, ONLY_OPERATOR)
    assert kube.call("GET", OURS).ok()["spec"]["holderIdentity"] == LEADER


def test_the_operator_writes_it(kube: KubeApi, operator: Who) -> None:
    """With the right that its role gives, and under its own token."""
    kube.call("PATCH", OURS, {"spec": {"renewTime": None}}, by=operator, content_type=MERGE).ok()


def test_one_that_was_deleted_is_made_by_the_operator_only(
    kube: KubeApi, life: Life, operator: Who
) -> None:
    """Deleting is plain RBAC, so that people have a way out; a term of one's own is not."""
    dry = {"dryRun": "All"}
    kube.call("DELETE", OURS, by=ADMIN, query=dry).ok()
    kept = kube.call("GET", OURS).ok()["spec"]
    probe = life.filed()

    def told(code: int) -> Callable[[], bool]:
        return lambda: probe.status({"message": "x"}, by=operator).code == code

    kube.call("DELETE", OURS, by=ADMIN).ok()
    body = {"metadata": {"name": "assent"}, "spec": {"holderIdentity": "mine"}}
    at = f"{ROOT}/assent-system/leases"
    try:
        kube.call("POST", at, body, by=ADMIN).refused(403, ONLY_OPERATOR)
        # The fence reads the Lease from a cache: what comes next must not meet it in between.
        until(told(422), what="a refusal for want of the Lease")
    finally:
        kube.call("POST", at, {**body, "spec": kept}, by=OPERATOR_AS_ADMIN).ok()
    until(told(200), what="the leader let in again")


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        pytest.param("tikv", "assent", id="of that name elsewhere"),
        pytest.param("assent-system", "other", id="of another name there"),
    ],
)
def test_other_leases_are_left_alone(kube: KubeApi, namespace: str, name: str) -> None:
    """The gate guards one object of a kind that the whole cluster lives by."""
    at = f"{ROOT}/{namespace}/leases"
    body = {"metadata": {"name": name}, "spec": {"holderIdentity": "somebody"}}
    kube.call("POST", at, body, by=ADMIN).ok()
    kube.call("PATCH", f"{at}/{name}", TAKEN, by=ADMIN, content_type=MERGE).ok()
    kube.call("DELETE", f"{at}/{name}", by=ADMIN).ok()
