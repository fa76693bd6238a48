"""The page on the model says what the model and the code are."""

import ast
import re

import pytest

from sandbox.proof.runs import ASSUMPTIONS, BESIDE, MAIN, VARIANTS, Run
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/design/protocol.md").read_text()
MODEL = (ROOT / "docs/design/protocol.tla").read_text()
CODE = ROOT / "operator/assent"


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _defined(name: str) -> bool:
    return re.search(rf"^{name}(\(.*\))? ==", MODEL, re.MULTILINE) is not None


@pytest.mark.parametrize("row", _rows("Where it is in the code"), ids=lambda row: row[0])
def test_the_map_names_actions_and_functions_that_exist(row: list[str]) -> None:
    """Whoever renames a function keeps the map true."""
    actions, code = row
    assert [name for name in _names(actions) if not _defined(name)] == []
    for part in code.split(";"):
        path, *functions = _names(part)
        tree = ast.parse((CODE / path).read_text())
        defined = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert functions, part
        assert set(functions) <= defined, path


def test_the_page_names_every_invariant_that_is_checked() -> None:
    """No more and no less, but for the type of the variables."""
    checked = {
        name
        for run in (MAIN, *BESIDE)
        for name in (*run.check.invariants, *run.check.properties)
        if name != "TypeOK"
    }
    assert {name for row in _rows("What it says") for name in _names(row[0])} == checked


@pytest.mark.parametrize(
    ("heading", "runs"),
    [
        pytest.param("What must fail", VARIANTS, id="variants"),
        pytest.param("What is assumed", ASSUMPTIONS, id="assumptions"),
    ],
)
def test_the_page_names_what_must_fail(heading: str, runs: tuple[Run, ...]) -> None:
    """In the order in which they are run."""
    assert [_names(row[0])[0] for row in _rows(heading)] == [run.name for run in runs]


def test_the_page_says_what_each_variant_breaks() -> None:
    """The second column is the invariant."""
    rows = _rows("What must fail")
    assert [_names(row[1])[0] for row in rows] == [run.breaks for run in VARIANTS]


@pytest.mark.parametrize("run", [*VARIANTS, *ASSUMPTIONS], ids=lambda run: run.name)
def test_every_rule_that_can_be_left_out_is_in_the_model(run: Run) -> None:
    """A switch that the model does not know would leave nothing out."""
    assert f'"{run.name}")' in MODEL
