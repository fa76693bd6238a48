"""The shipped plugins on the real API server, as real users, against a real operator and PD."""

import json
from pathlib import Path

import pytest

from assent.cli.failures import Exit
from tests.integration.cli.conftest import Hands
from tests.integration.operator.scene import FORMER_LIMIT, Scene, set_limit

pytestmark = pytest.mark.contract

ACCOUNT = "system:serviceaccount:flux-system:assent"


def file_one(scene: Scene, name: str = "limit", rate: int = 30, store: int = 2) -> None:
    """File one of tier Medium, unless the rate says otherwise."""
    scene.file(name, set_limit(store, rate), reason="After the new disk.")
    scene.await_phase(name, "Pending")


@pytest.mark.smoke
def test_a_proposal_is_listed_shown_and_approved_to_its_end(scene: Scene, hands: Hands) -> None:
    """With env -i, an empty home, and a PATH of python3 and kubectl only."""
    file_one(scene)
    listed = hands.does(hands.here("proposals"), user="alice")
    (line,) = [line for line in listed.splitlines() if line.startswith("limit ")]
    assert "0/1" in line, listed
    shown = hands.does(hands.here("proposals show limit"), user="alice")
    assert "pd-ctl store limit 2 30 add-peer" in shown
    done = hands.type(hands.here("approve limit -m ok --wait --timeout 90s"), user="alice")
    assert done.code == Exit.OK, (done.all, scene.status("limit"))
    assert "limit approved by alice" in done.out, done.all
    assert "Succeeded (Done)" in done.out.splitlines()[-1], done.all
    assert [call.json()["rate"] for call in scene.calls()] == [30]
    (seat,) = scene.get("limit")["spec"]["approvals"]
    assert (seat["by"], seat["comment"]) == ("alice", "ok")


def test_high_takes_two_people_neither_of_whom_wrote_it(scene: Scene, hands: Hands) -> None:
    """The second approver's patch keeps the first one's seat."""
    file_one(scene, rate=FORMER_LIMIT * 20)
    by_author = hands.type(hands.here("approve limit"), user="sam")
    assert by_author.code == Exit.NOT_NOW
    assert "you (sam) wrote this ask" in by_author.err
    hands.does(hands.here("approve limit"), user="alice")
    hands.does(hands.here("approve limit"), user="bert")
    scene.await_phase("limit", "Succeeded")
    assert [one["by"] for one in scene.get("limit")["spec"]["approvals"]] == ["alice", "bert"]


def test_the_gate_has_the_last_word(scene: Scene, hands: Hands) -> None:
    """The plugin lets a person without the right try; the API server refuses."""
    file_one(scene)
    done = hands.type(hands.here("approve limit"), user="ann")
    assert done.code == Exit.REFUSED
    assert "user ann may not approve Medium-risk SetStoreLimit" in done.err
    assert "assent-approver-medium" in done.err
    assert "approvals" not in scene.get("limit")["spec"]


def test_a_rejection_ends_it_with_its_reason(scene: Scene, hands: Hands) -> None:
    """And --wait tells an approver so by its exit code."""
    file_one(scene)
    hands.does([*hands.here("reject limit"), "-m", "not on a Friday"], user="alice")
    status = scene.await_phase("limit", "Rejected")
    assert "not on a Friday" in status["message"]
    late = hands.type(hands.here("approve limit"), user="bert")
    assert late.code == Exit.NOT_NOW


def test_all_means_what_waits_for_me(scene: Scene, hands: Hands) -> None:
    """By right and by seat; nobody who cannot be asked is taken to agree."""
    file_one(scene, "first", store=2)
    file_one(scene, "second", store=3)
    nothing = hands.type(hands.here("approve --all"), user="sam")
    assert nothing.code == Exit.NOT_NOW
    assert "Nothing waits for you (sam)" in nothing.err
    unasked = hands.type(hands.here("approve --all"), user="alice")
    assert unasked.code == Exit.USAGE
    assert "2 proposals you (alice) may approve" in unasked.out
    hands.does(hands.here("approve --all --yes"), user="alice")
    scene.await_phase("first", "Succeeded")
    scene.await_phase("second", "Succeeded")


def test_a_dry_run_of_the_server_stores_nothing(scene: Scene, hands: Hands) -> None:
    """The gate has judged it all the same."""
    file_one(scene)
    told = hands.does(hands.here("approve limit --dry-run=server -o json"), user="alice")
    assert json.loads(told)["spec"]["approvals"][0]["by"] == "alice"
    assert "approvals" not in scene.get("limit")["spec"]
    refused = hands.type(hands.here("approve limit --dry-run=server"), user="ann")
    assert refused.code == Exit.REFUSED


def test_a_modified_proposal_is_its_editors_and_others_approve_it(
    scene: Scene, hands: Hands
) -> None:
    """Approvals go, the digest is new."""
    scene.configure(suspend=True)
    file_one(scene)
    hands.does(hands.here("approve limit"), user="alice")
    told = hands.does(hands.here("proposals modify limit ratePerMinute=45"), user="ann")
    assert "- action.setStoreLimit.ratePerMinute: 30" in told
    assert "+ action.setStoreLimit.ratePerMinute: 45" in told
    assert "What alice said is void" in told
    spec = scene.get("limit")["spec"]
    assert (spec["proposedBy"], "approvals" in spec) == ("ann", False)
    typo = hands.type(hands.here("proposals modify limit ratPerMinute=45"), user="ann")
    assert "Did you mean ratePerMinute" in typo.err


