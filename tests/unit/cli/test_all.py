"""--all: what is in the list, who is asked what, and what is sent in the end."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from assent.cli.decision_command import approve, reject
from assent.cli.everything import allowed
from assent.cli.failures import Exit
from assent.cli.kubectl import Kubectl
from tests.unit.cli.desk import Desk, recorded, seat

HIGH, LOW = "fill-store-2", "prod-leftover-eviction-c189330110-1"


def reviews(*rights: bool) -> str:
    """As kubectl prints several objects that it created: one after the other."""
    return "\n".join(
        f'{{"kind": "SelfSubjectAccessReview", "status": {{"allowed": {str(one).lower()}}}}}'
        for one in rights
    )


def named(name: str, kind: str = "pending-high", **status: Any) -> dict[str, Any]:
    found = recorded(kind, **status)
    found["metadata"] = {**found["metadata"], "name": name, "uid": f"of-{name}"}
    return found


def asked(desk: Desk) -> list[tuple[str, str, str, str]]:
    """What was asked of the API server's own judgement: tier, type, namespace, verb."""
    items = [one["spec"]["resourceAttributes"] for one in desk.given()["items"]]
    return [(one["subresource"], one["name"], one["namespace"], one["verb"]) for one in items]


def patched(desk: Desk) -> list[str]:
    return [call[2] for call in desk.calls("patch")]


def has(desk: Desk, *found: dict[str, Any]) -> None:
    """Of a list, however many there are."""
    desk.is_told("get", {"kind": "List", "items": list(found)})
    desk.is_told("patch", "patched")


def test_each_right_is_asked_for_once(desk: Desk) -> None:
    """By namespace, tier and type: a right for one type says nothing about another."""
    other = named("other", "pending-low")
    has(desk, named("a"), named("b"), recorded("pending-low"), other)
    desk.is_told("create", reviews(True, False))
    desk.runs(approve, "--all", "-y")
    assert asked(desk) == [
        ("high", "SetStoreLimit", "tikv", "approve"),
        ("low", "StopEvictLeaders", "tikv", "approve"),
    ]
    assert patched(desk) == ["a", "b"]


@pytest.mark.parametrize("granted", [(True, False), (False, True), (True, True), (False, False)])
def test_an_answer_is_for_the_question_in_its_place(desk: Desk, granted: Sequence[bool]) -> None:
    """Kubectl prints them in the order of the list."""
    keys = [("tikv", "High", "SetStoreLimit"), ("tikv", "Low", "StopEvictLeaders")]
    desk.is_told("create", reviews(*granted))
    found = allowed("approve", set(keys), Kubectl())
    assert [found[key] for key in keys] == list(granted)


def test_a_right_that_nobody_answered_for_is_none(desk: Desk) -> None:
    """No answer, or fewer than questions, is not taken for a yes to any."""
    has(desk, recorded("pending-high"), recorded("pending-low"))
    desk.is_told("create", reviews(True))
    done = desk.runs(approve, "--all", "-y")
    assert (done.code, desk.calls("patch")) == (Exit.REFUSED, [])


def test_no_right_to_ask_sends_nothing(desk: Desk) -> None:
    """The API server's words."""
    has(desk, recorded("pending-high"))
    desk.is_told("create", err="Error from server (Forbidden): no reviews", code=1)
    done = desk.runs(approve, "--all", "-y")
    assert (done.code, desk.calls("patch")) == (Exit.REFUSED, [])
    assert "no reviews" in done.err


def test_nothing_there_asks_for_no_right(desk: Desk) -> None:
    """An empty namespace: one read, one sentence."""
    desk.is_told("get", {"kind": "List", "items": []})
    done = desk.runs(approve, "--all")
    assert (done.code, desk.calls("create")) == (Exit.NOT_NOW, [])
    assert done.err == "Nothing waits for you (alice) to approve in this namespace.\n"


@pytest.mark.parametrize(
    ("names", "question"), [(["a"], "Go through it? [y/N]"), (["a", "b"], "Go through them? [y/N]")]
)
def test_the_list_is_agreed_to_and_then_each(desk: Desk, names: list[str], question: str) -> None:
    """One yes to the list sends nothing by itself."""
    has(desk, *map(named, names))
    desk.is_told("create", reviews(True))
    done = desk.runs(approve, "--all", types="y\n" + "n\n" * len(names))
    assert (done.code, desk.calls("patch")) == (Exit.DECLINED, [])
    assert question in done.out
    assert [f"Approve {name} as alice? [y/N]" in done.out for name in names] == [True] * len(names)


def test_no_to_one_of_them_is_no_to_that_one(desk: Desk) -> None:
    """The exit code tells of it, and the others are approved."""
    has(desk, *map(named, "abc"))
    desk.is_told("create", reviews(True))
    done = desk.runs(approve, "--all", types="y\ny\nn\ny\n")
    assert (done.code, patched(desk)) == (Exit.DECLINED, ["a", "c"])
    assert "b still waits" in done.err


