"""EvictLeaders: when leaders have a place to go, what raises its tier, how far it has come."""

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import EvictLeaders
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.evict_leaders import EvictLeadersAction
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import TIFLASH, snapshot, store, unprepared

ACTION = EvictLeadersAction()
ASK = EvictLeaders(store_id=4)


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def test_a_store_among_healthy_others_may_be_emptied() -> None:
    """The plain case."""
    assert all(isinstance(verdict, Allow) for verdict in verdicts(snapshot()).values())


@pytest.mark.trap("P31")
def test_p31_it_waits_until_pd_is_prepared() -> None:
    """POSTed while the list of schedulers is empty it would overwrite the stored set."""
    found = verdicts(unprepared(snapshot()))
    assert list(found) == ["Prepared"]
    assert isinstance(found["Prepared"], Hold)


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(
            snapshot(leader_schedule_limit=0),
            "LeadersMayMove",
            "LeaderScheduleLimitZero",
            id="P30: it would never progress",
        ),
        pytest.param(
            snapshot(halt_scheduling=True),
            "LeadersMayMove",
            "SchedulingHalted",
            id="a halted PD schedules nothing",
        ),
        pytest.param(
            snapshot(store(1), store(4, state=StoreState.DOWN)),
            "StoreUp",
            "StoreNotUp",
            id="a store that is down leads nothing anyway",
        ),
        pytest.param(
            snapshot(store(3, labels=TIFLASH, leader_count=0), store(4)),
            "LeadersHaveAPlace",
            "NoPlaceForLeaders",
            id="TiFlash takes no leaders",
        ),
        pytest.param(
            snapshot(store(3, state=StoreState.DISCONNECTED), store(4)),
            "LeadersHaveAPlace",
            "NoPlaceForLeaders",
            id="a silent store takes no leaders",
        ),
        pytest.param(
            snapshot(store(3), store(4), evicted_store_ids={3}),
            "LeadersHaveAPlace",
            "NoPlaceForLeaders",
            id="PD permits evicting every store; we do not",
        ),
    ],
)
def test_it_waits(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """What may heal holds, on exactly the check it is about."""
    verdict = verdicts(seen)[check]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (snapshot(store(1)), "StoreUnknown"),
        (snapshot(store(1), store(4, state=StoreState.OFFLINE)), "StoreRemoving"),
        (snapshot(store(1), store(4, labels=TIFLASH, leader_count=0)), "StoreIsTiFlash"),
    ],
)
def test_it_refuses_what_no_waiting_changes(seen: ClusterSnapshot, reason: str) -> None:
    """No such store, one that leaves, one that never leads."""
    reasons = [item.reason for item in verdicts(seen).values() if isinstance(item, Deny)]
    assert reasons == [reason]


def test_a_single_place_is_a_warning() -> None:
    """Two stores are allowed, and the one who approves knows."""
    assert isinstance(verdicts(snapshot(store(3), store(4)))["LeadersHaveAPlace"], Warn)


@pytest.mark.parametrize(
    ("seen", "tier"),
    [
        pytest.param(snapshot(), Tier.MEDIUM, id="a quarter of the leaders, nothing else evicted"),
        pytest.param(
            snapshot(store(1), store(2), store(4)), Tier.MEDIUM, id="a third, as in most clusters"
        ),
        pytest.param(
            snapshot(store(1, leader_count=60), store(4, leader_count=40)),
            Tier.MEDIUM,
            id="exactly 40 % is not more than 40 %",
        ),
        pytest.param(
            snapshot(store(1, leader_count=59), store(4, leader_count=41)),
            Tier.HIGH,
            id="more than 40 % of all leaders",
        ),
        pytest.param(snapshot(evicted_store_ids={1}), Tier.HIGH, id="another store is evicted"),
        pytest.param(
            snapshot(evicted_store_ids={4}), Tier.MEDIUM, id="the store itself is no other"
        ),
        pytest.param(snapshot(store(1)), Tier.MEDIUM, id="an unknown store holds nothing"),
    ],
)
def test_facts_raise_the_tier(seen: ClusterSnapshot, tier: Tier) -> None:
    """Base Medium; High by other evictions or by a large share."""
    assert ACTION.risk(ASK, seen).tier is tier


def test_the_sentences_of_the_risk_do_not_drift() -> None:
    """They are stored in status: a count in them would be a write a minute."""
    few = snapshot(store(1, leader_count=10), store(4, leader_count=11))
    more = snapshot(store(1, leader_count=10), store(4, leader_count=12))
    assert ACTION.risk(ASK, few) == ACTION.risk(ASK, more)


def test_progress_goes_from_not_seen_by_seen_to_settled() -> None:
    """Listed is only half of it: the store must lead nothing."""
    before = ACTION.before(ASK, snapshot())
    assert ACTION.verify(ASK, before, snapshot()).progress is Progress.NOT_SEEN
    listed = ACTION.verify(ASK, before, snapshot(evicted_store_ids={4}))
    assert listed.progress is Progress.SEEN
    assert "100 regions" in listed.message
    empty = snapshot(store(1), store(4, leader_count=0), evicted_store_ids={4})
    settled = ACTION.verify(ASK, before, empty)
    assert settled.progress is Progress.SETTLED
    assert settled.after == (Fact(name="evicted", value="true"), Fact(name="leaders", value="0"))


def test_the_goal_is_required() -> None:
    """A store that keeps leaders is not ready for maintenance: that is a failure."""
    assert ACTION.goal_required
    assert ACTION.timeout_seconds is None


def test_undo_ends_the_eviction_of_this_store_only() -> None:
    """P29: never the scheduler as a whole."""
    undo = ACTION.inverse(ASK, ACTION.before(ASK, snapshot(evicted_store_ids={1})))
    assert undo is not None
    assert undo.line == ("DELETE /pd/api/v1/scheduler-config/evict-leader-scheduler/delete/4")


@pytest.mark.parametrize(
    "before", [(), ACTION.before(ASK, snapshot(evicted_store_ids={4}))], ids=["unknown", "evicted"]
)
def test_an_eviction_that_was_there_before_is_not_undone(before: tuple[Fact, ...]) -> None:
    """It was somebody else's, or nothing is known of it."""
    assert ACTION.inverse(ASK, before) is None


@pytest.mark.trap("P15")
def test_p15_an_unprepared_pd_proves_no_before_value() -> None:
    """It shows no eviction of any store: no licence to send anything again."""
    before = ACTION.before(ASK, snapshot())
    assert ACTION.unchanged(ASK, before, snapshot())
    assert ACTION.unchanged(ASK, before, snapshot(store(1), store(4, leader_count=7)))
    assert not ACTION.unchanged(ASK, before, unprepared(snapshot()))
    assert not ACTION.unchanged(ASK, before, snapshot(evicted_store_ids={4}))


def test_what_it_says_of_itself() -> None:
    """The words people approve, and the call behind them."""
    assert ACTION.sentence(ASK) == "evict all leaders from store 4"
    assert ACTION.pd_ctl(ASK) == "pd-ctl scheduler add evict-leader-scheduler 4"
    assert ACTION.scope(ASK) == Scope(frozenset({4}))
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/schedulers {"name":"evict-leader-scheduler","store_id":4}'
    )
    target = ACTION.target(ASK, snapshot())
    assert target is not None
    assert target.identity == [Fact(name="address", value="tikv-4.tikv-peer.db.svc:20160")]
    assert ACTION.target(ASK, snapshot(store(1))) is None
