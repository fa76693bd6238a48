"""Tells the story: headings, sentences, and commands with their real output."""

import os
import sys
import textwrap
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 100


class Narrator:
    """Prints to one stream; colours only on a terminal, and never with NO_COLOR."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._started = time.monotonic()
        self._chapter = 0

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)

    def chapter(self, title: str) -> None:
        """Begin a numbered chapter."""
        self._chapter += 1
        seconds = time.monotonic() - self._started
        self._line()
        self._line(self._paint("1;36", f"── {self._chapter}. {title} ── {seconds:.0f} s"))

    def say(self, text: str) -> None:
        """Tell something in plain sentences."""
        for line in textwrap.wrap(" ".join(text.split()), WIDTH):
            self._line(line)

    def command(self, line: str) -> None:
        """Show a command as a user would type it."""
        self._line()
        self._line(self._paint("1", f"$ {line}"))

    def output(self, text: str) -> None:
        """Show what a command printed."""
        for line in text.rstrip().splitlines():
            self._line(f"  {line}")

    def refused(self, text: str) -> None:
        """Show a refusal, which is what should have happened."""
        for line in textwrap.wrap(text.strip(), WIDTH - 2):
            self._line(self._paint("33", f"  {line}"))

    def good(self, text: str) -> None:
        """State a fact that was checked."""
        self._line(self._paint("32", f"✔ {text}"))


def wait_for(what: str, probe: Callable[[], bool], *, timeout_seconds: float = 60.0) -> float:
    """Return how many seconds it took until ``probe`` was true.

    Raises:
        TimeoutError: it was not true in time; the sentence says what was awaited.
    """
    started = time.monotonic()
    while not probe():
        if time.monotonic() - started > timeout_seconds:
            raise TimeoutError(f"waited {timeout_seconds:.0f} s for: {what}")
        time.sleep(0.2)
    return time.monotonic() - started
