"""Orders for one process wait for each other, orders for different ones do not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.options import Options
from sandbox.orders import Orders
from sandbox.world import World


class Slow(World):
    """A world whose processes take as long to thaw as the test wants."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Layout(folder), Options(), {})
        self.going = asyncio.Event()
        self.at_once = 0
        self.most: dict[str, int] = {}

    def children(self) -> dict[str, Any]:
        """Three processes."""
        return {name: object() for name in ("etcd", "pd-0", "pd-1")}

    def state(self) -> dict[str, Any]:
        """Nothing of interest."""
        return {}

    async def wait(self, name: str) -> None:
        """What an order does: note who else is at it, and wait."""
        self.at_once += 1
        self.most[name] = max(self.at_once, self.most.get(name, 0))
        await self.going.wait()
        self.at_once -= 1


class Watched(Orders):
    """Orders whose effect is only to wait."""

    world: Slow

    async def _process(self, name: str, action: str) -> None:
        if action == "fail":
            raise SandboxError("it does not come up")
        await self.world.wait(name)


def orders(folder: Path) -> Watched:
    world = Slow(folder)
    made = Watched(world, asyncio.Event())
    made.world = world
    return made


def order(name: str, action: str = "restart") -> dict[str, str]:
    return {"order": "process", "name": name, "action": action}


@pytest.mark.parametrize(
    ("names", "at_once"),
    [
        pytest.param(("pd-0", "pd-1"), 2, id="a slow restart keeps nobody else waiting"),
        pytest.param(("pd-0", "pd-0"), 1, id="one process is not started twice at once"),
    ],
)
async def test_turns_are_taken_by_process(
    tmp_path: Path, names: tuple[str, str], at_once: int
) -> None:
    """A campaign kills and thaws while the API server restarts."""
    made = orders(tmp_path)
    asked = [asyncio.create_task(made.carry_out(order(name))) for name in names]
    for _ in range(20):
        await asyncio.sleep(0)
    assert made.world.at_once == at_once
    made.world.going.set()
    await asyncio.gather(*asked)


async def test_a_failed_order_gives_its_turn_back(tmp_path: Path) -> None:
    """The next one for that process is carried out."""
    made = orders(tmp_path)
    made.world.going.set()
    with pytest.raises(SandboxError, match="come up"):
        await made.carry_out(order("etcd", "fail"))
    assert await made.carry_out(order("etcd")) == {}
