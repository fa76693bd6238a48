"""What really happened, as the sandbox wrote it down: PD's journals, the API server's audit log."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from os import SEEK_END
from pathlib import Path
from typing import Any, Generic, TypeVar

READING_METHODS = ("GET", "HEAD", "OPTIONS")
WRITING_VERBS = ("create", "update", "patch", "delete", "deletecollection")
Record = TypeVar("Record")


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


_KNOWN = {field.name for field in fields(PdRequest)}


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


class Growing(Generic[Record]):
    """The records in a file of JSON objects, one a line, that others append to.

    Only what is new is read and decoded, so that asking again and again costs little.
    """

    def __init__(self, path: Path, decode: Callable[[dict[str, Any]], Record]) -> None:
        self._path = path
        self._decode = decode
        self._offset = 0
        self._records: list[Record] = []

    def read(self) -> list[Record]:
        """All of them, oldest first; a last line without its end is not read yet."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, SEEK_END) < self._offset:  # begun anew
                    self._offset, self._records = 0, []
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return []
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        self._records += [self._decode(json.loads(line)) for line in complete.splitlines()]
        return list(self._records)


def pd_request(member: str, line: dict[str, Any]) -> PdRequest:
    """One line of the journal of a member."""
    return PdRequest(member=member, **{name: line[name] for name in line if name in _KNOWN})


def effective_writes(requests: Iterable[PdRequest], members: Iterable[str]) -> list[PdRequest]:
    """What is no read, each once: the copy that a follower forwarded to the leader is left out."""
    names = set(members)
    return [
        request
        for request in requests
        if request.method not in READING_METHODS and request.redirector not in names
    ]


def api_request(line: dict[str, Any]) -> ApiRequest:
    """One line of the API server's audit log; watches that still run have none."""
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
