"""Saying yes and no: what is shown, what is asked, what is sent, and what when it changed."""

from typing import Any

import pytest

from assent.cli.decision_command import approve, reject
from assent.cli.failures import Exit
from tests.unit.cli.desk import Desk, golden, recorded, seat

CONFLICT = (
    "Error from server (Conflict): Operation cannot be fulfilled on actionproposals: "
    "the object has been modified; please apply your changes to the latest version and try again"
)
NAME = "fill-store-2"


def with_seats(name: str, *seats: dict[str, str], **status: Any) -> dict[str, Any]:
    found = recorded(name, **status)
    found["spec"]["approvals"] = list(seats)
    return found


def test_an_approval_shows_everything_and_quotes_the_digest_it_showed(desk: Desk) -> None:
    """What runs is what was approved: the digest sent is the one on the screen."""
    found = recorded("pending-high")
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, "-n", "tikv", "-m", "checked")
    assert done.code == 0
    golden("approve-high", done.out)
    assert found["status"]["digest"] in done.out
    assert desk.patched() == {
        "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
        "spec": {
            "approvals": [
                seat("alice", digest=found["status"]["digest"], comment="checked"),
            ]
        },
    }


def test_the_patch_names_a_field_manager_that_flux_leaves_alone(desk: Desk) -> None:
    """Flux takes back fields owned by managers named kubectl (kustomize-controller#1574)."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    desk.runs(approve, NAME, "-n", "tikv")
    (call,) = desk.calls("patch")
    assert "--field-manager=approver" in call
    assert call[:3] == ["patch", "actionproposals.v1alpha1.assent.tikv.org", NAME]


def test_others_keep_their_seats(desk: Desk) -> None:
    """A merge patch replaces the list: what others said is sent along as it was read."""
    theirs = seat("bert", digest="sha256:old", comment="by me")
    desk.has(with_seats("pending-high", theirs))
    desk.is_told("patch", "patched")
    desk.runs(approve, NAME)
    assert desk.patched()["spec"]["approvals"][0] == theirs
    assert [one["by"] for one in desk.patched()["spec"]["approvals"]] == ["bert", "alice"]


def test_an_old_yes_of_mine_is_replaced(desk: Desk) -> None:
    """The ask changed since: the seat is renewed with the digest of now."""
    desk.has(with_seats("pending-high", seat("alice", digest="sha256:old")))
    desk.is_told("patch", "patched")
    desk.runs(approve, NAME)
    (mine,) = desk.patched()["spec"]["approvals"]
    assert mine["digest"] == recorded("pending-high")["status"]["digest"]


def test_a_person_is_asked_and_no_means_nothing_is_sent(desk: Desk) -> None:
    """Enter alone is no."""
    desk.has(recorded("pending-high"))
    done = desk.runs(approve, NAME, types="\n")
    assert done.code == Exit.DECLINED
    assert desk.calls("patch") == []
    assert "Approve fill-store-2 as alice? [y/N]" in done.out


@pytest.mark.parametrize("answer", ["y", "yes", "Y"])
def test_a_person_who_says_yes_has_said_yes(desk: Desk, answer: str) -> None:
    """Short, long, or with the shift key."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    assert desk.runs(approve, NAME, types=f"{answer}\n").code == 0
    assert len(desk.calls("patch")) == 1


