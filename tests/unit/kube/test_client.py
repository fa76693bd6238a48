"""Every failure of a call comes out as what the caller should do next."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from assent.errors import OutcomeUnknown, Retryable, Terminal
from assent.kube.client import KubeClient
from assent.kube.errors import Gone
from assent.kube.resources import KINDS, Raw
from tests.support.rough_server import Visit, rough_server
from tests.unit.kube.conftest import NewClient

Call = Callable[[KubeClient], Awaitable[object]]
BODY: Raw = {"metadata": {"name": "a"}}
PATIENCE = {"seconds": 20.0}
"""Nobody is late but who is meant to be: a busy machine is not."""


async def read(client: KubeClient) -> object:
    """A read."""
    return await client.get(KINDS.cluster, "ns", "a", timeout_seconds=PATIENCE["seconds"])


async def create(client: KubeClient) -> object:
    """A write that makes an object."""
    return await client.create(KINDS.proposal, "ns", BODY, timeout_seconds=PATIENCE["seconds"])


async def rehearse(client: KubeClient) -> object:
    """A write that the server only pretends to do."""
    return await client.create(
        KINDS.proposal, "ns", BODY, dry_run=True, timeout_seconds=PATIENCE["seconds"]
    )


async def patch(client: KubeClient) -> object:
    """A write that changes an object."""
    return await client.patch(
        KINDS.cluster, "ns", "a", BODY, subresource="status", timeout_seconds=PATIENCE["seconds"]
    )


async def cut(visit: Visit) -> None:
    """Break the connection after the request arrived."""
    visit.reset()


async def half(visit: Visit) -> None:
    """Announce more than is sent, then break off."""
    await visit.say(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"kind"')
    visit.writer.close()


async def silent(_: Visit) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def nonsense(visit: Visit) -> None:
    """Answer 200 with something that is no JSON object."""
    await visit.json(200, b"<html>")


async def broken(visit: Visit) -> None:
    """Answer 500."""
    await visit.json(500, b'{"kind":"Status","message":"etcdserver: request timed out"}')


@pytest.mark.parametrize("fault", [cut, half, silent, nonsense, broken])
@pytest.mark.parametrize(
    ("call", "error"),
    [(read, Retryable), (rehearse, Retryable), (create, OutcomeUnknown), (patch, OutcomeUnknown)],
)
async def test_a_write_that_was_sent_and_not_answered_is_unknown_a_read_is_retryable(
    new_client: NewClient,
    fault: Callable[[Visit], Awaitable[None]],
    call: Call,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server may have stored what it did not confirm; a read has nothing to store."""
    if fault is silent:
        monkeypatch.setitem(PATIENCE, "seconds", 0.6)
    async with rough_server(fault) as server:
        with pytest.raises(error):
            await call(new_client(server.url))
        if call is not read:  # aiohttp may send a GET again by itself
            assert len(server.heads) == 1, "it is never sent again on its own"


@pytest.mark.parametrize("call", [read, create, patch])
async def test_what_never_left_is_retryable_also_for_writes(
    new_client: NewClient, call: Call
) -> None:
    """A refused connection proves that nothing was sent."""
    async with rough_server(cut) as server:
        url = server.url
    with pytest.raises(Retryable, match="no connection"):
        await call(new_client(url))


@pytest.mark.parametrize(
    ("call", "kind"), [(create, "application/json"), (patch, "application/merge-patch+json")]
)
async def test_writes_say_their_content_type_and_who_writes(
    new_client: NewClient, call: Call, kind: str
) -> None:
    """The library's defaults are a strategic patch, which custom resources do not know."""

    async def answer(visit: Visit) -> None:
        await visit.json(200, b"{}")

    async with rough_server(answer) as server:
        await call(new_client(server.url))
    head = server.heads[0].decode()
    assert f"Content-Type: {kind}\r\n" in head
    assert "fieldManager=assent" in head
    assert "Authorization: Bearer first-token\r\n" in head


async def test_the_environments_proxy_is_not_used(new_client: NewClient) -> None:
    """The API server is never behind the proxy that a pod's environment may name."""

    async def answer(visit: Visit) -> None:
        await visit.json(200, b"{}")

    async with rough_server(answer) as server:
        await read(new_client(server.url))
    assert len(server.heads) == 1


async def test_a_list_is_read_page_by_page_and_items_get_their_kind(
    new_client: NewClient, calls: list[tuple[str, str, str]]
) -> None:
    """Items of a list carry neither kind nor apiVersion; consumers should not have to know."""
    pages = [
        {"metadata": {"continue": "bmV4dA"}, "items": [{"metadata": {"name": "a"}}]},
        {"metadata": {}, "items": [{"metadata": {"name": "b"}}]},
    ]

    async def answer(visit: Visit) -> None:
        await visit.json(200, json.dumps(pages.pop(0)).encode())

    async with rough_server(answer) as server:
        items = await new_client(server.url).list(KINDS.halt)
    assert [item["metadata"]["name"] for item in items] == ["a", "b"]
    assert {item["kind"] for item in items} == {"Halt"}
    assert b"continue=bmV4dA" in server.heads[1]
    assert calls == [("list", "Halt", "200")] * 2


