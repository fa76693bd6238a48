"""What really happened, as the sandbox wrote it down: PD's journals, the API server's audit log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

READING_METHODS = ("GET", "HEAD", "OPTIONS")
WRITING_VERBS = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class PdRequest:
    """One HTTP request that reached the proxy in front of a PD member."""

    member: str
    time: str
    method: str
    path: str
    """With the query."""
    body: str
    status: int
    """What the caller was answered; 0 for no answer."""
    pd_status: int
    """What PD answered; 0 when it was not asked or did not answer."""
    redirector: str
    """The header PD-Redirector: the member that forwarded the request, or what the caller set."""
    caller: str
    """The header X-Caller-ID."""
    started: str
    finished: str
    fault: str
    """The fault that the proxy was ordered to apply to it; empty for none."""

    def json(self) -> Any:
        """The body, decoded; None when it is empty."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class ApiRequest:
    """One request that the API server answered."""

    user: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    dry_run: bool
    uri: str
    received: str
    finished: str

    @property
    def persists(self) -> bool:
        """Whether it was a write that the API server accepted and stored."""
        accepted = 200 <= self.code < 300
        return self.verb in WRITING_VERBS and accepted and not self.dry_run


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects in a file, one a line; a last line without its end is not read yet."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    complete = text[: text.rfind("\n") + 1]
    return [json.loads(line) for line in complete.splitlines()]


def pd_requests(path: Path, member: str) -> list[PdRequest]:
    """The journal of one member, oldest first."""
    known = {field.name for field in fields(PdRequest)}
    return [
        PdRequest(member=member, **{name: line[name] for name in line if name in known})
        for line in read_lines(path)
    ]


def effective_writes(requests: Iterable[PdRequest], members: Iterable[str]) -> list[PdRequest]:
    """What is no read, each once: the copy that a follower forwarded to the leader is left out."""
    names = set(members)
    return [
        request
        for request in requests
        if request.method not in READING_METHODS and request.redirector not in names
    ]


def api_requests(path: Path) -> list[ApiRequest]:
    """The API server's audit log, oldest first; without the long watches that still run."""
    return [_api_request(line) for line in read_lines(path)]


def _api_request(line: dict[str, Any]) -> ApiRequest:
    target = line.get("objectRef") or {}
    uri = line["requestURI"]
    return ApiRequest(
        user=line["user"].get("username", ""),
        verb=line["verb"],
        group=target.get("apiGroup", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=(line.get("responseStatus") or {}).get("code", 0),
        dry_run="dryRun=" in uri,
        uri=uri,
        received=line["requestReceivedTimestamp"],
        finished=line["stageTimestamp"],
    )
