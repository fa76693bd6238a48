"""A plan as whoever decides on it sees it: every step, its group, and what it then waits for."""

from typing import Any

import pytest

from assent.api.v1alpha1.parameters.waiting import Awaited, WaitUntil
from assent.cli.assignments import changed_ask
from assent.cli.decision_command import approve
from assent.cli.proposal import Proposal
from assent.cli.proposals_command import proposals
from assent.cli.steps import AWAITED, LONGEST_WAIT, headline, step_lines
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"
LIMIT = {
    "type": "SetStoreLimit",
    "setStoreLimit": {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 30},
    "group": "room",
}
EVICT = {
    "type": "EvictLeaders",
    "evictLeaders": {"storeId": 4},
    "waitUntil": {"fact": "StoreUp", "storeId": 4, "timeout": "2h"},
}
BACK = {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": 4}}
SUMMARY = (
    "do 3 steps: 1. set the add-peer limit of store 2 to 30 a minute; 2. evict all leaders from "
    "store 4; 3. let leaders return to store 4"
)


def plan(*steps: dict[str, Any], **status: Any) -> dict[str, Any]:
    """A plan that waits for two people."""
    found = recorded("pending-high", **{"summary": SUMMARY, **status})
    action = {"type": "Plan", "plan": {"steps": list(steps or (LIMIT, EVICT, BACK))}}
    found["spec"]["action"] = found["status"]["assessed"]["action"] = action
    return found


LINES = [
    "1. set the add-peer limit of store 2 to 30 a minute [group room]",
    "2. evict all leaders from store 4; then wait until store 4 is Up (at most 2h)",
    "3. let leaders return to store 4",
    "Steps in a row of the same group work in PD at the same time.",
]


@pytest.mark.parametrize("command", [approve, proposals], ids=["approve", "show"])
def test_who_decides_sees_what_a_plan_waits_for(desk: Desk, command: Any) -> None:
    """A wait of two hours and what works beside what are part of what is approved."""
    desk.has(plan())
    desk.is_told("patch", "patched")
    words = [NAME] if command is approve else ["show", NAME]
    out = desk.runs(command, *words).out
    assert "Do 3 steps, in this order:\n" in out
    for line in LINES:
        assert f"  {line}\n" in out


def test_every_fact_that_can_be_waited_for_has_words() -> None:
    """And the wait that nobody gave a limit is the model's."""
    assert list(AWAITED) == [one.value for one in Awaited]
    assert WaitUntil.model_fields["timeout"].default == LONGEST_WAIT
    one = {**EVICT, "waitUntil": {"fact": "StoreAsleep", "storeId": 4}}
    text = step_lines(Proposal(plan(LIMIT, one, BACK)))[1]
    assert text.endswith("; then wait until store 4 shows StoreAsleep (at most 1h)")


@pytest.mark.parametrize(
    "summary",
    [
        "",
        f"{SUMMARY[:-5]}…",
        SUMMARY.replace("store 2", "store 2; 2. do nothing; 3. do nothing"),
        SUMMARY.replace("3. let", "4. let"),
        SUMMARY.replace("1. set", "set"),
    ],
    ids=["none yet", "cut", "a value like a step", "a number that is missing", "no first"],
)
def test_words_that_do_not_fit_the_steps_are_not_used(summary: str) -> None:
    """Then a step is shown by its own fields."""
    assert step_lines(Proposal(plan(summary=summary)))[:3] == [
        "1. SetStoreLimit storeId=2 kind=AddPeer ratePerMinute=30 [group room]",
        "2. EvictLeaders storeId=4; then wait until store 4 is Up (at most 2h)",
        "3. StopEvictLeaders storeId=4",
    ]


def test_a_value_makes_no_line_of_its_own() -> None:
    """Group, fact and time are an object's text like any other."""
    step = {**EVICT, "group": "a\nb", "waitUntil": {"fact": "x\ny", "timeout": "1\n2"}}
    found = step_lines(Proposal(plan(step)))
    assert not any("\n" in line for line in found)


def test_one_action_has_no_steps() -> None:
    """It is its sentence; a plan of one is still a plan, for its wait is shown."""
    one = Proposal(recorded("pending-high"))
    assert (headline(one), step_lines(one)) == (one.sentence, [])
    alone = Proposal(plan(EVICT, summary="do 1 steps: 1. evict all leaders from store 4"))
    assert headline(alone) == "do 1 step, as a plan:"
    assert step_lines(alone) == [LINES[1].replace("2. ", "1. ")]


def test_a_plan_that_was_not_assessed_shows_what_is_asked() -> None:
    """The operator has not written a word yet."""
    found = plan()
    found["status"] = {}
    assert step_lines(Proposal(found))[2] == "3. StopEvictLeaders storeId=4"


def test_a_target_is_never_cut(desk: Desk) -> None:
    """Many facts stand one a line, whole; a few stay beside the target."""
    facts = [{"name": f"{n}/store/{n}", "value": f"address=tikv-{n}:{'1' * 50}"} for n in range(4)]
    found = plan()
    found["status"]["target"] = {"id": "plan/store/2", "clusterId": "1", "identity": facts}
    desk.has(found)
    desk.is_told("patch", "patched")
    out = desk.runs(approve, NAME).out
    for fact in facts:
        assert fact["value"] in out.split()
    assert "(address" not in out


def test_a_step_is_taken_out_of_its_group_and_put_into_one() -> None:
    """The line that show names where a step is too risky for its group; a name stays text."""
    spec = plan()["spec"]
    out = changed_ask(spec, ["1.group="])["action"]["plan"]["steps"]
    assert "group" not in out[0]
    into = changed_ask(spec, ["3.group=7"])["action"]["plan"]["steps"]
    assert into[2]["group"] == "7"
    assert changed_ask(spec, ["1.group=room"]) == {"action": spec["action"]}


def test_a_wait_is_changed_and_removed() -> None:
    """As JSON, for it has several fields."""
    spec = plan()["spec"]
    gone = changed_ask(spec, ["2.waitUntil="])["action"]["plan"]["steps"]
    assert "waitUntil" not in gone[1]
    other = changed_ask(spec, ['2.waitUntil={"fact":"StoreUp","storeId":4,"timeout":"3h"}'])
    assert other["action"]["plan"]["steps"][1]["waitUntil"]["timeout"] == "3h"
