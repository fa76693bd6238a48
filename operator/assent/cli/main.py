"""Where the plugins begin: `kubectl-approve`, `kubectl-reject`, `kubectl-proposals`, completion."""

import os
import sys
from collections.abc import Callable, Sequence

from assent.cli.console import Console
from assent.cli.failures import CliError, Exit

Command = Callable[[Sequence[str], Console], int]


def run(command: Command, arguments: Sequence[str], console: Console) -> int:
    """Return the exit code; what went wrong is a sentence on stderr, never a traceback."""
    from assent.cli.flags import split_switch

    try:
        return int(command(split_switch(arguments), console))
    except CliError as error:
        console.warn(str(error))
        return int(error.code)
    except KeyboardInterrupt:
        console.warn("Stopped. What was sent before stays; look: kubectl proposals")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe has gone (head, less): nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)


def approve() -> int:
    """Run `kubectl approve`."""
    from assent.cli.decision_command import approve as command

    return run(command, sys.argv[1:], Console())


def reject() -> int:
    """Run `kubectl reject`."""
    from assent.cli.decision_command import reject as command

    return run(command, sys.argv[1:], Console())


def proposals() -> int:
    """Run `kubectl proposals`."""
    from assent.cli.proposals_command import proposals as command

    return run(command, sys.argv[1:], Console())


def complete() -> int:
    """Run `kubectl_complete-approve`, `-reject` or `-proposals`, by the name it is called by."""
    from assent.cli.completion import main

    return main()
