"""Steps that wait in PD for hours, as drains do: who has enough of one is heard at once."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.parameters.store import DrainStore
from assent.execution import flight
from assent.kube.resources import KINDS
from tests.support.fake_pd import answer
from tests.unit.execution.rig import NS, Rig

DRAIN_4 = action(DrainStore(store_id=4))
MORE: dict[str, Any] = {
    "config/replicate": {
        "max-replicas": 3,
        "location-labels": "",
        "isolation-level": "",
        "enable-placement-rules": "false",
    },
    "config/rules": [],
    "config/schedule": {
        "leader-schedule-limit": 4,
        "replica-schedule-limit": 64,
        "region-schedule-limit": 2048,
        "enable-replace-offline-replica": True,
        "scheduler-max-waiting-operator": 5,
        "max-store-down-time": "30m0s",
        "low-space-ratio": 0.8,
    },
    "stores/progress": {
        "action": "removing",
        "progress": 0.25,
        "current_speed": 0,
        "left_seconds": 1.7976931348623157e308,
    },
}
"""What a drain is judged by, beside what every look at PD reads."""


def says(body: Any) -> Callable[[httpx.Request], httpx.Response]:
    """Return what answers with this."""
    return lambda _: answer(200, body)


@pytest.fixture
async def waiting(op: Rig) -> Rig:
    """A drain that PD has begun, where nothing moves any more; no time passes."""

    def offline(_: httpx.Request) -> httpx.Response:
        op.pd.stores[4].state_name = "Offline"
        return answer(200, "The store is set as Offline.")

    op.pd.answers |= {("GET", f"/pd/api/v1/{path}"): says(body) for path, body in MORE.items()}
    op.pd.answers[("DELETE", "/pd/api/v1/store/4")] = offline
    await op.approved("p1", DRAIN_4)
    await op.reconcile("p1")
    await op.until(lambda: op.status("p1")["reason"] == "Waiting")
    return op


async def test_a_cancel_is_heard_though_nothing_moves(waiting: Rig) -> None:
    """Who cancels a drain that is stuck needs it most; nothing is stored then, so no conflict of a
    write tells of the edit.
    """
    sent = waiting.sent
    waiting.cancel("p1")
    waiting.executor.nudge(f"{NS}/p1")
    status = await waiting.until_phase("p1", "Failed")
    assert status["reason"] == "Cancelled"
    assert "sre-9 cancelled it; no further call is sent, and PD goes on" in status["message"]
    assert waiting.sent == sent


async def test_a_cancel_is_heard_also_when_no_watch_tells_of_it(
    waiting: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch may be behind or broken: the next look finds it by itself."""
    monkeypatch.setattr(flight, "WAITING_LOOK_SECONDS", 0.05)
    waiting.executor.nudge(f"{NS}/p1")
    waiting.server.listeners.clear()
    waiting.cancel("p1")
    await waiting.until(lambda: waiting.status("p1")["reason"] == "Cancelled")


async def test_a_proposal_that_is_gone_is_waited_for_no_longer(waiting: Rig) -> None:
    """Nobody is left whose record the wait would be."""
    sent = waiting.sent
    waiting.server.delete(KINDS.proposal, NS, "p1")
    waiting.executor.nudge(f"{NS}/p1")
    await waiting.until_idle("p1")
    assert waiting.sent == sent
