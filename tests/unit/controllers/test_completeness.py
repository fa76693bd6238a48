"""A cache that is as complete as the API server's lists, whatever the watch has missed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from assent.controllers.completeness import LONGEST_RETRY_SECONDS, RETRY_SECONDS, Completeness
from assent.controllers.hearing import WatchDeaf
from assent.controllers.world import World
from assent.kube.client import KubeClient
from assent.kube.errors import Forbidden
from assent.kube.resources import KINDS
from tests.support.fake_kube import FakeKube, fake_kube, refusal
from tests.unit.execution.rig import settings_for

NS = "tikv"
MODULE = "assent.controllers.completeness"
CLUSTER = {
    "metadata": {"name": "demo", "namespace": NS},
    "spec": {"pd": {"endpoints": ["http://127.0.0.1:1"]}},
    "status": {"epoch": 41},
}


class Scene:
    """A cache, what keeps it complete, and an API server."""

    def __init__(self, server: FakeKube, folder: Path, namespaces: Sequence[str] = ()) -> None:
        self.kube = KubeClient(
            replace(settings_for(folder), api_server=server.url), on_request=_count_nothing
        )
        self.server = server
        self.moved = asyncio.Event()
        self.world = World(lambda _: self.moved.set(), _malformed)
        self.complete = Completeness(self.kube, self.world, namespaces)

    @property
    def names(self) -> list[str]:
        """The TiKVClusters that are believed to be there."""
        return [item.meta.name for item in self.world.clusters]

    @property
    def lists(self) -> int:
        """How often TiKVClusters were listed."""
        return len(self.server.requests("GET", "/tikvclusters$"))

    async def until(self, *names: str) -> None:
        """Wait until those TiKVClusters and no others are believed to be there."""
        async with asyncio.timeout(30):
            while self.names != [*names]:
                self.moved.clear()
                await self.moved.wait()

    def told(self, kind: str, event_type: str | None, raw: Any) -> None:
        """What the watch tells."""
        self.complete.told(kind, event_type, raw)
        self.world.observe(kind, raw)


def _count_nothing(*_: object) -> None:
    return None


def _malformed(key: object, error: Exception) -> None:
    raise AssertionError(f"{key}: {error}")


@pytest.fixture
async def server() -> AsyncIterator[FakeKube]:
    """An API server."""
    async with fake_kube() as made:
        yield made


@pytest.fixture
async def scene(server: FakeKube, tmp_path: Path) -> AsyncIterator[Scene]:
    """All namespaces."""
    made = Scene(server, tmp_path)
    yield made
    await made.kube.aclose()


async def test_the_first_list_fills_the_cache_before_anybody_leads(
    scene: Scene, server: FakeKube
) -> None:
    """The epoch of a first term is above all that any status has seen."""
    server.put(KINDS.cluster, CLUSTER)
    await scene.complete.relist()
    assert scene.world.highest_epoch == 41
    assert scene.names == ["demo"]


async def test_a_relist_notices_what_was_deleted_while_nobody_watched(
    scene: Scene, server: FakeKube
) -> None:
    """The watch tells nothing of deletions that it missed."""
    server.put(KINDS.cluster, CLUSTER)
    await scene.complete.relist()
    server.delete(KINDS.cluster, NS, "demo")
    await scene.complete.relist()
    assert scene.names == []


async def test_an_object_filed_during_a_relist_is_not_lost(scene: Scene, server: FakeKube) -> None:
    """It is in no list yet, and its event has already come."""

    def filed() -> None:
        scene.told(KINDS.cluster, "ADDED", server.put(KINDS.cluster, CLUSTER))

    server.order("GET", "/tikvclusters$", filed, after_storing=True)
    await scene.complete.relist()
    assert scene.names == ["demo"]


async def test_only_the_namespaces_that_are_watched_are_listed(
    server: FakeKube, tmp_path: Path
) -> None:
    """A Role in one namespace must be enough there; Halts are of the whole cluster."""
    made = Scene(server, tmp_path, ("one", "two"))
    await made.complete.relist()
    await made.kube.aclose()
    paths = [item.path.rpartition("v1alpha1/")[2] for item in server.seen]
    assert paths == [
        "namespaces/one/tikvclusters",
        "namespaces/two/tikvclusters",
        "namespaces/one/actionproposals",
        "namespaces/two/actionproposals",
        "halts",
    ]


async def test_a_watch_that_does_not_tell_what_a_list_shows_ends_the_process(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it died of; started anew, the process sees everything again."""
    monkeypatch.setattr(f"{MODULE}.CHECK_SECONDS", 0.001)
    server.put(KINDS.cluster, CLUSTER)
    await scene.complete.relist()
    async with asyncio.timeout(30):
        with pytest.raises(WatchDeaf):
            await scene.complete.listen()


