"""`python -m sandbox.supervisor DIRECTORY OPTIONS BINARIES`: owns every process of one sandbox.

Standard input is the leash: at its end (the parent stopped, crashed or was killed) everything is
stopped and the directory removed, unless the line `detach` came before. Standard output tells the
parent, one JSON object a line: `{"ready": STATE}` or `{"failed": MESSAGE}`; nothing follows it.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.options import Options
from sandbox.orders import Orders
from sandbox.world import World

DETACH = b"detach\n"
OWNER = "ASSENT_SANDBOX_OWNER_PID"
"""Names a process whose end ends a detached sandbox too: a test run that may be interrupted."""


async def supervise(world: World) -> int:
    """Run a sandbox until it is told to end; the exit code."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ending.set)
    leash = asyncio.create_task(_watch_leash(ending))
    orders = Orders(world, ending)
    starting = asyncio.create_task(_start(world, orders))
    ended = asyncio.create_task(ending.wait())
    code = 0
    try:
        await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _tell({"ready": world.state()})
            await ended
    except SandboxError as error:
        code = 1
        await world.stop()
        _tell({"failed": str(error)})
    finally:
        # After a failure the logs are to be read.
        left_alone = code == 0 and leash.done() and not leash.cancelled() and leash.result()
        for task in (starting, leash, ended):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, SandboxError):
                await task
        await orders.close()
        await world.stop()
        if left_alone:  # nobody is there to look at it, or to remove it
            shutil.rmtree(world.layout.root, ignore_errors=True)
    return code


async def _start(world: World, orders: Orders) -> None:
    await world.start()
    await orders.open()


async def _watch_leash(ending: asyncio.Event) -> bool:
    """Wait for the end of the leash: True if it broke, False if it was taken off.

    Taken off for an owner, it is the owner's life.
    """
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    if await reader.readline() == DETACH:
        owner = os.environ.get(OWNER)
        if owner is None:
            return False
        await _end_of(int(owner))
    ending.set()
    return True


async def _end_of(process_id: int) -> None:
    """Wait until the process is gone; at once if it is already."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    try:
        watched = os.pidfd_open(process_id)
    except ProcessLookupError:
        return
    loop.add_reader(watched, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)


def _tell(news: object) -> None:
    """Say the last word to the parent, if it still listens."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(news), flush=True)
    # From here on there may be nobody at the other end of the pipe.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def main() -> int:
    """The exit code."""
    layout, options = Layout(Path(sys.argv[1])), Options.from_json(sys.argv[2])
    binaries = {name: Path(path) for name, path in json.loads(sys.argv[3]).items()}
    with layout.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _tell({"failed": f"A sandbox already runs in {layout.root}."})
            return 1
        return asyncio.run(supervise(World(layout, options, binaries)))


if __name__ == "__main__":
    sys.exit(main())
