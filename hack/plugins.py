"""Builds the kubectl plugins as single files: `make plugins`, or `python -m hack.plugins`.

Each file in build/plugins/ is a zip with a first line for the shell; it needs python3 (3.11 or
later) and kubectl, and nothing else. The same sources give the same bytes.
"""

import argparse
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "operator/assent"
ENTRIES = {
    "kubectl-approve": "approve",
    "kubectl-reject": "reject",
    "kubectl-proposals": "proposals",
    "kubectl_complete-approve": "complete",
    "kubectl_complete-reject": "complete",
    "kubectl_complete-proposals": "complete",
}
"""File → function of ``assent.cli.main``; the console scripts of the wheel are the same."""

FIRST_LINE = b"#!/usr/bin/env -S python3 -IS\n"
"""Isolated, and without the site module: nothing of the user's Python is looked at, and it starts
a third faster."""
EPOCH = (1980, 1, 1, 0, 0, 0)


def sources() -> Mapping[str, Path]:
    """Return what goes in: name in the zip → file."""
    found = {"assent/__init__.py": PACKAGE / "__init__.py"}
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        found[f"assent/cli/{path.name}"] = path
    return found


def compiled(name: str, source: Path) -> bytes:
    """Return its bytecode. Another version of Python does not take it and reads the source."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "module.pyc"
        py_compile.compile(
            str(source), str(target), dfile=name, doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )  # fmt: skip
        return target.read_bytes()


def build(folder: Path) -> list[Path]:
    """Write every plugin into the folder; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, bytes] = {}
    for name, source in sources().items():
        parts[name] = source.read_bytes()
        parts[f"{name}c"] = compiled(name, source)
    made = []
    for plugin, function in ENTRIES.items():
        start = f"import sys\nfrom assent.cli.main import {function}\nsys.exit({function}())\n"
        target = folder / plugin
        with target.open("wb") as file:
            file.write(FIRST_LINE)
            with zipfile.ZipFile(file, "w") as archive:
                for name, content in {"__main__.py": start.encode(), **parts}.items():
                    archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
        target.chmod(0o755)
        made.append(target)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Build them and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m hack.plugins", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build/plugins")
    chosen = parser.parse_args(arguments)
    for path in build(chosen.output):
        sys.stdout.write(f"{path} ({path.stat().st_size // 1024} KiB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