def test_yes_does_not_ask(desk: Desk) -> None:
    """For those who have read it elsewhere."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, "--yes", types="")
    assert done.code == 0
    assert "[y/N]" not in done.out


def critical() -> dict[str, Any]:
    found = recorded("pending-high")
    found["status"]["risk"]["tier"] = "Critical"
    return found


def test_critical_wants_the_target_typed(desk: Desk) -> None:
    """Not yes, but the thing itself; --yes does not stand in for it."""
    desk.has(critical())
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, "--yes", types="store/2\n")
    assert done.code == 0
    assert "Type the target (store/2)" in done.out
    assert desk.patched()["spec"]["approvals"][0]["confirm"] == "store/2"


@pytest.mark.parametrize(
    ("arguments", "types"),
    [((), "yes\n"), ((), "store/3\n"), (("--confirm", "store/22"), None), ((), None)],
    ids=["yes is not the target", "another store", "a wrong flag", "nobody to type"],
)
def test_critical_is_not_sent_without_the_target(
    desk: Desk, arguments: tuple[str, ...], types: str | None
) -> None:
    """Whatever else was said."""
    desk.has(critical())
    done = desk.runs(approve, NAME, *arguments, types=types)
    assert done.code == Exit.DECLINED
    assert desk.calls("patch") == []
    assert "Nothing was sent" in done.err


def test_critical_can_be_confirmed_by_a_flag(desk: Desk) -> None:
    """Scripts type, too."""
    desk.has(critical())
    desk.is_told("patch", "patched")
    assert desk.runs(approve, NAME, "--confirm", "store/2").code == 0
    assert desk.patched()["spec"]["approvals"][0]["confirm"] == "store/2"


def test_a_conflict_is_read_and_shown_again_and_asked_again(desk: Desk) -> None:
    """Somebody else approved meanwhile: the second showing has their seat, and keeps it."""
    second = with_seats("pending-high", seat("bert", digest="sha256:other"))
    second["metadata"]["resourceVersion"] = "999"
    desk.has(recorded("pending-high"))
    desk.has(second)
    desk.is_told("patch", err=CONFLICT, code=1)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, types="y\ny\n")
    assert done.code == 0
    assert done.out.count("Approve fill-store-2 as alice?") == 2
    assert "changed while you looked" in done.err
    assert desk.patched()["metadata"]["resourceVersion"] == "999"
    assert [one["by"] for one in desk.patched()["spec"]["approvals"]] == ["bert", "alice"]


def test_a_conflict_with_another_ask_is_never_sent_without_a_person(desk: Desk) -> None:
    """A script approved the text it was shown, not the one that stands now."""
    second = recorded("pending-high", digest="sha256:new")
    second["spec"]["action"]["setStoreLimit"]["ratePerMinute"] = 900
    second["status"]["assessed"]["action"]["setStoreLimit"]["ratePerMinute"] = 900
    desk.has(recorded("pending-high"))
    desk.has(second)
    desk.is_told("patch", err=CONFLICT, code=1)
    done = desk.runs(approve, NAME)
    assert done.code == Exit.CHANGED
    assert len(desk.calls("patch")) == 1
    assert "- action.setStoreLimit.ratePerMinute: 400" in done.out
    assert "+ action.setStoreLimit.ratePerMinute: 900" in done.out


def test_a_person_sees_what_changed_and_may_still_say_yes(desk: Desk) -> None:
    """With the digest of what they saw last."""
    second = recorded("pending-high", digest="sha256:new")
    desk.has(recorded("pending-high"))
    desk.has(second)
    desk.is_told("patch", err=CONFLICT, code=1)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, types="y\ny\n")
    assert done.code == 0
    assert desk.patched()["spec"]["approvals"][0]["digest"] == "sha256:new"


def test_a_conflict_that_never_ends_gives_up(desk: Desk) -> None:
    """It does not hammer the API server for ever."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", err=CONFLICT, code=1)
    done = desk.runs(approve, NAME)
    assert done.code == Exit.CHANGED
    assert len(desk.calls("patch")) == 5


NOT_NOW = [
    ({"phase": "Executing"}, {}, "it is Executing, not Pending"),
    ({"phase": "Suggested"}, {}, "the cluster only observes"),
    ({"phase": "Succeeded"}, {}, "kubectl proposals show fill-store-2 -n tikv"),
    ({}, {"proposedBy": "alice"}, "you (alice) wrote this ask: somebody else must approve it"),
    ({"assessed": None}, {}, "has not assessed the ask as it stands yet"),
    ({"digest": None}, {}, "has not assessed"),
    ({}, {"approvals": [seat("bert", "Reject")]}, "bert rejected it; that is final"),
]


@pytest.mark.parametrize(("status", "spec", "said"), NOT_NOW, ids=[one[2] for one in NOT_NOW])
def test_what_the_gate_would_refuse_is_said_before_anybody_is_asked(
    desk: Desk, status: dict[str, Any], spec: dict[str, Any], said: str
) -> None:
    """With what to do instead; nothing is sent."""
    found = recorded("pending-high", **status)
    found["spec"].update(spec)
    if spec.get("proposedBy"):
        found["status"]["assessed"]["proposedBy"] = spec["proposedBy"]
    desk.has(found)
    done = desk.runs(approve, NAME, types="y\n")
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert said in done.err
    assert "[y/N]" not in done.out


def test_who_has_said_yes_need_not_again(desk: Desk) -> None:
    """And is told how many others are missing."""
    mine = seat("alice", digest=recorded("pending-high")["status"]["digest"])
    desk.has(with_seats("pending-high", mine))
    done = desk.runs(approve, NAME)
    assert done.code == Exit.NOT_NOW
    assert "approved exactly this already. Still missing: 2" in done.err


