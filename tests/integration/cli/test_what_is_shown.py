"""What whoever decides is shown on real parts: a plan's waits, and everything that holds it."""

import pytest

from assent.cli.failures import Exit
from tests.integration.cli.conftest import Hands
from tests.integration.operator.scene import Scene, set_limit

pytestmark = pytest.mark.contract

WAIT = {"fact": "StoreUp", "storeId": 2, "timeout": "2h"}
PLAN = {
    "type": "Plan",
    "plan": {
        "steps": [
            {**set_limit(2, 30), "group": "room"},
            {**set_limit(3, 30), "group": "room", "waitUntil": WAIT},
            set_limit(4, 30),
        ]
    },
}
LINES = [
    "1. set the add-peer limit of store 2 to 30 a minute [group room]",
    "2. set the add-peer limit of store 3 to 30 a minute [group room]; then wait until store 2 is "
    "Up (at most 2h)",
    "3. set the add-peer limit of store 4 to 30 a minute",
]


def words(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def test_a_plan_is_approved_with_its_waits_and_groups_on_the_screen(
    scene: Scene, hands: Hands
) -> None:
    """In the operator's own words; a wait is taken out by the line that the page names."""
    scene.file("plan", PLAN)
    scene.await_phase("plan", "Pending")
    for command in ("proposals show plan", "approve plan --dry-run=server"):
        shown = words(hands.does(hands.here(command), user="alice"))
        assert [line for line in LINES if line not in shown] == []
    hands.does(hands.here("proposals modify plan 2.waitUntil= 1.group= 2.group="), user="alice")
    scene.box.wait_for(lambda: scene.status("plan").get("revision") == 2, 30, "the second revision")
    shown = words(hands.does(hands.here("proposals show plan"), user="bert"))
    assert "[group" not in shown.partition("Cluster")[0]
    assert "wait until" not in shown.partition("Cluster")[0]


def test_two_brakes_are_named_until_both_are_off(scene: Scene, hands: Hands) -> None:
    """Whoever takes off one is told of the other, and nothing runs before."""
    scene.file("limit", set_limit(2, 30))
    scene.await_phase("limit", "Pending")
    hands.does(hands.here("proposals suspend prod"))
    hands.does(["proposals", "halt", "stop", "--reason", "leaders move"])
    try:
        scene.box.wait_for(lambda: len(held(scene)) == 2, 30, "both brakes on the proposal")
        late = hands.type(hands.here("approve limit --wait --timeout 5s"), user="alice")
        assert late.code == Exit.TIME_OVER
        assert "It waits until these end: TiKVCluster prod is suspended; Halt stop" in words(
            late.out
        )
        assert "limit still waits: TiKVCluster prod is suspended; Halt stop" in late.err
        shown = words(hands.does(hands.here("proposals show limit"), user="alice"))
        now = shown.partition("Why it is not running")[2]
        assert now.count("TiKVCluster prod is suspended") == 1
        assert now.count("Halt stop stops everything") == 1
        assert f"kubectl proposals resume prod -n {scene.namespace} kubectl proposals unhalt" in now
        resumed = hands.does(hands.here("proposals resume prod"))
        assert "nothing goes on there, for Halt stop still stands" in resumed
    finally:
        hands.does(["proposals", "unhalt", "stop"])
    scene.await_phase("limit", "Succeeded")


def held(scene: Scene) -> list[str]:
    """The checks that hold it."""
    gates = scene.status("limit").get("gates") or []
    return [one["name"] for one in gates if one["verdict"] == "hold"]
