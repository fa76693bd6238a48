"""Stands in for the operator where only the sandbox is tested.

Answers /readyz, and at /environment tells what it was given. `FAKE_EXIT_CODE` is how SIGTERM
ends it; with `FAKE_MISTAKE` it does not even start.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType


class Answers(BaseHTTPRequestHandler):
    """Two pages."""

    def do_GET(self) -> None:
        """Any path but /environment is an empty success."""
        told = dict(os.environ) if self.path == "/environment" else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())


def leave(_number: int, _frame: FrameType | None) -> None:
    """End as asked for."""
    sys.exit(int(os.environ.get("FAKE_EXIT_CODE", "0")))


if __name__ == "__main__":
    if mistake := os.environ.get("FAKE_MISTAKE"):
        sys.exit(mistake)
    signal.signal(signal.SIGTERM, leave)
    host, _, port = os.environ["ASSENT_HTTP_ADDRESS"].rpartition(":")
    HTTPServer((host, int(port)), Answers).serve_forever()
