"""One reading of PD serves all who ask, and a failure is a fact like any other."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from assent.api.reasons import ClusterState
from assent.api.v1alpha1.tikvcluster import PdAccess, TiKVClusterStatus
from assent.controllers.watcher import MAX_REGIONS_READ, Watcher
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.errors import Retryable
from assent.pd.client import PdClient
from tests.support.fake_pd import FakePd
from tests.support.proposals import NOW, cluster

STORES = "/pd/api/v1/stores"


class Bench:
    """A watcher on a fake PD."""

    def __init__(self) -> None:
        self.pd = FakePd()
        self.connections = 0
        self.refuse_to_connect: Retryable | None = None
        self._now = NOW
        self.watcher = Watcher(connect=self._connect, read_tidb=_none, now=self.now)
        self.cluster = _on(list(self.pd.urls))

    def now(self) -> datetime:
        """A clock that never shows the same time twice."""
        self._now += timedelta(milliseconds=1)
        return self._now

    async def _connect(self, of: Cluster) -> PdClient:
        await asyncio.sleep(0)
        if self.refuse_to_connect is not None:
            raise self.refuse_to_connect
        self.connections += 1
        return PdClient(of.spec.pd.endpoints, transport=self.pd, clock=lambda: 0.0)


async def _none(_: Cluster, __: ClusterSnapshot) -> TidbOperatorFacts | None:
    return None


def _on(endpoints: list[str]) -> Cluster:
    base = cluster()
    spec = base.spec.model_copy(update={"pd": PdAccess(endpoints=endpoints)})
    return replace(base, spec=spec, status=TiKVClusterStatus())


async def test_many_who_ask_at_once_share_one_reading() -> None:
    """A hundred open proposals cost PD no more than one."""
    bench = Bench()
    since = bench.now()
    looks = await asyncio.gather(
        *(bench.watcher.refresh(bench.cluster, Wanted(), newer_than=since) for _ in range(20))
    )
    assert len({id(look.snapshot) for look in looks}) == 1
    assert bench.pd.calls(STORES) == 1


async def test_a_newer_look_is_read_and_an_older_is_not() -> None:
    """Fresh enough is the asker's judgement."""
    bench = Bench()
    await bench.watcher.renew(bench.cluster, Wanted())
    past = NOW - timedelta(seconds=5)
    await bench.watcher.refresh(bench.cluster, Wanted(), newer_than=past)
    assert bench.pd.calls(STORES) == 1
    await bench.watcher.renew(bench.cluster, Wanted())
    assert bench.pd.calls(STORES) == 2


@pytest.mark.parametrize("reachable", [True, False], ids=["a look", "a failure"])
async def test_what_was_seen_before_the_clock_was_set_back_is_not_young(reachable: bool) -> None:
    """By its date it would be younger than anything for an hour: decisions on PD as it was."""
    bench = Bench()
    if not reachable:
        bench.pd.unreachable = {0, 1, 2}
    await bench.watcher.renew(bench.cluster, Wanted())
    bench.pd.unreachable = set()
    calls = bench.pd.calls(STORES)
    bench._now -= timedelta(hours=1)
    look = await bench.watcher.refresh(
        bench.cluster, Wanted(), newer_than=bench.now() - timedelta(seconds=5)
    )
    assert bench.pd.calls(STORES) == calls + 1
    assert look.snapshot is not None
    assert look.snapshot.taken_at <= bench.now()


async def test_regions_that_the_last_look_lacks_are_read() -> None:
    """A fresh snapshot without the region says nothing about it."""
    bench = Bench()
    await bench.watcher.renew(bench.cluster, Wanted(frozenset({100})))
    past = NOW - timedelta(seconds=5)
    look = await bench.watcher.refresh(
        bench.cluster, Wanted(frozenset({100, 101})), newer_than=past
    )
    assert look.snapshot is not None
    assert set(look.snapshot.regions) == {100, 101}
    again = await bench.watcher.refresh(bench.cluster, Wanted(frozenset({101})), newer_than=past)
    assert again is look


async def test_the_regions_of_one_look_are_bounded() -> None:
    """Proposals are cheap to file; two PD calls a region are not free."""
    bench = Bench()
    look = await bench.watcher.renew(bench.cluster, Wanted(frozenset(range(1000, 1500))))
    assert len(look.asked.region_ids) == MAX_REGIONS_READ


