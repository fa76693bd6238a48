"""TLS as PD speaks it: mutual, and every way it fails has its own sentence."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from assent.core.model.call import Did, DidNot
from assent.errors import Retryable
from assent.pd.client import Leader, PdClient
from assent.pd.tls import TlsFiles, client_context
from assent.pd.wire import Timeouts
from assent.pd.writes import send
from tests.support.certificates import Authority, Pair
from tests.support.pd import LIMIT, permit
from tests.support.rough_server import RoughServer, Visit, rough_server

PATIENT = Timeouts(connect_seconds=20, read_seconds=20)
"""Nobody is late but who is meant to be: a busy machine is not."""
AUTHORITY = Authority("pd authority")
FOREIGN = Authority("another authority")
SERVER = AUTHORITY.issue("pd")
CLIENT = AUTHORITY.issue("assent")
STRANGER = FOREIGN.issue("assent")
ELSEWHERE = AUTHORITY.issue("pd", address="127.9.9.9")


async def accept(visit: Visit) -> None:
    await visit.json(200, b'"ok"')


@asynccontextmanager
async def pd_with_tls(folder: Path, pair: Pair = SERVER) -> AsyncIterator[RoughServer]:
    """A server that demands a certificate of the authority, as PD with cacert-path does."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # its handshake complaints
    async with rough_server(accept, tls=_demanding(folder, pair)) as server:
        yield server


@contextmanager
def pd_that_alerts(folder: Path) -> Iterator[str]:
    """The same on blocking sockets, whose handshake tells the client why it failed, as Go's."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            # A second handle keeps the connection open past the failed handshake, to read what
            # the client still sends: a reset would overtake the alert.
            with connection.dup() as rest, suppress(OSError):
                try:
                    _demanding(folder, SERVER).wrap_socket(connection, server_side=True).close()
                finally:
                    while rest.recv(4096):
                        pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _demanding(folder: Path, pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "crt").write_bytes(pair.cert)
    (folder / "key").write_bytes(pair.key)
    context.load_cert_chain(folder / "crt", folder / "key")
    context.load_verify_locations(cadata=AUTHORITY.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def complaint(url: str, files: TlsFiles | None, *, timeouts: Timeouts = PATIENT) -> Retryable:
    client = PdClient([url], tls=files, clock=time.monotonic, timeouts=timeouts)
    try:
        with pytest.raises(Retryable) as caught:
            await client.discover()
    finally:
        await client.aclose()
    return caught.value


async def test_mutual_tls_works(tmp_path: Path) -> None:
    """ca.crt, tls.crt and tls.key of TiDB Operator's client secret."""
    files = TlsFiles(AUTHORITY.pem, CLIENT.cert, CLIENT.key)
    async with pd_with_tls(tmp_path) as server:
        client = PdClient([server.url], tls=files, clock=time.monotonic)
        client._leader = Leader("pd-0", 1, server.url, 1)
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
        await client.aclose()
    assert outcome == Did("ok")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param(
            TlsFiles(FOREIGN.pem, CLIENT.cert, CLIENT.key),
            "PD's certificate is not trusted",
            id="wrong authority",
        ),
        pytest.param(
            TlsFiles(AUTHORITY.pem), "PD demands a client certificate", id="no client certificate"
        ),
        pytest.param(
            TlsFiles(AUTHORITY.pem, STRANGER.cert, STRANGER.key),
            "PD refused the client certificate",
            id="a certificate of another authority",
        ),
        pytest.param(None, "PD's certificate is not trusted", id="system authorities only"),
    ],
)
async def test_each_way_to_fail_has_its_sentence(
    tmp_path: Path, files: TlsFiles | None, words: str
) -> None:
    """TLSFailed, with what to look at."""
    with pd_that_alerts(tmp_path) as url:
        error = await complaint(url, files)
    assert error.reason == "TLSFailed"
    assert words in error.message
    assert url in error.message


async def test_a_refusal_whose_alert_got_lost_still_hints_at_the_certificate(
    tmp_path: Path,
) -> None:
    """With TLS 1.3 a reset can overtake the alert; this server never sends one."""
    async with pd_with_tls(tmp_path) as server:
        error = await complaint(server.url, TlsFiles(AUTHORITY.pem))
    assert error.reason in ("PDUnreachable", "TLSFailed")
    assert "client certificate" in error.message


