"""Begin to ask while the rest of the command is still being loaded: that is half of its time.

Only reads, and only when the line is plain. What was begun is used by whoever asks the very same
later; what nobody asks for is ended. So a wrong guess costs a moment, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from assent.cli.process import Process
from assent.cli.queries import (
    NAMED_SHORT,
    REPEATED,
    SHORT,
    SWITCHES,
    VALUED,
    WHOAMI,
    bare,
    listing,
    reading,
)

OWN_VALUED = frozenset(
    "-m --message --digest --dry-run -o --output --timeout --confirm --break-glass".split()  # noqa: SIM905
)
OWN_SWITCHES = frozenset("-y --yes --all --wait -A --all-namespaces --ended".split())  # noqa: SIM905
CONNECTION = frozenset((*VALUED, *REPEATED, *NAMED_SHORT))

_begun: dict[tuple[str, ...], Process] = {}


class Line:
    """A command line in plain words: kubectl's flags, our own flags, and the words left."""

    def __init__(self) -> None:
        self.flags: list[str] = []
        self.own: set[str] = set()
        self.words: list[str] = []


def plain(arguments: Sequence[str]) -> Line | None:
    """Return the line; None when it has anything that only argparse should judge."""
    line, left = Line(), iter(arguments)
    for argument in left:
        name, sign, value = argument.partition("=")
        key = SHORT.get(name) or name.removeprefix("--")
        if not argument.startswith("-"):
            line.words.append(bare(argument))
        elif name in OWN_SWITCHES and not sign:
            line.own.add(name)
        elif name.startswith("--") and name[2:] in SWITCHES and not sign:
            line.flags.append(name)
        elif (known := key in CONNECTION) or name in OWN_VALUED:
            if sign and not name.startswith("--"):
                return None
            given = value if sign else next(left, "-")
            if given.startswith("-"):
                return None
            if known:
                line.flags.append(f"--{key}={given}")
            line.own.add(name)
        else:
            return None
    return line


def decision(arguments: Sequence[str]) -> None:
    """Begin what approve and reject ask first: who we are, and the proposals."""
    line = plain(arguments)
    if line is None or bool(line.words) == ("--all" in line.own):
        return
    _begin(line, WHOAMI)
    _begin(line, reading(line.flags, line.words) if line.words else listing(line.flags))


def look(arguments: Sequence[str]) -> None:
    """Begin what list and show ask."""
    line = plain(arguments)
    if line is None or {"-o", "--output"} & line.own:
        return
    command, *names = line.words or ["list"]
    if command == "list" and not names:
        everywhere = bool({"-A", "--all-namespaces"} & line.own)
        _begin(line, listing(line.flags, everywhere=everywhere))
    elif command == "show" and names:
        _begin(line, WHOAMI)
        _begin(line, reading(line.flags, names))


def _begin(line: Line, asked: tuple[str, ...]) -> None:
    whole = (*asked, *line.flags)
    try:
        _begun[whole] = Process("kubectl", whole, given=None)
    except FileNotFoundError:
        return  # whoever asks for it in earnest says so


def take(whole: tuple[str, ...]) -> Process | None:
    """Return the process that was begun with exactly these arguments, once; None for none."""
    return _begun.pop(whole, None)


def leave() -> None:
    """End what nobody asked for."""
    while _begun:
        _, process = _begun.popitem()
        process.end(at_once=True)
