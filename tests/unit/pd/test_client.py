"""Finding the leader, staying with it, and leaving it when it no longer leads."""

import asyncio
import time

import httpx
import pytest

from assent.core.model.reading import Wanted
from assent.errors import AssentError, Retryable, Terminal
from assent.pd.client import Leader, PdClient
from assent.pd.reads import read_snapshot
from assent.pd.tls import TlsFiles
from tests.support.certificates import Authority
from tests.support.fake_pd import FakePd, answer, plain
from tests.support.pd import at_noon, client_of


async def leader_of(client: PdClient) -> str:
    snapshot = await read_snapshot(client, now=at_noon)
    return snapshot.pd.leader_name


@pytest.mark.parametrize("endpoint", [0, 1, 2])
async def test_any_member_leads_to_the_leader(endpoint: int) -> None:
    """spec.pd.endpoints may name one follower only."""
    pd = FakePd()
    pd.leader = 1
    client = client_of(pd, pd.urls[endpoint])
    assert await leader_of(client) == "pd-1"
    assert client.known_leader is not None
    assert client.known_leader.url == pd.urls[1]


async def test_every_read_but_discovery_refuses_to_be_forwarded() -> None:
    """A forwarded read could mix two leaders' views; discovery asks for each member's own."""
    pd = FakePd()
    await leader_of(client_of(pd, pd.urls[2]))
    discovery, *reads = pd.seen
    assert discovery.path == "/pd/api/v1/members"
    assert discovery.headers["pd-allow-follower-handle"] == "true"
    assert "pd-redirector" not in discovery.headers
    assert reads
    for read in reads:
        assert read.headers["pd-redirector"] == "assent"
        assert "pd-allow-follower-handle" not in read.headers
        assert read.member == 0
    for seen in pd.seen:
        assert seen.headers["x-caller-id"] == "assent"
        assert seen.headers["accept-encoding"] == "identity"


async def test_a_known_leader_is_not_looked_for_again() -> None:
    """One discovery, not one a cycle."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    for _ in range(3):
        await leader_of(client)
    assert pd.calls("/pd/api/v1/members") == 1
    assert pd.calls("/pd/api/v1/version") == 1


async def test_a_change_of_leader_is_followed_within_one_read() -> None:
    """The old leader refuses, the members name the new one."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    assert await leader_of(client) == "pd-0"
    pd.leader = 2
    assert await leader_of(client) == "pd-2"
    assert pd.calls("/pd/api/v1/version") == 2, "the new leader may run another version"


async def test_a_dead_leader_is_followed_by_what_the_others_say() -> None:
    """Also when the dead one is the only endpoint: the others were heard of before."""
    pd = FakePd()
    client = client_of(pd, pd.urls[0])
    assert await leader_of(client) == "pd-0"
    pd.unreachable, pd.leader = {0}, 1
    assert await leader_of(client) == "pd-1"


async def test_a_member_that_names_an_old_leader_does_not_hold_us_for_ever() -> None:
    """A member that is cut off believes in the old leader; the next attempt asks another first."""
    pd = FakePd()
    pd.leader = 2
    stale = answer(200, {**_members(pd), "leader": _member(pd, 1)})
    client = client_of(pd, *pd.urls)
    pd.answers["GET", "/pd/api/v1/members"] = lambda request: (
        stale if request.url.host == "pd-0.pd" else pd._get_members()
    )
    with pytest.raises(Retryable) as caught:
        await leader_of(client)
    assert caught.value.reason == "PDNotReady"
    assert await leader_of(client) == "pd-2"


async def test_the_search_is_bounded() -> None:
    """A cluster that keeps changing its mind costs two attempts a read, not a storm."""
    pd = FakePd(members=2)
    client = client_of(pd, *pd.urls)
    await leader_of(client)
    pd.seen.clear()
    pd.answers["GET", "/pd/api/v1/leader"] = lambda _: plain(500, "redirect to not leader")
    with pytest.raises(Retryable) as caught:
        await leader_of(client)
    assert caught.value.reason == "PDNotReady"
    assert pd.calls("/pd/api/v1/leader") == 2
    assert pd.calls("/pd/api/v1/members") == 1


async def test_no_leader_says_so() -> None:
    """An election is a passing state, not an unreachable PD."""
    pd = FakePd()
    pd.leader = None
    with pytest.raises(Retryable, match="no leader at the moment") as caught:
        await leader_of(client_of(pd, *pd.urls))
    assert caught.value.reason == "PDNotReady"


