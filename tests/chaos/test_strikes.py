"""A leader is struck when it hurts, and not so often that it gets nothing done."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos import strikes
from tests.chaos.pace import Pace
from tests.chaos.strikes import PROGRESS, Strikes


class Scene:
    """Phases as a test sets them, and a strike that waits for its moment."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.stop = threading.Event()
        self.strikes = Strikes(lambda: self.phases, Pace())
        self._pool = ThreadPoolExecutor(1)

    def strike(self) -> threading.Event:
        """Set once the moment has come."""
        come = threading.Event()
        waiting = self._pool.submit(self.strikes.await_moment, self.stop)
        waiting.add_done_callback(lambda _: come.set())
        return come

    def close(self) -> None:
        self.stop.set()
        self._pool.shutdown()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Looks a thousand times a second, and waits for ever."""
    monkeypatch.setattr(strikes, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(strikes, "PROGRESS_SECONDS", 1e6)
    monkeypatch.setattr(strikes, "WORK_SECONDS", 1e6)
    made = Scene()
    yield made
    made.close()


def struck(scene: Scene) -> None:
    """The first strike: it waits for no progress, since there was none before it."""
    scene.phases = ["Executing"]
    assert scene.strike().wait(30)


def test_it_waits_for_work(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between two calls shows little."""
    monkeypatch.setattr(strikes, "PROGRESS_SECONDS", 0.0)
    scene.phases = ["Succeeded", "Pending"]
    come = scene.strike()
    assert not come.wait(0.05)
    scene.phases = ["Succeeded", "RollingBack"]
    assert come.wait(30)


def test_it_waits_for_progress(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough must end between two strikes, or nothing ever ends while the faults last."""
    monkeypatch.setattr(strikes, "PROGRESS_SECONDS", 0.0)
    struck(scene)
    monkeypatch.setattr(strikes, "PROGRESS_SECONDS", 1e6)
    scene.phases = ["Executing", *["Failed"] * (PROGRESS - 1)]
    come = scene.strike()
    assert not come.wait(0.05)
    scene.phases.append("Succeeded")
    assert come.wait(30)


def test_its_patience_ends(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing moves at all, the faults go on."""
    monkeypatch.setattr(strikes, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(strikes, "WORK_SECONDS", 0.01)
    assert scene.strike().wait(30)


def test_the_end_of_the_campaign_ends_the_wait(scene: Scene) -> None:
    """Mending must not wait for a strike."""
    came = scene.strike()
    began = time.monotonic()
    scene.stop.set()
    assert came.wait(30)
    assert time.monotonic() - began < 20
