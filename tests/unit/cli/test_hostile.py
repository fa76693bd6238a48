"""Objects written by anybody: their text must not move the cursor, hide, reorder or forge lines."""

import json
from typing import Any

import pytest

from assent.cli.console import columns, spelled
from assent.cli.decision_command import approve, reject
from assent.cli.failures import Exit
from assent.cli.manifest import to_yaml
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded, seat

NAME = "fill-store-2"
CLEAR = "\x1b[2J\x1b[1;1H"
TITLE = "\x1b]0;owned\x07"
EIGHT_BIT = "\x9b31m"
BACKSPACES = "no\b\byes"
RETURN = "bad\rgood"
REORDERED = "\u202eevorppa\u202c"
ISOLATED = "\u2066x\u2069"
HOSTILE = {
    "clear the screen": CLEAR,
    "set the title": TITLE,
    "an 8-bit escape": EIGHT_BIT,
    "backspaces": BACKSPACES,
    "a carriage return": RETURN,
    "text from right to left": REORDERED,
    "an isolate": ISOLATED,
    "a line separator": "one\u2028two",
    "delete": "a\x7fb",
    "nul": "a\x00b",
    "an Arabic mark that reorders": "a\u061cb",
    "nothing, with no width": "a\u200bb\u2060\ufeffc",
    "tags": "a\U000e0041b",
}


def everywhere(text: str) -> dict[str, Any]:
    """The text in every place that people or the cluster may write."""
    found = recorded("pending-low")
    found["metadata"]["name"] = NAME
    found["spec"] |= {
        "reason": text,
        "approvals": [
            seat("bert", digest="sha256:x", comment=text),
            seat("carl", digest="sha256:y", breakGlass=text),
        ],
    }
    status = found["status"]
    status["summary"] = f"set {text}"
    status["message"] = text
    status["finding"]["diagnosis"] = text
    status["finding"]["evidence"] = [{"name": "fact", "value": text}]
    status["risk"]["factors"] = [text]
    status["gates"] = [{"name": "Gate", "verdict": "hold", "message": text}]
    status["history"][0]["message"] = text
    status["target"]["identity"] = [{"name": "address", "value": text}]
    status["approvals"]["notCounting"] = [{"by": "bert", "reason": text}]
    status["original"] = {**found["spec"], "reason": "another", "approvals": None}
    status["revision"], status["revisionReason"] = 2, text
    status["assessed"]["reason"] = text
    return found


def unsafe(text: str) -> set[str]:
    return {one for one in text if not one.isprintable() and one not in "\n\x1b"}


def escapes(text: str) -> set[str]:
    """What follows each escape character, up to its letter."""
    return {part.partition("m")[0] for part in text.split("\x1b")[1:]}


OURS = {"[0", "[1", "[2", "[31", "[32", "[33", "[36", "[31;1", "[33;1", "[36;1"}


@pytest.mark.parametrize("types", [None, ""], ids=["in a pipe", "on a terminal"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("command", ["list", "show", "approve"])
def test_what_an_object_says_is_spelled_out(
    desk: Desk, command: str, text: str, types: str | None
) -> None:
    """Nothing but our own colours reaches the terminal."""
    desk.has(everywhere(text))
    if command == "approve":
        desk.is_told("patch", "patched")
        done = desk.runs(approve, NAME, "-y", types=types)
        assert "Then" in done.out
    else:
        done = desk.runs(proposals, *([command, NAME] if command == "show" else []), types=types)
    whole = done.out + done.err
    assert unsafe(whole) == set()
    assert escapes(whole) <= (set() if types is None else OURS)


FORGED = "ok\n  Tier       Harmless\n\nApprovals 2/2\n  ✔ carol approved\nkubectl approve other"


@pytest.mark.parametrize(
    "line",
    [
        ("show", NAME),
        ("cancel", NAME),
        ("modify", NAME, "reason=better"),
        ("withdraw", NAME),
        (),
    ],
    ids=lambda line: " ".join(line) or "list",
)
def test_no_text_of_an_object_begins_a_line_of_its_own(desk: Desk, line: tuple[str, ...]) -> None:
    """Whoever files a proposal could else forge its tier, a seat, or the line to copy."""
    found = everywhere(FORGED)
    found["spec"]["approvals"].append(seat("alice", digest=found["status"]["digest"]))
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, *line)
    assert done.code == 0, done.err
    begun = [one.strip() for one in (done.out + done.err).splitlines()]
    for forged in FORGED.splitlines()[1:]:
        assert [one for one in begun if forged and one.startswith(forged.strip())] == []


@pytest.mark.parametrize("command", [approve, reject])
def test_nor_before_a_decision(desk: Desk, command: Any) -> None:
    """What one reads there is what one agrees to."""
    desk.has(everywhere(FORGED))
    desk.is_told("patch", "patched")
    done = desk.runs(command, NAME, "-m", "x")
    begun = [one.strip() for one in (done.out + done.err).splitlines()]
    assert done.code == 0
    assert "Tier         Low" in begun
    assert not {"Approvals 2/2", "✔ carol approved", "kubectl approve other"} & set(begun)
    assert not [one for one in begun if one.startswith("Tier       Harmless")]


def test_nor_why_everything_is_halted(desk: Desk) -> None:
    """Whoever lifts a Halt reads who put it there, and why."""
    made = {"metadata": {"name": "stop"}, "spec": {"reason": "a test\nLet calls go on? [y/N] y"}}
    desk.is_told("get", {"items": [made]})
    desk.is_told("delete", "deleted")
    done = desk.runs(proposals, "unhalt")
    assert done.out.splitlines()[0] == "stop: a test Let calls go on? [y/N] y"


def test_the_lines_of_a_plan_stay_lines(desk: Desk) -> None:
    """What is to be typed by hand, and the inverse that is shown, are ours and not folded."""
    found = recorded("pending-high", pdCtl="pd-ctl one\npd-ctl two")
    desk.has(found)
    assert "  pd-ctl one\n  pd-ctl two\n" in desk.runs(proposals, "show", NAME).out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 店铺", "plain text, 店铺"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[0m", r"\x1b[0m"),
        ("\u202e", r"\u202e"),
        ("\U000e0041", r"\U000e0041"),
        ("a\xa0b\r", r"a\xa0b\r"),
        ("\\x1b", "\\x1b"),
    ],
)
def test_what_has_no_shape_is_spelled(text: str, shown: str) -> None:
    """As Python would write it; what has one is left."""
    assert spelled(text) == shown


