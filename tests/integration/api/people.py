"""Who is who in these tests, and what RBAC gives them, by the roles that are shipped."""

from typing import Any

from tests.integration.api.kubeapi import Who, users

_ALL = users(["sam", "mallory", "alice", "bob", "carol", "vera", "conny", "ola", "otto", "greta"])

SAM = _ALL["sam"]
"""May file proposals, decides nothing."""
MALLORY = _ALL["mallory"]
"""As Sam; the one who tries."""
ALICE = _ALL["alice"]
"""Decides on Low, and on Medium for TransferLeader only."""
BOB = _ALL["bob"]
"""As Alice."""
CAROL = _ALL["carol"]
"""Decides on High and Critical."""
VERA = _ALL["vera"]
"""May look."""
CONNY = _ALL["conny"]
"""May configure clusters."""
OLA = _ALL["ola"]
"""May halt."""
OTTO = _ALL["otto"]
"""May end a halt."""

GRETA = _ALL["greta"]
"""Decides on every tier, and may break the glass."""
FLUX = Who("system:serviceaccount:flux-system:kustomize", ("system:serviceaccounts",))
"""A service account that may decide on every tier and break the glass, as far as RBAC goes."""
ARGO = Who("system:serviceaccount:argocd:application", ("system:serviceaccounts",))
"""As Flux."""
TENANT = Who("system:serviceaccount:tikv:deployer", ("system:serviceaccounts",))
"""A service account of the proposals' own namespace, which may decide on Low."""

OPERATOR_USERNAME = "system:serviceaccount:assent-system:assent"
OPERATOR_AS_ADMIN = Who(OPERATOR_USERNAME, ("system:masters",))
"""The operator's name with every right RBAC knows: what only a policy can stop."""

_BOUND = {
    "assent-viewer": [VERA],
    "assent-proposer": [SAM, MALLORY, ALICE],
    "assent-approver-low": [ALICE, BOB, GRETA, FLUX, ARGO, TENANT],
    "assent-approver-medium": [GRETA, FLUX, ARGO],
    "assent-approver-high": [CAROL, GRETA, FLUX],
    "assent-approver-critical": [CAROL, GRETA, FLUX],
    "assent-glass-breaker": [GRETA, FLUX],
    "assent-configurer": [CONNY],
    "assent-halt": [OLA],
    "assent-unhalt": [OTTO],
    "tests-medium-transfers": [ALICE, BOB],
}

MEDIUM_TRANSFERS: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "tests-medium-transfers"},
    "rules": [
        {
            "apiGroups": ["assent.tikv.org"],
            "resources": ["actionproposals/medium"],
            "resourceNames": ["TransferLeader"],
            "verbs": ["approve", "reject", "resolve"],
        }
    ],
}


def bindings() -> list[dict[str, Any]]:
    """Return a ClusterRoleBinding for every role that somebody here has."""
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"tests-{role}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [
                {"kind": "User", "name": who.user, "apiGroup": "rbac.authorization.k8s.io"}
                for who in people
            ],
        }
        for role, people in _BOUND.items()
    ]
