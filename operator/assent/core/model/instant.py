"""How an instant is written for people."""

from datetime import UTC, datetime


def instant(when: datetime) -> str:
    """Return the instant for people: UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
