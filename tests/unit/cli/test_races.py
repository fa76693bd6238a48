"""Between what is shown and what is sent: whatever changes there, and who is there to see it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from assent.cli.decision_command import approve, reject
from assent.cli.failures import Exit
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded, seat

NAME = "fill-store-2"
CONFLICT = "Error from server (Conflict): the object has been modified"
Change = Callable[[dict[str, Any]], None]


def another_ask(found: dict[str, Any]) -> None:
    for ask in (found["spec"], found["status"]["assessed"]):
        ask["action"]["setStoreLimit"]["ratePerMinute"] = 900
    found["status"]["digest"] = "sha256:another"


def another_target_store(found: dict[str, Any]) -> None:
    for ask in (found["spec"], found["status"]["assessed"]):
        ask["action"]["setStoreLimit"]["storeId"] = 3
    found["status"]["target"]["id"] = "store/3"
    found["status"]["digest"] = "sha256:another"


def a_tier_that_rose(found: dict[str, Any]) -> None:
    """The ask is the same to the letter; what it does is not."""
    found["status"]["digest"] = "sha256:risen"


def made_anew(found: dict[str, Any]) -> None:
    """Deleted, and filed again under the same name: the digest covers the object's uid."""
    found["metadata"]["uid"] = "another"
    found["status"]["digest"] = "sha256:of-another-object"


def not_assessed_yet(found: dict[str, Any]) -> None:
    """Somebody changed the ask a moment ago; the digest is still that of the old one."""
    found["spec"]["action"]["setStoreLimit"]["ratePerMinute"] = 900


def a_seat(found: dict[str, Any]) -> None:
    found["spec"]["approvals"] = [seat("bert", digest=found["status"]["digest"])]


def a_status(found: dict[str, Any]) -> None:
    found["status"]["message"] = "The operator has looked again"


def a_rejection(found: dict[str, Any]) -> None:
    found["spec"]["approvals"] = [seat("bert", "Reject")]


def its_beginning(found: dict[str, Any]) -> None:
    found["status"]["phase"] = "Executing"


def its_end(found: dict[str, Any]) -> None:
    found["status"]["phase"] = "Expired"


ANOTHER_TEXT = [another_ask, another_target_store, a_tier_that_rose, made_anew]
SAME_TEXT = [a_seat, a_status]
TOO_LATE = [its_beginning, its_end]


def races(desk: Desk, change: Change) -> None:
    """The first patch meets a change; the second would be stored."""
    shown = recorded("pending-high")
    then = copy.deepcopy(shown)
    then["metadata"]["resourceVersion"] = "999"
    change(then)
    desk.has(shown)
    desk.has(then)
    desk.is_told("patch", err=CONFLICT, code=1)
    desk.is_told("patch", "patched")


def words(command: object) -> list[str]:
    return ["-m", "no"] if command is reject else []


@pytest.mark.parametrize("more", [[], ["-y"]], ids=["in a pipe", "--yes in a pipe"])
@pytest.mark.parametrize("change", ANOTHER_TEXT, ids=lambda one: one.__name__)
@pytest.mark.parametrize("command", [approve, reject], ids=["approve", "reject"])
def test_nobody_is_there_to_see_another_text(
    desk: Desk, command: Any, change: Change, more: list[str]
) -> None:
    """Nothing is sent for it, and the exit code says why."""
    races(desk, change)
    done = desk.runs(command, NAME, *more, *words(command))
    assert (done.code, len(desk.calls("patch"))) == (Exit.CHANGED, 1)
    assert f"{NAME} is not what was shown any more. Nothing was sent." in done.err


@pytest.mark.parametrize("change", ANOTHER_TEXT, ids=lambda one: one.__name__)
def test_yes_was_said_to_the_first_text_only(desk: Desk, change: Change) -> None:
    """--yes on a terminal: they asked not to be asked, of what they had read."""
    races(desk, change)
    done = desk.runs(approve, NAME, "-y", types="y\n")
    assert (done.code, len(desk.calls("patch"))) == (Exit.CHANGED, 1)


