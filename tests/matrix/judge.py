"""One cell: what was answered, what is stored, and whether that is what was to be."""

from dataclasses import dataclass
from typing import Any

from tests.integration.api.kubeapi import Answer
from tests.matrix.operation import Operation
from tests.matrix.tables import NAUGHT, YES, Key, Refusal
from tests.matrix.writes import Kind, Object, Place

_STEERING = ("labels", "annotations", "finalizers", "ownerReferences")
_EMPTY: tuple[Any, ...] = (None, [], {})


@dataclass(frozen=True)
class Found:
    """What came of a cell."""

    key: Key
    expected: str
    escape: bool
    """Something is stored, or was let in, that must not be."""
    complaint: str
    """What is wrong; empty when all is as it should be."""
    code: int
    message: str


def content(stored: Object | None) -> Object | None:
    """Return what people mean by the object: no versions, no times, no managers."""
    if stored is None:
        return None
    metadata = stored["metadata"]
    kept = {key: value for key, value in stored.items() if key not in ("metadata", "status")}
    steering = {key: metadata.get(key) for key in _STEERING if metadata.get(key) not in _EMPTY}
    return {**kept, "metadata": steering, "status": stored.get("status")}


@dataclass(frozen=True)
class Tried:
    """A write, with what was stored around it."""

    operation: Operation
    key: Key
    place: Place
    user: str
    before: Object | None
    wanted: Object | None
    answer: Answer
    after: Object | None


def judge(tried: Tried, expected: str, refusals: dict[str, Refusal]) -> Found:
    """Return what came of it."""
    before, after = content(tried.before), content(tried.after)
    let_in = tried.answer.code < 300
    touched = before != after
    if expected == YES:
        escape, complaint = False, _of_yes(tried, before, after)
    elif expected == NAUGHT:
        escape = touched
        complaint = "" if let_in and not touched else f"naught expected{_said(tried.answer)}"
    else:
        escape = touched or let_in
        refusal = refusals[expected]
        sentence = refusal.shown(me=tried.user, kind=tried.key[1], place=tried.place)
        complaint = _of_refusal(tried.answer, refusal.code, sentence)
        if not complaint and tried.before != tried.after:
            complaint = "refused, and yet something is stored"
    if escape:
        complaint = f"ESCAPE: {complaint or 'something is stored'}"
    answer = tried.answer
    return Found(tried.key, expected, escape, complaint, answer.code, answer.message)


def _of_yes(tried: Tried, before: Object | None, after: Object | None) -> str:
    if tried.answer.code >= 300:
        return f"to be let in{_said(tried.answer)}"
    if tried.operation.dry:
        return "" if before == after else "a dry run is stored"
    if tried.key[1] in (Kind.DELETE, Kind.DELETE_ALL):
        return "" if after is None else "still there"
    if after is None:
        return "let in, and not stored"
    wanted = content(tried.wanted)
    assert wanted is not None
    of_status = tried.place.subresource == "status"
    keep, change = ("spec", "status") if of_status else ("status", "spec")
    if wanted.get(change) == (before or {}).get(change) and before == after:
        return "it changes nothing: the cell says nothing"
    untouched = after.get(keep) == before.get(keep) if before else _unseen(after.get(keep))
    if not untouched:
        return f"{keep} has changed, too"
    if not _covers(after.get(change), wanted.get(change)):
        return f"stored is not what was wanted: {after.get(change)}"
    if not of_status and wanted["metadata"] != after["metadata"]:
        return f"stored metadata is not what was wanted: {after['metadata']}"
    return ""


def _unseen(status: Object | None) -> bool:
    """Return whether the operator has not looked at it: nothing but what the CRD fills in."""
    return status in (None, {"observedGeneration": -1})


def _covers(stored: Any, wanted: Any) -> bool:
    """Return whether all that was wanted is stored; the server adds defaults to dictionaries."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return all(key in stored and _covers(stored[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(stored, list):
        pairs = zip(stored, wanted, strict=False)
        return len(stored) == len(wanted) and all(_covers(*pair) for pair in pairs)
    return bool(stored == wanted)


def _of_refusal(answer: Answer, code: int, sentence: str) -> str:
    if answer.code == code and sentence in answer.message:
        return ""
    return f"expected {code} {sentence!r}{_said(answer)}"


def _said(answer: Answer) -> str:
    return f"; got {answer.code} {answer.message or 'let in'}"
