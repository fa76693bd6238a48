"""The bench's thin connection and watch, against a TLS server of our own."""

import http.server
import json
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.bench.connection import Connection, Watch
from sandbox.errors import SandboxError
from sandbox.pki import Authority, kubeconfig


class Api(http.server.ThreadingHTTPServer):
    """Answers lists and patches, and streams what is put into `events`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.ports: list[int] = []
        self.people: list[str] = []
        self.refuse = False


class Handler(http.server.BaseHTTPRequestHandler):
    """As the API server does, as far as the bench needs it."""

    protocol_version = "HTTP/1.1"
    server: Api

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, code: int, found: object) -> None:
        body = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self) -> None:
        """Say what was sent, or refuse."""
        self.server.ports.append(self.client_address[1])
        certificate = self.connection.getpeercert()
        subject = {key: value for part in certificate["subject"] for key, value in part}
        self.server.people.append(subject["commonName"])
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refuse:
            self._answer(403, {"message": "not in your name"})
        else:
            self._answer(200, {"sent": sent, "type": self.headers["Content-Type"]})

    def do_GET(self) -> None:
        """Answer a list at once; stream a watch until None is put."""
        if "watch=1" not in self.path:
            self._answer(200, {"metadata": {"resourceVersion": "5"}, "items": []})
            return
        assert "resourceVersion=5" in self.path
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while (event := self.server.events.get()) is not None:
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()


@contextmanager
def serving(directory: Path) -> Iterator[tuple[Api, Path]]:
    """A server and the kubeconfig of `ann` for it."""
    authority = Authority.create(directory)
    identity = authority.server()
    for name, content in (("tls.crt", identity.certificate), ("tls.key", identity.key)):
        (directory / name).write_bytes(content)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=directory / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    api = Api()
    api.socket = context.wrap_socket(api.socket, server_side=True)
    thread = threading.Thread(target=api.serve_forever, daemon=True)
    thread.start()
    config = directory / "ann"
    url = f"https://127.0.0.1:{api.server_address[1]}"
    config.write_text(kubeconfig(url, authority, "ann", authority.client("ann", [])))
    try:
        yield api, config
    finally:
        api.events.put(None)
        api.shutdown()
        api.server_close()
        thread.join()


def test_one_connection_serves_many_approvals_in_the_persons_name(tmp_path: Path) -> None:
    """A handshake in one sample and none in the next would be noise of our own making."""
    with serving(tmp_path) as (api, config):
        connection = Connection(config)
        first = connection.timed_patch("/x", {"a": 1})
        second = connection.timed_patch("/x", {"a": 2})
        connection.close()
    assert first < second
    assert len(set(api.ports)) == 1
    assert set(api.people) == {"ann"}


def test_what_is_sent_is_a_merge_patch(tmp_path: Path) -> None:
    """The API server takes the kind of patch from the content type."""
    with serving(tmp_path) as (_, config):
        connection = Connection(config)
        connection.send("PATCH", "/x", {"spec": {"a": None}}, "application/merge-patch+json")
        answer = connection.receive()
        connection.close()
    assert answer == {"sent": {"spec": {"a": None}}, "type": "application/merge-patch+json"}


def test_a_refusal_comes_out_in_the_servers_words(tmp_path: Path) -> None:
    """A bench that goes on after a refused approval would wait for nothing."""
    with serving(tmp_path) as (api, config):
        api.refuse = True
        connection = Connection(config)
        with pytest.raises(SandboxError, match=r"403.*not in your name"):
            connection.timed_patch("/x", {})
        connection.close()


def _event(name: str, phase: str) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": {"metadata": {"name": name}, "status": {"phase": phase}}}


def test_a_watch_tells_when_it_saw_the_state_that_was_waited_for(tmp_path: Path) -> None:
    """Events of other objects and earlier states do not end the wait."""
    with serving(tmp_path) as (api, config), Watch(config, "/things") as watch:
        for event in (_event("other", "Done"), _event("one", "Pending"), _event("one", "Done")):
            api.events.put(event)
        at, found = watch.until(
            "one",
            lambda item: bool(item["status"]["phase"] == "Done"),
            timeout_seconds=20,
            tick=lambda: None,
        )
        assert found["status"]["phase"] == "Done"
        assert at > 0
        api.events.put(None)


def test_what_was_seen_before_the_wait_counts(tmp_path: Path) -> None:
    """The effect may come before the one who waits for it asks."""
    with serving(tmp_path) as (api, config), Watch(config, "/things") as watch:
        api.events.put(_event("one", "Done"))
        api.events.put(_event("two", "Done"))
        for name in ("two", "one"):
            watch.until(name, lambda _: True, timeout_seconds=20, tick=lambda: None)
        api.events.put(None)


def test_a_wait_has_an_end_and_says_how_far_it_got(tmp_path: Path) -> None:
    """A run that hangs tells nobody why."""
    with serving(tmp_path) as (api, config), Watch(config, "/things") as watch:
        api.events.put(_event("one", "Pending"))
        watch.until("one", lambda _: True, timeout_seconds=20, tick=lambda: None)
        with pytest.raises(SandboxError, match="Pending"):
            watch.until("one", lambda _: False, timeout_seconds=0, tick=lambda: None)
        api.events.put(None)


def test_a_silent_watch_can_be_left(tmp_path: Path) -> None:
    """Its thread sits in a read: leaving must end that, not wait for it for ever."""
    with serving(tmp_path) as (_, config), Watch(config, "/things") as watch:
        thread = watch._thread
        assert thread.is_alive()
    assert not thread.is_alive()
