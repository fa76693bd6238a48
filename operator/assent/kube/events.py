"""Posts Kubernetes Events beside the work: bounded, deduplicated, best effort, never awaited."""

import asyncio
import contextlib
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from assent.api import meta
from assent.core.lifecycle.decision import Notice
from assent.errors import AssentError
from assent.kube.client import KubeClient
from assent.kube.errors import AlreadyExists, NotFound
from assent.kube.resources import KINDS, Raw
from assent.observability.crash_points import Point, reached
from assent.observability.metrics import Metrics

QUEUE_LIMIT: Final = 256
REMEMBERED: Final = 1024
"""How many different Events are remembered, to count repeats instead of posting anew."""
GIVE_WAY_SECONDS: Final = 0.1
"""How long a notice waits before it is posted: what it tells of (a claim) is followed by the reads
and the call that matter, and a post among them would make those wait."""
MESSAGE_LIMIT: Final = 1024
"""Bytes; the API server's own bound on an Event's message."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Order:
    kind: str
    raw: Raw
    notice: Notice
    at: datetime


def event_key(uid: str, notice: Notice, reporter: str) -> str:
    """Return what makes two notices the same Event: object, reason, message and our pod."""
    text = "\x00".join((uid, notice.reason, notice.message, reporter))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seconds(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shortened(message: str) -> str:
    encoded = message.encode()
    if len(encoded) <= MESSAGE_LIMIT:
        return message
    return encoded[: MESSAGE_LIMIT - 4].decode(errors="ignore") + "…"


def event_body(
    kind: str, raw: Raw, notice: Notice, *, at: datetime, reporter: str
) -> dict[str, Any]:
    """Return the core/v1 Event about the object; ``reporter`` is the pod's name."""
    metadata = raw["metadata"]
    namespace = metadata.get("namespace") or "default"  # where cluster-scoped objects' Events go
    return {
        "apiVersion": "v1",
        "kind": KINDS.event,
        "metadata": {
            "name": f"{metadata['name'][:230]}.{event_key(metadata['uid'], notice, reporter)}",
            "namespace": namespace,
        },
        "involvedObject": {
            "apiVersion": raw.get("apiVersion", meta.API_VERSION),
            "kind": kind,
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": "Warning" if notice.warning else "Normal",
        "reason": notice.reason,
        "message": _shortened(notice.message),
        "source": {"component": meta.FIELD_MANAGER},
        "reportingComponent": f"{meta.GROUP}/operator",
        "reportingInstance": reporter[:128],
        "firstTimestamp": _seconds(at),
        "lastTimestamp": _seconds(at),
        "count": 1,
    }


class EventPoster:
    """Takes notices at once and posts them from a task of its own."""

    def __init__(
        self,
        kube: KubeClient,
        *,
        reporter: str,
        now: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._kube = kube
        self._reporter = reporter
        self._now = now
        self._outcomes = metrics.events_posted
        self._orders: asyncio.Queue[_Order] = asyncio.Queue(QUEUE_LIMIT)
        self._known: OrderedDict[str, int] = OrderedDict()
        self._worker: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def post(self, kind: str, raw: Raw, notice: Notice) -> None:
        """Queue an Event about the object. Never waits, never raises; drops when 256 wait.

        Needs a running loop: the Events are posted by a task that lives while some are queued.
        """
        try:
            self._orders.put_nowait(_Order(kind, raw, notice, self._now()))
        except asyncio.QueueFull:
            self._outcomes.labels(outcome="dropped").inc()
            return
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="event-poster")

    async def aclose(self, *, within_seconds: float = 2.0) -> None:
        """Post what is queued, before the process ends; what does not fit in time is dropped."""
        self._closing.set()
        if self._worker is not None:
            await asyncio.wait({self._worker}, timeout=within_seconds)
            self._worker.cancel()

    async def _work(self) -> None:
        while not self._orders.empty():
            order = self._orders.get_nowait()
            waited_seconds = (self._now() - order.at).total_seconds()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, GIVE_WAY_SECONDS - waited_seconds)):
                    await self._closing.wait()
            await self._handle(order)

    async def _handle(self, order: _Order) -> None:
        try:
            reached(Point.EVENT_DUE)
            outcome = await self._send(order)
            reached(Point.EVENT_POSTED)
        except AssentError as error:
            outcome = "failed"
            _log.warning(
                "an Event was not posted",
                extra={"event": order.notice.reason, "reason": error.reason, "detail": str(error)},
            )
        self._outcomes.labels(outcome=outcome).inc()

    async def _send(self, order: _Order) -> str:
        body = event_body(order.kind, order.raw, order.notice, at=order.at, reporter=self._reporter)
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        count = self._known.get(name, 0) + 1
        if count == 1:
            try:
                await self._create(namespace, name, body)
            except AlreadyExists:
                count = 2  # posted before by this pod, and forgotten here since
            else:
                return "posted"
        try:
            again = {"count": count, "lastTimestamp": _seconds(order.at)}
            await self._kube.patch(KINDS.event, namespace, name, again)
        except NotFound:  # the API server forgets Events after an hour
            await self._create(namespace, name, body)
            return "posted"
        self._remember(name, count)
        return "repeated"

    async def _create(self, namespace: str, name: str, body: Raw) -> None:
        await self._kube.create(KINDS.event, namespace, body)
        self._remember(name, 1)

    def _remember(self, name: str, count: int) -> None:
        self._known[name] = count
        self._known.move_to_end(name)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
