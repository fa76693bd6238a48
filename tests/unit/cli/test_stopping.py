"""suspend, resume, halt, unhalt; --all; --wait."""

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from assent.cli.decision_command import approve, reject
from assent.cli.failures import CliError, Exit
from assent.cli.proposals_command import proposals
from assent.cli.waiting import seconds_of
from tests.unit.cli.desk import NOW, Desk, golden, recorded, seat

NAME = "fill-store-2"


def cluster(name: str, *, suspend: bool = False) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "tikv"}, "spec": {"suspend": suspend}}


def halt(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"reason": f"why {name}"}}


def test_the_only_cluster_needs_no_name(desk: Desk) -> None:
    """Suspending asks nobody: it only stops."""
    desk.is_told("get", {"items": [cluster("prod")]})
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "suspend", types="")
    assert done.code == 0
    assert desk.patched() == {"spec": {"suspend": True}}
    assert "kubectl proposals resume prod -n tikv" in done.out


def test_resuming_asks(desk: Desk) -> None:
    """Calls begin again."""
    for _ in range(2):
        desk.is_told("get", {"items": [cluster("prod", suspend=True)]})
    desk.is_told("get", {"items": []})
    desk.is_told("patch", "patched")
    assert desk.runs(proposals, "resume", types="n\n").code == Exit.DECLINED
    assert desk.calls("patch") == []
    done = desk.runs(proposals, "resume", types="y\n")
    assert done.out.endswith("prod resumed: what is approved goes on\n")
    assert desk.patched() == {"spec": {"suspend": False}}


@pytest.mark.parametrize(
    ("halts", "code", "said"),
    [
        ({"items": [halt("one"), halt("two")]}, 0,
         "nothing goes on there, for Halt one, two still stands: kubectl proposals unhalt"),
        ("", 1, "what is approved goes on, unless a Halt stands"),
    ],
    ids=["halted", "may not see Halts"],
)  # fmt: skip
def test_what_is_resumed_may_still_be_halted(
    desk: Desk, halts: object, code: int, said: str
) -> None:
    """Nobody is told that calls go on while another brake holds them."""
    desk.is_told("get", {"items": [cluster("prod", suspend=True)]})
    desk.is_told("get", halts, code=code, err="(Forbidden)" if code else "")
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "resume", "--yes")
    assert (done.code, done.out) == (0, f"✔ prod resumed: {said}\n")


@pytest.mark.parametrize(
    ("found", "words", "said", "code"),
    [
        (["a", "b"], ["suspend"], "Say which TiKVCluster: a, b.", Exit.USAGE),
        (["prod"], ["suspend", "prdo"], "Did you mean prod?", Exit.NOT_NOW),
        (["prod"], ["suspend", "xyz"], "There are: prod.", Exit.NOT_NOW),
        ([], ["suspend"], "There is no TiKVCluster in namespace default.", Exit.NOT_NOW),
        (["prod"], ["resume"], "prod is not suspended: nothing to resume.", Exit.NOT_NOW),
    ],
)
def test_it_must_be_clear_which_cluster(
    desk: Desk, found: list[str], words: list[str], said: str, code: int
) -> None:
    """Nothing is guessed, and nothing is sent."""
    desk.is_told("get", {"items": [cluster(name) for name in found]})
    desk.is_told("config", "")
    done = desk.runs(proposals, *words)
    assert (done.code, desk.calls("patch")) == (code, [])
    assert said in done.err


def test_a_halt_is_created_with_its_reason(desk: Desk) -> None:
    """Named after the moment; how it ends is said."""
    desk.is_told("create", "created")
    done = desk.runs(proposals, "halt", "--reason", "leaders move", "--allow-rollback")
    assert desk.given() == {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": "halt-20261121-200000"},
        "spec": {"reason": "leaders move", "allowRollback": True},
    }
    assert "undoing may go on" in done.out
    assert "kubectl proposals unhalt halt-20261121-200000" in done.out


def test_unhalt_shows_why_it_was_made_and_asks(desk: Desk) -> None:
    """Whoever lifts it should have read it."""
    desk.is_told("get", {"items": [halt("one")]})
    desk.is_told("delete", "deleted")
    assert desk.runs(proposals, "unhalt", types="n\n").code == Exit.DECLINED
    assert desk.calls("delete") == []
    done = desk.runs(proposals, "unhalt", types="y\n")
    assert "one: why one" in done.out
    assert desk.calls("delete")[0][2] == "one"


