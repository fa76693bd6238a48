"""One kubectl for several questions: `kubectl proxy` on a socket that only this user can reach.

A kubectl takes 45 ms to start, a request 3 ms. The door is open for the moment of one command, for
paths of Assent and for who we are, and never while a person is thinking. Whatever it cannot do is
asked by a kubectl of its own.
"""

from __future__ import annotations

import os
import sys

from assent.cli.process import Process
from assent.cli.queries import PATH, PROPOSALS, REVIEWS, WHOAMI

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PATHS = f"^({PATH}/|{REVIEWS}$)"
"""What the proxy lets through; it would refuse anything else."""
OPENED = b"Starting to serve"
LONGEST_START_SECONDS = 10.0
LONGEST_ANSWER_SECONDS = 60.0
"""As long as the API server may take over a request."""
MERGE = "application/merge-patch+json"
JSON = "application/json"


def warn(said: str) -> None:
    """Pass on what the API server warns of, as kubectl does; an admission policy may say it."""
    from assent.cli.console import spelled

    sys.stderr.write(f"Warning: {spelled(said)}\n")


class Request:
    """What is asked of the API server."""

    def __init__(self, method: str, path: str, body: str = "", form: str = JSON) -> None:
        self.method = method
        self.path = path
        self.body = body
        self.form = form


def request_of(arguments: Sequence[str]) -> Request | None:
    """Return what a kubectl with these arguments would ask; None when that is more than one
    plain request.
    """
    if tuple(arguments) == WHOAMI:
        body = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
        return Request("POST", REVIEWS, body)
    if tuple(arguments[:2]) == ("get", "--raw") and len(arguments) == 3:
        return Request("GET", arguments[2])
    if tuple(arguments[:2]) == ("patch", PROPOSALS):
        return _patch(arguments[2:])
    return None


def _patch(arguments: Sequence[str]) -> Request | None:
    """As `assent.cli.kubectl.merge_patch` writes it, without -o."""
    match arguments:
        case [name, "-n", namespace, "--type=merge", manager, "-p", body, *more]:
            query = f"fieldManager={manager.partition('=')[2]}"
            if more == ["--dry-run=server"]:
                query += "&dryRun=All"
            elif more:
                return None
            path = f"{PATH}/namespaces/{namespace}/actionproposals/{name}"
            return Request("PATCH", f"{path}?{query}", body, MERGE)
        case _:
            return None


class Door:
    """A `kubectl proxy` with these connection flags."""

    def __init__(self, flags: Sequence[str]) -> None:
        self.flags = tuple(flags)
        self._folder = f"{os.environ.get('TMPDIR') or '/tmp'}/assent-{os.urandom(8).hex()}"  # noqa: S108 - made by us, for us only
        self._socket = f"{self._folder}/door"
        self._is_open: bool | None = None
        self._process: Process | None = None

    def start(self) -> None:
        """Begin to open it; see `opens`. Whatever interrupts this, `close` cleans up.

        Raises:
            OSError: there is no kubectl, or no place for the socket.
        """
        os.mkdir(self._folder, 0o700)  # noqa: PTH102 - pathlib is slow to load
        self._process = Process(
            "kubectl",
            ["proxy", f"--unix-socket={self._socket}", f"--accept-paths={PATHS}", *self.flags],
            given=None,
            own_group=True,
        )

    def opens(self) -> bool:
        """Wait until it serves; False when it cannot, for a kubectl of its own says why."""
        if self._is_open is None:
            told = self._process.piece(LONGEST_START_SECONDS) if self._process else None
            self._is_open = OPENED in (told or b"")
        return self._is_open

    def ask(self, request: Request) -> tuple[int, str]:
        """Return the status code and the body.

        Raises:
            OSError: there was no whole answer; of what writes nobody knows whether it was stored.
        """
        # What the socket module wraps in enums first, which takes as long as the request.
        import _socket as sockets

        body = request.body.encode()
        head = (
            f"{request.method} {request.path} HTTP/1.0\r\nHost: localhost\r\n"
            f"Accept: {JSON}\r\nContent-Type: {request.form}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        pieces = list[bytes]()
        line = sockets.socket(sockets.AF_UNIX)
        try:
            line.settimeout(LONGEST_ANSWER_SECONDS)
            line.connect(self._socket)
            line.sendall(head.encode() + body)
            while piece := line.recv(65_536):
                pieces.append(piece)
        finally:
            line.close()
        answer = b"".join(pieces)
        start, blank, content = answer.partition(b"\r\n\r\n")
        if not blank:
            raise ConnectionError("kubectl proxy gave no answer")
        for one in start.decode(errors="replace").split("\r\n"):
            name, _, said = one.partition(": 299 - ")
            if name.lower() == "warning":
                warn(said.strip('"').replace('\\"', '"'))
        return int(start.split(b" ", 2)[1]), content.decode()

    def close(self) -> None:
        """End it, and leave nothing behind."""
        if self._process is not None:
            self._process.end(at_once=True)
        for remove, path in ((os.unlink, self._socket), (os.rmdir, self._folder)):
            try:
                remove(path)
            except FileNotFoundError:
                continue  # it did not come that far
