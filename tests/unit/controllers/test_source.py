"""kopf as event source: what it is known to miss or to die of, and what becomes of that."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from assent.controllers import source
from assent.controllers.kopf_alone import kopf
from assent.controllers.source import WATCHER, EventSource, kopf_settings
from tests.support.watch_server import KINDS_SERVED, WatchServer, status, watch_server
from tests.unit.execution.rig import settings_for

CLUSTER = "TiKVCluster"
CALM_SECONDS = 10.0
VIGIL_SECONDS = 0.25
"""For what is about the vigil. A thread that is starved for three of these counts as hung."""

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Cancelled in the middle of a connect, kopf leaves the socket to the garbage collector; in the
operator the process ends then.
"""


@pytest.fixture(scope="module", autouse=True)
def nothing_left_to_others() -> Iterator[None]:
    """What kopf leaves open is closed here, or its warning would fail somebody else's test."""
    yield
    gc.collect()
    for thing in gc.get_objects():
        # By type: isinstance would ask proxies, which may answer with a warning.
        if type(thing) is ClientSession and not thing.closed:
            thing.detach()


@pytest.fixture
async def server() -> AsyncIterator[WatchServer]:
    """An API server."""
    async with watch_server() as made:
        yield made


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take long to begin; production has 40 s for it."""
    monkeypatch.setattr(source, "FIRST_PATIENCE", 40)


def quick() -> kopf.OperatorSettings:
    """The shipped settings, with shorter pauses between attempts."""
    settings = kopf_settings()
    settings.networking.error_backoffs = (0.01, 0.01)
    settings.watching.reconnect_backoff = 0.01
    return settings


class Watched:
    """A running source, and what it has told."""

    def __init__(
        self,
        server: WatchServer,
        folder: Path,
        vigil_seconds: float,
        namespaces: tuple[str, ...] = (),
    ) -> None:
        self.told: list[tuple[str, str | None, str]] = []
        settings = replace(settings_for(folder), api_server=server.url, watch_namespaces=namespaces)
        self.source = EventSource(settings, self._note, how=quick(), vigil_seconds=vigil_seconds)
        self.task = asyncio.create_task(self.source.run())
        self._server = server

    def _note(self, kind: str, change: str | None, raw: Any) -> None:
        self.told.append((kind, change, raw["metadata"]["name"]))

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait for the fact; fail at once when the source ends before."""
        async with asyncio.timeout(60):
            while not fact():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.005)

    async def watching(self) -> None:
        """Wait until every kind is watched."""
        await self.until(lambda: all(self._server.watches(kind) for kind in KINDS_SERVED))


@asynccontextmanager
async def watched(
    server: WatchServer,
    folder: Path,
    *,
    vigil_seconds: float = CALM_SECONDS,
    namespaces: tuple[str, ...] = (),
) -> AsyncIterator[Watched]:
    """Yield a source that watches; ended afterwards, its thread too."""
    made = Watched(server, folder, vigil_seconds, namespaces)
    try:
        yield made
    finally:
        made.task.cancel()
        with suppress(asyncio.CancelledError, RuntimeError):
            await made.task
        while thread := next((one for one in _threads()), None):
            await asyncio.to_thread(thread.join, 60)
            assert not thread.is_alive()


def _threads() -> Iterator[threading.Thread]:
    return (one for one in threading.enumerate() if one.name == "kopf")


async def test_every_change_is_told(server: WatchServer, tmp_path: Path) -> None:
    """Listed at the start (no type), then added, changed, deleted."""
    server.put(CLUSTER, "old")
    async with watched(server, tmp_path) as seen:
        await seen.watching()
        server.put(CLUSTER, "new")
        server.put(CLUSTER, "new")
        server.delete(CLUSTER, "new")
        await seen.until(lambda: len(seen.told) == 4)
    assert seen.told == [
        (CLUSTER, None, "old"),
        (CLUSTER, "ADDED", "new"),
        (CLUSTER, "MODIFIED", "new"),
        (CLUSTER, "DELETED", "new"),
    ]


