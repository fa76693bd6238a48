"""A small API server on loopback: real HTTP, objects with versions, compare-and-swap, mishaps.

What it says is checked against a real kube-apiserver by ``tests/contract/kube``. It knows no
schema, no policy and no right: those are for the real one. Its watch is ``listeners``: they are
told of every change in the moment it is stored.
"""

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from assent.kube.resources import ROUTES

Raw = dict[str, Any]
Listener = Callable[[str, str, Raw], None]
"""(kind, ADDED, MODIFIED or DELETED, object)"""
Act = Callable[[], object]
"""What happens at the ordered moment, awaited if need be; an answer stands in for the server's."""

_PATH = re.compile(
    r"/apis?(?:/(?P<group>[\w.-]+))?/(?P<version>v\w+)"
    r"(?:/namespaces/(?P<namespace>[\w.-]+))?/(?P<plural>\w+)"
    r"(?:/(?P<name>[\w.-]+))?(?:/(?P<sub>status))?"
)
_KIND_OF = {(route.group, route.plural): kind for kind, route in ROUTES.items()}


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    body: Raw
    dry_run: bool


@dataclass
class Order:
    """A mishap for the next requests that match."""

    method: str
    pattern: str
    act: Act
    after_storing: bool
    times: int

    def fits(self, request: web.Request, *, after_storing: bool) -> bool:
        """Whether this request, at this moment, is the one."""
        return (
            self.times > 0
            and self.after_storing is after_storing
            and request.method == self.method
            and re.search(self.pattern, request.path) is not None
        )


class LostError(Exception):
    """Raised by an act: the connection is broken instead of answered."""


