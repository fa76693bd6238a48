"""The patch of a status: exactly what turns the old into the new, with the writer's epoch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assent.errors import LeadershipLost
from assent.kube.resources import KINDS
from assent.kube.status import merge_patch, status_patch

VALUES = st.sampled_from([False, 0, 1, "", "x", [], [1], [None, {"a": 1}]])


def objects(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return JSON objects of few names, so that old and new often meet; null only in lists."""
    inner = VALUES if depth == 0 else VALUES | objects(depth - 1)
    return st.dictionaries(st.sampled_from("abc"), inner, max_size=3)


OBJECTS = objects(2)


def apply(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7396 defines it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply(result.get(name), value)
    return result


@given(old=OBJECTS, new=OBJECTS)
def test_the_patch_turns_the_old_into_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Whatever stood there before, what was decided stands there after, and nothing else."""
    assert apply(old, merge_patch(old, new)) == new


@given(same=OBJECTS)
def test_equal_statuses_give_an_empty_patch(same: dict[str, Any]) -> None:
    """An empty patch is what lets an idle operator write nothing."""
    assert merge_patch(same, same) == {}


def test_a_falsy_value_is_told_from_an_absent_one() -> None:
    """False, 0 and an empty text are values: absent is only what is not there."""
    assert merge_patch({}, {"a": False, "b": 0, "c": ""}) == {"a": False, "b": 0, "c": ""}


def test_lists_are_replaced_whole() -> None:
    """A merge patch cannot change an item; a shorter journal would otherwise be a merged one."""
    assert merge_patch({"a": [1, 2]}, {"a": [1]}) == {"a": [1]}


@pytest.mark.parametrize(
    ("kind", "before", "status", "patch", "why"),
    [
        (
            KINDS.cluster,
            {"state": "A", "epoch": 2},
            {"state": "B"},
            {"state": "B", "epoch": 5},
            "a cluster's status always bears the epoch of its writer",
        ),
        (
            KINDS.cluster,
            {"state": "A", "epoch": 2},
            {"state": "A"},
            {},
            "a new epoch alone is not a change",
        ),
        (
            KINDS.cluster,
            {},
            {"state": "A"},
            {"state": "A", "epoch": 5},
            "the first status bears it too",
        ),
        (
            KINDS.proposal,
            {"phase": "Pending"},
            {"phase": "Approved"},
            {"phase": "Approved"},
            "a proposal without a journal has no epoch to bear",
        ),
        (
            KINDS.proposal,
            {"phase": "Executing", "execution": {"epoch": 4, "holder": "a"}},
            {"phase": "Succeeded", "execution": {"epoch": 4, "holder": "a"}},
            {"phase": "Succeeded", "execution": {"epoch": 5}},
            "a journal that did not change is still written with the writer's epoch",
        ),
        (
            KINDS.proposal,
            {"phase": "Pending"},
            {"phase": "Executing", "execution": {"epoch": 5, "holder": "a"}},
            {"phase": "Executing", "execution": {"epoch": 5, "holder": "a"}},
            "the claim",
        ),
        (
            KINDS.proposal,
            {"phase": "Executing", "execution": {"epoch": 4, "holder": "a"}},
            {"phase": "Executing", "execution": {"epoch": 5, "holder": "b"}},
            {"execution": {"epoch": 5, "holder": "b"}},
            "taking over is a change of epoch that was decided",
        ),
    ],
)
def test_the_epoch_rides_along_wherever_there_is_one(
    kind: str, before: dict[str, Any], status: dict[str, Any], patch: dict[str, Any], why: str
) -> None:
    """The CRD's root rule sees only what a write says: one without epoch would pass it."""
    assert status_patch(kind, before, status, 5) == patch, why


@pytest.mark.parametrize(
    ("kind", "before"),
    [(KINDS.cluster, {"epoch": 6}), (KINDS.proposal, {"execution": {"epoch": 6}})],
)
def test_a_stored_epoch_above_the_writers_means_leadership_lost(
    kind: str, before: dict[str, Any]
) -> None:
    """Also when nothing would change: this process must not believe that it leads."""
    with pytest.raises(LeadershipLost, match="term 6"):
        status_patch(kind, before, before, 5)


@pytest.mark.parametrize("execution", [None, "text", {}, {"epoch": "six"}])
def test_a_stored_status_of_an_unknown_shape_is_overwritten(execution: object) -> None:
    """A strange status must not stop the loop; the API server's own rules still hold."""
    before = {"phase": "Pending", "execution": execution}
    assert status_patch(KINDS.proposal, before, {"phase": "Pending"}, 5) == {"execution": None}
