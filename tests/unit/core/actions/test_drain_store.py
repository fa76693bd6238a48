"""DrainStore: when a store may leave, how far it is, and the way back with its limit (P28)."""

from dataclasses import replace

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import DrainStore
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.drain_store import DrainStoreAction
from assent.core.model.member import Removal
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import SETTINGS, TIFLASH, store, unprepared
from tests.unit.core.actions.leaving import cluster, four

ACTION = DrainStoreAction()
ASK = DrainStore(store_id=4)
BEFORE = ACTION.before(ASK, cluster())
UP = "/pd/api/v1/store/4/state?state=Up"
LEAVING = {"state": StoreState.OFFLINE, "remove_peer_limit_per_minute": 1e8}


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def leaving(regions: int = 300, **shown: object) -> ClusterSnapshot:
    return replace(four(**LEAVING, leader_count=0, region_count=regions), **shown)  # type: ignore[arg-type]


def buried() -> ClusterSnapshot:
    tombstone = store(4, state=StoreState.TOMBSTONE, leader_count=0, region_count=0)
    return cluster(store(1), store(2), store(3), tombstones=(tombstone,))


def test_a_store_among_healthy_others_may_leave() -> None:
    """The plain case: every check passes."""
    assert all(isinstance(verdict, Allow) for verdict in verdicts(cluster()).values())


def test_it_looks_at_everything_that_pd_does_not() -> None:
    """What each finds is tested with the check itself."""
    assert list(verdicts(cluster())) == [
        "Prepared",
        "StoreStays",
        "LimitShown",
        "NoOtherRemoval",
        "ReplicasFit",
        "LabelsFit",
        "RulesFit",
        "SpaceFits",
        "LeadersHaveAPlace",
        "RegionsWhole",
        "ReplicasMayMove",
        "OperatorsAllowed",
    ]


def test_it_waits_until_pd_is_prepared() -> None:
    """Nothing is judged from what PD shows just after a leader change (P15)."""
    assert list(verdicts(unprepared(cluster()))) == ["Prepared"]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(cluster(store(1)), "StoreUnknown", id="PD lists no such store"),
        pytest.param(four(**LEAVING), "StoreRemoving", id="somebody else drains it"),
        pytest.param(
            four(labels=TIFLASH, leader_count=0), "StoreIsTiFlash", id="TiDB places its replicas"
        ),
    ],
)
def test_it_refuses_what_no_waiting_changes(seen: ClusterSnapshot, reason: str) -> None:
    """A second drain would be somebody else's, and so would its end."""
    verdict = verdicts(seen)["StoreStays"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    "changes",
    [{"state": StoreState.DOWN}, {"state": StoreState.DISCONNECTED}, {"last_heartbeat": None}],
    ids=["down", "disconnected", "never heard of"],
)
def test_a_dead_store_may_leave_with_a_warning(changes: dict[str, object]) -> None:
    """That is how a dead one is replaced: its data is copied from the others."""
    found = verdicts(four(**changes))
    assert isinstance(found["StoreStays"], Warn)
    assert not any(isinstance(verdict, (Hold, Deny)) for verdict in found.values())


def test_p28_without_a_shown_limit_it_waits() -> None:
    """There would be no way back to it."""
    verdict = verdicts(four(remove_peer_limit_per_minute=None))["LimitShown"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == "LimitUnknown"


def test_p18_it_waits_while_pd_takes_no_operators() -> None:
    """PD moves replicas by operators."""
    assert isinstance(verdicts(cluster(scheduler_max_waiting_operator=0))["OperatorsAllowed"], Hold)


def test_p27_the_call_has_no_query() -> None:
    """The mere presence of `force` would declare the data lost."""
    assert ACTION.call(ASK).line == "DELETE /pd/api/v1/store/4"


def test_p28_the_before_values_hold_both_limits() -> None:
    """PD lifts the one and, when it is taken back, sets both."""
    assert ACTION.before(ASK, cluster()) == (
        Fact(name="state", value="Up"),
        Fact(name="regions", value="300"),
        Fact(name="removePeerLimitPerMinute", value="15.0"),
        Fact(name="addPeerLimitPerMinute", value="15.0"),
    )
    assert ACTION.before(ASK, cluster(store(1))) == (Fact(name="state", value="gone"),)
    assert ACTION.before(ASK, buried()) == (Fact(name="state", value="Tombstone"),)


def test_progress_goes_from_not_seen_by_seen_to_settled() -> None:
    """It is done only when PD has made it a tombstone."""
    assert ACTION.verify(ASK, BEFORE, cluster()).progress is Progress.NOT_SEEN
    assert ACTION.verify(ASK, BEFORE, leaving(100)).progress is Progress.SEEN
    assert ACTION.verify(ASK, BEFORE, leaving(0)).progress is Progress.SEEN
    assert ACTION.verify(ASK, BEFORE, buried()).progress is Progress.SETTLED
    assert ACTION.verify(ASK, BEFORE, cluster(store(1))).progress is Progress.SETTLED


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        pytest.param(
            leaving(120),
            "store 4 still holds 120 of 300 regions, 60 % moved",
            id="by the regions, after PD has forgotten its own count",
        ),
        pytest.param(
            leaving(120, removals={4: Removal(63, 5400.0)}),
            "store 4 still holds 120 of 300 regions, 63 % moved; PD expects 1 h 30 min more",
            id="by PD's own count",
        ),
        pytest.param(
            leaving(300, removals={4: Removal(0, 20.0)}),
            "store 4 still holds 300 of 300 regions, 0 % moved; PD expects 1 min more",
            id="never less than a minute",
        ),
        pytest.param(
            leaving(310, removals={4: Removal(0, None)}),
            "store 4 still holds 310 of 300 regions, 0 % moved; nothing moves: PD has not begun, "
            "or finds no place (add-peer limits of the others, labels, rules)",
            id="more than before, and no estimate",
        ),
        pytest.param(
            leaving(300, settings={**SETTINGS, "replica-schedule-limit": "0"}),
            "store 4 still holds 300 of 300 regions, 0 % moved; nothing moves: "
            "replica-schedule-limit is 0: PD moves no replica (P30)",
            id="P30: the limit that stops it",
        ),
    ],
)
def test_it_says_how_far_it_is(seen: ClusterSnapshot, message: str) -> None:
    """People wait for it for days."""
    assert ACTION.verify(ASK, BEFORE, seen).message == message


