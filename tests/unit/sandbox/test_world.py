"""Parts are brought up again on other ports when somebody else was faster."""

import stat
import sys
from pathlib import Path

import pytest

from sandbox.errors import PortTakenError, SandboxError
from sandbox.layout import Layout
from sandbox.options import Options
from sandbox.stores import Stores
from sandbox.world import TRIES, World

# Stands in for the simulated stores: the first runs find their port taken, or are broken.
PROGRAM = """#!{python}
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

runs = Path({runs!r})
number = int(runs.read_text()) if runs.exists() else 0
runs.write_text(str(number + 1))
if number < {failures}:
    sys.exit({complaint!r})

class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"ready": true}}')

(control,) = [word for word in sys.argv if word.startswith("--control=")]
host, _, port = control.removeprefix("--control=").partition(":")
HTTPServer((host, int(port)), Answers).serve_forever()
"""
TAKEN = "listen tcp 127.0.0.1:1: bind: address already in use"


def world(tmp_path: Path, *, failures: int, complaint: str = TAKEN) -> World:
    program = tmp_path / "tikvsim"
    runs = str(tmp_path / "runs")
    program.write_text(
        PROGRAM.format(python=sys.executable, runs=runs, failures=failures, complaint=complaint)
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return World(Layout(tmp_path), Options(), {"tikvsim": program})


def stores(world: World, urls: list[str]) -> Stores:
    made = Stores(world.layout, world._binaries, pd_urls=["http://x"], stores=1, regions=10)
    urls.append(made.url)
    return made


async def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    """Between the choice of a free port and its use anybody may take it: ask for another."""
    urls: list[str] = []
    started = world(tmp_path, failures=2)
    part = await started._begin(lambda: stores(started, urls))
    assert len(set(urls)) == 3
    assert part.url == urls[-1]
    await started.stop()
    assert part.child.process_id is None


async def test_it_does_not_try_for_ever(tmp_path: Path) -> None:
    """Four times in a row is no race."""
    urls: list[str] = []
    started = world(tmp_path, failures=100)
    with pytest.raises(PortTakenError, match="address already in use"):
        await started._begin(lambda: stores(started, urls))
    assert len(urls) == TRIES
    await started.stop()


async def test_another_failure_is_told_at_once(tmp_path: Path) -> None:
    """A broken program does not get better on another port."""
    urls: list[str] = []
    started = world(tmp_path, failures=100, complaint="the flags are wrong")
    with pytest.raises(SandboxError, match="the flags are wrong"):
        await started._begin(lambda: stores(started, urls))
    assert len(urls) == 1
    await started.stop()


def test_nothing_is_told_of_a_world_that_is_not_up(tmp_path: Path) -> None:
    """`status` while `up` still runs."""
    with pytest.raises(SandboxError, match="not up yet"):
        world(tmp_path, failures=0).state()
