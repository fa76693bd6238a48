"""A real operator killed in the middle of a call: judged by PD's journal, never by its own words.

`make crash` runs every pair of moment and action; `make test` one, `make contract` another.
"""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.records import PdRequest
from tests.integration.operator.scene import FAST_LEASE, Scene, evict_leaders

pytestmark = pytest.mark.xdist_group("crash")

WRITES = r"^/pd/api/v1/(schedulers|operators)$"
ENDED = {"Succeeded", "Failed", "RolledBack", "RollbackFailed", "OutcomeUnknown"}
ACTION_TIMEOUT = "20s"
"""How long an effect may take to show; then a call that left no trace is OutcomeUnknown."""


def _evict(_: Scene) -> dict[str, Any]:
    return evict_leaders(2)


def _transfer(scene: Scene) -> dict[str, Any]:
    region = scene.box.pd.get("/regions/key?key=&limit=1")["regions"][0]
    target = next(
        peer["store_id"]
        for peer in region["peers"]
        if peer["store_id"] != region["leader"]["store_id"]
    )
    change = {"regionId": region["id"], "toStoreId": target}
    return {"type": "TransferLeader", "transferLeader": change}


def _before_the_call(scene: Scene) -> None:
    """PD's proxy has the request and holds it back until long after its sender is dead."""
    scene.box.faults.add(
        "delay_before", method="POST", path=WRITES, caller="assent", milliseconds=4000
    )


def _after_pd_did_it(scene: Scene) -> None:
    """PD has done it, and its answer does not reach a living process."""
    scene.box.faults.add(
        "delay_after", method="POST", path=WRITES, caller="assent", milliseconds=4000
    )


def _during_verification(scene: Scene) -> None:
    """The answer came; then PD's stores can no longer be read, so verification goes on."""
    scene.box.faults.add(
        "delay_before", method="GET", path=r"/stores$", caller="assent", milliseconds=2000, count=0
    )


Moment = Callable[[Scene], None]


@pytest.mark.parametrize(
    ("moment", "action"),
    [
        pytest.param(
            _before_the_call,
            _transfer,
            id="before PD has a TransferLeader",
            marks=pytest.mark.contract,
        ),
        pytest.param(_after_pd_did_it, _evict, id="after PD did an EvictLeaders"),
        pytest.param(
            _before_the_call, _evict, id="before PD has an EvictLeaders", marks=pytest.mark.long
        ),
        pytest.param(
            _after_pd_did_it, _transfer, id="after PD did a TransferLeader", marks=pytest.mark.long
        ),
        pytest.param(
            _during_verification,
            _evict,
            id="while EvictLeaders is verified",
            marks=pytest.mark.long,
        ),
        pytest.param(
            _during_verification,
            _transfer,
            id="while TransferLeader is verified",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_killed_operator_leaves_one_effect_at_most_and_an_end(
    stage: Scene, moment: Moment, action: Callable[[Scene], dict[str, Any]]
) -> None:
    """SIGKILL, then the next operator: at most one effect, and the proposal comes to an end."""
    stage.watch(policy={"actionTimeout": ACTION_TIMEOUT})
    stage.box.operator(1).start(FAST_LEASE)
    stage.await_state("Watching")
    stage.file("p1", action(stage))
    stage.await_phase("p1", "Pending")
    moment(stage)
    stage.approve("p1")
    stage.box.wait_for(lambda: _struck(stage, moment), 30, "the call to be at that moment")
    stage.box.operator(1).kill()
    if moment is _during_verification:
        stage.box.faults.clear()
    stage.box.operator(2).start(FAST_LEASE)

    status = stage.box.wait_for(lambda: _ended(stage), 120, "an end")

    assert len(_effects(stage)) <= 1, _effects(stage)
    assert status["execution"]["holder"] == stage.box.operator(2).pod
    if moment is not _before_the_call:
        assert len(_effects(stage)) == 1
        assert status["phase"] == "Succeeded"


def _ended(scene: Scene) -> dict[str, Any] | None:
    status = scene.status("p1")
    return status if status.get("phase") in ENDED else None


def _struck(scene: Scene, moment: Moment) -> bool:
    if moment is _during_verification:
        return bool(_effects(scene))
    return scene.box.faults.hits() > 0


def _effects(scene: Scene) -> list[PdRequest]:
    """The writes of the operator that PD took, by the journal of its proxy."""
    return [call for call in scene.calls() if call.method != "GET" and call.pd_status == 200]
