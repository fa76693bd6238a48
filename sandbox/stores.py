"""The simulated TiKV stores of a sandbox."""

from collections.abc import Sequence
from pathlib import Path

import httpx

from sandbox.child import Child
from sandbox.layout import Layout
from sandbox.ports import LOOPBACK, free_port
from sandbox.waiting import wait_until

NAME = "tikvsim"
READY_TIMEOUT_SECONDS = 120.0


class Stores:
    """One process that plays all stores."""

    def __init__(
        self,
        layout: Layout,
        binaries: dict[str, Path],
        *,
        pd_urls: Sequence[str],
        stores: int,
        regions: int,
    ) -> None:
        address = f"{LOOPBACK}:{free_port()}"
        self.url = f"http://{address}"
        arguments = [
            str(binaries[NAME]),
            f"--pd={','.join(pd_urls)}",
            f"--stores={stores}",
            f"--regions={regions}",
            f"--control={address}",
            f"--log={layout.effects}",
        ]
        self.child = Child(NAME, arguments, log=layout.log(NAME))

    async def start(self) -> None:
        """Start them; PD knows every region on return.

        Raises:
            PortTakenError: make another one, with another port.
            SandboxError: it ended, or PD did not know all regions in time.
        """
        await self.child.start()
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until the simulator says that PD knows everything.

        Raises:
            PortTakenError, SandboxError: as `start`.
        """
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:

            async def ready() -> bool:
                self.child.raise_if_ended()
                try:
                    answer = await client.get(f"{self.url}/status")
                    return answer.is_success and bool(answer.json()["ready"])
                except httpx.HTTPError:
                    return False

            await wait_until(
                ready, timeout_seconds=READY_TIMEOUT_SECONDS, what="word that PD knows all regions"
            )

    async def stop(self) -> None:
        """End it."""
        await self.child.kill()
