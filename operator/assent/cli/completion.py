"""Completion for kubectl: `kubectl_complete-<plugin>` prints candidates as cobra wants them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from assent.cli.console import spelled
from assent.cli.failures import CliError
from assent.cli.flags import first_word
from assent.cli.kubectl import Kubectl
from assent.cli.proposal import OPEN, Json, Proposal
from assent.cli.queries import CLUSTERS, EVERY, HALTS, NAMED_SHORT, REPEATED, SHORT, VALUED
from assent.cli.reading import listed, start_listing
from assent.cli.steps import plan_steps

NO_FILES = ":4"
"""Cobra's directive: do not offer files."""
FILES = ":0"
FILES_OF_KUBECTL = (
    "--kubeconfig", "--certificate-authority", "--client-certificate", "--client-key",
    "--cache-dir", "--kuberc",
)  # fmt: skip
LOOKED_UP = {
    "-n": ("get", "namespaces", "-o", "name"),
    "--namespace": ("get", "namespaces", "-o", "name"),
    "--context": ("config", "get-contexts", "-o", "name"),
}
"""Flags whose values kubectl knows."""
VALUES = {
    "--dry-run": ("none", "server"),
    "--timeout": ("90s", "10m", "1h"),
}
"""What a flag may be given, beside what its parser knows."""
WAITS_FOR = {
    "approve": ("Pending",),
    "reject": OPEN,
    "modify": OPEN,
    "withdraw": OPEN,
    "resolve": ("OutcomeUnknown",),
    "cancel": (*OPEN, "Executing", "Active", "RollingBack", "OutcomeUnknown"),
    "revert": ("Succeeded", "Failed"),
}
"""In which phases a proposal is offered; the others take any."""


def complete(plugin: str, arguments: Sequence[str]) -> str:
    """Return the candidates for the last argument, a line each, and the directive."""
    *before, word = list(arguments) or [""]
    command, taken = plugin, before
    if plugin == "proposals":
        from assent.cli.proposals_command import COMMANDS

        place = first_word(before)
        command = "" if place is None else before[place]
        if place is None and not word.startswith("-") and not _wants_value(plugin, before):
            offered = [f"{name}\t{text}" for name, (_, _, text) in COMMANDS.items()]
            return _answer(offered, word)
        taken = before if place is None else before[place + 1 :]
    if word.startswith("-"):
        flag, sign, begun = word.partition("=")
        if sign:
            offered = [f"{flag}={one}" for one in _choices(plugin, command, flag)]
            return _answer(offered, f"{flag}={begun}")
        return _answer(_flags(plugin, command), word)
    if before and (known := _choices(plugin, command, before[-1])):
        return _answer(known, word)
    last = before[-1] if before else ""
    if last in ("-f", "--filename", *FILES_OF_KUBECTL):
        return FILES
    if last in LOOKED_UP:
        return _answer(_looked_up(LOOKED_UP[last], before), word)
    if _wants_value(plugin, before, command):
        return NO_FILES
    return _answer(_values(command, taken, before), word)


def _looked_up(question: tuple[str, ...], before: Sequence[str]) -> list[str]:
    """Return the names that kubectl prints, one a line and with a kind before some."""
    try:
        printed = Kubectl(connection(before)).text(*question)
    except CliError:
        return []
    return [line.rpartition("/")[2] for line in printed.split()]


def _wants_value(plugin: str, before: Sequence[str], command: str = "") -> bool:
    """True when the last word is a flag that the next one is the value of."""
    last = before[-1] if before else ""
    if not last.startswith("-") or "=" in last:
        return False
    name = SHORT.get(last) or last.removeprefix("--")
    if name in (*VALUED, *REPEATED, *NAMED_SHORT):
        return True
    return any(
        last in action.option_strings and action.nargs != 0 for action in _actions(plugin, command)
    )


def _actions(plugin: str, command: str) -> list[argparse.Action]:
    """Every flag of the command."""
    if plugin == "proposals":
        from assent.cli.proposals_command import COMMANDS, parser_of

        made = parser_of(command if command in COMMANDS else "list")
    else:
        from assent.cli.decision_command import parser
        from assent.cli.seats import APPROVE, REJECT

        made = parser(APPROVE if plugin == "approve" else REJECT)
    return made._actions  # noqa: SLF001 - argparse has no other list of them


