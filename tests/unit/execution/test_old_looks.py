"""PD has no compare-and-swap: a call is sent by a fresh look, or looked for anew.

Between the look that decided and the call stands the write of its intent. When the API server takes
its time over that, what somebody has set in PD meanwhile would be overwritten without a word.
"""

from collections.abc import Callable

import pytest
from aiohttp import web

from assent.execution.sending import LOOK_LASTS
from tests.support.fake_kube import lose, refusal
from tests.support.fake_pd import answer
from tests.support.proposals import LIMIT_4
from tests.unit.execution.relay import states
from tests.unit.execution.rig import Rig
from tests.unit.execution.test_plan_flights import TWO
from tests.unit.execution.test_stopping import STATUS

LONG_SECONDS = LOOK_LASTS.total_seconds() + 5.0
SHORT_SECONDS = LOOK_LASTS.total_seconds() / 2
THEIRS = 99.0


def down() -> web.Response:
    """The API server stores nothing for now."""
    return refusal(503, "ServiceUnavailable", "no leader")


async def undo_is_stored_late(op: Rig, seconds: float, meanwhile: Callable[[], None]) -> None:
    """Let the second step miss, and the intent of the first one's undo be so long in storing."""

    def passing() -> web.Response:
        meanwhile()
        op.clock.advance(seconds)
        return down()

    op.pd.answers[("POST", "/pd/api/v1/store/2/limit")] = lambda _: answer(200, "yes")
    await op.approved("p1", TWO)
    await op.reconcile("p1")
    await op.until(lambda: op.sent == 2)
    op.server.order("PATCH", STATUS, down)
    op.server.order("PATCH", STATUS, passing)
    await op.time_is_up()


async def test_an_undo_whose_intent_took_long_leaves_alone_what_was_set_meanwhile(op: Rig) -> None:
    """The value that was to be taken back is not ours any more."""

    def somebody_sets_it() -> None:
        op.pd.stores[1].add_peer = THEIRS

    await undo_is_stored_late(op, LONG_SECONDS, somebody_sets_it)
    status = await op.until_phase("p1", "RollbackFailed")
    assert status["reason"] == "ChangedSince"
    assert op.pd.stores[1].add_peer == THEIRS


@pytest.mark.parametrize("seconds", [SHORT_SECONDS, LONG_SECONDS])
async def test_an_undo_whose_intent_took_long_is_sent_when_nothing_changed(
    op: Rig, seconds: float
) -> None:
    """The control: late or in time, what is still ours is taken back, once."""
    await undo_is_stored_late(op, seconds, lambda: None)
    await op.until_phase("p1", "RolledBack")
    assert op.pd.stores[1].add_peer == 15.0
    assert op.calls.count(("POST", "/store/1/limit")) == 2


async def claim_is_read_back_late(op: Rig, seconds: float, meanwhile: Callable[[], None]) -> None:
    """Lose the answer to the claim's write, and let its reading back take so long."""

    def passing() -> web.Response:
        meanwhile()
        op.clock.advance(seconds)
        return down()

    def lost() -> web.Response | None:
        op.server.order("GET", "/actionproposals/p1$", passing)
        return lose()

    await op.approved("p1", LIMIT_4)
    op.server.order("PATCH", STATUS, lost, after_storing=True)
    await op.reconcile("p1")


async def test_a_claim_read_back_late_captures_what_pd_shows_then(op: Rig) -> None:
    """Withheld, for its before-value is history: decided anew, the undo would bring back theirs."""

    def somebody_sets_it() -> None:
        op.pd.stores[4].add_peer = THEIRS

    await claim_is_read_back_late(op, LONG_SECONDS, somebody_sets_it)
    await op.until_phase("p1", "Approved")
    await op.until_idle("p1")
    assert (states(op), op.calls) == (["NotDone"], [])
    op.clock.advance(60)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Succeeded")
    before = {item["name"]: item["value"] for item in status["execution"]["steps"][-1]["before"]}
    assert "99" in str(before)
    assert op.calls == [("POST", "/store/4/limit")]


async def test_a_claim_read_back_in_time_is_sent(op: Rig) -> None:
    """The control: a look is not thrown away for one lost answer."""
    await claim_is_read_back_late(op, SHORT_SECONDS, lambda: None)
    await op.until_phase("p1", "Succeeded")
    assert states(op) == ["Done"]
    assert op.calls == [("POST", "/store/4/limit")]
