"""Finds the PD leader, reads from it directly, and follows it when it changes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpx

from assent.errors import AssentError, Retryable, Terminal
from assent.pd import schemas
from assent.pd.failures import LeaderGone, check, no_leader, unanswered
from assent.pd.fields import parse
from assent.pd.tls import TLS_FAILED, TlsFiles
from assent.pd.wire import Answer, FailureKind, OnRequest, Timeouts, Wire, WireFailure

T = TypeVar("T")

API = "/pd/api/v1"
READ_CAP_BYTES = 8 * 1024 * 1024
READS_AT_ONCE = 2
"""PD has no rate limit of its own; a client that is kind to it asks little at once (5.1)."""

LEADER_ONLY = {
    "PD-Redirector": "assent",  # a member that does not lead refuses instead of forwarding (P03)
    "X-Caller-ID": "assent",  # a label of PD's metrics, hence constant (P05)
    "User-Agent": "assent",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}
_ANY_MEMBER = {
    # Discovery only: the member answers from what it knows itself (P01). It would override
    # PD-Redirector, so it never goes with anything else.
    "PD-Allow-follower-handle": "true",
    **{name: value for name, value in LEADER_ONLY.items() if name != "PD-Redirector"},
}

_WORTH_ANOTHER = (FailureKind.CLOSED, FailureKind.BROKEN)
"""A connection that was there and broke; one that cannot be made, or is slow, stays so."""


@dataclass(frozen=True, slots=True)
class Leader:
    """The member that leads, as it was found."""

    name: str
    member_id: int
    url: str
    """The client URL to call, without a trailing slash."""
    cluster_id: int


class PdClient:
    """A client of one PD cluster. It is not shared between event loops; close it with aclose."""

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        tls: TlsFiles | None = None,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        """Take client URLs of members; ``clock`` is monotonic. Nothing is sent yet.

        Raises:
            Retryable: reason TLSFailed; the TLS secret is unusable, or an endpoint says http
                although there is one.
        """
        self._endpoints = tuple(endpoint.rstrip("/") for endpoint in endpoints)
        self._tls = tls
        for endpoint in self._endpoints:
            if tls is not None and not endpoint.startswith("https://"):
                raise Retryable(
                    TLS_FAILED, f"{endpoint}: a TLS secret is given, but the endpoint says http"
                )
        self._timeouts = timeouts or Timeouts()
        self._wire = Wire(
            # One more than reads may use, so that a write never waits behind them.
            connections=READS_AT_ONCE + 1,
            tls=tls,
            timeouts=self._timeouts,
            clock=clock,
            transport=transport,
            on_request=on_request,
        )
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self._discovering = asyncio.Lock()
        self._leader: Leader | None = None
        self._version: str | None = None
        self._heard_of: tuple[str, ...] = ()
        self._turn = 0

    @property
    def known_leader(self) -> Leader | None:
        """The leader as last found, None before the first read and after it was lost."""
        return self._leader

    @property
    def request_timeout_seconds(self) -> float:
        """No exchange lasts longer than this."""
        return self._timeouts.total_seconds

    @property
    def wire(self) -> Wire:
        """The bare exchange, for ``pd.writes``."""
        return self._wire

    def forget_leader(self, leader: Leader) -> None:
        """Make the next read look for the leader again, unless another was found meanwhile."""
        if self._leader == leader:
            self._leader = None
            self._version = None

    async def on_leader(self, read: Callable[[Leader], Awaitable[T]]) -> T:
        """Return what ``read`` returns of the leader; run it once more if that no longer led.

        Raises:
            Retryable: PDUnreachable, TLSFailed or PDNotReady.
            Terminal: PDAnswerUnusable.
        """
        known = self._leader
        if known is not None:
            try:
                return await read(known)
            except LeaderGone:
                self.forget_leader(known)
        leader = await self.discover()
        try:
            return await read(leader)
        except LeaderGone:
            self.forget_leader(leader)
            raise

    async def discover(self) -> Leader:
        """Return the leader, asking one member after another; at once when it is known.

        Raises:
            Retryable: PDUnreachable, TLSFailed, or PDNotReady while there is no leader.
            Terminal: PDAnswerUnusable.
        """
        async with self._discovering:
            if self._leader is not None:
                return self._leader
            addresses = tuple(dict.fromkeys((*self._endpoints, *self._heard_of)))
            # Begin where the last attempt did not: a member that is cut off may name an old leader.
            start = self._turn % len(addresses)
            self._turn += 1
            problems: list[AssentError] = []
            for address in (*addresses[start:], *addresses[:start]):
                try:
                    self._leader = await self._ask_for_leader(address)
                except (Retryable, Terminal) as problem:
                    problems.append(problem)
                else:
                    return self._leader
            raise no_leader(problems)

    async def get(
        self, leader: Leader, path: str, *, route: str | None = None, accept: tuple[int, ...] = ()
    ) -> Answer:
        """Return the leader's answer to GET ``path`` (below /pd/api/v1), of status 200 or accepted.

        Raises:
            LeaderGone: the leader cannot be reached or does not lead any more.
            Retryable: TLSFailed or PDNotReady.
            Terminal: PDAnswerUnusable; too large, or a status that no PD gives here.
        """
        answer = await self._read(leader.url, path, route or path, LEADER_ONLY)
        if answer.status != 200 and answer.status not in accept:
            check(answer, call=f"GET {API}{path}", url=leader.url)
        return answer

    async def version(self, leader: Leader) -> str:
        """Return the leader's release, asked once as long as it leads."""
        if self._version is None:
            answer = await self.get(leader, "/version")
            self._version = schemas.version(parse(answer.body, f"GET {API}/version"))
        return self._version

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()

    async def _read(self, url: str, path: str, route: str, headers: dict[str, str]) -> Answer:
        """Ask, and once more where the connection broke: one look is many reads, and any of them
        may meet a kept connection that the other side is just closing (Go's net/http does so too).
        """
        exchange = partial(
            self._wire.exchange,
            "GET",
            f"{url}{API}{path}",
            route=f"{API}{route.partition('?')[0]}",
            headers=headers,
            cap_bytes=READ_CAP_BYTES,
        )
        async with self._reading:
            try:
                try:
                    return await exchange()
                except WireFailure as failure:
                    if failure.kind not in _WORTH_ANOTHER:
                        raise
                return await exchange()
            except WireFailure as failure:
                raise unanswered(failure, call=f"GET {API}{path}", url=url) from failure

    async def _ask_for_leader(self, address: str) -> Leader:
        call = f"GET {API}/members"
        answer = await self._read(address, "/members", "/members", _ANY_MEMBER)
        if answer.status != 200:
            check(answer, call=call, url=address)
        found = schemas.membership(parse(answer.body, call))
        self._heard_of = tuple(
            url for member in found.members for url in self._usable(member.client_urls)
        )
        if found.leader is None:
            raise LeaderGone("PDNotReady", f"{address}: PD has no leader at the moment")
        urls = self._usable(found.leader.client_urls)
        if not urls:
            raise Retryable(
                TLS_FAILED,
                f"{address}: the leader {found.leader.name} advertises no https address, and with"
                " a TLS secret nothing is sent in the clear",
            )
        return Leader(found.leader.name, found.leader.member_id, urls[0], found.cluster_id)

    def _usable(self, urls: Sequence[str]) -> tuple[str, ...]:
        schemes = ("https://",) if self._tls is not None else ("http://", "https://")
        return tuple(url.rstrip("/") for url in urls if url.startswith(schemes))
