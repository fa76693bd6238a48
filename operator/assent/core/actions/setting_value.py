"""Values of PD's settings: read from text, and written with the JSON type that PD wants."""

import math
import re
from decimal import Decimal
from enum import StrEnum

from assent.core.model.call import Json

Value = int | float | bool | str | Decimal | tuple[str, ...]
"""Durations are seconds, exactly. Values of one kind are equal when PD holds them for equal."""

_INTEGER = re.compile(r"[0-9]{1,15}", re.ASCII)
"""PD reads numbers in bodies as floats (pd-api.md 0.4): with more digits it would round them."""
_RATIO = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,18})?(?:e-?[0-9]{1,2})?", re.ASCII)
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|m|us|µs|ns|s))+")
_PART = re.compile(r"([0-9.]+)(h|ms|m|us|µs|ns|s)")
_SECONDS = {
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
    "us": Decimal("0.000001"),
    "µs": Decimal("0.000001"),
    "ns": Decimal("0.000000001"),
}
_LABEL = re.compile(r"[$]?[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?", re.ASCII)
"""pkg/schedule/config/util.go keyFormat."""
_WORD = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)


class Kind(StrEnum):
    """What a setting holds, and by which JSON type PD takes it."""

    INTEGER = "integer"
    RATIO = "ratio"
    DURATION = "duration"
    BOOLEAN = "boolean"
    WORD = "word"
    LABEL = "label"
    LABELS = "labels"

    @property
    def form(self) -> str:
        """The form of its text, for people."""
        return _FORMS[self]


_FORMS = {
    Kind.INTEGER: "a whole number",
    Kind.RATIO: "a number such as 0.8",
    Kind.DURATION: "a duration such as 30m, 1h30m or 10ms",
    Kind.BOOLEAN: "true or false",
    Kind.WORD: "a word",
    Kind.LABEL: "empty or one label key",
    Kind.LABELS: "label keys with commas between them, each once",
}


def parse(kind: Kind, text: str) -> Value | None:
    """Return the value that the text means, None when it is not of the kind."""
    match kind:
        case Kind.INTEGER:
            return int(text) if _INTEGER.fullmatch(text) else None
        case Kind.RATIO:
            return _ratio(text)
        case Kind.DURATION:
            return _seconds(text)
        case Kind.BOOLEAN:
            return {"true": True, "false": False}.get(text)
        case Kind.WORD:
            return text if _WORD.fullmatch(text) else None
        case Kind.LABEL:
            return text if text == "" or _LABEL.fullmatch(text) else None
        case Kind.LABELS:
            return _labels(text)


def wire(kind: Kind, text: str) -> Json:
    """Return what the JSON body holds for the text: numbers as numbers, all else as text.

    Also booleans: PD's structures have them as strings, and refuse a raw one (P09). A text that is
    not of the kind stays text; the whitelist of writes refuses it, as every precondition before.
    """
    value = parse(kind, text)
    if kind in (Kind.INTEGER, Kind.RATIO) and isinstance(value, (int, float)):
        return value
    return text


def is_wire(kind: Kind, value: Json) -> bool:
    """Return True when the value is what ``wire`` makes of some text of the kind."""
    if kind is Kind.INTEGER:
        return type(value) is int and parse(kind, str(value)) == value
    if kind is Kind.RATIO:
        return type(value) is float and math.isfinite(value) and value >= 0
    return isinstance(value, str) and parse(kind, value) is not None


def _ratio(text: str) -> float | None:
    return float(text) if _RATIO.fullmatch(text) else None


def _seconds(text: str) -> Decimal | None:
    if not _DURATION.fullmatch(text):
        return None
    parts = _PART.findall(text)
    return sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), Decimal(0))


def _labels(text: str) -> tuple[str, ...] | None:
    if text == "":
        return ()
    found = tuple(text.split(","))
    if len(set(found)) != len(found) or not all(_LABEL.fullmatch(label) for label in found):
        return None
    return found
