"""export, and the Git account's seat in a file."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from assent.cli.decision_command import approve
from assent.cli.failures import CliError, Exit
from assent.cli.git_file import with_approvals
from assent.cli.manifest import account, exported, to_yaml
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded, seat

LOW = "prod-leftover-eviction-c189330110-1"
ACCOUNT = "system:serviceaccount:flux-system:assent"
VALUES = [
    {"a": 1, "b": True, "c": None, "d": 0.5},
    {"plain": "store-2", "word": "true", "no": "No", "number": "12", "empty": "", "sign": "a: b"},
    {"line": "urgent\n", "lines": "\nurgent", "carriage": "urgent\r"},
    {"text": "two\nlines", "quote": 'say "x"', "unicode": "é…", "hash": "a #b", "dash": "- a"},
    {"list": [1, "two", {"three": 3, "four": [4, 5]}], "none": [], "object": {}},
    {"nested": {"deep": {"deeper": [{"a": {"b": 1}}, {"c": 2}]}}},
    {"digest": "sha256:00", "user": ACCOUNT, "time": "2026-11-21T19:18:08.411Z", "path": "/pd/api"},
    {"steps": [{"type": "Plan", "plan": {"steps": [{"type": "A"}, {"type": "B"}]}}]},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: next(iter(value)))
def test_yaml_reads_back_as_it_was(value: dict[str, Any]) -> None:
    """Written by hand, read by a real YAML reader."""
    assert yaml.safe_load(to_yaml(value)) == value


def test_an_export_has_the_ask_and_nothing_else(desk: Desk) -> None:
    """No decisions, no life, no names of the API server's own."""
    found = recorded("pending-high")
    found["spec"].update(approvals=[seat("bert")], cancel={"by": "x"}, resolution={"by": "x"})
    desk.has(found)
    done = desk.runs(proposals, "export", "fill-store-2")
    manifest = yaml.safe_load(done.out)
    assert manifest == {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {"name": "fill-store-2", "namespace": "tikv"},
        "spec": {
            "clusterRef": {"name": "prod"},
            "proposedBy": "sam",
            "reason": "Catch up after the new disk.",
            "action": found["spec"]["action"],
            "dryRun": False,
        },
    }
    assert next(iter(manifest["spec"]["action"])) == "type"


def test_the_type_of_each_step_stands_before_its_parameters(desk: Desk) -> None:
    """Whoever reads the manifest wants to know of what the numbers are."""
    found = recorded("pending-high")
    steps = [{"evictLeaders": {"storeId": 2}, "group": "a", "type": "EvictLeaders"}]
    found["spec"]["action"] = {"plan": {"steps": steps}, "type": "Plan"}
    desk.has(found)
    action = yaml.safe_load(desk.runs(proposals, "export", "fill-store-2").out)["spec"]["action"]
    assert action == found["spec"]["action"]
    assert list(action) == ["type", "plan"]
    assert list(action["plan"]["steps"][0]) == ["type", "evictLeaders", "group"]


def test_an_export_can_be_the_git_accounts_own(desk: Desk) -> None:
    """Who creates it from Git must be its author."""
    desk.has(recorded("pending-high"))
    done = desk.runs(proposals, "export", "fill-store-2", "--as-account", "flux-system:assent")
    assert yaml.safe_load(done.out)["spec"]["proposedBy"] == ACCOUNT


def test_several_are_documents_of_one_file_or_a_list(desk: Desk) -> None:
    """As kubectl takes them."""
    desk.has(recorded("pending-high"), recorded("pending-low"))
    names = ("fill-store-2", LOW)
    found = list(yaml.safe_load_all(desk.runs(proposals, "export", *names).out))
    assert [one["metadata"]["name"] for one in found] == list(names)
    whole = json.loads(desk.runs(proposals, "export", *names, "-o", "json").out)
    assert (whole["kind"], len(whole["items"])) == ("List", 2)


def test_an_account_may_be_named_in_both_ways() -> None:
    """Short, or by its user name."""
    assert account("flux-system:assent") == account(ACCOUNT) == ACCOUNT


