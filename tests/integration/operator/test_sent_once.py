"""What was sent once is never sent again on the word of a sender that ended well."""

import pytest

from tests.integration.operator.scene import FAST_LEASE, Scene, set_limit

LIMIT = r"/store/\d+/limit"


@pytest.mark.contract
def test_a_restart_while_pd_is_slow_sends_nothing_twice(scene: Scene) -> None:
    """The first request still waits in front of PD when the next leader looks: PD shows the old
    value and the sender is gone, and yet the request is not.
    """
    box = scene.box
    scene.configure(policy={"actionTimeout": "30s"})
    scene.file("slow", set_limit(2, 44))
    scene.await_phase("slow", "Pending")
    box.faults.add("delay_before", method="POST", path=LIMIT, milliseconds=14_000, count=1)
    scene.approve("slow")
    box.wait_for(
        lambda: scene.status("slow").get("execution", {}).get("steps", [{}])[-1].get("answer"),
        20,
        "the lost answer to be on record",
    )
    box.operator(1).stop()
    box.operator(1).start(FAST_LEASE)

    ended = scene.await_phase("slow", "Succeeded", timeout_seconds=60)

    assert "answer was lost" in ended["message"]
    assert [call.body for call in scene.calls()] == ['{"rate":44,"type":"add-peer"}']


@pytest.mark.contract
def test_a_call_that_was_sent_is_never_said_to_be_unsent(scene: Scene) -> None:
    """Cancelled after its sender ended, before anybody knows what came of it: the record must
    not say that the call was never sent.
    """
    box = scene.box
    scene.configure(policy={"actionTimeout": "25s"})
    scene.file("cut", set_limit(2, 45))
    scene.await_phase("cut", "Pending")
    box.faults.add("delay_before", method="POST", path=LIMIT, milliseconds=25_000, count=1)
    scene.approve("cut")
    box.wait_for(
        lambda: scene.status("cut").get("phase") == "Executing", 20, "the intent to be stored"
    )
    box.wait_for(lambda: box.faults.hits() > 0, 20, "the call to be at PD's door")
    box.operator(1).stop()
    scene.cancel("cut")
    box.operator(1).start(FAST_LEASE)

    ended = box.wait_for(
        lambda: scene.status("cut") if scene.status("cut").get("phase") != "Executing" else None,
        90,
        "the proposal to end",
    )

    assert ended["phase"] in ("OutcomeUnknown", "Succeeded")
    assert "before the call was sent" not in ended["message"]
    assert len(scene.calls()) == 1
