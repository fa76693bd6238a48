"""/metrics, /healthz and /readyz of the process, on one plain HTTP port."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from assent.observability.metrics import Metrics
from assent.settings import Settings

Problem = Callable[[], str | None]
"""Says in one sentence what is wrong now; None when all is well. Must not block."""


class Health:
    """What the probes say; the owner of the process sets it."""

    def __init__(self) -> None:
        self.ready = False
        """Set once the caches are warm; a standby is ready too."""
        self.failure: str | None = None
        """One sentence once the process cannot be right any more; it should be restarted."""

    def unhealthy(self) -> str | None:
        """Return what makes a restart necessary, None when nothing does."""
        return self.failure

    def unready(self) -> str | None:
        """Return what is still missing, None when nothing is."""
        return self.failure or (None if self.ready else "the caches are not warm yet")


def probe_app(
    registry: CollectorRegistry, *, unhealthy: Problem, unready: Problem
) -> web.Application:
    """Return the web application.

    ``/healthz`` fails when the process cannot be right any more and should be restarted;
    ``/readyz`` fails while it cannot do its work yet. A standby with a warm cache is ready.
    """

    def probe(problem: Problem) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_: web.Request) -> web.Response:
            said = problem()
            if said is None:
                return web.Response(text="ok\n")
            return web.Response(text=f"{said}\n", status=503)

        return handle

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/healthz", probe(unhealthy))
    app.router.add_get("/readyz", probe(unready))
    app.router.add_get("/metrics", metrics)
    return app


async def serve(settings: Settings, metrics: Metrics, health: Health) -> None:
    """Serve until cancelled.

    Raises:
        OSError: the address cannot be had.
    """
    app = probe_app(metrics.registry, unhealthy=health.unhealthy, unready=health.unready)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
