"""No rights, no CRD, another kubectl, objects of another version: a sentence, no traceback."""

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.cli import waiting
from assent.cli.decision_command import approve, reject
from assent.cli.failures import HINTS, OUTCOMES, Exit, KubectlError
from assent.cli.listing import ENDED, ORDER, status_cell
from assent.cli.next_step import next_step
from assent.cli.proposal import Proposal
from assent.cli.proposals_command import proposals
from assent.cli.queries import PROPOSALS
from tests.unit.cli.desk import NOW, Answer, Desk, recorded, seat

NAME = "fill-store-2"
NO_CRD = "Error from server (NotFound): the server could not find the requested resource"
NO_TYPE = 'error: the server doesn\'t have a resource type "actionproposals"'
NO_LIST = (
    'Error from server (Forbidden): actionproposals.assent.tikv.org is forbidden: User "eve" '
    'cannot list resource "actionproposals" in API group "assent.tikv.org" in the namespace "tikv"'
)
NO_GET = NO_LIST.replace("cannot list", "cannot get")
NO_PATCH = NO_LIST.replace("cannot list", "cannot patch")
AWAY = "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host?"
EXPIRED = "error: You must be logged in to the server (Unauthorized)"
NO_CONTEXT = 'error: context "elsewhere" does not exist'

READS = [
    (NO_CRD, "not installed there"),
    (NO_TYPE, "--context"),
    (NO_LIST, "assent-viewer"),
    (NO_GET, "assent-viewer"),
    (AWAY, "did you specify the right host"),
    (EXPIRED, "logged in"),
    (NO_CONTEXT, "elsewhere"),
]
LINES = [(), ("show", NAME), ("modify", NAME, "reason=x"), ("withdraw", NAME), ("cancel", NAME),
         ("resolve", NAME, "--happened"), ("revert", NAME), ("export", NAME)]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=[" ".join(one) or "list" for one in LINES])
@pytest.mark.parametrize(("said", "hint"), READS, ids=[one[0][-45:] for one in READS])
def test_a_read_that_fails_is_told_with_what_to_do(
    desk: Desk, line: tuple[str, ...], said: str, hint: str
) -> None:
    """Kubectl's own words first; nothing is sent."""
    desk.is_told("get", err=said, code=1)
    done = desk.runs(proposals, *line)
    assert done.code == Exit.REFUSED
    assert done.err.startswith(said)
    assert hint in done.err
    assert desk.calls("patch") + desk.calls("create") == []


@pytest.mark.parametrize("command", [approve, reject])
@pytest.mark.parametrize(("said", "hint"), READS, ids=[one[0][-45:] for one in READS])
def test_a_decision_is_not_sent_blindly(desk: Desk, command: Any, said: str, hint: str) -> None:
    """What cannot be read cannot be approved."""
    desk.is_told("get", err=said, code=1)
    done = desk.runs(command, NAME, "-m", "x")
    assert (done.code, desk.calls("patch")) == (Exit.REFUSED, [])
    assert hint in done.err


