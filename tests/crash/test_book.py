"""A campaign that was broken off, or was not all well, goes on from what is on file."""

from dataclasses import replace
from pathlib import Path

import pytest

from assent.observability.crash_points import Point
from tests.crash.book import add, begin, good_runs, key, told
from tests.crash.judge import Verdict
from tests.crash.stage import Run

KILLED = Run(
    "plan",
    "TAKEN_OVER",
    "LEASE_TAKEN",
    passed=[Point.LEASE_FREE, Point.LEASE_TAKEN],
    died=True,
    verdict=Verdict("OutcomeUnknown"),
    seconds_to_end=7.5,
    phases={"phase": "OutcomeUnknown"},
    writes=["POST /x {} -> 200"],
)
DRY = replace(KILLED, point=None, died=False)


def test_good_runs_come_back_as_they_were(tmp_path: Path) -> None:
    """All that the sum needs of them, and the points from which kills are ordered."""
    file = tmp_path / "build" / "crash.runs.jsonl"
    begin(file, [KILLED])
    add(file, DRY)
    assert good_runs(file) == {key(KILLED): KILLED, key(DRY): DRY}


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(replace(KILLED, died=False), id="it did not die"),
        pytest.param(replace(KILLED, trouble="no leader"), id="the sandbox failed"),
        pytest.param(
            replace(KILLED, verdict=Verdict("Executing", stuck=("still",))), id="something is wrong"
        ),
    ],
)
def test_what_was_not_well_is_done_again(run: Run, tmp_path: Path) -> None:
    """It is on file, to be looked into, and is no result."""
    file = tmp_path / "runs.jsonl"
    begin(file, [run, DRY])
    assert set(good_runs(file)) == {key(DRY)}
    assert len(file.read_text().splitlines()) == 2


def test_without_a_file_nothing_was_done(tmp_path: Path) -> None:
    """The first campaign of a checkout."""
    assert good_runs(tmp_path / "none.jsonl") == {}


def test_a_line_tells_what_was_wrong() -> None:
    """Doubles, stuck and lost, each as a sentence."""
    verdict = Verdict("Executing", doubles=("a",), stuck=("b",), lost=("c",))
    assert told(replace(KILLED, verdict=verdict))["wrong"] == ["a", "b", "c"]