def test_what_was_done_is_taken_back_by_a_proposal(scene: Scene, hands: Hands) -> None:
    """To the value that was captured before."""
    file_one(scene, rate=30)
    hands.does(hands.here("approve limit --wait --timeout 60s"), user="alice")
    told = hands.does(hands.here("proposals revert limit"), user="ann")
    assert f"ratePerMinute: {FORMER_LIMIT}" in told
    scene.await_phase("revert-limit", "Pending")
    hands.does(hands.here("approve revert-limit --wait --timeout 60s"), user="alice")
    assert scene.box.pd.get("/stores/limit")["2"]["add-peer"] == FORMER_LIMIT


def test_the_brakes(scene: Scene, hands: Hands) -> None:
    """Suspend, resume, halt, unhalt, cancel; each by who may."""
    hands.does(hands.here("proposals suspend"), user="sam")
    scene.await_state("Suspended")
    refused = hands.type(hands.here("proposals resume prod"), user="sam")
    assert refused.code == Exit.REFUSED
    hands.does(hands.here("proposals resume prod"))
    scene.await_state("Watching")
    hands.does(["proposals", "halt", "--reason", "we do not understand it"])
    try:
        scene.await_state("Halted")
    finally:
        told = hands.does("proposals unhalt")
    assert "we do not understand it" in told
    file_one(scene)
    hands.does([*hands.here("proposals cancel limit"), "-m", "wrong store"], user="sam")
    status = scene.await_phase("limit", "Cancelled")
    assert "wrong store" in status["message"]


def test_an_unknown_outcome_is_resolved(scene: Scene, hands: Hands) -> None:
    """The exit code of --wait says that a person must look; resolve says what they saw."""
    scene.configure(policy={"overrides": [{"type": "SetStoreLimit", "timeout": "3s"}]})
    file_one(scene)
    scene.box.faults.add("cut_before_send", method="POST", path="/limit", caller="assent")
    waited = hands.type(hands.here("approve limit --wait --timeout 60s"), user="alice")
    assert waited.code == Exit.OUTCOME_UNKNOWN, waited.all
    told = hands.does(hands.here("proposals resolve limit --did-not-happen"), user="alice")
    assert "POST /pd/api/v1/store/2/limit" in told
    scene.await_phase("limit", "Failed", reason="Resolved")


def test_a_decision_goes_through_git(scene: Scene, hands: Hands, tmp_path: Path) -> None:
    """Exported, approved in the file, applied by the account whose seat it is."""
    scene.box.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "git", "namespace": scene.namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "assent-approver-medium",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "assent", "namespace": "flux-system"}],
        }
    )
    scene.await_right(ACCOUNT, "approve", "medium")
    file_one(scene)
    manifest = tmp_path / "limit.yaml"
    manifest.write_text(hands.does(hands.here("proposals export limit"), user="alice"))
    told = hands.does(
        ["approve", "-f", str(manifest), "--as-account", "flux-system:assent", "-m", "ok"],
        user="alice",
    )
    assert "holds the approval of system:serviceaccount:flux-system:assent" in told
    assert "alice by Git" in manifest.read_text()
    apply = ["apply", "--server-side", "--field-manager=git", "-f", str(manifest)]
    hands.does([*apply, "--as", ACCOUNT, "--force-conflicts"])
    scene.await_phase("limit", "Succeeded")


def test_names_flags_and_commands_are_completed_by_kubectl(scene: Scene, hands: Hands) -> None:
    """The protocol that kubectl speaks with kubectl_complete-<plugin>."""
    file_one(scene)
    names = hands.does(["__complete", "approve", "-n", scene.namespace, ""], user="alice")
    assert names.splitlines()[0].startswith("limit\tMedium set the add-peer limit")
    flags = hands.does(["__complete", "reject", "--mes"], user="alice")
    assert "--message" in flags
    commands = hands.does(["__complete", "proposals", "un"], user="alice")
    assert commands.splitlines()[0].startswith("unhalt\t")
    fields = hands.does(
        ["__complete", "proposals", "modify", "-n", scene.namespace, "limit", "rate"], user="ann"
    )
    assert fields.splitlines()[0] == "ratePerMinute="


def test_connection_flags_reach_kubectl(scene: Scene, hands: Hands) -> None:
    """Impersonation and an explicit kubeconfig, as for kubectl itself."""
    file_one(scene)
    kubeconfig = str(scene.box.kubeconfig_for("bert"))
    listed = hands.type([*hands.here("proposals"), "--kubeconfig", kubeconfig], user="nobody")
    assert listed.code == 0, listed.all
    hands.does([*hands.here("approve limit"), "--as", "alice"])
    assert scene.get("limit")["spec"]["approvals"][0]["by"] == "alice"
    wrong = hands.type([*hands.here("proposals"), "--context", "elsewhere"], user="alice")
    assert wrong.code == Exit.REFUSED
    assert "elsewhere" in wrong.err
