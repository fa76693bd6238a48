"""Operators newer and older than the plugin, objects larger than any, kubectls slower than most."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assent.cli import ahead, door
from assent.cli.console import columns
from assent.cli.decision_command import approve, reject
from assent.cli.failures import Exit
from assent.cli.git_file import with_approvals
from assent.cli.manifest import exported
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded, seat
from tests.unit.cli.quick import PIPE_BYTES

NAME = "fill-store-2"
KINDS = ["pending-high", "pending-low", "succeeded"]
LINES: list[tuple[Any, list[str]]] = [
    (proposals, []),
    (proposals, ["show", NAME]),
    (approve, [NAME, "-y"]),
    (reject, [NAME, "-m", "no"]),
]
NAMES = ["list", "show", "approve", "reject"]


def grown(value: Any) -> Any:
    """The same with a field more in every object, as a newer operator may write it."""
    if isinstance(value, dict):
        return {**{name: grown(one) for name, one in value.items()}, "later": {"x": ["y"]}}
    return [grown(one) for one in value] if isinstance(value, list) else value


def named(kind: str, change: Callable[[Any], Any] = lambda found: found) -> dict[str, Any]:
    found = recorded(kind)
    found["metadata"]["name"] = NAME
    return dict(change(found))


def said(desk: Desk, command: Any, line: list[str], found: dict[str, Any]) -> tuple[int, str, str]:
    desk.answers["get"], desk.used["get"] = [], 0
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(command, *line)
    return done.code, done.out, done.err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("command", "line"), LINES, ids=NAMES)
def test_a_newer_operator_is_understood(
    desk: Desk, command: Any, line: list[str], kind: str
) -> None:
    """A field more in every place changes no word: not of the status, the ask, or a seat. (The ask
    grows on both sides: of what was assessed, too.)
    """
    before = said(desk, command, line, named(kind))
    assert said(desk, command, line, named(kind, grown)) == before


@pytest.mark.parametrize("command", [approve, reject])
def test_what_a_newer_seat_says_is_kept(desk: Desk, command: Any) -> None:
    """A merge patch replaces the list: a field that we do not know is somebody's word, too."""
    found = named("pending-high")
    theirs: dict[str, Any] = {**seat("bert", digest=found["status"]["digest"]), "signature": "x"}
    found["spec"]["approvals"] = [theirs]
    assert said(desk, command, [NAME, "-m", "x"], found)[0] == Exit.OK
    assert desk.patched()["spec"]["approvals"][0] == theirs


def test_a_newer_ask_is_exported_whole() -> None:
    """Only what is known to be no part of the ask is left out."""
    found = grown(named("pending-high"))
    assert exported(found)["spec"]["later"] == {"x": ["y"]}
    assert "status" not in exported(found)


@pytest.mark.parametrize(("command", "line"), LINES, ids=NAMES)
def test_text_of_any_length_is_broken_between_words(
    desk: Desk, command: Any, line: list[str]
) -> None:
    """2,000 characters of reason, a diagnosis, a check: none runs over the edge, none is lost."""
    long = " ".join(f"word{number}" for number in range(300))
    found = named("pending-low")
    for ask in (found["spec"], found["status"]["assessed"]):
        ask["reason"] = long
    found["status"] |= {"message": long, "gates": [
        {"name": "Gate", "verdict": "warn", "message": long}]}  # fmt: skip
    found["status"]["finding"]["diagnosis"] = long
    code, out, _ = said(desk, command, line, found)
    assert code == Exit.OK
    shown = out.splitlines()
    if line:
        assert max(columns(one) for one in shown) <= 100
        assert out.split().count("word299") >= 2


@pytest.mark.parametrize(("command", "line"), LINES, ids=NAMES)
def test_a_word_without_end_stays_whole(desk: Desk, command: Any, line: list[str]) -> None:
    """Whatever is to be copied must not be broken: a key, a digest, a path."""
    key = "7480" * 500
    found = named("pending-high", lambda one: {**one, "status": {**one["status"], "summary": key}})
    code, out, _ = said(desk, command, line, found)
    assert code == Exit.OK
    assert line == [] or key in out


def test_a_long_list_is_written_whole(desk: Desk) -> None:
    """All of one namespace, more than a pipe takes at once."""
    found = []
    for number in range(150):
        one = named("pending-high")
        one["metadata"] = {**one["metadata"], "name": f"n{number}"}
        found.append(one)
    whole = json.dumps({"kind": "List", "items": found})
    assert 1 << 18 < len(whole) < PIPE_BYTES
    desk.is_told("get", whole)
    assert len(desk.runs(proposals).out.splitlines()) == 151


SILENT = "#!/bin/sh\nexec sleep 600\n"
TALKS = "#!/bin/sh\necho 'A plugin of mine says good morning'\nexec sleep 600\n"


@pytest.mark.parametrize("script", [SILENT, TALKS], ids=["says nothing", "says something else"])
def test_a_proxy_that_does_not_come_is_not_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    """After a while each question has a kubectl of its own; the other is ended, its folder gone."""
    monkeypatch.setattr(door, "LONGEST_START_SECONDS", 0.05)
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    monkeypatch.setenv("TMPDIR", str(sockets))
    desk.program(script)
    desk.real = ("proxy",)
    line = [NAME, "-n", "tikv"]
    ahead.decision(line)
    opened = ahead._doors[0]._process
    assert opened is not None
    code, out, err = said(desk, approve, line, named("pending-high"))
    assert (code, err) == (Exit.OK, "")
    assert "approved by alice" in out
    ahead.leave()
    assert list(sockets.iterdir()) == []
    with pytest.raises(ChildProcessError):
        opened._wait()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "more", ["", "  # a comment at its end", "\nstatus:\n  phase: Pending", "\n\n# the end\n"]
)
def test_a_seat_that_is_there_is_replaced_and_nothing_else(end: str, more: str) -> None:
    """With whatever stands around it, and lines that end as theirs do."""
    head = "kind: ActionProposal\nspec: # the ask\n"
    old = "  approvals:\n  - by: old\n    digest: x\n"
    rest = f"  action:\n    type: A{more}"
    text = (head + old + rest).replace("\n", end)
    new = with_approvals(text, [{"by": "new", "decision": "Approve"}])
    block = "  approvals:\n  - by: new\n    decision: Approve\n"
    assert new == (head + block + rest).replace("\n", end)
