"""What was written down from outside during a campaign, as data that can be kept and read again."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FINISHED = frozenset(
    {
        "Succeeded",
        "Failed",
        "RolledBack",
        "RollbackFailed",
        "Rejected",
        "Expired",
        "Superseded",
        "Cancelled",
    }
)
IN_FLIGHT = frozenset({"Executing", "RollingBack", "Active"})
UNKNOWN = "OutcomeUnknown"


@dataclass(frozen=True)
class Version:
    """A proposal as one write left it in the API server. Times are seconds since 1970."""

    at: float
    uid: str
    name: str
    version: int
    """resourceVersion."""
    action: dict[str, Any] = field(default_factory=dict)
    author: str = ""
    approvals: tuple[tuple[str, str, str], ...] = ()
    """(by, decision, digest)."""
    cancelled: bool = False
    not_after: float | None = None
    phase: str = ""
    reason: str = ""
    digest: str = ""
    tier: str = ""
    assessed: bool = False
    """What was assessed is the ask as it stands."""
    steps: tuple[tuple[str, int, str, str], ...] = ()
    """(kind, step of the plan or 0, state, holder), as journaled."""
    holder: str = ""
    """The Pod that carries it on."""
    deleted: bool = False


@dataclass(frozen=True)
class Sent:
    """A write of the operators that reached the proxy of a PD member."""

    started: float
    finished: float
    method: str
    path: str
    body: str
    status: int
    """What the caller was answered; 0 for nothing."""
    pd_status: int
    """What PD answered; 0 when it was not asked or its answer did not come."""
    fault: str


@dataclass(frozen=True)
class Struck:
    """A fault that was done."""

    at: float
    until: float
    kind: str
    victim: str
    """Which process, or what happened to it."""
    done: bool = True


@dataclass(frozen=True)
class Said:
    """A no that was stored or taken back: a suspend or a Halt."""

    at: float
    what: str
    on: bool


@dataclass(frozen=True)
class Split:
    """A region that the simulated stores have split."""

    at: float
    region: int


@dataclass(frozen=True)
class History:
    """Everything the checker may know."""

    seed: int
    began: float
    calm: float
    """When the last fault had ended and everything was mended."""
    ended: float
    versions: tuple[Version, ...] = ()
    sent: tuple[Sent, ...] = ()
    struck: tuple[Struck, ...] = ()
    said: tuple[Said, ...] = ()
    splits: tuple[Split, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    """Requests that a proxy broke, by "where action"."""

    def save(self, path: Path) -> None:
        """Write it as gzipped JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(asdict(self)).encode(), mtime=0))

    @classmethod
    def load(cls, path: Path) -> "History":
        """What `save` wrote; JSON that is not gzipped will do, too."""
        content = path.read_bytes()
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        return cls.from_json(json.loads(plain))

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "History":
        """The history that `asdict` made plain."""
        return cls(
            **{
                **found,
                "versions": tuple(_version(item) for item in found.get("versions", ())),
                "sent": tuple(Sent(**item) for item in found.get("sent", ())),
                "struck": tuple(Struck(**item) for item in found.get("struck", ())),
                "said": tuple(Said(**item) for item in found.get("said", ())),
                "splits": tuple(Split(**item) for item in found.get("splits", ())),
            }
        )

    def only(self, uids: Iterable[str]) -> "History":
        """The same with those proposals only, for a regression test that is short."""
        kept = set(uids)
        chosen = tuple(item for item in self.versions if item.uid in kept)
        return History(**{**self.__dict__, "versions": chosen})


def _version(item: Mapping[str, Any]) -> Version:
    lists = {name: tuple(map(tuple, item.get(name, ()))) for name in ("approvals", "steps")}
    return Version(**{**item, **lists})
