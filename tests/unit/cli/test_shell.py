"""Flags, completion, processes, words, and how a plugin starts and ends."""

import fcntl
import io
import os
import struct
import subprocess
import sys
import termios
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assent.cli import ahead, flags, main, queries, wording
from assent.cli.completion import complete, connection
from assent.cli.console import NARROWEST, WIDEST, Console
from assent.cli.decision_command import approve, parser
from assent.cli.failures import CliError, Exit
from assent.cli.kubectl import Kubectl, documents
from assent.cli.process import Process
from assent.cli.proposals_command import COMMANDS, parser_of, proposals
from assent.cli.seats import APPROVE, REJECT
from hack.plugins import ENTRIES, build
from sandbox.bench.plugins import BASE, figures, table
from sandbox.toolchain import kubectl_path
from tests.unit.cli.desk import NOW, Desk, Terminal, recorded

HEAVY = ("argparse.foo", "asyncio", "dataclasses", "inspect", "pydantic", "subprocess", "typing",
         "shutil", "urllib", "http", "ssl", "yaml", "kubernetes", "httpx")  # fmt: skip


def test_every_connection_flag_of_kubectl_is_taken() -> None:
    """And no other: `kubectl options` says which there are."""
    said = subprocess.run([kubectl_path(), "options"], check=True, capture_output=True, text=True)
    known = {
        word.partition("=")[0].strip("-,:").rstrip(":")
        for line in said.stdout.splitlines()
        for word in line.split()
        if word.startswith("--")
    }
    assert set(queries.EVERY) == known


@pytest.mark.parametrize("name", [name for name in queries.EVERY if name not in queries.SWITCHES])
def test_a_flag_is_passed_on_with_its_value(name: str) -> None:
    """Whatever kubectl makes of it."""
    chosen = parser(APPROVE).parse_args(["NAME", f"--{name}", "value"])
    assert chosen.connection == [f"--{name}=value"]
    assert parser(APPROVE).parse_args(["NAME", f"--{name}=value"]).connection == chosen.connection


@pytest.mark.parametrize("name", queries.SWITCHES)
def test_a_switch_may_have_a_value(name: str) -> None:
    """Kubectl takes --switch=true, too."""
    for arguments, kept in (
        ([f"--{name}"], [f"--{name}"]),
        ([f"--{name}=true"], [f"--{name}"]),
        ([f"--{name}=false"], []),
    ):
        chosen = parser(REJECT).parse_args(["N", "-m", "x", *queries.split_switch(arguments)])
        assert chosen.connection == kept


