"""kubectl's own connection flags: taken by every plugin, passed on as they are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from assent.cli.queries import EVERY, NAMED_SHORT, REPEATED, SWITCHES, VALUED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HELP = {
    "namespace": "the namespace, if not your context's",
    "context": "the kubeconfig's context",
    "as": "do it as this user (impersonation)",
    "as-group": "and in this group; may be repeated",
    "kubeconfig": "the kubeconfig file",
}


class _PassOn(argparse.Action):
    """Keeps the flag with its value, as kubectl is to be given it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        kept = list(getattr(namespace, "connection", None) or [])
        kept.append(
            f"--{self.metavar}={values}" if isinstance(values, str) else f"--{self.metavar}"
        )
        namespace.connection = kept
        if self.metavar == "namespace":
            namespace.namespace = values


class Help(argparse.RawDescriptionHelpFormatter):
    """Of a fixed width: to ask the terminal's, argparse would load shutil for every flag."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=96)


def add_connection_flags(parser: argparse.ArgumentParser) -> None:
    """Let the parser take them; they end up in ``connection``, in order."""
    group = parser.add_argument_group(
        "connection", "all of `kubectl options` are passed on to kubectl; the usual ones:"
    )
    for name in EVERY:
        wanted = [NAMED_SHORT[name]] if name in NAMED_SHORT else []
        group.add_argument(
            *wanted, *([f"--{name}"] if name != "v" else ["--v"]),
            action=_PassOn, metavar=name, dest="connection",
            nargs=0 if name in SWITCHES else None,
            help=_HELP.get(name, argparse.SUPPRESS),
        )  # fmt: skip


def first_word(arguments: Sequence[str]) -> int | None:
    """Return the place of the first argument that is neither a flag nor the value of one of
    kubectl's own; None when there is none.
    """
    valued = {*(f"--{name}" for name in (*VALUED, *REPEATED, *NAMED_SHORT)), "-n", "-s", "-v"}
    skip = False
    for place, argument in enumerate(arguments):
        if skip or argument.startswith("-"):
            skip = not skip and argument in valued | {"-o", "--output"}
            continue
        return place
    return None
