"""The sum tells every wrong run, and the whole fails for what it must fail for."""

from dataclasses import replace
from typing import Any

import pytest

from assent.observability.crash_points import Point
from tests.crash.judge import Verdict
from tests.crash.report import Pair, complaints, summary
from tests.crash.stage import Run

GOOD = Run(
    "absolute",
    "PLAIN",
    "FENCED",
    died=True,
    verdict=Verdict("Succeeded"),
    seconds_to_end=6.25,
    passed=[Point.FENCED],
)
DRY = replace(GOOD, point=None, died=False, seconds_to_end=0.0)


def total(*runs: Run, unreached: tuple[Pair, ...] = ()) -> dict[str, Any]:
    """The summary of these runs of two classes."""
    return summary(runs, unreached, classes=["absolute", "plan"], seconds=60.04)


def test_the_sum_has_what_the_issue_asks_for() -> None:
    """Points, classes, runs, doubles, stuck, lost; dry passes are no runs."""
    found = total(DRY, GOOD, replace(GOOD, kind="plan"), replace(GOOD, point="ANSWERED"))
    wanted = {"points": 2, "classes": 2, "runs": 3, "doubles": 0, "stuck": 0, "lost": 0}
    assert {key: found[key] for key in wanted} == wanted
    assert (found["dry_runs"], found["seconds"], found["worst_seconds_to_end"]) == (1, 60.0, 6.2)
    assert complaints(found, [], set()) == []


@pytest.mark.parametrize(
    ("verdict", "key"),
    [
        pytest.param(Verdict("Succeeded", doubles=("twice",)), "doubles", id="a double"),
        pytest.param(Verdict("Executing", stuck=("still",)), "stuck", id="a stuck one"),
        pytest.param(Verdict("Succeeded", lost=("not there",)), "lost", id="a lost one"),
    ],
)
@pytest.mark.parametrize("run", [GOOD, DRY], ids=["killed", "dry"])
def test_a_wrong_run_is_counted_told_and_fails_the_whole(
    run: Run, verdict: Verdict, key: str
) -> None:
    """Also a dry one: what goes wrong without a kill is no better."""
    found = total(GOOD, replace(run, verdict=verdict))
    assert found[key] == 1
    assert [item["point"] for item in found["wrong"]] == [run.point]
    [said] = complaints(found, [], set())
    assert said.startswith("wrong: absolute at")


def test_unknowns_are_counted_and_no_fault() -> None:
    """They are asked of a person; how many there are is a figure, not a failure."""
    found = total(GOOD, replace(GOOD, verdict=Verdict("OutcomeUnknown")))
    assert found["unknown"] == 1
    assert found["unknown_by_class"] == {"absolute": 1}
    assert found["phases"] == {"Succeeded": 1, "OutcomeUnknown": 1}
    assert complaints(found, [], set()) == []


def test_a_kill_that_did_not_happen_fails_the_whole() -> None:
    """Else a pair would count as tried that was not."""
    found = total(replace(GOOD, died=False))
    assert found["runs"] == 0
    [said] = complaints(found, [], set())
    assert said.startswith("not_killed: absolute at FENCED")


def test_a_spoiled_run_fails_the_whole_and_says_why() -> None:
    """The sandbox failed, so nothing is known."""
    spoiled = Run("absolute", "PLAIN", "FENCED", trouble="no leader")
    found = total(spoiled)
    assert (found["runs"], found["wrong"], found["not_killed"]) == (0, [], [])
    assert complaints(found, [], set()) == ["trouble: absolute at FENCED (PLAIN): no leader"]


def test_an_unreached_pair_without_a_reason_fails_the_whole() -> None:
    """With one it is listed."""
    pairs = [("absolute", Point.NEXT_STEP_DUE), ("absolute", Point.FENCED)]
    found = total(GOOD, unreached=tuple(pairs))
    assert [item["why"] for item in found["unreached"]] == ["It is one step: none follows.", None]
    assert complaints(found, pairs, set()) == [
        "absolute did not pass FENCED, and no reason is known"
    ]


def test_a_reason_that_does_not_hold_fails_the_whole() -> None:
    """The table is by hand: a class that passes what it should not makes it wrong."""
    reached = {("absolute", Point.FENCED), ("absolute", Point.ROLLBACK_DUE)}
    assert complaints(total(GOOD), [], reached) == [
        "absolute passes ROLLBACK_DUE, and unreached.py says why it does not"
    ]
