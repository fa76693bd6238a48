"""What people send: whole asks, with what was there before taken away."""

from typing import Any

import pytest

from tests.chaos.campaign import still_open
from tests.chaos.conversations import whole
from tests.chaos.histories import DIGEST, LIMIT, TRANSFER, limit
from tests.chaos.people import APPROVERS, AUTHORS, ROLES, bindings


def merged(document: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@pytest.mark.parametrize("before", [LIMIT, TRANSFER], ids=["the same kind", "another kind"])
def test_an_edit_replaces_the_action(before: dict[str, Any]) -> None:
    """A merge patch adds; the member of the old union must go, or the API server refuses."""
    found = {"spec": {"action": before, "proposedBy": "sam", "approvals": [{"by": "alice"}]}}
    after = limit(5, 77)
    patch = whole(found, {"proposedBy": "bert", "action": after, "approvals": None})
    assert merged(found["spec"], patch) == {"action": after, "proposedBy": "bert"}


def proposal(phase: str, *, approved: bool) -> dict[str, Any]:
    seat = {"by": "alice", "decision": "Approve", "digest": DIGEST}
    return {
        "metadata": {"uid": "u", "name": "p", "resourceVersion": "1"},
        "spec": {"action": LIMIT, "proposedBy": "sam", "approvals": [seat] if approved else []},
        "status": {
            "phase": phase,
            "digest": DIGEST,
            "assessed": {"action": LIMIT, "proposedBy": "sam"},
        },
    }


@pytest.mark.parametrize(
    ("phase", "approved", "waits"),
    [
        pytest.param("Pending", False, False, id="nobody agreed: it may wait for ever"),
        pytest.param("Pending", True, True, id="agreed and not noticed yet"),
        pytest.param("Approved", True, True, id="agreed and held"),
        pytest.param("Active", True, True, id="to be taken back"),
        pytest.param("OutcomeUnknown", True, True, id="a person is asked"),
        pytest.param("Succeeded", True, False, id="done"),
        pytest.param("Rejected", False, False, id="refused"),
    ],
)
def test_what_the_end_is_waited_for(phase: str, *, approved: bool, waits: bool) -> None:
    """The campaign ends when all that people agreed to has ended."""
    assert still_open(proposal(phase, approved=approved)) is waits


def test_nobody_approves_what_he_may_file_alone() -> None:
    """Authors have no right to approve; approvers are two, for what needs two."""
    assert all("approver" not in role for user in AUTHORS for role in ROLES[user])
    assert len(APPROVERS) == 2
    assert len(bindings()) == sum(len(roles) for roles in ROLES.values())
