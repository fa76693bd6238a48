"""The matrix of actions and PD versions, and the table of what a line leaves out."""

import ast
from pathlib import Path

import pytest

from assent.api.v1alpha1.actions import ActionType
from sandbox.toolchain.catalogue import OLD_PD_VERSION, PD_VERSION
from tests.contract.actions.differences import DIFFERENCES, NEWER, OLDER, Difference, left_out
from tests.contract.actions.versions import Cell, column, table
from tests.contract.report import Result
from tests.support.real_cluster import LINES

FOLDER = Path(__file__).parents[2] / "contract" / "actions"
RESULTS = {
    "a": Result(actions=["TransferLeader"], called=True),
    "b": Result(actions=["TransferLeader", "EvictLeaders"], called=True, failed=True),
    "c": Result(traps=["P16"], called=True),
    "d": Result(actions=["AddPeer"]),
    "e": Result(actions=["AddScheduler"], called=True),
}


def test_a_test_counts_for_every_action_it_names() -> None:
    """Only what ran to its end and did not fail is passed; what never ran is not."""
    found = column(NEWER, RESULTS)
    assert (found[ActionType.TRANSFER_LEADER].passed, found[ActionType.TRANSFER_LEADER].total) == (
        1,
        2,
    )
    assert str(found[ActionType.EVICT_LEADERS]) == "FAILED 1/1"
    assert not found[ActionType.ADD_PEER].ok
    assert str(found[ActionType.ADD_SCHEDULER]) == "ok 1"
    assert set(found) == set(ActionType)


def test_an_action_without_any_test_is_not_ok() -> None:
    """A matrix that nobody filled would be green."""
    assert not Cell(0, 0, ()).ok


def test_the_matrix_has_a_line_for_every_action_and_a_column_for_every_version() -> None:
    """In the order of the catalogue, and below it what a line of PD does otherwise."""
    lines = table({line: column(line, RESULTS) for line in (NEWER, OLDER)}).splitlines()
    assert lines[0].split() == [NEWER, OLDER]
    actions = lines[1 : len(ActionType) + 1]
    assert [line.split()[0] for line in actions] == [action.value for action in ActionType]
    assert actions[0].split() == ["TransferLeader", "FAILED", "1/2", "FAILED", "1/2"]
    below = lines[len(ActionType) + 1 :]
    assert len(below) == sum(len(row.actions) for row in DIFFERENCES if row.less)
    assert any(line.startswith(f"* AddScheduler on {OLDER}: PD does not know") for line in below)


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: f"{row.line} {row.test}")
def test_what_is_left_out_exists(row: Difference) -> None:
    """A test that was renamed would run again, and fail, on the PD that lacks something."""
    file, _, name = row.test.partition("::")
    tests = {
        node.name
        for node in ast.walk(ast.parse((FOLDER / file).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name.partition("[")[0] in tests
    assert row.line in (NEWER, OLDER)
    assert row.pd.endswith(".")
    assert row.ours.endswith(".")


def test_a_row_means_its_own_test_on_its_own_line_only() -> None:
    """Whatever worker group or shape stands behind the name."""
    path = "tests/contract/actions/test_split_region.py::test_halted_scheduling_is_refused"
    assert left_out(OLDER, path) is not None
    assert left_out(OLDER, f"{path}[3-pd]@stage-3-pd") is not None
    assert left_out(NEWER, path) is None
    assert left_out(OLDER, f"{path}_too") is None
    base = "test_schedulers.py::test_a_default_scheduler_is_removed_and_added_again"
    assert left_out(OLDER, f"x/{base}[evict-slow-store-scheduler]") is not None
    assert left_out(OLDER, f"x/{base}[balance-leader-scheduler]") is None


def test_the_lines_are_those_of_the_toolchain() -> None:
    """A newer pin is another line: the table would speak of the wrong one."""
    assert {"pd-server": NEWER, "pd-6.6": OLDER} == LINES
    assert PD_VERSION.startswith(f"{NEWER}.")
    assert OLD_PD_VERSION.startswith(f"{OLDER}.")
