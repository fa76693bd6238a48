"""Who takes part: each a user of the API server with exactly the shipped roles named here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

NAMESPACE = "tikv"


@dataclass(frozen=True, slots=True)
class Person:
    """A user name and the shipped ClusterRoles bound to it in the namespace."""

    name: str
    roles: tuple[str, ...]


MALLORY = Person("mallory", ("assent-proposer",))
ALICE = Person("alice", ("assent-approver-low", "assent-approver-medium"))
BOB = Person("bob", ("assent-proposer",))
CAROL = Person("carol", ("assent-proposer",))

EVERYBODY = (MALLORY, ALICE, BOB, CAROL)


def bindings() -> str:
    """Return the RoleBindings of everybody as one JSON list for ``kubectl apply``."""
    items = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{person.name}-{role}", "namespace": NAMESPACE},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": person.name}
            ],
        }
        for person in EVERYBODY
        for role in person.roles
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def approval(person: Person, digest: str, comment: str) -> str:
    """Return the merge patch by which a person approves exactly what has that digest."""
    return _decision({"by": person.name, "decision": "Approve", "digest": digest}, comment)


def rejection(person: Person, comment: str) -> str:
    """Return the merge patch by which a person rejects."""
    return _decision({"by": person.name, "decision": "Reject"}, comment)


def _decision(seat: Mapping[str, str], comment: str) -> str:
    return json.dumps({"spec": {"approvals": [{**seat, "comment": comment}]}})


def edit(person: Person, action: Mapping[str, object]) -> str:
    """Return the merge patch by which a person changes the action, in their own name."""
    return json.dumps({"spec": {"proposedBy": person.name, "action": action}})


def proposal(name: str, author: Person, action: Mapping[str, object], **ask: object) -> str:
    """Return an ActionProposal filed by hand, as YAML."""
    return yaml.safe_dump(
        {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "clusterRef": {"name": "demo"},
                "proposedBy": author.name,
                "action": action,
                **ask,
            },
        },
        sort_keys=False,
    )
