"""Orders to a supervisor are carried out on real processes, one after another for each."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import client
from sandbox.apiproxies import ApiProxies
from sandbox.controlplane import ControlPlane
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.options import Options
from sandbox.orders import PROCESS_ACTIONS, Orders
from sandbox.pdcluster import PdCluster
from sandbox.stores import Stores
from sandbox.world import World

# Stands in for the simulated stores: ready at once, and ends slowly when it is asked to.
PROGRAM = """#!{python}
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

def leave(*_):
    time.sleep(0.05)
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"ready": true}}')

(control,) = [word for word in sys.argv if word.startswith("--control=")]
HTTPServer(("127.0.0.1", int(control.rpartition(":")[2])), Answers).serve_forever()
"""


def order(action: str, name: str = "tikvsim") -> dict[str, Any]:
    return {"order": "process", "name": name, "action": action}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """All parts, of which only the stores can run."""
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    names = ("etcd", "kube-apiserver", "pd-server", "pdproxy", "tikvsim")
    binaries = dict.fromkeys(names, program)
    layout = Layout(tmp_path / "box")
    client.prepare(layout)
    made = World(layout, Options(operators=0), binaries)
    made.control_plane = ControlPlane(layout, binaries)
    made.api_proxies = ApiProxies(layout, binaries, port=1, count=1)
    made.pd = PdCluster(layout, binaries, members=1, schedule={})
    made.stores = Stores(layout, binaries, pd_urls=["http://127.0.0.1:1"], stores=1, regions=5)
    yield made
    await made.stores.stop()
    await made.control_plane.api.close()


@pytest.fixture
def orders(world: World) -> Orders:
    return Orders(world, asyncio.Event())


def shown(answer: object) -> dict[str, Any]:
    """What the answer says of the stores' process."""
    assert isinstance(answer, dict)
    found: dict[str, Any] = answer["processes"]["tikvsim"]
    return found


async def test_a_process_lives_as_it_is_ordered(orders: Orders) -> None:
    """Every answer says how it is afterwards; a restart is another process."""
    assert shown(await orders.carry_out({"order": "status"})) == {"state": "new", "pid": None}
    first = shown(await orders.carry_out(order("start")))
    assert first["state"] == "running"
    assert shown(await orders.carry_out(order("start"))) == first, "it runs: nothing to do"
    assert shown(await orders.carry_out(order("freeze"))) == {**first, "state": "frozen"}
    assert shown(await orders.carry_out(order("thaw"))) == first
    second = shown(await orders.carry_out(order("restart")))
    assert second["state"] == "running"
    assert second["pid"] != first["pid"]
    ended = shown(await orders.carry_out(order("kill")))
    assert ended == {"state": "ended (SIGKILL)", "pid": None}
    assert shown(await orders.carry_out(order("kill"))) == ended, "it has ended: nothing to do"


async def test_a_frozen_process_can_be_stopped(orders: Orders) -> None:
    """It would not notice a SIGTERM; nobody should have to thaw it first."""
    await orders.carry_out(order("start"))
    await orders.carry_out(order("freeze"))
    assert shown(await orders.carry_out(order("stop")))["state"] == "ended (exit code 0)"


async def test_what_is_known_is_written_down(orders: Orders, world: World) -> None:
    """`sandbox.json` is for who cannot ask: it says what runs, and only its owner reads it."""
    answer = await orders.carry_out(order("start"))
    assert json.loads(world.layout.state.read_text()) == answer
    assert world.layout.state.stat().st_mode & 0o077 == 0
    await orders.carry_out(order("kill"))
    assert shown(json.loads(world.layout.state.read_text()))["pid"] is None


async def test_orders_for_one_process_wait_for_each_other(orders: Orders) -> None:
    """Two restarts side by side would start it twice on one port."""
    await orders.carry_out(order("start"))
    answers = await asyncio.gather(*(orders.carry_out(order("restart")) for _ in range(3)))
    pids = [shown(answer)["pid"] for answer in answers]
    assert len(set(pids)) == 3
    assert [os.path.exists(f"/proc/{pid}") for pid in pids] == [False, False, True]  # noqa: ASYNC240, PTH110


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        pytest.param({}, "no order None", id="nothing"),
        pytest.param(order("melt"), "'melt' is none of start, stop", id="no such action"),
        pytest.param(
            order("kill", "tikv"),
            "no process 'tikv'; there are: etcd, kube-apiserver, apiproxy-1, pd-0, pdproxy-0, tikv",
            id="no such process: those there are",
        ),
        pytest.param(
            order("restart", "operator-1"),
            "`operator` orders operators",
            id="status shows operators beside processes: the other word is named",
        ),
        pytest.param({"order": "operator", "number": "x", "action": "stop"}, "invalid", id="words"),
        pytest.param(
            {"order": "operator", "number": 1, "action": "kill"}, "no operator 1", id="never ran"
        ),
    ],
)
async def test_what_cannot_be_done_is_refused(
    orders: Orders, request_: dict[str, Any], said: str
) -> None:
    """With what there is instead."""
    with pytest.raises((SandboxError, ValueError), match=said):
        await orders.carry_out(request_)


async def test_after_a_refusal_the_turn_is_free(orders: Orders) -> None:
    """A lock that stays taken would hold every later order for ever."""
    for _ in range(2):
        with pytest.raises(SandboxError, match="no process"):
            await orders.carry_out(order("kill", "nobody"))
    await orders.carry_out(order("start"))
    with pytest.raises(SandboxError, match="none of"):
        await orders.carry_out(order("melt"))
    assert shown(await orders.carry_out(order("kill")))["pid"] is None


async def test_a_process_that_ends_at_once_is_told(world: World, orders: Orders) -> None:
    """`process start etcd` with a broken disk: its log's end, not a minute of silence."""
    assert world.stores is not None
    world.stores.child.arguments = ["/bin/sh", "-c", "echo no disk; exit 7"]
    with pytest.raises(SandboxError, match=r"tikvsim ended \(exit code 7\):\nno disk"):
        await orders.carry_out(order("start"))


async def test_everything_but_the_operators_can_be_named(orders: Orders) -> None:
    """`status` and `process` speak of the same names."""
    answer = await orders.carry_out({"order": "status"})
    assert isinstance(answer, dict)
    for name in answer["processes"]:
        for action in PROCESS_ACTIONS[1:2]:  # stop: nothing but the stores was ever started
            after = await orders.carry_out(order(action, name))
            assert isinstance(after, dict)
            assert after["processes"][name]["state"] == "new"


async def test_shutting_down_ends_the_supervisor(world: World) -> None:
    """The order is taken; stopping is the supervisor's."""
    ending = asyncio.Event()
    assert await Orders(world, ending).carry_out({"order": "shutdown"}) is None
    assert ending.is_set()
