"""Several names in one command: each is told, and what is printed is one document."""

import json

import pytest
import yaml

from assent.cli.decision_command import approve
from assent.cli.failures import Exit
from assent.cli.proposals_command import proposals
from assent.cli.queries import bare
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"


def test_each_of_several_is_told_and_the_exit_code_is_the_failure(desk: Desk) -> None:
    """The API server refuses one of three; the others are decided."""
    names = ["one", "two", "three"]
    found = []
    for name in names:
        found.append(recorded("pending-high"))
        found[-1]["metadata"]["name"] = name
    desk.has(*found)
    desk.is_told("patch", "patched")
    desk.is_told("patch", err="Error from server (Forbidden): no", code=1)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, *names)
    assert done.code == Exit.REFUSED
    assert "✔ one approved" in done.out
    assert "✔ three approved" in done.out
    assert "two: Error from server (Forbidden): no" in done.err
    assert [call[2] for call in desk.calls("patch")] == names


def test_one_that_is_missing_stops_all_before_anything_is_sent(desk: Desk) -> None:
    """A slip in one name: the person looks again at the whole line."""
    desk.is_told("get", {"kind": "List", "items": [recorded("pending-high")]})
    desk.has(recorded("pending-high"), recorded("pending-low"))
    done = desk.runs(approve, NAME, "fill-store-9")
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert "no proposal 'fill-store-9'" in done.err


def test_no_to_one_of_several_leaves_the_others(desk: Desk) -> None:
    """Each has its own question."""
    first, second = recorded("pending-high"), recorded("pending-low")
    desk.has(first, second)
    desk.is_told("patch", "patched")
    done = desk.runs(approve, NAME, second["metadata"]["name"], types="n\ny\n")
    assert done.code == Exit.DECLINED
    assert len(desk.calls("patch")) == 1
    assert f"{NAME} still waits" in done.err


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_several_objects_are_a_list(desk: Desk, form: str) -> None:
    """As those of `kubectl get` and of show: one document, whoever reads it."""
    first, second = recorded("pending-high"), recorded("pending-low")
    first["metadata"]["annotations"] = {"note": "line one\n\n  line two\n"}
    for one in (first, second):
        text = json.dumps(one, indent=4) if form == "json" else yaml.safe_dump(one)
        desk.is_told("patch", f"{text}\n")
    desk.has(first, second)
    done = desk.runs(approve, NAME, second["metadata"]["name"], "-o", form)
    read = json.loads(done.out) if form == "json" else yaml.safe_load(done.out)
    assert (read["kind"], read["items"]) == ("List", [first, second])


def test_a_list_has_what_was_decided_and_nothing_else(desk: Desk) -> None:
    """One that was refused is told of on stderr; of none there is no List."""
    first, second = recorded("pending-high", phase="Executing"), recorded("pending-low")
    desk.has(first, second)
    desk.is_told("patch", json.dumps(second, indent=4))
    desk.is_told("patch", err="no", code=1)
    names = (NAME, second["metadata"]["name"])
    done = desk.runs(approve, *names, "-o", "json")
    assert (done.code, json.loads(done.out)["items"]) == (Exit.NOT_NOW, [second])
    assert desk.runs(approve, *names, "-o", "json").out == ""


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("x", "x"),
        ("ap/x", "x"),
        ("actionproposal/x", "x"),
        ("actionproposals/x", "x"),
        ("actionproposal.assent.tikv.org/x", "x"),
        ("actionproposals.v1alpha1.assent.tikv.org/x", "x"),
        ("halt/x", "halt/x"),
        ("a/b/x", "a/b/x"),
    ],
)
def test_a_name_may_be_that_of_kubectl(typed: str, name: str) -> None:
    """`kubectl get ap -o name` prints the kind before it; another kind is no proposal."""
    assert bare(typed) == name


def test_a_name_with_its_kind_is_asked_for_by_its_name(desk: Desk) -> None:
    """In every command."""
    desk.has(recorded("pending-high"))
    desk.runs(proposals, "show", f"ap/{NAME}", "-n", "tikv")
    desk.runs(approve, f"actionproposal.assent.tikv.org/{NAME}", "-n", "tikv")
    for call in desk.calls("get"):
        assert call[2].endswith(f"/actionproposals/{NAME}")
