"""The runs on file: all of them beside the sum, to look into, and to go on from."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assent.observability.crash_points import Point
from tests.crash.judge import Verdict
from tests.crash.stage import Run

Key = tuple[str, str, str | None]


def key(run: Run) -> Key:
    """Return what is one run of a campaign: class, way and point."""
    return run.kind, run.way, run.point


def told(run: Run) -> dict[str, Any]:
    """Return all that is known of a run."""
    verdict = run.verdict
    return {
        "kind": run.kind,
        "way": run.way,
        "point": run.point,
        "died": run.died,
        "phase": verdict.phase,
        "wrong": [*verdict.doubles, *verdict.stuck, *verdict.lost],
        "seconds_to_end": round(run.seconds_to_end, 1),
        "trouble": run.trouble,
        "writes": run.writes,
        "status": run.phases,
        "passed": [point.name for point in run.passed],
    }


def begin(path: Path, runs: Iterable[Run]) -> None:
    """Begin the file anew with these runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    for run in runs:
        add(path, run)


def add(path: Path, run: Run) -> None:
    """Add one line; a campaign that is broken off can go on from what is there."""
    with path.open("a") as file:
        file.write(json.dumps(told(run)) + "\n")


def good_runs(path: Path) -> dict[Key, Run]:
    """Return the runs of that file that need not be done again; none without a file.

    A run that was wrong, spoiled, or did not come to its kill is left out.
    """
    if not path.exists():
        return {}
    runs = [_run(json.loads(line)) for line in path.read_text().splitlines()]
    return {key(run): run for run in runs if run is not None}


def _run(line: dict[str, Any]) -> Run | None:
    if line["wrong"] or line["trouble"] or line["died"] != (line["point"] is not None):
        return None
    return Run(
        line["kind"],
        line["way"],
        line["point"],
        passed=[Point[name] for name in line["passed"]],
        died=line["died"],
        verdict=Verdict(line["phase"]),
        seconds_to_end=line["seconds_to_end"],
        phases=line["status"],
        writes=line["writes"],
    )
