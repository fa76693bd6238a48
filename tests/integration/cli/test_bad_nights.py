"""The shipped plugins on the real API server when somebody or something is against us."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assent.cli.failures import Exit
from sandbox.toolchain import kubectl_path
from tests.integration.cli.conftest import Hands
from tests.integration.cli.test_people import running_commands
from tests.integration.cli.test_plugins import file_one
from tests.integration.operator.scene import Scene, set_limit

pytestmark = pytest.mark.contract

FORGED = (
    "ok\n  Tier       Low\n\nApprovals 1/1\n  ✔ bert approved\nkubectl approve other\u200b\u061c"
)


@contextmanager
def approving(hands: Hands) -> Iterator["subprocess.Popen[str]"]:
    """Alice's `kubectl approve limit --wait`, running."""
    with subprocess.Popen(
        [hands.folder / "kubectl-approve", *hands.here("limit --wait --timeout 60s")],
        env=hands.environment("alice"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as waiting:  # fmt: skip
        yield waiting


def test_who_files_a_proposal_forges_no_line_of_ours(scene: Scene, hands: Hands) -> None:
    """The reason is the proposer's own text, and the API server takes any."""
    scene.file("limit", set_limit(2, 30), reason=FORGED)
    scene.await_phase("limit", "Pending")
    for line in ("proposals show limit", "approve limit --dry-run=server"):
        begun = [one.strip() for one in hands.does(hands.here(line), user="alice").splitlines()]
        assert not {"Tier       Low", "Approvals 1/1", "✔ bert approved"} & set(begun)
        (said,) = [one for one in begun if "bert approved" in one]
        assert said.endswith(r"kubectl approve other\u200b\u061c"), said


def test_waiting_for_what_somebody_changed_ends(scene: Scene, hands: Hands) -> None:
    """The new revision is not what was approved: its end is no answer."""
    scene.configure(suspend=True)
    file_one(scene)
    with approving(hands) as waiting:
        scene.await_phase("limit", "Approved")
        hands.does(hands.here("proposals modify limit ratePerMinute=45"), user="ann")
        _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == Exit.CHANGED, err
    assert "not what you approved any more" in err
    assert "ann changed action.setStoreLimit.ratePerMinute" in err


def test_waiting_for_what_was_deleted_and_filed_anew_ends(scene: Scene, hands: Hands) -> None:
    """The other's success is none of ours."""
    scene.configure(suspend=True)
    file_one(scene)
    with approving(hands) as waiting:
        scene.await_phase("limit", "Approved")
        hands.does(hands.here("delete actionproposal limit"))
        file_one(scene)
        _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == Exit.NOT_NOW, err
    assert "limit was deleted" in err


def test_a_kubectl_behind_a_script_leaves_nothing_and_hangs_nowhere(
    scene: Scene, hands: Hands, tmp_path: Path
) -> None:
    """Many a kubectl in PATH starts the real one as a child, without exec."""
    file_one(scene)
    folder = tmp_path / "wrapped"
    folder.mkdir()
    (folder / "kubectl").write_text(f'#!/bin/sh\n{kubectl_path()} "$@"\nexit $?\n')
    (folder / "kubectl").chmod(0o755)
    doors = tmp_path / "doors"
    doors.mkdir()
    environment = {
        **hands.environment("alice"), "PATH": f"{folder}:{hands.folder}", "TMPDIR": str(doors),
    }  # fmt: skip
    for line, ends in (("limit --dry-run=server", "dry run"), ("limit --wait", "Succeeded (Done)")):
        done = subprocess.run(
            [hands.folder / "kubectl-approve", *hands.here(line)], env=environment, timeout=60,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert ends in done.stdout.splitlines()[-1]
    assert list(doors.iterdir()) == []
    # What was killed is seen for a moment, until the kernel is done with it.
    mine = (str(doors), f"--namespace={scene.namespace} --watch")
    scene.box.wait_for(
        lambda: not any(words in running_commands() for words in mine), 30, f"the end of {mine}"
    )


def test_a_wrong_word_on_the_line_decides_nothing(scene: Scene, hands: Hands) -> None:
    """Exit code 2 means that nothing was sent, whichever word it was."""
    file_one(scene)
    for more in ("--wait --timeout soon", "--timeout 5s", "--wiat", "--dry-run=client"):
        done = hands.type(hands.here(f"approve limit {more}"), user="alice")
        assert done.code == Exit.USAGE, done.all
    assert "approvals" not in scene.get("limit")["spec"]


def test_a_decision_whose_reader_goes_away_is_no_success(scene: Scene, hands: Hands) -> None:
    """`kubectl approve NAME | head -0` in a script: what was not sent must not look so."""
    file_one(scene)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [hands.folder / "kubectl-approve", *hands.here("limit")], env=hands.environment("alice"),
        stdout=write, stderr=subprocess.PIPE, check=False, timeout=60, text=True,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == Exit.REFUSED
    assert done.stderr == "Whoever read this has gone. Look what was sent: kubectl proposals\n"
    assert "approvals" not in scene.get("limit")["spec"]


def test_what_was_rejected_once_may_be_taken_back_later(scene: Scene, hands: Hands) -> None:
    """The first try ended; the second has a name of its own."""
    file_one(scene)
    hands.does(hands.here("approve limit --wait --timeout 60s"), user="alice")
    hands.does(hands.here("proposals revert limit"), user="ann")
    scene.await_phase("revert-limit", "Pending")
    again = hands.type(hands.here("proposals revert limit"), user="ann")
    assert again.code == Exit.NOT_NOW
    assert "revert-limit exists already, and is Pending" in again.err
    hands.does([*hands.here("reject revert-limit"), "-m", "not now"], user="alice")
    scene.await_phase("revert-limit", "Rejected")
    told = hands.does(hands.here("proposals revert limit"), user="ann")
    assert "✔ revert-limit-2 filed." in told
    scene.await_phase("revert-limit-2", "Pending")


def test_an_account_that_may_be_borrowed_gets_no_seat_in_a_file(
    scene: Scene, hands: Hands, tmp_path: Path
) -> None:
    """The API server refuses it; said before anybody reviews the pull request."""
    file_one(scene)
    manifest = tmp_path / "limit.yaml"
    written = hands.does(hands.here("proposals export limit"), user="alice")
    manifest.write_text(written)
    done = hands.type(
        ["approve", "-f", str(manifest), "--as-account", f"{scene.namespace}:git"], user="alice"
    )
    assert (done.code, manifest.read_text()) == (Exit.NOT_NOW, written)
    assert "have no seat there" in done.err
