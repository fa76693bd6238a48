"""Key ranges: hex borders compare like the bytes they stand for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assent.core.actions import key_range
from assent.core.model.snapshot import Region
from tests.support.snapshots import region


def ranged(start: str, end: str, **changes: Any) -> Region:
    return region(4, start_key=start, end_key=end, **changes)


@given(st.binary(max_size=6), st.binary(max_size=6), st.binary(min_size=1, max_size=6))
def test_inside_is_what_the_bytes_say(start: bytes, end: bytes, key: bytes) -> None:
    """Strictly between the borders; an empty end is none."""
    found = key_range.inside(key.hex().upper(), ranged(start.hex().upper(), end.hex().upper()))
    assert found == (start < key and (end == b"" or key < end))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (("74", "75"), ("75", "76"), ("74", "76")),
        (("75", "76"), ("74", "75"), ("74", "76")),
        (("", "75"), ("75", ""), ("", "")),
        (("74", "75"), ("76", "77"), None),
        (("74", "76"), ("75", "77"), None),
        (("74", ""), ("", "74"), ("", "")),
        (("75", ""), ("", "74"), None),
    ],
)
@pytest.mark.trap("P14")
def test_p14_only_touching_ranges_join(
    one: tuple[str, str], other: tuple[str, str], both: tuple[str, str] | None
) -> None:
    """The end of the last and the start of the first are both empty and yet far apart."""
    assert key_range.joined(ranged(*one), ranged(*other)) == both


@pytest.mark.parametrize(
    ("start", "end", "overlaps"),
    [
        ("7480", "7490", True),
        ("7485", "7486", True),
        ("", "", True),
        ("", "7481", True),
        ("748F", "", True),
        ("7490", "74A0", False),
        ("7470", "7480", False),
        ("", "7480", False),
        ("7490", "", False),
    ],
)
def test_ranges_overlap_where_they_share_a_key(start: str, end: str, overlaps: bool) -> None:
    """An end belongs to the next range."""
    assert key_range.overlaps(ranged("7480", "7490"), start, end) is overlaps
    assert key_range.overlaps(ranged("", ""), start, end)


def test_a_fact_holds_the_key_or_its_hash() -> None:
    """Two keys never have the same fact, however long they are."""
    assert key_range.as_fact("") == ""
    assert key_range.as_fact("74" * 128) == "74" * 128
    long = key_range.as_fact("74" * 129)
    assert len(long) <= key_range.LONGEST_FACT
    assert long != key_range.as_fact("74" * 130)


def test_a_range_is_shown_short() -> None:
    """People look at its beginning; a key may be kilobytes long."""
    assert key_range.named("7480", "7490") == "[7480, 7490)"
    assert key_range.named("", "") == "[beginning, end)"
    assert len(key_range.named("74" * 500, "75" * 500)) < 100
