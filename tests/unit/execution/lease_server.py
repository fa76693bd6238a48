"""An API server that knows one Lease, with compare-and-swap, watches and faults to order."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

PATH = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"
Fault = Callable[[web.Request], Awaitable[None]]


class LeaseServer:
    """The Lease as stored, and what is to go wrong with the next writes."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.requests: list[str] = []
        self.before_storing: Fault | None = None
        self.after_storing: Fault | None = None
        self.refuse_watches = False
        self.url = ""
        self._version = 0
        self._changed = asyncio.Condition()

    @property
    def spec(self) -> dict[str, Any]:
        """What the Lease says."""
        assert self.lease is not None
        spec: dict[str, Any] = self.lease["spec"]
        return spec

    async def store(self, lease: dict[str, Any] | None) -> None:
        """Store the Lease (None removes it), and tell the watches."""
        self._version += 1
        if lease is not None:
            lease["metadata"]["resourceVersion"] = str(self._version)
            lease["metadata"].setdefault("uid", f"uid-{self._version}")
        self.lease = lease
        async with self._changed:
            self._changed.notify_all()

    async def annotate(self) -> None:
        """Change what is not the holder's business, as an administrator might."""
        assert self.lease is not None
        await self.store({**self.lease, "metadata": {**self.lease["metadata"], "labels": {}}})

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET of the Lease."""
        self.requests.append("GET")
        return _refuse(404) if self.lease is None else web.json_response(self.lease)

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST: refused when there is one."""
        self.requests.append("POST")
        await self._fault(self.before_storing, request)
        if self.lease is not None:
            return _refuse(409, "AlreadyExists")
        await self.store(await request.json())
        await self._fault(self.after_storing, request)
        return web.json_response(self.lease, status=201)

    async def patch(self, request: web.Request) -> web.StreamResponse:
        """PATCH: refused when the version in the body is not the stored one."""
        self.requests.append("PATCH")
        await self._fault(self.before_storing, request)
        body = await request.json()
        if self.lease is None:
            return _refuse(404)
        metadata = self.lease["metadata"]
        if any(metadata[name] != value for name, value in body["metadata"].items()):
            return _refuse(409, "Conflict")
        spec = {**self.spec, **body["spec"]}
        await self.store({"metadata": dict(metadata), "spec": spec})
        await self._fault(self.after_storing, request)
        return web.json_response(self.lease)

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Stream changes."""
        self.requests.append("WATCH")
        if self.refuse_watches:
            return _refuse(500)
        response = web.StreamResponse()
        await response.prepare(request)
        seen = request.query["resourceVersion"]
        with suppress(ConnectionError):
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._now() != seen)  # noqa: B023
                    seen = self._now()
                kind = "DELETED" if self.lease is None else "MODIFIED"
                event = {"type": kind, "object": self.lease or {}}
                await response.write(json.dumps(event).encode() + b"\n")
        return response

    def _now(self) -> str:
        return "none" if self.lease is None else str(self.lease["metadata"]["resourceVersion"])

    async def _fault(self, fault: Fault | None, request: web.Request) -> None:
        if fault is not None:
            await fault(request)


def _refuse(status: int, reason: str = "") -> web.Response:
    body = {"kind": "Status", "message": "refused", "reason": reason}
    return web.json_response(body, status=status)


async def lose_the_answer(request: web.Request) -> None:
    """Break the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()


async def hang(_: web.Request) -> None:
    """Never go on."""
    await asyncio.Event().wait()


@asynccontextmanager
async def lease_server() -> AsyncIterator[LeaseServer]:
    """Yield the server, listening; closed afterwards."""
    state = LeaseServer()
    app = web.Application()

    async def get_list(request: web.Request) -> web.StreamResponse:
        return await state.watch(request)

    app.router.add_get(PATH, get_list)
    app.router.add_post(PATH, state.create)
    app.router.add_get(f"{PATH}/assent", state.read)
    app.router.add_patch(f"{PATH}/assent", state.patch)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    state.url = str(server.make_url("")).rstrip("/")
    try:
        yield state
    finally:
        await server.close()