async def test_a_rotated_token_is_read_anew_when_the_old_one_is_refused(
    new_client: NewClient, token_file: Path
) -> None:
    """A 401 is given before anything is looked at, so sending again is safe, writes too."""

    async def answer(visit: Visit) -> None:
        if b"second-token" in visit.head:
            await visit.json(200, b"{}")
        else:
            token_file.write_text("second-token")  # noqa: ASYNC240
            await visit.json(401, b"{}")

    async with rough_server(answer) as server:
        await create(new_client(server.url))
    assert len(server.heads) == 2


async def test_a_token_that_stays_refused_is_not_sent_for_ever(new_client: NewClient) -> None:
    """The same token gives the same answer: once is enough."""

    async def answer(visit: Visit) -> None:
        await visit.json(401, b"{}")

    async with rough_server(answer) as server:
        with pytest.raises(Retryable) as caught:
            await create(new_client(server.url))
    assert caught.value.reason == "Unauthorized"
    assert len(server.heads) == 1


async def test_a_missing_token_file_is_told_and_nothing_is_sent(
    new_client: NewClient, token_file: Path
) -> None:
    """The message names the file, never what was in it."""
    token_file.unlink()  # noqa: ASYNC240
    with pytest.raises(Retryable, match="token cannot be read"):
        await create(new_client("http://127.0.0.1:1"))


async def test_an_empty_token_file_is_told(new_client: NewClient, token_file: Path) -> None:
    """A kubelet may be in the middle of writing it."""
    token_file.write_text("\n")  # noqa: ASYNC240
    with pytest.raises(Retryable, match="is empty"):
        await create(new_client("http://127.0.0.1:1"))


async def test_a_watch_yields_events_until_the_server_ends_it(new_client: NewClient) -> None:
    """Standbys follow the Lease by it."""
    lines = [{"type": "MODIFIED", "object": {"n": number}} for number in range(2)]

    async def answer(visit: Visit) -> None:
        await visit.json(200, b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    async with rough_server(answer) as server:
        stream = new_client(server.url).watch_one(
            KINDS.lease, "ns", "assent", resource_version="5", for_seconds=3
        )
        seen = [(kind, raw["n"]) async for kind, raw in stream]
    assert seen == [("MODIFIED", 0), ("MODIFIED", 1)]
    assert b"fieldSelector=metadata.name%3Dassent&resourceVersion=5" in server.heads[0]


@pytest.mark.parametrize("inside", [True, False], ids=["as an event", "as the answer's status"])
async def test_a_watch_from_too_old_a_version_is_gone(
    new_client: NewClient, *, inside: bool
) -> None:
    """410 comes in two shapes (kubernetes.md 1.4); both mean: read the object again."""
    status = {"kind": "Status", "code": 410, "message": "too old resource version"}

    async def answer(visit: Visit) -> None:
        if inside:
            await visit.json(200, json.dumps({"type": "ERROR", "object": status}).encode())
        else:
            await visit.json(410, json.dumps(status).encode())

    async with rough_server(answer) as server:
        stream = new_client(server.url).watch_one(
            KINDS.lease, "ns", "assent", resource_version="5", for_seconds=3
        )
        with pytest.raises(Gone):
            await anext(stream)


async def test_warming_opens_connections_that_later_calls_use(new_client: NewClient) -> None:
    """Three parallel reads stand between an approval and its call: no handshake there."""
    peers: set[object] = set()

    async def answer(visit: Visit) -> None:
        peers.add(visit.writer.get_extra_info("peername"))
        await asyncio.sleep(0.02)  # so that the three really run side by side
        await visit.json(200, b"{}")

    async with rough_server(answer) as server:
        client = new_client(server.url)
        await client.warm(3)
        assert len(peers) == 3
        await asyncio.gather(*(read(client) for _ in range(3)))
        assert len(peers) == 3


async def test_calls_are_reported_with_what_came_of_them(
    new_client: NewClient, calls: list[tuple[str, str, str]]
) -> None:
    """Metrics count failures by status, and those without one as error."""
    answers = [200, 404, 0]

    async def answer(visit: Visit) -> None:
        status = answers.pop(0)
        if status == 0:
            visit.reset()
        else:
            await visit.json(status, b"{}")

    async with rough_server(answer) as server:
        client = new_client(server.url)
        await read(client)
        for error in (Terminal, Retryable):
            with pytest.raises(error):
                await read(client)
    assert [code for _, _, code in calls] == ["200", "404", "error"]
