"""What is still there to be taken back, and the name under which that is filed."""

from typing import Any

import pytest

from assent.cli.failures import Exit
from assent.cli.proposal import Proposal
from assent.cli.proposals_command import proposals
from assent.cli.revert import LONGEST_NAME, MOST_TRIES, inverse_of
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"
EXISTS = "Error from server (AlreadyExists): exists"


def there(phase: str, name: str = f"revert-{NAME}") -> dict[str, Any]:
    found = recorded("pending-high", phase=phase)
    found["metadata"]["name"] = name
    return found


@pytest.mark.parametrize("phase", ["Rejected", "Expired", "Superseded", "Cancelled", "Failed"])
def test_an_earlier_try_that_has_ended_is_no_obstacle(desk: Desk, phase: str) -> None:
    """One that was rejected on Friday must not stand in the way on Monday."""
    desk.has(recorded("succeeded"))
    desk.is_told("create", err=EXISTS, code=1)
    desk.has(there(phase))
    desk.is_told("create", "created")
    done = desk.runs(proposals, "revert", NAME)
    assert done.code == 0, done.err
    assert desk.given()["metadata"] == {"name": f"revert-{NAME}-2", "namespace": "tikv"}
    assert f"✔ revert-{NAME}-2 filed." in done.out
    assert f"kubectl approve revert-{NAME}-2 -n tikv" in done.out


@pytest.mark.parametrize("phase", ["", "Pending", "Approved", "Executing", "OutcomeUnknown"])
def test_one_that_still_lives_is_the_one_to_look_at(desk: Desk, phase: str) -> None:
    """Twice the same undoing at once helps nobody."""
    desk.has(recorded("succeeded"))
    desk.is_told("create", err=EXISTS, code=1)
    desk.has(there(phase))
    done = desk.runs(proposals, "revert", NAME)
    assert (done.code, len(desk.calls("create"))) == (Exit.NOT_NOW, 1)
    assert f"revert-{NAME} exists already, and is {phase or 'new'}" in done.err
    assert f"kubectl proposals show revert-{NAME} -n tikv" in done.err


def test_not_every_name_is_tried(desk: Desk) -> None:
    """Somebody says no again and again: that is for people to settle."""
    desk.has(recorded("succeeded"))
    desk.is_told("create", err=EXISTS, code=1)
    for number in range(1, MOST_TRIES + 1):
        desk.has(there("Rejected", f"revert-{NAME}" + (f"-{number}" if number > 1 else "")))
    done = desk.runs(proposals, "revert", NAME)
    assert (done.code, len(desk.calls("create"))) == (Exit.NOT_NOW, MOST_TRIES)


def test_a_long_name_keeps_its_number(desk: Desk) -> None:
    """63 characters, and no dash at the end of what is cut."""
    long = "a" * 54 + "-" + "b" * 8
    done = recorded("succeeded")
    done["metadata"]["name"] = long
    desk.has(done)
    desk.is_told("create", err=EXISTS, code=1)
    desk.has(there("Expired", f"revert-{'a' * 54}-b"))
    desk.is_told("create", "created")
    assert desk.runs(proposals, "revert", long).code == 0
    first, second = (desk.given(place)["metadata"]["name"] for place in (0, 1))
    assert (first, second) == (f"revert-{'a' * 54}-b", f"revert-{'a' * 54}-2")
    assert max(len(first), len(second)) <= LONGEST_NAME


def limit(
    store: int, was: str, kind: str, place: int | None, state: str = "Done"
) -> dict[str, Any]:
    facts = [{"name": "addPeerLimitPerMinute", "value": was}]
    return {"kind": kind, "state": state, "before": facts, "planStep": place}


def plan(*steps: dict[str, Any], phase: str = "RollbackFailed") -> Proposal:
    found = recorded("succeeded", phase=phase, reason="Because")
    asked = [
        {"type": "SetStoreLimit",
         "setStoreLimit": {"storeId": store, "kind": "AddPeer", "ratePerMinute": 400}}
        for store in (1, 2)
    ]  # fmt: skip
    found["status"]["assessed"]["action"] = {"type": "Plan", "plan": {"steps": asked}}
    found["status"]["execution"]["steps"] = list(steps)
    return Proposal(found)


def stores(action: dict[str, Any]) -> list[int]:
    steps = action["plan"]["steps"] if action["type"] == "Plan" else [action]
    return [one["setStoreLimit"]["storeId"] for one in steps]


DONE = limit(1, "15.0", "Forward", 1), limit(2, "30.0", "Forward", 2)


@pytest.mark.parametrize(
    ("undone", "left"),
    [
        ((), [2, 1]),
        ((limit(2, "400.0", "Undo", 2),), [1]),
        ((limit(2, "400.0", "Undo", 2), limit(1, "400.0", "Undo", 1, "NoEffect")), [1]),
        ((limit(2, "400.0", "Undo", 2, "Unknown"),), [2, 1]),
        ((limit(2, "400.0", "Undo", 2, "DryRun"),), [2, 1]),
    ],
    ids=["nothing undone", "one undone", "one failed", "nobody knows", "shown only"],
)
def test_what_was_taken_back_already_is_left_out(
    undone: tuple[dict[str, Any], ...], left: list[int]
) -> None:
    """After a rollback that failed half way: the rest, in reverse order; not what somebody may have
    set since.
    """
    assert stores(inverse_of(plan(*DONE, *undone))) == left


def test_a_rollback_that_failed_after_all_was_undone_leaves_nothing(desk: Desk) -> None:
    found = plan(*DONE, *(limit(one, "400.0", "Undo", one) for one in (2, 1)))
    desk.has(found.document)
    done = desk.runs(proposals, "revert", found.name)
    assert (done.code, desk.calls("create")) == (Exit.NOT_NOW, [])
    assert "there is nothing to take back" in done.err


def test_a_step_of_two_calls_goes_back_to_before_the_first() -> None:
    """Half undone is not undone."""
    twice = limit(1, "15.0", "Forward", 1), limit(1, "100.0", "Forward", 1)
    undo = limit(1, "400.0", "Undo", 1)
    found = inverse_of(plan(*twice, undo))
    assert found["setStoreLimit"]["ratePerMinute"] == 15


def test_values_that_were_not_captured_are_said_to_be_missing(desk: Desk) -> None:
    """Not "this plugin does not understand what it read"."""
    found = recorded("succeeded")
    del found["status"]["execution"]["steps"][0]["before"]
    desk.has(found)
    done = desk.runs(proposals, "revert", NAME)
    assert done.code == Exit.NOT_NOW
    assert "The value before was not captured (addPeerLimitPerMinute)" in done.err
