"""`python -m tests.contract.actions.versions`: every action's contract tests on each PD, a matrix.

The pinned PD's results are those of `make contract` (build/contract-tests.json), run here when
there are none; the older one's are run here, its binary built if missing. What the matrix shows is
also in build/contract-versions.json, and its counts under `versions` in build/contract.json. The
exit code is 1 when a test fails, or does not run, that `differences.py` does not leave out.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assent.api.v1alpha1.actions import ActionType
from sandbox.toolchain import ensure
from tests.contract.actions.differences import DIFFERENCES, NEWER, OLDER
from tests.contract.report import Result, Results

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build"
BINARIES = {NEWER: "pd-server", OLDER: "pd-6.6"}
TESTS = "tests/contract/actions"
MARKS = "not long"


@dataclass(frozen=True)
class Cell:
    """What is known of one action on one line of PD."""

    passed: int
    total: int
    """Tests that ran, or were to run."""
    left_out: tuple[str, ...]
    """What the action can do less on that line, where a test means nothing for that reason."""

    @property
    def ok(self) -> bool:
        """True when every test of it that means something there has passed."""
        return 0 < self.total == self.passed

    def __str__(self) -> str:
        return f"ok {self.passed}" if self.ok else f"FAILED {self.total - self.passed}/{self.total}"


def column(line: str, results: Results) -> dict[ActionType, Cell]:
    """Return the cell of every action on that line."""
    found = {}
    for action in ActionType:
        own = [result.passed for result in results.values() if action.value in result.actions]
        why = tuple(
            f"{row.pd} {row.ours}"
            for row in DIFFERENCES
            if row.line == line and row.less and action in row.actions
        )
        found[action] = Cell(sum(own), len(own), why)
    return found


def table(by_line: Mapping[str, Mapping[ActionType, Cell]]) -> str:
    """Return the matrix as text: actions down, lines across, and below what is less on a line.

    A number is the tests that passed; a star says that something stands below.
    """
    width = max(len(action.value) for action in ActionType)
    lines = [" " * width + "".join(f"{line:>14}" for line in by_line)]
    for action in ActionType:
        cells = (by_line[line][action] for line in by_line)
        stars = (f"{cell}{'*' if cell.left_out else ' '}" for cell in cells)
        shown = "".join(f"{text:>14}" for text in stars)
        lines.append(f"{action.value:<{width}}{shown}")
    for line, cells_of in by_line.items():
        for action, cell in cells_of.items():
            lines += [f"* {action.value} on {line}: {why}" for why in cell.left_out]
    return "\n".join(lines)


def main() -> int:
    """Run what is missing, print the matrix, return the exit code."""
    reports = {NEWER: BUILD / "contract.json", OLDER: BUILD / f"contract-{OLDER}.json"}
    clean = True
    for line, report in reports.items():
        if line == OLDER or not any(one.actions for one in _results(_details(report)).values()):
            clean &= _run(BINARIES[line], report)
    found = {line: column(line, _results(_details(report))) for line, report in reports.items()}
    counts = {
        line: {
            "actions_green": sum(cell.ok for cell in cells.values()),
            "tests_passed": sum(one.passed for one in _results(_details(reports[line])).values()),
            "tests_left_out": sum(row.line == line for row in DIFFERENCES),
            "matrix": {action.value: str(cell) for action, cell in cells.items()},
        }
        for line, cells in found.items()
    }
    _write(BUILD / "contract-versions.json", counts)
    summary = json.loads(reports[NEWER].read_text())
    short = {line: {k: v for k, v in of.items() if k != "matrix"} for line, of in counts.items()}
    _write(reports[NEWER], {**summary, "versions": short})
    sys.stdout.write(f"{table(found)}\n")
    return 0 if clean and all(cell.ok for of in found.values() for cell in of.values()) else 1


def _run(pd: str, report: Path) -> bool:
    """Run the actions' tests on that PD; the report tells what passed, the value whether all did.

    Also those tests that name no action: the marks of PD's traps hold on each line.
    """
    ensure([pd])
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]
    command += ["-p", "tests.contract.report", f"--contract-report={report}", TESTS]
    command += ["-m", MARKS, "--tb=short"]
    if pd == BINARIES[NEWER]:
        command.append("--contract-add")  # to the traps of make contract-long
    environment = {**os.environ, "ASSENT_CONTRACT_PD": pd}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def _details(report: Path) -> Path:
    return report.with_name(f"{report.stem}-tests.json")


def _results(details: Path) -> Results:
    if not details.exists():
        return {}
    tests = json.loads(details.read_text())["tests"]
    return {name: Result(**test) for name, test in tests.items() if name.startswith(f"{TESTS}/")}


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
