"""Begin to ask while the rest of the command is still being loaded: that is half of its time.

Only reads, and only when the line is plain. What was begun is used by whoever asks the very same
later; what nobody asks for is ended. So a wrong guess costs a moment, and changes nothing.
"""

from __future__ import annotations

import os
import sys

from assent.cli.door import Door, request_of
from assent.cli.process import Piped, Process
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_VALUED = frozenset(
    "-m --message --digest --dry-run -o --output --timeout --confirm --break-glass".split()  # noqa: SIM905
)
OWN_SWITCHES = frozenset("-y --yes --all --wait -A --all-namespaces --ended".split())  # noqa: SIM905
ASKED = "ASSENT_ASKED"
"""What the first lines of the plugin's file (`hack.plugins`) have begun to ask already: the
arguments of a kubectl whose stdout is our stdin. A list asks no person anything."""
CONNECTION = frozenset((*VALUED, *REPEATED, *NAMED_SHORT))

_begun: dict[tuple[str, ...], Process | Piped] = {}
_doors: list[Door] = []


class Line:
    """A command line in plain words: kubectl's flags, our own with their values, the words left."""

    def __init__(self) -> None:
        self.flags: list[str] = []
        self.own: dict[str, str] = {}
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
            line.own[name] = ""
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
            line.own[name] = given
        else:
            return None
    return line


def decision(arguments: Sequence[str]) -> None:
    """Begin what approve and reject ask first: who we are, and the proposals."""
    line = plain(arguments)
    if line is None or bool(line.words) == ("--all" in line.own):
        return
    _begin_all(line, WHOAMI, reading(line.flags, line.words) if line.words else listing(line.flags))


def look(arguments: Sequence[str]) -> None:
    """Begin what list and show ask."""
    asked = os.environ.pop(ASKED, "")
    if asked:
        _begun[tuple(asked.split(" "))] = Piped()
    line = plain(arguments)
    if line is None or {"-o", "--output"} & line.own.keys():
        return
    command, *names = line.words or ["list"]
    if command == "list" and not names:
        everywhere = bool({"-A", "--all-namespaces"} & line.own.keys())
        _begin(line, listing(line.flags, everywhere=everywhere))
    elif command == "show" and names:
        _begin_all(line, WHOAMI, reading(line.flags, names))


def is_plain_list(arguments: Sequence[str]) -> bool:
    """True when the line asks for the list, and for nothing that only argparse should judge."""
    line = plain(arguments)
    own = {"-A", "--all-namespaces", "--ended", *NAMED_SHORT.values()}
    return (
        line is not None
        and line.words in ([], ["list"])
        and all(name in own or name[2:] in CONNECTION for name in line.own)
    )


def _begin_all(line: Line, *questions: tuple[str, ...]) -> None:
    """Open one door for all of them where each is one request, else start a kubectl for each.

    A proxy does not keep --request-timeout.
    """
    is_timed = any(flag.startswith("--request-timeout=") for flag in line.flags)
    if not is_timed and all(request_of(asked) is not None for asked in questions):
        _doors.append(Door(line.flags))
        try:
            _doors[-1].start()
        except OSError:
            close_doors()  # no place for a socket, or no kubectl: whoever asks finds out
        else:
            return
    for asked in questions:
        _begin(line, asked)


def end_well() -> None:
    """Let whoever ends this process end the door and the watch with it: neither is in a terminal's
    own group, so nobody else tells them.
    """
    # What the signal module wraps in enums first, which takes as long as the door.
    import _signal as signals  # type: ignore[import-not-found]

    for number in (signals.SIGTERM, signals.SIGHUP):
        signals.signal(number, lambda received, _: sys.exit(128 + received))


def _begin(line: Line, asked: tuple[str, ...]) -> None:
    whole = (*asked, *line.flags)
    if whole in _begun:
        return
    try:
        _begun[whole] = Process("kubectl", whole, given=None)
    except OSError:
        return  # whoever asks for it in earnest says so


def take(whole: tuple[str, ...]) -> Process | Piped | None:
    """Return the process that was begun with exactly these arguments, once; None for none."""
    return _begun.pop(whole, None)


def door(flags: Sequence[str]) -> Door | None:
    """Return the open door for exactly these flags; None for none."""
    return next((one for one in _doors if one.flags == tuple(flags) and one.opens()), None)


def close_doors() -> None:
    """End all doors: a person is asked, or everything is done."""
    while _doors:
        _doors.pop().close()


def leave() -> None:
    """End what nobody asked for, and all doors."""
    close_doors()
    while _begun:
        _, process = _begun.popitem()
        process.end(at_once=True)
