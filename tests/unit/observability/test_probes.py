"""The three pages that Kubernetes and Prometheus ask for."""

import asyncio
import socket
from dataclasses import replace

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from assent.observability.metrics import Metrics
from assent.observability.probes import Health, probe_app, serve
from assent.settings import Settings
from sandbox.ports import free_port


async def ask(health: Health, path: str) -> tuple[int, str]:
    """Return status and text of a page."""
    metrics = Metrics()
    metrics.late_calls.inc()
    app = probe_app(metrics.registry, unhealthy=health.unhealthy, unready=health.unready)
    async with TestClient(TestServer(app)) as client, client.get(path) as answer:
        return answer.status, await answer.text()


async def test_a_new_process_is_alive_and_not_ready() -> None:
    """Killing it for having cold caches would keep them cold."""
    assert await ask(Health(), "/healthz") == (200, "ok\n")
    status, text = await ask(Health(), "/readyz")
    assert (status, text) == (503, "the caches are not warm yet\n")


async def test_a_warm_process_is_ready_whether_it_leads_or_not() -> None:
    """A standby that counted as not ready would block every rollout."""
    health = Health()
    health.ready = True
    assert await ask(health, "/readyz") == (200, "ok\n")


async def test_a_process_that_cannot_be_right_asks_for_its_restart() -> None:
    """And says why, on both pages."""
    health = Health()
    health.ready = True
    health.failure = "the watch ended"
    assert await ask(health, "/healthz") == (503, "the watch ended\n")
    assert await ask(health, "/readyz") == (503, "the watch ended\n")


async def test_metrics_are_served_in_prometheus_text() -> None:
    """The chart's ServiceMonitor scrapes them."""
    status, text = await ask(Health(), "/metrics")
    assert status == 200
    assert "assent_late_calls_total 1.0" in text


@pytest.fixture
def settings() -> Settings:
    """Settings that serve on a free port of loopback."""
    base = Settings.from_environment({"POD_NAME": "a", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    return replace(base, http_host="127.0.0.1", http_port=free_port())


async def test_the_pages_are_served_until_cancelled(settings: Settings) -> None:
    """Afterwards the port is free for the next container of the pod."""
    serving = asyncio.create_task(serve(settings, Metrics(), Health()))
    url = f"http://127.0.0.1:{settings.http_port}/healthz"
    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(30):
            while True:
                try:
                    async with session.get(url) as answer:
                        assert answer.status == 200
                        break
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.01)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_a_port_that_is_taken_is_an_error(settings: Settings) -> None:
    """A process without probes would be killed without anybody knowing why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.http_port))
        taken.listen()
        with pytest.raises(OSError, match="address already in use"):
            await serve(settings, Metrics(), Health())
