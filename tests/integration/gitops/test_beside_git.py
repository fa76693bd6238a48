"""People beside the tools: kubectl on objects that Git owns, brakes, and files that go away."""

import json
from pathlib import Path

import pytest
import yaml

from sandbox.library import KubectlError
from tests.integration.gitops.conftest import FORMER, TOOLS, Git, loop_of
from tests.integration.gitops.loops import MERGE_KEY, ArgoCdReplace
from tests.integration.operator.scene import set_limit

pytestmark = pytest.mark.contract
EVERY_TOOL = pytest.mark.parametrize("tool", sorted(TOOLS))


def seat(git: Git, by: str = "alice") -> str:
    """The body of a patch that approves what stands there."""
    digest = git.scene.status("limit")["digest"]
    found = {"by": by, "decision": "Approve", "digest": digest}
    return json.dumps({"spec": {"approvals": [found]}})


def patch(git: Git, body: str, *flags: str, kind: str = "ap", name: str = "limit") -> None:
    """A plain kubectl patch by alice (who may approve), or by the administrator for a cluster."""
    git.scene.box.kubectl(
        "-n", git.scene.namespace, "patch", kind, name, "--type=merge", "-p", body, *flags,
        user="alice" if kind == "ap" else None,
    )  # fmt: skip


@EVERY_TOOL
def test_a_plain_patch_with_a_field_manager_stays(tool: str, git: Git, tmp_path: Path) -> None:
    """First class also on an object that a tool owns, through every later look."""
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    patch(git, seat(git), "--field-manager=approver")
    git.scene.await_phase("limit", "Approved")
    for _ in range(3):
        assert loop.sync().failures == {}
    assert git.scene.status("limit")["phase"] == "Approved"
    git.scene.configure(suspend=False)
    git.scene.await_phase("limit", "Succeeded")
    assert loop.sync().failures == {}


@pytest.mark.smoke
def test_the_line_of_the_message_stays_on_an_object_that_flux_owns(
    git: Git, tmp_path: Path
) -> None:
    """`status.message` is what people copy: it names a field manager that Flux leaves alone."""
    git.scene.configure(suspend=True)
    message = git.file()["message"]
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of("flux", git, tmp_path)
    assert loop.sync().failures == {}
    command = str(message[message.index("kubectl ") :]).replace("<you>", "alice")
    git.type_raw(command, user="alice")
    git.scene.await_phase("limit", "Approved")
    assert loop.sync().failures == {}
    assert [one["by"] for one in git.scene.get("limit")["spec"]["approvals"]] == ["alice"]


def test_flux_cannot_take_back_what_a_person_said_with_plain_kubectl(
    git: Git, tmp_path: Path
) -> None:
    """It takes over what managers named kubectl own and drops it; here it would speak for alice.

    The decision stands, and Flux says at every look why it cannot: that is why people should
    name a field manager.
    """
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of("flux", git, tmp_path)
    loop.sync()
    patch(git, seat(git))
    git.scene.await_phase("limit", "Approved")
    for _ in range(2):
        assert "you may only withdraw your own decision" in loop.sync().failure
    assert git.scene.status("limit")["phase"] == "Approved"

    # The way out: alice says it again under a name of her own, and keeps her seat.
    patch(git, json.dumps({"spec": {"approvals": None}}), "--field-manager=approver")
    git.scene.await_phase("limit", "Pending")
    patch(git, seat(git), "--field-manager=approver")
    git.scene.await_phase("limit", "Approved")
    assert loop.sync().failures == {}
    assert git.scene.status("limit")["phase"] == "Approved"


def test_what_was_done_on_a_plain_patch_keeps_flux_failing_until_the_file_goes(
    git: Git, tmp_path: Path
) -> None:
    """Nobody can withdraw it any more, so the page says: remove files of what has ended."""
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of("flux", git, tmp_path)
    loop.sync()
    patch(git, seat(git))
    git.scene.await_phase("limit", "Succeeded")
    for _ in range(2):
        assert "kubectl proposals revert limit" in loop.sync().failure
    git.repository.push("It has ended", limit=None)
    assert loop.sync().failures == {}


def test_with_merge_flux_leaves_a_plain_decision_alone(git: Git, tmp_path: Path) -> None:
    """The annotation that the page recommends."""
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=merging(git.exported()))
    loop = loop_of("flux", git, tmp_path)
    loop.sync()
    patch(git, seat(git))
    git.scene.await_phase("limit", "Approved")
    for _ in range(2):
        assert loop.sync().failures == {}
    assert git.scene.status("limit")["phase"] == "Approved"


def merging(text: str) -> str:
    """The manifest with Flux's annotation for objects that others write, too."""
    document = yaml.safe_load(text)
    document["metadata"]["annotations"] = {MERGE_KEY: "Merge"}
    return str(yaml.safe_dump(document, sort_keys=False))


def test_the_plugin_stays_on_an_object_that_flux_owns(git: Git, tmp_path: Path) -> None:
    """It names a field manager of the person's own."""
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of("flux", git, tmp_path)
    loop.sync()
    git.type(f"approve limit -n {git.scene.namespace} -y", user="alice")
    git.scene.await_phase("limit", "Approved")
    assert loop.sync().failures == {}
    assert [one["by"] for one in git.scene.get("limit")["spec"]["approvals"]] == ["alice"]