@pytest.mark.parametrize(
    ("types", "code", "sent"), [("y\ny\n", Exit.OK, 2), ("y\nn\n", Exit.DECLINED, 1)]
)
@pytest.mark.parametrize("change", ANOTHER_TEXT, ids=lambda one: one.__name__)
@pytest.mark.parametrize("command", [approve, reject], ids=["approve", "reject"])
def test_a_person_is_shown_it_and_asked_again(
    desk: Desk, command: Any, change: Change, types: str, code: int, sent: int
) -> None:
    """And what they say then is for what they saw then."""
    races(desk, change)
    done = desk.runs(command, NAME, *words(command), types=types)
    assert (done.code, len(desk.calls("patch"))) == (code, sent)
    assert done.out.count("[y/N]") == 2
    if sent == 2:
        body = desk.patched()
        assert body["metadata"]["resourceVersion"] == "999"
        assert body["spec"]["approvals"][0]["digest"] in done.out.rpartition("Digest")[2]


@pytest.mark.parametrize("types", [None, "y\ny\n"], ids=["in a pipe", "on a terminal"])
@pytest.mark.parametrize("change", SAME_TEXT, ids=lambda one: one.__name__)
@pytest.mark.parametrize("command", [approve, reject], ids=["approve", "reject"])
def test_the_same_text_is_sent_again_with_everybodys_seat(
    desk: Desk, command: Any, change: Change, types: str | None
) -> None:
    """Two people at once do not undo each other, and no script fails for a mere status."""
    races(desk, change)
    done = desk.runs(command, NAME, *words(command), types=types)
    assert (done.code, len(desk.calls("patch"))) == (Exit.OK, 2)
    seats = [one["by"] for one in desk.patched()["spec"]["approvals"]]
    assert seats == (["bert", "alice"] if change is a_seat else ["alice"])


@pytest.mark.parametrize("types", [None, "y\ny\n"], ids=["in a pipe", "on a terminal"])
@pytest.mark.parametrize("change", [not_assessed_yet, a_rejection, *TOO_LATE],
                         ids=lambda one: one.__name__)  # fmt: skip
def test_what_can_no_longer_be_approved_is_not_tried_again(
    desk: Desk, change: Change, types: str | None
) -> None:
    """Said in words, not by the API server's refusal of something else."""
    races(desk, change)
    done = desk.runs(approve, NAME, types=types)
    assert len(desk.calls("patch")) == 1
    assert done.code == (Exit.CHANGED if change is not_assessed_yet and types is None
                         else Exit.NOT_NOW)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "code"), [("store/2\nstore/2\n", Exit.DECLINED), ("store/2\nstore/3\n", Exit.OK)]
)
def test_a_target_that_changed_is_typed_anew(desk: Desk, typed: str, code: int) -> None:
    """Critical: the first word was for another store."""
    races(desk, another_target_store)
    for answer in desk.answers["get"]:
        answer.out = answer.out.replace('"tier": "High"', '"tier": "Critical"')
    done = desk.runs(approve, NAME, types=typed)
    assert done.code == code, done.err
    confirmed = [one["spec"]["approvals"][0]["confirm"] for one in map(desk.patched, (0, -1))]
    assert confirmed == (["store/2", "store/3"] if code == Exit.OK else ["store/2", "store/2"])


def test_a_flag_that_confirmed_the_old_target_confirms_nothing_else(desk: Desk) -> None:
    """In a script: the text is another, and so is the target."""
    races(desk, another_target_store)
    done = desk.runs(approve, NAME, "--confirm", "store/2")
    assert (done.code, len(desk.calls("patch"))) == (Exit.CHANGED, 1)


def test_a_digest_that_was_read_elsewhere_stays_the_one(desk: Desk) -> None:
    """--digest: a person who agrees to what came later has not read that there."""
    races(desk, a_tier_that_rose)
    digest = recorded("pending-high")["status"]["digest"]
    done = desk.runs(approve, NAME, "--digest", digest, types="y\ny\n")
    assert (done.code, len(desk.calls("patch"))) == (Exit.CHANGED, 1)
    assert "its digest is sha256:risen" in done.err


LATE = [
    ("cancel", [], True),
    ("withdraw", [], False),
    ("modify", ["ratePerMinute=60"], False),
]


