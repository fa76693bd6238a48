"""The one client of the API server: JSON in, JSON out, every failure typed, every call bounded.

It stands on aiohttp, as `kubernetes.aio` does, and not on that package: its generated classes
validate and copy every object and cost a millisecond a call (get 3.1 ms against 1.6 ms, status
patch 4.1 against 2.9, measured side by side on Kubernetes 1.36), send JSON patches under the wrong
content type, and read proxy variables of the environment; and importing any part of it loads all
of it, 12 MiB of models that nothing here uses (docs/adr/0012).

aiohttp resends idempotent methods once when a kept-alive connection turns out to be dead, so
nothing here is ever sent as PUT or DELETE: a POST or PATCH goes out at most once.
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from assent import __version__
from assent.api import meta
from assent.errors import AssentError, OutcomeUnknown, Retryable
from assent.kube.answers import Request, error_of
from assent.kube.resources import ROUTES, Raw
from assent.kube.token import TokenFile
from assent.settings import Settings

READ_TIMEOUT_SECONDS: Final = 5.0
WRITE_TIMEOUT_SECONDS: Final = 5.0
CONNECT_TIMEOUT_SECONDS: Final = 3.0
KEEP_ALIVE_SECONDS: Final = 80.0
"""Below the 90 s after which the API server closes idle connections; above that a call may meet
a closing one."""
USER_AGENT: Final = f"assent/{__version__}"
"""As the API server's audit log shows us."""
LIST_PAGE: Final = 500
LONGEST_LINE_BYTES: Final = 2**21
"""Above the 1.5 MiB that etcd takes for one object."""
MERGE_PATCH: Final = "application/merge-patch+json"
JSON: Final = "application/json"

OnRequest = Callable[[str, str, str, float], None]
"""(verb, kind, HTTP status or ``error``, seconds), called after every request."""


