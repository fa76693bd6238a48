"""Provides binaries: finds them in the cache, or builds them there, once."""

import contextlib
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from sandbox.toolchain.cache import Cache, default_cache
from sandbox.toolchain.catalogue import GO_SOURCES, SETS, TOOLS, Tool
from sandbox.toolchain.command import run_logged
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.golang import BUILD_SETTINGS, Go, choose_go, go_env
from sandbox.toolchain.progress import Reporter

KEY_LENGTH = 16
PROOF_TIMEOUT_SECONDS = 60


def ensure(
    names: Iterable[str], *, reporter: Reporter | None = None, cache: Cache | None = None
) -> dict[str, Path]:
    """The path of each binary in `names` (binaries or sets), built first where it is missing.

    Safe beside other runs: one builds, the others wait. Whatever ends it early, no process of it
    stays and no half-made binary is taken for a whole one; what Go has compiled is kept, so the
    next call goes on from there. `reporter` None reports to standard error, `cache` None is the
    user's own.

    Raises:
        ToolchainError: a name is unknown, Go is not to be had, or a build failed (the message
            names the log); the binaries before it are there.
    """
    reporter = reporter or Reporter()
    cache = cache or default_cache()
    tools = expand(names)
    go = choose_go(sorted(GO_SOURCES.glob("*/go.mod")), cache=cache, reporter=reporter)
    targets = {tool.name: binary_path(tool, go, cache) for tool in tools}
    missing = [tool for tool in tools if not targets[tool.name].exists()]
    for number, tool in enumerate(missing, start=1):
        title = f"[{number}/{len(missing)}] building {tool.name} {tool.version}".rstrip()
        with cache.lock(tool.name, reporter):
            if not targets[tool.name].exists():
                _build(tool, go, targets[tool.name], title=title, cache=cache, reporter=reporter)
    return targets


def expand(names: Iterable[str]) -> list[Tool]:
    """The tools meant by `names`, sets replaced by their members, each once, in building order.

    Raises:
        ToolchainError: a name is neither a binary nor a set.
    """
    wanted: set[str] = set()
    for name in names:
        if name not in SETS and name not in TOOLS:
            known = ", ".join([*SETS, *TOOLS])
            raise ToolchainError(f"There is no binary or set {name!r}; there are: {known}.")
        wanted.update(SETS.get(name, (name,)))
    return [tool for tool in TOOLS.values() if tool.name in wanted]


def binary_path(tool: Tool, go: Go, cache: Cache) -> Path:
    """Where the binary of exactly this recipe, these sources and this Go release belongs."""
    label = "-".join(part for part in (tool.name, tool.version) if part)
    return cache.binaries / f"{label}-{build_key(tool, go)}" / tool.name


def build_key(tool: Tool, go: Go) -> str:
    """A hash of all that decides what the binary is: recipe, sources, Go release, machine.

    Raises:
        ToolchainError: the folder of the tool has no sources.
    """
    digest = hashlib.sha256()
    recipe = {
        "arguments": tool.build_arguments(Path(tool.name)),
        "settings": BUILD_SETTINGS,
        "go": go.release,
        "machine": platform.machine(),
    }
    digest.update(json.dumps(recipe, sort_keys=True).encode())
    sources = _sources(tool.folder)
    if not sources:
        raise ToolchainError(f"There are no Go sources in {tool.folder}.")
    for path in sources:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"\n{path.relative_to(tool.folder)} {content}".encode())
    return digest.hexdigest()[:KEY_LENGTH]


def _sources(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name in ("go.mod", "go.sum")
        or (path.suffix == ".go" and not path.name.endswith("_test.go"))
    )


def _build(
    tool: Tool, go: Go, target: Path, *, title: str, cache: Cache, reporter: Reporter
) -> None:
    """Makes `target`; the caller holds the tool's lock."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(f"{tool.name}.partial-*"):
        leftover.unlink()  # of a run that was killed
    # A name of our own: the Go of a killed run may still be writing to its file.
    partial = target.with_name(f"{tool.name}.partial-{os.getpid()}")
    log = cache.logs / f"{target.parent.name}.log"
    try:
        run_logged(
            [str(go.command), *tool.build_arguments(partial)],
            title=title,
            log=log,
            reporter=reporter,
            env=go_env(cache),
            cwd=tool.folder,
        )
        _prove(tool, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it holds the binary: then it is to stay
            target.parent.rmdir()


def _prove(tool: Tool, binary: Path) -> None:
    """Runs the new binary once and looks for its version.

    Raises:
        ToolchainError: it does not run, or says another version.
    """
    if not tool.proof:
        return
    said = subprocess.run(
        [binary, *tool.proof],
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(binary.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PROOF_TIMEOUT_SECONDS,
        check=False,
    )
    if said.returncode != 0 or tool.proven_by not in said.stdout:
        raise ToolchainError(
            f"The new {tool.name} should say {tool.proven_by!r} to {' '.join(tool.proof)},"
            f" and said (exit code {said.returncode}): {said.stdout[:300]!r}"
        )
