"""Who tries: every role of the matrix, and the rights that the shipped manifests give it.

The rights are RoleBindings in the proposals' namespace unless said otherwise, for nobody should
have them everywhere.
"""

from dataclasses import dataclass
from typing import Any

from tests.integration.api.kubeapi import NAMESPACE, Who

ELSEWHERE = "elsewhere"
"""A namespace in which somebody may decide, and which the proposals are not in."""
OPERATOR = "system:serviceaccount:assent-system:assent"
ROBOTS = "system:serviceaccount:"
_RBAC = "rbac.authorization.k8s.io"
_EVERYBODY = "system:authenticated"


@dataclass(frozen=True)
class Role:
    """One column of the tables."""

    name: str
    """What the tables call it; a person's user name is the same."""
    user: str
    says: str
    """Who that is, for the page."""
    cluster_roles: tuple[str, ...] = ()
    """Bound in the proposals' namespace."""
    everywhere: tuple[str, ...] = ()
    """Bound in the whole Kubernetes cluster."""
    elsewhere: tuple[str, ...] = ()
    """Bound in the other namespace."""

    def __repr__(self) -> str:
        return self.name

    @property
    def who(self) -> Who:
        """The identity, by impersonation; the operator's pods have tokens instead."""
        if not self.user.startswith(ROBOTS):
            return Who(self.user, (_EVERYBODY,))
        namespace = self.user.removeprefix(ROBOTS).split(":")[0]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", _EVERYBODY)
        return Who(self.user, groups)

    @property
    def with_every_right(self) -> Who:
        """The same name with all that RBAC knows: to set a scene that this role cannot set."""
        return Who(self.user, ("system:masters",))


def _person(name: str, says: str, *cluster_roles: str) -> Role:
    return Role(name, name, says, cluster_roles)


_APPROVER = "assent-approver-"
_PROPOSER = "assent-proposer"
ROLES = (
    _person("viewer", "looks on (`assent-viewer`)", "assent-viewer"),
    _person("editor", "has Kubernetes' own `edit`, which `assent-proposer` joins", "edit"),
    _person("proposer", "files proposals (`assent-proposer`)", _PROPOSER),
    _person("low", "decides on Low", f"{_APPROVER}low"),
    _person("medium", "decides on Medium", f"{_APPROVER}medium"),
    _person("high", "decides on High", f"{_APPROVER}high"),
    _person("critical", "decides on Critical", f"{_APPROVER}critical"),
    _person(
        "typed",
        "decides on Medium, of the type TransferLeader only (`resourceNames`)",
        "matrix-medium-transfers",
    ),
    _person("second", "decides on High, too, and files proposals", f"{_APPROVER}high", _PROPOSER),
    _person(
        "glass",
        "decides on all tiers and may break the glass (`assent-glass-breaker`)",
        *(f"{_APPROVER}{tier}" for tier in ("low", "medium", "high", "critical")),
        "assent-glass-breaker",
    ),
    _person("configurer", "configures clusters (`assent-configurer`)", "assent-configurer"),
    Role("halter", "halter", "may halt (`assent-halt`)", everywhere=("assent-halt",)),
    Role("unhalter", "unhalter", "may end a halt (`assent-unhalt`)", everywhere=("assent-unhalt",)),
    Role(
        "gitops",
        "system:serviceaccount:gitops:deployer",
        "the account of a GitOps tool: files proposals, decides on Low and Medium",
        (_PROPOSER, f"{_APPROVER}low", f"{_APPROVER}medium"),
    ),
    Role(
        "tenant",
        f"{ROBOTS}{NAMESPACE}:deployer",
        "such an account in the proposals' own namespace, where whoever has `edit` may act as it."
        " By RBAC it approves Low and Medium (it rejects and resolves nothing), and creates and"
        " deletes TiKVClusters",
        (_PROPOSER, "matrix-tenant"),
    ),
    Role(
        "robot",
        "system:serviceaccount:gitops:root",
        "a GitOps tool's account that is cluster-admin, as many are",
        everywhere=("cluster-admin",),
    ),
    Role("operator", OPERATOR, "the operator's pod that holds the Lease"),
    Role("replica", OPERATOR, "another pod of the operator"),
    Role(
        "neighbour",
        "neighbour",
        "decides on everything in another namespace, files proposals here",
        (_PROPOSER,),
        elsewhere=tuple(f"{_APPROVER}{tier}" for tier in ("low", "medium", "high", "critical")),
    ),
    Role("admin", "root", "cluster-admin", everywhere=("cluster-admin",)),
)
NAMES = tuple(role.name for role in ROLES)

TENANT: dict[str, Any] = {
    "apiVersion": f"{_RBAC}/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "matrix-tenant"},
    "rules": [
        {
            "apiGroups": ["assent.tikv.org"],
            "resources": ["tikvclusters"],
            "verbs": ["create", "delete"],
        },
        {
            "apiGroups": ["assent.tikv.org"],
            "resources": ["actionproposals/low", "actionproposals/medium"],
            "verbs": ["approve"],
        },
    ],
}

MEDIUM_TRANSFERS: dict[str, Any] = {
    "apiVersion": f"{_RBAC}/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "matrix-medium-transfers"},
    "rules": [
        {
            "apiGroups": ["assent.tikv.org"],
            "resources": ["actionproposals"],
            "verbs": ["get", "list", "watch", "patch", "update"],
        },
        {
            "apiGroups": ["assent.tikv.org"],
            "resources": ["actionproposals/medium"],
            "resourceNames": ["TransferLeader"],
            "verbs": ["approve", "reject", "resolve"],
        },
    ],
}


def bindings() -> list[dict[str, Any]]:
    """Return the bindings that give every role its rights."""
    return [
        *(_bound(role, name, NAMESPACE) for role in ROLES for name in role.cluster_roles),
        *(_bound(role, name, ELSEWHERE) for role in ROLES for name in role.elsewhere),
        *(_bound(role, name, None) for role in ROLES for name in role.everywhere),
    ]


def _bound(role: Role, cluster_role: str, namespace: str | None) -> dict[str, Any]:
    metadata = {"name": f"matrix-{role.name}-{cluster_role}"}
    if namespace is not None:
        metadata["namespace"] = namespace
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding" if namespace is None else "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": cluster_role},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": role.user}],
    }
