"""Asks and decisions that arrive through Git: real API server, operator, PD and repository."""

import json
import re
from pathlib import Path

import pytest
import yaml

from assent.core.model.gitops import GitOpsTool, ObjectId, tracker_of
from sandbox.library import KubectlError
from tests.integration.gitops.conftest import FORMER, TOOLS, Git, loop_of
from tests.integration.gitops.judges import argo_cd, kstatus
from tests.integration.operator.scene import evict_leaders, set_limit

pytestmark = pytest.mark.contract
EVERY_TOOL = pytest.mark.parametrize("tool", sorted(TOOLS))


def edited(text: str, **parameters: int) -> str:
    """The manifest with another action, as somebody types it."""
    document = yaml.safe_load(text)
    document["spec"]["action"]["setStoreLimit"].update(parameters)
    return str(yaml.safe_dump(document, sort_keys=False))


@EVERY_TOOL
def test_a_decision_arrives_through_git_and_stays(tool: str, git: Git, tmp_path: Path) -> None:
    """Edited in the file by the plugin, merged, applied by the account; then applied for ever."""
    git.file()
    (waiting,) = argo_cd([git.scene.get("limit")])
    assert waiting.status == "Suspended"
    before = git.repository.push("Add the proposal", limit=git.exported())
    git.repository.push("Approve it", limit=git.approved())
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    git.scene.await_phase("limit", "Succeeded", reason="Done")

    live = git.scene.get("limit")
    (seat,) = live["spec"]["approvals"]
    assert (seat["by"], seat["comment"]) == (
        git.account,
        f"alice by Git, seen at {before}: checked",
    )
    assert live["spec"]["proposedBy"] == "sam"  # who approves does not become the author
    assert argo_cd([live])[0].status == "Healthy"
    assert kstatus([live])[0].status == "Current"
    settled = git.version()
    for _ in range(3):
        assert loop.sync().failures == {}
    assert git.version() == settled
    assert len(git.scene.calls()) == 1


@EVERY_TOOL
def test_a_low_one_is_decided_through_git(tool: str, git: Git, tmp_path: Path) -> None:
    """The tier with the lightest ceremony, of the operator's own finding."""
    git.scene.evict(4)
    found = git.scene.box.wait_for(lambda: git.scene.found("LeftoverEviction"), 60, "a proposal")
    name = found["metadata"]["name"]
    assert found["status"]["risk"]["tier"] == "Low"
    git.repository.push("Approve it", **{name: git.approved(name)})
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    git.scene.await_phase(name, "Succeeded")
    settled = git.version(name)
    assert loop.sync().failures == {}
    assert git.version(name) == settled


