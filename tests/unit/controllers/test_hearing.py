"""A watch that tells less than the lists show is dead, whatever it says of itself."""

from typing import Any

import pytest

from assent.controllers.hearing import PATIENCE_CHECKS, Hearing, WatchDeaf

KIND = "ActionProposal"


def raw(version: int) -> dict[str, Any]:
    """An object in that version."""
    return {"metadata": {"name": f"p{version}", "resourceVersion": str(version)}}


def check(hearing: Hearing, times: int) -> None:
    """Check so often."""
    for _ in range(times):
        hearing.check()


def test_what_was_told_before_it_was_listed_is_heard() -> None:
    """The usual order."""
    hearing = Hearing()
    hearing.told(KIND, raw(7))
    hearing.listed(KIND, [raw(3), raw(7)])
    check(hearing, PATIENCE_CHECKS * 2)


@pytest.mark.parametrize(
    ("version", "why"),
    [(7, "the very change"), (9, "a later change or deletion, of any object of the kind")],
)
def test_what_is_told_a_little_later_is_heard(version: int, why: str) -> None:
    """An event may come after the list that shows its object."""
    hearing = Hearing()
    hearing.listed(KIND, [raw(7)])
    check(hearing, PATIENCE_CHECKS - 1)
    hearing.told(KIND, raw(version))
    check(hearing, PATIENCE_CHECKS * 2)
    assert why


@pytest.mark.parametrize("told", [None, 6], ids=["nothing at all", "only earlier changes"])
def test_what_is_never_told_means_deaf(told: int | None) -> None:
    """Versions are compared as numbers: 10 is above 9."""
    hearing = Hearing()
    if told is not None:
        hearing.told(KIND, raw(told))
    hearing.listed(KIND, [raw(9), raw(10)])
    check(hearing, PATIENCE_CHECKS - 1)
    with pytest.raises(WatchDeaf, match="ActionProposal never told of version 10"):
        hearing.check()


def test_a_newer_list_does_not_begin_the_patience_anew() -> None:
    """A busy kind would else never be found deaf."""
    hearing = Hearing()
    hearing.listed(KIND, [raw(7)])
    check(hearing, PATIENCE_CHECKS - 1)
    hearing.listed(KIND, [raw(8)])
    with pytest.raises(WatchDeaf):
        hearing.check()


@pytest.mark.parametrize(
    "left", [pytest.param([5], id="an older one is left"), pytest.param([], id="none is left")]
)
def test_what_was_listed_and_deleted_while_the_watch_was_away_is_no_deafness(
    left: list[int],
) -> None:
    """A watch that begins anew tells of what there is, never of what came and went meanwhile: a
    process once ended itself over a proposal that lived for a moment.
    """
    hearing = Hearing()
    hearing.told(KIND, raw(5))
    hearing.listed(KIND, [raw(5), raw(10)])
    check(hearing, PATIENCE_CHECKS - 1)
    hearing.told(KIND, raw(5))
    hearing.listed(KIND, [raw(version) for version in left])
    check(hearing, PATIENCE_CHECKS * 2)


def test_what_is_listed_after_such_a_deletion_must_be_told_of() -> None:
    """A deaf watch stays deaf, and has the whole patience anew."""
    hearing = Hearing()
    hearing.listed(KIND, [raw(10)])
    check(hearing, PATIENCE_CHECKS - 1)
    hearing.listed(KIND, [])
    hearing.listed(KIND, [raw(12)])
    check(hearing, PATIENCE_CHECKS - 1)
    with pytest.raises(WatchDeaf, match="version 12"):
        hearing.check()


def test_one_deaf_kind_among_others_is_enough() -> None:
    """Halts that are not heard of are brakes that do not work."""
    hearing = Hearing()
    hearing.listed("Halt", [raw(4)])
    for version in range(10, 10 + PATIENCE_CHECKS - 1):
        hearing.told(KIND, raw(version))
        hearing.listed(KIND, [raw(version)])
        hearing.check()
    with pytest.raises(WatchDeaf, match="Halt"):
        hearing.check()


def test_an_empty_list_asks_for_nothing() -> None:
    """A fresh installation."""
    hearing = Hearing()
    hearing.listed(KIND, [])
    check(hearing, PATIENCE_CHECKS * 2)