@pytest.mark.parametrize(
    "text", ["flux-system", "flux-system/assent", "alice", "system:node:x", "a:b:c", "A:b", ""]
)
def test_what_is_no_service_account_is_not_written_into_a_file(text: str) -> None:
    """The API server would refuse the seat, once everybody has reviewed it."""
    with pytest.raises(CliError, match="say NAMESPACE:NAME") as stopped:
        account(text)
    assert stopped.value.code == Exit.USAGE


WRITTEN = """\
# Reviewed by the DBA.
apiVersion: assent.tikv.org/v1alpha1
kind: ActionProposal
metadata:
  name: prod-leftover-eviction-c189330110-1  # found by a rule
  namespace: tikv
spec:
  # what we want
  clusterRef: {name: prod}
  action:
    type: StopEvictLeaders
    stopEvictLeaders: {storeId: 4}
"""


def as_kubectl_reads(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


def file_and_desk(desk: Desk, tmp_path: Path, text: str, seats: list[dict[str, str]]) -> Path:
    """The file, and a kubectl that reads it before and after."""
    path = tmp_path / "proposal.yaml"
    path.write_text(text)
    before = as_kubectl_reads(text)
    desk.is_told("create", before)
    desk.is_told("create", {**before, "spec": {**before.get("spec", {}), "approvals": seats}})
    return path


def low_for_git() -> dict[str, Any]:
    found = recorded("pending-low")
    for ask in (found["spec"], found["status"]["assessed"]):
        ask.pop("reason", None)
    return found


def the_seat(comment: str) -> dict[str, str]:
    digest = recorded("pending-low")["status"]["digest"]
    return {"by": ACCOUNT, "decision": "Approve", "digest": digest, "comment": comment}


def test_the_seat_is_written_into_the_file_and_the_rest_stays(desk: Desk, tmp_path: Path) -> None:
    """Comments and order are a person's; the digest is that of what was shown."""
    seat_now = the_seat("alice by Git: checked")
    path = file_and_desk(desk, tmp_path, WRITTEN, [seat_now])
    desk.has(low_for_git())
    done = desk.runs(
        approve, "-f", str(path), "--as-account", "flux-system:assent", "-m", "checked"
    )
    assert done.code == 0, done.err
    text = path.read_text()
    assert yaml.safe_load(text)["spec"]["approvals"] == [seat_now]
    for line in WRITTEN.splitlines():
        assert line in text
    assert desk.calls("patch") == []
    assert "Commit it" in done.out


FILES = {
    "as Windows writes it": WRITTEN.replace("\n", "\r\n"),
    "without an end of its last line": WRITTEN.rstrip("\n"),
    "with a page break and a line separator": WRITTEN.replace("by the DBA", "by\x0c the\u2028DBA"),
    "with blank lines at its end": WRITTEN + "\n\n",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_every_other_line_stays_to_the_byte(desk: Desk, tmp_path: Path, text: str) -> None:
    """A reviewer sees the seat in the pull request, and nothing else."""
    seat_now = the_seat("alice by Git")
    path = file_and_desk(desk, tmp_path, WRITTEN, [seat_now])
    path.write_bytes(text.encode())
    desk.has(low_for_git())
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert done.code == 0, done.err
    before, after = text.encode().splitlines(True), path.read_bytes().splitlines(True)
    assert [line for line in after if line not in before] == after[7:12]
    assert after[:7] + after[12:] == before
    assert {line.endswith(b"\r\n") for line in after[7:12]} == {"\r\n" in text}


def test_a_seat_of_a_digest_that_was_read_elsewhere_is_held_to_it(
    desk: Desk, tmp_path: Path
) -> None:
    """--digest binds a file as it binds what is sent; it used to be ignored here."""
    path = file_and_desk(desk, tmp_path, WRITTEN, [])
    desk.has(low_for_git())
    line = ["-f", str(path), "--as-account", "flux-system:assent", "--digest", "sha256:old"]
    done = desk.runs(approve, *line)
    assert (done.code, path.read_text()) == (Exit.CHANGED, WRITTEN)
    assert "not sha256:old: it has changed since" in done.err


@pytest.mark.parametrize(
    ("account", "refused"),
    [("tikv:assent", True), ("system:serviceaccount:tikv:deployer", True), ("tikv-git:a", False)],
)
def test_an_account_of_the_proposals_namespace_has_no_seat(
    desk: Desk, tmp_path: Path, account: str, refused: bool
) -> None:
    """The API server would refuse what was reviewed and merged: whoever edits there may act as it.
    A namespace whose name only begins so is another.
    """
    seat_now = {**the_seat("alice by Git"), "by": f"system:serviceaccount:{account}"}
    path = file_and_desk(desk, tmp_path, WRITTEN, [seat_now])
    desk.has(low_for_git())
    done = desk.runs(approve, "-f", str(path), "--as-account", account)
    assert done.code == (Exit.NOT_NOW if refused else Exit.OK), done.err
    assert ("service accounts of tikv have no seat there" in done.err) == refused
    assert (path.read_text() == WRITTEN) == refused


def test_nor_does_it_try_one_of_its_own(desk: Desk) -> None:
    """A job in the namespace that runs `kubectl approve` is told before anything is sent."""
    desk.is_known_as("system:serviceaccount:tikv:job")
    desk.has(recorded("pending-low"))
    done = desk.runs(approve, LOW)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert "a person, or an account of another namespace" in done.err


def test_the_commit_that_was_looked_at_is_named(desk: Desk, tmp_path: Path) -> None:
    """For the record: which text the human had before them."""
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
                                   "--allow-empty", "-m", "x"]):  # fmt: skip
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    commit = subprocess.run(
        ["git", "-C", str(tmp_path), "rev-parse", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    comment = f"alice by Git, seen at {commit}"
    path = file_and_desk(desk, tmp_path, WRITTEN, [the_seat(comment)])
    desk.has(low_for_git())
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert done.code == 0, done.err
    assert comment in path.read_text()


def test_a_json_file_stays_json(desk: Desk, tmp_path: Path) -> None:
    """Without a YAML reader it is simply read and written."""
    path = tmp_path / "proposal.json"
    path.write_text(json.dumps(as_kubectl_reads(WRITTEN)))
    desk.is_told("create", as_kubectl_reads(WRITTEN))
    desk.has(low_for_git())
    desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    (found,) = json.loads(path.read_text())["spec"]["approvals"]
    assert found["by"] == ACCOUNT


def test_a_file_that_cannot_be_edited_is_left_as_it_was(desk: Desk, tmp_path: Path) -> None:
    """Kubectl reads the result back; what is not what was meant is undone, and shown to paste."""
    path = file_and_desk(desk, tmp_path, WRITTEN, [])
    desk.has(low_for_git())
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert done.code == Exit.USAGE
    assert path.read_text() == WRITTEN
    assert "Put this under spec:\napprovals:\n- by:" in done.err


def test_a_file_that_asks_for_something_else_is_refused(desk: Desk, tmp_path: Path) -> None:
    """The seat would be for a text that nobody assessed."""
    path = file_and_desk(desk, tmp_path, WRITTEN.replace("storeId: 4", "storeId: 3"), [])
    desk.has(low_for_git())
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert done.code == Exit.CHANGED
    assert "action.stopEvictLeaders.storeId (3) than the cluster (4)" in done.err
    assert "approvals" not in path.read_text()


def test_the_account_has_no_seat_for_high(desk: Desk, tmp_path: Path) -> None:
    """Refused here, before anybody reviews a pull request in vain."""
    text = WRITTEN.replace(LOW, "fill-store-2")
    path = file_and_desk(desk, tmp_path, text, [])
    desk.has(recorded("pending-high"))
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert "service accounts have no seat for tier High" in done.err


@pytest.mark.parametrize(
    "words",
    [["-f", "x.yaml"], ["--as-account", "a:b"], ["-f", "x", "--as-account", "a:b", "NAME"]],
    ids=["no account", "no file", "a name, too"],
)
def test_file_and_account_go_together(desk: Desk, words: list[str]) -> None:
    """Nothing is guessed."""
    done = desk.runs(approve, *words)
    assert (done.code, "together, alone" in done.err) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"kind": "Halt", "metadata": {"name": "x"}}, "must hold one ActionProposal"), (None, "read")],
)
def test_a_file_that_is_no_proposal_is_refused(
    desk: Desk, tmp_path: Path, answer: dict[str, Any] | None, said: str
) -> None:
    """Or one that kubectl cannot read."""
    path = tmp_path / "x.yaml"
    path.write_text("x")
    desk.is_told("create", answer or "", code=0 if answer else 1, err="" if answer else "bad yaml")
    done = desk.runs(approve, "-f", str(path), "--as-account", "a:b")
    assert (done.code, said in done.err) == (Exit.USAGE, True)
    missing = desk.runs(approve, "-f", str(tmp_path / "none"), "--as-account", "a:b")
    assert "There is no file" in missing.err


