"""Makes a history of what was written down: audit log, watch log, PD's journals, stores' log."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.records import PdRequest
from tests.chaos.history import Said, Sent, Split, Version

PROPOSALS = "actionproposals"
Line = Mapping[str, Any]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, one a line; none where there is no file, no half line."""
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def instant(text: str) -> float:
    """An RFC 3339 time as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def version_of(found: Line, at: float, *, deleted: bool = False) -> Version:
    """A proposal as JSON, as the checker keeps it."""
    metadata, spec = found["metadata"], found.get("spec", {})
    status = found.get("status", {})
    assessed = status.get("assessed", {})
    execution = status.get("execution", {})
    return Version(
        at=at,
        uid=metadata["uid"],
        name=metadata["name"],
        version=int(metadata["resourceVersion"]),
        action=spec["action"],
        author=spec.get("proposedBy", ""),
        approvals=tuple(
            (item["by"], item["decision"], item.get("digest", ""))
            for item in spec.get("approvals") or ()
        ),
        cancelled="cancel" in spec,
        not_after=instant(spec["notAfter"]) if spec.get("notAfter") else None,
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        digest=status.get("digest", ""),
        tier=status.get("risk", {}).get("tier", ""),
        assessed=bool(assessed) and _ask(assessed) == _ask(spec),
        steps=tuple(
            (step["kind"], step.get("planStep", 0), step["state"], step["holder"])
            for step in execution.get("steps", ())
        ),
        holder=execution.get("holder", ""),
        deleted=deleted,
    )


def _ask(found: Line) -> tuple[object, ...]:
    """What is asked for; the same instant may be spelled with and without milliseconds."""
    limit = found.get("notAfter")
    plain = [found.get(key) for key in ("action", "proposedBy", "revertAfter")]
    return (*plain, instant(limit) if limit else None)


def watched(log: Iterable[Line]) -> Iterator[Version]:
    """What the watch saw."""
    for line in log:
        yield version_of(line["object"], line["at"], deleted=line["type"] == "DELETED")


def audited(log: Iterable[Line]) -> Iterator[Version | Said]:
    """What the API server stored: versions of proposals, and every no."""
    halts: set[str] = set()
    suspended = False
    for line in log:
        target, answer = line.get("objectRef", {}), line.get("responseObject") or {}
        code = line.get("responseStatus", {}).get("code", 0)
        if not 200 <= code < 300 or "dryRun=" in line["requestURI"]:
            continue
        if line["verb"] not in ("create", "update", "patch", "delete"):
            continue
        at, resource = instant(line["stageTimestamp"]), target.get("resource")
        if resource == PROPOSALS and answer.get("kind") == "ActionProposal":
            if "resourceVersion" in answer["metadata"]:
                yield version_of(answer, at, deleted=line["verb"] == "delete")
        elif resource == "halts":
            name, on = target.get("name") or answer["metadata"]["name"], line["verb"] == "create"
            if on != (name in halts):
                halts ^= {name}
                yield Said(at, f"Halt {name}", on)
        elif resource == "tikvclusters" and not target.get("subresource"):
            wanted = bool(answer.get("spec", {}).get("suspend"))
            if wanted != suspended:
                suspended = wanted
                yield Said(at, "a suspend", wanted)


def sent(requests: Iterable[PdRequest]) -> Iterator[Sent]:
    """The operators' writes, as the checker keeps them, in the order in which they were sent."""
    for item in sorted(requests, key=lambda item: item.started):
        yield Sent(
            started=instant(item.started),
            finished=instant(item.finished),
            method=item.method,
            path=item.path,
            body=item.body,
            status=item.status,
            pd_status=item.pd_status,
            fault=item.fault,
        )


def splits(effects: Iterable[Line], since: float) -> Iterator[Split]:
    """Regions that the stores have split since then."""
    for line in effects:
        at = instant(line["time"])
        if line["kind"] == "split" and at >= since:
            yield Split(at, int(line["region"]))


def broken(where: str, journal: Iterable[Line]) -> Counter[str]:
    """How many requests a proxy broke, by what it did; lost answers of writes on their own."""
    counted: Counter[str] = Counter()
    for line in journal:
        if fault := line["fault"]:
            kind = "read" if line["method"] == "GET" else "write"
            if "watch=" in line["path"]:
                kind = "watch"
            counted[f"{where} {kind} {fault}"] += 1
    return counted
