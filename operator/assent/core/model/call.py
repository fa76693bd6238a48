"""A call to PD as a value, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
"""A value of JSON."""


@dataclass(frozen=True, slots=True)
class PdCall:
    """One write to PD: method, path (with query) and JSON body. Sent as it stands, once."""

    method: str
    path: str
    body: Mapping[str, Json] | None = None

    @property
    def body_text(self) -> str | None:
        """The body as canonical JSON, None without one."""
        if self.body is None:
            return None
        return json.dumps(dict(self.body), sort_keys=True, separators=(",", ":"))

    @property
    def line(self) -> str:
        """The call in one line, for people."""
        return " ".join(part for part in (self.method, self.path, self.body_text) if part)


@dataclass(frozen=True, slots=True)
class Did:
    """PD answered that it took the call. Whether it had an effect is for verification."""

    answer: str
    late: bool = False
    """True when the answer came after the lease deadline."""


@dataclass(frozen=True, slots=True)
class DidNot:
    """The call certainly changed nothing: it was never sent, or refused before acting."""

    answer: str
    already_done: bool = False
    """True when PD refused because the state already is as asked (P16)."""
    sent: bool = True
    """False when no byte of it left this process."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call was sent and nobody can say whether it ran."""

    answer: str
    late: bool = False


CallOutcome = Did | DidNot | Unknown


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one call. Only ``execution.fencing`` makes one (a test proves it)."""

    epoch: int
    send_by_monotonic_seconds: float
    """Local monotonic instant after which the call must not start."""
    lease_deadline_monotonic_seconds: float
    """Local monotonic instant after which this process no longer leads."""
