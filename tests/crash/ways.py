"""What else happens in a run, so that its points are passed; and which points are reached how."""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from assent.observability.crash_points import Point
from tests.crash.classes import ActionClass
from tests.crash.orders import Orders


class Way(Enum):
    """What befalls the run. The value is its sentence."""

    PLAIN = "Nothing else happens."
    SLOW = "PD has done each call at once, and answers 0.7 s later."
    LOST = "PD does each call, and its answer is cut off."
    HELD = "After the intent is stored, and before its call, a person suspends the cluster."
    STOPPED = "SIGTERM while PD's answer is awaited (which comes 0.7 s late)."
    TAKEN_OVER = "The process before died when PD had done the call and nothing was on record."
    REPEATED = "The process before died with its intent stored and nothing sent."


WAY_OF: dict[Point, Way] = {
    Point.RENEWAL_DUE: Way.SLOW,
    Point.LEASE_RENEWED: Way.SLOW,
    Point.LOSS_DUE: Way.LOST,
    Point.LOSS_STORED: Way.LOST,
    Point.WITHHOLDING_DUE: Way.HELD,
    Point.WITHHELD: Way.HELD,
    Point.NOTE_DUE: Way.HELD,
    Point.NOTE_STORED: Way.HELD,
    Point.STOP_ASKED: Way.STOPPED,
    Point.RELEASE_DUE: Way.STOPPED,
    Point.LEASE_RELEASED: Way.STOPPED,
    Point.LEASE_FREE: Way.TAKEN_OVER,
    Point.LEASE_TAKEN: Way.TAKEN_OVER,
    Point.TERM_BEGUN: Way.TAKEN_OVER,
    Point.RECOVERY_BEGUN: Way.TAKEN_OVER,
    Point.RECOVERY_READ: Way.TAKEN_OVER,
    Point.TAKEOVER_DUE: Way.TAKEN_OVER,
    Point.TAKEOVER_STORED: Way.TAKEN_OVER,
    Point.REPEAT_DUE: Way.REPEATED,
    Point.REPEAT_STORED: Way.REPEATED,
}
"""How a point is reached; those that are not here by ``Way.PLAIN``."""

AT_THE_HEART = frozenset(
    {
        Point.RENEWAL_DUE,
        Point.LEASE_RENEWED,
        Point.KEY_TAKEN,
        Point.KEY_DONE,
        Point.PD_READ_DUE,
        Point.PD_READ,
        Point.EVENT_DUE,
        Point.EVENT_POSTED,
    }
)
"""What a process does all the time: killed there only from the class's heart on."""


def way_of(point: Point) -> Way:
    """Return what must befall a run so that it passes the point."""
    return WAY_OF.get(point, Way.PLAIN)


def points_of(way: Way) -> list[Point]:
    """Return the points that are reached in that way."""
    return [point for point in Point if way_of(point) is way]


def counted(kind: ActionClass, point: Point, passed: Sequence[Point]) -> int:
    """Return how often a run that passed those points passed the point, as far as that counts."""
    if point in AT_THE_HEART:
        if kind.heart not in passed:
            return 0
        passed = passed[passed.index(kind.heart) + 1 :]
    return Counter(passed)[point]


def orders_for(kind: ActionClass, point: Point, passed: Sequence[Point]) -> Orders | None:
    """Return the orders that kill at the point, None when a run like that never passes it.

    Of several passes it is the middle one that kills: the second of a plan's three steps, the
    undo of two calls. Of what a process does all the time it is the first after the heart.
    """
    count = counted(kind, point, passed)
    if count == 0:
        return None
    if point in AT_THE_HEART:
        return Orders(point.name, only_after=kind.heart.name)
    return Orders(point.name, occurrence=count // 2 + 1)


def first_death(kind: ActionClass, way: Way, passed: Sequence[Point]) -> Orders | None:
    """Return how the process before died, None in ways in which nobody died before."""
    undoing = kind.undoing
    if way is Way.TAKEN_OVER:
        point = Point.UNDO_CLASSIFIED if undoing else Point.CLASSIFIED
    elif way is Way.REPEATED:
        point = Point.UNDO_FENCED if undoing else Point.FENCED
    else:
        return None
    return orders_for(kind, point, passed)
