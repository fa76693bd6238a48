"""Keeps the cache as complete as the API server's lists, whatever the watch has missed.

A watch that was away too long starts anew from a list (HTTP 410), and kopf tells of what is in it,
not of what has gone meanwhile: such a ghost would hold its PD against everybody.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from assent.controllers.hearing import CHECK_SECONDS, Hearing
from assent.controllers.source import WATCHED
from assent.controllers.world import Raw, World
from assent.errors import AssentError, Retryable
from assent.kube.client import KubeClient
from assent.kube.resources import KINDS

RELIST_SECONDS = 300.0
"""How often everything is listed without a cause: a watch can lose events without a word."""
RETRY_SECONDS = 2.0
"""How soon a list that failed is asked for again, and the shortest time between two."""
LONGEST_RETRY_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Completeness:
    """Lists all our kinds: at the start, when the watch may have missed something, now and then."""

    def __init__(self, kube: KubeClient, world: World, namespaces: Sequence[str]) -> None:
        """Take the parts; no ``namespaces`` means all of them."""
        self._kube = kube
        self._world = world
        self._namespaces = tuple(namespaces)
        self._hearing = Hearing()
        self._doubt = asyncio.Event()
        self.synced = asyncio.Event()
        """Set once everything was listed for the first time."""

    def told(self, kind: str, event_type: str | None, raw: Raw) -> None:
        """Take note of an event of the watch; None is what stood in a list that it began with."""
        self._hearing.told(kind, raw)
        if event_type is None:
            self.doubt()

    def doubt(self) -> None:
        """Have everything listed soon: something may have been missed."""
        self._doubt.set()

    async def keep(self) -> None:
        """List now, whenever there is doubt, and every ``RELIST_SECONDS``; return never."""
        failures = 0
        while True:
            self._doubt.clear()
            pause = RETRY_SECONDS
            try:
                await self.relist()
                self.synced.set()
                failures = 0
            except AssentError as error:
                self.doubt()
                stated = error.after_seconds if isinstance(error, Retryable) else 0.0
                pause = max(stated, min(RETRY_SECONDS * 2**failures, LONGEST_RETRY_SECONDS))
                failures += 1
                _log.warning(
                    "the custom resources could not be listed",
                    extra={"reason": error.reason, "detail": error.message},
                )
            await asyncio.sleep(pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(RELIST_SECONDS):
                    await self._doubt.wait()

    async def listen(self) -> None:
        """Return never; raise WatchDeaf when lists show what the watch does not tell."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._hearing.check()

    async def relist(self) -> None:
        """List everything once; raise as ``KubeClient.list``, with the cache as it was."""
        for kind in (item.KIND for item in WATCHED):
            namespaces = self._namespaces if kind != KINDS.halt else ()
            known_before = self._world.versions(kind)
            found: list[Raw] = []
            for namespace in namespaces or ("",):
                found += await self._kube.list(kind, namespace)
            self._hearing.listed(kind, found)
            self._world.replace(kind, found, known_before=known_before)