def test_unhalt_says_what_else_still_stops(desk: Desk) -> None:
    """One of two is not enough."""
    desk.is_told("get", {"items": [halt("one"), halt("two")]})
    desk.is_told("delete", "deleted")
    assert "Say which Halt: one, two." in desk.runs(proposals, "unhalt").err
    assert "one deleted; still halted by two" in desk.runs(proposals, "unhalt", "one").out


def test_without_a_halt_nothing_is_deleted(desk: Desk) -> None:
    """It says so."""
    desk.is_told("get", {"items": []})
    assert desk.runs(proposals, "unhalt").code == Exit.NOT_NOW


def reviews(*allowed: bool) -> str:
    """What kubectl prints for a list of reviews: one object after the other."""
    return "\n".join(json.dumps({"status": {"allowed": one}}, indent=1) for one in allowed)


def test_all_lists_what_waits_for_me_and_asks(desk: Desk) -> None:
    """By right: both tiers are asked in one go."""
    desk.has(recorded("pending-low"), recorded("pending-high"))
    desk.is_told("create", reviews(True, True))
    desk.is_told("patch", "patched")
    done = desk.runs(approve, "--all", types="y\ny\ny\n")
    assert done.code == 0
    assert len(desk.calls("patch")) == 2
    golden("all", "".join(done.out.partition("Go through them? ")[:2]))
    asked = desk.given()["items"]
    assert [one["spec"]["resourceAttributes"]["subresource"] for one in asked] == ["high", "low"]
    assert asked[0]["spec"]["resourceAttributes"]["name"] == "SetStoreLimit"


def test_all_leaves_out_what_i_may_not(desk: Desk) -> None:
    """The right is asked of the API server."""
    desk.has(recorded("pending-low"), recorded("pending-high"))
    desk.is_told("create", reviews(False, True))
    desk.is_told("patch", "patched")
    done = desk.runs(approve, "--all", "--yes")
    assert "1 proposal you (alice) may approve" in done.out
    assert len(desk.calls("patch")) == 1


def test_all_leaves_out_what_does_not_wait_for_me(desk: Desk) -> None:
    """Mine, decided by me, rejected, ended: then there is nothing, and no right is asked."""
    mine = recorded("pending-high")
    mine["spec"]["proposedBy"] = mine["status"]["assessed"]["proposedBy"] = "alice"
    said = recorded("pending-high")
    said["spec"]["approvals"] = [seat("alice", digest=said["status"]["digest"])]
    refused = recorded("pending-high")
    refused["spec"]["approvals"] = [seat("bert", "Reject")]
    desk.has(mine, said, refused, recorded("succeeded"))
    desk.is_told("config", "shop")
    done = desk.runs(approve, "--all")
    assert (done.code, desk.calls("create")) == (Exit.NOT_NOW, [])
    assert "Nothing waits for you (alice) to approve in namespace shop." in done.err


@pytest.mark.parametrize(("types", "code"), [(None, Exit.USAGE), ("n\n", Exit.DECLINED)])
def test_all_is_never_taken_for_granted(desk: Desk, types: str | None, code: int) -> None:
    """Without a person --yes must be said."""
    desk.has(recorded("pending-low"), recorded("pending-high"))
    desk.is_told("create", reviews(True, True))
    done = desk.runs(reject, "--all", "-m", "no", types=types)
    assert (done.code, desk.calls("patch")) == (code, [])


def event(document: dict[str, Any], kind: str = "ADDED") -> str:
    return json.dumps({"type": kind, "object": document})


