"""The same installation by three ways: the chart, the kustomization, and the plain files."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from sandbox.applying import LOADER
from sandbox.toolchain import ensure, kubectl_path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/assent"

Objects = dict[tuple[str, str, str], dict[str, Any]]


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit code."""
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, timeout=120
    )


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real helm."""
    return run(str(ensure(["helm"])["helm"]), *arguments)


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    """Return what it printed; fail the test with its own words when it failed."""
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


def objects(text: str) -> Objects:
    """Return every object of a stream, by kind, namespace and name."""
    found: Objects = {}
    for document in yaml.load_all(text, Loader=LOADER):
        if document:
            metadata = document["metadata"]
            key = (document["kind"], metadata.get("namespace", ""), metadata["name"])
            assert key not in found, f"{key} is there twice"
            found[key] = document
    return found


def chart(*arguments: str, namespace: str = "assent-system", crds: bool = True) -> Objects:
    """Return what the chart renders with these arguments."""
    options = ["--include-crds"] if crds else []
    command = ["template", "assent", str(CHART), "--namespace", namespace, *options, *arguments]
    return objects(succeed(helm(*command)))


def kustomization(folder: str) -> Objects:
    """Return what a kustomization of the tree renders."""
    return objects(succeed(run(str(kubectl_path()), "kustomize", str(ROOT / folder))))
