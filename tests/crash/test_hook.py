"""An armed process dies exactly where it is told, and nowhere else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assent.observability.crash_points import Point
from tests.crash.hook import Hook
from tests.crash.orders import Orders, Post

ROOT = Path(__file__).resolve().parents[2]
WALK = """
import sys
from pathlib import Path
from assent.observability.crash_points import Point
from tests.crash.hook import Hook
from tests.crash.orders import Post
hook = Hook(Post(Path(sys.argv[1])))
for name in sys.argv[2:]:
    hook.reached(Point[name])
print("survived", flush=True)
"""


def walk(folder: Path, *names: str) -> tuple[int, str]:
    """Pass the points in a process of its own: its exit code and what it says at its end."""
    done = subprocess.run(
        [sys.executable, "-c", WALK, str(folder), *names],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def test_it_dies_at_the_ordered_pass_by_sigkill(tmp_path: Path) -> None:
    """The trace ends with the point: nothing ran afterwards."""
    post = Post(tmp_path)
    post.give(Orders("FENCED", occurrence=2, only_after="INTENT_STORED"))
    code, said = walk(
        tmp_path, "FENCED", "INTENT_STORED", "FENCED", "ANSWERED", "FENCED", "CLASSIFIED"
    )
    assert (code, said) == (-signal.SIGKILL, "")
    assert [point.name for point in post.passed()] == [
        "FENCED",
        "INTENT_STORED",
        "FENCED",
        "ANSWERED",
        "FENCED",
    ]


def test_without_orders_it_only_takes_notes(tmp_path: Path) -> None:
    """As in a dry pass."""
    assert walk(tmp_path, "FENCED", "ANSWERED") == (0, "survived")
    assert Post(tmp_path).passed() == [Point.FENCED, Point.ANSWERED]


@pytest.mark.parametrize(
    ("orders", "names"),
    [
        pytest.param(Orders("FENCED"), ["ANSWERED", "CLASSIFIED"], id="it never gets there"),
        pytest.param(Orders("FENCED", occurrence=3), ["FENCED"] * 2, id="not so often"),
        pytest.param(
            Orders("FENCED", only_after="OUTCOME_STORED"),
            ["FENCED", "OUTCOME_STORED"],
            id="only before it counts",
        ),
    ],
)
def test_it_lives_where_the_orders_do_not_apply(
    orders: Orders, names: list[str], tmp_path: Path
) -> None:
    """A kill elsewhere would be judged as one of this point."""
    hook, post = Hook(Post(tmp_path)), Post(tmp_path)
    post.give(orders)
    for name in names:
        hook.reached(Point[name])
    assert [point.name for point in post.passed()] == names


def test_new_orders_begin_to_count_anew(tmp_path: Path) -> None:
    """A process lives through several runs: passes of an earlier one do not count."""
    hook, post = Hook(Post(tmp_path)), Post(tmp_path)
    post.give(Orders("FENCED", occurrence=2))
    hook.reached(Point.FENCED)
    since = post.size()
    post.give(Orders("FENCED", occurrence=2))
    hook.reached(Point.FENCED)
    assert post.passed(since) == [Point.FENCED]
    assert len(post.passed()) == 2


def test_it_stands_still_once_until_it_may_go_on(tmp_path: Path) -> None:
    """So that something can be done to the world at exactly that point."""
    post = Post(tmp_path)
    post.give(Orders(stand_at="INTENT_STORED"))
    child = subprocess.Popen(
        [sys.executable, "-c", WALK, str(tmp_path), "INTENT_STORED", "FENCED", "INTENT_STORED"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not post.passed() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert post.passed() == [Point.INTENT_STORED]
    assert child.poll() is None
    post.go_on()
    assert child.communicate(timeout=60)[0].strip() == "survived"
    assert len(post.passed()) == 3


def test_a_folder_is_cleared_for_the_next_process(tmp_path: Path) -> None:
    """Else it would die of the orders of the one before."""
    post = Post(tmp_path)
    post.give(Orders("FENCED"))
    post.go_on()
    post.clear()
    assert post.read() == (0, Orders())
    assert post.passed() == []
    assert not post.may_go_on()
