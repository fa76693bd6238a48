"""`python -m sandbox.proof`: check the model and all that must fail, write `build/proof.json`."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sandbox.proof.report import Report, Result
from sandbox.proof.runs import ASSUMPTIONS, BESIDE, MAIN, VARIANTS, Run
from sandbox.proof.tlc import MODULE, command, parse
from sandbox.proof.tools import Tools, ensure_tools
from sandbox.toolchain.cache import default_cache
from sandbox.toolchain.command import run_logged
from sandbox.toolchain.environment import CHECKOUT
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter, elapsed_text

WORKERS = 2

LEAST_STATES = 10_000
"""A model with fewer is too small to have met much."""

SPECIFICATION = CHECKOUT / "docs/design" / f"{MODULE}.tla"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when all holds that must hold and all fails that must fail."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.proof", description=__doc__)
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build/proof.json")
    chosen = parser.parse_args(arguments)
    try:
        report = prove(Reporter(), logs=chosen.output.parent / "proof")
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(report.to_json())
    print(
        f"\n{report.main.outcome.states:,} states of the main model;"
        f" {len(report.variants)} variants, {len(report.assumptions)} assumptions;"
        f" {elapsed_text(report.seconds)}. Written to {chosen.output}."
    )
    for result in report.wrong:
        print(f"WRONG: {result.run.name}: {result.sentence}", file=sys.stderr)
    if report.main.outcome.states < LEAST_STATES:
        print(f"WRONG: the main model has less than {LEAST_STATES:,} states.", file=sys.stderr)
        return 1
    return 1 if report.wrong else 0


def prove(reporter: Reporter, *, logs: Path) -> Report:
    """What every run found; the output of each is kept in `logs`.

    Raises:
        ToolchainError: Java or TLC is not to be had, or a run did not finish.
    """
    tools = ensure_tools(cache=default_cache(), reporter=reporter)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    groups = {"model": [MAIN], "beside": BESIDE, "variant": VARIANTS, "assumption": ASSUMPTIONS}
    total = sum(len(runs) for runs in groups.values())
    results: dict[str, list[Result]] = {kind: [] for kind in groups}
    started, number = time.monotonic(), 0
    for kind, runs in groups.items():
        for place, run in enumerate(runs, start=1):
            number += 1
            what = f"{kind} {place} of {len(runs)}" if len(runs) > 1 else kind
            title = f"[{number}/{total}] {what}: {_called(kind, run)}"
            log = logs / f"{number:02}-{kind}.log"
            outcome = run_tlc(tools, run, title=title, log=log, reporter=reporter)
            results[kind].append(outcome)
            elapsed = elapsed_text(time.monotonic() - started)
            print(f"{title}: {outcome.sentence} ({elapsed} so far)", flush=True)
    return Report(
        results["model"][0],
        results["beside"],
        results["variant"],
        results["assumption"],
        time.monotonic() - started,
    )


def run_tlc(tools: Tools, run: Run, *, title: str, log: Path, reporter: Reporter) -> Result:
    """What TLC found in one run.

    Raises:
        ToolchainError: it did not finish; the message names the log.
    """
    with tempfile.TemporaryDirectory(prefix="assent-proof-") as folder:
        scratch = Path(folder)
        shutil.copy(SPECIFICATION, scratch)
        configuration = scratch / f"{MODULE}.cfg"
        configuration.write_text(run.check.configuration())
        told = command(
            tools,
            # What is broken by one is found the same way each time; counting takes both cores.
            workers=1 if run.breaks else WORKERS,
            configuration=configuration,
            scratch=scratch / "states",
        )
        run_logged(told, title=title, log=log, reporter=reporter, env=os.environ, cwd=scratch)
    try:
        return Result(run, parse(log.read_text(errors="replace")))
    except ToolchainError as error:
        raise ToolchainError(f"{title}: {error} Whole log: {log}") from error


def _called(kind: str, run: Run) -> str:
    return {"variant": "without “{}”", "assumption": "dropped “{}”"}.get(kind, "{}").format(
        run.name
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