def test_flags_may_be_repeated_and_stand_anywhere() -> None:
    """Groups of an impersonated user; before or after the name."""
    chosen = parser(APPROVE).parse_args(
        ["-n", "tikv", "NAME", "--as-group", "a", "--as-group=b", "--as", "x", "-s", "https://h"]
    )
    assert chosen.connection == [
        "--namespace=tikv", "--as-group=a", "--as-group=b", "--as=x", "--server=https://h",
    ]  # fmt: skip
    assert Kubectl(chosen.connection).namespace == "tikv"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], None),
        (["show", "x"], 0),
        (["-n", "tikv", "show"], 2),
        (["--namespace=tikv", "show"], 1),
        (["-o", "json"], None),
        (["--as-group", "a", "--ended"], None),
        (["-A", "list"], 1),
    ],
)
def test_the_command_is_found_behind_flags(arguments: list[str], place: int | None) -> None:
    """The value of a flag is no command."""
    assert flags.first_word(arguments) == place


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(
    command: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """--help, and its place in the list of commands."""
    with pytest.raises(SystemExit) as stopped:
        desk.runs(proposals, command, "--help")
    assert stopped.value.code == 0
    assert f"kubectl proposals {command}" in capsys.readouterr().out
    assert f"  {command} " in desk.runs(proposals, "--help").out


def test_a_wrong_command_is_answered_with_the_right_one(desk: Desk) -> None:
    """And with how to see a proposal, which many will try."""
    done = desk.runs(proposals, "shwo")
    assert (done.code, "Did you mean show?" in done.err) == (Exit.USAGE, True)
    assert "Did you mean list?" in desk.runs(proposals, "LIST").err
    assert "kubectl proposals show NAME" in desk.runs(proposals, "fill-store-2").err
    assert desk.runs(proposals, "help").out == desk.runs(proposals, "--help").out


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_who_wants_to_decide_is_not_sent_elsewhere(desk: Desk, verb: str) -> None:
    """Reject is like revert as words go, and its opposite as deeds go."""
    done = desk.runs(proposals, verb, "fill-store-2")
    assert done.code == Exit.USAGE
    assert done.err == f"To decide is a command of its own: kubectl {verb} NAME\n"


def test_the_words_of_flags_are_unambiguous() -> None:
    """An abbreviation that works today would break with the next flag."""
    for made in (parser(APPROVE), parser_of("list")):
        assert made.allow_abbrev is False


def offered(text: str) -> list[str]:
    *lines, directive = text.splitlines()
    assert directive in (":4", ":0")
    return [line.partition("\t")[0] for line in lines]


def test_names_are_completed_by_what_can_be_done_with_them(desk: Desk) -> None:
    """Approve offers Pending ones; resolve only those whose outcome is unknown."""
    lost = recorded("succeeded", phase="OutcomeUnknown")
    lost["metadata"]["name"] = "lost"
    desk.has(recorded("pending-low"), lost)
    low = "prod-leftover-eviction-c189330110-1"
    assert offered(complete("approve", [""])) == [low]
    assert offered(complete("approve", ["lo"])) == []
    assert offered(complete("proposals", ["resolve", ""])) == ["lost"]
    assert offered(complete("proposals", ["show", ""])) == [low, "lost"]
    assert offered(complete("approve", [low, ""])) == []


def test_fields_are_completed_by_the_action(desk: Desk) -> None:
    """After the name, what modify can change."""
    desk.has(recorded("pending-high"), recorded("pending-low"))
    found = offered(complete("proposals", ["-n", "tikv", "modify", "fill-store-2", ""]))
    assert found[:3] == ["storeId=", "kind=", "ratePerMinute="]
    assert "notAfter=" in found


def test_commands_flags_clusters_and_halts_are_completed(desk: Desk) -> None:
    """Own flags first; files after -f."""
    assert offered(complete("proposals", ["s"])) == ["show", "suspend"]
    assert offered(complete("approve", ["--wa"])) == ["--wait", "--warnings-as-errors"]
    assert "--happened" in offered(complete("proposals", ["resolve", "--ha"]))
    assert complete("approve", ["-f", ""]) == ":0"
    desk.is_told("get", {"items": [{"metadata": {"name": "prod"}}]})
    assert offered(complete("proposals", ["suspend", ""])) == ["prod"]
    assert offered(complete("proposals", ["unhalt", ""])) == ["prod"]
    assert offered(complete("proposals", ["halt", ""])) == []


def test_completion_is_silent_when_nobody_answers(desk: Desk) -> None:
    """It must not write into the line that is being typed."""
    desk.is_told("get", err="no such host", code=1)
    assert complete("approve", [""]) == ":4"


def test_completion_asks_with_the_flags_of_the_line(desk: Desk) -> None:
    """Half a line has a context and a namespace already."""
    assert connection(["NAME", "-n", "tikv", "--context=x", "-m", "why", "--as", "bob"]) == [
        "--namespace=tikv", "--context=x", "--as=bob",
    ]  # fmt: skip
    desk.has(recorded("pending-low"))
    complete("approve", ["--context", "x", ""])
    assert "--context=x" in desk.calls("get")[0]


def pipes() -> int:
    """How many files this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_process_gives_both_streams_and_its_code() -> None:
    """More than a pipe holds, on both at once."""
    script = "import sys; sys.stdout.write('o' * 200_000); sys.stderr.write('e' * 200_000); exit(3)"
    out, err, code = Process(sys.executable, ["-c", script], given=None).finish()
    assert (len(out), len(err), code) == (200_000, 200_000, 3)


def test_a_process_is_given_more_than_a_pipe_holds() -> None:
    """Written piece by piece, read meanwhile."""
    script = "import sys; sys.stdout.write(sys.stdin.read().upper())"
    out, _, code = Process(sys.executable, ["-c", script], given=b"a" * 300_000).finish()
    assert (out, code) == (b"A" * 300_000, 0)


def test_a_process_that_reads_nothing_is_no_error_of_ours() -> None:
    """Its own exit code says why."""
    _, _, code = Process("true", [], given=b"a" * 300_000).finish()
    assert code == 0


def test_what_the_shell_pipes_is_read_to_its_end() -> None:
    """A pipe gives 64 KiB at a time; half of a list would be asked for again."""
    code = "from assent.cli.process import Piped; print(len(Piped().finish()[0]))"
    out, _, _ = Process(sys.executable, ["-c", code], given=b"a" * 300_000).finish()
    assert out == b"300000\n"


def test_no_kubectl_is_said_plainly() -> None:
    """And leaves no pipe open."""
    before = pipes()
    with pytest.raises(FileNotFoundError):
        Process("nosuchprogram", [], given=None)
    assert pipes() == before


def test_a_path_without_kubectl_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was begun ahead stays silent; whoever asks in earnest says it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ahead.decision(["NAME"])
    with pytest.raises(CliError, match="kubectl is not in PATH"):
        Kubectl().whoami()


LINES = [
    "NAME", "NAME -n tikv", "-n tikv NAME", "NAME --namespace=tikv --context c", "--all",
    "NAME -m why --yes --wait --timeout 5s", "NAME --as x --as-group a --as-group=b -s https://h",
    "NAME --insecure-skip-tls-verify --token t", "A B C --kubeconfig k -o json",
]  # fmt: skip


@pytest.mark.parametrize("text", LINES)
def test_what_is_begun_ahead_is_what_argparse_makes_of_the_line(text: str) -> None:
    """Otherwise it would be asked twice."""
    line = ahead.plain(text.split())
    chosen = parser(APPROVE).parse_args(text.split())
    assert line is not None
    assert (line.flags, line.words) == (chosen.connection, chosen.names)


@pytest.mark.parametrize(
    "text", ["NAME -ntikv", "NAME -n=tikv", "NAME --odd", "-f x", "-- NAME", "NAME -n", "-h",
             "NAME -m -x", "NAME --match-server-version=false"]
)  # fmt: skip
def test_what_only_argparse_can_judge_is_not_begun(text: str) -> None:
    """A wrong guess would ask another cluster."""
    assert ahead.plain(text.split()) is None


def begun_calls(desk: Desk) -> list[list[str]]:
    return [*desk.calls("auth"), *desk.calls("get")]


@pytest.mark.parametrize("words", [["fill-store-2"], ["fill-store-2", "-n", "tikv"]])
def test_a_decision_asks_each_question_once(desk: Desk, words: list[str]) -> None:
    """Begun ahead, and used."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    ahead.decision(words)
    assert desk.runs(approve, *words).code == 0
    assert len(begun_calls(desk)) == 2
    assert ahead._begun == {}


@pytest.mark.parametrize(
    ("words", "questions"),
    [([], 1), (["-A"], 1), (["list", "-n", "tikv"], 1), (["show", "fill-store-2"], 2)],
)
def test_a_look_asks_each_question_once(desk: Desk, words: list[str], questions: int) -> None:
    """The list needs not know who we are."""
    desk.has(recorded("pending-high"))
    ahead.look(words)
    assert desk.runs(proposals, *words).code == 0
    assert len(begun_calls(desk)) == questions


def test_what_was_begun_in_vain_is_ended(desk: Desk) -> None:
    """No process and no pipe is left."""
    before = pipes()
    ahead.decision(["fill-store-2"])
    assert len(ahead._begun) == 2
    desk.runs(proposals, "nonsense")
    assert (ahead._begun, pipes()) == ({}, before)


def test_nothing_is_begun_for_what_changes_something(desk: Desk) -> None:
    """Only reads are begun."""
    for words in (
        ["cancel", "x"],
        ["halt", "--reason", "x"],
        ["modify", "x", "a=b"],
        ["-o", "json"],
    ):
        ahead.look(words)
    ahead.decision([])
    ahead.decision(["x", "--all"])
    assert ahead._begun == {}


def test_a_process_leaves_no_pipe_open() -> None:
    """--all starts many."""
    before = pipes()
    Process("true", [], given=b"x").finish()
    Process("sleep", ["60"], given=None).end(at_once=True)
    assert pipes() == before


def test_objects_are_cut_out_of_a_stream() -> None:
    """What is not whole yet waits for the rest."""
    assert documents('{"a":1}\n{"b": [2]} {"c"') == ([{"a": 1}, {"b": [2]}], '{"c"')
    assert documents("") == ([], "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45s"), (119, "119s"), (720, "12m"), (11_400, "3h10m"), (36_000, "10h"), (86_400, "24h"),
     (432_000, "5d"), (-45, "45s")],
)  # fmt: skip
def test_lengths_of_time_are_short(seconds: int, text: str) -> None:
    """One unit, or two while it matters."""
    assert wording.span(timedelta(seconds=seconds)) == text


