"""``make crash``: every point in every class, judged from outside; see docs/design/crash-points.md.

Each worker has a sandbox of its own and kills one operator after another on it. First every class
is watched once in every way, without a kill: what it passes there is what it is killed at.

With --again only those runs are done which the last campaign did not do well; the sum is of both.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from assent.observability.crash_points import Point
from tests.crash.book import Key, add, begin, good_runs
from tests.crash.classes import BY_NAME
from tests.crash.report import Pair, complaints, summary
from tests.crash.stage import Run
from tests.crash.ways import Way, first_death, orders_for, points_of
from tests.crash.worker import Job, do, follow

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "build" / "crash.json"


class Campaign:
    """All runs, over some workers."""

    def __init__(
        self,
        pool: ProcessPoolExecutor,
        names: list[str],
        ways: list[Way],
        earlier: Mapping[Key, Run],
        book: Path,
    ) -> None:
        self._pool = pool
        self._names, self._ways = names, ways
        self._earlier = earlier
        self._book = book
        self._began = time.monotonic()
        self._total, self._done = 0, 0
        self.runs: list[Run] = []
        self.unreached: list[Pair] = []
        self.reached: set[Pair] = set()

    def do(self) -> None:
        """Watch, then kill."""
        plain = self._all([Job(name, Way.PLAIN, None, None) for name in self._names])
        passed = {run.kind: run.passed for run in plain}
        others = [
            Job(name, way, first_death(BY_NAME[name], way, passed[name]), None)
            for name in self._names
            for way in self._ways
            if way is not Way.PLAIN
        ]
        watched = [*plain, *self._all(others)]
        self._all([job for run in watched for job in self._kills(run, passed[run.kind])])

    def _kills(self, watched: Run, plain: list[Point]) -> Iterator[Job]:
        """The runs that kill at each point that was passed; what was not is noted."""
        kind, way = BY_NAME[watched.kind], Way[watched.way]
        for point in points_of(way) if way in self._ways else ():
            orders = orders_for(kind, point, watched.passed)
            if orders is None:
                self.unreached.append((kind.name, point))
            else:
                self.reached.add((kind.name, point))
                yield Job(kind.name, way, first_death(kind, way, plain), orders)

    def _all(self, jobs: list[Job]) -> list[Run]:
        runs = [self._earlier[job.key] for job in jobs if job.key in self._earlier]
        jobs = [job for job in jobs if job.key not in self._earlier]
        self._total += len(jobs)
        for future in as_completed([self._pool.submit(do, job) for job in jobs]):
            run = future.result()
            runs.append(run)
            self._done += 1
            add(self._book, run)
            self._say(run)
        self.runs += runs
        return runs

    def _say(self, run: Run) -> None:
        what = f"killed at {run.point}" if run.died else f"watched ({run.point or 'no kill'})"
        bad = [*run.verdict.doubles, *run.verdict.stuck, *run.verdict.lost, run.trouble]
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        line = f"{minutes:2d}:{seconds:02d} {self._done}/{self._total} {run.kind} {what}"
        line += f" [{run.way}] {run.verdict.phase} {run.seconds_to_end:.1f} s {'; '.join(bad)}"
        print(line.rstrip(), flush=True)  # noqa: T201


def main() -> int:
    """Run the campaign; return 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="sandboxes at a time (2)")
    parser.add_argument("--only", default=",".join(BY_NAME), help="classes, separated by commas")
    parser.add_argument("--ways", default=",".join(way.name for way in Way), help="ways, likewise")
    parser.add_argument("--again", action="store_true", help="only what was not done well")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    book = given.out.with_suffix(".runs.jsonl")
    names, ways = given.only.split(","), [Way[name] for name in given.ways.split(",")]
    began = time.monotonic()
    earlier = good_runs(book) if given.again else {}
    spent = json.loads(given.out.read_text())["seconds"] if earlier and given.out.exists() else 0.0
    given.out.unlink(missing_ok=True)
    begin(book, earlier.values())
    with ProcessPoolExecutor(
        given.workers, get_context("spawn"), initializer=follow, initargs=(os.getpid(),)
    ) as pool:
        campaign = Campaign(pool, names, ways, earlier, book)
        campaign.do()
    seconds = spent + time.monotonic() - began
    total = summary(campaign.runs, campaign.unreached, classes=names, seconds=seconds)
    given.out.write_text(json.dumps(total, indent=2) + "\n")
    said = complaints(total, campaign.unreached, campaign.reached)
    print(  # noqa: T201
        *said,
        f"{total['points']} points, {total['classes']} classes, {total['runs']} kills in"
        f" {total['seconds']:.0f} s: doubles {total['doubles']}, stuck {total['stuck']},"
        f" lost {total['lost']}, OutcomeUnknown {total['unknown']}",
        sep="\n",
    )
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