def test_an_empty_store_has_no_percentage() -> None:
    """Nothing of nothing has moved."""
    before = ACTION.before(ASK, four(region_count=0, leader_count=0))
    message = ACTION.verify(ASK, before, leaving(0)).message
    assert "% moved" not in message
    assert ACTION.verify(ASK, (), leaving(5)).message == "store 4 still holds 5 regions"


def test_the_undo_brings_the_store_back() -> None:
    """One call; PD restores the limits that it remembers."""
    undo = ACTION.inverse(ASK, BEFORE)
    assert undo is not None
    assert undo.line == f"POST {UP}"
    assert ACTION.inverse_follow_up(ASK, BEFORE, cluster()) is None


def test_p28_the_limit_is_restored_by_a_second_call() -> None:
    """After a change of PD's leader it stays unlimited; not before the store is back."""
    forgotten = four(remove_peer_limit_per_minute=1e8)
    assert not ACTION.unchanged(ASK, BEFORE, forgotten)
    call = ACTION.inverse_follow_up(ASK, BEFORE, forgotten)
    assert call is not None
    assert call.line == 'POST /pd/api/v1/store/4/limit {"rate":15.0,"type":"remove-peer"}'
    assert ACTION.inverse_follow_up(ASK, BEFORE, leaving()) is None
    assert ACTION.inverse_follow_up(ASK, BEFORE, cluster(store(1))) is None
    assert ACTION.inverse_follow_up(ASK, (), forgotten) is None


@pytest.mark.parametrize(
    "seen", [leaving(), buried(), cluster(store(1))], ids=["leaving", "buried", "unknown"]
)
def test_what_was_leaving_or_gone_before_is_not_brought_back(seen: ClusterSnapshot) -> None:
    """It was somebody else's drain."""
    assert ACTION.inverse(ASK, ACTION.before(ASK, seen)) is None
    assert not ACTION.unchanged(ASK, ACTION.before(ASK, seen), seen)


def test_unchanged_is_about_state_and_limit_only() -> None:
    """Regions and health change by themselves."""
    assert ACTION.unchanged(ASK, BEFORE, four(region_count=7, leader_count=0))
    assert ACTION.unchanged(ASK, BEFORE, four(state=StoreState.DISCONNECTED))
    assert not ACTION.unchanged(ASK, BEFORE, leaving())
    assert not ACTION.unchanged(ASK, BEFORE, four(remove_peer_limit_per_minute=16.0))
    assert not ACTION.unchanged(ASK, (), cluster())


def test_only_a_tombstone_is_already_done() -> None:
    """A removal that has begun is not done: plans would go on too early."""
    assert ACTION.already_done(ASK, buried())
    assert not ACTION.already_done(ASK, leaving())
    assert not ACTION.already_done(ASK, cluster())
    assert not ACTION.already_done(ASK, cluster(store(1)))


def test_a_tombstone_keeps_its_identity() -> None:
    """What was approved must still be what is looked at when it is over."""
    assert ACTION.target(ASK, buried()) == ACTION.target(ASK, cluster())
    assert ACTION.target(ASK, cluster(store(1))) is None


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what the engine goes by."""
    assert ACTION.sentence(ASK) == "remove store 4 after moving all of its data to the others"
    assert ACTION.pd_ctl(ASK) == "pd-ctl store delete 4"
    assert ACTION.scope(ASK) == Scope(frozenset({4}))
    assert ACTION.risk(ASK, cluster()).tier is Tier.HIGH
    assert ACTION.reversibility is Reversibility.PARTLY
    assert ACTION.idempotency is Idempotency.ABSOLUTE
    assert ACTION.waits
    assert ACTION.goal_required
    assert ACTION.timeout_seconds == 14 * 86400
    assert ACTION.wanted(ASK).readings == {
        Reading.REPLICATION,
        Reading.PLACEMENT,
        Reading.TOMBSTONES,
        Reading.REMOVALS,
    }
