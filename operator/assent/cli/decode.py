"""JSON in and out, without the regular expressions that the json module loads: half of the time
that Python takes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from assent.cli.proposal import Json


class _Plain:
    """What the scanner is to make of numbers and names: as `json.loads` does."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> float:
        """Return NaN and the infinities; no API server sends them."""
        return float(name)


def decoded(text: str) -> Any:
    """Return what the JSON text says.

    Raises:
        ValueError: it is not JSON, or not whole.
    """
    try:
        from _json import make_scanner  # CPython's own, in C; its json module wraps it
    except ImportError:
        import json

        return json.loads(text)
    text = text.strip()
    try:
        found, end = make_scanner(_Plain)(text, 0)  # type: ignore[arg-type]
    except StopIteration as error:
        raise ValueError(f"no JSON at {error.value}") from None
    if end != len(text):
        raise ValueError(f"more than one JSON value at {end}")
    return found


def decoded_object(text: str) -> Json:
    """Return the JSON object, empty for no text; errors as `decoded`."""
    return dict(decoded(text)) if text.strip() else {}


def encoded(value: Any) -> str:
    """Return the value as JSON on one line: what `json.dumps` makes of objects, lists, text,
    numbers, True, False and None.
    """
    try:
        from _json import encode_basestring as quoted
    except ImportError:
        import json

        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        pairs = (f"{quoted(str(name))}: {encoded(one)}" for name, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(encoded(one) for one in value)}]"
    if isinstance(value, str):
        return str(quoted(value))
    return (
        {True: "true", False: "false", None: "null"}[value]
        if (value is None or isinstance(value, bool))
        else repr(value)
    )