@pytest.mark.parametrize(("command", "more", "unguarded"), LATE, ids=[one[0] for one in LATE])
def test_what_a_change_is_held_to(
    desk: Desk, command: str, more: list[str], *, unguarded: bool
) -> None:
    """A stop gets through whatever was written meanwhile; everything else names its reading."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("alice", digest=found["status"]["digest"])]
    desk.has(found)
    desk.is_told("patch", "patched")
    assert desk.runs(proposals, command, NAME, *more).code == 0
    held = desk.patched().get("metadata", {}).get("resourceVersion")
    assert held == (None if unguarded else found["metadata"]["resourceVersion"])


@pytest.mark.parametrize("change", [another_ask, a_tier_that_rose, a_seat, its_beginning, its_end],
                         ids=lambda one: one.__name__)  # fmt: skip
def test_a_modification_of_another_text_is_not_stored(desk: Desk, change: Change) -> None:
    """It was made of what was shown; approvals that came meanwhile would be void unseen."""
    races(desk, change)
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=60")
    assert (done.code, len(desk.calls("patch"))) == (Exit.CHANGED, 1)
    assert "changed while you looked. Nothing was stored." in done.err


def test_a_modification_outlives_a_mere_status(desk: Desk) -> None:
    """The operator writes one now and then."""
    races(desk, a_status)
    assert desk.runs(proposals, "modify", NAME, "ratePerMinute=60").code == 0
    assert desk.patched()["metadata"]["resourceVersion"] == "999"


def test_somebody_who_says_no_first_is_heard_though_one_is_withdrawing(desk: Desk) -> None:
    """What others said is repeated as it is by then."""
    shown = recorded("pending-high")
    shown["spec"]["approvals"] = [seat("alice", digest=shown["status"]["digest"])]
    then = copy.deepcopy(shown)
    then["metadata"]["resourceVersion"] = "999"
    then["spec"]["approvals"].append(seat("bert", "Reject", comment="no"))
    desk.has(shown)
    desk.has(then)
    desk.is_told("patch", err=CONFLICT, code=1)
    desk.is_told("patch", "patched")
    assert desk.runs(proposals, "withdraw", NAME).code == 0
    assert desk.patched()["spec"]["approvals"] == [seat("bert", "Reject", comment="no")]


def mine(phase: str = "Pending", **more: Any) -> dict[str, Any]:
    found = recorded("pending-high", phase=phase)
    found["spec"]["approvals"] = [seat("alice", **{"digest": found["status"]["digest"], **more})]
    return found


@pytest.mark.parametrize("phase", ["Pending", "Approved", "Executing", "OutcomeUnknown"])
def test_a_wait_is_taken_up_again(desk: Desk, phase: str) -> None:
    """After Ctrl-C, or when --timeout was over: the same line again follows it, and sends nothing.
    It used to be refused, because the approval was there.
    """
    desk.has(mine(phase))
    desk.is_told("get", json.dumps({"type": "ADDED", "object": recorded("succeeded")}))
    done = desk.runs(approve, NAME, "--wait")
    assert (done.code, desk.calls("patch")) == (Exit.OK, [])
    assert done.out.startswith("You (alice) have approved exactly this already.\n")
    assert "Succeeded (Done)" in done.out


@pytest.mark.parametrize(
    ("found", "more", "why"),
    [
        (mine(), [], "nothing is to be waited for"),
        (mine(digest="sha256:old"), ["--wait"], "that yes was for another text"),
        (mine(decision="Reject"), ["--wait"], "that was a no"),
        (mine(), ["--wait", "--digest", "sha256:old"], "it is not what they read"),
        (mine(), ["--wait", "--break-glass", "all are asleep"], "they want to say more"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_nothing_else_is_taken_for_a_wait(
    desk: Desk, found: dict[str, Any], more: list[str], why: str
) -> None:
    """It is judged as any other line."""
    desk.has(found)
    desk.is_told("patch", err="refused", code=1)
    done = desk.runs(approve, NAME, *more)
    assert done.code != Exit.OK, why
    assert not done.out.startswith("You (alice) have approved exactly this already.")