def waits(desk: Desk, *events: str, code: int = 0, err: str = "") -> None:
    """One read to approve, then the watch."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.is_told("get", "\n".join(events), code=code, err=err)


@pytest.mark.parametrize(
    ("phase", "code"),
    [("Succeeded", 0), ("Active", 0), ("Failed", 10), ("RolledBack", 11), ("RollbackFailed", 12),
     ("OutcomeUnknown", 13), ("Rejected", 14), ("Expired", 15), ("Superseded", 16),
     ("Cancelled", 17)],
)  # fmt: skip
def test_waiting_ends_with_the_outcome(desk: Desk, phase: str, code: int) -> None:
    """The exit code is for scripts."""
    waits(
        desk,
        event(recorded("pending-high")),
        event(recorded("succeeded", phase="Executing", reason="Calling"), "MODIFIED"),
        event(recorded("succeeded", phase=phase, reason="Because"), "MODIFIED"),
    )
    done = desk.runs(approve, NAME, "--wait")
    assert done.code == code
    lines = done.out.splitlines()[-3:]
    assert "Pending (AwaitingApproval)" in lines[0]
    assert "Executing (Calling)" in lines[1]
    assert f"{phase} (Because)" in lines[2]


def test_another_of_that_name_is_not_waited_for(desk: Desk) -> None:
    """Deleted while no watch stood, and filed anew: its success is none of ours."""
    another = recorded("succeeded")
    another["metadata"] |= {"uid": "another"}
    waits(desk, event(another))
    done = desk.runs(approve, NAME, "--wait")
    assert done.code == Exit.NOT_NOW
    assert f"{NAME} was deleted; this is another of that name." in done.err


def revised(phase: str = "Pending", **status: Any) -> dict[str, Any]:
    return recorded("pending-high", phase=phase, digest="sha256:another", **status)


@pytest.mark.parametrize("phase", ["Pending", "Approved"])
def test_waiting_ends_when_the_approval_is_void(desk: Desk, phase: str) -> None:
    """Somebody changed the ask: what it comes to is not what this person said yes to, and nobody
    may ever say yes to it.
    """
    why = "ann changed\n  reason"
    waits(desk, event(recorded("pending-high")), event(revised(phase, revisionReason=why)))
    done = desk.runs(approve, NAME, "--wait")
    assert done.code == Exit.CHANGED
    (said,) = done.err.splitlines()
    assert "not what you approved any more (ann changed reason): your approval is void" in said
    assert said.endswith(f"Look again: kubectl proposals show {NAME} -n tikv")


def test_a_revision_without_a_reason_is_told_too(desk: Desk) -> None:
    """A tier that rose, on an older operator."""
    waits(desk, event(revised()))
    assert "(it was assessed anew)" in desk.runs(approve, NAME, "--wait").err


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (recorded("pending-high", phase="Pending", digest=""), "it is being assessed anew"),
        (revised("Succeeded"), "it has ended: its digest is of no more use"),
        (revised("Executing"), "its ask is frozen: this operator writes another form of digest"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_only_another_text_that_still_waits_makes_it_void(
    desk: Desk, document: dict[str, Any], why: str
) -> None:
    """Everything else is followed to its end."""
    waits(desk, event(document), event(recorded("succeeded")))
    assert desk.runs(approve, NAME, "--wait").code == Exit.OK, why


def test_who_rejects_waits_for_the_end_whatever_is_written(desk: Desk) -> None:
    """A rejection is for no digest; that it came about is what was asked for."""
    waits(desk, event(revised()), event(recorded("succeeded", phase="Rejected")))
    assert desk.runs(reject, NAME, "-m", "no", "--wait").code == Exit.OK
    waits(desk, event(recorded("succeeded", phase="Cancelled")))
    assert desk.runs(reject, NAME, "-m", "no", "--wait").code == Exit.CANCELLED


def test_what_was_shown_last_is_what_is_waited_for(desk: Desk) -> None:
    """It changed while they looked, was shown again, and they agreed to that."""
    desk.has(recorded("pending-high"))
    conflict = "Error from server (Conflict): the object has been modified"
    desk.is_told("patch", err=conflict, code=1)
    desk.has(changed := recorded("pending-high", digest="sha256:another"))
    desk.is_told("patch", "patched")
    desk.is_told("get", event(changed) + event(recorded("succeeded")))
    done = desk.runs(approve, NAME, "--wait", types="y\ny\n")
    assert done.code == Exit.OK, done.err


def test_what_could_be_decided_is_followed_and_the_failure_is_told(desk: Desk) -> None:
    """One of two is refused: the other runs, and whoever said --wait wants to see how."""
    desk.has(recorded("pending-low", phase="Expired"), recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.is_told("get", event(recorded("succeeded")))
    names = recorded("pending-low")["metadata"]["name"], NAME
    done = desk.runs(approve, *names, "--wait")
    assert done.code == Exit.NOT_NOW
    assert "it is Expired" in done.err
    assert "Succeeded (Done)" in done.out.splitlines()[-1]


def test_a_state_is_said_once(desk: Desk) -> None:
    """A write that changes nothing that is shown is no news."""
    twice = event(recorded("pending-high"))
    waits(desk, twice, twice, event(recorded("succeeded"), "MODIFIED"))
    done = desk.runs(approve, NAME, "--wait")
    assert done.out.count("Pending (AwaitingApproval)") == 1


def test_a_watch_that_ends_is_begun_again(desk: Desk) -> None:
    """The API server ends watches after some minutes."""
    waits(desk, event(recorded("pending-high")))
    desk.is_told("get", event(recorded("succeeded")))
    assert desk.runs(approve, NAME, "--wait").code == 0
    assert [("--watch" in call) for call in desk.calls("get")] == [False, True, True]


def test_a_watch_that_fails_is_begun_again(desk: Desk) -> None:
    """An API server that restarts is no end of a proposal: what was told before is not repeated."""
    waits(desk, event(recorded("pending-high")), code=1, err="http2: client connection lost")
    desk.is_told("get", code=1, err="Unable to connect to the server: connection refused")
    desk.is_told("get", f"{event(recorded('pending-high'))}{event(recorded('succeeded'))}")
    done = desk.runs(approve, NAME, "--wait")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("Pending (AwaitingApproval)") == 1
    assert desk.pauses == [1.0, 1.0]


def test_a_watch_that_fails_again_and_again_says_so(desk: Desk) -> None:
    """In kubectl's own words, and that the proposal does not depend on it."""
    waits(desk, code=1, err="the server is gone")
    done = desk.runs(approve, NAME, "--wait")
    assert (done.code, "the server is gone" in done.err) == (Exit.REFUSED, True)
    assert "goes on by itself" in done.err
    assert len([call for call in desk.calls("get") if "--watch" in call]) == 5


