"""One HTTP exchange with PD: bounded in time and size, and honest about whether bytes left."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import httpx

from assent.pd.tls import TlsFiles, client_context, explain

KEEPALIVE_SECONDS = 90.0
"""Longer than a detection interval, so that a write finds an open connection."""

_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)

_HUNG_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""The end of the bytes in the middle of a handshake; Python 3.11.2 says the second."""

_NO_TLS_FAULT = (ssl.SSLWantReadError, ssl.SSLWantWriteError, *_HUNG_UP)
"""Waiting for bytes, or their end: in the history of every timeout and reset over TLS."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one exchange may take, by phase."""

    connect_seconds: float = 2.0
    read_seconds: float = 5.0
    write_seconds: float = 2.0
    pool_seconds: float = 1.0

    @property
    def total_seconds(self) -> float:
        """The bound of a whole exchange, also against an answer that comes in drops."""
        return self.connect_seconds + self.read_seconds + self.write_seconds + self.pool_seconds


class OnRequest(Protocol):
    """Is told of every exchange: method, route without ids, status or failure, seconds, bytes."""

    def __call__(
        self, method: str, route: str, outcome: str, seconds: float, body_bytes: int, /
    ) -> None:
        """Count it."""


class FailureKind(StrEnum):
    """What went wrong on the wire."""

    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    CLOSED = "closed"
    """Closed in an orderly way before the first byte of an answer."""
    OVERSIZE = "oversize"


class WireFailure(Exception):  # noqa: N818 - what happened, not what to do
    """No whole answer. ``sent`` is False only when certainly not one byte of it left."""

    def __init__(self, kind: FailureKind, cause: str, *, sent: bool) -> None:
        super().__init__(cause)
        self.kind = kind
        self.cause = cause
        self.sent = sent


class StopSending(Exception):  # noqa: N818 - a decision, not a fault
    """Raised by ``before_first_byte`` to stop a request of which nothing has left."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    content_type: str
    body: bytes
    from_microservice: bool = False
    """True when PD passed the request on to its scheduling service (pd-api.md 0.1)."""

    @property
    def is_json(self) -> bool:
        """True for an answer of a handler; PD's plumbing answers in plain text (P04)."""
        return self.content_type.startswith("application/json")

    @property
    def text(self) -> str:
        """The body as text, cut to 300 characters."""
        return self.body[:1200].decode("utf-8", "replace").strip()[:300]


