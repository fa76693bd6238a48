"""A child process: started, frozen, stopped, and never outliving who started it."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.child import Child, describe_exit, tail
from sandbox.errors import PortTakenError, SandboxError
from sandbox.layout import CHECKOUT
from sandbox.waiting import wait_for, wait_until

SAYS_READY = "print('ready', flush=True); "
SLEEPS = SAYS_READY + "import time; time.sleep(600)"
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
STARTS_A_CHILD = """
import asyncio, sys
from pathlib import Path
from sandbox.child import Child
async def main():
    child = Child("sleeper", [sys.executable, "-c", {program!r}], log=Path({log!r}))
    await child.start()
    print(child.process_id, flush=True)
    await child.wait()
asyncio.run(main())
"""


def child(tmp_path: Path, program: str) -> Child:
    return Child("server", [sys.executable, "-c", program], log=tmp_path / "logs/server.log")


async def started(tmp_path: Path, program: str) -> Child:
    """A child that has come as far as to say so."""
    made = child(tmp_path, program)
    await made.start()

    async def ready() -> bool:
        return "ready" in made.said()

    await wait_until(ready, timeout_seconds=60, what="word of the child")
    return made


async def test_it_knows_its_states(tmp_path: Path) -> None:
    """`status` shows these words."""
    server = child(tmp_path, SLEEPS)
    assert (server.state, server.process_id, server.exit_code) == ("new", None, None)
    await server.start()
    assert server.state == "running"
    server.freeze()
    assert server.state == "frozen"
    server.thaw()
    assert server.state == "running"
    await server.kill()
    assert (server.state, server.process_id) == ("ended (SIGKILL)", None)


async def test_freezing_stops_it_really(tmp_path: Path) -> None:
    """The kernel must say so, not only we."""
    server = await started(tmp_path, SLEEPS)
    process = psutil.Process(server.process_id)
    server.freeze()
    wait_for(
        lambda: process.status() == psutil.STATUS_STOPPED, timeout_seconds=30, what="stopped child"
    )
    await server.stop()


async def test_a_frozen_child_can_be_stopped(tmp_path: Path) -> None:
    """A stopped process does not see SIGTERM until it runs on."""
    server = await started(tmp_path, SLEEPS)
    server.freeze()
    await server.stop(grace_seconds=60)
    assert server.exit_code == -signal.SIGTERM


async def test_who_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """`down` must come to an end."""
    server = await started(tmp_path, IGNORES_SIGTERM)
    await server.stop(grace_seconds=0.1)
    assert server.exit_code == -signal.SIGKILL


async def test_starting_twice_is_starting_once(tmp_path: Path) -> None:
    """`operator start` on a running operator changes nothing."""
    server = child(tmp_path, SLEEPS)
    await server.start()
    first = server.process_id
    await server.start()
    assert server.process_id == first
    await server.kill()


async def test_its_log_grows_over_restarts_but_only_the_last_run_is_judged(tmp_path: Path) -> None:
    """An old `address already in use` must not make a new failure look like one."""
    server = child(tmp_path, "print('listen: address already in use')")
    for _ in range(2):
        await server.start()
        await server.wait()
        with pytest.raises(PortTakenError):
            server.raise_if_ended()
    server.arguments[-1] = "raise SystemExit('something else')"
    await server.start()
    await server.wait()
    with pytest.raises(SandboxError, match="something else") as caught:
        server.raise_if_ended()
    assert not isinstance(caught.value, PortTakenError)
    assert server.log.read_text().count("address already in use") == 2


async def test_a_running_child_has_not_ended(tmp_path: Path) -> None:
    """Asked at every probe while waiting for readiness."""
    server = await started(tmp_path, SLEEPS)
    server.raise_if_ended()
    assert server.exit_code is None
    await server.kill()


async def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    """No traceback of asyncio's for a cache that was cleared meanwhile."""
    server = Child("etcd", [str(tmp_path / "etcd")], log=tmp_path / "etcd.log")
    with pytest.raises(SandboxError, match="etcd cannot be started"):
        await server.start()
    assert server.state == "new"


async def test_several_can_be_awaited_at_once(tmp_path: Path) -> None:
    """The supervisor watches all of them in one loop."""
    children = [child(tmp_path / str(number), "pass") for number in range(3)]
    await asyncio.gather(*(one.start() for one in children))
    assert await asyncio.gather(*(one.wait() for one in children)) == [0, 0, 0]


def test_it_does_not_outlive_a_killed_starter(tmp_path: Path) -> None:
    """Nothing of ours runs after kill -9: the kernel has to do it, also for who ignores SIGTERM."""
    program = STARTS_A_CHILD.format(program=IGNORES_SIGTERM, log=str(tmp_path / "log"))
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        sleeper = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
        wait_for(lambda: not sleeper.is_running(), timeout_seconds=60, what="end of the child")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(0, "exit code 0", id="a good end"),
        pytest.param(3, "exit code 3", id="its own error"),
        pytest.param(-9, "SIGKILL", id="a signal by its name"),
    ],
)
def test_an_exit_is_told_in_words(code: int, words: str) -> None:
    """-9 means nothing to most people."""
    assert describe_exit(code) == words


def test_a_tail_is_the_end_of_a_log(tmp_path: Path) -> None:
    """The end is where the reason is; a missing log is not an error on top of an error."""
    log = tmp_path / "log"
    assert tail(log) == "(no log)"
    log.write_text("")
    assert tail(log) == "(its log is empty)"
    log.write_text("\n".join(f"line {number}" for number in range(5000)))
    assert tail(log, lines=2) == "line 4998\nline 4999"
