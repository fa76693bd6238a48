"""Where the plugins begin: `kubectl-approve`, `kubectl-reject`, `kubectl-proposals`, completion.

What asks the API server is started first, and everything else is loaded while it runs.
"""

from __future__ import annotations

import os
import sys

from assent.cli import ahead

INTERRUPTED = 130
"""As shells say it of what Ctrl-C has ended."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assent.cli.console import Console

    Command = Callable[[Sequence[str], Console], int]


def run(command: Command, arguments: Sequence[str], console: Console) -> int:
    """Return the exit code; what went wrong is a sentence on stderr, never a traceback."""
    try:
        return _told(command, arguments, console)
    except BrokenPipeError:
        # The reader of a pipe has gone (head, less): what is left to say is for stderr, if anybody
        # reads that; and Python must not try again at its end.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        if console.only_reads:
            return 0
        try:
            console.warn("Whoever read this has gone. Look what was sent: kubectl proposals")
        except BrokenPipeError:
            os.dup2(devnull, 2)
        return 1
    finally:
        ahead.leave()


def _told(command: Command, arguments: Sequence[str], console: Console) -> int:
    from assent.cli.failures import CliError, Exit
    from assent.cli.queries import split_switch

    try:
        return int(command(split_switch(arguments), console))
    except CliError as error:
        console.warn(str(error))
        return int(error.code)
    except KeyboardInterrupt:
        # Beside the ^C of a terminal it would be part of the line before it.
        start = "\n" if console.is_asked else ""
        console.warn(f"{start}Stopped. What was sent before stays; look: kubectl proposals")
        return int(Exit.INTERRUPTED)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        console.warn(
            f"This plugin does not understand what it read ({type(error).__name__}: {error}). It "
            "may be older than the operator: rebuild it (make plugins), or use kubectl get "
            "actionproposal NAME -o yaml and kubectl patch. Look what was sent: kubectl proposals"
        )
        return int(Exit.REFUSED)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        console.warn(f"{error}. Look what was sent: kubectl proposals")
        return int(Exit.REFUSED)


def _begin(look_ahead: Callable[[Sequence[str]], None], module: str, name: str) -> int:
    """Run it. Ctrl-C ends it in one line wherever it is, also while it is being loaded."""
    try:
        _open_all()
        ahead.end_well()
        look_ahead(sys.argv[1:])
        from assent.cli.console import Console

        for stream in (sys.stdout, sys.stderr):
            # A ✔ that a locale does not know must not end a command that has sent something.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

        __import__(f"assent.cli.{module}")  # importlib itself takes a moment to load
        command = getattr(sys.modules[f"assent.cli.{module}"], name)
        console = Console()
        console.before_waiting = ahead.close_doors
        return run(command, sys.argv[1:], console)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return INTERRUPTED
    finally:
        ahead.leave()


def _open_all() -> None:
    """Let nobody read or hear what was closed by whoever started us: a pipe would take its place.

    kubectl does so for its plugins; a plugin may be started without it.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            place = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            setattr(sys, name, os.fdopen(place, "r" if name == "stdin" else "w"))


def approve() -> int:
    """Run `kubectl approve`."""
    return _begin(ahead.decision, "decision_command", "approve")


def reject() -> int:
    """Run `kubectl reject`."""
    return _begin(ahead.decision, "decision_command", "reject")


def proposals() -> int:
    """Run `kubectl proposals`."""
    if ahead.is_plain_list(sys.argv[1:]):  # most of all calls: argparse would be a third of it
        return _begin(ahead.look, "listing", "plain_list")
    return _begin(ahead.look, "proposals_command", "proposals")


def complete() -> int:
    """Run `kubectl_complete-approve`, `-reject` or `-proposals`, by the name it is called by."""
    from assent.cli.completion import main

    return main()
