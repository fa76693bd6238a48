"""Runs one long command: its output to a log, its progress to the user, its children stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.toolchain.errors import CommandError
from sandbox.toolchain.progress import Reporter

POLL_SECONDS = 0.05
STOP_SECONDS = 5.0
REAP_SECONDS = 2.0
TAIL_LINES = 15
_EXIT_CODE_LOST = 255


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
    while (exit_code := _reap(process)) is None:
        time.sleep(POLL_SECONDS)
        tick()
    return exit_code


def _reap(process: subprocess.Popen[bytes]) -> int | None:
    """The exit code of `process`, None while it runs.

    Not `Popen.poll`: that takes a lock, and a Ctrl-C in the wrong microsecond leaves it taken, so
    that `poll` says "still running" of a dead process for ever after.
    """
    if process.returncode is None:
        try:
            process_id, status = os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:  # reaped already, and the interrupt came before the noting
            process.returncode = _EXIT_CODE_LOST
        else:
            if process_id:
                process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """Ends every process of the command's group; a group that is gone already is left alone.

    Killed ones of which only the entry is left, since nobody reaps them (a container whose first
    process does not), are not waited for beyond `REAP_SECONDS`.
    """
    for number, patience_seconds in (
        (signal.SIGTERM, STOP_SECONDS),
        (signal.SIGKILL, REAP_SECONDS),
    ):
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if not _signal_group(process.pid, number):
                return
            _reap(process)  # a dead leader that nobody has waited for keeps the group alive
            time.sleep(0.02)


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