@pytest.mark.parametrize(
    ("err", "code", "said"),
    [
        ("Error from server (Forbidden): …", Exit.REFUSED, "goes on by itself"),
        ("Error from server (NotFound): …", Exit.NOT_NOW, "was deleted"),
    ],
    ids=["may approve, may not watch", "gone between approval and watch"],
)
def test_a_watch_that_cannot_be_is_not_tried_again(
    desk: Desk, err: str, code: int, said: str
) -> None:
    """It would never come."""
    waits(desk, code=1, err=err)
    done = desk.runs(approve, NAME, "--wait")
    assert (done.code, said in done.err, desk.pauses) == (code, True, [])


def test_what_is_deleted_meanwhile_ends_the_wait(desk: Desk) -> None:
    """Nothing will come of it."""
    waits(desk, event(recorded("pending-high")), event(recorded("pending-high"), "DELETED"))
    assert desk.runs(approve, NAME, "--wait").code == Exit.NOT_NOW


STOP = {"name": "NotHalted", "verdict": "hold", "message": "Halt x stops: kubectl delete halt x"}
LATE: list[tuple[dict[str, Any], str]] = [
    ({}, f"{NAME} still waits for 2 more approvals."),
    ({"approvals": {"missing": 1}}, f"{NAME} still waits for 1 more approval."),
    ({"phase": "Approved", "reason": "Halted", "gates": [STOP]},
     f"{NAME} still waits: Halt x stops."),
    ({"phase": "Approved", "gates": []}, f"{NAME} has not ended yet; it goes on by itself."),
    ({"phase": "Executing"}, f"{NAME} has not ended yet; it goes on by itself."),
]  # fmt: skip


@pytest.mark.parametrize(("status", "said"), LATE, ids=[str(one[0].get("phase")) for one in LATE])
def test_waiting_ends_with_the_time(desk: Desk, status: dict[str, Any], said: str) -> None:
    """And tells whether it goes on by itself, or waits for somebody."""
    counted = (
        {"missing": 0} if "phase" in status else recorded("pending-high")["status"]["approvals"]
    )
    waits(desk, event(recorded("pending-high", **{"approvals": counted, **status})))
    seconds = itertools.count()
    desk.clock = lambda: NOW + timedelta(seconds=next(seconds))
    done = desk.runs(approve, NAME, "--wait", "--timeout", "5s")
    assert (done.code, done.err) == (Exit.TIME_OVER, f"{said}\n")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400)]
)
def test_times_are_read(text: str, seconds: int) -> None:
    """As kubectl writes them."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5d", "m", "1h x"])
def test_other_times_are_refused(text: str) -> None:
    """With the form that is meant."""
    with pytest.raises(CliError, match="no time such as"):
        seconds_of(text)