def test_a_service_account_has_no_seat_for_high(desk: Desk) -> None:
    """Said here, before the operator would say that it does not count."""
    desk.is_known_as("system:serviceaccount:flux-system:flux")
    desk.has(recorded("pending-high"))
    done = desk.runs(approve, NAME)
    assert "service accounts have no seat for tier High" in done.err


def test_a_digest_that_was_copied_must_still_stand(desk: Desk) -> None:
    """--digest binds a script to what a person read."""
    found = recorded("pending-high")
    desk.has(found)
    desk.is_told("patch", "patched")
    assert desk.runs(approve, NAME, "--digest", "sha256:other").code == Exit.CHANGED
    assert desk.calls("patch") == []
    assert desk.runs(approve, NAME, "--digest", found["status"]["digest"]).code == 0


def test_the_refusal_of_the_gate_is_shown_with_the_role_that_may(desk: Desk) -> None:
    """In the API server's own words first."""
    desk.has(recorded("pending-high"))
    desk.is_told(
        "patch",
        err="Error from server (Forbidden): … user alice may not approve High-risk SetStoreLimit",
        code=1,
    )
    done = desk.runs(approve, NAME)
    assert done.code == Exit.REFUSED
    assert "user alice may not approve High-risk SetStoreLimit" in done.err
    assert "actionproposals/high" in done.err
    assert "assent-approver-high" in done.err


def test_what_nobody_has_assessed_counts_as_critical(desk: Desk) -> None:
    """The gate refuses a no to it by that tier, so that is whom to ask."""
    desk.has(recorded("pending-high", risk=None, digest=None))
    desk.is_told("patch", err="user alice may not reject Critical-risk SetStoreLimit", code=1)
    done = desk.runs(reject, NAME, "-m", "no")
    assert "actionproposals/critical must do it" in done.err
    assert done.err.endswith("assent-approver-critical.\n")