class FakeKube:
    """The server's state. Change it by its methods; they act like another client's writes."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.listeners: list[Listener] = []
        self.orders: list[Order] = []
        self._objects: dict[tuple[str, str, str], Raw] = {}
        self._version = 100

    # -- what tests do ---------------------------------------------------------------------------

    def put(self, kind: str, body: Mapping[str, Any]) -> Raw:
        """Create the object and return it as stored."""
        found = copy.deepcopy(dict(body))
        metadata = found.setdefault("metadata", {})
        self._version += 1
        metadata.setdefault("namespace", "")
        metadata["uid"] = f"uid-{metadata['name']}-{self._version}"
        metadata["generation"] = 1
        metadata.setdefault("creationTimestamp", "2026-03-01T11:00:00Z")
        found = {"apiVersion": ROUTES[kind].api_version, "kind": kind, **found}
        return self._store(kind, found, "ADDED")

    def edit(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Raw:
        """Merge-patch the object whole, as an administrator, and return it as stored."""
        before = self._objects[(kind, namespace, name)]
        merged = _merged(before, patch)
        if merged.get("spec") != before.get("spec"):
            merged["metadata"]["generation"] += 1
        return self._store(kind, merged, "MODIFIED")

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Remove the object."""
        gone = self._objects.pop((kind, namespace, name))
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._tell(kind, "DELETED", gone)

    def get(self, kind: str, namespace: str, name: str) -> Raw:
        """Return the object as it stands."""
        return copy.deepcopy(self._objects[(kind, namespace, name)])

    def all(self, kind: str) -> list[Raw]:
        """Return every object of the kind."""
        return [copy.deepcopy(raw) for (of, _, _), raw in self._objects.items() if of == kind]

    def order(
        self, method: str, pattern: str, act: Act, *, after_storing: bool = False, times: int = 1
    ) -> None:
        """Have ``act`` happen at the next matching requests, before or after they are stored."""
        self.orders.append(Order(method, pattern, act, after_storing, times))

    def requests(self, method: str, pattern: str = "") -> list[Seen]:
        """Return the requests that matched, oldest first."""
        return [
            item for item in self.seen if item.method == method and re.search(pattern, item.path)
        ]

    # -- what it answers -------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, unless a mishap is ordered."""
        text = await request.text()
        body = json.loads(text) if text else {}
        self.seen.append(Seen(request.method, request.path, body, "dryRun" in request.query))
        try:
            answer = await self._mishap(request, after_storing=False)
            if answer is None:
                answer = self._serve(request, body)
                if answer.status < 300:
                    answer = await self._mishap(request, after_storing=True) or answer
        except LostError:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        return answer

    async def _mishap(self, request: web.Request, *, after_storing: bool) -> web.Response | None:
        for order in self.orders:
            if order.fits(request, after_storing=after_storing):
                order.times -= 1
                came = order.act()
                if isinstance(came, Awaitable):
                    came = await came
                return came if isinstance(came, web.Response) else None
        return None

    def _serve(self, request: web.Request, body: Raw) -> web.Response:
        if request.path == "/version":
            return web.json_response({"major": "1"})
        match = _PATH.fullmatch(request.path)
        kind = _KIND_OF.get((match["group"] or "", match["plural"])) if match else None
        if match is None or kind is None:
            return refusal(404, "NotFound", "the server could not find the requested resource")
        namespace, name = match["namespace"] or "", match["name"] or ""
        if request.method == "POST":
            return self._create(kind, namespace, body, dry_run="dryRun" in request.query)
        if request.method == "GET" and not name:
            return self._list(kind, namespace)
        found = self._objects.get((kind, namespace, name))
        if found is None:
            return refusal(404, "NotFound", f'{match["plural"]} "{name}" not found')
        if request.method == "PATCH":
            return self._patch(kind, found, body, status_only=match["sub"] is not None)
        return web.json_response(found)

    def _list(self, kind: str, namespace: str) -> web.Response:
        items = [
            item
            for (of, inside, _), item in sorted(self._objects.items())
            if of == kind and (not namespace or inside == namespace)
        ]
        return web.json_response(
            {"items": items, "metadata": {"resourceVersion": str(self._version)}}
        )

    def _create(self, kind: str, namespace: str, body: Raw, *, dry_run: bool) -> web.Response:
        metadata = {**body["metadata"], "namespace": namespace}
        metadata.setdefault("name", f"{metadata.get('generateName', '')}{self._version}")
        if (kind, namespace, metadata["name"]) in self._objects:
            return refusal(409, "AlreadyExists", f'"{metadata["name"]}" already exists')
        if dry_run:
            return web.json_response({**body, "metadata": metadata}, status=201)
        return web.json_response(self.put(kind, {**body, "metadata": metadata}), status=201)

    def _patch(self, kind: str, found: Raw, body: Raw, *, status_only: bool) -> web.Response:
        wanted = body.get("metadata", {})
        # A status path takes every other field of metadata from the stored object, uid too.
        for field in ("resourceVersion",) if status_only else ("uid", "resourceVersion"):
            if field in wanted and wanted[field] != found["metadata"][field]:
                return refusal(409, "Conflict", "the object has been modified")
        if status_only:
            merged = {**found, "status": _merged(found.get("status", {}), body.get("status", {}))}
        else:
            merged = _merged(found, {key: part for key, part in body.items() if key != "status"})
            if merged.get("spec") != found.get("spec"):
                merged["metadata"]["generation"] += 1
        if merged == found:
            return web.json_response(found)
        return web.json_response(self._store(kind, copy.deepcopy(merged), "MODIFIED"))

    def _store(self, kind: str, found: Raw, change: str) -> Raw:
        self._version += 1
        metadata = found["metadata"]
        metadata["resourceVersion"] = str(self._version)
        self._objects[(kind, metadata["namespace"], metadata["name"])] = found
        self._tell(kind, change, found)
        return copy.deepcopy(found)

    def _tell(self, kind: str, change: str, found: Raw) -> None:
        for listener in self.listeners:
            listener(kind, change, copy.deepcopy(found))


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Raw:
    """RFC 7396."""
    merged = copy.deepcopy(dict(old))
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            before = merged.get(name)
            merged[name] = _merged(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[name] = copy.deepcopy(value)
    return merged


def refusal(code: int, reason: str, message: str) -> web.Response:
    """Return a Status as the API server gives it."""
    status = {"kind": "Status", "status": "Failure", "code": code}
    return web.json_response({**status, "reason": reason, "message": message}, status=code)


def lose() -> web.Response | None:
    """Break the connection; as an order after storing: the write is kept, its answer is not."""
    raise LostError


async def hang() -> web.Response | None:
    """Never answer."""
    await asyncio.Event().wait()
    return None


@asynccontextmanager
async def fake_kube() -> AsyncIterator[FakeKube]:
    """Yield the server, listening; closed afterwards."""
    state = FakeKube()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", state.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    state.url = str(server.make_url("")).rstrip("/")
    try:
        yield state
    finally:
        await server.close()
