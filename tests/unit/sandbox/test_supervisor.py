"""However a start ends, the supervisor says one word and leaves no process behind.

The binaries are scripts: some end at once, some never become ready. A whole sandbox with the real
ones is `integration/sandbox`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import client
from sandbox.errors import SandboxError
from sandbox.layout import CHECKOUT, Layout
from sandbox.options import Options
from sandbox.supervisor import OWNER
from sandbox.toolchain import Reporter
from sandbox.waiting import wait_for

NAMES = ("etcd", "kube-apiserver", "pd-server", "pdproxy", "tikvsim")
SLEEPS = "#!/bin/sh\nexec sleep 600\n"
DEADLINE_SECONDS = 30


class Start:
    """A supervisor that was started on scripts, and what it says."""

    def __init__(self, folder: Path, scripts: dict[str, str], **options: Any) -> None:
        self.layout = Layout(folder / "box")
        binaries = {}
        for name in NAMES:
            binary = folder / name
            binary.write_text(scripts.get(name, SLEEPS))
            binary.chmod(0o755)
            binaries[name] = str(binary)
        client.prepare(self.layout)
        words = Options(**{"bare": True, "operators": 0, **options}).to_json()
        self.errors = self.layout.log("supervisor")
        with self.errors.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.supervisor", str(self.layout.root), words,
                 json.dumps(binaries)],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name != OWNER},
            )  # fmt: skip

    def children(self, names: tuple[str, ...] = NAMES) -> list[psutil.Process]:
        """Its processes, once all of these run."""

        def running() -> list[psutil.Process] | None:
            found = psutil.Process(self.process.pid).children()
            # A script that was just started is still the supervisor's own fork.
            ready = [one for one in found if "sleep" in one.name()]
            return ready if len(ready) >= len(names) else None

        return wait_for(running, timeout_seconds=DEADLINE_SECONDS, what="running children")

    def last_word(self) -> dict[str, Any]:
        """What it says before it ends, and nothing after it."""
        assert self.process.stdout is not None
        word: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert self.process.stdout.read() == ""
        return word

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(DEADLINE_SECONDS)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Start]]:
    made: list[Start] = []

    def begin(scripts: dict[str, str] | None = None, **options: Any) -> Start:
        made.append(Start(tmp_path, scripts or {}, **options))
        return made[-1]

    yield begin
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


Begin = Callable[..., Start]


def all_gone(processes: list[psutil.Process]) -> None:
    """Waits until none of them runs."""
    _, alive = psutil.wait_procs(processes, timeout=DEADLINE_SECONDS)
    assert alive == []


@pytest.mark.parametrize("name", ["etcd", "pd-server"])
def test_a_part_that_ends_is_told_with_the_end_of_its_log(start: Begin, name: str) -> None:
    """The user reads the cause; everything else that was started is stopped."""
    run = start({name: "#!/bin/sh\necho the disk is full >&2\nexit 3\n"})
    word = run.last_word()
    assert run.ended() == 1
    assert "exit code 3" in word["failed"]
    assert "the disk is full" in word["failed"]
    assert run.layout.root.exists(), "the logs are to be read"
    assert not run.layout.is_alive()


def test_a_part_that_cannot_be_run_is_told(start: Begin) -> None:
    """Another machine's binary, or none."""
    run = start({"etcd": ""})
    assert "etcd cannot be started" in run.last_word()["failed"]
    assert run.ended() == 1


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="it is asked to end"),
        pytest.param(signal.SIGINT, id="Ctrl-C"),
    ],
)
def test_a_start_that_is_interrupted_leaves_no_process(
    start: Begin, number: signal.Signals
) -> None:
    """Nobody waits until all is ready to be able to stop it."""
    run = start()
    children = run.children(("etcd", "kube-apiserver", "pd-server", "pdproxy"))
    run.process.send_signal(number)
    run.ended()
    all_gone(children)
    assert not run.layout.is_alive()


def test_the_end_of_its_starter_ends_it(start: Begin) -> None:
    """The leash is standard input: a starter that is killed closes it, whatever it was doing."""
    run = start()
    children = run.children(("etcd", "kube-apiserver", "pd-server", "pdproxy"))
    assert run.process.stdin is not None
    run.process.stdin.close()
    run.process.stdin = None  # else communicate would write to it
    run.ended()
    all_gone(children)
    assert not run.layout.root.exists(), "nobody is there to remove keys and data"


def test_a_starter_that_listens_no_more_changes_nothing(start: Begin) -> None:
    """The pipe is broken when it fails: it still stops everything, with its exit code."""
    run = start({"etcd": "#!/bin/sh\nsleep 0.2\nexit 4\n"})
    assert run.process.stdout is not None
    run.process.stdout.close()
    assert run.process.wait(DEADLINE_SECONDS) == 1
    assert "Traceback" not in run.errors.read_text()
    run.process.stdout = None


def test_launching_tells_the_failure_and_leaves_the_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` says what failed and where to look; nothing runs."""
    for name in NAMES:
        (tmp_path / name).write_text("#!/bin/sh\necho broken by the test\nexit 5\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(
        client, "ensure", lambda *_, **__: {name: tmp_path / name for name in NAMES}
    )
    layout = Layout(tmp_path / "box")
    with pytest.raises(SandboxError, match=r"(?s)exit code 5.*broken by the test.*Logs: ") as told:
        client.launch(layout, Options(operators=0, bare=True), Reporter())
    assert str(layout.logs) in str(told.value)
    assert not layout.is_alive()
    client.remove(layout)
    assert not layout.root.exists()
