"""Rules that hold for the whole tree, so that nobody has to remember them."""

import ast
import operator
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("tree")
"""One worker parses everything once."""

ROOT = Path(__file__).parents[2]
SOURCES = ("operator", "sandbox", "tests", "hack")
MAX_LINES = 500


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git tracks or would track, by pattern."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_500_lines() -> None:
    """A file that long mixes deciding with doing; generated files are not read by people."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py", "*.go", "*.sh", "Makefile")
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    """An operator/__init__.py would make `import operator` find us."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert hasattr(operator, "itemgetter")


def test_imports_keep_their_direction() -> None:
    """The contracts of .importlinter, exhaustively: a new package fails until it has a height."""
    lint = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert lint is not None
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    """A skipped test is a promise that nobody keeps."""
    pattern = re.compile(r"mark\.(skip|skipif|xfail)|pytest\.(skip|xfail|importorskip)\(")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("tests/*.py", "sandbox/*.py")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def _called(call: ast.Call) -> str:
    """Return what is called, as far as it is names; ast.unparse takes ten times as long."""
    names, node = [], call.func
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def _asserts(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = _called(node)
            if "raises" in name or "assert" in name.lower() or "expect" in name.lower():
                return True
    return False


def test_every_test_can_fail() -> None:
    """A test that asserts nothing is empty, whatever it runs.

    A function of the suite that asserts counts when the test calls it by name.
    """
    tests = {path: list(functions(path)) for path in tracked("tests/*.py")}
    asserting = {item.name for found in tests.values() for item in found if _asserts(item)}
    empty = []
    for path, found in tests.items():
        for item in found:
            if not item.name.startswith("test_") or item.name in asserting:
                continue
            called = {
                _called(node).rpartition(".")[2]
                for node in ast.walk(item)
                if isinstance(node, ast.Call)
            }
            if not called & asserting:
                empty.append(f"{path.relative_to(ROOT)}::{item.name}")
    assert empty == []


@pytest.mark.parametrize("name", ["utils", "helpers", "manager", "common", "misc"])
def test_no_module_is_named_for_nothing(name: str) -> None:
    """Such names say nothing about what is inside, so everything ends up there."""
    assert [path for path in tracked("*.py") if name in path.with_suffix("").parts] == []


def test_no_error_is_swallowed() -> None:
    """`except Exception: pass` hides the one failure that mattered."""
    found = []
    for path in tracked(*(f"{folder}/*.py" for folder in SOURCES)):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or ast.unparse(node.type) in (
                    "Exception",
                    "BaseException",
                )
                if broad and all(isinstance(item, ast.Pass) for item in node.body):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_no_tracked_file_names_a_folder_of_one_machine() -> None:
    """What works only where it was written does not work."""
    homes = re.compile(r"(?<![\w.~-])/(?:" + "|".join(("work", "farm", "root")) + r")/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix not in {".lock", ".sum", ".png"}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if homes.search(line)
    ]
    assert found == []