def test_who_may_read_but_not_patch_is_told_the_role(desk: Desk) -> None:
    """Before the gate is even asked."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", err=NO_PATCH, code=1)
    done = desk.runs(approve, NAME)
    assert done.code == Exit.REFUSED
    assert "assent-approver-" in done.err


@pytest.mark.parametrize("line", [("approve",), ("reject", "-m", "x")])
def test_a_kubectl_without_whoami_is_too_old(desk: Desk, line: tuple[str, ...]) -> None:
    """Nobody can sign who cannot be named."""
    said = 'error: unknown command "whoami" for "kubectl auth"'
    desk.answers["auth"] = [Answer(err=said, code=1)]
    desk.has(recorded("pending-high"))
    done = desk.runs(approve if line[0] == "approve" else reject, NAME, *line[1:])
    assert (done.code, desk.calls("patch")) == (Exit.REFUSED, [])
    assert "1.28 or later" in done.err


HALTS = NO_LIST.replace("actionproposals", "halts")
ROLES = [
    (("suspend", "prod"), "patch", NO_PATCH.replace("actionproposals", "tikvclusters"),
     "Suspending needs the role assent-proposer, resuming assent-configurer."),
    (("resume", "prod"), "patch", "user alice may not configure TiKVCluster tikv/prod: …",
     "The role assent-configurer has that verb."),
    (("halt", "--reason", "x"), "create", HALTS.replace("cannot list", "cannot create"),
     "It needs the role assent-halt, by a ClusterRoleBinding."),
    (("unhalt",), "get", HALTS, "It needs the role assent-unhalt, by a ClusterRoleBinding."),
    (("unhalt",), "delete", HALTS.replace("cannot list", "cannot delete"),
     "It needs the role assent-unhalt, by a ClusterRoleBinding."),
    (("cancel", NAME), "patch", NO_PATCH,
     "Deciding needs one of the roles assent-approver-…, everything else assent-proposer."),
    (("show", NAME), "get", NO_GET,
     "Seeing proposals needs the role assent-viewer, or the built-in view. Is it the right "
     "namespace (-n)?"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "verb", "said", "hint"), ROLES, ids=[one[0][0] for one in ROLES])
def test_the_role_that_is_named_is_the_one_that_may(
    desk: Desk, line: tuple[str, ...], verb: str, said: str, hint: str
) -> None:
    """Somebody who is sent for a role at night must come back with the right one: a viewer of
    proposals lifts no Halt, and an approver suspends no cluster.
    """
    spec = {"reason": "x", "suspend": line[0] == "resume"}
    found = {"metadata": {"name": "prod", "namespace": "tikv"}, "spec": spec}
    if line[0] in ("suspend", "resume", "unhalt"):
        desk.is_told("get", {"items": [found]})
    else:
        desk.has(recorded("pending-high"))
    if verb == "get":
        desk.answers["get"] = []
    desk.is_told(verb, err=said, code=1)
    done = desk.runs(proposals, *line)
    assert (done.code, done.err.splitlines()) == (Exit.REFUSED, [said, hint])


def test_every_hint_is_found_in_what_kubectl_says() -> None:
    """And the exit code stays that of a refusal."""
    for words, hint in HINTS.items():
        error = KubectlError(f"before {words} after")
        assert str(error).endswith(hint), "one that is more general stands before it"
        assert error.code == Exit.REFUSED


def test_a_missing_kind_is_no_missing_proposal() -> None:
    """Else one would be told to look for a name."""
    assert not KubectlError(NO_CRD).is_missing
    assert KubectlError(NO_CRD).is_not_installed
    assert KubectlError('Error from server (NotFound): x "y" not found').is_missing


# -- other versions ---------------------------------------------------------------------------


def from_the_future(**status: Any) -> dict[str, Any]:
    found = recorded("pending-high", **status)
    found["spec"]["action"] = {"type": "TeleportStore", "teleportStore": {"storeId": 1}}
    return found


def test_every_phase_has_its_place() -> None:
    """In the list, by age, in the wait, and in what comes next."""
    for phase in Phase:
        assert (phase.value in ENDED) != (phase.value in ORDER), phase
        assert next_step(Proposal(recorded("pending-high", phase=phase.value)), NOW)
    assert set(ENDED) <= set(OUTCOMES)


@pytest.mark.parametrize("phase", ["Quarantined", "Paused"])
def test_a_phase_that_is_not_known_yet_is_shown(desk: Desk, phase: str) -> None:
    """Rather too much than something that waits for ever unseen."""
    ended = recorded("succeeded")
    ended["metadata"]["name"] = "done"
    desk.has(from_the_future(phase=phase, reason="New"), ended)
    listed = desk.runs(proposals)
    assert (listed.code, phase in listed.out) == (0, True)
    assert "1 ended" in listed.out
    assert f"kubectl proposals show {NAME}" in listed.out
    shown = desk.runs(proposals, "show", NAME)
    assert shown.code == 0
    assert phase in shown.out


def test_an_action_that_is_not_known_yet_promises_nothing(desk: Desk) -> None:
    """It can be approved: the digest covers it; how it is undone is not known here."""
    found = from_the_future()
    found["status"]["assessed"]["action"] = found["spec"]["action"]
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME)
    assert done.code == 0
    assert "does not know this type" in done.out


@pytest.mark.parametrize(
    "verdict", ["pass", "warn", "hold", "deny", "maybe"], ids=lambda one: f"verdict {one}"
)
def test_every_verdict_of_a_check_is_shown(desk: Desk, verdict: str) -> None:
    """With its time and its words."""
    gate = {"name": "Window", "verdict": verdict, "message": "closed",
            "until": "2026-11-21T21:00:00.000Z"}  # fmt: skip
    desk.has(recorded("pending-high", gates=[gate]))
    out = desk.runs(proposals, "show", NAME).out
    assert f"  {verdict:<4}  Window: closed (until 2026-11-21 21:00:00Z)" in out


MISSING = ["status", "digest", "risk", "target", "approvals", "gates", "history", "message",
           "summary", "expiresAt", "assessed", "finding", "execution"]  # fmt: skip


@pytest.mark.parametrize("field", MISSING)
@pytest.mark.parametrize("name", ["pending-low", "pending-high", "succeeded"])
def test_no_field_of_a_status_is_taken_for_granted(desk: Desk, name: str, field: str) -> None:
    """An object may be new, from another version, or its status written by hand in a test."""
    found = recorded(name)
    if field == "status":
        del found["status"]
    else:
        found["status"].pop(field, None)
    known = found["metadata"]["name"]
    desk.has(found)
    for line in ((), ("--ended",), ("show", known)):
        desk.is_known_as("alice")
        done = desk.runs(proposals, *line)
        assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    "document",
    [[], {"kind": "ActionProposalList"}, {"items": 3}, {"metadata": {}}],
    ids=["a list", "no items", "a number", "no name"],
)
def test_what_makes_no_sense_at_all_is_said(desk: Desk, document: object) -> None:
    """A proxy that answers with something else; where to look is said."""
    desk.is_told("get", json.dumps(document))
    done = desk.runs(proposals, "show", NAME)
    assert done.code in (Exit.REFUSED, Exit.NOT_NOW)
    assert done.err.strip()
    assert "Traceback" not in done.err


def test_an_expired_proposal_is_not_approved(desk: Desk) -> None:
    """Its phase says so; nothing is sent."""
    desk.has(recorded("pending-high", phase="Expired"))
    done = desk.runs(approve, NAME)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert "it is Expired, not Pending" in done.err


def test_a_time_that_is_over_is_called_over(desk: Desk) -> None:
    """Between its end and the operator's next look."""
    desk.has(recorded("pending-high", expiresAt="2026-11-21T19:00:00.000Z"))
    assert "   over   " in desk.runs(proposals).out


