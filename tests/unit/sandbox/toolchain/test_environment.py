"""`.venv` holds what the lock says, is made once, and costs nothing when it is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.environment import kubectl_path, sync_environment
from sandbox.toolchain.errors import CommandError, ToolchainError
from tests.unit.sandbox.toolchain.fake_go import CHECKOUT


class FakeUv:
    """A checkout, and a `uv` first on the PATH that notes how it was called."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checkout = root / "checkout"
        self.checkout.mkdir()
        self.change_lock("first")
        (self.checkout / "pyproject.toml").write_text("[project]\n")
        self.calls_file = root / "calls"
        self.command = root / "path/uv"
        self.command.parent.mkdir()
        self.let_it("mkdir -p .venv")
        monkeypatch.setenv("PATH", f"{self.command.parent}{os.pathsep}{os.environ['PATH']}")

    def let_it(self, action: str) -> None:
        """What `uv` does from now on, in shell words, after noting the call."""
        note = f'echo "$PWD $UV_PYTHON ${{VIRTUAL_ENV-none}} $*" >>"{self.calls_file}"'
        self.command.write_text(f"#!/bin/sh\n{note}\n{action}\n")
        self.command.chmod(0o755)

    def change_lock(self, text: str) -> None:
        """Another lock, as after a pull."""
        (self.checkout / "uv.lock").write_text(text)

    @property
    def calls(self) -> list[str]:
        """One line for each call: folder, Python, active environment, arguments."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    return FakeUv(tmp_path, monkeypatch)


def test_it_is_made_from_the_lock_with_this_python(
    uv: FakeUv, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from newer versions, not with another Python, not into an environment that is active."""
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    assert sync_environment(checkout=uv.checkout, cache=cache) == uv.checkout / ".venv"
    arguments = "sync --frozen --all-groups --no-progress"
    assert uv.calls == [f"{uv.checkout} {sys.executable} none {arguments}"]


def test_a_second_call_does_not_ask_uv_again(uv: FakeUv, cache: Cache) -> None:
    """A touched but equal lock (git does that on checkout) is no reason either."""
    sync_environment(checkout=uv.checkout, cache=cache)
    uv.change_lock("first")
    sync_environment(checkout=uv.checkout, cache=cache)
    assert len(uv.calls) == 1


def test_the_stamp_is_newer_than_the_lock_after_every_call(uv: FakeUv, cache: Cache) -> None:
    """`make` goes by times: an old stamp would start Python again on every run."""
    sync_environment(checkout=uv.checkout, cache=cache)
    stamp = uv.checkout / ".venv/.locked"
    os.utime(stamp, (1, 1))
    sync_environment(checkout=uv.checkout, cache=cache)
    assert stamp.stat().st_mtime >= (uv.checkout / "uv.lock").stat().st_mtime


def test_a_changed_lock_brings_the_environment_up_to_date(uv: FakeUv, cache: Cache) -> None:
    """After a pull the tests run on the new packages."""
    sync_environment(checkout=uv.checkout, cache=cache)
    uv.change_lock("second")
    sync_environment(checkout=uv.checkout, cache=cache)
    assert len(uv.calls) == 2


def test_a_failure_is_told_and_the_next_call_tries_again(uv: FakeUv, cache: Cache) -> None:
    """Half an environment must not be taken for a whole one, even where one was whole before."""
    sync_environment(checkout=uv.checkout, cache=cache)
    uv.change_lock("second")
    uv.let_it("echo 'no solution'; exit 1")
    with pytest.raises(CommandError, match="no solution"):
        sync_environment(checkout=uv.checkout, cache=cache)
    uv.change_lock("first")
    uv.let_it("mkdir -p .venv")
    sync_environment(checkout=uv.checkout, cache=cache)
    assert len(uv.calls) == 3


def test_kubectl_is_the_one_in_the_environment(tmp_path: Path) -> None:
    """Not the machine's own, whose version nobody knows."""
    path = tmp_path / ".venv/bin/kubectl"
    with pytest.raises(ToolchainError, match="run `make venv`"):
        kubectl_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.touch()
    assert kubectl_path(tmp_path) == path


def test_a_python_that_is_too_old_is_told_in_one_sentence() -> None:
    """The first thing a user of an old distribution meets; a traceback would not help."""
    script = "import sys; sys.version_info = (3, 9, 2); import sandbox.toolchain"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Python 3.11 or newer is needed, and ")
    assert " is 3.9: try `make PYTHON=" in done.stderr


def test_the_toolchain_needs_nothing_but_the_standard_library() -> None:
    """It makes the environment, so it cannot need it. -S -I: no site-packages, nothing of ours."""
    script = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import sandbox.toolchain.__main__"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{script}; print('assent' in sys.modules)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