async def test_a_watch_that_tells_it_later_is_believed(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list may be ahead of the watch by a moment; our own writes are no news of the watch's."""
    monkeypatch.setattr(f"{MODULE}.CHECK_SECONDS", 0.001)
    raw = server.put(KINDS.cluster, CLUSTER)
    await scene.complete.relist()
    scene.told(KINDS.cluster, "ADDED", raw)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await scene.complete.listen()


async def test_a_watch_that_began_anew_has_everything_listed_at_once(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted while the watch was away: kopf tells of what it lists, never of what is gone. The
    ghost would own its PD against a TiKVCluster that was made meanwhile, for five minutes.
    """
    monkeypatch.setattr(f"{MODULE}.RETRY_SECONDS", 0.001)
    ghost = server.put(KINDS.cluster, CLUSTER)
    keeping = asyncio.create_task(scene.complete.keep())
    async with asyncio.timeout(30):
        await scene.complete.synced.wait()
    assert ghost["metadata"]["name"] in scene.names
    server.delete(KINDS.cluster, NS, "demo")
    other = {**CLUSTER, "metadata": {"name": "other", "namespace": NS}}
    scene.told(KINDS.cluster, None, server.put(KINDS.cluster, other))
    await scene.until("other")
    keeping.cancel()


async def test_changes_alone_raise_no_doubt(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists cost the API server; a watch that goes on misses nothing."""
    monkeypatch.setattr(f"{MODULE}.RETRY_SECONDS", 0.001)
    keeping = asyncio.create_task(scene.complete.keep())
    async with asyncio.timeout(30):
        await scene.complete.synced.wait()
    raw = server.put(KINDS.cluster, CLUSTER)
    for change in ("ADDED", "MODIFIED", "DELETED"):
        scene.told(KINDS.cluster, change, raw)
    await asyncio.sleep(0.05)
    assert scene.lists == 1
    keeping.cancel()


async def test_a_list_that_fails_is_asked_for_again(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody leads before everything was listed once."""
    monkeypatch.setattr(f"{MODULE}.RETRY_SECONDS", 0.001)
    server.order("GET", "/tikvclusters$", lambda: refusal(503, "ServiceUnavailable", "no leader"))
    server.put(KINDS.cluster, CLUSTER)
    keeping = asyncio.create_task(scene.complete.keep())
    async with asyncio.timeout(30):
        await scene.complete.synced.wait()
    assert scene.names == ["demo"]
    assert scene.lists == 2
    keeping.cancel()


class Pauses:
    """What ``keep`` sleeps, in place of sleeping it; after so many it waits for the test to end."""

    def __init__(self, times: int) -> None:
        self.seconds: list[float] = []
        self.enough = asyncio.Event()
        self._times = times

    async def sleep(self, seconds: float) -> None:
        """Note it."""
        self.seconds.append(seconds)
        if len(self.seconds) == self._times:
            self.enough.set()
            await asyncio.Event().wait()


async def paused(scene: Scene, monkeypatch: pytest.MonkeyPatch, times: int) -> list[float]:
    """Return the first pauses between two lists."""
    pauses = Pauses(times)
    clock = SimpleNamespace(sleep=pauses.sleep, timeout=asyncio.timeout)
    monkeypatch.setattr(f"{MODULE}.asyncio", clock)
    keeping = asyncio.create_task(scene.complete.keep())
    async with asyncio.timeout(30):
        await pauses.enough.wait()
    keeping.cancel()
    return pauses.seconds


def missing_right() -> web.Response:
    """The operator may not list that kind."""
    return refusal(403, "Forbidden", 'User "assent" cannot list resource "halts"')


def no_such_type() -> web.Response:
    """The CRDs are not installed."""
    return refusal(404, "NotFound", "the server could not find the requested resource")


async def test_a_refused_list_is_asked_for_again_no_sooner_than_it_says(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right that is missing is granted by people: until then everything was listed every two
    seconds, and the doubt that a failure leaves behind made no pause longer.
    """
    server.order("GET", "/halts$", missing_right, times=3)
    stated = Forbidden("no").after_seconds
    assert stated > RETRY_SECONDS
    assert await paused(scene, monkeypatch, 4) == [stated, stated, stated, RETRY_SECONDS]
    assert scene.lists == 4


async def test_lists_that_fail_are_asked_for_less_and_less_often(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doubled up to a minute, where the refusal itself names no time."""
    server.order("GET", "/halts$", no_such_type, times=7)
    pauses = await paused(scene, monkeypatch, 7)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS]


async def test_a_list_that_works_ends_the_patience(
    scene: Scene, server: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next failure is a new one, and soon asked about."""
    server.order("GET", "/halts$", no_such_type, times=2)
    server.order("GET", "/halts$", scene.complete.doubt)  # answered, and there is doubt anew
    server.order("GET", "/halts$", no_such_type)
    assert await paused(scene, monkeypatch, 4) == [2.0, 4.0, RETRY_SECONDS, 2.0]
