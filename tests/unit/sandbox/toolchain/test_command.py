"""A long command never outlives the wait for it, and its log tells why it failed."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.toolchain.command import run_logged
from sandbox.toolchain.errors import CommandError
from sandbox.toolchain.progress import Reporter
from tests.unit.sandbox.toolchain.fake_go import alive


class Clock:
    """Jumps a minute a look, so that every look at the command is reported."""

    now = 0.0

    def __call__(self) -> float:
        """A minute more than at the last look."""
        self.now += 60
        return self.now


class StopsWhenStarted(io.StringIO):
    """A stream on which progress is answered by Ctrl-C, once the command has written its log."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log

    def write(self, text: str) -> int:
        """Takes the text, or is the moment of Ctrl-C."""
        if "stopped" not in text and self.log.read_text().endswith("\n"):
            raise KeyboardInterrupt
        return len(text)


class InterruptedPopen(subprocess.Popen[bytes]):
    """As a Ctrl-C inside `poll` leaves it: its lock is taken, and nobody will give it back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waitpid_lock.acquire()  # type: ignore[attr-defined]


def run(script: str, log: Path, reporter: Reporter | None = None) -> None:
    run_logged(
        [sys.executable, "-c", script],
        title="trying",
        log=log,
        reporter=reporter or Reporter(),
        env=os.environ,
    )


def test_output_and_errors_are_in_the_log_in_order(tmp_path: Path) -> None:
    """One file holds all a reader needs."""
    log = tmp_path / "deep/down.log"
    run("import os; os.write(1, b'out\\n'); os.write(2, b'err\\n')", log)
    assert log.read_text() == "out\nerr\n"


def test_a_failure_carries_exit_code_log_and_tail(tmp_path: Path) -> None:
    """Also when the output is no text."""
    log = tmp_path / "log"
    with pytest.raises(CommandError, match=r"trying failed \(exit code 7\)") as caught:
        run("import os, sys; os.write(1, b'\\xff cause\\n'); sys.exit(7)", log)
    assert (caught.value.exit_code, caught.value.log) == (7, log)
    assert "cause" in str(caught.value)
    assert str(log) in str(caught.value)


def test_it_reads_nothing_from_the_terminal(tmp_path: Path) -> None:
    """A tool that asks for a password must fail, not hang a CI job."""
    log = tmp_path / "log"
    run("import sys; print(repr(sys.stdin.read()))", log)
    assert log.read_text() == "''\n"


def test_a_child_left_behind_by_a_command_that_succeeded_is_ended(tmp_path: Path) -> None:
    """Go starts a telemetry process of its own, for one."""
    log = tmp_path / "log"
    script = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    run(script, log)
    assert not alive(int(log.read_text()))


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param("", id="it ends when asked"),
        pytest.param("signal.signal(signal.SIGTERM, signal.SIG_IGN);", id="it must be killed"),
    ],
)
def test_an_interrupted_wait_ends_the_command_and_its_children(
    ignored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that does not listen."""
    monkeypatch.setattr("sandbox.toolchain.command.STOP_SECONDS", 0.5)
    log = tmp_path / "log"
    script = (
        f"import os, signal, subprocess; {ignored}"
        "child = subprocess.Popen(['sleep', '600']);"
        "print(os.getpid(), child.pid, flush=True); signal.pause()"
    )
    with pytest.raises(KeyboardInterrupt):
        run(script, log, Reporter(StopsWhenStarted(log), Clock()))
    pids = [int(word) for word in log.read_text().split()]
    assert len(pids) == 2
    assert [pid for pid in pids if alive(pid)] == []


def test_an_interrupt_at_the_worst_moment_does_not_make_the_stop_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen once: a terminated build went on killing its dead compiler until killed itself."""
    monkeypatch.setattr("sandbox.toolchain.command.subprocess.Popen", InterruptedPopen)
    log = tmp_path / "log"
    script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with pytest.raises(KeyboardInterrupt):
        run(script, log, Reporter(StopsWhenStarted(log), Clock()))
    assert not alive(int(log.read_text()))
