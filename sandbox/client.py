"""Starts a supervisor, and talks to one that runs."""

import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.errors import NotRunningError, SandboxError
from sandbox.layout import CHECKOUT, Layout, default_directory
from sandbox.options import Options
from sandbox.orders import socket_path
from sandbox.supervisor import DETACH
from sandbox.toolchain import Reporter, ensure
from sandbox.waiting import wait_for

BINARIES = "demo"
ORDER_TIMEOUT_SECONDS = 150.0
STOP_TIMEOUT_SECONDS = 40.0
TICK_SECONDS = 0.5
State = dict[str, Any]


def prepare(layout: Layout) -> None:
    """Make the directory fresh; what a crashed sandbox left there is removed.

    Raises:
        SandboxError: a sandbox runs there, or the directory holds something else or cannot be
            written.
    """
    if _is_alive(layout):
        raise SandboxError(
            f"A sandbox already runs in {layout.root}. `make sandbox-down` stops it; to use it: "
            "export $(.venv/bin/python -m sandbox env)"
        )
    remove(layout)
    with _usable(layout):
        layout.root.mkdir(parents=True, mode=0o700)
        layout.logs.mkdir()
        layout.lock.touch()


def remove(layout: Layout) -> None:
    """Remove the directory of a sandbox that has ended; nothing happens if there is none.

    Raises:
        SandboxError: it holds something that is not ours, or cannot be removed.
    """
    with _usable(layout):
        if not layout.root.exists():
            return
        if not layout.is_ours() and any(layout.root.iterdir()):
            raise SandboxError(
                f"{layout.root} is not empty and no sandbox's: choose another --dir."
            )
        shutil.rmtree(layout.root)


def _is_alive(layout: Layout) -> bool:
    with _usable(layout):
        return layout.is_alive()


@contextmanager
def _usable(layout: Layout) -> Iterator[None]:
    """Say in one sentence why a directory cannot be looked at, made or removed."""
    try:
        yield
    except OSError as error:
        place = error.filename or layout.root
        raise SandboxError(f"{place}: {error.strerror}. Choose another --dir.") from error


def launch(
    layout: Layout, options: Options, reporter: Reporter
) -> tuple["subprocess.Popen[str]", State]:
    """Start a supervisor in a fresh `layout` and wait until all is ready: the process, its state.

    The supervisor ends when the process's `stdin` is closed, also by the death of this process;
    `detach` ends that.

    Raises:
        SandboxError: it failed; nothing runs, the logs are still there.
    """
    binaries = {name: str(path) for name, path in ensure([BINARIES], reporter=reporter).items()}
    prepare(layout)
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    with layout.log("supervisor").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sandbox.supervisor", str(layout.root)),
                *(options.to_json(), json.dumps(binaries)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C reaches it as the end of its stdin, once
        )
    try:
        with reporter.step("starting the sandbox") as step:
            news = _first_line(process, step.tick)
    except BaseException:
        leave(process)
        raise
    if "ready" not in news:
        leave(process)
        raise SandboxError(f"{news['failed']}\nLogs: {layout.logs}")
    return process, news["ready"]


def _first_line(process: "subprocess.Popen[str]", tick: Callable[[], None]) -> dict[str, Any]:
    """What the supervisor says, meanwhile calling `tick`."""
    if process.stdout is None:
        raise SandboxError("The supervisor has no output.")
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not selector.select(TICK_SECONDS):
            tick()
    line = process.stdout.readline()
    process.stdout.close()
    if not line:
        return {"failed": f"The supervisor ended with exit code {process.wait()}."}
    news: dict[str, Any] = json.loads(line)
    return news


def detach(process: "subprocess.Popen[str]") -> None:
    """Let the supervisor live on after this process."""
    if process.stdin is not None:
        process.stdin.write(DETACH.decode())
        process.stdin.close()
    process.returncode = 0  # not ours to wait for any more


def leave(process: "subprocess.Popen[str]") -> None:
    """End the supervisor and everything it started; all gone on return."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # the kernel then kills its children
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def order(layout: Layout, what: str, /, **details: object) -> State:
    """What the supervisor answers to one order.

    Raises:
        NotRunningError: there is none.
        SandboxError: it refused, or failed; the message says why.
    """
    if not _is_alive(layout):
        raise NotRunningError(f"No sandbox runs in {layout.root}: `python -m sandbox up` first.")
    try:
        with socket.socket(socket.AF_UNIX) as connection, socket_path(layout.socket) as address:
            connection.settimeout(ORDER_TIMEOUT_SECONDS)
            connection.connect(address)
            connection.sendall(json.dumps({"order": what, **details}).encode() + b"\n")
            with connection.makefile("r") as answers:
                line = answers.readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NotRunningError(
            f"The sandbox in {layout.root} is starting, or ending: try again in a moment."
        ) from error
    except OSError as error:
        raise NotRunningError(f"The sandbox in {layout.root} does not answer: {error}") from error
    if not line:
        raise NotRunningError(f"The sandbox in {layout.root} ended before it answered.")
    answer = json.loads(line)
    if "error" in answer:
        raise SandboxError(answer["error"])
    return answer["result"] or {}


def shut_down(layout: Layout) -> None:
    """Stop the sandbox, if one runs, and remove its directory; all gone on return.

    Raises:
        SandboxError: it did not end in time, or the directory is not ours.
    """
    if _is_alive(layout):
        order(layout, "shutdown")
        wait_for(
            lambda: not layout.is_alive(),
            timeout_seconds=STOP_TIMEOUT_SECONDS,
            what="end of the sandbox",
        )
    remove(layout)


def running_state(layout: Layout) -> State:
    """The state of the sandbox that runs in `layout`.

    Raises:
        NotRunningError: there is none.
    """
    return order(layout, "status")


def directory(chosen: Path | None) -> Layout:
    """The layout of a chosen directory, or of the default one."""
    return Layout((chosen or default_directory()).absolute())