class KubeClient:
    """Calls the API server as this process's service account.

    Every method raises, beside what it says itself:
        Retryable: (``Forbidden``, ``Fenced``, …) nothing happened; the type says when to retry.
        Terminal: (``Invalid``, …) nothing happened, and repeating will not help.
        OutcomeUnknown: only from writes: it was sent, and may or may not be stored. Read back.
    """

    def __init__(self, settings: Settings, *, on_request: OnRequest) -> None:
        self._server = settings.api_server
        self._token = TokenFile(settings.token_file)
        self._on_request = on_request
        self._ca_file = settings.ca_file
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self, kind: str, namespace: str, name: str, *, timeout_seconds: float = READ_TIMEOUT_SECONDS
    ) -> Raw:
        """Return the object; ``namespace`` is empty for cluster-scoped kinds.

        Raises:
            NotFound: there is none, or the kind is not installed.
        """
        path = ROUTES[kind].path(namespace, name)
        return await self._send("get", kind, Request("GET", path, writes=False), timeout_seconds)

    async def list(self, kind: str, namespace: str = "", *, from_cache: bool = False) -> list[Raw]:
        """Return all objects of the namespace (empty: of all namespaces), in pages of 500.

        A plain list is consistent, and waits for that: since Kubernetes 1.31 the API server
        answers it from its cache once that has caught up with etcd, which for a quiet kind on a
        busy server takes up to its progress period of 100 ms (92 ms measured; a get never waits).
        ``from_cache`` takes what the cache has now (2 ms): behind by the time an etcd watch event
        takes, as our own watch is.

        Raises:
            NotFound: the kind is not installed.
        """
        items: list[Raw] = []
        query = {"resourceVersion": "0"} if from_cache else {"limit": str(LIST_PAGE)}
        while True:
            path = f"{ROUTES[kind].path(namespace)}?{urlencode(query)}"
            page = await self._send(
                "list", kind, Request("GET", path, writes=False), READ_TIMEOUT_SECONDS * 2
            )
            identity = {"apiVersion": ROUTES[kind].api_version, "kind": kind}
            items.extend({**identity, **item} for item in page.get("items") or ())
            after = page.get("metadata", {}).get("continue")
            if not after:
                return items
            query["continue"] = after

    async def create(
        self,
        kind: str,
        namespace: str,
        body: Raw,
        *,
        dry_run: bool = False,
        timeout_seconds: float = WRITE_TIMEOUT_SECONDS,
    ) -> Raw:
        """Create the object and return it as stored; with ``dry_run`` nothing is stored.

        Raises:
            AlreadyExists: there is one of that name.
        """
        query = {"fieldManager": meta.FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
        path = f"{ROUTES[kind].path(namespace)}?{urlencode(query)}"
        request = Request("POST", path, writes=not dry_run)
        return await self._send("create", kind, request, timeout_seconds, body=body)

    async def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        body: Raw,
        *,
        subresource: str = "",
        timeout_seconds: float = WRITE_TIMEOUT_SECONDS,
    ) -> Raw:
        """Merge-patch the object and return it as stored.

        A ``metadata.resourceVersion`` in the body makes it a compare-and-swap.

        Raises:
            Conflict: the object is not at that version. Nothing was stored.
            NotFound: there is no such object.
        """
        path = ROUTES[kind].path(namespace, name, subresource)
        path += f"?fieldManager={meta.FIELD_MANAGER}"
        request = Request("PATCH", path, writes=True)
        return await self._send("patch", kind, request, timeout_seconds, body=body)

    async def watch_one(
        self, kind: str, namespace: str, name: str, *, resource_version: str, for_seconds: int
    ) -> AsyncGenerator[tuple[str, Raw], None]:
        """Yield (event type, object) for one object until the server ends the watch.

        Raises:
            Gone: the version is no longer kept; read the object again.
        """
        query = {
            "watch": "1",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(for_seconds),
        }
        path = f"{ROUTES[kind].path(namespace)}?{urlencode(query)}"
        request = Request("GET", path, writes=False)
        bound = aiohttp.ClientTimeout(total=for_seconds + 5, sock_connect=CONNECT_TIMEOUT_SECONDS)
        async with self._exchange(request, bound, {}, None) as response:
            if response.status != 200:
                raise error_of(request, response.status, await response.read())
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    code = int(status.get("code", 500))
                    raise error_of(request, code, json.dumps(status).encode())
                yield event["type"], event["object"]

    async def warm(self, connections: int) -> None:
        """Keep that many connections open and idle, so that a burst meets no TLS handshake.

        Raises:
            Retryable: the API server does not answer.
        """
        probe = Request("GET", "/version", writes=False)
        await asyncio.gather(
            *(self._send("get", "Version", probe, READ_TIMEOUT_SECONDS) for _ in range(connections))
        )

    async def _send(
        self,
        verb: str,
        kind: str,
        request: Request,
        timeout_seconds: float,
        *,
        body: Raw | None = None,
    ) -> dict[str, Any]:
        bound = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(CONNECT_TIMEOUT_SECONDS, timeout_seconds)
        )
        content = {"Content-Type": MERGE_PATCH if request.method == "PATCH" else JSON}
        started, outcome = time.monotonic(), "error"
        try:
            code, answer, retry_after = await self._once(request, bound, content, body)
            if code == 401 and self._token.reread(time.monotonic()):
                # A 401 is given before anything is looked at, so sending again is safe.
                code, answer, retry_after = await self._once(request, bound, content, body)
            outcome = str(code)
            if code >= 300:
                raise error_of(request, code, answer, retry_after=retry_after)
            return _decoded(request, answer)
        finally:
            self._on_request(verb, kind, outcome, time.monotonic() - started)

    async def _once(
        self,
        request: Request,
        bound: aiohttp.ClientTimeout,
        content: Mapping[str, str],
        body: Raw | None,
    ) -> tuple[int, bytes, str | None]:
        async with self._exchange(request, bound, content, body) as response:
            return response.status, await response.read(), response.headers.get("Retry-After")

    def _pool(self) -> aiohttp.ClientSession:
        """Return the one session, made at first use because it belongs to the running loop."""
        if self._session is None:
            self._session = _session(self._ca_file)
        return self._session

    @asynccontextmanager
    async def _exchange(
        self,
        request: Request,
        bound: aiohttp.ClientTimeout,
        content: Mapping[str, str],
        body: Raw | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send once; the body of the block reads the answer; transport errors come out typed."""
        headers = {
            "Authorization": self._token.header(time.monotonic()),
            "User-Agent": USER_AGENT,
            **content,
        }
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._pool().request(
                request.method,
                URL(self._server + request.path, encoded=True),
                headers=headers,
                data=None if body is None else json.dumps(body).encode(),
                timeout=bound,
                allow_redirects=False,
            )
            yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _unreachable(request, error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _broken_off(request, error) from error
        finally:
            if response is not None:
                response.release()


def _session(ca_file: Path) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=0,
        ssl=ssl.create_default_context(cafile=ca_file),
        keepalive_timeout=KEEP_ALIVE_SECONDS,
    )
    # An event of a watch is one line, which may be as long as an object.
    return aiohttp.ClientSession(
        connector=connector, trust_env=False, read_bufsize=LONGEST_LINE_BYTES
    )


def _decoded(request: Request, answer: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(answer)
    except ValueError:
        decoded = None
    if isinstance(decoded, dict):
        return decoded
    message = f"{request.line}: the answer is not a JSON object"
    if request.writes:
        raise OutcomeUnknown("AnswerLost", message)
    raise Retryable("ServerError", message)


def _unreachable(request: Request, error: Exception) -> AssentError:
    """The connection was never made: nothing was sent."""
    return Retryable(
        "APIServerUnreachable",
        f"{request.line}: no connection to the API server ({type(error).__name__})",
        after_seconds=1.0,
    )


def _broken_off(request: Request, error: Exception) -> AssentError:
    """Something went out and no whole answer came back."""
    message = f"{request.line}: no answer from the API server ({type(error).__name__})"
    if request.writes:
        return OutcomeUnknown("AnswerLost", message)
    return Retryable("APIServerUnreachable", message, after_seconds=1.0)