def test_a_rejection_needs_a_reason(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever proposed it wants to know why."""
    with pytest.raises(SystemExit) as stopped:
        desk.runs(reject, NAME)
    assert stopped.value.code == Exit.USAGE
    assert "-m/--message" in capsys.readouterr().err
    done = desk.runs(reject, NAME, "-m", " ")
    assert (done.code, desk.calls("patch")) == (Exit.USAGE, [])
    assert done.err == "-m wants a reason: whoever proposed it will read it.\n"


def test_a_rejection_shows_what_follows_and_keeps_the_seats_of_others(desk: Desk) -> None:
    """One no is enough, and final."""
    desk.has(with_seats("pending-low", seat("bert", digest="sha256:x")))
    desk.is_told("patch", "patched")
    done = desk.runs(reject, "prod-leftover-eviction-c189330110-1", "-m", "not on a Friday")
    assert done.code == 0
    golden("reject-low", done.out)
    approvals = desk.patched()["spec"]["approvals"]
    assert [(one["by"], one["decision"]) for one in approvals] == [
        ("bert", "Approve"),
        ("alice", "Reject"),
    ]
    assert approvals[1]["comment"] == "not on a Friday"


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("Executing", f"kubectl proposals cancel {NAME} -n tikv"),
        ("Succeeded", f"kubectl proposals show {NAME} -n tikv"),
    ],
)
def test_too_late_to_reject_says_what_still_works(desk: Desk, phase: str, said: str) -> None:
    """A no after the call has begun is a cancel."""
    desk.has(recorded("pending-high", phase=phase))
    done = desk.runs(reject, NAME, "-m", "no")
    assert done.code == Exit.NOT_NOW
    assert said in done.err


def test_what_was_rejected_is_not_too_late_but_done(desk: Desk) -> None:
    """By a colleague; and nothing that a person filed comes back by itself."""
    desk.has(with_seats("pending-high", seat("bert", "Reject")))
    desk.is_told("patch", "patched")
    assert "coolDown" not in desk.runs(reject, NAME, "-m", "no").out
    ended = with_seats("pending-high", seat("bert", "Reject"))
    ended["status"]["phase"] = "Rejected"
    desk.answers["get"] = []
    desk.has(ended)
    done = desk.runs(reject, NAME, "-m", "no")
    assert (done.code, done.err) == (Exit.NOT_NOW, f"{NAME}: bert has rejected it already.\n")


def test_who_has_rejected_need_not_again(desk: Desk) -> None:
    """It says so, and sends nothing."""
    desk.has(with_seats("pending-high", seat("alice", "Reject")))
    done = desk.runs(reject, NAME, "-m", "no")
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])


def test_several_names_are_decided_one_by_one(desk: Desk) -> None:
    """One that cannot be decided does not stop the others, but shows in the exit code."""
    other = recorded("pending-low")
    desk.has(recorded("pending-high", phase="Executing"), other)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, other["metadata"]["name"])
    assert done.code == Exit.NOT_NOW
    assert "it is Executing" in done.err
    assert "\n" + "─" * 40 + "\n" in done.out, "where one ends and the next begins"
    assert f"✔ {other['metadata']['name']} approved by alice" in done.out


TIMES = [
    ("2026-11-22T05:00:00Z", "2026-11-22T05:00:00.000Z"),
    ("2026-11-22T05:00:00.5Z", "2026-11-22T05:00:00.500Z"),
    ("2026-11-22T07:00:00+02:00", "2026-11-22T05:00:00.000Z"),
]


@pytest.mark.parametrize(("asked", "assessed"), TIMES)
@pytest.mark.parametrize("field", ["notBefore", "notAfter"])
def test_a_time_is_the_same_however_it_is_written(
    desk: Desk, field: str, asked: str, assessed: str
) -> None:
    """The operator writes what it assessed in UTC, with milliseconds; the gate compares instants,
    and so do we: else nobody could approve it, and a file of it would differ for ever.
    """
    found = recorded("pending-high")
    found["spec"][field] = asked
    found["status"]["assessed"][field] = assessed
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME)
    assert (done.code, done.err) == (0, "")
    assert "Changed since" not in done.out


@pytest.mark.parametrize("asked", ["2026-11-22T05:00:01Z", "2026-11-22T05:00:00+02:00", "soon"])
def test_another_time_is_another_ask(desk: Desk, asked: str) -> None:
    """By a second, by a zone, or by something that is no time."""
    found = recorded("pending-high")
    found["spec"]["notAfter"] = asked
    found["status"]["assessed"]["notAfter"] = "2026-11-22T05:00:00.000Z"
    desk.has(found)
    assert "has not assessed" in desk.runs(approve, NAME).err


def test_a_server_dry_run_is_passed_on_and_said(desk: Desk) -> None:
    """The gate judges it; nothing is stored."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, "--dry-run=server")
    assert "--dry-run=server" in desk.calls("patch")[0]
    assert "nothing was stored" in done.out


@pytest.mark.parametrize("form", ["name", "json", "yaml"])
def test_with_an_output_stdout_holds_nothing_but_the_object(desk: Desk, form: str) -> None:
    """So that it can be piped; what is shown goes to stderr."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "the object\n")
    done = desk.runs(approve, NAME, "-o", form)
    assert done.out == "the object\n"
    assert "Set the add-peer limit" in done.err
    assert desk.calls("patch")[0][-2:] == ["-o", form]


def test_a_name_or_all_but_not_both_nor_neither(desk: Desk) -> None:
    """Nothing is guessed."""
    for arguments in ((), (NAME, "--all")):
        done = desk.runs(approve, *arguments)
        assert done.code == Exit.USAGE
        assert "kubectl proposals" in done.err


@pytest.mark.parametrize("name", ["tikv/fill-store-2", "fill-store-2/status", "../x"])
def test_what_is_no_name_is_not_given_to_kubectl(desk: Desk, name: str) -> None:
    """It would take it for a kind; what is shown as tikv/fill-store-2 is copied so."""
    desk.has(recorded("pending-high"))
    done = desk.runs(approve, name)
    assert (done.code, desk.calls("get"), desk.calls("patch")) == (Exit.USAGE, [], [])
    assert done.err == f"{name!r} is no name of a proposal. Say NAME -n NAMESPACE.\n"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fill-store-3", "fill-store-2"),
        ("leftover", "prod-leftover-eviction-c189330110-1"),
        ("FILL-STORE-2", "fill-store-2"),
    ],
    ids=["a slip", "a part", "capitals"],
)
def test_a_wrong_name_is_answered_with_the_right_one(desk: Desk, typed: str, meant: str) -> None:
    """Did you mean."""
    desk.is_told("get", "")
    desk.has(recorded("pending-high"), recorded("pending-low"))
    done = desk.runs(approve, typed)
    assert done.code == Exit.NOT_NOW
    assert f"Did you mean {meant}" in done.err


def test_no_names_at_all_says_where_to_look(desk: Desk) -> None:
    """The usual reason is the wrong namespace."""
    desk.is_told("get", "")
    done = desk.runs(approve, "anything")
    assert "kubectl proposals -A" in done.err
