"""What all models share: spelling, durations, instants, tolerance for newer fields."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from assent.api.v1alpha1.base import ApiModel, Condition, Duration, Timestamp
from assent.api.v1alpha1.base import parse_duration_seconds as seconds

GOOD = [("45s", 45), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1h0m1s", 3601), ("0s", 0)]
BAD = ["", "5", "m", "1.5h", "1d", "5m1h", "-5m", " 5m", "5 m", "10000h", "5m\n", "1h1h"]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_duration_is_read(text: str, expected: int) -> None:
    """Hours, minutes and seconds in this order, each at most once."""
    assert seconds(text) == expected
    assert TypeAdapter(Duration).validate_python(text) == text


@pytest.mark.parametrize("text", BAD)
def test_no_duration_is_refused_with_the_form(text: str) -> None:
    """The sentence shows what would be right."""
    with pytest.raises(ValueError, match="is not a duration such as 30s, 5m or 1h30m"):
        seconds(text)


@pytest.mark.parametrize("text", BAD)
def test_field_refuses_what_is_no_duration(text: str) -> None:
    """Parser and schema agree, the line break at the end included."""
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)


class Sample(ApiModel):
    """Two words and an instant."""

    two_words: int = 1
    at: Timestamp | None = None


def test_wire_is_camel_case_without_absent_fields() -> None:
    """None is absence, never null: a null would clear what somebody else set."""
    assert Sample(two_words=2).wire() == {"twoWords": 2}


def test_both_spellings_are_read_and_newer_fields_ignored() -> None:
    """An object of a newer version is still readable."""
    assert Sample.model_validate({"twoWords": 3, "later": True}).two_words == 3
    assert Sample.model_validate({"two_words": 3}).two_words == 3


def test_instant_is_written_in_utc_with_milliseconds() -> None:
    """One spelling for one instant, whatever zone it came in."""
    east = timezone(timedelta(hours=2))
    sample = Sample(at=datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=east))
    assert sample.wire()["at"] == "2026-01-02T01:04:05.678Z"


def test_written_instant_reads_back() -> None:
    """What was stored is what is compared later."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert Sample.model_validate(Sample(at=at).wire()).at == at


def test_naive_instant_is_refused() -> None:
    """An instant without a zone is no instant."""
    with pytest.raises(ValidationError, match="timezone"):
        Sample.model_validate({"at": "2026-01-02T03:04:05"})


def test_values_are_frozen() -> None:
    """A decision's input cannot change under it."""
    with pytest.raises(ValidationError, match="frozen"):
        Sample().two_words = 2  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize("status", ["true", "Maybe", ""])
def test_condition_knows_three_states(status: str) -> None:
    """As KEP-1623 says."""
    fields = {"type": "Ready", "reason": "X", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    with pytest.raises(ValidationError):
        Condition.model_validate({**fields, "status": status})
    assert Condition.model_validate({**fields, "status": "Unknown"}).message == ""
