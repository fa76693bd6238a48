"""Whoever may edit a namespace may act as its service accounts: that must be worth nothing here."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.api.installing import ROOT, install
from tests.integration.api.kubeapi import ADMIN, NAMESPACE, KubeApi, Who, path
from tests.integration.api.life import DIGEST, PLURAL, Life
from tests.integration.api.waiting import until

RBAC = "rbac.authorization.k8s.io"
EDDIE = Who("eddie", ("system:authenticated",))
"""Has Kubernetes' own `edit` in the proposals' namespace, and may file proposals there."""
EDIT = "system:aggregate-to-edit"
"""What is in `edit` from the start; kube-controller-manager, which would join it, is not here."""
GIT = "assent-git"
DEPLOYER = f"system:serviceaccount:{NAMESPACE}:borrowed"


def bound(binding: str, role: str, **subject: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": binding, "namespace": NAMESPACE},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


@pytest.fixture(scope="module")
def lent(kube: KubeApi) -> Iterator[None]:
    """Eddie's rights, an account in his namespace that may decide on Low, and the shipped one."""
    account = {"kind": "ServiceAccount", "apiVersion": "v1"}
    eddie = {"apiGroup": RBAC, "kind": "User", "name": "eddie"}
    borrowed = {"kind": "ServiceAccount", "name": "borrowed", "namespace": NAMESPACE}
    install(
        kube,
        [
            {**account, "metadata": {"name": "borrowed", "namespace": NAMESPACE}},
            bound("eddie-edits", EDIT, **eddie),
            bound("eddie-proposes", "assent-proposer", **eddie),
            bound("borrowed-decides", "assent-approver-low", **borrowed),
            *yaml.safe_load_all((ROOT / "deploy/gitops/git-account.yaml").read_text()),
        ],
    )
    until(lambda: token(kube, "borrowed").code == 201, what="the right to make tokens")
    ask = Life(kube, ADMIN, prefix="lent").manifest(author=EDDIE)
    dry = {"dryRun": "All"}
    until(
        lambda: kube.call("POST", path(PLURAL), ask, by=EDDIE, query=dry).code == 201,
        what="the right to file",
    )
    yield
    kube.call("DELETE", f"/apis/{RBAC}/v1/namespaces/{NAMESPACE}/rolebindings/eddie-edits").ok()


def token(kube: KubeApi, account: str, *, namespace: str = NAMESPACE) -> Any:
    at = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    return kube.call("POST", at, {"spec": {}}, by=EDDIE)


def seat(by: str) -> dict[str, Any]:
    return {"approvals": [{"by": by, "decision": "Approve", "digest": DIGEST}]}


@pytest.mark.usefixtures("lent")
def test_an_account_of_the_same_namespace_approves_nothing(kube: KubeApi, life: Life) -> None:
    """Eddie files, borrows the account by a token that `edit` lets him make, and approves."""
    proposal = life.assessed(author=EDDIE)
    as_deployer = Who(token=str(token(kube, "borrowed").ok()["status"]["token"]))
    until(
        lambda: "may not approve" not in proposal.patch(seat(DEPLOYER), by=as_deployer).message,
        what="the account's right to approve",
    )
    proposal.patch(seat(DEPLOYER), by=as_deployer).refused(422, "own namespace has no seat")


@pytest.mark.usefixtures("lent")
def test_the_shipped_account_cannot_be_borrowed_from_the_proposals_namespace(
    kube: KubeApi, life: Life
) -> None:
    """It lives elsewhere, so no token of it; and its own approval still counts."""
    token(kube, GIT, namespace=GIT).refused(403, "eddie")
    token(kube, GIT).refused(404, f'"{GIT}" not found')
    proposal = life.assessed(author=EDDIE)
    git = f"system:serviceaccount:{GIT}:{GIT}"
    issued = kube.call(
        "POST",
        f"/api/v1/namespaces/{GIT}/serviceaccounts/{GIT}/token",
        {"spec": {}},
        by=ADMIN,
    ).ok()
    by = Who(token=str(issued["status"]["token"]))
    until(
        lambda: proposal.patch(seat(git), by=by).code == 200,
        what="the approval of the account that Git is applied by",
    )
