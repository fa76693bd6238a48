"""`python -m sandbox.toolchain [NAME…]` prints `NAME PATH` for each binary, built if missing.

NAME is a binary or a set (`demo`, `test`, `bench`); without any it is `demo`. Alone, `venv` makes
the project's virtual environment instead, and `clean-cache` removes the whole cache.
"""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

from sandbox.toolchain.build import ensure
from sandbox.toolchain.cache import remove_cache
from sandbox.toolchain.environment import sync_environment
from sandbox.toolchain.errors import ToolchainError

# What shells expect of a command that a signal ended.
_SIGNALLED = 128


def main(arguments: Sequence[str]) -> int:
    """The exit code of the command line `arguments`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        if list(arguments) == ["venv"]:
            sync_environment()
        elif list(arguments) == ["clean-cache"]:
            remove_cache()
        else:
            for name, path in ensure(arguments or ["demo"]).items():
                print(f"{name} {path}")
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What is done is kept; the same command goes on from here.", file=sys.stderr)
        return _SIGNALLED + signal.SIGINT
    return 0


def _leave(number: int, _frame: FrameType | None) -> None:
    """Unwinds the stack as Ctrl-C does, so that children are stopped on the way."""
    sys.exit(_SIGNALLED + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
