"""PD of a sandbox: one or three members, each behind its own journaling proxy."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.child import Child
from sandbox.layout import Layout
from sandbox.ports import LOOPBACK, free_ports
from sandbox.waiting import wait_until

READY_TIMEOUT_SECONDS = 60.0
MEMBER_COUNTS = (1, 3)
# Faster than PD's defaults (3 s, 500 ms, 3 s), so that tests of a leader change do not take long.
SPEED = """\
lease = 2
tick-interval = "250ms"
election-interval = "1500ms"
"""


@dataclass
class Member:
    """One PD member."""

    name: str
    direct_url: str
    proxy_url: str
    control_url: str
    """Where faults of the proxy are ordered."""
    peer_url: str
    server: Child
    proxy: Child


class PdCluster:
    """All members. What they advertise is their proxies, so who follows PD is journaled."""

    def __init__(
        self,
        layout: Layout,
        binaries: dict[str, Path],
        *,
        members: int,
        schedule: Mapping[str, Any],
    ) -> None:
        self._layout = layout
        config = layout.root / "pd.toml"
        config.write_text(SPEED + _schedule_section(schedule))
        ports = free_ports(4 * members)
        urls = [f"http://{LOOPBACK}:{port}" for port in ports]
        quartets = [tuple(urls[4 * n : 4 * n + 4]) for n in range(members)]
        initial = ",".join(f"pd-{n}={quartet[2]}" for n, quartet in enumerate(quartets))
        self.members = []
        for number, (direct, proxy, peer, control) in enumerate(quartets):
            name = f"pd-{number}"
            arguments = [
                str(binaries["pd-server"]),
                f"--name={name}",
                f"--data-dir={layout.data / f'{name}-{ports[0]}'}",
                f"--client-urls={direct}",
                f"--advertise-client-urls={proxy}",
                f"--peer-urls={peer}",
                f"--advertise-peer-urls={peer}",
                f"--initial-cluster={initial}",
                f"--config={config}",
            ]
            proxying = [
                str(binaries["pdproxy"]),
                f"--listen={_address(proxy)}",
                f"--upstream={_address(direct)}",
                f"--control={_address(control)}",
                f"--journal={layout.journal(name)}",
            ]
            server = Child(name, arguments, log=layout.log(name))
            proxy_name = f"pdproxy-{number}"
            proxy_child = Child(proxy_name, proxying, log=layout.log(proxy_name))
            self.members.append(
                Member(name, direct, proxy, control, peer, server=server, proxy=proxy_child)
            )

    async def start(self) -> None:
        """Start all members; PD has a leader on return.

        Raises:
            PortTakenError: make another one, with other ports.
            SandboxError: one of them ended, or there was no leader in time.
        """
        for member in self.members:
            await member.proxy.start()
            await member.server.start()
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until every member says who leads.

        Raises:
            PortTakenError, SandboxError: as `start`.
        """
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:

            async def ready() -> bool:
                for member in self.members:
                    member.proxy.raise_if_ended()
                    member.server.raise_if_ended()
                return all([await _knows_leader(client, member) for member in self.members])

            await wait_until(ready, timeout_seconds=READY_TIMEOUT_SECONDS, what="leader of PD")

    async def stop(self) -> None:
        """Stop all members; nothing of theirs is kept, so they get no time to finish."""
        children = [child for member in self.members for child in (member.server, member.proxy)]
        await asyncio.gather(*(child.kill() for child in children))


async def _knows_leader(client: httpx.AsyncClient, member: Member) -> bool:
    try:
        answer = await client.get(f"{member.direct_url}/pd/api/v1/leader")
        return answer.is_success and bool(answer.json().get("name"))
    except (httpx.HTTPError, ValueError):
        return False


def _schedule_section(schedule: Mapping[str, Any]) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in schedule.items()]
    return "\n".join(["", "[schedule]", *lines, ""])


def _address(url: str) -> str:
    return url.removeprefix("http://")
