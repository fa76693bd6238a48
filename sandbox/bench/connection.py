"""One person's connection to the API server: kept alive, thin, the same for all that is timed."""

import base64
import contextlib
import http.client
import json
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from sandbox.errors import SandboxError

TIMEOUT_SECONDS = 15.0
WATCH_SECONDS = 3600
MERGE = "application/merge-patch+json"

Object = dict[str, Any]


def _context(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """The server's host and port, and TLS with the certificate of the kubeconfig's user."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as file:  # readable by us alone; ssl takes files only
        for part in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(user[part]) + b"\n")
        file.flush()
        context.load_cert_chain(file.name)
    return urlsplit(cluster["server"]).netloc, context


class Connection:
    """Sends one request at a time. Errors of the network come out as OSError."""

    def __init__(self, kubeconfig: Path) -> None:
        host, context = _context(kubeconfig)
        self._http = http.client.HTTPSConnection(host, timeout=TIMEOUT_SECONDS, context=context)

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> Object:
        """The decoded answer.

        Raises:
            SandboxError: refused; the message has the server's words.
        """
        self.send(method, path, body, content_type)
        return self.receive()

    def send(self, method: str, path: str, body: object, content_type: str) -> float:
        """Send without waiting for the answer; when it was sent, as seconds since 1970."""
        content = None if body is None else json.dumps(body).encode()
        sent = time.time()
        self._http.request(method, path, content, {"Content-Type": content_type})
        return sent

    def receive(self) -> Object:
        """The decoded answer to what was sent; errors as `request`."""
        answer = self._http.getresponse()
        found: Object = json.loads(answer.read())
        if answer.status >= 300:
            raise SandboxError(f"The API server refused ({answer.status}): {found.get('message')}")
        return found

    def timed_patch(self, path: str, body: object) -> float:
        """Merge-patch; when it was sent, as seconds since 1970. Errors as `request`."""
        sent = self.send("PATCH", path, body, MERGE)
        self.receive()
        return sent


class Watch:
    """Follows a list from now on and notes when it saw what; a thread reads it."""

    def __init__(self, kubeconfig: Path, path: str) -> None:
        self._news = threading.Condition()
        self._seen: dict[str, tuple[float, Object]] = {}
        self._open(kubeconfig, path)
        self._thread = threading.Thread(target=self._read, name=f"watch {path}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closing would wait for the reader, which waits for the server: end the stream first.
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_SECONDS)
        self._http.close()

    def _open(self, kubeconfig: Path, path: str) -> None:
        connection = Connection(kubeconfig)
        version = connection.request("GET", f"{path}?limit=1")["metadata"]["resourceVersion"]
        connection.close()
        host, context = _context(kubeconfig)
        self._http = http.client.HTTPSConnection(host, timeout=WATCH_SECONDS, context=context)
        query = f"watch=1&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}"
        self._http.request("GET", f"{path}?{query}")
        self._socket = self._http.sock
        self._answer = self._http.getresponse()

    def _lines(self) -> Iterator[tuple[float, bytes]]:
        try:
            while line := self._answer.readline():
                yield time.time(), line
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # closed by __exit__

    def _read(self) -> None:
        for at, line in self._lines():
            found = json.loads(line)["object"]
            with self._news:
                self._seen[found["metadata"]["name"]] = (at, found)
                self._news.notify_all()

    def until(
        self,
        name: str,
        reached: Callable[[Object], bool],
        *,
        timeout_seconds: float,
        tick: Callable[[], None],
    ) -> tuple[float, Object]:
        """When the object was seen so that `reached` is true of it, and the object as last seen.

        Raises:
            SandboxError: it was not seen so in time; the message shows its status.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._news:
            while (seen := self._seen.get(name)) is None or not reached(seen[1]):
                if time.monotonic() > deadline:
                    status = {} if seen is None else seen[1].get("status", {})
                    raise SandboxError(f"{name} did not get so far: {json.dumps(status)[:2000]}")
                self._news.wait(1.0)
                tick()
        return seen
