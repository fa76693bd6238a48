"""Runs one long command: its output to a log, its progress to the user, its children stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.toolchain.errors import CommandError
from sandbox.toolchain.progress import Reporter

POLL_SECONDS = 0.25
STOP_SECONDS = 5.0
TAIL_LINES = 15


def run_logged(
    command: Sequence[str],
    *,
    title: str,
    log: Path,
    reporter: Reporter,
    env: Mapping[str, str],
    cwd: Path | None = None,
) -> None:
    """Returns when `command` has ended well; its output is in `log`.

    The command gets a process group of its own, so that whatever ends the wait (Ctrl-C too)
    also ends the command and all its children before it is passed on.

    Raises:
        CommandError: it ended with an error; nothing of it runs any more.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, reporter.step(title) as step:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            exit_code = _wait(process, step.tick)
        finally:
            _stop_group(process)
        if exit_code != 0:
            raise CommandError(title, exit_code, log, tail(log))


def tail(log: Path) -> str:
    """The last lines of `log`, indented."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines)


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            tick()


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """Ends every process of the command's group; a group that is gone already is left alone."""
    deadline = time.monotonic() + STOP_SECONDS
    wanted = signal.SIGTERM
    while _signal_group(process.pid, wanted):
        process.poll()  # reaps the leader, which otherwise keeps the group alive
        if time.monotonic() > deadline:
            wanted = signal.SIGKILL
        time.sleep(0.02)


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
