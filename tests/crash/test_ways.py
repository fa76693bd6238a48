"""Where and at which pass a class is killed, and why it is not killed elsewhere."""

import pytest

from assent.observability.crash_points import Point
from hack.crash_points import crash_points_page
from tests.crash.classes import BY_NAME, CLASSES
from tests.crash.orders import Orders
from tests.crash.unreached import REASONS, why_unreached
from tests.crash.ways import (
    AT_THE_HEART,
    Way,
    first_death,
    orders_for,
    points_of,
    way_of,
)

ABSOLUTE, PLAN, ROLLBACK = BY_NAME["absolute"], BY_NAME["plan"], BY_NAME["rollback"]
CALL = [Point.LOOKED, Point.FENCED, Point.ANSWERED, Point.CLASSIFIED]


def test_every_point_is_reached_in_exactly_one_way() -> None:
    """A point in no way would never be killed at, and nobody would notice."""
    found = [point for way in Way for point in points_of(way)]
    assert sorted(found, key=lambda point: point.name) == sorted(
        Point, key=lambda point: point.name
    )
    assert all(points_of(way) for way in Way)
    assert all(way_of(point) is way for way in Way for point in points_of(way))


@pytest.mark.parametrize(
    ("passes", "occurrence"), [(1, 1), (2, 2), (3, 2), (4, 3), (6, 4)], ids=str
)
def test_the_middle_pass_kills(passes: int, occurrence: int) -> None:
    """The second of three steps; the first undo of two calls and two undos."""
    orders = orders_for(PLAN, Point.FENCED, [Point.INTENT_STORED, *CALL * passes])
    assert orders == Orders("FENCED", occurrence=occurrence)


def test_a_point_that_was_not_passed_has_no_orders() -> None:
    """It is to be listed with its reason instead."""
    assert orders_for(ABSOLUTE, Point.ROLLBACK_DUE, CALL) is None


def test_what_goes_on_all_the_time_kills_only_at_the_heart() -> None:
    """Before it, and where the heart was never passed, it does not count."""
    point = Point.KEY_TAKEN
    assert point in AT_THE_HEART
    busy = [point, point, Point.INTENT_STORED, point, point]
    assert orders_for(ABSOLUTE, point, busy) == Orders("KEY_TAKEN", only_after="INTENT_STORED")
    assert orders_for(ABSOLUTE, point, [point, point, Point.INTENT_STORED]) is None
    assert orders_for(ROLLBACK, point, busy) is None


@pytest.mark.parametrize(
    ("name", "way", "point"),
    [
        ("absolute", Way.TAKEN_OVER, "CLASSIFIED"),
        ("absolute", Way.REPEATED, "FENCED"),
        ("rollback", Way.TAKEN_OVER, "UNDO_CLASSIFIED"),
        ("revert-after", Way.REPEATED, "UNDO_FENCED"),
    ],
)
def test_who_takes_over_finds_the_part_that_the_class_is_about(
    name: str, way: Way, point: str
) -> None:
    """The undo of those that take back, the call of the others."""
    passed = [*CALL, Point.UNDO_LOOKED, Point.UNDO_FENCED, Point.UNDO_CLASSIFIED]
    assert first_death(BY_NAME[name], way, passed) == Orders(point, occurrence=1)


@pytest.mark.parametrize("way", [Way.PLAIN, Way.SLOW, Way.LOST, Way.HELD, Way.STOPPED])
def test_in_the_other_ways_nobody_died_before(way: Way) -> None:
    """The first process that runs is the one that is killed."""
    assert first_death(ABSOLUTE, way, CALL) is None


def test_the_classes_are_those_of_the_issue() -> None:
    """Seven, and one that only detection passes."""
    assert [kind.name for kind in CLASSES] == [
        "absolute",
        "refused-on-repeat",
        "never-repeat",
        "plan",
        "parallel-group",
        "rollback",
        "revert-after",
        "found-by-detection",
    ]


@pytest.mark.parametrize("one", REASONS, ids=lambda one: one.why)
def test_a_reason_is_about_some_classes_and_not_all(one: object) -> None:
    """A point that no class passes would be one at which nobody is ever killed."""
    reason = next(item for item in REASONS if item is one)
    holds = [kind.name for kind in CLASSES if reason.holds(kind)]
    assert 0 < len(holds) < len(CLASSES)
    assert reason.why.endswith(".")


def test_every_point_is_killed_at_in_some_class() -> None:
    """No point is excused everywhere."""
    excused = [
        point.name for point in Point if all(why_unreached(kind.name, point) for kind in CLASSES)
    ]
    assert excused == []


def test_a_point_on_every_path_has_no_excuse() -> None:
    """Else a class could stop being killed there unnoticed."""
    for point in (Point.INTENT_STORED, Point.FENCED, Point.ANSWERED, Point.OUTCOME_DUE):
        assert [kind.name for kind in CLASSES if why_unreached(kind.name, point)] == []


def test_the_page_names_every_point_with_its_place() -> None:
    """docs/design/crash-points.md is made from the points themselves."""
    page = crash_points_page()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [point.name for point in Point]
    assert all(row.rstrip().endswith(".py` |") for row in rows)
    assert all(one.why in page for one in REASONS)
