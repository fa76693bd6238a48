"""What a single rule says of one target in one cycle, before time and memory are applied."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import Action


class Severity(StrEnum):
    """How bad it is, as in ``status.finding.severity``."""

    INFO = "Info"
    WARNING = "Warning"
    CRITICAL = "Critical"

    @property
    def rank(self) -> int:
        """0 for Info up to 2 for Critical."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A rule's condition holds for a target now. The engine decides whether it has lasted.

    ``diagnosis`` and ``no_action`` carry no number that drifts: they are shown in statuses that
    are written on change only. Such numbers belong into ``evidence``.
    """

    rule: str
    target: str
    severity: Severity
    diagnosis: str
    evidence: tuple[Fact, ...]
    material: tuple[str, ...]
    """The facts whose change makes it another matter, as text; never a count or an age."""
    confidence: int
    must_last_seconds: int
    since: datetime | None = None
    """When it is known to have begun; None when only our own sightings tell."""
    clock: str = ""
    """Names what is being timed: when it changes, the time that must pass starts anew."""
    action: Action | None = None
    no_action: str | None = None
    """Set exactly when ``action`` is not; begins with ``No action, because``."""
    explained_by: str | None = None

    @property
    def key(self) -> str:
        """``rule/target``, as in ``Memory``."""
        return f"{self.rule}/{self.target}"


def fact(name: str, value: object) -> Fact:
    """Return one piece of evidence, cut to what a status may hold."""
    return Fact(name=name, value=str(value)[:256])
