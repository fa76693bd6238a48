"""A fake supervisor at the edge: holds the lock, serves the socket, answers as ordered."""

import fcntl
import functools
import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import client
from sandbox.layout import Layout
from sandbox.orders import socket_path
from sandbox.pki import Authority, write_private


@dataclass
class FakeSupervisor:
    """Answers every order with `state`, those in `refusals` (by name) with an error."""

    layout: Layout
    state: dict[str, Any]
    refusals: dict[str, str] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)
    mute: bool = False
    """It takes orders and ends the conversation without an answer."""

    def answer(self, line: str) -> str:
        """One answer; remembers the order."""
        order = json.loads(line)
        self.orders.append(order)
        refusal = self.refusals.get(order["order"])
        return json.dumps({"error": refusal} if refusal else {"result": self.state})


def state_of(url: str = "http://127.0.0.1:1", members: int = 1) -> dict[str, Any]:
    """What a supervisor says of a sandbox whose servers are all at `url`."""
    return {
        "supervisor": 1000,
        "options": {"stores": 4, "regions": 300, "bare": False},
        "apiserver": url,
        "api_proxies": [],
        "tikvsim": url,
        "pd": [
            {
                "name": f"pd-{number}",
                "direct_url": url,
                "proxy_url": f"http://127.0.0.1:{2 + number}",
                "control_url": url,
            }
            for number in range(members)
        ],
        "processes": {
            "etcd": {"state": "running", "pid": 1001},
            "pd-0": {"state": "ended (SIGKILL)", "pid": None},
        },
        "operators": {
            "1": {"state": "running", "pid": 1002, "pod": "assent-1-x", "address": "127.0.0.1:9"},
            "2": {"state": "ended (SIGTERM)", "pid": None, "pod": "assent-2-y", "address": "a:1"},
        },
    }


def with_certificates(layout: Layout) -> Layout:
    """The layout, with an authority and the administrator's certificate in it."""
    layout.pki.mkdir(parents=True, exist_ok=True)
    for name, content in _certificates().items():
        write_private(layout.pki / name, content)
    return layout


@functools.cache
def _certificates() -> dict[str, bytes]:
    """Made once: keys cost more than most tests."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        admin = Authority.create(folder).client("admin")
        (folder / "admin.crt").write_bytes(admin.certificate)
        (folder / "admin.key").write_bytes(admin.key)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def supervising(fake: FakeSupervisor) -> Iterator[FakeSupervisor]:
    """Hold the lock of the fake's layout, made fresh, and serve its socket."""
    layout = fake.layout
    client.prepare(layout)
    with_certificates(layout)
    with (
        layout.lock.open("w") as lock,
        socket.socket(socket.AF_UNIX) as server,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket_path(layout.socket) as name:
            server.bind(name)
        server.listen()
        thread = threading.Thread(target=_serve, args=(server, fake), daemon=True)
        thread.start()
        yield fake
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _serve(server: socket.socket, fake: FakeSupervisor) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # shut down
            return
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                if fake.mute:
                    fake.orders.append(json.loads(line))
                    break
                lines.write(fake.answer(line) + "\n")
                lines.flush()
