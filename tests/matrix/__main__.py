"""``make matrix``: every role, operation and kind of write on a real API server.

Writes build/matrix.json (of another Kubernetes build/matrix-VERSION.json), and exits with 1 when
a cell is not as people wrote it in ``tests/matrix/expected``. Then random people
write what they like while the operator decides, for so many steps: see ``lives``.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from traceback import format_exc
from typing import Any

from tests.matrix.campaign import campaign, jobs, summary
from tests.matrix.ground import ground, version_of
from tests.matrix.walk import walk

ROOT = Path(__file__).resolve().parents[2]
MANY = 20
"""So many complaints are shown; all are in the file."""


def main(arguments: list[str]) -> int:
    """Try everything, write the figures, say what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--kubernetes", default="", metavar="1.30", help="not the newest one")
    parser.add_argument("--only", default="", help="operations with this in the name")
    parser.add_argument("--workers", type=int, default=3 * (os.cpu_count() or 2))
    parser.add_argument("--steps", type=int, default=5000, help="of random lives")
    parser.add_argument("--seed", type=int, default=1, help="of random lives")
    asked = parser.parse_args(arguments)
    suffix = f"-{asked.kubernetes}" if asked.kubernetes else ""
    part = "-part" if asked.only else ""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="assent-matrix-") as folder,
        ground(Path(folder), kube_apiserver=f"kube-apiserver{suffix}") as stage,
    ):
        figures: dict[str, Any] = {"kubernetes": version_of(stage.kube)}
        figures["secondsToStart"] = round(time.monotonic() - began, 1)
        figures |= summary(campaign(stage, jobs(asked.only), workers=asked.workers))
        figures["secondsOfCells"] = round(time.monotonic() - began, 1)
        try:
            figures |= walk(stage, steps=asked.steps, seed=asked.seed)
        except AssertionError:
            figures["complaints"].append(f"a random life broke a promise: {format_exc()}")
            figures |= {"wrong": figures["wrong"] + 1, "steps": 0, "rules": {}}
    figures["seconds"] = round(time.monotonic() - began, 1)
    result = ROOT / "build" / f"matrix{suffix}{part}.json"
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps(figures, indent=1) + "\n")
    for complaint in figures["complaints"][-MANY:]:
        sys.stdout.write(f"{complaint}\n")
    sys.stdout.write(f"{sentence(figures)}: {result.relative_to(ROOT)}\n")
    return 1 if figures["wrong"] else 0


def sentence(figures: Mapping[str, Any]) -> str:
    """Return the figures as people read them."""
    reached = {phase: figures["rules"].get(f"to {phase}", 0) for phase in ("Approved", "Executing")}
    return (
        f"Kubernetes {figures['kubernetes']}: {figures['cells']} cells"
        f" ({figures['roleOperations']} of a role and an operation), {figures['allowed']} to be"
        f" let in, {figures['refused']} to be refused; {figures['escapes']} escapes,"
        f" {figures['wrong']} wrong; {figures['steps']} random steps, {reached['Approved']} times"
        f" to Approved, {reached['Executing']} to Executing; {figures['seconds']} s"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
