"""Instants for people."""

from datetime import UTC, datetime, timedelta, timezone

from assent.core.model.instant import instant


def test_instants_for_people_are_utc() -> None:
    """Readers sit in several zones."""
    there = datetime(2026, 3, 1, 14, 30, 9, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert instant(there) == "2026-03-01T12:30:09Z"
    assert instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
