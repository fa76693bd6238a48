"""Directories are made and removed with care; orders go through a socket of any path."""

import asyncio
import fcntl
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox import client
from sandbox.errors import NotRunningError, SandboxError
from sandbox.layout import Layout
from sandbox.options import Options
from sandbox.orders import LONGEST_PATH_BYTES, Orders, socket_path
from sandbox.world import World


def test_a_fresh_directory_is_made(tmp_path: Path) -> None:
    """Readable by its owner only: it holds keys."""
    layout = Layout(tmp_path / "a/b")
    client.prepare(layout)
    assert layout.root.stat().st_mode & 0o077 == 0
    assert layout.is_ours()


def test_what_a_crash_left_is_replaced(tmp_path: Path) -> None:
    """`up` after a crash needs no `down`."""
    layout = Layout(tmp_path / "box")
    client.prepare(layout)
    (layout.root / "left-over").touch()
    client.prepare(layout)
    assert not (layout.root / "left-over").exists()


def test_a_running_sandbox_is_left_alone(tmp_path: Path) -> None:
    """Its lock is held, so it lives."""
    layout = Layout(tmp_path / "box")
    client.prepare(layout)
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SandboxError, match="already runs"):
            client.prepare(layout)


@pytest.mark.parametrize("deed", [client.prepare, client.remove])
def test_a_strangers_directory_is_left_alone(tmp_path: Path, deed: Any) -> None:
    """A wrong --dir must not cost anybody's files."""
    (tmp_path / "precious").touch()
    with pytest.raises(SandboxError, match="choose another --dir"):
        deed(Layout(tmp_path))
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("deed", [client.prepare, client.remove])
@pytest.mark.parametrize("name", ["file", "file/box"])
def test_a_place_that_cannot_hold_a_sandbox_is_named(tmp_path: Path, deed: Any, name: str) -> None:
    """A file, a read-only folder: one sentence, no traceback, and nothing changed."""
    (tmp_path / "file").write_text("precious")
    if (deed, name) == (client.remove, "file/box"):
        deed(Layout(tmp_path / name))  # nothing is there to be removed
    else:
        with pytest.raises(SandboxError, match=rf"{name}.*: Not a directory.*--dir"):
            deed(Layout(tmp_path / name))
    assert (tmp_path / "file").read_text() == "precious"


def test_removing_nothing_is_no_error(tmp_path: Path) -> None:
    """`down` twice."""
    client.remove(Layout(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_orders_to_nobody_are_refused(tmp_path: Path) -> None:
    """No lock, nobody there."""
    with pytest.raises(NotRunningError, match="No sandbox runs"):
        client.order(Layout(tmp_path), "status")


@pytest.mark.parametrize("depth", [0, 30])
def test_a_socket_may_lie_deep(tmp_path: Path, depth: int) -> None:
    """sun_path has 108 bytes; pytest's directories alone may be longer."""
    root = tmp_path.joinpath(*["deeper"] * depth)
    root.mkdir(parents=True, exist_ok=True)
    path = root / "control.sock"
    assert (len(str(path)) > LONGEST_PATH_BYTES) is (depth > 0)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as caller:
        with socket_path(path) as name:
            server.bind(name)
        server.listen()
        with socket_path(path) as name:
            caller.connect(name)
        assert path.is_socket()


class Served:
    """A supervisor's socket and lock in a thread, without any process behind."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.ended = False
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        ending = asyncio.Event()
        orders = Orders(World(self.layout, Options(), {}), ending)
        with self.layout.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            await orders.open()
            self._up.set()
            await ending.wait()
            self.ended = True
            await orders.close()

    def __enter__(self) -> "Served":
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self.layout.is_alive():
            client.order(self.layout, "shutdown")
        self._thread.join(10)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "box")
    client.prepare(made)
    return made


@pytest.mark.parametrize(
    ("order", "details", "message"),
    [
        pytest.param("dance", {}, "no order 'dance'", id="unknown order"),
        pytest.param("process", {"name": "x", "action": "stop"}, "no process 'x'", id="unknown"),
        pytest.param("operator", {"number": 3, "action": "stop"}, "no operator 3", id="not there"),
        pytest.param("operator", {"number": 1, "action": "start"}, "not up yet", id="too early"),
        pytest.param("status", {}, "not up yet", id="nothing to tell yet"),
        pytest.param("operator", {"action": "start"}, "number", id="incomplete"),
    ],
)
def test_a_refused_order_says_why(
    layout: Layout, order: str, details: dict[str, Any], message: str
) -> None:
    """The supervisor goes on; who asked gets the sentence."""
    with Served(layout):
        with pytest.raises(SandboxError, match=message):
            client.order(layout, order, **details)
        with pytest.raises(SandboxError, match="no order"):
            client.order(layout, "again")


def test_nonsense_on_the_socket_is_answered(layout: Layout) -> None:
    """One bad line must not end the conversation, let alone the supervisor."""
    with Served(layout), socket.socket(socket.AF_UNIX) as caller:
        with socket_path(layout.socket) as name:
            caller.connect(name)
        for line in ("not json", "[]", "null", '{"order": "operator", "number": null}', '"status"'):
            caller.sendall(line.encode() + b"\n")
        caller.sendall(b'{"order": "dance"}\n')
        with caller.makefile() as answers:
            for _ in range(5):
                assert json.loads(answers.readline())["error"]
            assert "dance" in json.loads(answers.readline())["error"]


def test_shutting_down_waits_for_the_end(layout: Layout) -> None:
    """After `down` the next `up` finds nothing in its way."""
    with Served(layout) as served:
        client.shut_down(layout)
        assert served.ended
        assert not layout.root.exists()


@pytest.mark.parametrize("ask", [client.running_state, client.shut_down])
def test_one_that_starts_or_ends_says_so(layout: Layout, ask: Any) -> None:
    """It lives and takes no orders yet, or no more: nothing is broken, and patience helps."""
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NotRunningError, match="is starting, or ending: try again"):
            ask(layout)
