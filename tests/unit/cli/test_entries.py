"""Where the plugins begin: what each line loads, asks ahead, and how it ends."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assent.cli import ahead, main
from assent.cli.console import Console
from assent.cli.decision_command import Plain, parser
from assent.cli.decode import decoded, encoded
from assent.cli.failures import CliError, Exit
from assent.cli.process import FEWER_COLLECTIONS, Process
from assent.cli.queries import bare
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """What a door sets is taken back: pytest has its own."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def typed(monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> int:
    """Run a plugin as its file does."""
    monkeypatch.setattr(sys, "argv", [f"kubectl-{name}", *words])
    entry: Callable[[], int] = getattr(main, name)
    return entry()


LISTS: list[tuple[str, bool]] = [
    ("", True),
    ("list", True),
    ("-n tikv", True),
    ("--namespace tikv", True),
    ("--namespace=tikv", True),
    ("-A", True),
    ("--all-namespaces --ended", True),
    ("list --ended -n tikv --context c", True),
    ("--as bob --as-group a --as-group b", True),
    ("--kubeconfig k --token t -s https://h", True),
    ("-o json", False),
    ("--output=yaml", False),
    ("--help", False),
    ("-h", False),
    ("show x", False),
    ("list x", False),
    ("-ntikv", False),
    ("-n", False),
    ("--yes", False),
    ("-m why", False),
    ("--wait", False),
    ("--timeout 5s", False),
    ("--confirm x", False),
    ("--break-glass reason", False),
    ("--nosuch", False),
]


@pytest.mark.parametrize(("line", "plain"), LISTS, ids=[one[0] or "nothing" for one in LISTS])
def test_only_a_plain_list_goes_by_without_argparse(line: str, *, plain: bool) -> None:
    """Whatever needs judging is judged by argparse: help, mistakes, other commands."""
    assert ahead.is_plain_list(line.split()) is plain


