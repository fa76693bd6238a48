"""A leader that is frozen (SIGSTOP) around its call and thaws after its successor has acted.

The process stands still at a named moment, is stopped there, and is let go on after another one
leads. PD's journal says what came of it. What these tests show possible is what
docs/security/late-calls.md says.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assent.observability.crash_points import Point
from sandbox.library import KubectlError, Sandbox
from tests.crash.orders import FOLDER, Orders, Post
from tests.integration.operator.scene import FAST_LEASE, Scene, set_limit

ARMED = str(Path(__file__).parents[2] / "crash" / "armed.py")
FROZEN, SUCCESSOR = 1, 2
BY_HAND = 99


class Frozen:
    """Operator 1, which stands still in the middle of a call, and operator 2, which takes over."""

    def __init__(self, scene: Scene, post: Post) -> None:
        self.scene, self.box, self.post = scene, scene.box, post

    def at(self, point: Point, action: dict[str, Any], name: str = "frozen") -> None:
        """Approve it, and stop operator 1 at that moment of its call."""
        self.scene.file(name, action)
        self.scene.await_phase(name, "Pending")
        self.post.give(Orders(stand_at=point.name))
        self.scene.approve(name)
        self.box.wait_for(lambda: point in self.post.passed(), 20, f"{point.name} to be reached")
        self.box.operator(FROZEN).freeze()
        self.post.go_on()

    def thaw(self) -> None:
        """Let operator 1 go on."""
        self.box.operator(FROZEN).thaw()

    def taken_over(self, name: str = "frozen") -> dict[str, Any]:
        """The status once operator 2 owns the open intent."""
        pod = self.box.operator(SUCCESSOR).pod

        def owned() -> dict[str, Any] | None:
            status = self.scene.status(name)
            return status if status.get("execution", {}).get("holder") == pod else None

        return self.box.wait_for(owned, 30, "the successor to own the intent")

    def late_records(self) -> list[str]:
        """The Events that tell of a late call."""
        events = self.box.get("events", "-n", self.scene.namespace)["items"]
        return [item["message"] for item in events if item["reason"] == "LateCall"]


@pytest.fixture
def frozen(stage: Scene, tmp_path: Path) -> Iterator[Frozen]:
    """Operator 1 leads and can be told to stand still; operator 2 stands by."""
    box, orders = stage.box, tmp_path / "orders"
    for number in box.running_operators():
        box.operator(number).stop()
    stage.watch(policy={"actionTimeout": "10s"})
    first, second = box.operator(FROZEN), box.operator(SUCCESSOR)
    first.start({**FAST_LEASE, FOLDER: str(orders)}, command=[sys.executable, ARMED])
    stage.await_state("Watching")
    second.start(FAST_LEASE)
    yield Frozen(stage, Post(orders))
    first.kill()  # an armed one is not to be met by the next test


def a_limit(box: Sandbox) -> dict[str, Any]:
    """An absolute call: it sets a value."""
    return set_limit(2, 41)


def _region(box: Sandbox) -> dict[str, Any]:
    return dict(box.pd.get("/regions/key?key=&limit=1")["regions"][0])


def a_transfer(box: Sandbox) -> dict[str, Any]:
    """PD refuses it where it is already so."""
    region = _region(box)
    leader = region["leader"]["store_id"]
    target = next(peer["store_id"] for peer in region["peers"] if peer["store_id"] != leader)
    change = {"regionId": region["id"], "toStoreId": target}
    return {"type": "TransferLeader", "transferLeader": change}


def a_scatter(box: Sandbox) -> dict[str, Any]:
    """Each call does something anew."""
    return {"type": "ScatterRegion", "scatterRegion": {"regionId": _region(box)["id"]}}


@pytest.mark.contract
def test_an_absolute_call_that_leaves_late_is_the_only_one_and_is_told_of(frozen: Frozen) -> None:
    """Frozen between the last look at the clock and the first byte: nothing can hold that call
    back. Nobody has sent it a second time meanwhile, for a frozen process is not proven gone; the
    record says unknown, and the alert names the call.
    """
    scene = frozen.scene
    frozen.at(Point.CALL_LEAVES, a_limit(frozen.box))
    frozen.taken_over()
    unknown = scene.await_phase("frozen", "OutcomeUnknown", timeout_seconds=40)
    assert scene.calls() == [], "nobody has sent it yet"

    frozen.thaw()

    frozen.box.wait_for(lambda: len(scene.calls()) == 1, 20, "the late call at PD")
    frozen.box.wait_for(frozen.late_records, 20, "the record of the late call")
    (said,) = frozen.late_records()
    assert f"term {unknown['execution']['steps'][0]['epoch']}" in said
    after = scene.status("frozen")
    assert after["phase"] == "OutcomeUnknown", "a fenced process writes no status"
    assert after["execution"] == unknown["execution"]
    assert "kubectl" in after["message"], "how to say what came of it"
    (step,) = after["execution"]["steps"]
    assert (step["call"]["path"], step["before"][0]["value"]) == (
        "/pd/api/v1/store/2/limit",
        "15.0",
    )
    with pytest.raises(KubectlError, match="only somebody with the right to resolve"):
        scene.resolve("frozen", word(scene, "Happened", by="sam"), by="sam")
    with pytest.raises(KubectlError, match="in their own name"):
        scene.resolve("frozen", word(scene, "Happened", by="bert"), by="alice")

    scene.resolve("frozen", word(scene, "Happened"))

    ended = scene.await_phase("frozen", "Succeeded", reason="Resolved")
    assert (ended["history"][-1]["by"], ended["history"][-1]["reason"]) == ("alice", "Resolved")
    assert len(scene.calls()) == 1, "a word asks for no call"


@pytest.mark.long
@pytest.mark.parametrize(
    "action",
    [
        pytest.param(a_transfer, id="refused on repeat"),
        pytest.param(a_scatter, id="never repeat"),
    ],
)
def test_a_call_of_another_class_that_leaves_late_is_the_only_one_too(
    frozen: Frozen, action: Callable[[Sandbox], dict[str, Any]]
) -> None:
    """PD takes minutes over an operator, and so does its verification: the successor still looks
    for the effect when the late call brings it about, and keeps the record.
    """
    scene = frozen.scene
    frozen.at(Point.CALL_LEAVES, action(frozen.box))
    owned = frozen.taken_over()
    assert scene.calls() == [], "nobody has sent it yet"

    frozen.thaw()

    frozen.box.wait_for(lambda: len(scene.calls()) == 1, 20, "the late call at PD")
    frozen.box.wait_for(frozen.late_records, 20, "the record of the late call")
    assert scene.status("frozen")["execution"]["holder"] == owned["execution"]["holder"]


@pytest.mark.long
def test_what_remains_possible_is_one_late_call_over_what_a_person_set(frozen: Frozen) -> None:
    """The one thing that no fence of ours can stop, stated in docs/security/late-calls.md."""
    scene, box = frozen.scene, frozen.box
    frozen.at(Point.CALL_LEAVES, a_limit(box))
    frozen.taken_over()
    box.pd.post("/store/2/limit", {"type": "add-peer", "rate": BY_HAND})
    scene.await_phase("frozen", "OutcomeUnknown", timeout_seconds=40)

    frozen.thaw()

    box.wait_for(lambda: box.pd.get("/stores/limit")["2"]["add-peer"] == 41, 20, "the late value")
    assert box.wait_for(frozen.late_records, 20, "the record of the late call")
    assert len(scene.calls()) == 1


@pytest.mark.long
@pytest.mark.parametrize("point", [Point.INTENT_STORED, Point.LOOKED, Point.FENCED])
def test_a_leader_frozen_before_its_call_sends_nothing_when_it_thaws(
    frozen: Frozen, point: Point
) -> None:
    """The clock is looked at again after each of these moments, and the term is over."""
    scene, box = frozen.scene, frozen.box
    frozen.at(point, a_limit(box))
    frozen.taken_over()
    # The successor goes on with other work, as it would.
    scene.file("other", set_limit(3, 55))
    scene.await_phase("frozen", "OutcomeUnknown", timeout_seconds=40)
    scene.await_phase("other", "Pending")
    scene.approve("other")
    scene.await_phase("other", "Succeeded")

    frozen.thaw()
    box.wait_for(lambda: _stands_by(box), 20, "the thawed process to know that it does not lead")

    assert [call.path for call in scene.calls()] == ["/pd/api/v1/store/3/limit"]
    assert frozen.late_records() == []
    scene.resolve("frozen", word(scene, "DidNotHappen"))
    scene.await_phase("frozen", "Failed", reason="Resolved")


@pytest.mark.long
def test_a_call_at_pds_door_while_its_sender_freezes_is_adopted(frozen: Frozen) -> None:
    """PD acts while the sender is frozen: the successor sees the effect, and sends nothing."""
    scene, box = frozen.scene, frozen.box
    scene.file("frozen", a_limit(box))
    scene.await_phase("frozen", "Pending")
    box.faults.add(
        "delay_after", method="POST", path=r"/store/\d+/limit", milliseconds=12_000, count=1
    )
    scene.approve("frozen")
    box.wait_for(lambda: box.faults.hits() > 0, 20, "the call to be at PD's door")
    box.operator(FROZEN).freeze()
    ended = scene.await_phase("frozen", "Succeeded", timeout_seconds=40)
    assert ended["execution"]["holder"] == box.operator(SUCCESSOR).pod

    frozen.thaw()

    box.wait_for(frozen.late_records, 20, "the record of the late call")
    assert len(scene.calls()) == 1
    assert scene.status("frozen") == ended


def word(scene: Scene, outcome: str, by: str = "alice") -> dict[str, str]:
    """What somebody says came of it."""
    return {"by": by, "outcome": outcome, "digest": scene.status("frozen")["digest"]}


def _stands_by(box: Sandbox) -> bool:
    log = box.layout.log(f"operator-{FROZEN}").read_text()
    return "no longer leading" in log
