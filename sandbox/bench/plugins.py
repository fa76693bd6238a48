"""`python -m sandbox.bench.plugins`: the plugins beside kubectl itself, in turn, on one sandbox.

Writes `build/plugins.json`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.plugins import build
from sandbox.bench.figures import percentile
from sandbox.errors import SandboxError
from sandbox.layout import CHECKOUT
from sandbox.library import Sandbox
from sandbox.toolchain import Reporter, ToolchainError, kubectl_path

NAMESPACE = "tikv"
PROPOSAL = "limit-store-3"
BASE = "kubectl get actionproposal"
TARGETS = {"kubectl proposals": 2.0, "kubectl approve": 3.0}
"""How many times the wall time of a warm `kubectl get actionproposal NAME` each may take."""
COMMANDS = {
    BASE: ["get", "actionproposal", PROPOSAL, "-n", NAMESPACE],
    "kubectl proposals": ["proposals", "-n", NAMESPACE],
    "kubectl approve": ["approve", PROPOSAL, "-n", NAMESPACE, "--dry-run=server"],
}
"""All that approve does but storing it, so that it can be asked again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything was measured, whether or not a target was met."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.bench.plugins", description=__doc__)
    parser.add_argument("--samples", type=int, default=15)
    parser.add_argument("--output", type=Path, default=CHECKOUT / "build/plugins.json")
    chosen = parser.parse_args(arguments)
    before = os.getloadavg()[0]
    try:
        seconds = measure(chosen.samples)
    except (SandboxError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    found = figures(seconds, load_before=before, load_after=os.getloadavg()[0])
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(found, indent=2) + "\n")
    print(table(found))
    print(f"\n{chosen.samples} samples each, taken in turn; written to {chosen.output}.")
    return 0


def measure(samples: int) -> dict[str, list[float]]:
    """Return the wall seconds of each command.

    Raises:
        SandboxError: a command failed.
    """
    with Sandbox.start(operators=1, bare=False, reporter=Reporter()) as box:
        prepare(box)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            build(path)
            (path / "python3").symlink_to(os.path.realpath(sys.executable))
            (path / "kubectl").symlink_to(kubectl_path())
            environment = {"PATH": folder, "HOME": folder, "KUBECONFIG": str(box.kubeconfig)}
            found: dict[str, list[float]] = {name: [] for name in COMMANDS}
            for turn in range(samples + 1):
                for name, words in COMMANDS.items():
                    taken = timed([str(path / "kubectl"), *words], environment)
                    if turn:  # the first one fills kubectl's cache
                        found[name].append(taken)
            return found


def prepare(box: Sandbox) -> None:
    """File the proposal that is looked at, as somebody else than who approves."""
    cluster = box.get("tikvclusters", "-n", NAMESPACE)["items"][0]["metadata"]["name"]
    body = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {"name": PROPOSAL, "namespace": NAMESPACE},
        "spec": {
            "clusterRef": {"name": cluster},
            "proposedBy": "bench",
            "action": {
                "type": "SetStoreLimit",
                "setStoreLimit": {"storeId": 3, "kind": "AddPeer", "ratePerMinute": 30},
            },
        },
    }
    box.kubectl(
        "create", "-f", "-", input=json.dumps(body), user="bench", groups=["system:masters"]
    )
    box.wait_for(
        lambda: (
            box.get("actionproposal", PROPOSAL, "-n", NAMESPACE).get("status", {}).get("digest")
        ),
        60,
        "the proposal to be assessed",
    )


def timed(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the wall seconds of one command.

    Raises:
        SandboxError: it failed.
    """
    start = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    taken = time.monotonic() - start
    if done.returncode != 0:
        raise SandboxError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return taken


def figures(
    seconds: Mapping[str, Sequence[float]], *, load_before: float, load_after: float
) -> dict[str, float]:
    """Return what the file holds: milliseconds, and how many times kubectl's own."""
    base = percentile(seconds[BASE], 0.5)
    found: dict[str, float] = {}
    for name, taken in seconds.items():
        key = name.replace(" ", "_")
        found[f"{key}_ms_p50"] = round(percentile(taken, 0.5) * 1000, 1)
        found[f"{key}_ms_min"] = round(min(taken) * 1000, 1)
        if name != BASE:
            found[f"{key}_ratio_p50"] = round(percentile(taken, 0.5) / base, 2)
    return {**found, "load_before": round(load_before, 1), "load_after": round(load_after, 1)}


def table(found: Mapping[str, float]) -> str:
    """Return the figures for people."""
    lines = [f"{'COMMAND':<30}{'P50 ms':>9}{'MIN ms':>9}{'RATIO':>8}  TARGET"]
    for name in COMMANDS:
        key = name.replace(" ", "_")
        ratio, target = found.get(f"{key}_ratio_p50"), TARGETS.get(name)
        verdict = ""
        if ratio is not None and target is not None:
            verdict = f"≤ {target:g}  {'met' if ratio <= target else 'MISSED'}"
        lines.append(
            f"{name:<30}{found[f'{key}_ms_p50']:>9.0f}{found[f'{key}_ms_min']:>9.0f}"
            f"{'' if ratio is None else f'{ratio:.2f}':>8}  {verdict}".rstrip()
        )
    lines.append(f"load {found['load_before']} before, {found['load_after']} after")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