@pytest.mark.parametrize("line", ["-n tikv", "list -n tikv", "-n tikv --ended", "-n tikv -A"])
def test_the_list_is_the_same_with_and_without_argparse(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """The short way is no other way."""
    ended = recorded("succeeded")
    ended["metadata"]["name"] = "done"
    desk.has(recorded("pending-high"), ended)
    assert typed(monkeypatch, "proposals", *line.split()) == 0
    short = capsys.readouterr().out
    monkeypatch.setattr(ahead, "is_plain_list", lambda _: False)
    assert typed(monkeypatch, "proposals", *line.split()) == 0
    assert capsys.readouterr().out == short
    assert ("done" in short) == ("--ended" in line)
    asked = desk.calls("get")
    assert asked[0] == asked[1]


def test_what_is_asked_ahead_is_not_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One kubectl for the reading, one for who we are, one to send."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    assert typed(monkeypatch, "approve", NAME) == 0
    assert "approved by alice" in capsys.readouterr().out
    assert [len(desk.calls(verb)) for verb in ("auth", "get", "patch")] == [1, 1, 1]


def test_a_rejection_begins_as_an_approval_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its own flags."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    assert typed(monkeypatch, "reject", NAME, "-m", "no") == 0
    assert "rejected by alice" in capsys.readouterr().out


def test_completion_is_told_its_plugin_by_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As kubectl calls it."""
    desk.has(recorded("pending-high"))
    monkeypatch.setattr(sys, "argv", ["/x/kubectl_complete-approve", "fill"])
    assert main.complete() == 0
    assert capsys.readouterr().out.startswith(f"{NAME}\t")


@pytest.mark.parametrize("name", ["approve", "reject", "proposals"])
def test_an_interrupt_before_anything_is_loaded_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """No traceback, the code that shells use, and nothing left open."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    left: list[bool] = []
    monkeypatch.setattr(ahead, "decision", interrupted)
    monkeypatch.setattr(ahead, "look", interrupted)
    monkeypatch.setattr(ahead, "leave", lambda: left.append(True))
    assert typed(monkeypatch, name, "x") == 130
    assert capsys.readouterr().err == "\nStopped.\n"
    assert left == [True]


STRANGE: list[BaseException] = [
    KeyError("metadata"), TypeError("'int' object is not iterable"), ValueError("no JSON at 0"),
    AttributeError("'list' object has no attribute 'get'"), IndexError("list index out of range"),
]  # fmt: skip


@pytest.mark.parametrize("error", STRANGE, ids=lambda one: type(one).__name__)
def test_what_is_not_understood_is_said_with_a_way_round(desk: Desk, error: BaseException) -> None:
    """An operator of another version: kubectl itself still works."""

    def broken(arguments: object, console: Console) -> int:
        raise error

    done = desk.runs(broken)
    assert done.code == Exit.REFUSED
    assert type(error).__name__ in done.err
    assert "kubectl patch" in done.err


def test_a_mistake_of_ours_that_is_no_data_stays_loud(desk: Desk) -> None:
    """Only what comes of strange data is told so; anything else is a bug, and shows itself."""

    def broken(arguments: object, console: Console) -> int:
        raise AssertionError("never")

    with pytest.raises(AssertionError, match="never"):
        desk.runs(broken)


@pytest.mark.parametrize("code", [value for name, value in vars(Exit).items() if name.isupper()])
def test_an_error_ends_with_its_code(desk: Desk, code: int) -> None:
    """Whatever its kind."""

    def fails(arguments: object, console: Console) -> int:
        raise CliError("a sentence", code)

    done = desk.runs(fails)
    assert (done.code, done.err) == (code, "a sentence\n")


PLAIN = [
    "x", "x y z", "x -n tikv", "-n tikv x", "x --namespace=tikv --context c", "x -m why",
    "x --message why -y", "x --message=why --yes", "x --dry-run=server", "x --dry-run server -y",
    "x --as bob --as-group a --as-group b", "ap/x -m why", "x -m one -m two",
    "x --insecure-skip-tls-verify --token t", "x -s https://h -v 6",
]  # fmt: skip


@pytest.mark.parametrize("line", PLAIN)
@pytest.mark.parametrize("decision", ["Approve", "Reject"])
def test_a_plain_decision_is_read_as_argparse_reads_it(decision: str, line: str) -> None:
    """Every field that a decision looks at."""
    words = line.split()
    plain = Plain.of(decision, words)
    if decision == "Reject" and "-m" not in words and "--message" not in line:
        assert plain is None, "argparse says that a reason is missing"
        return
    assert plain is not None
    asked = vars(parser(decision).parse_args(words))
    asked["names"] = [bare(name) for name in asked["names"]]
    assert {name: vars(plain)[name] for name in asked if name != "namespace"} == {
        name: value for name, value in asked.items() if name != "namespace"
    }


@pytest.mark.parametrize(
    "line",
    ["", "--all", "x --all", "x -o json", "x --wait", "x --timeout 5s", "x --digest d", "-h",
     "x --confirm t", "x --break-glass reason", "x --dry-run=client", "x --dry-run", "x -mwhy",
     "-f x --as-account a:b", "x --nosuch", "x -m a --message b", "x -- y"],
)  # fmt: skip
def test_any_other_decision_is_for_argparse(line: str) -> None:
    """Mistakes, help, and what is rare."""
    assert Plain.of("Approve", line.split()) is None


def test_a_plain_approval_loads_no_argparse(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is asked for."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    monkeypatch.setitem(sys.modules, "argparse", None)
    assert typed(monkeypatch, "approve", NAME, "-m", "ok") == 0
    assert "approved by alice" in capsys.readouterr().out


TEXTS: list[Any] = [
    {}, [], {"a": [1, -2, 1.5, True, False, None]}, {"t": "é \u2028 \" \\ \n \x1b \x00 🙂"},
    {"deep": {"er": [{"x": []}, {}]}}, "text", 0, None, True, {"n": 12345678901234567890},
]  # fmt: skip


@pytest.mark.parametrize("value", TEXTS, ids=[str(one)[:30] for one in TEXTS])
def test_json_is_written_as_the_json_module_writes_it(
    monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    """To the letter, and so without CPython's scanner."""
    wanted = json.dumps(value, ensure_ascii=False)
    assert encoded(value) == wanted
    monkeypatch.setitem(sys.modules, "_json", None)
    assert encoded(value) == wanted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_door_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """It becomes an exit, and every exit closes doors."""
    places = desk.folder / "s"
    places.mkdir()
    monkeypatch.setenv("TMPDIR", str(places))
    ahead.end_well()
    ahead.decision([NAME, "-n", "tikv"])
    assert len(list(places.iterdir())) == 1
    try:
        with pytest.raises(SystemExit) as ended:
            os.kill(os.getpid(), number)
    finally:
        ahead.leave()
    assert ended.value.code == 128 + number
    assert list(places.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "doors", "begun"),
    [
        ("x -n tikv", 1, 0),
        ("x --namespace=tikv --as bob", 1, 0),
        ("NAME", 0, 2),
        ("A B -n tikv", 0, 2),
        ("--all -n tikv", 1, 0),
        ("--all", 0, 2),
        ("NAME --all", 0, 0),
        ("", 0, 0),
        ("NAME --nosuch", 0, 0),
        ("-f x --as-account a:b", 0, 0),
        ("NAME -n UPPER", 0, 2),
        ("../x -n tikv", 0, 2),
    ],
)
def test_what_is_begun_depends_on_the_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, line: str, doors: int, begun: int
) -> None:
    """One door where the paths are known, a kubectl each where only kubectl knows, nothing where
    argparse must look first.
    """
    monkeypatch.setenv("TMPDIR", str(desk.folder))
    desk.has(recorded("pending-high"))
    ahead.decision(line.split())
    try:
        found = (len(ahead._doors), len(ahead._begun))
    finally:
        ahead.leave()
    assert found == (doors, begun)
    assert (ahead._doors, ahead._begun) == ([], {})


@pytest.mark.parametrize(
    ("line", "doors", "begun"),
    [
        ("", 0, 1),
        ("-n tikv", 0, 1),
        ("-A", 0, 1),
        ("show x -n tikv", 1, 0),
        ("show x", 0, 2),
        ("show", 0, 0),
        ("show x -o json", 0, 0),
        ("list x", 0, 0),
        ("modify x a=b -n tikv", 0, 0),
        ("halt --reason x", 0, 0),
    ],
)
def test_only_what_reads_is_begun(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, line: str, doors: int, begun: int
) -> None:
    """A wrong guess changes nothing."""
    monkeypatch.setenv("TMPDIR", str(desk.folder))
    desk.has(recorded("pending-high"))
    ahead.look(line.split())
    try:
        found = (len(ahead._doors), len(ahead._begun))
    finally:
        ahead.leave()
    assert found == (doors, begun)


def test_a_kubectl_of_ours_collects_less_garbage_unless_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user has set for Go stays."""
    for name in FEWER_COLLECTIONS:
        monkeypatch.delenv(name, raising=False)
    script = 'printf "%s %s" "$GOGC" "$GOMEMLIMIT"'
    out, _, _ = Process("/bin/sh", ["-c", script], given=None).finish()
    assert out.decode().split() == list(FEWER_COLLECTIONS.values())
    monkeypatch.setenv("GOGC", "50")
    out, _, _ = Process("/bin/sh", ["-c", script], given=None).finish()
    assert out.decode().split()[0] == "50"


@pytest.mark.parametrize("value", [{}, {"a": [1, "é"]}, {"n": None}])
def test_another_python_reads_json_by_its_own_module(
    monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    """CPython's scanner is not everywhere."""
    monkeypatch.setitem(sys.modules, "_json", None)
    assert decoded(json.dumps(value)) == value


def test_the_entries_are_those_of_the_wheel() -> None:
    """`kubectl approve` of the wheel begins where the single file does."""
    for name in ("approve", "reject", "proposals", "complete"):
        assert callable(getattr(main, name))
    assert Path(main.__file__).name == "main.py"
