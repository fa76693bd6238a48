"""LeaderImbalance: what counts as one, what explains it, which one region is proposed."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import EvictLeaders
from assent.api.v1alpha1.tikvcluster import LeaderImbalanceRule
from assent.core.detection.finding import Memory, Observed, Sighting
from assent.core.detection.leader_imbalance import detect
from assent.core.detection.suspicion import Suspicion
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, StoreState
from assent.core.model.tidb_operator import TidbOperatorFacts
from tests.support.snapshots import DEFAULT_SCHEDULERS, NOW, TIFLASH, region, snapshot, store

RULE = LeaderImbalanceRule(
    above_mean_percent=50, clear_percent=30, minimum_leaders=20, lasting="10m"
)
UNBALANCED = tuple(name for name in DEFAULT_SCHEDULERS if name != "balance-leader-scheduler")
KEY = "LeaderImbalance/store/1"


def spread(*leaders: int, **changes: Any) -> ClusterSnapshot:
    """Return stores 1, 2, 3 … with these leaders, and region 10 led by store 1."""
    stores = [store(number, leader_count=count) for number, count in enumerate(leaders, 1)]
    return snapshot(*stores, **{"sample": (region(10),), **changes})


def look(
    seen: ClusterSnapshot, memory: Memory | None = None, **observed: Any
) -> tuple[Suspicion, ...]:
    return detect(Observed(seen, **observed), RULE, memory or Memory(), NOW)


def test_half_above_the_mean_is_too_much() -> None:
    """The minimal positive: the mean is 100, store 1 leads 150."""
    (found,) = look(spread(150, 75, 75))
    assert found.key == KEY
    assert found.action == action(TransferLeader(region_id=10, to_store_id=2))
    assert found.must_last_seconds == 600


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (spread(149, 76, 75), "one leader less"),
        (spread(100, 100, 100), "spread evenly"),
        (spread(55, 28, 27), "half above, but by fewer leaders than the minimum"),
        (spread(500), "a single store has them all"),
        (spread(0, 0, 0), "nobody leads anything"),
    ],
)
def test_less_is_nothing(seen: ClusterSnapshot, why: str) -> None:
    """The nearest negatives."""
    assert look(seen) == (), why


def test_a_weighted_store_leads_as_much_as_it_should() -> None:
    """PD spreads leaders by weight: twice the weight, twice the leaders."""
    heavy = store(1, leader_count=200, leader_weight=2.0)
    assert look(snapshot(heavy, store(2), store(3))) == ()
    (found,) = look(snapshot(store(1), store(2, leader_weight=0.0)))
    assert found.target == "store/2"


def test_weights_of_zero_everywhere_mean_equal_shares() -> None:
    """Nothing is divided by zero."""
    stores = [store(number, leader_weight=0.0) for number in (1, 2, 3)]
    assert look(snapshot(*stores)) == ()


@pytest.mark.parametrize(
    "changes",
    [{"labels": TIFLASH}, {"state": StoreState.DOWN}, {"last_heartbeat": None}],
    ids=["TiFlash", "down", "silent"],
)
def test_stores_that_cannot_lead_do_not_lower_the_mean(changes: dict[str, Any]) -> None:
    """100, 100 and one that cannot lead: nobody has too many."""
    assert look(snapshot(store(1), store(2), store(3, leader_count=0, **changes))) == ()


def test_an_imbalance_by_eviction_is_cured_there() -> None:
    """Three stores, one emptied: the others carry half more. No proposal of its own."""
    found = look(spread(150, 150, 0, evicted_store_ids={3}))
    assert [item.target for item in found] == ["store/1", "store/2"]
    for item in found:
        assert item.action is None
        assert item.explained_by == "LeftoverEviction/store/3"
        assert (item.no_action or "").startswith("No action, because leaders are evicted")
        assert "cured where the eviction ends" in (item.no_action or "")
        assert item.clock == "evicted"


def test_an_emptied_store_of_four_is_too_little_to_explain_anything() -> None:
    """A third more each is below the threshold: nothing is said."""
    assert look(spread(133, 133, 133, 0, evicted_store_ids={4})) == ()


def test_an_eviction_does_not_excuse_what_it_did_not_cause() -> None:
    """Among the stores that may lead, store 1 has far too many."""
    (found,) = look(spread(240, 30, 30, 0, evicted_store_ids={4}))
    assert found.explained_by is None
    assert found.action is not None


def test_once_reported_it_ends_only_below_the_lower_threshold() -> None:
    """Hysteresis: 140 of a mean of 100 neither begins nor ends it."""
    seen = spread(140, 80, 80)
    assert look(seen) == ()
    assert len(look(seen, Memory({KEY: Sighting(NOW, reported=True)}))) == 1
    assert look(seen, Memory({KEY: Sighting(NOW)})) == ()
    assert look(spread(129, 86, 85), Memory({KEY: Sighting(NOW, reported=True)})) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedulers": UNBALANCED}, "scheduler add balance-leader-scheduler"),
        ({"leader_schedule_limit": 0}, "leader-schedule-limit is 0"),
        ({"halt_scheduling": True}, "halt-scheduling is true"),
    ],
)
def test_why_pd_does_not_balance_is_said_with_the_lasting_cure(
    changes: dict[str, Any], words: str
) -> None:
    """A transfer sticks then, for nothing moves the leader back; but the cause is another."""
    (found,) = look(spread(300, 50, 50, **changes))
    assert words in found.diagnosis
    assert found.confidence == 70
    assert found.action is not None


def test_where_pd_balances_the_confidence_is_low() -> None:
    """P21: PD may move the leader back."""
    (found,) = look(spread(300, 50, 50))
    assert found.confidence == 40
    assert "may be paused" in found.diagnosis


@pytest.mark.parametrize(
    ("changes", "operator", "words"),
    [
        pytest.param(
            {"schedulers": (*DEFAULT_SCHEDULERS, "grant-leader-scheduler")},
            None,
            "on purpose",
            id="somebody gathers leaders there",
        ),
        pytest.param(
            {"scheduler_max_waiting_operator": 0},
            None,
            "refuses every operator",
            id="P18: the transfer could not be created",
        ),
        pytest.param(
            {},
            TidbOperatorFacts("TidbCluster", "db", "upgrade"),
            "busy with TidbCluster db (upgrade)",
            id="a rolling restart moves leaders itself",
        ),
        pytest.param(
            {},
            TidbOperatorFacts("TidbCluster", "db", None, readable=False),
            "cannot be read",
            id="what TiDB Operator does is not known",
        ),
        pytest.param({"sample": ()}, None, "no region is known", id="no region was sampled"),
    ],
)
def test_no_action_has_a_reason(
    changes: dict[str, Any], operator: TidbOperatorFacts | None, words: str
) -> None:
    """A valid end of a diagnosis."""
    (found,) = look(spread(300, 50, 50, **changes), tidb_operator=operator)
    assert found.action is None
    assert words in (found.no_action or "")


def test_a_quiet_tidb_operator_hinders_nothing() -> None:
    """The nearest negative of a busy one, and its clock is the plain one."""
    quiet = TidbOperatorFacts("TidbCluster", "db", None)
    busy = TidbOperatorFacts("TidbCluster", "db", "upgrade")
    (found,) = look(spread(300, 50, 50), tidb_operator=quiet)
    (waiting,) = look(spread(300, 50, 50), tidb_operator=busy)
    assert found.action is not None
    assert (found.clock, waiting.clock) == ("", "tidb-operator")


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (region(10, leader=2), "another store leads it"),
        (region(10, leader=None), "nobody leads it"),
        (region(10, on=(1,)), "no other store holds a peer"),
        (region(10, down_store_ids=frozenset({2, 3})), "the followers are down"),
        (region(10, pending_store_ids=frozenset({2, 3})), "the followers lag"),
        (
            region(10, peers=(Peer(1, 1, PeerRole.VOTER), Peer(2, 2, PeerRole.LEARNER))),
            "a learner cannot lead",
        ),
        (
            region(10, peers=(Peer(1, 1, PeerRole.VOTER), Peer(2, 2, PeerRole.INCOMING_VOTER))),
            "its members are changing",
        ),
    ],
)
def test_only_a_region_that_can_move_is_proposed(candidate: Any, why: str) -> None:
    """The action would refuse or hold on such a region."""
    (found,) = look(spread(300, 50, 50, sample=(candidate,)))
    assert found.action is None, why


def test_a_region_with_a_running_operator_is_left_alone() -> None:
    """PD is at work on it."""
    seen = spread(300, 50, 50, regions=[region(10)], running_operators={10: "admin"})
    assert look(seen)[0].action is None


def test_the_place_is_the_store_with_the_fewest_leaders() -> None:
    """And the region the first that has a peer there."""
    sample = (region(12), region(10, on=(1, 2)), region(11))
    (found,) = look(spread(300, 60, 40, sample=sample))
    assert found.action == action(TransferLeader(region_id=11, to_store_id=3))


def test_it_keeps_to_its_choice_while_that_is_good() -> None:
    """Otherwise every change of a count would make another proposal."""
    chosen = action(TransferLeader(region_id=10, to_store_id=2))
    memory = Memory({KEY: Sighting(NOW, reported=True, action=chosen)})
    seen = spread(300, 60, 40, sample=(region(9), region(10)))
    assert look(seen, memory)[0].action == chosen
    assert look(seen)[0].action != chosen
    moved = replace(seen, sample=(region(9), region(10, leader=3)))
    assert look(moved, memory)[0].action != chosen


def test_an_edited_proposals_other_action_is_no_choice() -> None:
    """A person may have made something else of it: then it is chosen anew."""
    other = action(EvictLeaders(store_id=1))
    memory = Memory({KEY: Sighting(NOW, reported=True, action=other)})
    (found,) = look(spread(300, 50, 50), memory)
    assert found.action == action(TransferLeader(region_id=10, to_store_id=2))


def test_an_explained_imbalance_does_not_become_genuine_by_being_reported() -> None:
    """Found by a property: store 1 is 40 % above those that may lead, 60 % above all."""
    seen = spread(140, 80, 80, 50, evicted_store_ids={4})
    (first,) = look(seen)
    assert first.clock == "evicted"
    reported = Memory({KEY: Sighting(NOW, reported=True, clock="evicted")})
    assert look(seen, reported) == (first,)