def test_each_is_for_its_own_digest(desk: Desk) -> None:
    """Not all for that of the first."""
    has(desk, named("a", digest="sha256:a"), named("b", digest="sha256:b"))
    desk.is_told("create", reviews(True))
    desk.runs(approve, "--all", "-y", "-m", "a quiet night")
    sent = [desk.patched(place)["spec"]["approvals"][0] for place in (0, 1)]
    assert [one["digest"] for one in sent] == ["sha256:a", "sha256:b"]
    assert {one["comment"] for one in sent} == {"a quiet night"}


def test_critical_is_not_among_what_yes_is_enough_for(desk: Desk) -> None:
    """-y goes for the others; its target has to be typed."""
    critical = named("worst")
    critical["status"]["risk"]["tier"] = "Critical"
    has(desk, critical, recorded("pending-low"))
    desk.is_told("create", reviews(True, True))
    done = desk.runs(approve, "--all", "-y")
    assert (done.code, patched(desk)) == (Exit.DECLINED, [LOW])
    assert "worst: this is Critical: type its target" in done.err


def test_a_rejection_of_what_is_not_assessed_needs_the_highest_right(desk: Desk) -> None:
    """Its tier is not known: no right for Low may be enough."""
    new = named("new")
    new.pop("status")
    has(desk, new)
    desk.is_told("create", reviews(True))
    done = desk.runs(reject, "--all", "-y", "-m", "no")
    assert asked(desk) == [("critical", "SetStoreLimit", "tikv", "reject")]
    assert (done.code, patched(desk)) == (Exit.OK, ["new"])


@pytest.mark.parametrize("phase", ["Executing", "Succeeded", "OutcomeUnknown", "Active", "Failed"])
@pytest.mark.parametrize("command", [approve, reject])
def test_what_does_not_wait_is_not_in_it(desk: Desk, command: Any, phase: str) -> None:
    has(desk, named("x", phase=phase))
    done = desk.runs(command, "--all", "-y", *(["-m", "no"] if command is reject else []))
    assert (done.code, desk.calls("create")) == (Exit.NOT_NOW, [])


@pytest.mark.parametrize(
    "seats",
    [[seat("alice", "Reject")], [seat("bert", "Reject")], [seat("bert"), seat("carl", "Reject")]],
)
def test_what_somebody_rejected_waits_for_nobody(desk: Desk, seats: list[dict[str, str]]) -> None:
    """Neither for a yes nor for another no."""
    found = named("x")
    found["spec"]["approvals"] = seats
    has(desk, found)
    for command, more in ((approve, []), (reject, ["-m", "no"])):
        assert desk.runs(command, "--all", "-y", *more).code == Exit.NOT_NOW
    assert desk.calls("create") == []


def test_what_needs_a_person_first_comes_first(desk: Desk) -> None:
    """By age, as `kubectl proposals` lists them."""
    old, new = named("old"), named("new")
    old["metadata"]["creationTimestamp"] = "2026-11-01T00:00:00Z"
    new["metadata"]["creationTimestamp"] = "2026-11-20T00:00:00Z"
    has(desk, new, old)
    desk.is_told("create", reviews(True))
    desk.runs(approve, "--all", "-y")
    assert patched(desk) == ["old", "new"]


@pytest.mark.parametrize("line", [["--all", "x"], [], ["-y"], ["--wait"], ["x", "--all", "-y"]])
def test_it_is_names_or_all(desk: Desk, line: list[str]) -> None:
    """Both, or neither, decides nothing."""
    done = desk.runs(approve, *line)
    assert (done.code, desk.calls("get"), desk.calls("patch")) == (Exit.USAGE, [], [])
    assert "Name proposals, or say --all." in done.err


def test_a_dry_run_goes_through_all_and_stores_nothing(desk: Desk) -> None:
    """Each is judged."""
    has(desk, *map(named, "ab"))
    desk.is_told("create", reviews(True))
    done = desk.runs(approve, "--all", "-y", "--dry-run=server", "--wait")
    assert done.code == Exit.OK
    assert all("--dry-run=server" in call for call in desk.calls("patch"))
    assert done.out.count("nothing was stored") == 2
    assert len(desk.calls("get")) == 1, "and nothing is waited for"


def test_a_second_no_keeps_the_first(desk: Desk) -> None:
    """A merge patch replaces the list: nobody's rejection goes with mine."""
    found = recorded("pending-high")
    others = [seat("bert", "Reject", comment="no"), seat("carl", digest="sha256:x")]
    found["spec"]["approvals"] = copy.deepcopy(others)
    desk.has(found)
    desk.is_told("patch", "patched")
    desk.runs(reject, HIGH, "-m", "neither do I")
    assert desk.patched()["spec"]["approvals"][:2] == others
    assert desk.patched()["spec"]["approvals"][2]["by"] == "alice"
