"""`make demo` as its readers see it: the whole job end to end, and their own part in it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sandbox.layout import CHECKOUT
from sandbox.waiting import wait_for

DEMO = [sys.executable, "-m", "sandbox.demo"]
INTERRUPTED = 130
CHAPTER = re.compile(r"^── (\d)\. .* (\d+) s$", re.MULTILINE)
PATIENCE_SECONDS = 120


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment, with temporary files in a folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if name != "DEMO_PAUSE"}
    return {**kept, "TMPDIR": str(folder), **more}


# The others of this file need not wait for the telling (`--dist loadgroup`).
TOLD_ONCE = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo prints, run once to its end, which must be a good one."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        DEMO, cwd=CHECKOUT, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(folder.iterdir()) == []
    return done.stdout


def chapter(told: str, number: int) -> str:
    """The text of one chapter."""
    begins = {int(match[1]): match.end() for match in CHAPTER.finditer(told)}
    ends = {int(match[1]) - 1: match.start() for match in CHAPTER.finditer(told)}
    return told[begins[number] : ends.get(number)]


@TOLD_ONCE
def test_it_has_six_chapters_in_order(told: str) -> None:
    """The README promises them."""
    assert [int(match[1]) for match in CHAPTER.finditer(told)] == [1, 2, 3, 4, 5, 6]


@TOLD_ONCE
@pytest.mark.parametrize(
    ("number", "facts"),
    [
        pytest.param(1, ["API server v1.", "4 simulated", "Watching"], id="real parts, in sight"),
        pytest.param(
            2,
            ["The scheduler is created.", r"store 4 +0\n", '"evict-leader-scheduler"'],
            id="PD itself shows the eviction and the store without leaders",
        ),
        pytest.param(
            3,
            [
                r"AwaitingApproval +stop evicting leaders from store 4 +Low +0/1",
                "Diagnosis: +The evict-leader scheduler keeps store 4",
                r"To approve: kubectl -n tikv patch ap demo-leftover-eviction-\S+-1",
                r"Events:\n",
                "PD has not been asked",
            ],
            id="get and describe as users see them; nothing is done unasked",
        ),
        pytest.param(
            4,
            [
                r"mallory\$ kubectl -n tikv patch",
                r"Error from server \(Forbidden\): ",
                "user mallory may not\\s+approve Low-risk StopEvictLeaders",
                r"alice\$ kubectl -n tikv patch",
                r"demo-leftover-eviction-\S+ patched",
            ],
            id="the refusal word by word, and the right that was enough",
        ),
        pytest.param(
            5,
            [
                r"is Succeeded \(Done\)",
                "exactly one write:\n  DELETE .*/evict-leader-scheduler/delete/4",
                r"store 4 +[1-9]",
                "who     alice",
                "before  evicted=true +leaders=0",
                "after   evicted=false +leaders=[1-9]",
            ],
            id="once, proved in PD, with its record",
        ),
        pytest.param(
            6,
            [
                r"revision 2, Medium risk",
                "PD shows add-peer 60",
                r"evict-1 is Rejected \(Rejected\): Rejected by alice",
                r"rehearsal is Succeeded \(DryRun\)",
                r"\n  \[DRY-RUN\] would send POST /pd/api/v1/schedulers",
                r'DELETE \S+\n  POST /pd/api/v1/store/2/limit {"rate":60,"type":"add-peer"}\n',
            ],
            id="modified, rejected, rehearsed: two writes reached PD in all",
        ),
    ],
)
def test_a_chapter_shows_its_facts(told: str, number: int, facts: list[str]) -> None:
    """A demo that passes without showing its point would be none."""
    text = chapter(told, number)
    missing = [fact for fact in facts if not re.search(fact, text)]
    assert missing == [], text


@TOLD_ONCE
def test_a_pipe_gets_no_colours_and_everything_ends(told: str) -> None:
    """Its output is read in logs, too; the last line is about what is left."""
    assert "\x1b" not in told
    assert told.splitlines()[-1] == "✔ everything is stopped, nothing is left behind"


@dataclass
class Paused:
    """A demo that waits for its reader."""

    process: "subprocess.Popen[str]"
    output: Path
    folder: Path

    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    def asks(self) -> list[str]:
        """The commands it has asked the reader to run."""
        return [line for line in self.text().splitlines() if line.startswith("KUBECONFIG=")]

    def await_ask(self, number: int) -> str:
        """The command it asks for as the `number`th, as soon as it does."""

        def asked() -> str | None:
            assert self.process.poll() is None, self.text()
            found = self.asks()
            return found[number - 1] if len(found) >= number else None

        return wait_for(asked, timeout_seconds=PATIENCE_SECONDS, what=f"ask {number}")


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Paused]:
    folder, output = tmp_path / "tmp", tmp_path / "output"
    folder.mkdir()
    with output.open("w") as stream:
        process = subprocess.Popen(
            DEMO,
            cwd=CHECKOUT,
            env=environment(folder, DEMO_PAUSE="1"),
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    yield Paused(process, output, folder)
    process.kill()
    process.wait()


@pytest.mark.contract
def test_the_reader_takes_part_and_leaves_with_ctrl_c(paused: Paused) -> None:
    """The printed line is all one needs; the demo goes on by itself; Ctrl-C leaves nothing."""
    ask = paused.await_ask(1)
    assert "as alice" in paused.text()
    assert not re.search(r"^alice\$ ", paused.text(), re.MULTILINE)
    done = subprocess.run(ask, shell=True, check=False, capture_output=True, text=True)  # noqa: S602
    assert done.returncode == 0, done.stderr
    second = paused.await_ask(2)
    assert "is Succeeded (Done)" in paused.text()
    assert '"proposedBy": "carol"' in second

    (supervisor,) = [
        child
        for child in psutil.Process(paused.process.pid).children()
        if "sandbox.supervisor" in child.cmdline()  # the others are kubectl, asking
    ]
    parts = [supervisor, *supervisor.children()]
    # supervisor, etcd, kube-apiserver, PD, its proxy, stores, operator
    assert len(parts) == 7
    paused.process.send_signal(signal.SIGINT)
    assert paused.process.wait(PATIENCE_SECONDS) == INTERRUPTED
    _, alive = psutil.wait_procs(parts, timeout=30)  # init has to take note, too
    assert alive == []
    assert list(paused.folder.iterdir()) == []
    assert paused.text().endswith("Interrupted; everything is stopped.\n")
    assert "Traceback" not in paused.text()
