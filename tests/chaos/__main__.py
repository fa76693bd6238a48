"""`python -m tests.chaos [--seed N] [--minutes M] [--add] [--check HISTORY]`."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from sandbox.errors import SandboxError
from sandbox.toolchain import ToolchainError
from tests.chaos import campaign, report
from tests.chaos.checker import check
from tests.chaos.history import History

BUILD = Path("build")
INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    root = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    root.add_argument("--seed", type=int, default=1)
    root.add_argument("--minutes", type=float, default=15.0)
    root.add_argument("--add", action="store_true", help="add to the seeds in build/chaos.json")
    root.add_argument("--check", type=Path, help="judge a kept history again, and run nothing")
    return root


def main() -> int:
    """The exit code: 1 when something was found that may not be, or the campaign broke."""
    chosen = parser().parse_args()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in a shell's background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    try:
        if chosen.check is not None:
            history = History.load(chosen.check)
        else:
            folder = BUILD / "chaos" / str(chosen.seed)
            history = campaign.run(seed=chosen.seed, minutes=chosen.minutes, folder=folder, say=say)
    except (SandboxError, ToolchainError) as error:
        print(f"error: {error}\nLogs: {BUILD / 'chaos' / str(chosen.seed)}", file=sys.stderr)
        _leave(1)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        _leave(INTERRUPTED)
    found = report.as_json(check(history))
    if chosen.check is None:
        path = BUILD / "chaos.json"
        known = json.loads(path.read_text()) if chosen.add and path.exists() else {}
        report.write(BUILD / "chaos" / str(chosen.seed) / "report.json", found)
        found = report.added(known, found)
        report.write(path, found)
    print(report.spoken(found))
    return 0 if report.clean(found) else 1


def _leave(code: int) -> NoReturn:
    """End at once: the sandbox has ended, and threads that played people need not be waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
