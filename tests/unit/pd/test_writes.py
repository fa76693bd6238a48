"""Sending one write: exactly once, to the leader, only while permitted, honestly classified."""

from collections.abc import Iterator

import httpx
import pytest

from assent.core.model.call import Did, DidNot, PdCall, Unknown
from assent.pd.client import PdClient
from assent.pd.reads import read_snapshot
from assent.pd.writes import send
from tests.support.fake_pd import FakePd, answer, plain
from tests.support.pd import (
    EVICT,
    LIMIT,
    STOP_EVICT,
    TRANSFER,
    at_noon,
    client_of,
    permit,
)


def clock(*readings: float) -> Iterator[float]:
    """The given readings, the last one for ever."""
    yield from readings
    while True:
        yield readings[-1]


def steady() -> float:
    return 0.0


async def ready(pd: FakePd, *urls: str) -> PdClient:
    client = client_of(pd, *(urls or pd.urls))
    await read_snapshot(client, now=at_noon)
    pd.seen.clear()
    return client


@pytest.mark.parametrize("call", [TRANSFER, EVICT, LIMIT], ids=lambda call: call.path)
async def test_an_accepted_write_did(call: PdCall) -> None:
    """200: PD took it; the effect is for verification."""
    pd = FakePd()
    client = await ready(pd)
    outcome = await send(client, call, permit(), monotonic=steady)
    assert isinstance(outcome, Did)
    assert not outcome.late
    [seen] = pd.executed_writes
    assert (seen.method, seen.path, seen.body) == (call.method, call.path, call.body_text)


async def test_the_inverse_of_an_eviction_did() -> None:
    """DELETE goes out without a body."""
    pd = FakePd()
    pd.evicted = {2}
    client = await ready(pd)
    outcome = await send(client, STOP_EVICT, permit(), monotonic=steady)
    assert outcome == Did("The last store has been deleted")
    [seen] = pd.executed_writes
    assert seen.body == ""
    assert "content-type" not in seen.headers
    assert pd.evicted == set()


async def test_a_write_carries_the_header_by_which_a_follower_refuses() -> None:
    """And never the one that overrides it (prototypes, "Refusing to be forwarded")."""
    pd = FakePd()
    client = await ready(pd)
    await send(client, LIMIT, permit(), monotonic=steady)
    [seen] = pd.executed_writes
    assert seen.headers["pd-redirector"] == "assent"
    assert seen.headers["x-caller-id"] == "assent"
    assert "pd-allow-follower-handle" not in seen.headers


async def test_a_leader_that_stepped_down_refuses_and_is_forgotten() -> None:
    """No second attempt: the next snapshot finds the new leader."""
    pd = FakePd()
    client = await ready(pd)
    pd.leader = 1
    outcome = await send(client, LIMIT, permit(), monotonic=steady)
    assert isinstance(outcome, DidNot)
    assert outcome.sent
    assert len(pd.seen) == 1
    assert pd.executed_writes == []
    assert client.known_leader is None