async def test_nobody_answering_names_endpoints_and_cause_in_one_sentence() -> None:
    """What a user needs in the STATUS message."""
    pd = FakePd(members=5)
    pd.unreachable = set(range(5))
    with pytest.raises(Retryable) as caught:
        await leader_of(client_of(pd, *pd.urls))
    assert caught.value.reason == "PDUnreachable"
    assert "http://pd-0.pd:2379" in caught.value.message
    assert caught.value.message.endswith("; and 2 more")


async def test_readers_side_by_side_search_once() -> None:
    """Two cycles that begin together need one discovery."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    await asyncio.gather(leader_of(client), leader_of(client), leader_of(client))
    assert pd.calls("/pd/api/v1/members") == 1


async def test_forgetting_an_old_leader_keeps_a_newer_one() -> None:
    """A late complaint about the last leader must not throw away the present one."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    await leader_of(client)
    client.forget_leader(Leader("pd-9", 9, "http://old:2379", 1))
    assert client.known_leader is not None
    client.forget_leader(client.known_leader)
    assert client.known_leader is None


@pytest.mark.parametrize(
    ("response", "reason", "kind"),
    [
        pytest.param(plain(503, "no leader"), "PDNotReady", Retryable, id="no leader"),
        pytest.param(
            plain(500, "[PD:apiutil:ErrRedirect]redirect failed"),
            "PDNotReady",
            Retryable,
            id="a member cannot reach the leader",
        ),
        pytest.param(plain(429, "Too Many Requests"), "PDNotReady", Retryable, id="rate limit"),
        pytest.param(
            answer(500, "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped"),
            "PDNotReady",
            Retryable,
            id="p02 not bootstrapped means retry",
        ),
        pytest.param(answer(500, "etcd leader is nil"), "PDNotReady", Retryable, id="any 500"),
        pytest.param(
            plain(400, "Client sent an HTTP request to an HTTPS server."),
            "TLSFailed",
            Retryable,
            id="http to https",
        ),
        pytest.param(plain(404, "nothing"), "PDAnswerUnusable", Terminal, id="not a PD"),
        pytest.param(plain(302, "login"), "PDAnswerUnusable", Terminal, id="a login page"),
        pytest.param(answer(200, {"a": 1}), "PDAnswerUnusable", Terminal, id="other JSON"),
        pytest.param(plain(200, "<html>"), "PDAnswerUnusable", Terminal, id="no JSON"),
    ],
)
async def test_each_failure_of_discovery_has_its_reason(
    response: httpx.Response, reason: str, kind: type[AssentError]
) -> None:
    """The reasons are what a TiKVCluster shows as its status."""
    pd = FakePd(members=1)
    pd.answers["GET", "/pd/api/v1/members"] = lambda _: response
    with pytest.raises(kind) as caught:
        await leader_of(client_of(pd, *pd.urls))
    assert caught.value.reason == reason


async def test_the_most_telling_failure_wins() -> None:
    """An election that one member sees says more than two that are down."""
    pd = FakePd()
    pd.unreachable, pd.leader = {0, 1}, None
    with pytest.raises(Retryable) as caught:
        await leader_of(client_of(pd, *pd.urls))
    assert caught.value.reason == "PDNotReady"


def test_an_http_endpoint_beside_a_tls_secret_is_refused() -> None:
    """Sending in the clear what was meant to be encrypted is no fallback."""
    with pytest.raises(Retryable, match="the endpoint says http") as caught:
        PdClient(["http://pd:2379"], tls=_tls(), clock=time.monotonic)
    assert caught.value.reason == "TLSFailed"


async def test_a_leader_that_advertises_http_only_is_refused_with_tls() -> None:
    """PD's answer must not be able to downgrade the connection."""
    pd = FakePd(members=1)
    pd.urls = ("https://pd-0.pd:2379",)
    listed = {**_member(pd, 0), "client_urls": ["http://pd-0.pd:2379"]}
    pd.answers["GET", "/pd/api/v1/members"] = lambda _: answer(
        200, {**_members(pd), "leader": listed}
    )
    client = PdClient(pd.urls, tls=_tls(), transport=pd, clock=time.monotonic)
    with pytest.raises(Retryable, match="nothing is sent in the clear") as caught:
        await leader_of(client)
    assert caught.value.reason == "TLSFailed"


