"""Tells the story: headings, sentences, and commands with their real output."""

import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import TextIO

WIDTH = 96
INDENT = "  "
BOLD, CYAN, GREEN, YELLOW = "1", "1;36", "32", "33"
# A string of JSON, or (the group) the place between two members of an object or items of a list,
# where JSON may go on in the next line. What stands in a string is no such place.
_STRING_OR_BREAK = re.compile(r'"(?:[^"\\]|\\.)*"|(, )(?=["{])')


class Narrator:
    """Prints to one stream; colours only on a terminal, and never with NO_COLOR."""

    def __init__(self, out: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic):
        self._out = out or sys.stdout
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._colour = self._out.isatty() and not plain
        self._clock = clock
        self._started = clock()
        self._chapter = 0
        self._after_output = False

    def chapter(self, title: str) -> None:
        """Begin a numbered chapter; its heading says how long all has taken so far."""
        self._chapter += 1
        head = f"── {self._chapter}. {title} "
        seconds = f" {self._clock() - self._started:.0f} s"
        self._line()
        self._line(self._paint(CYAN, head + "─" * (WIDTH - len(head) - len(seconds)) + seconds))

    def section(self, title: str) -> None:
        """Begin a part of a chapter."""
        self._line()
        self._line(self._paint(BOLD, title))

    def say(self, text: str) -> None:
        """Tell something in plain sentences, apart from a command's output before it."""
        if self._after_output:
            self._line()
        for line in textwrap.wrap(" ".join(text.split()), WIDTH):
            self._line(line)

    def command(self, line: str, *, person: str = "") -> None:
        """Show a command as it is typed, `person` before the prompt; it can be copied."""
        self._line()
        for part in fold(f"{person}$ {line}").splitlines():
            self._line(self._paint(BOLD, part))

    def copyable(self, line: str) -> None:
        """Show a command for the reader to run, whole, in one line."""
        self._line()
        self._line(self._paint(BOLD, line))
        self._line()

    def output(self, text: str, *, marked: tuple[str, ...] = ()) -> None:
        """Show what a command printed; lines that begin with one of `marked` stand out."""
        for line in text.rstrip().splitlines():
            stands_out = bool(marked) and line.lstrip().startswith(marked)
            self._line(self._paint(BOLD, INDENT + line) if stands_out else INDENT + line)
        self._after_output = True

    def refused(self, text: str) -> None:
        """Show a refusal word by word; that it comes is what should happen."""
        for line in _wrapped(text.strip()):
            self._line(self._paint(YELLOW, INDENT + line))
        self._after_output = True

    def good(self, text: str) -> None:
        """State a fact that was checked."""
        first, *rest = _wrapped(text)
        for line in (f"✔ {first}", *(INDENT + line for line in rest)):
            self._line(self._paint(GREEN, line))

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)
        self._after_output = False


def fold(command: str) -> str:
    """The command in lines of at most `WIDTH` where it has a place to break; it means the same.

    Only the last argument is broken, where it is JSON: that takes line breaks between its parts.
    """
    head, quote, json_text = command.partition(" '{")
    if len(command) <= WIDTH or not quote:
        return command
    lines = [head + " \\"]
    line = INDENT + quote.strip()
    for number, part in enumerate(_parts(json_text)):
        if number and len(line) + len(part) + 2 > WIDTH:
            lines.append(line + ",")
            line = INDENT * 2 + part
        else:
            line += (", " if number else "") + part
    return "\n".join([*lines, line])


def _parts(json_text: str) -> Iterator[str]:
    """What stands between two places where the text may be broken."""
    begin = 0
    for found in _STRING_OR_BREAK.finditer(json_text):
        if found[1]:
            yield json_text[begin : found.start()]
            begin = found.end()
    yield json_text[begin:]


def _wrapped(text: str) -> list[str]:
    """Lines of at most `WIDTH`; names, however long and full of dashes, stay whole."""
    return textwrap.wrap(
        text, WIDTH - len(INDENT), break_on_hyphens=False, break_long_words=False
    ) or [""]