async def test_without_a_known_leader_nothing_is_sent() -> None:
    """Discovery belongs into the snapshot, before the intent is written."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    outcome = await send(client, LIMIT, permit(), monotonic=steady)
    assert outcome == DidNot("not sent: leader not known", sent=False)
    assert pd.seen == []


async def test_a_call_off_the_whitelist_is_not_sent() -> None:
    """Whatever an action file or a bug comes up with."""
    pd = FakePd()
    client = await ready(pd)
    call = PdCall("DELETE", "/pd/api/v1/store/2?force=false")
    outcome = await send(client, call, permit(), monotonic=steady)
    assert isinstance(outcome, DidNot)
    assert not outcome.sent
    assert pd.seen == []


async def test_a_permit_that_ran_out_sends_nothing() -> None:
    """A process that was frozen between fence and send."""
    pd = FakePd()
    client = await ready(pd)
    times = clock(10.1)
    outcome = await send(client, LIMIT, permit(send_by=10.0), monotonic=lambda: next(times))
    assert outcome == DidNot("not sent: the permit to send ran out", sent=False)
    assert pd.seen == []


async def test_a_permit_that_runs_out_while_waiting_for_a_connection_sends_nothing() -> None:
    """The second look comes right before the first byte."""
    pd = FakePd()
    client = await ready(pd)
    times = clock(9.9, 10.1)
    outcome = await send(client, LIMIT, permit(send_by=10.0), monotonic=lambda: next(times))
    assert outcome == DidNot("not sent: the permit to send ran out", sent=False)
    assert pd.seen == []


async def test_the_last_moment_of_a_permit_still_counts() -> None:
    """send_by is the instant after which it must not start."""
    pd = FakePd()
    client = await ready(pd)
    outcome = await send(client, LIMIT, permit(send_by=10.0), monotonic=lambda: 10.0)
    assert isinstance(outcome, Did)


async def test_an_answer_after_the_lease_deadline_is_late() -> None:
    """It did, and somebody else may lead by now: an alert."""
    pd = FakePd()
    client = await ready(pd)
    times = clock(1.0, 1.0, 21.0)
    outcome = await send(
        client, LIMIT, permit(send_by=10, deadline=20), monotonic=lambda: next(times)
    )
    assert outcome == Did("The store's limit is updated.", late=True)


async def test_a_missing_answer_after_the_lease_deadline_is_late_too() -> None:
    """Unknown and late: the worst case is named as such."""
    pd = FakePd()
    client = await ready(pd)
    pd.answers["POST", LIMIT.path] = _breaks
    times = clock(1.0, 1.0, 21.0)
    outcome = await send(
        client, LIMIT, permit(send_by=10, deadline=20), monotonic=lambda: next(times)
    )
    assert isinstance(outcome, Unknown)
    assert outcome.late


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(answer(400, "[PD:etcd:ErrEtcdKVPut]etcd KV put failed"), id="a 400"),
        pytest.param(answer(500, "anything"), id="a 500"),
        pytest.param(plain(502, "Bad Gateway"), id="a proxy"),
        pytest.param(plain(307, "elsewhere"), id="a redirect is not followed"),
        pytest.param(answer(201, "created"), id="another success"),
        pytest.param(plain(200, "x" * 100_000), id="an answer without end"),
    ],
)
async def test_what_proves_nothing_is_unknown(response: httpx.Response) -> None:
    """And is not repeated."""
    pd = FakePd()
    client = await ready(pd)
    pd.answers["POST", LIMIT.path] = lambda _: response
    outcome = await send(client, LIMIT, permit(), monotonic=steady)
    assert isinstance(outcome, Unknown)
    assert len(pd.seen) == 1
    assert client.known_leader is None


@pytest.mark.parametrize(
    ("call", "evicted", "done", "why"),
    [
        (PdCall("POST", EVICT.path, {**(EVICT.body or {}), "store_id": 77}), set(), False, "none"),
        (PdCall("POST", EVICT.path, {**(EVICT.body or {}), "store_id": 77}), {1}, False, "inner"),
        (PdCall("POST", "/pd/api/v1/store/77/limit", LIMIT.body), set(), False, "no such store"),
        (
            PdCall("POST", TRANSFER.path, {**(TRANSFER.body or {}), "region_id": 9}),
            set(),
            False,
            "",
        ),
        (
            PdCall("POST", TRANSFER.path, {**(TRANSFER.body or {}), "to_store_id": 1}),
            set(),
            True,
            "",
        ),
        (
            PdCall("POST", TRANSFER.path, {**(TRANSFER.body or {}), "to_store_id": 4}),
            set(),
            False,
            "",
        ),
        (STOP_EVICT, {1}, True, "another store is evicted, not this one"),
        (STOP_EVICT, set(), False, "no scheduler: it may be not loaded yet, so not proven done"),
    ],
)
async def test_a_refusal_did_not_and_keeps_the_leader(
    call: PdCall, evicted: set[int], done: bool, why: str
) -> None:
    """The leader answered as leader: there is no reason to look for another, but for plumbing."""
    pd = FakePd()
    client = await ready(pd)
    pd.evicted = evicted
    outcome = await send(client, call, permit(), monotonic=steady)
    assert isinstance(outcome, DidNot), why
    assert outcome.already_done == done, why
    assert outcome.sent


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.WriteError("broken"), True),
        (httpx.WriteTimeout("stuck"), True),
        (httpx.ReadError("reset"), True),
        (httpx.ReadTimeout("silent"), True),
        (httpx.RemoteProtocolError("half"), True),
        (OSError("from below"), True),
        (ValueError("a bug in a library"), True),
    ],
)
async def test_each_phase_of_a_broken_exchange_has_its_class(error: Exception, sent: bool) -> None:
    """Only what surely came before the first byte did not happen."""
    pd = FakePd()
    client = await ready(pd)

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    pd.answers["POST", LIMIT.path] = fail
    outcome = await send(client, LIMIT, permit(), monotonic=steady)
    if sent:
        assert isinstance(outcome, Unknown)
    else:
        assert isinstance(outcome, DidNot)
        assert not outcome.sent
    assert len(pd.seen) == 1
    assert client.known_leader is None


def _breaks(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset")