async def test_the_https_url_of_a_leader_with_both_is_taken_with_tls() -> None:
    """client_urls may list several."""
    pd = FakePd(members=1)
    pd.urls = ("https://pd-0.pd:2379",)
    listed = {**_member(pd, 0), "client_urls": ["http://pd-0.pd:2380", "https://pd-0.pd:2379/"]}
    pd.answers["GET", "/pd/api/v1/members"] = lambda _: answer(
        200, {**_members(pd), "leader": listed}
    )
    client = PdClient(pd.urls, tls=_tls(), transport=pd, clock=time.monotonic)
    await leader_of(client)
    assert client.known_leader is not None
    assert client.known_leader.url == "https://pd-0.pd:2379"


async def test_every_request_is_reported_without_ids() -> None:
    """Metrics: a route per id would be a label without bound."""
    pd = FakePd()
    told: list[tuple[str, str, str, float, int]] = []
    client = PdClient(
        pd.urls, transport=pd, clock=time.monotonic, on_request=lambda *it: told.append(it)
    )
    await read_snapshot(client, now=at_noon, wanted=Wanted(frozenset({100})))
    routes = {route for _, route, _, _, _ in told}
    assert "/pd/api/v1/region/id/{id}" in routes
    assert "/pd/api/v1/regions/key" in routes
    assert not any("100" in route or "?" in route for route in routes)
    assert all(method == "GET" and seconds >= 0 for method, _, _, seconds, _ in told)
    assert {outcome for _, _, outcome, _, _ in told} == {"200", "404", "500"}
    assert sum(size for *_, size in told) > 1000


async def test_reads_leave_a_connection_free_for_a_write() -> None:
    """At most two at once, of the three that the client holds."""
    pd = FakePd()
    busy = most = 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            for _ in range(3):
                await asyncio.sleep(0)
            busy -= 1
            return await pd.handle_async_request(request)

    await leader_of(client_of(Slow(), *pd.urls))
    assert most == 2


def _member(pd: FakePd, index: int) -> dict[str, object]:
    return pd._describe(index)


def _members(pd: FakePd) -> dict[str, object]:
    listed = [_member(pd, index) for index in range(len(pd.urls))]
    return {"header": {"cluster_id": pd.cluster_id}, "members": listed}


def _tls() -> TlsFiles:
    authority = Authority("pd")
    pair = authority.issue("assent")
    return TlsFiles(authority.pem, pair.cert, pair.key)


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        pytest.param(httpx.ReadError("reset"), 2, id="why=the other side was just closing it"),
        pytest.param(
            httpx.RemoteProtocolError("Server disconnected without sending a response."), 2,
            id="why=a kept connection that PD had closed",
        ),
        pytest.param(httpx.ReadTimeout("slow"), 1, id="why=what is slow stays slow"),
        pytest.param(httpx.ConnectError("refused"), 1, id="why=nobody is there"),
    ],
)  # fmt: skip
async def test_a_read_whose_connection_broke_is_asked_once_more(
    error: httpx.TransportError, asked: int
) -> None:
    """One look is up to forty reads: without this a network that loses one in a hundred blinds us.
    The leader is not looked for anew for it.
    """
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    await leader_of(client)
    real, seen = pd.handle_async_request, 0

    async def breaking(request: httpx.Request) -> httpx.Response:
        nonlocal seen
        if request.url.path.endswith("/stores"):
            seen += 1
            if seen == 1:
                raise error
        return await real(request)

    pd.handle_async_request = breaking  # type: ignore[method-assign]
    before = pd.calls("/pd/api/v1/members")
    leader = client.known_leader
    assert leader is not None
    if asked == 2:
        assert (await client.get(leader, "/stores")).status == 200
    else:
        with pytest.raises(Retryable):
            await client.get(leader, "/stores")
    assert (seen, pd.calls("/pd/api/v1/members")) == (asked, before)


async def test_a_read_whose_connection_breaks_twice_is_given_up() -> None:
    """Then somebody else may lead, and that is found out."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    await leader_of(client)
    leader = client.known_leader
    assert leader is not None
    asked = 0

    async def dead(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        raise httpx.ReadError("reset", request=request)

    pd.handle_async_request = dead  # type: ignore[method-assign]
    with pytest.raises(Retryable, match="the connection broke"):
        await client.get(leader, "/stores")
    assert asked == 2
