"""Real sockets on loopback: what a broken exchange proves about the write that was in it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from assent.core.model.call import CallOutcome, Did, DidNot, Unknown
from assent.errors import Retryable, Terminal
from assent.pd.client import Leader, PdClient
from assent.pd.wire import Timeouts
from assent.pd.writes import send
from sandbox.ports import free_port
from tests.support.pd import LIMIT, STOP_EVICT, permit
from tests.support.rough_server import Reply, RoughServer, Visit, rough_server

PATIENT = Timeouts(connect_seconds=20, read_seconds=20, write_seconds=20, pool_seconds=20)
"""Nobody is late but who is meant to be: a busy machine is not."""
QUICK = Timeouts(connect_seconds=20, read_seconds=0.3, write_seconds=20, pool_seconds=20)
"""For who never answers."""


@asynccontextmanager
async def led_by(url: str, *, timeouts: Timeouts = PATIENT) -> AsyncIterator[PdClient]:
    """A client that believes in a leader at that URL, whatever is there."""
    client = PdClient([url], timeouts=timeouts, clock=time.monotonic)
    client._leader = Leader("pd-0", 1, url, 1)
    try:
        yield client
    finally:
        await client.aclose()


async def sent_to(reply: Reply) -> tuple[CallOutcome, RoughServer]:
    timeouts = patience_with(reply)
    async with rough_server(reply) as server, led_by(server.url, timeouts=timeouts) as client:
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
    return outcome, server


def patience_with(reply: Reply) -> Timeouts:
    return QUICK if reply is silence else PATIENT


async def accept(visit: Visit) -> None:
    await visit.json(200, b'"The store\'s limit is updated."')


async def reset(visit: Visit) -> None:
    visit.reset()


async def close(visit: Visit) -> None:
    visit.writer.close()


async def half_a_head(visit: Visit) -> None:
    await visit.say(b"HTTP/1.1 200 OK\r\nContent-Le")
    visit.writer.close()


async def half_a_body(visit: Visit) -> None:
    await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b'"The sto')
    visit.writer.close()


async def nonsense(visit: Visit) -> None:
    await visit.say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    visit.writer.close()


async def silence(visit: Visit) -> None:
    await asyncio.Event().wait()


async def oversize(visit: Visit) -> None:
    await visit.json(200, b"x" * 200_000)


async def test_a_whole_answer_did() -> None:
    """The reference for all that follows: same server, same call."""
    outcome, server = await sent_to(accept)
    assert outcome == Did("The store's limit is updated.")
    [head] = server.heads
    assert head.startswith(b"POST /pd/api/v1/store/2/limit HTTP/1.1\r\n")
    assert b"PD-Redirector: assent\r\n" in head


@pytest.mark.parametrize(
    "reply", [reset, close, half_a_head, half_a_body, nonsense, silence, oversize]
)
async def test_once_bytes_have_left_only_a_whole_answer_counts(reply: Reply) -> None:
    """PD may have acted in every one of these; and the request was sent once."""
    outcome, server = await sent_to(reply)
    assert isinstance(outcome, Unknown)
    assert outcome.answer
    assert len(server.heads) == 1


async def test_a_refused_connection_did_not() -> None:
    """Nothing listens: not one byte left."""
    async with led_by(f"http://127.0.0.1:{free_port()}") as client:
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
    assert outcome == DidNot("not sent: connection refused", sent=False)


async def test_a_connection_that_never_opens_did_not() -> None:
    """A full backlog: the connection attempt itself runs into its timeout."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            timeouts = Timeouts(connect_seconds=0.2, read_seconds=1)
            async with led_by(url, timeouts=timeouts) as client:
                outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
        finally:
            for one in waiting:
                one.close()
    assert outcome == DidNot("not sent: no connection within 0.2 s", sent=False)


async def test_a_name_that_does_not_resolve_did_not() -> None:
    """The zone .invalid never resolves (RFC 2606)."""
    async with led_by("http://pd.invalid:2379") as client:
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
    assert isinstance(outcome, DidNot)
    assert not outcome.sent


