"""One worker process: a sandbox of its own, and runs on it, one after another."""

import ctypes
import os
import signal
import traceback
from dataclasses import dataclass, replace
from multiprocessing.util import Finalize
from types import FrameType

from sandbox import Sandbox
from sandbox.child import PR_SET_PDEATHSIG
from tests.crash.book import Key
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

    @property
    def key(self) -> Key:
        """As that of its run."""
        return self.kind, self.way.name, None if self.kill is None else self.kill.die_at

    def sooner(self) -> "Job":
        """The same, killed one pass earlier where there is one."""
        if self.kill is None or self.kill.occurrence == 1:
            return self
        return replace(self, kill=replace(self.kill, occurrence=self.kill.occurrence - 1))


class Worker:
    """This process's sandbox, made at its first job; it ends with the process."""

    box: Sandbox | None = None
    stage: Stage | None = None

    @classmethod
    def here(cls) -> Stage:
        """The stage of this process."""
        if cls.stage is None:
            cls.box = Sandbox.start(stores=4, regions=REGIONS, pd_schedule=QUIET)
            Finalize(None, cls.box.stop, exitpriority=1)  # atexit is not run in such a process
            cls.stage = Stage(cls.box, Crew(cls.box, cls.box.layout.root / "crash"))
        return cls.stage


def follow(parent: int) -> None:
    """Make this process end, and its sandbox, as soon as the campaign's has, however that ends."""
    signal.signal(signal.SIGTERM, _leave)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    if Worker.box is not None:
        Worker.box.stop()
    os._exit(1)


def do(job: Job) -> Run:
    """Do the job; once more if the operator did not come to its end, or the sandbox failed.

    The dry pass may have met a delay of the machine and passed the point once more than others do:
    so the second time one pass earlier kills.
    """
    run = _attempt(job)
    for _ in range(ATTEMPTS - 1):
        lived = job.kill is not None and not run.died and run.verdict.good
        if not (run.trouble or lived):
            break
        run = _attempt(job.sooner() if lived else job)
    return run


def _attempt(job: Job) -> Run:
    kind = BY_NAME[job.kind]
    stage = Worker.here()
    try:
        return stage.run(kind, job.way, first=job.first, kill=job.kill)
    except Exception:  # it is said in the report, and fails the whole
        stage.begin_anew()
        point = None if job.kill is None else job.kill.die_at
        return Run(job.kind, job.way.name, point, trouble=traceback.format_exc(limit=-4))