def test_times_to_come_and_gone() -> None:
    """Relative where one waits, absolute in a record."""
    assert wording.until("2026-11-21T21:00:00.000Z", NOW) == "in 60m"
    assert wording.until("2026-11-21T19:00:00Z", NOW) == "over"
    assert wording.until(None, NOW) == "-"
    assert wording.clock("2026-11-21T21:00:00.123Z") == "2026-11-21 21:00:00Z"


def test_long_lines_break_between_words_and_commands_do_not() -> None:
    """What is to be copied stays whole."""
    out = io.StringIO()
    console = Console(out, out, io.StringIO(), environment={})
    wording.lines(console, "word " * 40)
    wording.lines(console, "kubectl " + "argument " * 40)
    *broken, command = out.getvalue().splitlines()
    assert all(len(line) <= WIDEST for line in broken)
    assert len(broken) == 3
    assert len(command) > WIDEST


@pytest.mark.parametrize(
    ("columns", "widest", "why"),
    [
        (80, 80, "half of all terminals: else each line breaks in the middle of a word"),
        (300, WIDEST, "nobody reads lines of that length"),
        (10, NARROWEST, "one word a line is no text"),
        (0, WIDEST, "a terminal that does not know"),
    ],
)
def test_lines_are_as_wide_as_the_terminal(columns: int, widest: int, why: str) -> None:
    """Within reason."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(theirs, "w") as out:
        console = Console(out, out, io.StringIO(), environment={})
        wording.lines(console, "a word " * 60)
        lines = os.read(ours, 4096).decode().splitlines()
        assert widest - len("word ") - 1 <= max(len(line) for line in lines) <= widest, why
    os.close(ours)


def test_an_interrupted_command_says_where_to_look() -> None:
    """No traceback, and the code that shells use."""

    def interrupted(arguments: object, console: Console) -> int:
        raise KeyboardInterrupt

    seen = Terminal()
    main.run(interrupted, [], Console(seen, seen, Terminal(), environment={}))
    assert seen.getvalue().startswith("\nStopped."), "not beside the question and its ^C"
    err = io.StringIO()
    code = main.run(interrupted, [], Console(io.StringIO(), err, io.StringIO(), environment={}))
    assert (code, "kubectl proposals" in err.getvalue()) == (130, True)


def test_the_clock_is_in_utc() -> None:
    """Compared with what the API server wrote."""
    now = Console(environment={}).now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugins as single files."""
    folder = tmp_path_factory.mktemp("built")
    build(folder)
    return folder