@EVERY_TOOL
def test_a_modified_action_arrives_through_git_and_a_person_approves_it(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """The account becomes the author: whatever it may approve, it may not approve this."""
    first = git.file()
    text = edited(git.exported(as_author=True), ratePerMinute=45)
    git.repository.push("Less is enough", limit=text)
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    status = git.scene.box.wait_for(
        lambda: git.scene.status("limit").get("revision") == 2 and git.scene.status("limit"),
        30,
        "the second revision",
    )
    assert status["digest"] != first["digest"]
    assert git.scene.get("limit")["spec"]["proposedBy"] == git.account
    with pytest.raises(KubectlError, match=r"somebody else must approve|wrote"):
        approve_as_account(git, status["digest"])

    assert loop.sync().failures == {}
    git.scene.box.kubectl(
        "-n", git.scene.namespace, "patch", "ap", "limit", "--field-manager=approver",
        "--type=merge", "-p", seat("alice", status["digest"]), user="alice",
    )  # fmt: skip
    git.scene.await_phase("limit", "Succeeded", reason="Done")
    settled = git.version()
    for _ in range(3):
        assert loop.sync().failures == {}
    assert git.version() == settled
    assert [one["by"] for one in git.scene.get("limit")["spec"]["approvals"]] == ["alice"]
    assert [call.json()["rate"] for call in git.scene.calls()] == [45]


@EVERY_TOOL
def test_a_proposal_is_filed_by_git_and_a_person_approves_it(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """The account is its author; from then on the tool changes nothing, to the end and after it."""
    git.scene.box.pd.post("/store/2/limit", {"type": "add-peer", "rate": FORMER})
    document = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {"name": "limit", "namespace": git.scene.namespace},
        "spec": {
            "clusterRef": {"name": "prod"},
            "proposedBy": git.account,
            "action": set_limit(2, 30),
        },
    }
    git.repository.push("File it", limit=str(yaml.safe_dump(document)))
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    git.scene.await_phase("limit", "Pending")
    assert loop.sync().failures == {}
    git.type(f"approve limit -n {git.scene.namespace} -y", user="alice")
    git.scene.await_phase("limit", "Succeeded", reason="Done")
    settled = git.version()
    for _ in range(2):
        assert loop.sync().failures == {}
    assert git.version() == settled
    assert len(git.scene.calls()) == 1


def seat(by: str, digest: str) -> str:
    """The body of a patch that approves."""
    found = {"by": by, "decision": "Approve", "digest": digest}
    return json.dumps({"spec": {"approvals": [found]}})


def approve_as_account(git: Git, digest: str) -> None:
    """What a file would do that holds the account's seat."""
    git.scene.box.kubectl(
        f"--as={git.account}", "-n", git.scene.namespace, "patch", "ap", "limit",
        "--field-manager=git", "--type=merge", "-p", seat(git.account, digest),
    )  # fmt: skip


@EVERY_TOOL
def test_a_revert_before_the_claim_withdraws_the_decision(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """Held by a brake, so that there is time to think better of it."""
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    commit = git.repository.push("Approve it", limit=git.approved())
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    git.scene.await_phase("limit", "Approved", reason="Suspended")

    git.repository.revert(commit)
    assert loop.sync().failures == {}
    git.scene.await_phase("limit", "Pending", reason="AwaitingApproval")
    assert not git.scene.get("limit")["spec"].get("approvals")
    git.scene.configure(suspend=False)
    git.scene.await_state("Watching")
    assert loop.sync().failures == {}
    assert git.scene.status("limit")["phase"] == "Pending"
    assert git.scene.calls() == []


@EVERY_TOOL
def test_a_revert_afterwards_is_refused_and_says_what_to_do(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """What was done is not undone by silence: that is an action of its own."""
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    commit = git.repository.push("Approve it", limit=git.approved())
    loop = loop_of(tool, git, tmp_path)
    loop.sync()
    git.scene.await_phase("limit", "Succeeded")

    reverted = git.repository.revert(commit)
    refusal = loop.sync().failure
    assert "kubectl proposals revert limit" in refusal, refusal
    assert "this proposal is Succeeded" in refusal
    assert [one["by"] for one in git.scene.get("limit")["spec"]["approvals"]] == [git.account]
    git.repository.revert(reverted)
    assert loop.sync().failures == {}
    assert len(git.scene.calls()) == 1


@EVERY_TOOL
def test_yesterdays_file_does_not_approve_tomorrows_proposal(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """The same name, the same ask, the same target: another object, another digest."""
    git.file()
    undecided = git.exported()
    git.repository.push("Approve it", limit=git.approved())
    loop = loop_of(tool, git, tmp_path)
    loop.sync()
    git.scene.await_phase("limit", "Succeeded")
    git.scene.box.kubectl("-n", git.scene.namespace, "delete", "ap", "limit")

    # Git still has it: the tool files it anew, and the decision in the file is refused.
    own = edited(git.repository.path("limit.yaml").read_text()).replace(
        "proposedBy: sam", f"proposedBy: {git.account}"
    )
    git.repository.push("As the tool would have to file it", limit=own)
    refusal = loop.sync().failure
    assert "spec.approvals" in refusal, refusal
    assert git.account in refusal

    # Without those lines it is filed, and begins unapproved.
    fresh = undecided.replace("proposedBy: sam", f"proposedBy: {git.account}")
    git.repository.push("Remove the decision", limit=fresh)
    assert loop.sync().failures == {}
    status = git.scene.await_phase("limit", "Pending")
    assert status["approvals"]["given"] == 0
    assert len(git.scene.calls()) == 1

    # And yesterday's file, put back, does not approve it.
    git.repository.push("Yesterday's file", limit=own)
    assert "digest" in loop.sync().failure
    assert git.scene.status("limit")["phase"] == "Pending"
    assert len(git.scene.calls()) == 1


def test_the_account_decides_no_more_than_its_role_says(git: Git, tmp_path: Path) -> None:
    """The action type is part of the right, and High has no seat for any account."""
    git.scene.file("evict", evict_leaders(3))
    git.scene.file("fill", set_limit(2, 400))
    medium = git.scene.await_phase("evict", "Pending")
    high = git.scene.await_phase("fill", "Pending")
    assert (medium["risk"]["tier"], high["risk"]["tier"]) == ("Medium", "High")
    for name, status, why in (
        ("evict", medium, "may not approve Medium-risk EvictLeaders"),
        ("fill", high, "service accounts have no seat|may not approve High-risk"),
    ):
        document = yaml.safe_load(git.exported(name))
        document["spec"]["approvals"] = [
            {"by": git.account, "decision": "Approve", "digest": status["digest"]}
        ]
        git.repository.push("Approve", **{name: str(yaml.safe_dump(document))})
        tool = loop_of("flux", git, _new(tmp_path, name))
        refusal = tool.sync().failures[name]
        assert re.search(why, refusal), refusal


def _new(folder: Path, name: str) -> Path:
    made = folder / f"clone-{name}"
    made.mkdir()
    return made


def test_marks_of_each_tool_are_known(git: Git, tmp_path: Path) -> None:
    """What a later pruning goes by, on objects that were really applied."""
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    mine = ObjectId("assent.tikv.org", "ActionProposal", git.scene.namespace, "limit")

    def tracked() -> GitOpsTool | None:
        meta = git.scene.get("limit")["metadata"]
        marks = {"labels": meta.get("labels", {}), "annotations": meta.get("annotations", {})}
        found = tracker_of(mine, **marks)
        return found.tool if found else None

    assert tracked() is None
    loop_of("argo-cd", git, tmp_path).sync()
    assert tracked() is GitOpsTool.ARGO_CD
    git.scene.box.kubectl(
        "-n", git.scene.namespace, "annotate", "ap", "limit", "argocd.argoproj.io/tracking-id-"
    )
    assert tracked() is None
    loop_of("flux", git, tmp_path).sync()
    assert tracked() is GitOpsTool.FLUX
