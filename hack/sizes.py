"""How large the tree is: `python -m hack.sizes`.

Lines that are not blank, of every Python and Go file that git tracks or would track. Comments
count: they are written and read like the rest. Code is whatever is no test.
"""

import math
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATTERNS = ("*.py", "*.go")
TESTS = "tests"


@dataclass(frozen=True)
class Group:
    """Files that belong together, and the lines of each that are not blank."""

    name: str
    lines: tuple[int, ...]

    @property
    def total(self) -> int:
        """Lines of all files."""
        return sum(self.lines)


def group_of(path: str) -> str:
    """What the file at `path` (below the root, with slashes) counts as.

    A Go test lies beside what it tests; in Python everything under `tests/` is test.
    """
    top = path.partition("/")[0]
    if path.endswith(".go"):
        return "go tests" if path.endswith("_test.go") else "go"
    return "tests" if top == TESTS else top


def count(text: str) -> int:
    """Return how many lines of the text are not blank."""
    return sum(1 for line in text.splitlines() if line.strip())


def groups(root: Path = ROOT) -> list[Group]:
    """Return every group, sorted by name.

    Raises:
        subprocess.CalledProcessError: `root` is no checkout.
    """
    listed = subprocess.run(  # noqa: S603 - our own words
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PATTERNS),  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, list[int]] = {}
    for path in sorted(set(listed.stdout.splitlines())):
        if (root / path).is_file():  # deleted, and not yet said so to git
            found.setdefault(group_of(path), []).append(count((root / path).read_text()))
    return [Group(name, tuple(lines)) for name, lines in sorted(found.items())]


def table(measured: Iterable[Group]) -> str:
    """Return the groups in columns, and below them how many lines of test a line of code has."""
    rows = [("GROUP", "FILES", "LINES", "MEDIAN", "P90", "MAX")]
    lines = {"code": 0, "test": 0}
    for one in measured:
        lines["test" if one.name.endswith(TESTS) else "code"] += one.total
        rows.append(
            (
                one.name,
                str(len(one.lines)),
                f"{one.total:,}",
                f"{statistics.median(one.lines):g}",
                str(_p90(one.lines)),
                str(max(one.lines)),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    shown = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    ratio = f"{lines['test'] / lines['code']:.2f}" if lines["code"] else "no code"
    return "\n".join([*shown, f"test {lines['test']:,} : code {lines['code']:,} = {ratio}"])


def _p90(lines: tuple[int, ...]) -> int:
    """Return the length that nine files of ten do not exceed (nearest rank)."""
    return sorted(lines)[math.ceil(0.9 * len(lines)) - 1]


def main() -> int:
    """Print the table."""
    sys.stdout.write(table(groups()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
