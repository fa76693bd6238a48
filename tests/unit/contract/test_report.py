"""`build/contract.json` counts what was proved, and nothing that was not."""

import json
from pathlib import Path
from typing import Any

import pytest

from assent.api.v1alpha1.actions import ActionType
from hack.traps import marks
from tests.contract.report import Result, green_actions, proved_traps, summary
from tests.contract.traps import TRAPS, named

pytest_plugins = ["pytester"]

CONFIGURATION = """\
[pytest]
addopts = --strict-markers -p no:cacheprovider
asyncio_default_fixture_loop_scope = function
markers =
  action
  trap
  long
"""
KEYS = ["actions_total", "actions_green", "traps_total", "traps_tested", "seconds"]
GREEN = """\
import pytest

@pytest.mark.action("TransferLeader")
@pytest.mark.trap("P16")
def test_moves():
    assert True
"""
TWO_OF_ONE_TYPE = """\
import pytest

@pytest.mark.action("EvictLeaders")
def test_evicts():
    assert True

@pytest.mark.action("EvictLeaders", "StopEvictLeaders")
@pytest.mark.trap("P29")
def test_ends():
    assert {passes}
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A tree with one green test of an action."""
    pytester.makeini(CONFIGURATION)
    add(pytester, "tests/contract/actions/test_green.py", GREEN)
    return pytester