def test_who_wrote_the_ask_does_not_approve_it_through_git_either(
    desk: Desk, tmp_path: Path
) -> None:
    """The API server sees the account only, so this is where an honest person is told."""
    path = file_and_desk(desk, tmp_path, WRITTEN, [])
    found = low_for_git()
    found["status"]["authors"] = [found["spec"]["proposedBy"], "alice"]
    desk.has(found)
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert (done.code, path.read_text()) == (Exit.NOT_NOW, WRITTEN)
    assert "you (alice) wrote this ask: somebody else must approve it, in Git too" in done.err


def test_several_documents_are_refused(desk: Desk, tmp_path: Path) -> None:
    """They are printed one after the other: which of them was meant?"""
    path = tmp_path / "two.yaml"
    path.write_text(f"{WRITTEN}---\n{WRITTEN}")
    desk.is_told("create", json.dumps(as_kubectl_reads(WRITTEN)) * 2)
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert (done.code, "nothing else: split it" in done.err) == (Exit.USAGE, True)


def test_a_spec_on_one_line_is_left_and_the_lines_are_shown(desk: Desk, tmp_path: Path) -> None:
    """Whoever writes so can put them in by hand."""
    document = as_kubectl_reads(WRITTEN)
    text = f"kind: ActionProposal\nspec: {json.dumps(document['spec'])}\n"
    path = tmp_path / "flat.yaml"
    path.write_text(text)
    desk.is_told("create", document)
    desk.has(low_for_git())
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent")
    assert (done.code, path.read_text()) == (Exit.USAGE, text)
    assert "Put this under spec:\napprovals:\n- by:" in done.err


