"""The snapshot: a fixed number of calls, one leader, and never an invented fact."""

from collections import Counter

import httpx
import pytest

from assent.core.model.reading import Wanted
from assent.errors import Retryable, Terminal
from assent.pd.reads import read_snapshot
from tests.support.fake_pd import FakePd, answer, plain
from tests.support.pd import NOW, at_noon, client_of

LIST = "/pd/api/v1/scheduler-config/evict-leader-scheduler/list"


async def cost(pd: FakePd, **arguments: object) -> Counter[str]:
    """The calls of one cycle, once the leader is known."""
    client = client_of(pd, *pd.urls)
    await read_snapshot(client, now=at_noon)
    pd.seen.clear()
    await read_snapshot(client, now=at_noon, **arguments)  # type: ignore[arg-type]
    return Counter(seen.path.removeprefix("/pd/api/v1") for seen in pd.seen)


async def test_the_snapshot_holds_what_pd_shows() -> None:
    """All parts, from one leader, with the time before the first read."""
    pd = FakePd(regions=5)
    pd.stores[3].remove_peer = 42.5
    client = client_of(pd, *pd.urls)
    snapshot = await read_snapshot(client, now=at_noon, wanted=Wanted(frozenset({100, 999})))
    assert snapshot.taken_at == NOW
    assert snapshot.pd.cluster_id == pd.cluster_id
    assert (snapshot.pd.version, snapshot.pd.leader_name) == ("v8.1.0", "pd-0")
    assert [store.id for store in snapshot.stores] == [1, 2, 3, 4]
    store = snapshot.store(3)
    assert store is not None
    assert store.remove_peer_limit_per_minute == 42.5
    assert snapshot.prepared
    assert snapshot.evicted_store_ids == frozenset()
    assert snapshot.schedule.leader_schedule_limit == 4
    assert snapshot.region_count == 5
    assert set(snapshot.regions) == {100}, "one that PD does not know is absent"
    assert snapshot.running_operators == {}
    assert [region.id for region in snapshot.sample] == [100, 101, 102, 103, 104]


async def test_the_number_of_calls_does_not_grow_with_the_cluster() -> None:
    """Promise 6: nine calls at 12 regions and at 20,000, at 4 stores and at 60."""
    small = await cost(FakePd(stores=4, regions=12))
    large = await cost(FakePd(stores=60, regions=20_000))
    assert small == large
    assert small.total() == 9
    assert max(small.values()) == 1


async def test_the_sample_is_bounded() -> None:
    """Its bytes must not grow either."""
    pd = FakePd(regions=500)
    snapshot = await read_snapshot(client_of(pd, *pd.urls), now=at_noon)
    assert len(snapshot.sample) == 128
    assert snapshot.region_count == 500


async def test_no_sample_saves_its_call() -> None:
    """Right before a write nobody looks at it."""
    calls = await cost(FakePd(), sample_regions=0)
    assert calls.total() == 8
    assert "/regions/key" not in calls


async def test_a_region_asked_for_costs_two_calls() -> None:
    """The region, and its operator."""
    calls = await cost(FakePd(), wanted=Wanted(frozenset({100, 101})))
    assert calls.total() == 9 + 2 * 2
    assert calls["/region/id/100"] == calls["/operators/100"] == 1


async def test_a_running_operator_is_shown_and_an_ended_one_is_not() -> None:
    """PD shows ended ones for ten minutes."""
    pd = FakePd()
    pd.regions[100].operator = "status: RUNNING, operator: admin-move-peer {mv peer}"
    pd.regions[101].operator = "status: SUCCESS, operator: balance-leader {x} finished"
    client = client_of(pd, *pd.urls)
    snapshot = await read_snapshot(client, now=at_noon, wanted=Wanted(frozenset({100, 101, 102})))
    assert snapshot.running_operators == {100: "admin-move-peer {mv peer}"}


async def test_an_unreadable_operator_is_not_none() -> None:
    """A 500 that is not "not found" must not pass for "no operator"."""
    pd = FakePd()
    pd.answers["GET", "/pd/api/v1/operators/100"] = lambda _: answer(500, "something broke")
    with pytest.raises(Retryable, match="something broke"):
        await read_snapshot(client_of(pd, *pd.urls), now=at_noon, wanted=Wanted(frozenset({100})))


async def test_evicted_stores_are_those_of_the_list() -> None:
    """GET /schedulers never shows stores."""
    pd = FakePd()
    pd.evicted = {2, 4}
    snapshot = await read_snapshot(client_of(pd, *pd.urls), now=at_noon)
    assert snapshot.evicted_store_ids == frozenset({2, 4})
    assert "evict-leader-scheduler" in snapshot.schedulers


