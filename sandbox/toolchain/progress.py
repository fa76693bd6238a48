"""Progress for people: one rewriting line on a terminal, a line now and then elsewhere."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TextIO

# Shorter steps say nothing while they run.
QUIET_SECONDS = 2.0
TERMINAL_INTERVAL_SECONDS = 1.0
LOG_INTERVAL_SECONDS = 15.0


class Step(Protocol):
    """A running step; whoever waits calls `tick` at least once a second."""

    def tick(self) -> None:
        """Says how long it has taken so far, if it is time to say so."""


def elapsed_text(seconds: float) -> str:
    """Elapsed seconds as people read them: `8s`, `1m32s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


@dataclass
class _RunningStep:
    reporter: "Reporter"
    title: str
    started: float
    next_line_at: float
    shown: bool = False

    def tick(self) -> None:
        now = self.reporter.clock()
        if now >= self.next_line_at:
            self.reporter.rewrite(self.title, f" … {elapsed_text(now - self.started)}")
            self.shown = True
            self.next_line_at = now + self.reporter.interval_seconds


@dataclass
class Reporter:
    """Tells what is being done, how long it has taken and how many steps are left.

    `stream` None means standard error. Nothing is said of steps under `QUIET_SECONDS`.
    """

    stream: TextIO | None = None
    clock: Callable[[], float] = time.monotonic
    _line_width: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.stream is None:
            self.stream = sys.stderr
        self.is_terminal = self.stream.isatty()
        self.interval_seconds = (
            TERMINAL_INTERVAL_SECONDS if self.is_terminal else LOG_INTERVAL_SECONDS
        )

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step named `title`; its end is reported when its running was, or when it failed."""
        started = self.clock()
        running = _RunningStep(self, title, started, started + QUIET_SECONDS)
        outcome = "stopped"
        try:
            yield running
            outcome = "done"
        except Exception:
            outcome = "failed"
            raise
        finally:
            if running.shown or outcome != "done":
                self.line(f"{title} … {outcome} in {elapsed_text(self.clock() - started)}")

    def rewrite(self, title: str, news: str = "") -> None:
        """Shows both in the place of the line last rewritten; a plain line off a terminal.

        On a terminal the title gives way: a line that wraps cannot be rewritten.
        """
        if self.is_terminal:
            room = max(shutil.get_terminal_size().columns - 1 - len(news), 0)
            self._overwrite(title[:room] + news)
        else:
            self._write(title + news + "\n")

    def line(self, text: str) -> None:
        """Shows `text` as a line that stays, over the rewriting one if there is one."""
        if self.is_terminal:
            self._overwrite(text)
            self._line_width = 0
        self._write("\n" if self.is_terminal else text + "\n")

    def _overwrite(self, text: str) -> None:
        self._write("\r" + text.ljust(self._line_width))
        self._line_width = len(text)

    def _write(self, text: str) -> None:
        if self.stream is not None:
            self.stream.write(text)
            self.stream.flush()