class Wire:
    """Sends single requests. No retry, no redirect, no cookie, no proxy from the environment."""

    def __init__(
        self,
        *,
        connections: int,
        tls: TlsFiles | None,
        timeouts: Timeouts,
        clock: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None,
        on_request: OnRequest | None,
    ) -> None:
        # A given transport (a fake) may not report when it begins to send.
        self._reports_sending = transport is None
        self._transport = transport or httpx.AsyncHTTPTransport(
            verify=client_context(tls),
            trust_env=False,
            http1=True,
            http2=False,
            retries=0,
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
        )
        self._timeouts = timeouts
        self._phases = {
            "connect": timeouts.connect_seconds,
            "read": timeouts.read_seconds,
            "write": timeouts.write_seconds,
            "pool": timeouts.pool_seconds,
        }
        self._clock = clock
        self._on_request = on_request

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        route: str,
        headers: Mapping[str, str],
        content: bytes | None = None,
        cap_bytes: int,
        before_first_byte: Callable[[], None] | None = None,
    ) -> Answer:
        """Return the answer to exactly one request.

        ``before_first_byte`` is called right before the first byte is handed to the socket, after
        any wait for a connection; a StopSending from it stops the request and comes out unchanged.

        Raises:
            WireFailure: there is no whole answer; ``sent`` says whether PD may have acted.
        """
        started = self._clock()
        outcome, size = "abandoned", 0
        try:
            answer = await self._send(
                method, url, headers, content, cap_bytes, before_first_byte or _go_on
            )
            outcome, size = str(answer.status), len(answer.body)
        except WireFailure as failure:
            outcome = failure.kind.value
            raise
        finally:
            if self._on_request is not None:
                self._on_request(method, route, outcome, self._clock() - started, size)
        return answer

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        cap_bytes: int,
        before_first_byte: Callable[[], None],
    ) -> Answer:
        sending = False

        # httpcore calls this between "a connection is there" and its first write, with no
        # suspension in between on a connection that can be written to.
        async def trace(event: str, _: object) -> None:
            nonlocal sending
            if event == "http11.send_request_headers.started":
                before_first_byte()
                sending = True

        try:
            request = httpx.Request(
                method,
                _parsed(url),
                headers=headers,
                content=content,
                extensions={"timeout": self._phases, "trace": trace},
            )
            if not self._reports_sending:
                before_first_byte()
            async with asyncio.timeout(self._timeouts.total_seconds):
                response = await self._transport.handle_async_request(request)
                try:
                    return await _read(response, cap_bytes)
                finally:
                    await response.aclose()
        except (StopSending, WireFailure):
            raise
        except Exception as error:
            # Wide on purpose: besides its own errors httpx lets some of ssl, anyio and asyncio
            # through, and whatever it is, whether bytes left must not get lost.
            never_began = self._reports_sending and not sending
            sent = not (never_began or isinstance(error, _BEFORE_SENDING))
            raise self._failure(error, sent=sent) from error

    def _failure(self, error: Exception, *, sent: bool) -> WireFailure:
        """Say in one phrase what broke."""
        chain = tuple(_chain(error))
        for link in chain:
            if isinstance(link, ssl.SSLError) and not isinstance(link, _NO_TLS_FAULT):
                return WireFailure(FailureKind.TLS, explain(link), sent=sent)
        if isinstance(error, httpx.PoolTimeout):
            return WireFailure(FailureKind.TIMEOUT, "no free connection", sent=sent)
        if isinstance(error, httpx.ConnectTimeout):
            seconds = self._timeouts.connect_seconds
            return WireFailure(
                FailureKind.CONNECT, f"no connection within {seconds:g} s", sent=sent
            )
        if isinstance(error, httpx.ConnectError):
            return WireFailure(FailureKind.CONNECT, _os_cause(chain), sent=sent)
        if isinstance(error, httpx.TimeoutException):
            return WireFailure(
                FailureKind.TIMEOUT,
                f"no answer within {self._timeouts.read_seconds:g} s",
                sent=sent,
            )
        if isinstance(error, TimeoutError):
            return WireFailure(
                FailureKind.TIMEOUT,
                f"no whole answer within {self._timeouts.total_seconds:g} s",
                sent=sent,
            )
        if isinstance(error, httpx.InvalidURL):
            return WireFailure(FailureKind.CONNECT, "the address is malformed", sent=sent)
        if isinstance(error, httpx.RemoteProtocolError) and "without sending a response" in str(
            error
        ):
            cause = "it closed the connection without an answer"
            return WireFailure(FailureKind.CLOSED, cause, sent=sent)
        cause = "the connection broke before a whole answer came"
        if not isinstance(error, (httpx.TransportError, OSError)):
            cause = f"{cause} ({type(error).__name__})"
        return WireFailure(FailureKind.BROKEN, cause, sent=sent)


async def _read(response: httpx.Response, cap_bytes: int) -> Answer:
    """Return the answer, giving up as soon as it grows beyond the cap."""
    body = bytearray()
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise httpx.ReadError("the answer has no body to wait for")
    async for part in stream:
        body += part
        if len(body) > cap_bytes:
            mib = cap_bytes / 1_048_576
            raise WireFailure(
                FailureKind.OVERSIZE, f"the answer is larger than {mib:g} MiB", sent=True
            )
    return Answer(
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        body=bytes(body),
        from_microservice="x-forwarded-to-microservice" in response.headers,
    )


@functools.lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Return the URL; parsing is a tenth of what an exchange costs, and most are sent again."""
    return httpx.URL(url)


def _go_on() -> None:
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _os_cause(chain: tuple[BaseException, ...]) -> str:
    for link in chain:
        if isinstance(link, socket.gaierror):
            return "the name cannot be resolved"
        if isinstance(link, ConnectionRefusedError):
            return "connection refused"
        if isinstance(link, _HUNG_UP):
            return "it ended the TLS handshake (a PD that speaks http does that)"
        if isinstance(link, OSError) and link.strerror:
            return link.strerror.lower()
    return "no connection"
