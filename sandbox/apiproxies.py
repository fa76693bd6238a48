"""A journaling proxy between each operator and the API server, for faults on that way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.child import Child
from sandbox.layout import Layout
from sandbox.ports import LOOPBACK, free_ports
from sandbox.waiting import wait_until

READY_TIMEOUT_SECONDS = 20.0


@dataclass
class ApiProxy:
    """The proxy of one operator."""

    number: int
    """Of the operator."""
    name: str
    url: str
    """Its own API server, as far as the operator knows."""
    control_url: str
    """Where faults are ordered."""
    child: Child


class ApiProxies:
    """The proxies of operators 1 to `count`. Its TLS certificate is the API server's own."""

    def __init__(self, layout: Layout, binaries: dict[str, Path], *, port: int, count: int) -> None:
        ports = free_ports(2 * count)
        self.proxies = []
        for number in range(1, count + 1):
            listen, control = ports[2 * number - 2 : 2 * number]
            name = f"apiproxy-{number}"
            arguments = [
                str(binaries["pdproxy"]),
                f"--listen={LOOPBACK}:{listen}",
                f"--upstream={LOOPBACK}:{port}",
                f"--control={LOOPBACK}:{control}",
                f"--journal={layout.api_journal(number)}",
                f"--tls-cert={layout.pki / 'apiserver.crt'}",
                f"--tls-key={layout.pki / 'apiserver.key'}",
                f"--upstream-ca={layout.pki / 'ca.crt'}",
            ]
            child = Child(name, arguments, log=layout.log(name))
            urls = (f"https://{LOOPBACK}:{listen}", f"http://{LOOPBACK}:{control}")
            self.proxies.append(ApiProxy(number, name, *urls, child))

    async def start(self) -> None:
        """Start them all; they take orders on return.

        Raises:
            PortTakenError: make others, with other ports.
            SandboxError: one of them ended, or took no orders in time.
        """
        for proxy in self.proxies:
            await proxy.child.start()
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until each takes orders; errors as `start`."""
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:

            async def ready() -> bool:
                for proxy in self.proxies:
                    proxy.child.raise_if_ended()
                urls = [f"{proxy.control_url}/status" for proxy in self.proxies]
                return await _all_answer(client, urls)

            await wait_until(ready, timeout_seconds=READY_TIMEOUT_SECONDS, what="API proxies")

    async def stop(self) -> None:
        """End them."""
        await asyncio.gather(*(proxy.child.kill() for proxy in self.proxies))

    def url_for(self, number: int, default: str) -> str:
        """The API server of the operator of that number; `default` where it has no proxy."""
        return next((item.url for item in self.proxies if item.number == number), default)


async def _all_answer(client: httpx.AsyncClient, urls: Sequence[str]) -> bool:
    try:
        return all([(await client.get(url)).is_success for url in urls])
    except httpx.HTTPError:
        return False