@pytest.mark.parametrize("plugin", ENTRIES)
def test_a_single_file_holds_the_plugins_and_nothing_else(plugin: str, built: Path) -> None:
    """Executable, isolated from the user's Python, and a zip that Python runs as it is, too."""
    path = built / plugin
    assert os.access(path, os.X_OK)
    assert path.read_bytes().startswith(b"#!/bin/sh\n")
    assert b"\nexec python3 -IS -c " in path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert {name.rpartition("/")[0] for name in names} == {"", "assent", "assent/cli"}


def test_the_same_sources_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """So that a checksum means something."""
    for path in build(tmp_path):
        assert path.read_bytes() == (built / path.name).read_bytes()


def loaded_by(path: Path, words: list[str]) -> set[str]:
    """What Python imports for that line, where there is no kubectl to ask."""
    function = ENTRIES[path.name]
    code = (
        "import sys; sys.argv.pop(0); sys.path.insert(0, sys.argv[0]);"
        f"from assent.cli.main import {function}; {function}()"
    )
    done = subprocess.run(
        [sys.executable, "-IS", "-X", "importtime", "-c", code, str(path), *words],
        capture_output=True, text=True, check=False, env={"PATH": "/nowhere"},
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("plugin", ["kubectl-approve", "kubectl-proposals"])
def test_a_plugin_loads_nothing_heavy(plugin: str, built: Path) -> None:
    """Without site-packages there is nothing but the standard library; of that only what is thin.

    typing, dataclasses and subprocess alone would take as long as all of it.
    """
    words = ["--help"] if plugin == "kubectl-approve" else ["list", "--help"]
    loaded = loaded_by(built / plugin, words)
    assert "argparse" in loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize(
    "line", ["", "-n tikv", "--namespace=tikv --ended", "-A", "list --context x"]
)
def test_a_plain_list_loads_next_to_nothing(line: str, built: Path) -> None:
    """Neither argparse nor regular expressions nor enums: half of Python's time."""
    loaded = loaded_by(built / "kubectl-proposals", line.split())
    assert "assent.cli.listing" in loaded
    assert loaded & {*HEAVY, "argparse", "re", "enum", "json", "collections"} == set()


def test_the_console_scripts_are_the_single_files() -> None:
    """Whoever installs the wheel gets the same six."""
    import tomllib

    root = Path(__file__).resolve().parents[3]
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    wanted = {name: f"assent.cli.main:{function}" for name, function in ENTRIES.items()}
    assert {name: path for name, path in scripts.items() if name != "assent"} == wanted
    for function in ENTRIES.values():
        assert callable(getattr(main, function))


def test_the_exit_codes_are_documented() -> None:
    """Scripts are written from the page."""
    page = Path(__file__).resolve().parents[3] / "docs/how-to/kubectl-plugins.md"
    cells = [
        line.split("|")[1].strip()
        for line in page.read_text().splitlines()
        if line.startswith("| ") and line[2].isdigit()
    ]
    known = {code for name, code in vars(Exit).items() if name.isupper()}
    assert {int(code) for cell in cells for code in cell.split(",")} == known


def test_the_bench_shows_them_beside_kubectl() -> None:
    """The ratio is of medians of one run."""
    seconds = {BASE: [0.1, 0.2, 0.3], "kubectl proposals": [0.3, 0.3, 0.9],
               "kubectl approve": [0.9, 0.9, 0.9]}  # fmt: skip
    found = figures(seconds, load_before=1, load_after=2)
    assert (found["kubectl_proposals_ratio_p50"], found["kubectl_approve_ratio_p50"]) == (1.5, 4.5)
    shown = table(found)
    assert "met" in shown.splitlines()[2]
    assert "MISSED" in shown.splitlines()[3]