async def test_a_server_that_restarts_is_watched_again(server: WatchServer, tmp_path: Path) -> None:
    """Connections end all the time; the watch goes on from the last version, without a list."""
    async with watched(server, tmp_path) as seen:
        await seen.watching()
        lists = len(server.lists)
        server.cut_watches()
        await seen.until(lambda: server.opened == 2 * len(KINDS_SERVED))
        server.put(CLUSTER, "after")
        await seen.until(lambda: (CLUSTER, "ADDED", "after") in seen.told)
        assert len(server.lists) == lists


async def test_a_version_too_old_in_the_stream_is_listed_anew_and_deletions_are_missed(
    server: WatchServer, tmp_path: Path
) -> None:
    """HTTP 410 as an event. kopf lists again and says nothing of what is gone: that is why the
    process lists on its own as well
    (`test_a_relist_notices_what_was_deleted_while_nobody_watched`).
    """
    server.put(CLUSTER, "stays")
    server.put(CLUSTER, "goes")
    async with watched(server, tmp_path) as seen:
        await seen.watching()
        server._objects[CLUSTER].pop("goes")  # while the watch is down: no event
        server.tell(CLUSTER, "ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
        await seen.until(lambda: seen.told.count((CLUSTER, None, "stays")) == 2)
        assert all(change != "DELETED" for _, change, _ in seen.told)


async def test_an_answer_that_kopf_cannot_live_with_ends_the_run(tmp_path: Path) -> None:
    """The process ends and starts anew; it must never live on and see nothing. All three at once,
    because kopf takes 5 s to end.
    """

    async def ends(code: int, why: str) -> None:
        def refuse(request: web.Request) -> web.Response | None:
            watch = "watch" in request.query and request.path.endswith("tikvclusters")
            return status(code, "Expired") if watch else None

        async with watch_server() as server, watched(server, tmp_path, vigil_seconds=60) as seen:
            await seen.watching()
            server.trouble = refuse
            server.cut_watches()
            with pytest.raises(RuntimeError) as ended:
                await seen.task
            assert "Expired" in str(ended.value.__cause__), why

    settings_for(tmp_path)  # the certificate of all three
    async with asyncio.timeout(60):
        await asyncio.gather(
            ends(410, "HTTP 410 as an answer"),
            ends(503, "5xx for longer than kopf tries"),
            ends(403, "a right was taken away"),
        )


async def test_too_many_requests_are_waited_out(server: WatchServer, tmp_path: Path) -> None:
    """HTTP 429 is a server that asks for patience: no reason to end."""
    refused: list[str] = []

    def refuse(request: web.Request) -> web.Response | None:
        if "watch" in request.query and request.path.endswith("halts") and len(refused) < 6:
            refused.append(request.path)
            return status(429)
        return None

    async with watched(server, tmp_path) as seen:
        await seen.watching()
        server.trouble = refuse
        server.cut_watches()
        await seen.until(lambda: len(refused) == 6 and server.watches("Halt") == 1)
        server.put("Halt", "stop")
        await seen.until(lambda: ("Halt", "ADDED", "stop") in seen.told)


async def test_a_watcher_that_vanishes_without_a_word_ends_the_run(
    server: WatchServer, tmp_path: Path
) -> None:
    """A zombie, as after a freeze: kopf goes on and nobody watches one kind any more."""
    async with watched(server, tmp_path, vigil_seconds=VIGIL_SECONDS) as seen:
        await seen.watching()
        loop, tasks = await asyncio.to_thread(_kopf_tasks)
        victim = next(task for task in tasks if f"{WATCHER}tikvclusters" in task.get_name())
        loop.call_soon_threadsafe(victim.cancel)
        with pytest.raises(RuntimeError) as ended:
            async with asyncio.timeout(60):
                await seen.task
        assert "4 watchers are alive of 5" in str(ended.value.__cause__)


async def test_a_watcher_of_each_namespace_is_kept_count_of(
    server: WatchServer, tmp_path: Path
) -> None:
    """Two namespaces: two watchers of each namespaced kind, one of the others; one missing of the
    seven is one too few, all of them are no reason to end.
    """
    namespaces = ("one", "two")
    async with watched(
        server, tmp_path, vigil_seconds=VIGIL_SECONDS, namespaces=namespaces
    ) as seen:
        await seen.watching()
        await seen.until(lambda: server.opened == 7)
        await seen.until(lambda: seen.source._turns > source.VIGIL_PATIENCE + 2)
        assert not seen.task.done()
        loop, tasks = await asyncio.to_thread(_kopf_tasks)
        victim = next(task for task in tasks if task.get_name().endswith("@two"))
        loop.call_soon_threadsafe(victim.cancel)
        with pytest.raises(RuntimeError) as ended:
            async with asyncio.timeout(60):
                await seen.task
        assert "6 watchers are alive of 7" in str(ended.value.__cause__)


async def test_a_kind_that_the_server_does_not_know_ends_the_run(
    server: WatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started before its CRDs, kopf would wait for ever and watch nothing of that kind."""
    discovery = server._discovery

    def without_halts(path: str) -> dict[str, Any] | None:
        found = discovery(path)
        if found and "resources" in found:
            found["resources"] = [item for item in found["resources"] if item["kind"] != "Halt"]
        return found

    monkeypatch.setattr(server, "_discovery", without_halts)
    monkeypatch.setattr(source, "FIRST_PATIENCE", 4)
    async with watched(server, tmp_path, vigil_seconds=VIGIL_SECONDS) as seen:
        with pytest.raises(RuntimeError) as ended:
            async with asyncio.timeout(60):
                await seen.task
        assert "are all CRDs installed" in str(ended.value.__cause__)


async def test_nobody_may_lead_before_every_kind_is_watched(
    server: WatchServer, tmp_path: Path
) -> None:
    """The lists alone are a cache that goes stale: the Lease is stood for when all is watched."""
    server.discovered.clear()
    async with watched(server, tmp_path, vigil_seconds=10) as seen:
        await asyncio.sleep(4 * source.FIRST_LOOK_SECONDS)
        assert not seen.source.watching.is_set()
        server.discovered.set()
        async with asyncio.timeout(60):
            await seen.source.watching.wait()
        await seen.watching()


async def test_a_loop_that_hangs_ends_the_run(server: WatchServer, tmp_path: Path) -> None:
    """A thread that turns no more tells nothing, and raises nothing either."""
    async with watched(server, tmp_path, vigil_seconds=VIGIL_SECONDS) as seen:
        await seen.watching()
        await seen.until(lambda: seen.source._turns > 0)
        loop, _ = await asyncio.to_thread(_kopf_tasks)
        loop.call_soon_threadsafe(time.sleep, VIGIL_SECONDS * (source.VIGIL_PATIENCE + 3))
        with pytest.raises(RuntimeError) as ended:
            async with asyncio.timeout(60):
                await seen.task
        assert "hangs" in str(ended.value.__cause__)


async def test_a_short_stall_is_no_reason_to_end(server: WatchServer, tmp_path: Path) -> None:
    """A starved node, a long garbage collection: both loops stand still for a while, and go on."""
    async with watched(server, tmp_path, vigil_seconds=VIGIL_SECONDS) as seen:
        await seen.watching()
        time.sleep(VIGIL_SECONDS * (source.VIGIL_PATIENCE + 2))  # noqa: ASYNC251 - the stall
        await asyncio.sleep(VIGIL_SECONDS * 2)
        server.put(CLUSTER, "after")
        await seen.until(lambda: (CLUSTER, "ADDED", "after") in seen.told)
        assert not seen.task.done()


def _kopf_tasks() -> tuple[asyncio.AbstractEventLoop, list[asyncio.Task[Any]]]:
    """Return the loop of kopf's thread, and its watchers."""
    tasks = [task for task in asyncio.tasks._all_tasks if not task.done()]  # type: ignore[attr-defined]
    watchers = [task for task in tasks if task.get_name().startswith(WATCHER)]
    loop = watchers[0].get_loop()
    return loop, watchers
