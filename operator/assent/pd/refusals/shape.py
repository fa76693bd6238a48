"""What a row of the table says: one way in which PD refuses before it acts."""

import re
from dataclasses import dataclass

ANY = "any"

CODE = r"(?:\[[\w:]+\])?"
"""The error code that PD may put in front of a text."""

NO_REGION = r"(?:\[PD:region:ErrRegionNotFound\].*|region \d+ not found)"
"""Up to v6.6 the errors of server/handler.go have no code: their whole text is asked for then."""
NOT_ADDED = r"(?:\[PD:operator:ErrAddOperator\].*|failed to add operator, maybe already have one)"
NO_OPERATOR = r"(?:\[PD:operator:ErrOperatorNotFound\].*|operator not found)"
NO_STORE = r"(?:\[PD:core:ErrStoreNotFound\].*|store \d+ not found)"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way in which PD says no before it acts."""

    write: str
    """The name of the write in the whitelist, or ``any``."""
    status: tuple[int, ...]
    json: bool
    """True for an answer of the handler, False for plain text of what stands before it (P04)."""
    text: re.Pattern[str]
    why: str
    """Where PD refuses, and why nothing has happened by then."""
    already_done: bool = False


def row(
    write: str, status: int | tuple[int, ...], shape: str, text: str, why: str, done: str = ""
) -> Refusal:
    """Return one row. ``shape`` is ``json`` or ``plain``; ``done`` is empty or ``already done``."""
    statuses = (status,) if isinstance(status, int) else status
    return Refusal(
        write, statuses, shape == "json", re.compile(text, re.DOTALL), why, done == "already done"
    )
