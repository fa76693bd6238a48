"""The cache is where the user's other caches are, and its locks go with their holders."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.toolchain.cache import Cache, default_cache, remove_cache
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter
from tests.unit.sandbox.toolchain.fake_go import CHECKOUT

HOLDER = """
import sys
from pathlib import Path
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.progress import Reporter
with Cache(Path(sys.argv[1])).lock("etcd", Reporter()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("xdg", "folder"),
    [
        pytest.param("/var/caches", "/var/caches/assent", id="set"),
        pytest.param("", "/home/me/.cache/assent", id="empty counts as not set"),
        pytest.param("caches", "/home/me/.cache/assent", id="relative is to be ignored (XDG)"),
        pytest.param(None, "/home/me/.cache/assent", id="not set"),
    ],
)
def test_the_cache_follows_the_users_settings(
    xdg: str | None, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside the tree, where the user expects caches."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert default_cache().root == Path(folder)


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    """A read-only home (HOME=/dev/null, a full disk): no traceback of the locking."""
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file/assent")
    with (
        pytest.raises(ToolchainError, match=r"file/assent: Not a directory.* XDG_CACHE_HOME"),
        cache.lock("etcd", Reporter()),
    ):
        pass


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id that no passwd line knows, as containers have it, and no HOME either."""

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(ToolchainError, match="XDG_CACHE_HOME"):
        default_cache()


def test_naming_the_cache_creates_nothing(cache: Cache) -> None:
    """Asking where it is has no effect."""
    assert cache.binaries.parent == cache.root
    assert not cache.root.exists()


def test_a_lock_held_by_a_killed_process_is_free(cache: Cache) -> None:
    """No lock file ever has to be removed by hand."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(cache.root)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate(timeout=30)
    said = io.StringIO()
    with cache.lock("etcd", Reporter(said)):
        assert said.getvalue() == "", "there was nobody to wait for"


def test_locks_of_different_names_do_not_wait_for_each_other(cache: Cache) -> None:
    """One run may build helm while another builds PD."""
    with cache.lock("etcd", Reporter()), cache.lock("helm", Reporter()):
        names = sorted(path.name for path in (cache.root / "lock").iterdir())
    assert names == ["etcd", "helm"]


def test_a_lock_is_free_again_after_an_error(cache: Cache) -> None:
    """A failed build must not block the next try of the same process."""
    with pytest.raises(RuntimeError), cache.lock("etcd", Reporter()):
        raise RuntimeError
    with cache.lock("etcd", Reporter()):
        assert (cache.root / "lock/etcd").read_text().strip().isdigit()


def test_removing_the_cache_leaves_nothing_and_may_be_done_twice(cache: Cache) -> None:
    """`make clean-cache` on a machine that has none is no error."""
    with cache.lock("etcd", Reporter()):
        pass
    remove_cache(cache)
    assert not cache.root.exists()
    remove_cache(cache)
