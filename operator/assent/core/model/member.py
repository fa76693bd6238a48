"""The PD members, and how far a store's removal is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PdMember:
    """One PD member (GET /members, /health)."""

    name: str
    id: int
    healthy: bool
    is_leader: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """How far PD thinks the removal of a store is (GET /stores/progress): an estimate, lost when
    PD's leader changes.
    """

    percent: int
    left_seconds: float | None
    """None when PD gives no estimate."""