def add(suite: pytest.Pytester, name: str, text: str) -> None:
    path = suite.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the suite as the Makefile does."""
    plugin = ("-p", "tests.contract.report", "--contract-report=build/contract.json")
    return suite.runpytest_inprocess(*plugin, "-q", *arguments)


def report(suite: pytest.Pytester) -> dict[str, Any]:
    """Return what the last run wrote."""
    return dict(json.loads((suite.path / "build/contract.json").read_text()))


def test_the_report_has_its_five_keys_and_counts(suite: pytest.Pytester) -> None:
    """Totals come from the code, the rest from what passed."""
    result = run(suite)
    assert result.ret == 0
    found = report(suite)
    assert list(found) == KEYS
    assert found["actions_total"] == len(ActionType)
    assert found["traps_total"] == sum(trap.applies for trap in TRAPS) >= 30
    assert (found["actions_green"], found["traps_tested"]) == (1, 1)
    assert 0 <= found["seconds"] < 60
    result.stdout.fnmatch_lines([f"1 of {len(ActionType)} actions; missing: *EvictLeaders*"])
    result.stdout.fnmatch_lines([f"1 of {found['traps_total']} traps; missing: P01, *"])


@pytest.mark.contract
def test_it_counts_the_same_with_workers(suite: pytest.Pytester) -> None:
    """`make contract` runs in parallel; marks travel with the reports."""
    add(suite, "tests/contract/actions/test_two.py", TWO_OF_ONE_TYPE.replace("{passes}", "True"))
    assert run(suite, "-n", "2", "--dist", "loadgroup").ret == 0
    found = report(suite)
    assert (found["actions_green"], found["traps_tested"]) == (3, 2)


def test_one_failure_keeps_its_types_from_being_green(suite: pytest.Pytester) -> None:
    """EvictLeaders has a passed test, too; that is not enough."""
    add(suite, "tests/contract/actions/test_two.py", TWO_OF_ONE_TYPE.replace("{passes}", "False"))
    assert run(suite).ret == 1
    found = report(suite)
    assert (found["actions_green"], found["traps_tested"]) == (1, 1)


@pytest.mark.parametrize(
    "fixture",
    [
        pytest.param("assert False\n    yield", id="before the test"),
        pytest.param("yield\n    assert False", id="after the test: state was not restored"),
    ],
)
def test_a_failing_fixture_is_a_failure(suite: pytest.Pytester, fixture: str) -> None:
    """What was not undone was not proved."""
    text = f"import pytest\n\n@pytest.fixture(autouse=True)\ndef state():\n    {fixture}\n"
    add(suite, "tests/contract/actions/conftest.py", text)
    run(suite)
    assert report(suite)["actions_green"] == 0


def test_an_action_is_proved_in_its_folder_only_and_a_trap_anywhere(
    suite: pytest.Pytester,
) -> None:
    """A unit test may hold us to a trap; only the real PD proves an action."""
    add(suite, "tests/unit/test_more.py", GREEN.replace("TransferLeader", "EvictLeaders"))
    run(suite, "tests/unit")
    found = report(suite)
    assert (found["actions_green"], found["traps_tested"]) == (0, 1)


def test_a_long_run_is_added(suite: pytest.Pytester) -> None:
    """Its tests are counted; the time stays that of the short run."""
    long = TWO_OF_ONE_TYPE.replace("{passes}", "True").replace("def ", "@pytest.mark.long\ndef ")
    add(suite, "tests/contract/actions/test_long.py", long)
    run(suite, "-m", "not long")
    short = report(suite)
    run(suite, "-m", "long", "--contract-add")
    both = report(suite)
    assert (short["actions_green"], both["actions_green"]) == (1, 3)
    assert (short["traps_tested"], both["traps_tested"]) == (1, 2)
    assert both["seconds"] == short["seconds"]


def test_a_test_that_is_run_again_is_judged_anew(suite: pytest.Pytester) -> None:
    """The later run counts, for better or worse."""
    run(suite)
    broken = GREEN.replace("assert True", "assert False")
    add(suite, "tests/contract/actions/test_green.py", broken)
    # Another length: Python tells stale bytecode by size and second.
    run(suite, "--contract-add")
    assert report(suite)["actions_green"] == 0


def test_a_run_that_breaks_off_leaves_no_figures(suite: pytest.Pytester) -> None:
    """Nobody may take yesterday's for today's."""
    run(suite)
    add(suite, "tests/contract/actions/test_broken.py", "import no_such_module_anywhere\n")
    assert run(suite).ret == pytest.ExitCode.INTERRUPTED
    assert not (suite.path / "build/contract.json").exists()
    assert not (suite.path / "build/contract-tests.json").exists()


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param('action("TransferLeeder")', id="no such action"),
        pytest.param('trap("P53")', id="no such trap"),
        pytest.param("trap()", id="says nothing"),
    ],
)
def test_a_mark_that_means_nothing_is_refused(suite: pytest.Pytester, mark: str) -> None:
    """A slip of the pen would be a trap that is never counted."""
    add(suite, "tests/unit/test_slip.py", GREEN.replace('trap("P16")', mark))
    result = run(suite)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_slip.py::test_moves: no such *"])


def test_without_the_option_nothing_is_written(suite: pytest.Pytester) -> None:
    """The plugin may be loaded anywhere."""
    assert suite.runpytest_inprocess("-p", "tests.contract.report", "-q").ret == 0
    assert not (suite.path / "build").exists()


def test_a_trap_that_was_left_out_is_not_counted_though_tested() -> None:
    """Else more could be tested than apply."""
    left_out = next(trap.number for trap in TRAPS if not trap.applies)
    results = {"tests/unit/test_x.py::test_y": Result(traps=[left_out, "P01"], called=True)}
    assert proved_traps(results) == {"P01"}
    assert green_actions(results) == set()
    assert summary(results, seconds=1.25)["traps_tested"] == 1


def test_the_table_has_all_52_traps_once_with_a_reason_for_each_left_out() -> None:
    """Their numbers are how tests, code and pages speak of them."""
    assert [trap.number for trap in TRAPS] == [f"P{number:02}" for number in range(1, 53)]
    assert len({trap.meaning for trap in TRAPS}) == 52
    assert all(len(trap.left_out) > 20 for trap in TRAPS if not trap.applies)
    assert not any("|" in trap.meaning + trap.left_out for trap in TRAPS), "they stand in a table"


def test_the_page_finds_marks_wherever_they_may_stand(tmp_path: Path) -> None:
    """On the function, among its parameters, on the module."""
    file = tmp_path / "test_marks.py"
    file.write_text(
        "import pytest\n"
        'pytestmark = [pytest.mark.trap("P01"), pytest.mark.long]\n'
        '@pytest.mark.trap("P02", "P03")\n'
        "async def test_a(): ...\n"
        '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.trap("P04"))])\n'
        "def test_b(x): ...\n"
        "def no_test(): ...\n"
        "def test_p05_p16_c(): ...\n"
    )
    assert list(marks(file)) == [
        ("P01", "test_a"),
        ("P02", "test_a"),
        ("P03", "test_a"),
        ("P01", "test_b"),
        ("P04", "test_b"),
        ("P01", "test_p05_p16_c"),
        ("P05", "test_p05_p16_c"),
        ("P16", "test_p05_p16_c"),
    ]


@pytest.mark.parametrize(
    ("name", "traps"),
    [
        pytest.param("test_p16_done", ("P16",), id="one"),
        pytest.param("test_p16_p22_done_late", ("P16", "P22"), id="two"),
        pytest.param("test_p16_done[real]", ("P16",), id="with parameters"),
        pytest.param("test_p50_ms_is_printed", ("P50",), id="a percentile would be taken for one"),
        pytest.param("test_page_2", (), id="no number"),
        pytest.param("test_after_p16", (), id="not at the beginning"),
    ],
)
def test_a_name_says_which_trap_a_test_is_about(name: str, traps: tuple[str, ...]) -> None:
    """Nobody has to say it twice."""
    assert named(name) == traps
