"""`python -m tests.contract.actions.versions`: every action's contract tests on each PD, a matrix.

The pinned PD's results are those of `make contract` (build/contract-tests.json), run here when
there are none; the older one's are run here. What the matrix shows is also in
build/contract-versions.json. The exit code is 1 when an action that is said to work somewhere
fails there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from assent.api.v1alpha1.actions import ActionType
from tests.contract.report import Result, Results

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build"
PINNED, OLDER = "pd-server", "pd-6.6"
VERSIONS = {PINNED: "v8.1", OLDER: "v6.6"}
"""The binary of the toolchain, and its line."""
TESTS = "tests/contract/actions"


def counts(results: Results) -> dict[str, tuple[int, int]]:
    """Return for each action type how many of its tests passed, and how many there are."""
    found = {action.value: (0, 0) for action in ActionType}
    for result in results.values():
        for action in set(result.actions):
            passed, total = found[action]
            found[action] = passed + result.passed, total + 1
    return found


def table(by_version: Mapping[str, Mapping[str, tuple[int, int]]]) -> str:
    """Return the matrix as text: actions down, versions across, passed/total in each cell."""
    versions = list(by_version)
    width = max(len(action.value) for action in ActionType)
    lines = [" " * width + "".join(f"{version:>9}" for version in versions)]
    for action in ActionType:
        cells = (by_version[version][action.value] for version in versions)
        shown = "".join(f"{f'{passed}/{total}':>9}" for passed, total in cells)
        lines.append(f"{action.value:<{width}}{shown}")
    return "\n".join(lines)


def main() -> int:
    """Run what is missing, print the matrix, return the exit code."""
    pinned = BUILD / "contract-tests.json"
    if not pinned.exists():
        _run(PINNED, BUILD / "contract.json")
    older = BUILD / f"contract-{OLDER}.json"
    _run(OLDER, older)
    found = {
        VERSIONS[PINNED]: counts(_results(pinned)),
        VERSIONS[OLDER]: counts(_results(older.with_name(f"{older.stem}-tests.json"))),
    }
    (BUILD / "contract-versions.json").write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(table(found) + "\n")
    short = [cell for cells in found.values() for cell in cells.values() if cell[0] < cell[1]]
    return 1 if short else 0


def _run(pd: str, report: Path) -> None:
    """Run the actions' tests on that PD; the report tells what passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]
    command += ["-p", "tests.contract.report", f"--contract-report={report}", TESTS]
    command += ["-m", "action and not long", "--tb=short"]
    environment = {**os.environ, "ASSENT_CONTRACT_PD": pd}
    subprocess.run(command, cwd=ROOT, env=environment, check=False)


def _results(details: Path) -> Results:
    tests = json.loads(details.read_text())["tests"]
    return {name: Result(**test) for name, test in tests.items() if name.startswith(f"{TESTS}/")}


if __name__ == "__main__":
    sys.exit(main())