def test_a_replace_does_not_write_over_what_a_person_said(git: Git, tmp_path: Path) -> None:
    """Argo CD's Replace=true: the API server refuses it, and says why."""
    git.scene.configure(suspend=True)
    git.file()
    git.repository.push("Add the proposal", limit=git.exported())
    loop = ArgoCdReplace(
        git.scene.box, git.repository, account=git.account, folder=tmp_path / "replacing"
    )
    assert loop.sync().failures == {}
    patch(git, seat(git), "--field-manager=approver")
    git.scene.await_phase("limit", "Approved")
    assert "you may only withdraw your own decision" in loop.sync().failure
    assert git.scene.status("limit")["phase"] == "Approved"


# -- brakes on a TiKVCluster that Git owns --------------------------------------------------------


def cluster_in_git(git: Git, *, merge: bool = False) -> None:
    """The cluster as Git has it: without suspend, so that the brake is free for people."""
    live = git.scene.get("prod", "tikvcluster")
    live["spec"].pop("suspend", None)
    kept = {name: live[name] for name in ("apiVersion", "kind", "spec")}
    meta = {"name": "prod", "namespace": git.scene.namespace}
    text = str(yaml.safe_dump({**kept, "metadata": meta}))
    git.repository.push("Watch prod", prod=merging(text) if merge else text)
    git.scene.box.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "git-configures", "namespace": git.scene.namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "assent-configurer",
            },
            "subjects": [
                {"kind": "ServiceAccount", "name": "assent-git", "namespace": "assent-git"}
            ],
        }
    )
    git.scene.await_right(git.account, "configure", "policy", resource="tikvclusters")


@EVERY_TOOL
def test_a_brake_stays_on_a_cluster_that_git_owns(tool: str, git: Git, tmp_path: Path) -> None:
    """The plugin's, and a patch under a name of one's own."""
    cluster_in_git(git)
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    git.type(f"proposals suspend prod -n {git.scene.namespace}", user="sam")
    git.scene.await_state("Suspended")
    assert loop.sync().failures == {}
    assert git.scene.get("prod", "tikvcluster")["spec"]["suspend"] is True

    git.scene.configure(suspend=False)
    patch(
        git, '{"spec":{"suspend":true}}', "--field-manager=brake", kind="tikvcluster", name="prod"
    )
    assert loop.sync().failures == {}
    assert git.scene.get("prod", "tikvcluster")["spec"]["suspend"] is True


def test_flux_takes_a_brake_off_that_was_set_with_plain_kubectl(git: Git, tmp_path: Path) -> None:
    """Why the pages name a field manager: nobody but the tool's own rules can prevent this."""
    cluster_in_git(git)
    loop = loop_of("flux", git, tmp_path)
    loop.sync()
    patch(git, '{"spec":{"suspend":true}}', kind="tikvcluster", name="prod")
    assert loop.sync().failures == {}
    assert not git.scene.get("prod", "tikvcluster")["spec"].get("suspend")


def test_with_merge_flux_leaves_a_plain_brake_on(git: Git, tmp_path: Path) -> None:
    """Whoever stops things at night types what comes first: the annotation is for them."""
    cluster_in_git(git, merge=True)
    loop = loop_of("flux", git, tmp_path)
    loop.sync()
    patch(git, '{"spec":{"suspend":true}}', kind="tikvcluster", name="prod")
    for _ in range(2):
        assert loop.sync().failures == {}
    assert git.scene.get("prod", "tikvcluster")["spec"]["suspend"] is True


# -- files that change or go away at a bad moment -------------------------------------------------


@EVERY_TOOL
def test_git_cannot_change_an_ask_over_the_head_of_who_approved_it(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """One of two has said yes; the sync says what is in the way, and goes on once it is gone."""
    git.file(rate=FORMER * 20)
    text = git.exported(as_author=True)
    git.repository.push("Add the proposal", limit=git.exported())
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    patch(git, seat(git), "--field-manager=approver")
    git.scene.box.wait_for(
        lambda: git.scene.status("limit")["approvals"]["given"] == 1, 30, "alice to be counted"
    )
    git.repository.push("Less", limit=text.replace("ratePerMinute: 300", "ratePerMinute: 200"))
    assert "a changed ask voids earlier approvals" in loop.sync().failure
    assert git.scene.get("limit")["spec"]["action"] == set_limit(2, 300)
    patch(git, json.dumps({"spec": {"approvals": None}}), "--field-manager=approver")
    assert loop.sync().failures == {}
    assert git.scene.get("limit")["spec"]["action"] == set_limit(2, 200)


@EVERY_TOOL
def test_a_file_that_goes_away_in_flight_takes_nothing_with_it(
    tool: str, git: Git, tmp_path: Path
) -> None:
    """Pruning waits for the end: until then the journal is needed."""
    git.scene.configure(policy={"overrides": [{"type": "SetStoreLimit", "timeout": "3s"}]})
    git.scene.box.faults.add("cut_before_send", method="POST", path="/limit", caller="assent")
    git.file()
    git.repository.push("Approve it", limit=git.approved())
    loop = loop_of(tool, git, tmp_path)
    assert loop.sync().failures == {}
    status = git.scene.await_phase("limit", "OutcomeUnknown", timeout_seconds=60)
    git.repository.push("Remove it", limit=None)
    assert "its journal must survive" in loop.sync().failure
    said = {"by": "bert", "outcome": "DidNotHappen", "digest": status["digest"]}
    git.scene.resolve("limit", said, by="bert")
    git.scene.await_phase("limit", "Failed", reason="Resolved")
    assert loop.sync().failures == {}
    with pytest.raises(KubectlError, match="not found"):
        git.scene.get("limit")