def test_who_wrote_any_part_of_the_ask_cannot_approve(desk: Desk) -> None:
    """The first author of a modified ask, too."""
    desk.has(recorded("pending-high", authors=["alice", "sam"]))
    done = desk.runs(approve, NAME)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert "you (alice) had a hand in this ask" in done.err


def test_what_was_changed_since_it_was_filed_is_shown_to_who_decides(desk: Desk) -> None:
    """And by whom; nothing of it where it stands as it was filed."""
    found = recorded("pending-high", authors=["ann", "sam"], revision=2)
    plain = recorded("pending-high")
    desk.has(plain)
    desk.is_told("patch", "patched")
    assert "Changed since" not in desk.runs(approve, NAME, "--dry-run=server").out
    found["status"]["original"] = json.loads(json.dumps(found["status"]["assessed"]))
    found["status"]["original"]["action"]["setStoreLimit"]["ratePerMinute"] = 7
    desk.has(found)
    desk.used["get"] = 1
    out = desk.runs(approve, NAME).out
    assert "Changed since ann filed it, last by sam" in out
    assert "- action.setStoreLimit.ratePerMinute: 7" in out
    assert "+ action.setStoreLimit.ratePerMinute: 400" in out
    assert "(revision 2)" in out


def test_words_are_not_put_into_the_mouth_of_who_changed_the_rest(desk: Desk) -> None:
    """Sam changed a number, and left the reason that Ann had given."""
    found = recorded("pending-high", authors=["ann", "sam"])
    found["status"]["original"] = {**found["status"]["assessed"], "dryRun": True}
    desk.has(found)
    reason = found["spec"]["reason"]
    assert f"Why\n  ann: {reason}" in desk.runs(proposals, "show", NAME).out
    found["status"]["original"]["reason"] = "another"
    desk.answers["get"] = []
    desk.has(found)
    assert f"Why\n  sam: {reason}" in desk.runs(proposals, "show", NAME).out


# -- watches ----------------------------------------------------------------------------------


def event(kind: str, document: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "object": document})


