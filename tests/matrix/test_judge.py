"""The judge must see an escape, and must not see one where there is none."""

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.api.kubeapi import Answer
from tests.matrix.judge import Found, Tried, judge
from tests.matrix.operation import Operation
from tests.matrix.tables import NAUGHT, YES, Refusal
from tests.matrix.writes import Kind, Place

REFUSALS = {"own": Refusal(422, "in your own name ({me})")}
PLACE = Place("/things", "x")
SAID_NO = Answer(422, {"message": "policy denied: in your own name (amy)"})
LET_IN = Answer(200, {})


def thing(version: str = "1", **parts: Any) -> dict[str, Any]:
    metadata = {"name": "x", "resourceVersion": version, **parts.pop("metadata", {})}
    return {"metadata": metadata, "spec": {"a": 1}, "status": {"phase": "Pending"}, **parts}


def operation(**changes: Any) -> Operation:
    plain = Operation("edit", "edits", lambda *_: PLACE, (Kind.MERGE,))
    return replace(plain, **changes)


def tried(
    answer: Answer,
    after: dict[str, Any] | None,
    *,
    kind: Kind = Kind.MERGE,
    wanted: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    **changes: Any,
) -> Tried:
    place = PLACE.through(changes.get("subresource", ""))
    key = ("edit", kind, "amy")
    before = before or thing()
    wants = wanted or thing(spec={"a": 2})
    return Tried(operation(**changes), key, place, "amy", before, wants, answer, after)


def verdict(what: Tried, expected: str) -> Found:
    return judge(what, expected, REFUSALS)


def test_a_refusal_with_its_sentence_and_nothing_stored_is_right() -> None:
    """The plain good end of a forgery."""
    found = verdict(tried(SAID_NO, thing()), "own")
    assert (found.complaint, found.escape) == ("", False)


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        pytest.param(LET_IN, thing("2", spec={"a": 2}), id="let in and stored"),
        pytest.param(SAID_NO, thing("2", spec={"a": 2}), id="refused and stored all the same"),
        pytest.param(LET_IN, thing(), id="let in, and nothing stored this time"),
        pytest.param(SAID_NO, None, id="refused, and gone"),
        pytest.param(SAID_NO, thing("2", status={}), id="its status is gone"),
        pytest.param(
            SAID_NO, thing("2", metadata={"finalizers": ["a.b/c"]}), id="a finalizer is there"
        ),
    ],
)
def test_whatever_gets_through_is_an_escape(answer: Answer, after: dict[str, Any] | None) -> None:
    """What counts is what is stored, whatever the server said."""
    found = verdict(tried(answer, after), "own")
    assert found.escape
    assert found.complaint.startswith("ESCAPE")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403, {"message": "in your own name (amy)"}),
        Answer(422, {"message": "in your own name (bob)"}),
        Answer(422, {"message": "something else"}),
    ],
)
def test_another_sentence_or_code_is_wrong_and_no_escape(answer: Answer) -> None:
    """People are told the wrong thing; nothing got through."""
    found = verdict(tried(answer, thing()), "own")
    assert found.complaint
    assert not found.escape


def test_a_refusal_that_leaves_a_new_version_is_wrong() -> None:
    """Nothing at all may be written."""
    assert "yet something is stored" in verdict(tried(SAID_NO, thing("2")), "own").complaint


def test_what_was_wanted_is_stored() -> None:
    """The plain good end of a rightful write."""
    assert not verdict(tried(LET_IN, thing("2", spec={"a": 2, "default": 1})), YES).complaint


@pytest.mark.parametrize(
    ("answer", "after", "says"),
    [
        (SAID_NO, thing(), "to be let in; got 422"),
        (LET_IN, thing("2", spec={"a": 3}), "not what was wanted"),
        (LET_IN, None, "not stored"),
        (LET_IN, thing("2", spec={"a": 2}, status={}), "status has changed, too"),
        (LET_IN, thing("2", spec={"a": 2}, metadata={"labels": {"b": "c"}}), "metadata"),
    ],
)
def test_a_rightful_write_that_does_not_arrive_is_wrong(
    answer: Answer, after: dict[str, Any] | None, says: str
) -> None:
    """A gate that stops honest work is no gate."""
    found = verdict(tried(answer, after), YES)
    assert says in found.complaint
    assert not found.escape


def test_a_write_that_changes_nothing_proves_nothing() -> None:
    """A cell whose scene is wrong must not pass for a granted one."""
    found = verdict(tried(LET_IN, thing(), wanted=thing()), YES)
    assert "changes nothing" in found.complaint


def test_a_lists_length_and_order_count() -> None:
    """A seat more is another list."""
    wanted = thing(spec={"list": [{"by": "amy"}]})
    more = thing("2", spec={"list": [{"by": "amy"}, {"by": "bob"}]})
    assert "not what was wanted" in verdict(tried(LET_IN, more, wanted=wanted), YES).complaint


def test_naught_is_let_in_without_a_trace() -> None:
    """The status subresource drops what is not status."""
    assert not verdict(tried(LET_IN, thing("2")), NAUGHT).complaint
    assert verdict(tried(LET_IN, thing("2", spec={"a": 2})), NAUGHT).escape
    assert "naught expected" in verdict(tried(SAID_NO, thing()), NAUGHT).complaint


def test_a_deletion_is_judged_by_what_is_left() -> None:
    """Gone, or still there."""
    assert not verdict(tried(LET_IN, None, kind=Kind.DELETE), YES).complaint
    assert "still there" in verdict(tried(LET_IN, thing(), kind=Kind.DELETE), YES).complaint


def test_a_dry_run_stores_nothing_also_when_it_is_let_in() -> None:
    """The policies of all other cells are tried on by dry-runs only."""
    assert not verdict(tried(LET_IN, thing(), dry=True), YES).complaint
    assert "stored" in verdict(tried(LET_IN, thing("2", spec={"a": 2}), dry=True), YES).complaint
    assert verdict(tried(LET_IN, thing(), dry=True), "own").escape


@pytest.mark.parametrize(
    ("status", "right"),
    [(None, True), ({"observedGeneration": -1}, True), ({"phase": "Approved"}, False)],
)
def test_what_is_created_has_no_status_but_what_the_server_fills_in(
    status: dict[str, Any] | None, right: bool
) -> None:
    """A status that came with the file would be a forged assessment."""
    wanted, arrived = thing(), thing(status=status)
    place = ("edit", Kind.CREATE, "amy")
    made = Tried(operation(), place, PLACE, "amy", None, wanted, LET_IN, arrived)
    assert (verdict(made, YES).complaint == "") is right


def test_status_is_compared_when_status_is_written() -> None:
    """Through its own door spec must stay, and the other way round."""
    wanted = thing(status={"phase": "Approved"})
    arrived = thing("2", status={"phase": "Approved"})
    both = thing("2", status={"phase": "Approved"}, spec={"a": 2})
    door: dict[str, Any] = {"subresource": "status"}
    assert not verdict(tried(LET_IN, arrived, wanted=wanted, **door), YES).complaint
    assert "spec has changed" in verdict(tried(LET_IN, both, wanted=wanted, **door), YES).complaint
