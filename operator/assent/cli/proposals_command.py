"""`kubectl proposals`: its subcommands and their flags. Each is loaded only when it is used."""

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module

from assent.cli.console import Console
from assent.cli.failures import CliError, Exit
from assent.cli.flags import Help, add_connection_flags, first_word
from assent.cli.kubectl import Kubectl
from assent.cli.queries import bare

COMMANDS = {
    "list": ("listing", "show_list", "what there is, and who must act (the default)"),
    "show": ("showing", "show", "one proposal: what, why, checks, steps, history, what next"),
    "modify": ("modify", "modify", "change the ask; you become its author"),
    "withdraw": ("withdraw", "withdraw", "take your own approval back, while nothing was sent"),
    "resolve": ("last_words", "resolve", "say what came of a call whose outcome nobody knows"),
    "cancel": ("last_words", "cancel", "stop one proposal before its next call"),
    "revert": ("revert", "revert", "file the proposal that takes a finished one back"),
    "export": ("export", "export", "a manifest for Git, without approvals and status"),
    "suspend": ("brakes", "suspend", "stop calls on one cluster"),
    "resume": ("brakes", "resume", "let calls on one cluster go on"),
    "halt": ("brakes", "halt", "stop every call on every cluster"),
    "unhalt": ("brakes", "unhalt", "let everything go on"),
}
"""Subcommand → module, function, help."""
FORMS = ("json", "yaml", "name")

EPILOG = """\
kubectl approve NAME and kubectl reject NAME decide.
Flags of a command: kubectl proposals COMMAND --help
"""


def usage() -> str:
    """Return the list of commands."""
    listed = "\n".join(f"  {name:<9} {text}" for name, (_, _, text) in COMMANDS.items())
    return (
        "usage: kubectl proposals [COMMAND] [NAME] [flags]\n\n"
        f"See ActionProposals, and do everything but decide on them.\n\n{listed}\n\n{EPILOG}"
    )


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of one subcommand."""
    made = argparse.ArgumentParser(
        prog=f"kubectl proposals {command}",
        description=COMMANDS[command][2].capitalize() + ".",
        formatter_class=Help,
        allow_abbrev=False,
    )
    made.set_defaults(connection=[], namespace=None, output=None, yes=False, dry_run="none")
    _FLAGS[command](made)
    add_connection_flags(made)
    return made


def _list_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("-A", "--all-namespaces", action="store_true", help="of every namespace")
    made.add_argument("--ended", action="store_true", help="those that have ended, too")
    made.add_argument("-o", "--output", choices=FORMS,
                      help="print the objects, those that have ended, too")  # fmt: skip


def _show_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("names", nargs="+", metavar="NAME")
    made.add_argument("-o", "--output", choices=FORMS, help="print the object")


def _writes(made: argparse.ArgumentParser, *forms: str) -> None:
    """Flags of every command that stores something."""
    made.add_argument("-y", "--yes", action="store_true", help="do not ask")
    made.add_argument("--dry-run", choices=("none", "server"), default="none",
                      help="server: let the API server judge it, store nothing")  # fmt: skip
    made.add_argument("-o", "--output", choices=forms or FORMS, help="print the object")


def _one_proposal(made: argparse.ArgumentParser) -> None:
    made.add_argument("name", metavar="NAME")
    _writes(made)


def _modify_flags(made: argparse.ArgumentParser) -> None:
    _one_proposal(made)
    made.add_argument(
        "assignments", nargs="+", metavar="FIELD=VALUE",
        help="toStoreId=5; of a plan's second step 2.toStoreId=5; reason=…, dryRun=true, "
        "notBefore=, notAfter=, revertAfter=; nothing after = removes",
    )  # fmt: skip


def _resolve_flags(made: argparse.ArgumentParser) -> None:
    _one_proposal(made)
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("--happened", action="store_true", help="PD shows its effect")
    which.add_argument("--did-not-happen", action="store_true", help="it never came")


def _cancel_flags(made: argparse.ArgumentParser) -> None:
    _one_proposal(made)
    made.add_argument("-m", "--message", metavar="WHY", help="kept on the record")


def _export_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("names", nargs="+", metavar="NAME")
    made.add_argument("--as-account", metavar="NAMESPACE:NAME",
                      help="the service account that will create it from Git")  # fmt: skip
    made.add_argument("-o", "--output", choices=("json", "yaml"), help="yaml is the default")


def _cluster_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("name", nargs="?", metavar="CLUSTER", help="needed where there are several")
    _writes(made)


def _halt_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("name", nargs="?", metavar="NAME", help="default: halt-<time>")
    made.add_argument("--reason", required=True, help="for whoever finds everything at a stand")
    made.add_argument("--allow-rollback", action="store_true", help="let undoing finish")
    _writes(made)


def _unhalt_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("name", nargs="?", metavar="NAME", help="needed where there are several")
    _writes(made, "name")


_FLAGS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "list": _list_flags,
    "show": _show_flags,
    "modify": _modify_flags,
    "withdraw": _one_proposal,
    "resolve": _resolve_flags,
    "cancel": _cancel_flags,
    "revert": _one_proposal,
    "export": _export_flags,
    "suspend": _cluster_flags,
    "resume": _cluster_flags,
    "halt": _halt_flags,
    "unhalt": _unhalt_flags,
}


def proposals(arguments: Sequence[str], console: Console) -> int:
    """Carry out `kubectl proposals`.

    Raises:
        CliError: with the exit code.
    """
    place = first_word(arguments)
    if (place is None and {"-h", "--help"} & set(arguments)) or list(arguments) == ["help"]:
        console.give(usage())
        return 0
    command = "list" if place is None else arguments[place]
    if command not in COMMANDS:
        raise CliError(_unknown(command), Exit.USAGE)
    rest = [one for number, one in enumerate(arguments) if number != place]
    chosen = parser_of(command).parse_intermixed_args(rest)  # names may follow flags
    if getattr(chosen, "name", None):
        chosen.name = bare(chosen.name)
    if "names" in chosen:
        chosen.names = list(dict.fromkeys(bare(name) for name in chosen.names))
    module, function, _ = COMMANDS[command]
    console.quiet_out = chosen.output is not None
    run = getattr(import_module(f"assent.cli.{module}"), function)
    return int(run(chosen, Kubectl(chosen.connection), console))


def _unknown(command: str) -> str:
    import difflib

    if command in ("approve", "reject"):
        return f"To decide is a command of its own: kubectl {command} NAME"
    near = difflib.get_close_matches(command.lower(), COMMANDS, n=1)
    meant = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(COMMANDS)}."
    return f"There is no command {command!r}.{meant} To see a proposal: kubectl proposals show NAME"
