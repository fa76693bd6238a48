"""What a check says: Allow, Warn, Hold until, or Deny; the most restrictive wins."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Allow:
    """Go on."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class Warn:
    """Go on, and say this."""

    message: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now. ``until`` is when to look again; None when only a change of facts can end it."""

    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """Never, for this ask: a refusal that cannot heal."""

    reason: str
    message: str


Verdict = Allow | Warn | Hold | Deny


@dataclass(frozen=True, slots=True)
class Check:
    """One named check and its verdict."""

    name: str
    """CamelCase, shown as a gate."""
    verdict: Verdict
