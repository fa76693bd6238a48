"""A TCP server on loopback that misbehaves to order, for what happens below HTTP."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Reply = Callable[["Visit"], Awaitable[None]]


@dataclass
class Visit:
    """One request as it arrived, and the means to treat it badly."""

    head: bytes
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def json(self, status: int, body: bytes) -> None:
        """Send a whole, well-formed answer."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
        await self.say(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER on, 0 s: reset
        self.writer.close()


@dataclass
class RoughServer:
    """Where it listens and what it has received."""

    url: str
    heads: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def rough_server(
    reply: Reply, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RoughServer]:
    """Yield a server that gives every request to ``reply``; closed and quiet afterwards."""
    visits: set[asyncio.Task[None]] = set()
    connections: list[asyncio.WriteTransport] = []

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        visits.add(task)
        connections.append(writer.transport)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                server.heads.append(head)
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.partition(b":")[2]))
                await reply(Visit(head, writer))
        writer.close()

    listener = await asyncio.start_server(visit, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server = RoughServer(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    try:
        yield server
    finally:
        listener.close()
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        for connection in connections:
            # What a client never read would keep a closed one open beyond the loop's end.
            connection.abort()
        await asyncio.sleep(0)
