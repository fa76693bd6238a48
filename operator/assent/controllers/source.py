"""kopf as event source and nothing else: no handler writes, no finalizer, no annotation.

kopf runs in a thread and a loop of its own, because it cancels every task of its loop when it
ends (kubernetes.md 1.6). Its end is the end of the process: restart is the normal path.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from assent.api import meta
from assent.api.v1alpha1.actionproposal import ActionProposal
from assent.api.v1alpha1.halt import Halt
from assent.api.v1alpha1.tikvcluster import TiKVCluster
from assent.controllers.kopf_alone import kopf
from assent.kube.resources import KINDS, ROUTES
from assent.settings import Settings

Observe = Callable[[str, str | None, Mapping[str, Any]], None]
"""(kind, event type or None for a listed object, object)"""

WATCHED: tuple[type[TiKVCluster] | type[ActionProposal] | type[Halt], ...] = (
    TiKVCluster,
    ActionProposal,
    Halt,
)

SWITCH_SECONDS = 0.0005
"""How long the watching thread may keep the interpreter from the thread that acts (Python's own
default is 5 ms, which is half of what an approved call may take)."""

_FOREVER_SECONDS = 1e9

VIGIL_SECONDS = 10.0
"""How often it is looked whether every watcher of kopf's is alive, and its loop turns."""
VIGIL_PATIENCE = 3
"""Looks in a row that must find it wrong: after a freeze one may."""
FIRST_PATIENCE = 4
"""The same before all was right once: kopf begins with discovery, on a server that may be slow; and
where its discovery fails half way, it goes on without watching anything."""
FIRST_LOOK_SECONDS = 0.05
"""How often it is looked until all was right once: until then nobody may lead."""
WATCHER = "watcher for "
"""How kopf names the tasks that watch (kopf/_core/reactor/orchestration.py, 1.45)."""

GATE_KINDS = (KINDS.policy, KINDS.policy_binding)
"""Watched too: a weakened approval gate must be noticed before what it lets through."""


class _NullProgress(kopf.AnnotationsProgressStorage):
    """Keeps nothing on objects; belt and braces, since no handler asks for storage."""

    def store(self, **_: Any) -> None:
        """Store nothing."""

    def fetch(self, **_: Any) -> None:
        """Find nothing."""


class _NullDiffBase(kopf.AnnotationsDiffBaseStorage):
    """Builds no essence to compare with: kopf would copy every object before it tells of it."""

    def build(self, **_: Any) -> Any:
        """Build nothing."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Find nothing."""

    def store(self, **_: Any) -> None:
        """Store nothing."""


