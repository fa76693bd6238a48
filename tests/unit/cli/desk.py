"""A command as its user sees it: a kubectl that is told what to say, and a terminal."""

import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assent.cli.console import Console
from assent.cli.main import run

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 21, 20, 0, 0, tzinfo=UTC)
"""Some 40 minutes after what was recorded."""


class Terminal(io.StringIO):
    """Text that a person reads or types."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@dataclass
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass
class Answer:
    """What kubectl says to a verb; ``hangs``: having said it, it goes on until it is ended."""

    out: str = ""
    err: str = ""
    code: int = 0
    hangs: bool = False


@dataclass
class Desk:
    """Somebody's terminal with a kubectl that answers as it is told; see `tests.unit.cli.quick`."""

    folder: Path
    clock: Callable[[], datetime] = lambda: NOW
    environment: dict[str, str] = field(default_factory=dict)
    before_waiting: Callable[[], None] = lambda: None
    pauses: list[float] = field(default_factory=list)
    """How long the command waited before it tried again, each time."""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    """By verb, in order; the last one again and again."""
    used: dict[str, int] = field(default_factory=dict)
    """How many answers were given, by verb."""
    made: list[list[str]] = field(default_factory=list)
    """The arguments of every call."""
    sent: list[bytes] = field(default_factory=list)
    """What was given to stdin, in order."""
    real: tuple[str, ...] | None = None
    """The verbs for which the `program` is run, if there is one; None for all."""

    def __post_init__(self) -> None:
        self.is_known_as("alice")

    def program(self, text: str) -> Path:
        """Put a kubectl into PATH that is run in earnest."""
        found = self.folder / "bin/kubectl"
        found.parent.mkdir(exist_ok=True)
        found.write_text(text)
        found.chmod(0o755)
        return found

    def is_told(
        self, verb: str, out: object = "", *, err: str = "", code: int = 0, hangs: bool = False
    ) -> None:
        """Queue kubectl's next answer to this verb; objects are written as JSON."""
        text = out if isinstance(out, str) else json.dumps(out)
        self.answers.setdefault(verb, []).append(Answer(text, err, code, hangs))

    def next_answer(self, verb: str) -> Answer:
        """The answer whose turn it is."""
        place = self.used.get(verb, 0)
        self.used[verb] = place + 1
        known = self.answers.get(verb) or [Answer(err=f"no answer for {verb}\n", code=99)]
        return known[min(place, len(known) - 1)]

    def is_known_as(self, person: str) -> None:
        """Who the API server takes us for."""
        self.answers.pop("auth", None)
        self.is_told("auth", {"status": {"userInfo": {"username": person}}})

    def has(self, *proposals: dict[str, Any]) -> None:
        """What the API server has, for the next read and those after it."""
        one = proposals[0] if len(proposals) == 1 else {"kind": "List", "items": list(proposals)}
        self.is_told("get", one)

    def runs(
        self,
        command: Callable[[Sequence[str], Console], int],
        *arguments: str,
        types: str | None = None,
    ) -> Outcome:
        """Run it; ``types`` None is a pipe, else a person who types that."""
        made = io.StringIO if types is None else Terminal
        out, err = made(), made()
        console = Console(
            out, err, made(types or ""), environment=self.environment, clock=self.clock,
            pause=self.pauses.append,
        )  # fmt: skip
        console.before_waiting = self.before_waiting
        code = run(command, arguments, console)
        return Outcome(code, out.getvalue(), err.getvalue())

    def calls(self, verb: str) -> list[list[str]]:
        """The arguments of every call of this verb, oldest first."""
        return [call for call in self.made if call[0] == verb]

    def patched(self, place: int = -1) -> dict[str, Any]:
        """The body of a patch that was sent."""
        call = self.calls("patch")[place]
        return dict(json.loads(call[call.index("-p") + 1]))

    def given(self, place: int = -1) -> dict[str, Any]:
        """What was sent by ``create -f -``."""
        return dict(json.loads(self.sent[place]))


def recorded(name: str, **status: Any) -> dict[str, Any]:
    """A proposal as the API server gave it once, with some status fields changed."""
    found = json.loads((HERE / f"recorded/{name}.json").read_text())
    found["status"].update(status)
    return dict(found)


def seat(by: str, decision: str = "Approve", **more: str) -> dict[str, str]:
    """What one person said."""
    return {"by": by, "decision": decision, **more}


def golden(name: str, text: str) -> None:
    """Compare with the output that was read by eye; ASSENT_WRITE_GOLDEN=1 writes it anew."""
    path = HERE / f"golden/{name}.txt"
    if os.environ.get("ASSENT_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
