"""What the user sees: one rewriting line on a terminal, a line every quarter minute elsewhere."""

import io
from dataclasses import dataclass

import pytest

from sandbox.toolchain.progress import Reporter, elapsed_text


@dataclass
class Clock:
    """A clock that the test sets."""

    seconds: float = 100.0

    def __call__(self) -> float:
        """The time set."""
        return self.seconds


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def wait(reporter: Reporter, clock: Clock, *, seconds: int) -> None:
    """One step of `seconds`, told to the reporter four times a second as the real waits do."""
    with reporter.step("[1/2] building etcd v3.6.9") as step:
        for _ in range(seconds * 4):
            clock.seconds += 0.25
            step.tick()


def test_a_short_step_says_nothing() -> None:
    """A warm `make` is silent."""
    clock, stream = Clock(), io.StringIO()
    wait(Reporter(stream, clock), clock, seconds=1)
    assert stream.getvalue() == ""


def test_off_a_terminal_there_is_a_line_after_two_seconds_then_every_fifteen() -> None:
    """A CI log shows life, and stays readable."""
    clock, stream = Clock(), io.StringIO()
    wait(Reporter(stream, clock), clock, seconds=40)
    assert stream.getvalue().splitlines() == [
        "[1/2] building etcd v3.6.9 … 2s",
        "[1/2] building etcd v3.6.9 … 17s",
        "[1/2] building etcd v3.6.9 … 32s",
        "[1/2] building etcd v3.6.9 … done in 40s",
    ]


def test_on_a_terminal_one_line_is_rewritten_every_second_and_stays_at_the_end() -> None:
    """The reader sees the seconds pass, and one line for each thing done."""
    clock, stream = Clock(), Terminal()
    wait(Reporter(stream, clock), clock, seconds=4)
    text = stream.getvalue()
    assert [part.strip() for part in text.split("\r")[1:]] == [
        "[1/2] building etcd v3.6.9 … 2s",
        "[1/2] building etcd v3.6.9 … 3s",
        "[1/2] building etcd v3.6.9 … 4s",
        "[1/2] building etcd v3.6.9 … done in 4s",
    ]
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_a_shorter_line_covers_the_longer_one_before_it() -> None:
    """Else the end of the old one stays to be read."""
    stream = Terminal()
    reporter = Reporter(stream)
    reporter.rewrite("a long line")
    reporter.rewrite("short")
    assert stream.getvalue().rpartition("\r")[2] == "short      "


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(RuntimeError(), "failed", id="an error"),
        pytest.param(KeyboardInterrupt(), "stopped", id="Ctrl-C"),
        pytest.param(SystemExit(143), "stopped", id="terminated"),
    ],
)
def test_a_step_that_ends_badly_says_so_however_short(error: BaseException, outcome: str) -> None:
    """The last line names what was going on, and the error goes on to its handler."""
    clock, stream = Clock(), io.StringIO()
    with pytest.raises(type(error)), Reporter(stream, clock).step("building"):
        raise error
    assert stream.getvalue() == f"building … {outcome} in 0s\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0.9, "0s", id="whole seconds only"),
        pytest.param(59.99, "59s", id="under a minute"),
        pytest.param(60, "1m00s", id="a minute"),
        pytest.param(92, "1m32s", id="minutes and seconds"),
        pytest.param(3725, "62m05s", id="an hour stays in minutes"),
    ],
)
def test_elapsed_time_reads_naturally(seconds: float, text: str) -> None:
    """As in the README's transcript."""
    assert elapsed_text(seconds) == text


def test_a_line_stays_within_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wraps cannot be rewritten: it would fill the screen, once a second."""
    monkeypatch.setenv("COLUMNS", "20")
    clock, stream = Clock(), Terminal()
    wait(Reporter(stream, clock), clock, seconds=4)
    *rewritten, last = stream.getvalue().rstrip("\n").split("\r")[1:]
    assert all(len(line) <= 19 for line in rewritten), rewritten
    assert rewritten[0].endswith(" … 2s"), "how long it has taken is the news"
    assert last.startswith("[1/2] building etcd v3.6.9 … done in 4s"), "what stays is whole"
