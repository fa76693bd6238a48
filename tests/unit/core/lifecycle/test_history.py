"""The record: chained, bounded, and tampering shows."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import HistoryEntry, Phase
from assent.core.lifecycle.history import MAX_ENTRIES, append_entry, broken_at
from tests.support.proposals import at


def grown(count: int, history: list[HistoryEntry] | None = None) -> list[HistoryEntry]:
    """Return the history with so many entries appended."""
    found = history or []
    for number in range(count):
        found = append_entry(
            found,
            at=at(number),
            phase=Phase.PENDING,
            reason="AwaitingApproval",
            by="sre-1",
            message=f"entry {number}",
            digest=None if number % 2 else "sha256:x",
        )
    return found


def test_the_first_entry_stands_alone() -> None:
    """None is an empty history."""
    (entry,) = append_entry(
        None, at=at(0), phase=Phase.FAILED, reason="R", by="b", message="m", digest=None
    )
    assert entry.hash.startswith("sha256:")
    assert broken_at([entry]) is None


@pytest.mark.parametrize("count", [0, 1, 2, MAX_ENTRIES - 1, MAX_ENTRIES, MAX_ENTRIES + 40])
def test_the_chain_holds_at_every_length(count: int) -> None:
    """Also after the middle was dropped."""
    assert broken_at(grown(count)) is None


def test_the_bound_keeps_the_first_and_the_newest() -> None:
    """Who asked, and what happened last."""
    history = grown(MAX_ENTRIES + 10)
    assert len(history) == MAX_ENTRIES
    assert history[0].message == "entry 0"
    assert history[1].message == "entry 11"
    assert history[-1].message == f"entry {MAX_ENTRIES + 9}"


@pytest.mark.parametrize("index", [0, 3, 9])
@pytest.mark.parametrize(
    "change",
    [
        {"by": "mallory"},
        {"message": "never happened"},
        {"phase": Phase.SUCCEEDED},
        {"reason": "Done"},
        {"at": at(99)},
        {"digest": "sha256:other"},
    ],
)
def test_a_changed_entry_is_found(index: int, change: dict[str, Any]) -> None:
    """Every field is in the hash."""
    history = grown(10)
    history[index] = history[index].model_copy(update=change)
    assert broken_at(history) == index


def test_a_removed_entry_is_found() -> None:
    """The next one does not fit any more."""
    history = grown(10)
    del history[4]
    assert broken_at(history) == 4


def test_entries_in_another_order_are_found() -> None:
    """The chain has one order."""
    history = grown(10)
    history[4], history[5] = history[5], history[4]
    assert broken_at(history) == 4


def test_a_long_message_is_cut_before_it_is_hashed() -> None:
    """What the API stores is what the hash is of."""
    history = append_entry(
        None, at=at(0), phase=Phase.PENDING, reason="R", by="b", message="x" * 5000, digest=None
    )
    kept = [HistoryEntry.model_validate(entry.wire()) for entry in history]
    assert len(kept[0].message) == 1024
    assert broken_at(kept) is None
