"""The terminal: text out, questions in, colours only where a person sees them, and the clock."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

WIDEST, NARROWEST = 100, 40
"""Columns of a line of text; below the second its words are left to the terminal."""
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def spelled(text: str) -> str:
    """Return the text with everything spelled out that a terminal does not show as a character of
    its own: what moves the cursor, hides or reorders text, or has no width. An object's text may
    come from anybody.
    """
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def flat(text: str) -> str:
    """Return the text on one line: nobody's comment may look like a line of ours."""
    return text if text.isprintable() else " ".join(text.split())


def columns(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def real_clock() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


class Console:
    """Where a command speaks and is answered.

    Results go to ``out``; with ``quiet_out`` (``-o``) all other words go to ``err``, so that
    ``out`` holds nothing but the object. ``only_reads``: the command stores nothing, so that nobody
    needs to hear how it ended. ``pause`` waits so many seconds,
    ``before_waiting`` is called before what may last: a person who is asked, a wait for the end.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        err: TextIO | None = None,
        answers: TextIO | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = real_clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self._answers = answers or sys.stdin
        self._environment = os.environ if environment is None else environment
        self._clock = clock
        self.pause = pause
        self.before_waiting: Callable[[], None] = lambda: None
        # Our own colours, in a form that no text of an object can have.
        self._mark = f"\x1b{os.urandom(8).hex()}["
        self.quiet_out = False
        self.only_reads = False

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return self._clock()

    @property
    def is_asked(self) -> bool:
        """True when a person can be asked: answers come from a terminal, and questions get to one,
        if need be beside the output that goes into a file or a pipe.
        """
        return self._answers.isatty() and (self.talk.isatty() or self.err.isatty())

    @property
    def talk(self) -> TextIO:
        """Where words for people go."""
        return self.err if self.quiet_out else self.out

    @property
    def is_coloured(self) -> bool:
        """True on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb."""
        plain = self._environment.get("NO_COLOR") or self._environment.get("TERM") == "dumb"
        return self.talk.isatty() and not plain

    @property
    def width(self) -> int:
        """How many columns a line of text may take: those of the terminal, where that is known."""
        try:
            columns = os.get_terminal_size(self.talk.fileno()).columns if self.talk.isatty() else 0
        except (OSError, ValueError):  # no terminal of the system's own
            columns = 0
        return max(NARROWEST, min(WIDEST, columns)) if columns else WIDEST

    def paint(self, text: str, *styles: str) -> str:
        """Return the text in these styles where colours are seen, else as it is."""
        if not styles or not text or not self.is_coloured:
            return text
        codes = ";".join(CODES[style] for style in styles)
        return f"{self._mark}{codes}m{text}{self._mark}0m"

    def wide(self, text: str) -> int:
        """Return how many columns the text takes when it is said; colours take none."""
        plain, *painted = text.split(self._mark)
        return columns(plain) + sum(columns(part.partition("m")[2]) for part in painted)

    def _clean(self, text: str) -> str:
        """Return the text with our colours, and what is unsafe spelled out."""
        if text.isascii() and text.isprintable():
            return text
        plain, *painted = text.split(self._mark)
        whole = [spelled(plain)]
        for part in painted:
            codes, _, rest = part.partition("m")
            whole.append(f"\x1b[{codes}m{spelled(rest)}")
        return "".join(whole)

    def say(self, text: str = "") -> None:
        """Write a line for people."""
        self.talk.write(f"{self._clean(text)}\n")
        self.talk.flush()

    def warn(self, text: str) -> None:
        """Write a line to stderr."""
        self.err.write(f"{self._clean(text)}\n")
        self.err.flush()

    def give(self, text: str) -> None:
        """Write a result to stdout as it is."""
        self.out.write(text if text.endswith("\n") else f"{text}\n")
        self.out.flush()

    def ask(self, question: str) -> str:
        """Return what was typed; empty at the end of the input."""
        self.before_waiting()
        where = self.talk if self.talk.isatty() else self.err
        where.write(self._clean(question))
        where.flush()
        return self._answers.readline().strip()

    def agrees(self, question: str) -> bool:
        """Return True when the answer is yes; everything else is no."""
        return self.ask(f"{question} [y/N] ").lower() in ("y", "yes")
