"""An operator of PD's on one region, as its text says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndedOperator:
    """The last operator of a region that has ended; kept by PD's leader for ten minutes (P23).

    It may be another's than ours, and its end proves nothing: only topology does (P24).
    """

    status: str
    """``SUCCESS``, ``TIMEOUT``, ``CANCEL`` or ``REPLACE``."""
    text: str