async def test_a_failure_is_part_of_the_look_and_heals() -> None:
    """It is told on the TiKVCluster; nothing is concluded from it."""
    bench = Bench()
    await bench.watcher.renew(bench.cluster, Wanted())
    bench.pd.unreachable = {0, 1, 2}
    look = await bench.watcher.renew(bench.cluster, Wanted())
    assert look.snapshot is None
    assert look.failure is not None
    assert look.failure.reason == ClusterState.PD_UNREACHABLE
    bench.pd.unreachable = set()
    look = await bench.watcher.renew(bench.cluster, Wanted())
    assert (look.failure, look.failed_at) == (None, None)
    assert look.snapshot is not None


async def test_a_silent_pd_is_waited_for_once_by_all_who_ask() -> None:
    """Twenty proposals must not wait for twenty timeouts one after another."""
    bench = Bench()
    asked = 0

    async def silent(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        raise httpx.ConnectTimeout("timed out", request=request)

    bench.pd.handle_async_request = silent  # type: ignore[method-assign]
    since = bench.now()
    looks = await asyncio.gather(
        *(bench.watcher.refresh(bench.cluster, Wanted(), newer_than=since) for _ in range(20))
    )
    assert all(look.failure is not None for look in looks)
    assert asked == len(bench.pd.urls)


async def test_another_address_is_read_at_once_whatever_the_old_one_said() -> None:
    """A corrected endpoint must not wait for the failure, or the snapshot, of the wrong one."""
    bench = Bench()
    wrong = _on(["http://pd-9.pd:2379"])
    past = NOW - timedelta(seconds=5)
    bench.pd.urls = (*bench.pd.urls, "http://pd-9.pd:2379")
    bench.pd.unreachable = {3}
    look = await bench.watcher.refresh(wrong, Wanted(), newer_than=past)
    assert look.failure is not None
    look = await bench.watcher.refresh(bench.cluster, Wanted(), newer_than=past)
    assert look.failure is None
    assert bench.connections == 2


async def test_two_who_need_the_client_at_once_get_the_same() -> None:
    """The second would be lost with its open connections."""
    bench = Bench()
    first, second = await asyncio.gather(
        bench.watcher.client(bench.cluster), bench.watcher.client(bench.cluster)
    )
    assert first is second
    assert bench.connections == 1


@pytest.mark.parametrize("failures", [1, 3])
async def test_the_secret_is_read_anew_after_tls_failed(failures: int) -> None:
    """A certificate that was rotated heals it without a restart."""
    bench = Bench()
    bench.refuse_to_connect = Retryable(ClusterState.TLS_FAILED, "no secret")
    for _ in range(failures):
        look = await bench.watcher.renew(bench.cluster, Wanted())
        assert look.failure is bench.refuse_to_connect
    bench.refuse_to_connect = None
    look = await bench.watcher.renew(bench.cluster, Wanted())
    assert look.failure is None
    assert bench.connections == 1


async def test_detection_recalls_once_and_concludes_nothing_while_pd_is_not_prepared() -> None:
    """A PD that has just changed leader lists no scheduler: that is not "the problem is gone"."""
    bench = Bench()
    await bench.watcher.renew(bench.cluster, Wanted())
    look = await bench.watcher.detect(bench.cluster, ())
    seen_at = look.detected_at
    assert seen_at is not None
    bench.pd.prepared = False
    await bench.watcher.renew(bench.cluster, Wanted())
    look = await bench.watcher.detect(bench.cluster, ())
    assert look.detected_at == seen_at
    bench.watcher.forget()
    assert (bench.watcher.look.problems, bench.watcher.look.detected_at) == ((), None)


async def test_what_tidb_operator_says_is_as_new_as_the_snapshot() -> None:
    """One reading serves detection, the gates and the executor; without PD nothing is claimed."""
    bench = Bench()
    said: list[TidbOperatorFacts] = []

    async def read(_: Cluster, snapshot: ClusterSnapshot) -> TidbOperatorFacts:
        assert snapshot.stores
        said.append(TidbOperatorFacts(kind="TidbCluster", name=f"db-{len(said)}", busy_with=None))
        return said[-1]

    watcher = Watcher(connect=bench._connect, read_tidb=read, now=bench.now)
    look = await watcher.renew(bench.cluster, Wanted())
    assert look.tidb_operator is said[0]
    past = NOW - timedelta(seconds=5)
    shared = await watcher.refresh(bench.cluster, Wanted(), newer_than=past)
    await watcher.detect(bench.cluster, ())
    assert shared.tidb_operator is watcher.look.tidb_operator is said[0]
    await watcher.renew(bench.cluster, Wanted())
    assert watcher.look.tidb_operator is said[1]
    bench.pd.unreachable = {0, 1, 2}
    look = await watcher.renew(bench.cluster, Wanted())
    assert look.tidb_operator is None
    assert len(said) == 2
