"""The supervisor's control socket: one JSON object a line in, one JSON object a line out."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.world import World

# Longer socket paths do not fit into sockaddr_un (sun_path is 108 bytes on Linux).
LONGEST_PATH_BYTES = 100
PROCESS_ACTIONS = ("start", "stop", "restart", "kill", "freeze", "thaw")
OPERATOR_ACTIONS = ("start", "stop", "kill", "freeze", "thaw")


@contextmanager
def socket_path(path: Path) -> Iterator[str]:
    """A name under which the socket at `path` can be bound or reached, however long that is."""
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class Orders:
    """Takes orders for a world until it is closed.

    A request is `{"order": NAME, …}`, an answer `{"result": …}` or `{"error": MESSAGE}`. Orders
    for the same process are carried out one after another, for different ones side by side.
    """

    def __init__(self, world: World, ending: asyncio.Event) -> None:
        self._world = world
        self._ending = ending
        self._server: asyncio.Server | None = None
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._conversations: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to take orders."""
        path = self._world.layout.socket
        path.unlink(missing_ok=True)
        with socket_path(path) as name:
            self._server = await asyncio.start_unix_server(self._accept, name)

    async def close(self) -> None:
        """Take no more orders."""
        if self._server is not None:
            self._server.close()
        for conversation in list(self._conversations):
            conversation.cancel()

    async def carry_out(self, request: dict[str, Any]) -> object:
        """Do what one request asks for.

        Raises:
            SandboxError: it is no order we know, or it failed.
        """
        order = request.get("order")
        if order == "status":
            return self._world.state()
        if order == "shutdown":
            self._ending.set()
            return None
        async with self._turns[f"{order} {request.get('name', request.get('number'))}"]:
            if order == "process":
                await self._process(str(request.get("name")), str(request.get("action")))
            elif order == "operator":
                await self._operator(request)
            else:
                raise SandboxError(f"There is no order {order!r}.")
            self._world.save()
            return self._world.state()

    async def _process(self, name: str, action: str) -> None:
        children = self._world.children()
        if name not in children:
            raise SandboxError(
                f"There is no process {name!r}; there are: {', '.join(children)}. "
                "The command `operator` orders operators."
            )
        if action not in PROCESS_ACTIONS:
            raise SandboxError(f"{action!r} is none of {', '.join(PROCESS_ACTIONS)}.")
        child = children[name]
        if action in ("stop", "restart"):
            await child.stop()
        elif action == "kill":
            await child.kill()
        elif action == "freeze":
            child.freeze()
        elif action == "thaw":
            child.thaw()
        if action in ("start", "restart"):
            await child.start()
            await self._world.wait_ready(name)

    async def _operator(self, request: dict[str, Any]) -> None:
        number, action = int(request["number"]), request.get("action")
        if number not in self._world.operators and action != "start":
            raise SandboxError(f"There is no operator {number}.")
        operator = self._world.operator(number)
        if action == "start":
            await operator.start(request.get("environment"), request.get("command", ()))
            if request.get("wait", True):
                await operator.wait_ready()
        elif action == "stop":
            await operator.stop()
        elif action == "kill":
            await operator.kill()
        elif action == "freeze":
            operator.freeze()
        elif action == "thaw":
            operator.thaw()
        else:
            raise SandboxError(f"{action!r} is none of {', '.join(OPERATOR_ACTIONS)}.")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        if conversation is not None:
            self._conversations.add(conversation)
            conversation.add_done_callback(self._conversations.discard)
        try:
            while line := await reader.readline():
                try:
                    answer: dict[str, object] = {"result": await self.carry_out(_request(line))}
                except (SandboxError, ValueError, KeyError, TypeError) as error:
                    answer = {"error": str(error)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            return  # who asked has gone
        finally:
            writer.close()


def _request(line: bytes) -> dict[str, Any]:
    request = json.loads(line)
    if not isinstance(request, dict):
        raise SandboxError(f"An order is a JSON object, not {line[:100]!r}.")
    return request