async def test_an_answer_in_drops_ends_at_the_total_bound() -> None:
    """Each drop restarts the read timeout; the lease does not wait for that."""

    async def drops(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await visit.say(b"x")
            await asyncio.sleep(0.05)

    timeouts = Timeouts(
        connect_seconds=0.1, read_seconds=0.3, write_seconds=0.05, pool_seconds=0.05
    )
    async with rough_server(drops) as server, led_by(server.url, timeouts=timeouts) as client:
        began = time.monotonic()
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
        lasted = time.monotonic() - began
    assert isinstance(outcome, Unknown)
    assert client.request_timeout_seconds == pytest.approx(0.5)
    assert lasted < 20.0, "all of it would take 50 s"


async def test_a_permit_is_looked_at_after_the_connection_is_there() -> None:
    """Opening it took longer than the permit lasts: the server never sees a request."""
    readings = iter([9.0, 11.0])
    async with rough_server(accept) as server, led_by(server.url) as client:
        outcome = await send(client, LIMIT, permit(send_by=10.0), monotonic=lambda: next(readings))
    assert outcome == DidNot("not sent: the permit to send ran out", sent=False)
    assert server.heads == []


async def test_a_stopped_send_leaves_the_client_usable() -> None:
    """The connection that was ready is given back or closed, not lost."""
    async with rough_server(accept) as server, led_by(server.url) as client:
        for _ in range(5):
            readings = iter([9.0, 11.0])
            await send(client, LIMIT, permit(send_by=10.0), monotonic=readings.__next__)
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
    assert isinstance(outcome, Did)


async def test_a_redirect_is_not_followed() -> None:
    """The write would run at a place that nobody approved."""
    async with rough_server(accept) as elsewhere:

        async def redirect(visit: Visit) -> None:
            location = f"Location: {elsewhere.url}/pd/api/v1/store/2/limit".encode()
            await visit.say(b"HTTP/1.1 307 X\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n")

        outcome, server = await sent_to(redirect)
        assert isinstance(outcome, Unknown)
        assert len(server.heads) == 1
        assert elsewhere.heads == []


async def test_an_idle_connection_that_pd_closed_is_replaced_before_sending() -> None:
    """PD was restarted between the snapshot and the write: no Unknown for that."""

    async def once(visit: Visit) -> None:
        await accept(visit)
        visit.writer.close()

    async with rough_server(once) as server, led_by(server.url) as client:
        for _ in range(3):
            outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
            assert isinstance(outcome, Did)
            await asyncio.sleep(0.02)  # the close has to reach us; nothing tells when it has
    assert len(server.heads) == 3


async def test_a_cancelled_send_is_cancelled() -> None:
    """Shutdown in the middle: the engine's recovery decides, this module does not."""
    arrived = asyncio.Event()

    async def hold(_: Visit) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with rough_server(hold) as server, led_by(server.url) as client:
        task = asyncio.create_task(send(client, STOP_EVICT, permit(), monotonic=time.monotonic))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (reset, "PDUnreachable", "the connection broke"),
        (close, "PDUnreachable", "a PD that wants https does that"),
        (half_a_body, "PDUnreachable", "the connection broke"),
        (nonsense, "PDUnreachable", "the connection broke"),
        (silence, "PDUnreachable", "no answer within 0.3 s"),
    ],
)
async def test_a_broken_read_is_retryable_and_says_why(
    reply: Reply, reason: str, words: str
) -> None:
    """One sentence with endpoint and cause, for the STATUS of a TiKVCluster."""
    asking = patience_with(reply)
    async with rough_server(reply) as server, _asking(server.url, asking) as client:
        with pytest.raises(Retryable, match=words) as caught:
            await client.discover()
    assert caught.value.reason == reason
    assert server.url in caught.value.message


async def test_a_refused_read_names_endpoint_and_cause() -> None:
    """The commonest bad day."""
    url = f"http://127.0.0.1:{free_port()}"
    async with _asking(url) as client:
        with pytest.raises(Retryable) as caught:
            await client.discover()
    assert caught.value.message == f"PD at {url} does not answer: connection refused"
    assert caught.value.reason == "PDUnreachable"


async def test_a_read_without_end_is_cut_off() -> None:
    """8 MiB, whatever the answer claims: memory is bounded."""

    async def endless(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        part = b"x" * 65536
        while True:
            await visit.say(b"10000\r\n" + part + b"\r\n")

    timeouts = Timeouts()
    async with rough_server(endless) as server, _asking(server.url, timeouts) as client:
        with pytest.raises(Terminal, match="larger than 8 MiB") as caught:
            await client.discover()
    assert caught.value.reason == "PDAnswerUnusable"


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """PD calls go to PD, also where HTTP_PROXY is set for something else."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    outcome, server = await sent_to(accept)
    assert isinstance(outcome, Did)
    assert len(server.heads) == 1


@pytest.mark.parametrize("reply", [accept, silence, reset])
async def test_failures_are_reported_too(reply: Reply) -> None:
    """Metrics count what went wrong by its kind."""
    told: list[str] = []
    on_request: Callable[..., None] = lambda *it: told.append(it[2])  # noqa: E731
    async with rough_server(reply) as server:
        timeouts = patience_with(reply)
        client = PdClient(
            [server.url], timeouts=timeouts, clock=time.monotonic, on_request=on_request
        )
        client._leader = Leader("pd-0", 1, server.url, 1)
        await send(client, LIMIT, permit(), monotonic=time.monotonic)
        await client.aclose()
    expected: dict[Reply, str] = {accept: "200", silence: "timeout", reset: "broken"}
    assert told == [expected[reply]]


def _asking(url: str, timeouts: Timeouts = PATIENT) -> "_Closing":
    return _Closing(PdClient([url], timeouts=timeouts, clock=time.monotonic))


class _Closing:
    """A client that is closed on the way out."""

    def __init__(self, client: PdClient) -> None:
        self._client = client

    async def __aenter__(self) -> PdClient:
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