SEATS = [{"by": ACCOUNT, "decision": "Approve", "digest": "sha256:new"}]
FORMS = [
    WRITTEN,
    "spec:\n    action:\n        type: A\nother: 1\n",
    "spec:\n  approvals:\n  - by: old\n    digest: x\n\n  - by: older\n  action:\n    type: A\n",
    "spec:\n  action:\n    type: A\n  approvals:\n    - by: old\n      digest: x\n",
    "spec:  # comment\n  approvals: []\n  action: {type: A}\n",
    "metadata:\n  name: x\nspec:\n",
]


@pytest.mark.parametrize("text", FORMS, ids=range(len(FORMS)))
def test_the_field_is_put_in_or_replaced_whatever_the_form(text: str) -> None:
    """Indentation is that of the file; nothing else changes."""
    before, after = yaml.safe_load(text), yaml.safe_load(with_approvals(text, SEATS))
    assert after["spec"].pop("approvals") == SEATS
    (before["spec"] or {}).pop("approvals", None)
    assert after["spec"] == (before["spec"] or {})
    assert {**after, "spec": None} == {**before, "spec": None}


def test_a_spec_on_one_line_cannot_be_edited() -> None:
    """It says so instead of making something of it."""
    with pytest.raises(CliError, match="no `spec:` with fields below it"):
        with_approvals("spec: {action: {type: A}}\n", SEATS)


def test_what_is_exported_can_be_approved_in_the_file() -> None:
    """The two commands fit each other."""
    text = to_yaml(exported(recorded("pending-low")))
    found = yaml.safe_load(with_approvals(text, SEATS))
    assert found["spec"].pop("approvals") == SEATS
    assert found == exported(recorded("pending-low"))
