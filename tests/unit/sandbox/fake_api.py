"""A fake HTTP server at the edge: answers from a table, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


@dataclass
class FakeApi:
    """`answers` by "METHOD /path" (without the query); a list is used up, its last item stays."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every answer."""
    url: str = ""

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """What to answer, by the table; 404 for what is not in it."""
        key = f"{method} {path.split('?')[0]}"
        self.asked.append((f"{method} {path}", body))
        left = self.answers.get(key, [(404, {"message": f"no {key}"})])
        return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def serving(api: FakeApi) -> Iterator[FakeApi]:
    """Serve `api` on a free port of loopback, `api.url`."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = api.answer(self.command, self.path, json.loads(raw or "null"))
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            for name, value in api.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET: Callable[[Any], None] = _any  # noqa: N815
        do_POST: Callable[[Any], None] = _any  # noqa: N815
        do_PATCH: Callable[[Any], None] = _any  # noqa: N815
        do_PUT: Callable[[Any], None] = _any  # noqa: N815
        do_DELETE: Callable[[Any], None] = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield api
        server.shutdown()
        thread.join()