def kopf_settings() -> kopf.OperatorSettings:
    """Return the settings measured in reference/kubernetes.md 1.7."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.process.ultimate_exiting_timeout = None
    # A frozen loop must not silently lose its watcher: the total timeout reconnects instead.
    settings.watching.inactivity_timeout = _FOREVER_SECONDS
    settings.watching.server_timeout = 240
    settings.watching.client_timeout = 270
    settings.watching.connect_timeout = 5
    settings.queueing.idle_timeout = 0.5
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = (0.5, 1, 2, 4, 8, 15, 30)
    settings.persistence.finalizer = meta.FINALIZER
    settings.persistence.progress_storage = _NullProgress(prefix=meta.GROUP)
    settings.persistence.diffbase_storage = _NullDiffBase(prefix=meta.GROUP)
    return settings


class EventSource:
    """Watches our kinds and hands every event to ``observe`` on the caller's loop."""

    def __init__(
        self,
        settings: Settings,
        observe: Observe,
        *,
        how: kopf.OperatorSettings | None = None,
        vigil_seconds: float = VIGIL_SECONDS,
    ) -> None:
        """Take the parts; ``how`` None means ``kopf_settings()``."""
        self._settings = settings
        self._observe = observe
        self._how = how or kopf_settings()
        self._vigil_seconds = vigil_seconds
        self._stop: Callable[[], None] = lambda: None
        """Ends kopf from any thread; there is nothing to end before it began."""
        self.watching = asyncio.Event()
        """Set once every kind was watched for the first time: before, the cache may be stale."""
        self._turns = 0
        """How often kopf's loop has come round to its vigil."""

    async def run(self) -> None:
        """Watch until cancelled.

        Raises:
            RuntimeError: kopf ended by itself, lost a watcher without ending, or hangs; something
                is not watched any more and the process must end too.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[BaseException | None] = loop.create_future()

        def finish(error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result(error)

        def body() -> None:
            error: BaseException | None = None
            try:
                asyncio.run(self._operate(loop, tell))
            except BaseException as caught:
                error = caught
            tell(error)

        def tell(error: BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish, error)

        sys.setswitchinterval(SWITCH_SECONDS)
        thread = threading.Thread(target=body, name="kopf", daemon=True)
        thread.start()
        listening = asyncio.create_task(self._listen_for_turns())
        try:
            both: set[asyncio.Future[Any]] = {ended, listening}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            error = ended.result() if ended.done() else listening.exception()
        finally:
            self._stop()
            listening.cancel()
        raise RuntimeError("the watch of the custom resources ended") from error

    async def _listen_for_turns(self) -> None:
        """Return never; raise when kopf's loop has stopped turning while ours has not."""
        silent, heard = 0, self._turns
        while silent < (VIGIL_PATIENCE if heard else FIRST_PATIENCE):
            await asyncio.sleep(self._vigil_seconds)
            silent, heard = (silent + 1 if heard == self._turns else 0), self._turns
        raise RuntimeError("kopf's event loop hangs")

    async def _keep_vigil(
        self, tell: Callable[[BaseException | None], None], begun: Callable[[], None]
    ) -> None:
        """Tell of a watcher that ended without ending kopf (kubernetes.md 1.4): it is a zombie."""
        namespaces = len(self._settings.watch_namespaces) or 1
        own = sum(namespaces if item.KIND != Halt.KIND else 1 for item in WATCHED)
        wanted, wrong = own + len(GATE_KINDS), 0
        if await self._first_watchers(wanted):
            begun()
            while wrong < VIGIL_PATIENCE:
                await asyncio.sleep(self._vigil_seconds)
                self._turns += 1
                wrong = wrong + 1 if _watchers() < wanted else 0
        tell(RuntimeError(f"{_watchers()} watchers are alive of {wanted}: are all CRDs installed?"))

    async def _first_watchers(self, wanted: int) -> bool:
        """Return True as soon as so many are alive, False when they do not come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._vigil_seconds * FIRST_PATIENCE):
                while _watchers() < wanted:
                    await asyncio.sleep(FIRST_LOOK_SECONDS)
                    self._turns += 1
                return True
        return False

    async def _operate(
        self, home: asyncio.AbstractEventLoop, tell: Callable[[BaseException | None], None]
    ) -> None:
        registry = kopf.OperatorRegistry()
        for kind in (*(item.KIND for item in WATCHED), *GATE_KINDS):
            self._subscribe(registry, home, kind)
        self._login(registry)
        namespaces = self._settings.watch_namespaces

        def begun() -> None:
            home.call_soon_threadsafe(self.watching.set)

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio.run made it
        # No stop flag: kopf would wait 5 s for its waiter before it said that it has failed.
        self._stop = lambda: _cancel(loop, task)
        # Before kopf, which waits for and cancels every task that is younger than itself.
        vigil = asyncio.create_task(self._keep_vigil(tell, begun), name="vigil")
        try:
            await kopf.operator(
                registry=registry,
                settings=self._how,
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
            )
        finally:
            vigil.cancel()

    def _subscribe(
        self,
        registry: kopf.OperatorRegistry,
        home: asyncio.AbstractEventLoop,
        kind: str,
    ) -> None:
        observe, route = self._observe, ROUTES[kind]

        @kopf.on.event(
            route.group, route.version, route.plural, registry=registry, id=f"observe-{kind}"
        )
        async def _(event: kopf.RawEvent, **_: Any) -> None:
            home.call_soon_threadsafe(observe, kind, event["type"], event["object"])

    def _login(self, registry: kopf.OperatorRegistry) -> None:
        settings = self._settings

        @kopf.on.login(registry=registry)
        async def _(**_: Any) -> kopf.ConnectionInfo:
            # Read anew at each login: projected tokens rotate.
            token = await asyncio.to_thread(Path(settings.token_file).read_text)
            return kopf.ConnectionInfo(
                server=settings.api_server, ca_path=settings.ca_file, token=token.strip()
            )


def _watchers() -> int:
    return sum(task.get_name().startswith(WATCHER) for task in asyncio.all_tasks())


def _cancel(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)