async def test_a_certificate_for_another_address_is_refused(tmp_path: Path) -> None:
    """Names are checked: any other holder of a certificate of the CA is not PD."""
    files = TlsFiles(AUTHORITY.pem, CLIENT.cert, CLIENT.key)
    async with pd_with_tls(tmp_path, ELSEWHERE) as server:
        error = await complaint(server.url, files)
    assert error.reason == "TLSFailed"
    assert "not trusted" in error.message


async def test_https_to_a_plain_port_says_so() -> None:
    """The scheme in spec.pd.endpoints is wrong; Go answers such a greeting with a plain 400."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        error = await complaint(f"https://127.0.0.1:{port}", TlsFiles(AUTHORITY.pem))
    assert error.reason == "TLSFailed"
    assert "PD answers without TLS" in error.message


async def test_https_to_a_plain_port_that_only_hangs_up_names_the_likely_cause() -> None:
    """A real PD v8.1 without TLS ends the handshake so; a PD that stops may, too: a hint."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        error = await complaint(url, TlsFiles(AUTHORITY.pem))
    assert error.reason == "PDUnreachable"
    assert error.message == (
        f"PD at {url} does not answer: it ended the TLS handshake (a PD that speaks http does that)"
    )


async def test_silence_over_tls_is_no_tls_failure(tmp_path: Path) -> None:
    """A slow PD must not send people to look at certificates."""

    async def silence(_: Visit) -> None:
        await asyncio.Event().wait()

    files = TlsFiles(AUTHORITY.pem, CLIENT.cert, CLIENT.key)
    async with rough_server(silence, tls=_demanding(tmp_path, SERVER)) as server:
        quick = Timeouts(connect_seconds=20, read_seconds=0.8)
        error = await complaint(server.url, files, timeouts=quick)
    assert error.reason == "PDUnreachable"
    assert "no answer within" in error.message


async def test_a_handshake_that_never_ends_is_no_tls_failure() -> None:
    """Something listens and says nothing: not reachable."""
    async with rough_server(accept) as server:
        url, quick = server.url.replace("http:", "https:"), Timeouts(connect_seconds=0.8)
        error = await complaint(url, TlsFiles(AUTHORITY.pem), timeouts=quick)
    assert error.reason == "PDUnreachable"
    assert "no connection within" in error.message


async def test_a_failed_handshake_sends_no_write(tmp_path: Path) -> None:
    """The server is not PD as far as we know: nothing may reach it."""
    async with pd_with_tls(tmp_path) as server:
        client = PdClient([server.url], tls=TlsFiles(FOREIGN.pem), clock=time.monotonic)
        client._leader = Leader("pd-0", 1, server.url, 1)
        outcome = await send(client, LIMIT, permit(), monotonic=time.monotonic)
        await client.aclose()
    assert isinstance(outcome, DidNot)
    assert not outcome.sent
    assert server.heads == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (TlsFiles(b""), "ca.crt"),
        (TlsFiles(b"not PEM"), "ca.crt"),
        (TlsFiles(b"\xff\xfe"), "ca.crt"),
        (TlsFiles(AUTHORITY.pem, CLIENT.cert), "tls.crt and tls.key"),
        (TlsFiles(AUTHORITY.pem, None, CLIENT.key), "tls.crt and tls.key"),
        (TlsFiles(AUTHORITY.pem, CLIENT.cert, STRANGER.key), "tls.crt and tls.key"),
        (TlsFiles(AUTHORITY.pem, b"x", b"y"), "tls.crt and tls.key"),
    ],
)
def test_an_unusable_secret_names_the_key(files: TlsFiles, words: str) -> None:
    """A user looks for one of three entries of a Secret."""
    with pytest.raises(Retryable, match=words) as caught:
        client_context(files)
    assert caught.value.reason == "TLSFailed"


def test_old_protocols_are_off() -> None:
    """TLS 1.2 is the least."""
    assert client_context(TlsFiles(AUTHORITY.pem)).minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_key_is_never_shown() -> None:
    """``repr`` ends up in logs."""
    shown = repr(TlsFiles(AUTHORITY.pem, CLIENT.cert, CLIENT.key))
    assert "PRIVATE" not in shown
    assert "BEGIN" not in shown
