"""Runs a page's commands as a reader would: one shell, block by block, as who the page says."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hack.plugins import build
from sandbox.toolchain import ensure, kubectl_path
from tests.docs.pages import ROOT, blocks

PAGE_TIMEOUT_SECONDS = 150


def tools(folder: Path) -> Path:
    """A folder with kubectl and helm, and with the Python that runs the tests."""
    folder.mkdir()
    (folder / "kubectl").symlink_to(kubectl_path())
    (folder / "helm").symlink_to(ensure(["helm"])["helm"])
    build(folder)  # kubectl's plugins
    for name in ("python", "python3"):
        # A link would lose the virtual environment: Python looks beside the name it is called by.
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def script_of(page: str, kubeconfigs: Mapping[str | None, Path]) -> str:
    """One script of all blocks that are run; a failure names the block's place in the page."""
    lines = ["set -euo pipefail", """trap 'echo "failed: $BLOCK" >&2' ERR"""]
    for block in blocks(ROOT / page):
        if not block.is_run:
            continue
        lines.append(f'BLOCK={shlex.quote(block.where)}; echo "--- $BLOCK"')
        if kubeconfigs:
            lines.append(f"export KUBECONFIG={shlex.quote(str(kubeconfigs[block.person]))}")
        lines.append(block.text)
    return "\n".join(lines)


def walk(
    page: str,
    *,
    tools: Path,
    folder: Path = ROOT,
    kubeconfigs: Mapping[str | None, Path] | None = None,
    **variables: str,
) -> str:
    """Run the page's commands in ``folder``; return what they printed.

    Fails the test with the whole output when a command fails. Without ``kubeconfigs`` the page
    says itself whom it asks.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("KUBECONFIG", "SANDBOX_DIR", "PD_URL", "MAKEFLAGS")
    }
    done = subprocess.run(
        ["bash", "-c", script_of(page, kubeconfigs or {})],
        cwd=folder,
        env={**environment, "PATH": f"{tools}:{environment['PATH']}", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PAGE_TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, f"{page}:\n{done.stdout}"
    return done.stdout
