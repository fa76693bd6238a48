"""A command as its user sees it: a fake kubectl in PATH (the outside edge), and a terminal."""

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

KUBECTL = """\
#!/bin/sh
# Answers from files: answers/<verb>.<n>/{out,err,code}, in order, the last one again and again.
# Nearly all of it without another process: the tests run hundreds of these.
taken() { ( set -C; : > "$1" ) 2>/dev/null; }
i=100000
until taken "$FAKE/calls/$i"; do i=$((i + 1)); done
for argument in "$@"; do printf '%s\\0' "$argument"; done > "$FAKE/calls/$i"
case "$*" in *" -f -"*|"create -f -"*) cat > "$FAKE/calls/$i.given";; esac
verb=$1
n=1
while [ -d "$FAKE/answers/$verb.$((n + 1))" ] && ! taken "$FAKE/used/$verb.$n"; do
  n=$((n + 1))
done
answer="$FAKE/answers/$verb.$n"
[ -d "$answer" ] || { echo "no answer for $verb" >&2; exit 99; }
[ ! -s "$answer/err" ] || cat "$answer/err" >&2
[ ! -s "$answer/out" ] || cat "$answer/out"
[ ! -e "$answer/hangs" ] || exec sleep 60
read -r code < "$answer/code"
exit "$code"
"""


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
class Desk:
    """Somebody's terminal with a kubectl that answers as it is told."""

    folder: Path
    clock: Callable[[], datetime] = lambda: NOW
    environment: dict[str, str] = field(default_factory=dict)
    before_waiting: Callable[[], None] = lambda: None
    pauses: list[float] = field(default_factory=list)
    """How long the command waited before it tried again, each time."""

    def __post_init__(self) -> None:
        for name in ("answers", "calls", "used", "bin"):
            (self.folder / name).mkdir()
        program = self.folder / "bin/kubectl"
        program.write_text(KUBECTL)
        program.chmod(0o755)
        self.is_known_as("alice")

    def is_told(
        self, verb: str, out: object = "", *, err: str = "", code: int = 0, hangs: bool = False
    ) -> None:
        """Queue kubectl's next answer to this verb; objects are written as JSON.

        ``hangs``: having said that, it goes on until it is ended.
        """
        number = len(list((self.folder / "answers").glob(f"{verb}.*"))) + 1
        answer = self.folder / f"answers/{verb}.{number}"
        answer.mkdir()
        (answer / "out").write_text(out if isinstance(out, str) else json.dumps(out))
        (answer / "err").write_text(err)
        if hangs:
            (answer / "hangs").touch()
        (answer / "code").write_text(f"{code}\n")

    def is_known_as(self, person: str) -> None:
        """Who the API server takes us for."""
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
        found = [
            path.read_text().split("\0")[:-1]
            for path in sorted((self.folder / "calls").iterdir())
            if path.suffix != ".given"
        ]
        # One that nobody waited for may not have said yet what it was called with.
        return [call for call in found if call and call[0] == verb]

    def patched(self, place: int = -1) -> dict[str, Any]:
        """The body of a patch that was sent."""
        call = self.calls("patch")[place]
        return dict(json.loads(call[call.index("-p") + 1]))

    def given(self, place: int = -1) -> dict[str, Any]:
        """What was sent by ``create -f -``."""
        paths = sorted((self.folder / "calls").glob("*.given"))
        return dict(json.loads(paths[place].read_text()))


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