def _choices(plugin: str, command: str, flag: str) -> list[str]:
    """What the flag may be given; empty where that is anything."""
    if not flag.startswith("-") or flag.lstrip("-") in (*EVERY, *NAMED_SHORT.values(), "n", "s"):
        return []
    for action in _actions(plugin, command):
        if flag in action.option_strings and action.nargs != 0:
            return [str(one) for one in action.choices or VALUES.get(flag, ())]
    return []


def _flags(plugin: str, command: str) -> list[str]:
    """The command's own flags first, then those of the connection."""
    own = [
        f"{option}\t{action.help or ''}".replace("==SUPPRESS==", "")
        for action in _actions(plugin, command)
        for option in action.option_strings
        if option.startswith("--") and option.removeprefix("--") not in EVERY
    ]
    return [*own, *(f"--{name}\tkubectl's own" for name in EVERY if name != "v")]


def _values(command: str, taken: Sequence[str], before: Sequence[str]) -> list[str]:
    kubectl = Kubectl(connection(before))
    try:
        if command in ("suspend", "resume"):
            return _names(kubectl.document("get", CLUSTERS, "-o", "json"))
        if command == "unhalt":
            return _names(kubectl.document("get", HALTS, "-o", "json"))
        if command in ("list", "halt", ""):
            return []
        return _proposals(command, taken, listed(start_listing(kubectl)))
    except CliError:
        return []  # completion says nothing rather than disturb the line that is being typed


def _proposals(command: str, taken: Sequence[str], found: Sequence[Proposal]) -> list[str]:
    named = [one for one in found if one.name in taken]
    if command == "modify" and named:
        from assent.cli.assignments import ABOUT
        from assent.cli.kinds import KINDS

        steps = plan_steps(named[0])
        kind = KINDS.get(named[0].action_type)
        own = kind.parameters if kind and not steps else ()
        return [f"{name}=" for name in (*own, *_of_steps(steps), *ABOUT)]
    phases = WAITS_FOR.get(command)
    return [
        _shown(one)
        for one in found
        if one.name not in taken and (phases is None or one.phase in phases)
    ]


def _of_steps(steps: Sequence[Json]) -> list[str]:
    """Return what modify may change of a plan's steps, such as ``2.toStoreId``."""
    from assent.cli.assignments import OF_STEP
    from assent.cli.kinds import KINDS

    return [
        f"{number}.{name}"
        for number, step in enumerate(steps, start=1)
        if (kind := KINDS.get(str(step.get("type"))))
        for name in (*kind.parameters, *OF_STEP)
    ]


def connection(arguments: Sequence[str]) -> list[str]:
    """Return the connection flags among half a command line, to ask with the same kubectl."""
    found: list[str] = []
    waiting: str | None = None
    for argument in arguments:
        if waiting is not None:
            found.append(f"--{waiting}={argument}")
            waiting = None
            continue
        name, sign, _ = argument.removeprefix("--").partition("=")
        name = SHORT.get(argument, name)
        if argument.startswith("-") and name in (*VALUED, *REPEATED, "namespace", "server"):
            if sign:
                found.append(argument)
            else:
                waiting = name
    return found


def _names(document: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    return [one["metadata"]["name"] for one in document["items"]]


def _answer(offered: Sequence[str], word: str) -> str:
    return "\n".join([*(one for one in offered if one.startswith(word)), NO_FILES])


def _shown(one: Proposal) -> str:
    """A line that a shell writes on the terminal: no text of an object may be more than that."""
    return f"{one.name}\t{spelled(f'{one.tier} {one.sentence}'.strip())}"


def main() -> int:
    """Run `kubectl_complete-<plugin>`: the plugin is the one in the program's own name."""
    plugin = Path(sys.argv[0]).name.removeprefix("kubectl_complete-")
    sys.stdout.write(complete(plugin, sys.argv[1:]) + "\n")
    return 0
