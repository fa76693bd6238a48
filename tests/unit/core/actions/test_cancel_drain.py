"""CancelDrain: the store stays, and both of its limits are right afterwards (P28)."""

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import CancelDrain
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.cancel_drain import CancelDrainAction
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import TIFLASH, store, unprepared
from tests.unit.core.actions.leaving import cluster, four

ACTION = CancelDrainAction()
ASK = CancelDrain(store_id=4)
WITH_40 = CancelDrain(store_id=4, remove_peer_per_minute=40)


def leaving(limit: float | None = 1e8, **changes: object) -> ClusterSnapshot:
    return four(state=StoreState.OFFLINE, remove_peer_limit_per_minute=limit, **changes)


BEFORE = ACTION.before(ASK, leaving())


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def follow_up(ask: CancelDrain, seen: ClusterSnapshot) -> str | None:
    call = ACTION.follow_up(ask, BEFORE, seen)
    return None if call is None else call.line


def test_a_removal_can_be_stopped() -> None:
    """The plain case."""
    assert all(isinstance(verdict, Allow) for verdict in verdicts(leaving()).values())
    assert list(verdicts(unprepared(leaving()))) == ["Prepared"]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(cluster(store(1)), "StoreUnknown", id="a tombstone does not come back"),
        pytest.param(leaving(physically_destroyed=True), "StoreDestroyed", id="P27: forced"),
    ],
)
def test_it_refuses_where_there_is_no_way_back(seen: ClusterSnapshot, reason: str) -> None:
    """PD would say no as well."""
    verdict = verdicts(seen)["StoreCanStay"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


@pytest.mark.parametrize("state", [StoreState.UP, StoreState.DISCONNECTED, StoreState.DOWN])
def test_p12_a_store_that_nobody_removes_needs_no_call(state: StoreState) -> None:
    """PD would answer 200 and do nothing: nothing is sent, and the reason is said."""
    seen = four(state=state)
    verdict = verdicts(seen)["StoreCanStay"]
    assert isinstance(verdict, Warn)
    assert verdict.message == f"store 4 is {state}: it is not being removed (P12)"
    assert ACTION.already_done(ASK, seen)
    assert not ACTION.already_done(ASK, leaving())
    assert not ACTION.already_done(ASK, cluster(store(1)))


def test_without_a_shown_limit_it_waits() -> None:
    """Nobody could say whether it is right afterwards."""
    assert isinstance(verdicts(leaving(None))["LimitShown"], Hold)


def test_the_call() -> None:
    """Exactly this query, and no body."""
    assert ACTION.call(ASK).line == "POST /pd/api/v1/store/4/state?state=Up"


@pytest.mark.parametrize(
    ("ask", "seen", "line"),
    [
        pytest.param(ASK, leaving(), None, id="not before the store stays"),
        pytest.param(ASK, cluster(store(1)), None, id="nor when it is gone"),
        pytest.param(ASK, four(), None, id="PD remembered its 15"),
        pytest.param(
            ASK, four(remove_peer_limit_per_minute=40.0), None, id="PD remembered another limit"
        ),
        pytest.param(
            ASK,
            four(remove_peer_limit_per_minute=1e8),
            '{"rate":15.0,"type":"remove-peer"}',
            id="P28: PD has forgotten it, so its default",
        ),
        pytest.param(
            ASK,
            four(remove_peer_limit_per_minute=1e8, labels=TIFLASH, leader_count=0),
            '{"rate":30.0,"type":"remove-peer"}',
            id="TiFlash has another default",
        ),
        pytest.param(
            WITH_40, four(), '{"rate":40.0,"type":"remove-peer"}', id="what was asked for"
        ),
        pytest.param(WITH_40, four(remove_peer_limit_per_minute=40.0), None, id="is set already"),
        pytest.param(
            WITH_40,
            four(remove_peer_limit_per_minute=1e8, add_peer_limit_per_minute=99.0),
            '{"rate":40.0,"type":"remove-peer"}',
            id="remove-peer first",
        ),
        pytest.param(
            ASK,
            four(add_peer_limit_per_minute=99.0),
            '{"rate":15.0,"type":"add-peer"}',
            id="PD has set add-peer back, too: as it was before the call",
        ),
        pytest.param(
            ASK, four(remove_peer_limit_per_minute=None), None, id="what PD does not show"
        ),
    ],
)
def test_p28_the_limits_are_set_right_by_a_follow_up(
    ask: CancelDrain, seen: ClusterSnapshot, line: str | None
) -> None:
    """It looks at what PD shows, so it comes to an end by itself."""
    wanted = None if line is None else f"POST /pd/api/v1/store/4/limit {line}"
    assert follow_up(ask, seen) == wanted


def test_progress_goes_by_state_and_then_by_limit() -> None:
    """SEEN while a limit is still to be set; the message has the call for a person to make."""
    assert ACTION.verify(ASK, BEFORE, leaving()).progress is Progress.NOT_SEEN
    assert ACTION.verify(ASK, BEFORE, cluster(store(1))).progress is Progress.NOT_SEEN
    half = ACTION.verify(ASK, BEFORE, four(remove_peer_limit_per_minute=1e8))
    assert half.progress is Progress.SEEN
    assert 'still to do: POST /pd/api/v1/store/4/limit {"rate":15.0' in half.message
    whole = ACTION.verify(ASK, BEFORE, four())
    assert whole.progress is Progress.SETTLED
    assert whole.message == "store 4 is Up and stays; its remove-peer limit is 15 a minute"
    unknown = ACTION.verify(ASK, BEFORE, four(remove_peer_limit_per_minute=None))
    assert unknown.message == "store 4 is Up and stays"


def test_the_undo_removes_the_store_again_under_its_limits() -> None:
    """PD sets remove-peer to unlimited, also where somebody had slowed the removal down."""
    undo = ACTION.inverse(ASK, BEFORE)
    assert undo is not None
    assert undo.line == "DELETE /pd/api/v1/store/4"
    slow = ACTION.before(ASK, leaving(7.5))
    assert ACTION.unchanged(ASK, slow, leaving(7.5))
    assert not ACTION.unchanged(ASK, slow, leaving(1e8))
    call = ACTION.inverse_follow_up(ASK, slow, leaving(1e8))
    assert call is not None
    assert call.body == {"rate": 7.5, "type": "remove-peer"}
    assert ACTION.inverse_follow_up(ASK, slow, leaving(7.5)) is None
    assert ACTION.inverse_follow_up(ASK, slow, four()) is None
    assert ACTION.inverse_follow_up(ASK, slow, cluster(store(1))) is None


def test_what_nobody_removed_before_is_not_removed_by_an_undo() -> None:
    """It would be a drain that nobody asked for."""
    before = ACTION.before(ASK, four())
    assert ACTION.inverse(ASK, before) is None
    assert ACTION.inverse(ASK, ()) is None
    assert not ACTION.unchanged(ASK, before, four())
    assert not ACTION.unchanged(ASK, BEFORE, cluster(store(1)))


def test_the_before_values() -> None:
    """The state, and both limits: PD sets both."""
    names = [fact.name for fact in BEFORE]
    assert names == ["state", "regions", "removePeerLimitPerMinute", "addPeerLimitPerMinute"]
    assert BEFORE[0] == Fact(name="state", value="Offline")


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what the engine goes by."""
    assert ACTION.sentence(ASK) == "stop the removal of store 4"
    assert ACTION.sentence(WITH_40) == (
        "stop the removal of store 4, with a remove-peer limit of 40 a minute"
    )
    assert ACTION.pd_ctl(ASK) == (
        "pd-ctl store cancel-delete 4; pd-ctl store limit 4 15 remove-peer"
    )
    assert ACTION.pd_ctl(WITH_40).endswith("store limit 4 40 remove-peer")
    assert ACTION.scope(ASK) == Scope(frozenset({4}))
    assert ACTION.risk(ASK, leaving()).tier is Tier.MEDIUM
    assert ACTION.reversibility is Reversibility.FULLY
    assert ACTION.idempotency is Idempotency.ABSOLUTE
    assert not ACTION.goal_required, "a wrong limit is no reason to drain again"
    assert ACTION.ends == {ActionType.DRAIN_STORE}
