"""A worker of a campaign does not outlive it, nor does its sandbox."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.crash.orders import Orders
from tests.crash.ways import Way
from tests.crash.worker import Job

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}{os.pathsep}{ROOT}"}
PARENT = """
import os, subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[1], str(os.getpid())], stdout=subprocess.PIPE
)
print(child.stdout.readline().decode().strip(), flush=True)
sys.stdin.read()
"""
CHILD = """
import os, sys, time
from tests.crash.worker import follow
follow(int(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_it_ends_when_the_campaign_is_killed() -> None:
    """SIGKILL, so that the campaign can tell nobody."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 30
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    alive = _runs(worker)
    if alive:
        os.kill(worker, signal.SIGKILL)
    assert not alive


def test_it_ends_at_once_when_the_campaign_is_gone_already() -> None:
    """Between the start of the process and its wish to follow."""
    script = "from tests.crash.worker import follow; follow(1)"
    done = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, check=False)
    assert done.returncode == 1


def test_a_job_is_known_by_class_way_and_point() -> None:
    """As its run is on file, so that a campaign goes on where another ended."""
    job = Job("plan", Way.REPEATED, Orders("FENCED"), Orders("REPEAT_DUE"))
    assert job.key == ("plan", "REPEATED", "REPEAT_DUE")
    assert Job("plan", Way.PLAIN, None, None).key == ("plan", "PLAIN", None)


def test_a_job_that_killed_nobody_is_done_again_one_pass_sooner() -> None:
    """The first pass is the soonest there is."""
    job = Job("plan", Way.PLAIN, None, Orders("FENCED", occurrence=2))
    assert job.sooner() == Job("plan", Way.PLAIN, None, Orders("FENCED"))
    assert job.sooner().sooner() == job.sooner()
    assert job.sooner().key == job.key


def _runs(process: int) -> bool:
    """Return True while it is there and no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
