"""The record of a proposal's moves, each entry chained to the one before by hash."""

from collections.abc import Sequence
from datetime import datetime

from assent.api.v1alpha1.actionproposal import HistoryEntry, Phase
from assent.core.approvals.digest import canonical_json, sha256_text
from assent.core.lifecycle.messages import MAX_SENTENCE, clip

MAX_ENTRIES = 64
"""Bound of ``status.history`` in the CRD."""


def append_entry(
    history: Sequence[HistoryEntry] | None,
    *,
    at: datetime,
    phase: Phase,
    reason: str,
    by: str,
    message: str,
    digest: str | None,
) -> list[HistoryEntry]:
    """Return the history with one more entry, its hash taken over the last one's.

    At the bound the first entry (who asked) and the newest stay; the oldest between them goes.
    """
    before = list(history or ())
    entry = HistoryEntry(
        at=at,
        phase=phase,
        reason=reason,
        by=by,
        message=clip(message, MAX_SENTENCE),
        digest=digest,
        hash="",
    )
    previous = before[-1].hash if before else ""
    chained = entry.model_copy(update={"hash": entry_hash(previous, entry)})
    if len(before) >= MAX_ENTRIES:
        before = [before[0], *before[len(before) - MAX_ENTRIES + 2 :]]
    return [*before, chained]


def entry_hash(previous_hash: str, entry: HistoryEntry) -> str:
    """Return the hash that the entry must carry after one with ``previous_hash``."""
    content = {key: value for key, value in entry.wire().items() if key != "hash"}
    return sha256_text(canonical_json([previous_hash, content]).encode())


def broken_at(history: Sequence[HistoryEntry]) -> int | None:
    """Return the index of the first entry whose hash does not fit, None when the chain holds.

    A full history may have a gap after its first entry, so that one link cannot be checked there.
    """
    for index, entry in enumerate(history):
        if index == 1 and len(history) >= MAX_ENTRIES:
            continue
        previous = history[index - 1].hash if index else ""
        if entry.hash != entry_hash(previous, entry):
            return index
    return None
