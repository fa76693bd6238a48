"""Why a class does not pass a point: written by hand, and checked against every run."""

from collections.abc import Callable
from dataclasses import dataclass

from assent.observability.crash_points import Point
from tests.crash.classes import BY_NAME, ActionClass


@dataclass(frozen=True)
class Reason:
    """One sentence for some points in some classes."""

    why: str
    points: frozenset[Point]
    holds: Callable[[ActionClass], bool]


UNDOING = frozenset({Point.UNDO_LOOKED, Point.UNDO_FENCED, Point.UNDO_CLASSIFIED}) | {
    Point.UNDO_OUTCOME_DUE,
    Point.UNDO_OUTCOME_STORED,
}
STEPPED = ("plan", "parallel-group", "rollback")

REASONS = (
    Reason(
        "Its proposal is filed by hand.",
        frozenset({Point.FILING_DUE, Point.FILED}),
        lambda kind: kind.name != "found-by-detection",
    ),
    Reason(
        "It is one step: none follows.",
        frozenset({Point.NEXT_STEP_DUE, Point.NEXT_STEP_STORED}),
        lambda kind: kind.name not in STEPPED,
    ),
    Reason("Nothing of it is taken back.", UNDOING, lambda kind: not kind.undoing),
    Reason(
        "Nothing of it fails, so it does not turn back on its way.",
        frozenset({Point.ROLLBACK_DUE, Point.ROLLBACK_STORED}),
        lambda kind: kind.name != "rollback",
    ),
    Reason(
        "It is not asked to be taken back when some time is over.",
        frozenset({Point.REVERT_DUE, Point.REVERT_STORED}),
        lambda kind: kind.name != "revert-after",
    ),
    Reason(
        "A call that does not set a value is never sent again.",
        frozenset({Point.REPEAT_DUE, Point.REPEAT_STORED}),
        lambda kind: kind.name in ("refused-on-repeat", "never-repeat", "plan"),
    ),
    Reason(
        "A withheld undo stays RollingBack and says what it waits for; it goes back to no phase.",
        frozenset({Point.WITHHOLDING_DUE, Point.WITHHELD}),
        lambda kind: kind.undoing,
    ),
    Reason(
        "Its withheld call goes back to Approved, so the open step waits for nothing.",
        frozenset({Point.NOTE_DUE, Point.NOTE_STORED}),
        lambda kind: not kind.undoing,
    ),
)


def why_unreached(class_name: str, point: Point) -> str | None:
    """Return why that class does not pass that point, None when it must."""
    kind = BY_NAME[class_name]
    found = [one.why for one in REASONS if point in one.points and one.holds(kind)]
    return found[0] if found else None
