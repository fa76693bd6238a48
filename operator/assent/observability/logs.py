"""Logs as JSON lines on standard error: constant messages, values beside them, no secrets.

Write ``log.info("intent stored", extra={"object": key, "epoch": epoch})``: the message is the same
every time, so that it can be searched for; what varies stands in ``extra``.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

HIDDEN: Final = "[hidden]"
MAX_VALUE: Final = 4096
"""Characters kept of one value."""

_OWN: Final = frozenset(
    [*logging.LogRecord("", 0, "", 0, "", None, None).__dict__, "message", "asctime", "taskName"]
)
_SECRET_KEY: Final = re.compile(
    r"token|secret(?!_?name)|passw|authorization|api_?key|private|credential|tls\.key|cookie",
    re.IGNORECASE,
)
_SECRET_VALUE: Final = (
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),  # a JWT
    re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)", re.DOTALL),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # user:password in a URL
    re.compile(r"\bsk-[A-Za-z0-9_-]{12,}"),
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a credential replaced."""
    for pattern in _SECRET_VALUE:
        text = pattern.sub(HIDDEN, text)
    return text


def _clean(name: str, value: object) -> Any:
    if _SECRET_KEY.search(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    return redact(str(value))[:MAX_VALUE]


class JsonFormatter(logging.Formatter):
    """One record, one line: time, level, logger, message, then what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        for name, value in record.__dict__.items():
            if name not in _OWN and name not in line:
                line[name] = _clean(name, value)
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def _worth_saying(record: logging.LogRecord) -> bool:
    # kopf says so at every start: it runs in a thread, and our main thread heeds the signals.
    return not record.getMessage().startswith("OS signals are ignored")


def configure_logging(level: str, *, stream: TextIO | None = None) -> None:
    """Send every log of the process to ``stream`` (None: standard error) as JSON lines.

    Replaces earlier handlers. Libraries speak from WARNING on, ours from ``level`` on.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_worth_saying)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("assent").setLevel(level)
    logging.captureWarnings(capture=True)
