"""An API server as kopf meets it: discovery, lists, watches, and what goes wrong with them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from assent.kube.resources import ROUTES

KINDS_SERVED = (
    "TiKVCluster",
    "ActionProposal",
    "Halt",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
CLUSTER_SCOPED = KINDS_SERVED[2:]

Trouble = Callable[[web.Request], web.Response | None]
"""Asked before each list and watch; None lets it be served."""


class WatchServer:
    """Objects by kind, and everybody who watches them."""

    def __init__(self) -> None:
        self.url = ""
        self.trouble: Trouble = lambda _: None
        self.discovered = asyncio.Event()
        """Clear it to let whoever asks what is served wait."""
        self.discovered.set()
        self.lists: list[str] = []
        """The plural of every list that was asked for."""
        self.opened = 0
        """How many watches were begun."""
        self._objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS_SERVED}
        self._version = 10
        self._streams: dict[str, set[asyncio.Queue[dict[str, Any] | None]]] = {}

    def put(self, kind: str, name: str) -> dict[str, Any]:
        """Create or change an object, and tell the watches."""
        old = self._objects[kind].get(name)
        self._version += 1
        metadata: dict[str, Any] = {
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": str(self._version),
        }
        if kind not in CLUSTER_SCOPED:
            metadata["namespace"] = "tikv"
        raw = {
            "apiVersion": ROUTES[kind].api_version,
            "kind": kind,
            "metadata": metadata,
            "spec": {"version": self._version},
        }
        self._objects[kind][name] = raw
        self.tell(kind, "MODIFIED" if old else "ADDED", raw)
        return raw

    def delete(self, kind: str, name: str) -> None:
        """Delete it, and tell the watches."""
        raw = self._objects[kind].pop(name)
        self._version += 1
        raw["metadata"]["resourceVersion"] = str(self._version)
        self.tell(kind, "DELETED", raw)

    def tell(self, kind: str, change: str, raw: Mapping[str, Any]) -> None:
        """Put one event into every open watch of the kind."""
        for stream in self._streams.get(ROUTES[kind].plural, ()):
            stream.put_nowait({"type": change, "object": dict(raw)})

    def watches(self, kind: str) -> int:
        """How many watches of the kind are open."""
        return len(self._streams.get(ROUTES[kind].plural, ()))

    def cut_watches(self) -> None:
        """End every watch, as a restarted server does."""
        for streams in self._streams.values():
            for stream in streams:
                stream.put_nowait(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer discovery, a list, or a watch."""
        found = self._discovery(request.path)
        if found is not None:
            await self.discovered.wait()
            return web.json_response(found)
        kind = next(
            (
                item
                for item in KINDS_SERVED
                if request.path.startswith(f"/apis/{ROUTES[item].api_version}/")
                and request.path.endswith(f"/{ROUTES[item].plural}")
            ),
            None,
        )
        if kind is None:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        if (trouble := self.trouble(request)) is not None:
            return trouble
        if "watch" in request.query:
            return await self._watch(request, ROUTES[kind].plural)
        self.lists.append(ROUTES[kind].plural)
        items = list(self._objects[kind].values())
        listed = {"metadata": {"resourceVersion": str(self._version)}, "items": items}
        return web.json_response(listed)

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        stream: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._streams.setdefault(plural, set()).add(stream)
        self.opened += 1
        try:
            with suppress(ConnectionError):
                while (event := await stream.get()) is not None:
                    await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._streams[plural].discard(stream)
        return response

    def _discovery(self, path: str) -> dict[str, Any] | None:
        routes = {kind: ROUTES[kind] for kind in KINDS_SERVED}
        groups = {route.group: route.version for route in routes.values()}
        groups["apiextensions.k8s.io"] = "v1"
        if path == "/version":
            return {"major": "1", "minor": "36"}
        if path == "/api":
            return {"versions": ["v1"]}
        if path == "/api/v1":  # kopf waits for these before it watches anything
            return {"resources": [_known("namespaces", "Namespace"), _known("events", "Event")]}
        if path == "/apis":
            return {
                "groups": [
                    {
                        "name": group,
                        "preferredVersion": {"version": version},
                        "versions": [{"version": version}],
                    }
                    for group, version in groups.items()
                ]
            }
        for group, version in groups.items():
            if path == f"/apis/{group}/{version}":
                served = [
                    _known(route.plural, kind, namespaced=kind not in CLUSTER_SCOPED)
                    for kind, route in routes.items()
                    if route.group == group
                ]
                if group == "apiextensions.k8s.io":
                    served = [_known("customresourcedefinitions", "CustomResourceDefinition")]
                return {"resources": served}
        return None


def _known(plural: str, kind: str, *, namespaced: bool = False) -> dict[str, Any]:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "kind": kind,
        "namespaced": namespaced,
        "verbs": ["list", "watch", "get", "patch"],
    }


@asynccontextmanager
async def watch_server() -> AsyncIterator[WatchServer]:
    """Yield the server, listening; closed afterwards."""
    state = WatchServer()
    app = web.Application()
    app.router.add_get("/{tail:.*}", state.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    state.url = str(server.make_url("")).rstrip("/")
    try:
        yield state
    finally:
        state.cut_watches()
        await server.close()


def status(code: int, reason: str = "") -> web.Response:
    """Return a refusal."""
    body = {"kind": "Status", "code": code, "reason": reason, "message": reason}
    return web.json_response(body, status=code)
