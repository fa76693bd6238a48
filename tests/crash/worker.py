"""One worker process: a sandbox of its own, and runs on it, one after another."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from sandbox import Sandbox
from tests.crash.classes import BY_NAME
from tests.crash.crew import Crew
from tests.crash.orders import Orders
from tests.crash.stage import Run, Stage
from tests.crash.ways import Way

QUIET = {"patrol-region-interval": "100ms"}
REGIONS = 40
ATTEMPTS = 2
"""A run in which the operator that was to die lost the Lease before is no run: it is done anew."""


@dataclass(frozen=True)
class Job:
    """One run to be done."""

    kind: str
    way: Way
    first: Orders | None
    kill: Orders | None


class Worker:
    """This process's sandbox, made at its first job; it ends with the process."""

    stage: Stage | None = None

    @classmethod
    def here(cls) -> Stage:
        """The stage of this process."""
        if cls.stage is None:
            box = Sandbox.start(stores=4, regions=REGIONS, pd_schedule=QUIET)
            cls.stage = Stage(box, Crew(box, Path(tempfile.mkdtemp(prefix="assent-crash-"))))
        return cls.stage


def do(job: Job) -> Run:
    """Do the job; once more if the operator did not come to its end."""
    kind = BY_NAME[job.kind]
    for attempt in range(ATTEMPTS):
        run = Worker.here().run(kind, job.way, first=job.first, kill=job.kill)
        if run.died or job.kill is None or not run.verdict.good or attempt == ATTEMPTS - 1:
            break
    return run
