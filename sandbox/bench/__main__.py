"""`python -m sandbox.bench`: measure, print a table, write `build/bench.json`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.bench.course import Plan, run
from sandbox.bench.figures import table
from sandbox.errors import SandboxError
from sandbox.layout import CHECKOUT
from sandbox.report import replace_unprintable
from sandbox.toolchain import Reporter, ToolchainError


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything was measured, whether or not a target was met."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench", description=__doc__)
    parser.add_argument("--samples", type=int, default=Plan.samples, help="approvals of each kind")
    parser.add_argument("--idle-seconds", type=float, default=Plan.idle_seconds)
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build/bench.json")
    chosen = parser.parse_args(arguments)
    replace_unprintable()
    before = os.getloadavg()[0]
    try:
        figures = run(Plan(chosen.samples, chosen.idle_seconds), Reporter())
    except (SandboxError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(figures.to_json() + "\n")
    print(table(figures))
    print(
        f"\n{chosen.samples} samples of each kind, taken in turn on one sandbox of"
        f" {os.cpu_count()} cores; load {before:.1f} before, {os.getloadavg()[0]:.1f} after."
        f"\nWritten to {chosen.output}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