def test_a_watch_that_is_too_old_is_begun_again(desk: Desk) -> None:
    """The API server tells it as an event of type ERROR."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    gone = {"kind": "Status", "code": 410, "message": "too old resource version"}
    bookmark = {"metadata": {"resourceVersion": "7"}}
    desk.is_told("get", event("BOOKMARK", bookmark) + event("ERROR", gone))
    desk.is_told("get", event("ADDED", recorded("succeeded")))
    done = desk.runs(approve, NAME, "--wait")
    assert (done.code, done.err) == (0, "")
    assert len(desk.calls("get")) == 3


def test_each_of_several_is_followed_to_its_end(desk: Desk) -> None:
    """The exit code is that of the first that did not succeed."""
    other = recorded("pending-low")
    desk.has(recorded("pending-high"), other)
    desk.is_told("patch", "patched")
    desk.is_told("get", event("ADDED", recorded("succeeded", phase="Failed", reason="NoEffect")))
    done_other = recorded("succeeded")
    done_other["metadata"] = other["metadata"]
    desk.is_told("get", event("ADDED", done_other))
    done = desk.runs(approve, NAME, other["metadata"]["name"], "--wait")
    assert done.code == Exit.FAILED
    names = [call[2].rpartition("=")[2] for call in desk.calls("get")[1:]]
    assert names == [NAME, other["metadata"]["name"]]


def test_a_watch_is_one_of_a_list(desk: Desk) -> None:
    """Kubectl leaves out the first event of `get NAME --watch`: what happens between its read and
    its watch would never be told, and the wait would not end.
    """
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.is_told("get", event("ADDED", recorded("succeeded")))
    assert desk.runs(approve, NAME, "--wait").code == 0
    watch = desk.calls("get")[-1]
    assert f"--field-selector=metadata.name={NAME}" in watch
    assert NAME not in watch


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ((recorded("succeeded"), "", 0), Exit.OK),
        (("", f'Error from server (NotFound): x "{NAME}" not found', 1), Exit.NOT_NOW),
    ],
    ids=["the watch is dead", "it is gone"],
)
def test_a_watch_that_says_nothing_is_not_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, told: tuple[object, str, int], code: int
) -> None:
    """After a while the proposal is read."""
    monkeypatch.setattr(waiting, "LONGEST_LOOK_SECONDS", 0.02)
    ticks = itertools.count()
    desk.clock = lambda: NOW + timedelta(seconds=5 * next(ticks))
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.is_told("get", event("ADDED", recorded("pending-high")), hangs=True)
    out, err, failure = told
    desk.is_told("get", out, err=err, code=failure)
    done = desk.runs(approve, NAME, "--wait")
    assert done.code == code, done.err
    read = desk.calls("get")[-1]
    assert read[:3] == ["get", PROPOSALS, NAME]
    # An API server that takes a connection and says nothing must not outlast --timeout.
    assert "--request-timeout=10s" in read


def test_a_read_in_between_keeps_the_time_that_was_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of such flags counts for kubectl."""
    monkeypatch.setattr(waiting, "LONGEST_LOOK_SECONDS", 0.02)
    ticks = itertools.count()
    desk.clock = lambda: NOW + timedelta(seconds=5 * next(ticks))
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.is_told("get", event("ADDED", recorded("pending-high")), hangs=True)
    desk.is_told("get", recorded("succeeded"))
    assert desk.runs(approve, NAME, "--wait", "--request-timeout=3s").code == 0
    given = [one for one in desk.calls("get")[-1] if one.startswith("--request-timeout")]
    assert given == ["--request-timeout=10s", "--request-timeout=3s"]


def test_a_server_dry_run_is_not_waited_for(desk: Desk) -> None:
    """Nothing was stored: nothing will come of it."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    assert desk.runs(approve, NAME, "--wait", "--dry-run=server").code == 0
    assert len(desk.calls("get")) == 1


def test_the_status_column_says_why_where_the_phase_does_not() -> None:
    """One column, as wide as needed."""
    for phase, reason, cell in (
        ("Failed", "NoEffect", "Failed (NoEffect)"),
        ("Pending", "AwaitingApproval", "Pending"),
        ("Approved", "Halted", "Approved (Halted)"),
        ("Executing", "Calling", "Executing"),
        ("Succeeded", "DryRun", "Succeeded (DryRun)"),
        ("", "", "New"),
    ):
        assert status_cell(Proposal(recorded("pending-high", phase=phase, reason=reason))) == cell


def test_a_seat_of_mine_that_no_longer_counts_is_renewed(desk: Desk) -> None:
    """It is shown with the reason why it does not count."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("alice", digest="sha256:old")]
    found["status"]["approvals"]["notCounting"] = [{"by": "alice", "reason": "another digest"}]
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME)
    assert "✘ alice (you) approved; it does not count: another digest" in done.out
