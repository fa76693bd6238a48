"""What GitOps tools say of objects: gopher-lua with Argo CD's libraries, kstatus, Flux's CEL."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.toolchain import ensure

SHIPPED = Path(__file__).resolve().parents[3] / "deploy/gitops"
SCRIPTS = SHIPPED / "argo-cd"
ANSWER_SECONDS = 60

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """The answer of a tool."""

    status: str
    message: str


def script(kind: str) -> str:
    """The health script of this kind."""
    return (SCRIPTS / f"{kind.lower()}.lua").read_text()


def argo_cd(objects: Sequence[Json]) -> list[Said]:
    """What Argo CD shows of each."""
    asked = [{"judge": "argo", "script": script(one["kind"]), "object": one} for one in objects]
    return _ask("gitopshealth", asked)


def kstatus(objects: Sequence[Json]) -> list[Said]:
    """What sigs.k8s.io/cli-utils says of each, and with it all that is built on it."""
    return _ask("gitopshealth", [{"judge": "kstatus", "object": one} for one in objects])


def flux(objects: Sequence[Json]) -> list[Said]:
    """What Flux says of each by the health check expressions that are shipped."""
    patch = yaml.safe_load((SHIPPED / "flux/health-check-exprs.yaml").read_text())
    (found,) = patch["spec"]["healthCheckExprs"]
    exprs = {name: found[name] for name in ("inProgress", "failed", "current")}
    return _ask("fluxhealth", [{"exprs": exprs, "object": one} for one in objects])


def _ask(judge: str, asked: Sequence[Json]) -> list[Said]:
    program = ensure([judge])[judge]
    done = subprocess.run(
        [program],
        input="".join(json.dumps(one) + "\n" for one in asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=ANSWER_SECONDS,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked), done.stderr
    for question, answer in zip(asked, answers, strict=True):
        assert not answer["error"], (question, answer["error"])
    return [Said(one["status"], one.get("message", "")) for one in answers]
