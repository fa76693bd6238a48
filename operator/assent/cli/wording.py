"""Words and layout: times as people say them, tables, sections."""

from __future__ import annotations

from datetime import datetime, timedelta

from assent.cli.console import Console, columns, flat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TIERS = {"Low": ("green",), "Medium": ("yellow",), "High": ("red",), "Critical": ("red", "bold")}
GOOD, BAD, MOVING = ("green",), ("red",), ("cyan",)
PHASES = {
    "Suggested": ("dim",),
    "Pending": ("yellow",),
    "Approved": MOVING,
    "Executing": MOVING,
    "Active": GOOD,
    "RollingBack": ("yellow",),
    "OutcomeUnknown": ("red", "bold"),
    "Succeeded": GOOD,
    "Failed": BAD,
    "RolledBack": ("yellow",),
    "RollbackFailed": ("red", "bold"),
}
VERDICTS = {"pass": GOOD, "warn": ("yellow",), "hold": ("yellow", "bold"), "deny": ("red", "bold")}
RULE = "\n" + "─" * 40
"""Between two proposals."""


def instant(text: str | None) -> datetime | None:
    """Return an API timestamp as an instant; None when there is none."""
    return datetime.fromisoformat(text) if text else None


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit or two: 45s, 12m, 3h10m, 5d."""
    seconds = int(abs(length).total_seconds())
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 7200:
        return f"{seconds // 60}m"
    if seconds < 172_800:
        hours, minutes = seconds // 3600, seconds % 3600 // 60
        return f"{hours}h{minutes}m" if minutes and hours < 10 else f"{hours}h"
    return f"{seconds // 86_400}d"


def until(text: str | None, now: datetime) -> str:
    """Return when something comes: ``in 23h``, ``over`` once it has, ``-`` for never."""
    at = instant(text)
    if at is None:
        return "-"
    return f"in {span(at - now)}" if at > now else "over"


def clock(text: str | None) -> str:
    """Return the time of a record: day and second, in UTC."""
    at = instant(text)
    return at.strftime("%Y-%m-%d %H:%M:%SZ") if at else "-"


def table(
    console: Console,
    titles: Sequence[str],
    rows: Iterable[Sequence[tuple[str, tuple[str, ...]]]],
    *,
    indent: str = "",
) -> None:
    """Write rows of cells (text, styles) in columns; the last column runs on."""
    listed = [list(row) for row in rows]
    listed = [[(flat(text), styles) for text, styles in row] for row in listed]
    texts = [*([list(titles)] if titles else []), *([cell[0] for cell in row] for row in listed)]
    places = range(len(texts[0]) if texts else 0)
    widths = [max(columns(row[place]) for row in texts) for place in places]
    if titles:
        console.say(indent + _line([(title, ("bold",)) for title in titles], widths, console))
    for row in listed:
        console.say(indent + _line(row, widths, console))


def _line(
    row: Sequence[tuple[str, tuple[str, ...]]], widths: Sequence[int], console: Console
) -> str:
    last = len(row) - 1
    return "".join(
        console.paint(text, *styles)
        + ("" if column == last else " " * (widths[column] - columns(text) + 3))
        for column, (text, styles) in enumerate(row)
    ).rstrip()


def heading(console: Console, title: str) -> None:
    """Begin a section."""
    console.say()
    console.say(console.paint(title, "bold"))


def lines(console: Console, text: str, indent: str = "  ", hanging: str | None = None) -> None:
    """Write a paragraph, whatever lines its text is in; long ones are broken, commands are not."""
    text = flat(text)
    if console.wide(indent + text) <= console.width or text.startswith(("kubectl ", "pd-ctl ")):
        console.say(indent + text)
        return
    for line in _wrapped(text, indent, hanging or indent, console):
        console.say(line)


def verbatim(console: Console, text: str, indent: str = "  ") -> None:
    """Write lines as they are; they must be of our own making, or shown as data."""
    for line in text.splitlines():
        console.say(indent + line)


def _wrapped(text: str, first: str, following: str, console: Console) -> list[str]:
    """Break between words only: whatever is to be copied stays whole."""
    found, line, start = list[str](), "", first
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and console.wide(start + longer) > console.width:
            found.append(start + line)
            line, start = word, following
        else:
            line = longer
    return [*found, start + line]


def fields(console: Console, pairs: Iterable[tuple[str, str]], indent: str = "  ") -> None:
    """Write names and values below each other, long values broken under themselves."""
    shown = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        start = f"{indent}{name:<{width}}  "
        lines(console, value, start, " " * len(start))


def count(number: int, what: str) -> str:
    """Return ``1 approval`` or ``2 approvals``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
