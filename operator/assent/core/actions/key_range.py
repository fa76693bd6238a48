"""Key ranges of regions, as PD shows them: upper-case hex, whose order is that of the bytes.

An empty start is the beginning of all keys, an empty end is their end.
"""

import hashlib

from assent.core.model.snapshot import Region

LONGEST_FACT = 256
"""Bound of a fact's value in the CRD; a region's border may be longer."""


def inside(key: str, region: Region) -> bool:
    """Return True when the region can be cut there: strictly between its borders."""
    return region.start_key < key and (region.end_key == "" or key < region.end_key)


def adjacent(left: Region, right: Region) -> bool:
    """Return True when the second region begins exactly where the first ends."""
    return left.end_key != "" and left.end_key == right.start_key


def joined(one: Region, other: Region) -> tuple[str, str] | None:
    """Return the range of both, None when they do not touch.

    Judged by the borders of both, never by what PD lists as siblings (P14).
    """
    if adjacent(one, other):
        return one.start_key, other.end_key
    if adjacent(other, one):
        return other.start_key, one.end_key
    return None


def overlaps(region: Region, start: str, end: str) -> bool:
    """Return True when the range and the region have a key in common."""
    begins_before = end == "" or region.start_key < end
    ends_after = region.end_key == "" or start < region.end_key
    return begins_before and ends_after


def as_fact(text: str) -> str:
    """Return a key, or other text, as the value of a fact: whole where it fits, else its sha256.

    Two texts have the same fact only when they are the same.
    """
    if len(text) <= LONGEST_FACT:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def named(start: str, end: str) -> str:
    """Return the range for people, such as ``[7480.., 7490..)``."""
    return f"[{_short(start) or 'beginning'}, {_short(end) or 'end'})"


def _short(key: str) -> str:
    return key if len(key) <= 40 else f"{key[:40]}.."
