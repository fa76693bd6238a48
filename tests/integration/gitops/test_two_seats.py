"""One seat is the account's, the other a person's: what each tool makes of the other's word."""

from pathlib import Path

import pytest

from tests.integration.gitops.conftest import Git, loop_of
from tests.integration.gitops.loops import ArgoCd, Flux

pytestmark = pytest.mark.contract
TWO = {"approvalsNeeded": {"medium": 2}}


def beside_alice(tool: str, git: Git, folder: Path) -> ArgoCd | Flux:
    """Return the tool when Git says yes to what alice has said yes to, under a brake."""
    git.scene.configure(suspend=True, policy=TWO)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of(tool, git, folder)
    assert loop.sync().failures == {}
    git.type(f"approve limit -n {git.scene.namespace} -y", user="alice")
    git.repository.push("Approve it", limit=git.approved())
    return loop


@pytest.mark.parametrize("tool", ["argo-cd-server-side", "flux"])
def test_a_decision_of_git_stands_beside_a_persons(tool: str, git: Git, tmp_path: Path) -> None:
    """Server-side apply keeps each seat with who took it, to the end and after it."""
    loop = beside_alice(tool, git, tmp_path)
    assert loop.sync().failures == {}
    git.scene.await_phase("limit", "Approved", reason="Suspended")
    settled = git.version()
    assert loop.sync().failures == {}
    assert git.version() == settled
    git.scene.configure(suspend=False, policy=TWO)
    git.scene.await_phase("limit", "Succeeded")
    assert loop.sync().failures == {}
    seats = [one["by"] for one in git.scene.get("limit")["spec"]["approvals"]]
    assert sorted(seats) == ["alice", git.account]


def test_a_client_side_apply_would_take_the_persons_away(git: Git, tmp_path: Path) -> None:
    """It writes the list as the file has it: refused, alice's word stays, and Git's never comes.
    The page says to use server-side apply.
    """
    loop = beside_alice("argo-cd", git, tmp_path)
    assert "you may only withdraw your own decision" in loop.sync().failure
    assert [one["by"] for one in git.scene.get("limit")["spec"]["approvals"]] == ["alice"]
    git.scene.await_summary("limit", "1/2")
