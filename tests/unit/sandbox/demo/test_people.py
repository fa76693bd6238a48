"""What people send: exactly what the approval gate reads, in their own names."""

import json
from pathlib import Path

import pytest
import yaml

from assent.api.v1alpha1.actionproposal import ActionProposalSpec
from sandbox.demo.people import (
    ALICE,
    BOB,
    CAROL,
    EVERYBODY,
    MALLORY,
    NAMESPACE,
    approval,
    bindings,
    edit,
    proposal,
    rejection,
)

CHECKOUT = Path(__file__).parents[4]
LIMIT = {"type": "SetStoreLimit", "setStoreLimit": {"storeId": 2, "kind": "AddPeer"}}


def test_every_role_is_a_shipped_one() -> None:
    """A role of the demo's own would prove nothing about what users install."""
    shipped = {
        document["metadata"]["name"]
        for file in (CHECKOUT / "deploy/rbac").glob("*.yaml")
        for document in yaml.safe_load_all(file.read_text())
        if document and document["kind"] == "ClusterRole"
    }
    assert {role for person in EVERYBODY for role in person.roles} <= shipped


def test_only_alice_may_approve() -> None:
    """Else the refusal in chapter 4 would not come from a missing right."""
    approvers = {person.name for person in EVERYBODY for role in person.roles if "approver" in role}
    assert approvers == {ALICE.name}


def test_everybody_is_bound_in_one_namespace_only() -> None:
    """RoleBindings, no ClusterRoleBinding: rights end at the namespace."""
    items = json.loads(bindings())["items"]
    assert {item["kind"] for item in items} == {"RoleBinding"}
    assert {item["metadata"]["namespace"] for item in items} == {NAMESPACE}
    assert len({item["metadata"]["name"] for item in items}) == len(items)
    bound = {(item["subjects"][0]["name"], item["roleRef"]["name"]) for item in items}
    assert bound == {(person.name, role) for person in EVERYBODY for role in person.roles}


def test_an_approval_names_who_and_what() -> None:
    """The digest says what was read; without it a yes would be to anything."""
    (seat,) = json.loads(approval(ALICE, "sha256:1", "fine"))["spec"]["approvals"]
    assert seat == {"by": "alice", "decision": "Approve", "digest": "sha256:1", "comment": "fine"}


def test_a_rejection_needs_no_digest() -> None:
    """A no is to the problem, whatever the text becomes."""
    (seat,) = json.loads(rejection(ALICE, "no"))["spec"]["approvals"]
    assert seat == {"by": "alice", "decision": "Reject", "comment": "no"}


def test_an_edit_makes_its_author_known() -> None:
    """Who changes a proposal answers for it from then on."""
    assert json.loads(edit(CAROL, LIMIT))["spec"] == {"proposedBy": "carol", "action": LIMIT}


@pytest.mark.parametrize("ask", [{}, {"dryRun": True}, {"reason": "a new disk: catch up"}])
def test_a_filed_proposal_is_one_that_the_models_accept(ask: dict[str, object]) -> None:
    """What the reader sees in the story is what they may type, so it has to be valid."""
    action = {**LIMIT, "setStoreLimit": {**LIMIT["setStoreLimit"], "ratePerMinute": 60}}  # type: ignore[dict-item]
    document = yaml.safe_load(proposal("faster-2", BOB, action, **ask))
    assert document["metadata"] == {"name": "faster-2", "namespace": NAMESPACE}
    spec = ActionProposalSpec.model_validate(document["spec"])
    assert spec.proposed_by == "bob"
    assert spec.cluster_ref.name == "demo"


def test_a_proposal_is_read_from_top_to_bottom() -> None:
    """Kind first, then the name, then what is asked: as people write it."""
    text = proposal("x", MALLORY, LIMIT)
    assert [line.split(":")[0] for line in text.splitlines() if line[0] != " "] == [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
    ]
