"""Whatever ends the one who uses a sandbox, no process of it stays and no directory."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sandbox.layout import CHECKOUT
from sandbox.waiting import wait_for

OPERATOR = Path(__file__).with_name("fake_operator.py")
STOP_TIMEOUT_SECONDS = 30
USES_A_SANDBOX = f"""
import json, sys, time
from sandbox import Sandbox
box = Sandbox.start(stores=3, regions=10)
box.operator(1).start(command=[sys.executable, {str(OPERATOR)!r}])
print(json.dumps([str(box.layout.root), *box.process_ids]), flush=True)
"""
WAITS = USES_A_SANDBOX + "time.sleep(600)\n"
LEAVES_WITHOUT_STOP = USES_A_SANDBOX + "sys.exit(0)\n"
UP_FOR_AN_OWNER = """
import contextlib, io, json, os, sys, tempfile, time
from pathlib import Path
from sandbox import Sandbox
from sandbox.cli import main
from sandbox.supervisor import OWNER
os.environ[OWNER] = str(os.getpid())
directory = tempfile.mkdtemp()
with contextlib.redirect_stdout(io.StringIO()):
    main(["--dir", directory, "up", "--bare", "--stores=3", "--regions=10"])
box = Sandbox.attach(Path(directory))
print(json.dumps([directory, *box.process_ids]), flush=True)
time.sleep(600)
"""
FAILING_TEST = """
from sandbox import Sandbox
def test_it(tmp_path):
    with Sandbox.start(stores=3, regions=10) as box:
        import json
        print("BOX", json.dumps([str(box.layout.root), *box.process_ids]))
        assert box is None
"""


@dataclass
class Use:
    """A process that uses a sandbox, and what belongs to that."""

    user: "subprocess.Popen[str]"
    root: Path
    parts: Sequence[psutil.Process]


def start(program: str) -> Use:
    """Run `program` until it has told what belongs to its sandbox."""
    user = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        # A terminal's Ctrl-C goes to a whole group; here to the user of the sandbox alone.
        start_new_session=True,
    )
    assert user.stdout is not None
    told = user.stdout.readline()
    assert told, f"the program ended with exit code {user.wait()}"
    root, *process_ids = json.loads(told)
    return Use(user, Path(root), processes(process_ids))


def processes(process_ids: Sequence[int]) -> list[psutil.Process]:
    """Handles that know a reused process id from the first owner's; ended ones are left out."""
    found = []
    for process_id in process_ids:
        try:
            found.append(psutil.Process(process_id))
        except psutil.NoSuchProcess:
            continue
    return found


def assert_all_gone(use: Use) -> None:
    def none_left() -> bool:
        return not any(
            part.is_running() and part.status() != psutil.STATUS_ZOMBIE for part in use.parts
        )

    wait_for(none_left, timeout_seconds=STOP_TIMEOUT_SECONDS, what="end of all processes")
    wait_for(
        lambda: not use.root.exists(),
        timeout_seconds=STOP_TIMEOUT_SECONDS,
        what="end of the directory",
    )


@pytest.fixture
def waiting() -> Iterator[Use]:
    use = start(WAITS)
    yield use
    use.user.kill()
    use.user.wait()
    if use.user.stdout is not None:
        use.user.stdout.close()
    # Where the supervisor was killed, nobody else removes it.
    shutil.rmtree(use.root, ignore_errors=True)


@pytest.mark.contract
def test_nothing_stays_when_the_user_is_killed(waiting: Use) -> None:
    """The leash, not the user's own clean-up, is what stops a sandbox.

    Ctrl-C, where Python unwinds, is tested with the demo.
    """
    # supervisor, etcd, kube-apiserver, pd, its proxy, stores, operator
    assert len(waiting.parts) == 7
    waiting.user.kill()
    waiting.user.wait()
    assert_all_gone(waiting)


# test_up_and_down_clean_up_after_a_crash kills one, too, with nothing frozen.
@pytest.mark.long
def test_nothing_stays_when_the_supervisor_is_killed(waiting: Use) -> None:
    """Then only the kernel can end its children, the frozen ones too."""
    supervisor, *children = waiting.parts
    children[0].suspend()
    supervisor.kill()
    wait_for(
        lambda: not any(child.is_running() for child in children),
        timeout_seconds=STOP_TIMEOUT_SECONDS,
        what="end of all processes",
    )


@pytest.mark.contract
def test_a_detached_sandbox_ends_with_the_owner_it_was_given() -> None:
    """An interrupted test run leaves nothing of what `up` started in it."""
    use = start(UP_FOR_AN_OWNER)
    assert use.parts
    use.user.kill()
    use.user.communicate()
    assert_all_gone(use)


# In `make test`, the user that is killed breaks the same leash.
@pytest.mark.long
def test_nothing_stays_when_the_user_leaves() -> None:
    """Library users need no `finally` to be clean: a plain end is enough."""
    use = start(LEAVES_WITHOUT_STOP)
    use.user.communicate()
    assert_all_gone(use)


@pytest.mark.contract
def test_nothing_stays_after_a_failing_test(tmp_path: Path) -> None:
    """A failed assertion leaves the `with` block, and so the sandbox."""
    (tmp_path / "test_failing.py").write_text(FAILING_TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", tmp_path, tmp_path],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    told = next(line for line in done.stdout.splitlines() if line.startswith("BOX "))
    root, *process_ids = json.loads(told.removeprefix("BOX "))
    assert processes(process_ids) == []
    assert not Path(root).exists()
