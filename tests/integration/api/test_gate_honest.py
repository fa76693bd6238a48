"""What the gate must let through: every write of the main job, and what others do to objects."""

from typing import Any

import pytest

from tests.integration.api.kubeapi import ADMIN, APPLY, KubeApi, Who, path
from tests.integration.api.life import DIGEST, EVICT, Life, approval, rejection
from tests.integration.api.people import ALICE, BOB, CAROL, MALLORY, SAM


def by_of(proposal: dict[str, Any]) -> list[str]:
    return [entry["by"] for entry in proposal["spec"].get("approvals", [])]


@pytest.mark.parametrize(
    ("who", "tier", "extra"),
    [
        pytest.param(ALICE, "Low", {}, id="Low by who may decide on Low"),
        pytest.param(ALICE, "Medium", {}, id="Medium, of the one type the right names"),
        pytest.param(CAROL, "High", {}, id="High by who may decide on High"),
        pytest.param(CAROL, "Critical", {"confirm": "region/4"}, id="Critical, target typed"),
        pytest.param(ADMIN, "Low", {"by": "admin"}, id="an administrator, in the own name"),
    ],
)
def test_right_to_the_tier_approves(life: Life, who: Who, tier: str, extra: dict[str, str]) -> None:
    """Plain RBAC on the virtual subresource of the tier is all that an approver needs."""
    proposal = life.assessed(tier=tier)
    stored = proposal.patch({"approvals": [approval(who, **extra)]}, by=who).ok()
    assert stored["spec"]["approvals"][0]["digest"] == DIGEST


def test_second_person_adds_a_seat(life: Life) -> None:
    """Seats add up; the first stays untouched."""
    proposal = life.assessed(approvals=((ALICE, approval(ALICE)),))
    stored = proposal.patch({"approvals": [approval(ALICE), approval(BOB)]}, by=BOB).ok()
    assert by_of(stored) == ["alice", "bob"]


def test_server_side_apply_touches_only_the_own_seat(life: Life, kube: KubeApi) -> None:
    """A list-map by person: with a manager each, two people apply without seeing each other."""
    proposal = life.assessed()
    for who in (ALICE, BOB):
        manifest = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": proposal.name},
            "spec": {"approvals": [approval(who)]},
        }
        kube.call(
            "PATCH",
            path("actionproposals", proposal.name),
            manifest,
            by=who,
            content_type=APPLY,
            query={"fieldManager": f"approve-{who.user}"},
        ).ok()
    assert by_of(proposal.read()) == ["alice", "bob"]


def test_own_approval_can_be_withdrawn(life: Life) -> None:
    """Until execution begins, a person may think again, also when there were enough."""
    proposal = life.assessed(approvals=((ALICE, approval(ALICE)),), phase="Approved")
    assert by_of(proposal.patch({"approvals": None}, by=ALICE).ok()) == []


def test_rejection_needs_no_digest(life: Life) -> None:
    """Saying no is never hindered by an edit in between."""
    proposal = life.assessed()
    proposal.patch({"reason": "changed since"}, by=SAM).ok()
    assert by_of(proposal.patch({"approvals": [rejection(ALICE)]}, by=ALICE).ok()) == ["alice"]


def test_unassessed_proposal_can_be_rejected_by_who_decides_on_critical(life: Life) -> None:
    """What nobody has assessed counts as Critical, for a veto too."""
    proposal = life.filed()
    proposal.patch({"approvals": [rejection(ALICE)]}, by=ALICE).refused(403, "may not reject")
    proposal.patch({"approvals": [rejection(CAROL)]}, by=CAROL).ok()


def test_edit_removes_approvals_in_the_same_write(life: Life) -> None:
    """Modify before approval: whoever edits becomes the author, approvals start anew."""
    proposal = life.assessed(approvals=((ALICE, approval(ALICE)),))
    change = {"action": EVICT | {"transferLeader": None}, "proposedBy": "mallory"}
    stored = proposal.patch({**change, "approvals": None}, by=MALLORY).ok()
    assert stored["spec"]["proposedBy"] == "mallory"
    assert stored["spec"]["action"] == EVICT
    assert by_of(stored) == []


def test_edited_ask_is_approved_once_it_is_assessed_again(life: Life) -> None:
    """The window between edit and assessment closes by itself."""
    proposal = life.assessed()
    proposal.patch({"reason": "changed since"}, by=SAM).ok()
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).refused(422, "not assessed yet")
    proposal.assess()
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).ok()


@pytest.mark.parametrize(
    ("written", "copied"),
    [
        ("2030-01-01T22:00:00Z", "2030-01-01T22:00:00.000Z"),
        ("2030-01-01T23:00:00+01:00", "2030-01-01T22:00:00.000Z"),
        ("2030-01-01T22:00:00.5Z", "2030-01-01T22:00:00.500Z"),
    ],
)
def test_same_instant_written_otherwise_is_the_same_ask(
    life: Life, written: str, copied: str
) -> None:
    """The operator copies instants in UTC with milliseconds; people write them as they like."""
    proposal = life.filed(notAfter=written)
    proposal.assess()
    assessed = {**proposal.read()["status"]["assessed"], "notAfter": copied}
    proposal.status({"assessed": assessed}).ok()
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).ok()


def test_another_instant_is_another_ask(life: Life) -> None:
    """Comparing instants must not make different ones equal."""
    proposal = life.filed(notAfter="2030-01-01T22:00:00Z")
    proposal.assess()
    assessed = {**proposal.read()["status"]["assessed"], "notAfter": "2030-01-01T22:00:00.001Z"}
    proposal.status({"assessed": assessed}).ok()
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).refused(422, "not assessed yet")


@pytest.mark.parametrize("phase", ["Suggested", "Pending", "Approved", "Executing", "RollingBack"])
def test_anybody_who_may_patch_can_cancel(life: Life, phase: str) -> None:
    """There is always a way to say stop, also in the middle."""
    proposal = life.assessed(phase=phase)
    stored = proposal.patch({"cancel": {"by": "mallory", "reason": "stop"}}, by=MALLORY).ok()
    assert stored["spec"]["cancel"]["by"] == "mallory"


@pytest.mark.parametrize("outcome", ["Happened", "DidNotHappen"])
def test_unknown_outcome_is_resolved_by_who_has_the_right(life: Life, outcome: str) -> None:
    """A person who looked says what came of the call."""
    proposal = life.assessed(phase="OutcomeUnknown")
    resolution = {"by": "alice", "outcome": outcome, "digest": DIGEST}
    proposal.patch({"resolution": resolution}, by=ALICE).ok()


@pytest.mark.parametrize("phase", ["Pending", "Executing", "Succeeded"])
def test_write_that_changes_nothing_passes(life: Life, kube: KubeApi, phase: str) -> None:
    """Storage migration and the like put objects back as they were, whoever approved them."""
    proposal = life.assessed(approvals=((ALICE, approval(ALICE)),), phase=phase)
    stored = proposal.read()
    kube.call("PUT", path("actionproposals", proposal.name), stored, by=MALLORY).ok()


def test_foreign_labels_and_annotations_are_free(life: Life) -> None:
    """GitOps tools and people mark objects; that touches neither ask nor approvals."""
    proposal = life.assessed(approvals=((ALICE, approval(ALICE)),), phase="Executing")
    marks = {"labels": {"team": "db"}, "annotations": {"note": "seen"}}
    proposal.merge({"metadata": marks}, by=MALLORY).ok()
