"""Sums the runs up. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from assent.observability.crash_points import Point
from tests.crash.book import told
from tests.crash.judge import UNKNOWN
from tests.crash.stage import Run
from tests.crash.unreached import why_unreached

Pair = tuple[str, Point]


def summary(
    runs: Sequence[Run], unreached: Sequence[Pair], *, classes: Sequence[str], seconds: float
) -> dict[str, Any]:
    """Return what ``build/crash.json`` holds; runs in which nobody was to die are judged, too."""
    killed = [run for run in runs if run.died]
    reached = {run.point for run in killed if run.point is not None}
    return {
        "points": len(reached),
        "classes": len(classes),
        "runs": len(killed),
        "doubles": sum(bool(run.verdict.doubles) for run in runs),
        "stuck": sum(bool(run.verdict.stuck) for run in runs),
        "lost": sum(bool(run.verdict.lost) for run in runs),
        "unknown": sum(run.verdict.phase == UNKNOWN for run in runs),
        "unknown_by_class": dict(Counter(run.kind for run in runs if run.verdict.phase == UNKNOWN)),
        "phases": dict(Counter(run.verdict.phase for run in killed)),
        "unreached": [
            {"class": name, "point": point.name, "why": why_unreached(name, point)}
            for name, point in unreached
        ],
        "dry_runs": sum(run.point is None for run in runs),
        "not_killed": [told(run) for run in runs if run.point and not run.died and not run.trouble],
        "trouble": [told(run) for run in runs if run.trouble],
        "worst_seconds_to_end": round(max((run.seconds_to_end for run in killed), default=0), 1),
        "seconds": round(seconds, 1),
        "wrong": [told(run) for run in runs if not run.verdict.good and not run.trouble],
    }


def complaints(total: dict[str, Any], unreached: Sequence[Pair], reached: set[Pair]) -> list[str]:
    """Return one sentence for each thing for which the whole run fails."""
    said = [
        f"{name}: {run['kind']} at {run['point']} ({run['way']}): {run['wrong'] or run['trouble']}"
        for name in ("wrong", "not_killed", "trouble")
        for run in total[name]
    ]
    said += [
        f"{name} did not pass {point.name}, and no reason is known"
        for name, point in unreached
        if why_unreached(name, point) is None
    ]
    said += [
        f"{name} passes {point.name}, and unreached.py says why it does not"
        for name, point in sorted(reached, key=lambda pair: (pair[0], pair[1].name))
        if why_unreached(name, point) is not None
    ]
    return said