def test_an_escape_is_shown_as_what_it_is(desk: Desk) -> None:
    """Whoever reads it sees that somebody tried."""
    desk.has(everywhere(CLEAR))
    shown = desk.runs(proposals, "show", NAME).out
    assert r"\x1b[2J\x1b[1;1H" in shown


def test_a_colour_of_an_object_is_none_of_ours(desk: Desk) -> None:
    """Not even one that we use ourselves: green is for what passed."""
    desk.has(everywhere("\x1b[32mpass\x1b[0m"))
    shown = desk.runs(proposals, "show", NAME, types="").out
    assert r"\x1b[32mpass\x1b[0m" in shown


@pytest.mark.parametrize(
    "forged",
    ["ok\n  ✔ carol approved", "ok\r\n\n  ✔ carol approved", "ok\u2028  ✔ carol approved"],
    ids=["a line", "a section", "a separator"],
)
def test_a_comment_cannot_look_like_a_seat(desk: Desk, forged: str) -> None:
    """One line a person, whatever they wrote."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("bert", digest="sha256:x", comment=forged)]
    desk.has(found)
    shown = desk.runs(proposals, "show", NAME).out
    assert [line for line in shown.splitlines() if line.strip().startswith("✔ carol")] == []
    assert "bert approved: ok" in shown


def test_a_value_with_lines_is_one_line_of_a_difference(desk: Desk) -> None:
    """A modified reason cannot forge the rest of the difference."""
    found = recorded("pending-high")
    found["status"]["original"] = {**found["spec"], "reason": "was\n  + action: harmless"}
    desk.has(found)
    shown = desk.runs(proposals, "show", NAME).out
    assert "  - reason: was + action: harmless" in shown


def test_a_table_cell_is_one_line(desk: Desk) -> None:
    """Or the row below would be made up."""
    found = recorded("pending-low")
    found["status"]["target"]["id"] = "x\nforged   Pending"
    desk.has(found, recorded("pending-high"))
    done = desk.runs(proposals)
    assert len(done.out.splitlines()) == 3
    assert "prod x forged Pending" in done.out


def test_what_was_read_is_sent_back_as_it_was(desk: Desk) -> None:
    """Cleaned for the eye only: somebody else's seat is theirs, to the letter."""
    found = recorded("pending-high")
    theirs = seat("bert", digest="sha256:x", comment=CLEAR + REORDERED)
    found["spec"]["approvals"] = [theirs]
    desk.has(found)
    desk.is_told("patch", "patched")
    assert desk.runs(approve, NAME).code == 0
    assert desk.patched()["spec"]["approvals"][0] == theirs


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_manifest_spells_it_out_and_means_the_same(text: str) -> None:
    """YAML's escapes are JSON's: the file is safe to look at, and says what was said."""
    written = to_yaml({"reason": text})
    assert unsafe(written) == set()
    assert "\x1b" not in written
    assert json.loads(written.partition(": ")[2]) == text


def test_what_kubectl_says_is_cleaned_too(desk: Desk) -> None:
    """The API server repeats names and messages of objects in its errors."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", err=f"denied: {CLEAR}", code=1)
    done = desk.runs(approve, NAME)
    assert done.code == Exit.REFUSED
    assert r"denied: \x1b[2J" in done.err


@pytest.mark.parametrize(
    ("text", "width"),
    [("store", 5), ("店铺", 4), ("naïve", 5), ("nai\u0308ve", 5), ("✔ ok", 4), ("", 0)],
)
def test_columns_of_a_terminal_are_counted(text: str, width: int) -> None:
    """Wide characters take two, combining ones none."""
    assert columns(text) == width


def test_columns_line_up_with_wide_characters(desk: Desk) -> None:
    """TARGET begins in one column whatever the cluster is called."""
    wide, narrow = recorded("pending-high"), recorded("pending-low")
    wide["spec"]["clusterRef"]["name"] = "生产"
    desk.has(wide, narrow)
    _, *rows = desk.runs(proposals).out.splitlines()
    places = [columns(row.partition("0/")[0]) for row in rows]
    assert len(set(places)) == 1


def test_words_of_every_language_are_left_alone(desk: Desk) -> None:
    """Only what is unsafe is spelled out."""
    desk.has(everywhere("Größe prüfen, 店铺 пусто 🙂"))
    assert "Größe prüfen, 店铺 пусто 🙂" in desk.runs(proposals, "show", NAME).out
