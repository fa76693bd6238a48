"""How the story looks: colours where they belong, short lines, commands that can be copied."""

import io
import json
import shlex
import subprocess

import pytest

from sandbox.demo.narrator import WIDTH, Narrator, fold

ESCAPE = "\x1b"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the one who runs the tests has set must not matter."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def tell_everything(out: io.StringIO) -> str:
    tell = Narrator(out, clock=lambda: 0.0)
    tell.chapter("One")
    tell.section("A part")
    tell.say("A sentence.")
    tell.command("kubectl get pods", person="alice")
    tell.output("NAME\nReason: x", marked=("Reason",))
    tell.refused("no")
    tell.good("a fact")
    return out.getvalue()


def test_a_terminal_gets_colours() -> None:
    """Headings, commands and refusals are to be found at a glance."""
    told = tell_everything(Terminal())
    assert f"{ESCAPE}[1;36m── 1. One" in told
    assert f"{ESCAPE}[1malice$ kubectl get pods{ESCAPE}[0m" in told
    assert f"{ESCAPE}[1m  Reason: x" in told
    assert "\n  NAME\n" in told


def test_a_pipe_gets_none() -> None:
    """Logs of CI and `make demo > file` stay readable."""
    assert ESCAPE not in tell_everything(io.StringIO())


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [
        pytest.param("NO_COLOR", "1", False, id="no-color.org: present and not empty"),
        pytest.param("NO_COLOR", "", True, id="no-color.org: empty does not count"),
        pytest.param("TERM", "dumb", False, id="a terminal that knows no escape sequences"),
    ],
)
def test_a_terminal_may_ask_for_none(
    name: str, value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader's environment decides."""
    monkeypatch.setenv(name, value)
    assert (ESCAPE in tell_everything(Terminal())) is coloured


def test_chapters_are_numbered_and_timed() -> None:
    """The reader sees how far it is, and how long it took."""
    times = iter([100.0, 100.4, 131.0])
    out = io.StringIO()
    tell = Narrator(out, clock=lambda: next(times))
    tell.chapter("Start")
    tell.chapter("End")
    headings = [line for line in out.getvalue().splitlines() if line]
    assert headings[0].startswith("── 1. Start ─")
    assert headings[0].endswith(" 0 s")
    assert headings[1].startswith("── 2. End ─")
    assert headings[1].endswith(" 31 s")
    assert {len(line) for line in headings} == {WIDTH}


def test_sentences_are_wrapped_and_set_apart_from_output() -> None:
    """Short lines; what a command printed and what we say of it must not run together."""
    out = io.StringIO()
    tell = Narrator(out)
    tell.output("printed")
    tell.say("word " * 60)
    first, second, *rest = out.getvalue().splitlines()
    assert (first, second) == ("  printed", "")
    assert all(len(line) <= WIDTH for line in rest)
    assert " ".join(rest).split() == ["word"] * 60


def test_long_names_stay_whole_in_a_refusal() -> None:
    """The reader must find the name again, and `grep` too."""
    out = io.StringIO()
    name = "demo-leftover-eviction-4a8eb1de48-1"
    Narrator(out).refused("Error from server (Forbidden): " + f'"{name}" is forbidden ' * 4)
    assert out.getvalue().count(name) == 4
    assert all(len(line) <= WIDTH for line in out.getvalue().splitlines())


def test_a_command_for_the_reader_is_one_line_without_a_prompt() -> None:
    """A line that is broken or begins with `$` cannot be pasted."""
    out = io.StringIO()
    line = "kubectl patch -p " + "x" * 300
    Narrator(out).copyable(line)
    assert line in out.getvalue().splitlines()


def test_folding_keeps_the_meaning_of_a_patch() -> None:
    """A shell must read the same arguments, and JSON the same patch, from the short lines."""
    patch = {
        "spec": {
            "approvals": [
                {"by": "alice", "digest": "sha256:" + "0" * 64, "comment": "done, I think, at 9"}
            ],
            "count": 60,
            "more": ["a" * 40, "b" * 40],
        }
    }
    command = "kubectl patch actionproposal x --type=merge -p " + shlex.quote(json.dumps(patch))
    folded = fold(command)
    assert all(len(line) <= WIDTH for line in folded.splitlines())
    assert len(folded.splitlines()) > 2
    # shlex knows no continued lines, a shell does.
    seen = subprocess.check_output(["sh", "-c", f"printf '%s\\0' {folded}"], text=True)
    *same, text = seen.removesuffix("\0").split("\0")
    assert same == shlex.split(command)[:-1]
    assert json.loads(text) == patch


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("kubectl get pods", id="short"),
        pytest.param("curl -d '{\"a\": 1}'", id="short, with JSON"),
        pytest.param("curl " + "x" * 200, id="long, without a place to break"),
        pytest.param("kubectl create -f - <<EOF\nkind: X\nEOF", id="already in lines"),
    ],
)
def test_other_commands_stay_as_they_are(command: str) -> None:
    """Nothing is broken that a shell would read differently."""
    assert fold(command) == command
