"""What the bench says while it works."""

import io

import pytest

from sandbox.bench.__main__ import main
from sandbox.bench.course import Plan
from sandbox.bench.progress import Progress
from sandbox.errors import SandboxError
from sandbox.toolchain import Reporter


def test_a_long_step_is_shown_and_ends() -> None:
    """Anything over two seconds says what it is and how long it has taken."""
    times = iter([0.0, 3.0, 4.0, 5.0, 6.0])
    stream = io.StringIO()
    reporter = Reporter(stream=stream, clock=lambda: next(times))
    with Progress(reporter).step("an idle span") as tick:
        tick()
    assert "an idle span … 3s" in stream.getvalue()
    assert "done" in stream.getvalue()


def test_waiting_ends_with_the_fact() -> None:
    """It is asked again until it is true."""
    answers = iter([False, True])
    Progress(Reporter(stream=io.StringIO())).wait("PD", lambda: next(answers), 10.0)
    assert list(answers) == []


def test_waiting_for_what_never_comes_says_for_what() -> None:
    """The sentence is all that a user sees."""
    with pytest.raises(SandboxError, match="the operator to watch PD"):
        Progress(Reporter(stream=io.StringIO())).wait(
            "waiting for the operator to watch PD", lambda: False, 0.0
        )


def test_the_plan_is_that_of_the_issue() -> None:
    """200 samples of each kind, one idle minute."""
    assert Plan() == Plan(samples=200, idle_seconds=60.0)


def test_help_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A look at the options must not build anything."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "bench.json" in capsys.readouterr().out
