"""The page of versions: every action has its row, and every test that it names exists."""

import ast
from pathlib import Path

import pytest

from assent.api.v1alpha1.actions import ActionType
from hack.versions import OTHERS, Other, versions_page
from sandbox.toolchain.catalogue import OLD_PD_VERSION, PD_VERSION
from tests.contract.actions.differences import DIFFERENCES

TESTS = Path(__file__).parents[2]
PAGE = versions_page()


def test_every_action_has_a_row_for_both_versions() -> None:
    """In the order of the catalogue, linked to its section."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| [")]
    assert [row.split("]")[0] for row in rows] == [f"| [{kind.value}" for kind in ActionType]
    assert all("| works" in row for row in rows)
    assert f"| Action | {PD_VERSION} | {OLD_PD_VERSION} |" in PAGE


def test_every_difference_is_told() -> None:
    """With what Assent makes of it, and the test that is left out for it."""
    for row in DIFFERENCES:
        assert row.pd in PAGE
        assert row.ours in PAGE
        assert row.test in PAGE


@pytest.mark.parametrize("row", [row for row in OTHERS if row.test], ids=lambda row: row.test)
def test_what_is_said_of_other_lines_is_tested(row: Other) -> None:
    """The named test is there."""
    file, _, name = row.test.partition("::")
    module = ast.parse((TESTS / file).read_text())
    names = {
        node.name
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in names