@pytest.mark.trap("P15")
async def test_p15_an_unprepared_leader_is_not_believed() -> None:
    """No scheduler and a 404 look like "nothing is evicted", and are not."""
    pd = FakePd()
    pd.evicted, pd.prepared = {2}, False
    with pytest.raises(Retryable, match="lists no scheduler yet") as caught:
        await read_snapshot(client_of(pd, *pd.urls), now=at_noon)
    assert caught.value.reason == "PDNotReady"


async def test_a_404_beside_a_listed_eviction_is_a_contradiction() -> None:
    """The scheduler came or went between two reads: look again."""
    pd = FakePd()
    pd.evicted = {2}
    pd.answers["GET", LIST] = lambda _: plain(404, "404 page not found")
    with pytest.raises(Retryable, match="does not know it"):
        await read_snapshot(client_of(pd, *pd.urls), now=at_noon)


@pytest.mark.trap("P02")
@pytest.mark.parametrize("status", [406, 500])
async def test_p02_a_cluster_that_does_not_run_yet_means_retry(status: int) -> None:
    """406 from scheduler-config, 500 elsewhere: the same misleading text."""
    pd = FakePd()
    text = "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"
    pd.answers["GET", LIST] = lambda _: answer(status, text)
    with pytest.raises(Retryable, match="does not run a cluster yet") as caught:
        await read_snapshot(client_of(pd, *pd.urls), now=at_noon)
    assert caught.value.reason == "PDNotReady"


async def test_a_cluster_without_tikv_is_not_ready() -> None:
    """A fresh PD that no store has joined."""
    pd = FakePd()
    pd.bootstrapped = False
    with pytest.raises(Retryable) as caught:
        await read_snapshot(client_of(pd, *pd.urls), now=at_noon)
    assert caught.value.reason == "PDNotReady"


async def test_a_leader_lost_in_the_middle_starts_the_cycle_again() -> None:
    """A snapshot never mixes two leaders."""
    pd = FakePd()
    client = client_of(pd, *pd.urls)
    await read_snapshot(client, now=at_noon)

    def lose(_: httpx.Request) -> httpx.Response:
        pd.leader = 1
        pd.answers.clear()
        return plain(500, "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader")

    pd.answers["GET", "/pd/api/v1/config/schedule"] = lose
    pd.seen.clear()
    snapshot = await read_snapshot(client, now=at_noon)
    assert snapshot.pd.leader_name == "pd-1"
    of_the_new = [seen.path for seen in pd.seen if seen.member == 1 and seen.executed]
    assert len(of_the_new) >= 9, "nothing of the old leader's is kept"


async def test_an_answer_of_another_member_at_the_same_address_is_noticed() -> None:
    """An address that came to lead to another member: the id tells."""
    pd = FakePd(members=1)
    client = client_of(pd, *pd.urls)
    await read_snapshot(client, now=at_noon)
    pd.answers["GET", "/pd/api/v1/leader"] = lambda _: answer(200, {"member_id": 4711})
    with pytest.raises(Retryable, match="lost its leadership"):
        await read_snapshot(client, now=at_noon)


async def test_another_cluster_at_the_same_address_is_shown_as_such() -> None:
    """PD was replaced: the next snapshot carries the new id, and the caller says WrongCluster."""
    pd = FakePd(members=1)
    client = client_of(pd, *pd.urls)
    await read_snapshot(client, now=at_noon)
    pd.cluster_id += 1
    snapshot = await read_snapshot(client, now=at_noon)
    assert snapshot.pd.cluster_id == pd.cluster_id


@pytest.mark.parametrize(
    "path",
    [
        "/stores",
        "/stores/limit",
        "/schedulers",
        "/config/schedule",
        "/regions/count",
        "/version",
        "/cluster",
        "/leader",
        "/regions/key",
    ],
)
async def test_a_missing_needed_field_is_a_typed_error_that_names_the_call(path: str) -> None:
    """A newer or a foreign PD: never a guess."""
    pd = FakePd()
    pd.answers["GET", f"/pd/api/v1{path}"] = lambda _: answer(200, {"x": {"y": 1}, "regions": [{}]})
    with pytest.raises(Terminal, match=f"GET /pd/api/v1{path}") as caught:
        await read_snapshot(client_of(pd, *pd.urls), now=at_noon)
    assert caught.value.reason == "PDAnswerUnusable"


async def test_unknown_fields_everywhere_are_ignored() -> None:
    """A newer PD adds fields to every answer."""
    pd = FakePd()
    plainly = await read_snapshot(client_of(pd, *pd.urls), now=at_noon)

    class Newer(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await pd.handle_async_request(request)
            found = response.json() if response.status_code == 200 else None
            if isinstance(found, dict) and not request.url.path.endswith("/limit"):
                return answer(200, {**found, "novel": {"a": [1]}})
            return response

    assert await read_snapshot(client_of(Newer(), *pd.urls), now=at_noon) == plainly
