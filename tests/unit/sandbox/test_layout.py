"""Where a sandbox lives, and how one tells that it does."""

import fcntl
from pathlib import Path

import pytest

from sandbox.layout import Layout, default_directory


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SANDBOX_DIR", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_two_checkouts_have_two_directories() -> None:
    """Checkouts of the same name in different places must not stop each other's sandbox."""
    mine, other = default_directory(Path("/a/assent")), default_directory(Path("/b/assent"))
    assert mine != other
    assert mine == default_directory(Path("/a/assent"))


def test_the_default_is_under_the_users_state(tmp_path: Path) -> None:
    """XDG's place for what is neither configuration nor cache."""
    expected = tmp_path / "home/.local/state/assent/sandbox"
    assert default_directory(Path("/a/assent")).parent == expected


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        pytest.param("SANDBOX_DIR", "/x/box", "/x/box", id="the sandbox itself is named"),
        pytest.param("XDG_STATE_HOME", "/x", "/x/assent/sandbox", id="the state folder is named"),
        pytest.param("XDG_STATE_HOME", "x", "/", id="relative is to be ignored (XDG)"),
    ],
)
def test_the_environment_may_choose(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    """`env` prints SANDBOX_DIR, so later commands of that shell mean the same sandbox."""
    monkeypatch.setenv(variable, value)
    assert str(default_directory(Path("/a/assent"))).startswith(expected)


def test_it_is_alive_exactly_while_the_lock_is_held(tmp_path: Path) -> None:
    """The kernel drops the lock with the supervisor, so no process id has to be trusted."""
    layout = Layout(tmp_path)
    assert not layout.is_alive()
    with layout.lock.open("w") as lock:
        assert not layout.is_alive()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert layout.is_alive()
    assert not layout.is_alive()


def test_asking_does_not_take_the_lock(tmp_path: Path) -> None:
    """`status` beside a starting supervisor must not make that fail."""
    layout = Layout(tmp_path)
    layout.lock.touch()
    assert not layout.is_alive()
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_only_a_marked_directory_is_ours(tmp_path: Path) -> None:
    """Only what is ours is ever removed."""
    assert not Layout(tmp_path).is_ours()
    Layout(tmp_path).lock.touch()
    assert Layout(tmp_path).is_ours()
