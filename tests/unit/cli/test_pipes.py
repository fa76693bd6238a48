"""Where the words go: pipes that break, files, locales, and who can be asked."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from assent.cli import ahead, main
from assent.cli.console import Console
from assent.cli.decision_command import approve, reject
from assent.cli.failures import Exit
from assent.cli.listing import plain_list
from assent.cli.main import run
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import NOW, Desk, Terminal, recorded, seat

NAME = "fill-store-2"
Command = Callable[[Sequence[str], Console], int]


class Gone(io.StringIO):
    """A pipe whose reader leaves after so many lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._left = lines

    def write(self, text: str) -> int:
        if not self._left:
            raise BrokenPipeError(32, "Broken pipe")
        self._left -= 1
        return super().write(text)


@pytest.fixture(autouse=True)
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Our own stdout and stderr stay: which of them would have been closed."""
    closed: list[int] = []
    system = SimpleNamespace(
        open=lambda *_: -1, devnull=os.devnull, O_WRONLY=os.O_WRONLY,
        dup2=lambda _, number: closed.append(number),
    )  # fmt: skip
    monkeypatch.setattr(main, "os", system)
    return closed


def typed(
    desk: Desk, command: Command, *line: str, out: io.StringIO, err: io.StringIO, answers: str
) -> int:
    console = Console(
        out, err, Terminal(answers), environment={}, clock=lambda: NOW, pause=desk.pauses.append
    )
    return run(command, line, console)


@pytest.mark.parametrize(("command", "more"), [(approve, ()), (reject, ("-m", "no"))])
def test_a_decision_that_nobody_reads_to_its_end_is_no_success(
    desk: Desk, ends: list[int], command: Command, more: tuple[str, ...]
) -> None:
    """`kubectl approve NAME | head -1`: the pipe breaks before anything is sent. A script that
    goes by the exit code would take it for approved.
    """
    desk.has(recorded("pending-high"))
    err = io.StringIO()
    code = typed(desk, command, NAME, "-y", *more, out=Gone(1), err=err, answers="")
    assert (code, desk.calls("patch"), ends) == (Exit.REFUSED, [], [1])
    assert "Look what was sent: kubectl proposals" in err.getvalue()


def test_nor_where_it_breaks_after_it_was_sent(desk: Desk) -> None:
    """Then the seat is there; what is said must not deny it."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    err = io.StringIO()
    whole = desk.runs(approve, NAME).out.count("\n")
    code = typed(desk, approve, NAME, "-y", out=Gone(whole - 1), err=err, answers="")
    assert (code, len(desk.calls("patch"))) == (Exit.REFUSED, 2)  # ours, and that of the count
    assert "Nothing was sent" not in err.getvalue()


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (plain_list, ()),
        (proposals, ("list", "-o", "yaml")),
        (proposals, ("show", NAME)),
        (proposals, ("export", NAME)),
    ],
)
def test_a_look_may_be_left_at_any_time(
    desk: Desk, ends: list[int], command: Command, line: tuple[str, ...]
) -> None:
    """`kubectl proposals | head -1` is no failure, and says nothing about it."""
    desk.has(recorded("pending-high"))
    err = io.StringIO()
    assert typed(desk, command, *line, out=Gone(0), err=err, answers="") == 0
    assert (err.getvalue(), ends) == ("", [1])


def test_nobody_at_all_reads(desk: Desk, ends: list[int]) -> None:
    """`2>&1 | head -1`: no traceback, and Python does not try again at its end."""
    desk.has(recorded("pending-high"))
    code = typed(desk, approve, NAME, "-y", out=Gone(1), err=Gone(0), answers="")
    assert (code, ends) == (Exit.REFUSED, [1, 2])
    desk.is_told("get", {"kind": "List", "items": []})
    assert typed(desk, approve, "nosuch", out=Gone(0), err=Gone(0), answers="") == Exit.REFUSED


@pytest.mark.parametrize(
    ("answer", "code", "sent"), [("y\n", 0, 1), ("n\n", Exit.DECLINED, 0), ("", Exit.DECLINED, 0)]
)
def test_who_keeps_a_copy_is_asked_all_the_same(
    desk: Desk, answer: str, code: int, sent: int
) -> None:
    """`kubectl approve NAME | tee log`: a person sits there, and the question reaches them."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    out, err = io.StringIO(), Terminal()
    assert typed(desk, approve, NAME, out=out, err=err, answers=answer) == code
    assert len(desk.calls("patch")) == sent
    assert err.getvalue().startswith("Approve fill-store-2 as alice? [y/N] ")
    assert "?" not in out.getvalue()


def test_the_target_is_typed_beside_a_pipe_too(desk: Desk) -> None:
    """Critical: the same way."""
    found = recorded("pending-high")
    found["status"]["risk"]["tier"] = "Critical"
    desk.has(found)
    desk.is_told("patch", "patched")
    err = Terminal()
    assert typed(desk, approve, NAME, out=io.StringIO(), err=err, answers="store/2\n") == 0
    assert "This is Critical. Type the target (store/2)" in err.getvalue()
    assert desk.patched()["spec"]["approvals"][0]["confirm"] == "store/2"


def test_where_no_terminal_is_left_nobody_is_asked(desk: Desk) -> None:
    """All output in a file: a question would never be seen, and the command would wait for ever."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    out = io.StringIO()
    assert typed(desk, approve, NAME, out=out, err=io.StringIO(), answers="n\n") == 0
    assert "approved by alice" in out.getvalue()


def test_a_locale_without_our_signs_ends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The approval is stored when its ✔ is to be written: that must not look like a failure."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["kubectl-approve", NAME, "-m", "geprüft"])
    monkeypatch.setattr(ahead, "end_well", lambda: None)  # pytest's own handlers stay
    assert main.approve() == 0
    assert raw.getvalue().decode("ascii").endswith("\\u2714 fill-store-2 approved by alice\n")
    assert desk.patched()["spec"]["approvals"][0]["comment"] == "geprüft"


def test_a_file_that_cannot_be_read_is_one_sentence(desk: Desk) -> None:
    """Any refusal of the system: what, where, and where to look."""
    desk.has(recorded("pending-high", phase="Pending"))

    def fails(arguments: Sequence[str], console: Console) -> int:
        raise PermissionError(13, "Permission denied", "proposal.yaml")

    done = desk.runs(fails, "x")
    assert done.code == Exit.REFUSED
    assert done.err.startswith("[Errno 13] Permission denied: 'proposal.yaml'. Look what was sent")


def test_a_seat_of_theirs_is_no_reason_to_be_silent(desk: Desk) -> None:
    """Output to a file, questions on the terminal: the brief is whole in the file."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("bert", digest=found["status"]["digest"])]
    desk.has(found)
    out = io.StringIO()
    typed(desk, approve, NAME, out=out, err=Terminal(), answers="n\n")
    assert "✔ bert approved" in out.getvalue()
    assert out.getvalue().endswith("set again.\n\n")
