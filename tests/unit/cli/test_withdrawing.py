"""`kubectl proposals withdraw`: one's own yes, until the claim."""

from typing import Any

import pytest

from assent.cli.failures import Exit
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded, seat

NAME = "fill-store-2"
CONFLICT = "Error from server (Conflict): the object has been modified"


def with_seats(*seats: dict[str, str], **status: Any) -> dict[str, Any]:
    found = recorded("pending-high", **status)
    found["spec"]["approvals"] = list(seats)
    return found


MINE, THEIRS = seat("alice", digest="sha256:a"), seat("bert", digest="sha256:b", comment="ok")


def test_ones_own_seat_goes_and_those_of_others_stay(desk: Desk) -> None:
    """As they were read, and only if the object still is as it was read."""
    found = with_seats(MINE, THEIRS)
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "withdraw", NAME, "-n", "tikv")
    assert done.code == 0
    assert desk.patched() == {
        "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
        "spec": {"approvals": [THEIRS]},
    }
    assert "alice has withdrawn; it waits again" in done.out


def test_the_last_seat_takes_the_field_with_it(desk: Desk) -> None:
    """An empty list would be a field that a tool like Flux sees."""
    desk.has(with_seats(MINE))
    desk.is_told("patch", "patched")
    desk.runs(proposals, "withdraw", NAME)
    assert desk.patched()["spec"] == {"approvals": None}


@pytest.mark.parametrize(("types", "code"), [("n\n", Exit.DECLINED), ("y\n", Exit.OK)])
def test_a_person_is_asked(desk: Desk, types: str, code: int) -> None:
    """After they have seen who else has approved."""
    desk.has(with_seats(MINE, THEIRS))
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "withdraw", NAME, types=types)
    assert done.code == code
    assert "bert approved: ok" in done.out
    assert len(desk.calls("patch")) == (1 if code == Exit.OK else 0)


@pytest.mark.parametrize("phase", ["Pending", "Approved"])
def test_what_is_held_can_be_withdrawn_too(desk: Desk, phase: str) -> None:
    """Approved is stored only while something holds it: nothing was sent."""
    desk.has(with_seats(MINE, phase=phase))
    desk.is_told("patch", "patched")
    assert desk.runs(proposals, "withdraw", NAME).code == 0


REFUSED = [
    ((THEIRS,), "Pending", "you (alice) have said nothing there"),
    ((), "Pending", "you (alice) have said nothing there"),
    ((seat("alice", "Reject"),), "Rejected", "a rejection is final"),
    ((seat("alice", "Reject"),), "Pending", "a rejection is final"),
    ((MINE,), "Executing", "kubectl proposals cancel fill-store-2 -n tikv"),
    ((MINE,), "Executing", "kubectl proposals revert fill-store-2 -n tikv"),
    ((MINE,), "Active", "kubectl proposals cancel fill-store-2 -n tikv"),
    ((MINE,), "Succeeded", "kubectl proposals revert fill-store-2 -n tikv"),
    ((MINE,), "Expired", "Nothing was sent."),
    ((MINE,), "Superseded", "Nothing was sent."),
]


@pytest.mark.parametrize(
    ("seats", "phase", "said"), REFUSED, ids=[f"{one[1]}: {one[2]}" for one in REFUSED]
)
def test_too_late_or_nothing_there_says_what_still_works(
    desk: Desk, seats: tuple[dict[str, str], ...], phase: str, said: str
) -> None:
    """Nothing is sent."""
    desk.has(with_seats(*seats, phase=phase))
    done = desk.runs(proposals, "withdraw", NAME)
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])
    assert said in done.err


def test_somebody_elses_write_in_between_is_no_reason_to_stop(desk: Desk) -> None:
    """The second reading has bert's seat, and it is kept."""
    second = with_seats(MINE, THEIRS)
    second["metadata"]["resourceVersion"] = "999"
    desk.has(with_seats(MINE))
    desk.has(second)
    desk.is_told("patch", err=CONFLICT, code=1)
    desk.is_told("patch", "patched")
    assert desk.runs(proposals, "withdraw", NAME).code == 0
    assert desk.patched()["spec"]["approvals"] == [THEIRS]
    assert desk.patched()["metadata"]["resourceVersion"] == "999"


def test_the_claim_that_came_first_is_told(desk: Desk) -> None:
    """The API server let the operator be first: too late, and what to do."""
    desk.has(with_seats(MINE))
    desk.has(with_seats(MINE, phase="Executing"))
    desk.is_told("patch", err=CONFLICT, code=1)
    done = desk.runs(proposals, "withdraw", NAME)
    assert done.code == Exit.NOT_NOW
    assert "too late to withdraw" in done.err
    assert len(desk.calls("patch")) == 1


def test_a_conflict_without_end_gives_up(desk: Desk) -> None:
    """And says that it did not get through."""
    desk.has(with_seats(MINE))
    desk.is_told("patch", err=CONFLICT, code=1)
    done = desk.runs(proposals, "withdraw", NAME)
    assert done.code == Exit.CHANGED
    assert len(desk.calls("patch")) == 15


def test_a_refusal_is_told_in_the_api_servers_words(desk: Desk) -> None:
    """It is tried once."""
    desk.has(with_seats(MINE))
    desk.is_told("patch", err="Error from server (Forbidden): no", code=1)
    done = desk.runs(proposals, "withdraw", NAME)
    assert (done.code, "Forbidden" in done.err) == (Exit.REFUSED, True)
    assert len(desk.calls("patch")) == 1


@pytest.mark.parametrize("form", ["json", "yaml", "name"])
def test_the_object_can_be_had(desk: Desk, form: str) -> None:
    """As kubectl prints it, with the words for people on stderr; a dry run stores nothing."""
    desk.has(with_seats(MINE))
    desk.is_told("patch", "the object\n")
    done = desk.runs(proposals, "withdraw", NAME, "-o", form, "--dry-run=server")
    assert done.out == "the object\n"
    assert desk.calls("patch")[0][-3:] == ["--dry-run=server", "-o", form]
