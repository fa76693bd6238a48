"""Whether the other stores can take what a leaving one holds: what PD does not look at (P28)."""

from collections.abc import Callable

import pytest

from assent.core.actions import room
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, StoreState
from assent.core.model.verdict import Allow, Check, Hold
from tests.support.snapshots import GIB, REPLICATION, SETTINGS, TIFLASH, region, store
from tests.unit.core.actions.leaving import cluster, only, rule, three

ZONES = {**REPLICATION, "location-labels": "zone,host"}
NO_RULES = {**REPLICATION, "enable-placement-rules": "false"}


def in_zones(*zones: str, **changes: object) -> ClusterSnapshot:
    stores = [store(n, labels={"zone": zone, "host": f"h{n}"}) for n, zone in enumerate(zones, 1)]
    return cluster(*stores, replication=ZONES, **changes)


def ssd(*numbers: int) -> ClusterSnapshot:
    stores = [store(n, labels={"disk": "ssd"} if n in numbers else {}) for n in (1, 2, 3, 4)]
    constraint = only("disk", "in", "ssd", "nvme")
    return cluster(*stores, placement_rules=(rule(2, label_constraints=constraint),))


def test_a_healthy_cluster_has_room() -> None:
    """The plain case, for every check."""
    for check in (
        room.replicas_fit,
        room.labels_fit,
        room.rules_fit,
        room.space_fits,
        room.leaders_fit,
        room.alone,
        room.regions_whole,
        room.quorum_elsewhere,
    ):
        assert isinstance(check(4, cluster()).verdict, Allow), check
    assert isinstance(room.replicas_may_move(cluster()).verdict, Allow)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(three(state=StoreState.DOWN), id="PD counts a Down store as up"),
        pytest.param(three(state=StoreState.DISCONNECTED), id="and a silent one"),
        pytest.param(three(last_heartbeat=None), id="and one that it never heard of"),
        pytest.param(three(labels=TIFLASH, leader_count=0), id="and TiFlash"),
        pytest.param(three(state=StoreState.OFFLINE), id="this one PD does not count either"),
        pytest.param(cluster(store(1), store(2), store(4)), id="two are not three"),
    ],
)
def test_p28_only_healthy_tikv_counts(seen: ClusterSnapshot) -> None:
    """Replicas go nowhere else, whatever PD counts."""
    verdict = room.replicas_fit(4, seen).verdict
    assert isinstance(verdict, Hold)
    assert verdict.reason == "StoresNotEnough"
    assert "2 healthy TiKV stores would remain and max-replicas is 3" in verdict.message


@pytest.mark.parametrize(
    ("seen", "lost"),
    [
        pytest.param(in_zones("a", "b", "c", "c"), False, id="another store has the zone"),
        pytest.param(in_zones("a", "b", "c", "d"), False, id="three zones stay for three replicas"),
        pytest.param(in_zones("a", "b", "b", "c"), True, id="the last of its zone, two are left"),
        pytest.param(in_zones("a", "b", "c", ""), False, id="it has no zone to be missed"),
        pytest.param(in_zones("a", "a", "b", ""), True, id="no zone is a place as well"),
    ],
)
def test_locations_are_not_lost(seen: ClusterSnapshot, lost: bool) -> None:
    """With fewer zones than replicas two of them would share one."""
    verdict = room.labels_fit(4, seen).verdict
    assert isinstance(verdict, Hold) is lost
    if isinstance(verdict, Hold):
        assert verdict.reason == "IsolationLost"


def test_a_zone_whose_other_store_is_down_is_lost() -> None:
    """Only healthy stores hold a location."""
    stores = [store(n, labels={"zone": zone}) for n, zone in ((1, "a"), (2, "b"), (4, "c"))]
    down = store(3, labels={"zone": "c"}, state=StoreState.DOWN)
    seen = cluster(stores[0], stores[1], down, stores[2], replication=ZONES)
    assert isinstance(room.labels_fit(4, seen).verdict, Hold)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(ssd(1, 2, 4), None, id="two others have the disk"),
        pytest.param(ssd(1, 4), "RuleUnsatisfied", id="one other has it, the rule wants two"),
        pytest.param(ssd(1), None, id="a rule that does not use the store is none of its"),
        pytest.param(cluster(placement_rules=(rule(4),)), "RuleUnsatisfied", id="four are three"),
        pytest.param(cluster(placement_rules=None), "RulesUnknown", id="rules are not shown"),
        pytest.param(cluster(placement_rules=None, replication=NO_RULES), None, id="disabled"),
        pytest.param(cluster(replication=None), "RulesUnknown", id="nothing is shown"),
    ],
)
def test_every_rule_finds_other_stores(seen: ClusterSnapshot, reason: str | None) -> None:
    """Else PD has no place for a replica, and the store never empties."""
    verdict = room.rules_fit(4, seen).verdict
    assert (verdict.reason if isinstance(verdict, Hold) else None) == reason


@pytest.mark.parametrize(
    ("op", "values", "fits"),
    [
        ("in", ["a", "b"], True),
        ("in", ["b"], False),
        ("notIn", ["b"], True),
        ("notIn", ["a"], False),
        ("exists", [], True),
        ("notExists", [], False),
        ("near", ["a"], False),
    ],
)
def test_constraints_as_pd_reads_them(op: str, values: list[str], fits: bool) -> None:
    """A rule that may use store 4, in zone a, wants more stores than there are; else it is none
    of its concern.
    """
    asked = rule(9, label_constraints=only("zone", op, *values))
    seen = in_zones("a", "a", "a", "a", placement_rules=(asked,))
    assert isinstance(room.rules_fit(4, seen).verdict, Hold) is fits


def used(gib: int, *, free_elsewhere: int) -> ClusterSnapshot:
    others = [store(n, available_bytes=free_elsewhere * GIB) for n in (1, 2, 3)]
    return cluster(*others, store(4, available_bytes=(100 - gib) * GIB))


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(used(30, free_elsewhere=30), None, id="3 x 10 GiB above 20 % for 30"),
        pytest.param(used(31, free_elsewhere=30), "SpaceNotEnough", id="one more than that"),
        pytest.param(used(1, free_elsewhere=19), "SpaceNotEnough", id="all low on space"),
        pytest.param(cluster(settings={}), "SpaceUnknown", id="no low-space-ratio is shown"),
        pytest.param(
            cluster(settings={**SETTINGS, "low-space-ratio": "much"}),
            "SpaceUnknown",
            id="no number",
        ),
        pytest.param(
            cluster(store(1), store(4, capacity_bytes=0, available_bytes=0)),
            "SpaceUnknown",
            id="the store has not said how large it is",
        ),
        pytest.param(cluster(store(1)), "SpaceUnknown", id="no such store"),
    ],
)
def test_the_others_have_space(seen: ClusterSnapshot, reason: str | None) -> None:
    """Up to low-space-ratio, from where PD places nothing."""
    verdict = room.space_fits(4, seen).verdict
    assert (verdict.reason if isinstance(verdict, Hold) else None) == reason


@pytest.mark.parametrize(
    ("check", "seen", "reason"),
    [
        pytest.param(
            room.leaders_fit,
            cluster(evicted_store_ids={1, 2, 3}),
            "NoPlaceForLeaders",
            id="every other store is evicted",
        ),
        pytest.param(
            room.alone, three(state=StoreState.OFFLINE), "OtherStoreRemoving", id="one at a time"
        ),
        pytest.param(
            room.regions_whole,
            cluster(sample=(region(7, down_store_ids=frozenset({2})),)),
            "RegionsImpaired",
            id="a region misses a peer elsewhere",
        ),
        pytest.param(room.regions_whole, cluster(sample=()), "RegionsUnknown", id="none is shown"),
        pytest.param(
            room.replicas_fit, cluster(replication=None), "ReplicationUnknown", id="not asked for"
        ),
        pytest.param(
            room.replicas_fit,
            cluster(replication={"max-replicas": "few"}),
            "ReplicationUnknown",
            id="no number",
        ),
        pytest.param(room.labels_fit, cluster(replication=None), "ReplicationUnknown", id="labels"),
    ],
)
def test_what_holds_and_why(
    check: Callable[[int, ClusterSnapshot], Check], seen: ClusterSnapshot, reason: str
) -> None:
    """Each refusal names its fact; what is not shown does not pass."""
    verdict = check(4, seen).verdict
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason


def test_the_leaving_stores_own_dead_peers_are_no_reason() -> None:
    """They are why it leaves."""
    seen = cluster(sample=(region(8, on=(1, 2, 4), down_store_ids=frozenset({4})),))
    assert isinstance(room.regions_whole(4, seen).verdict, Allow)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(cluster(halt_scheduling=True), "SchedulingHalted", id="halted"),
        pytest.param(
            cluster(settings={**SETTINGS, "replica-schedule-limit": "0"}),
            "ScheduleLimitZero",
            id="P30: the replica limit",
        ),
        pytest.param(
            cluster(settings={**SETTINGS, "region-schedule-limit": "0"}),
            "ScheduleLimitZero",
            id="P30: the region limit",
        ),
        pytest.param(cluster(settings={}), "SettingsUnknown", id="not shown"),
        pytest.param(
            cluster(settings={**SETTINGS, "enable-replace-offline-replica": "false"}),
            "RepairDisabled",
            id="PD does not replace replicas of leaving stores",
        ),
    ],
)
def test_p30_replicas_that_do_not_move(seen: ClusterSnapshot, reason: str) -> None:
    """A store would leave for ever."""
    verdict = room.replicas_may_move(seen).verdict
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason


LEARNER_ON_3 = (
    Peer(81, 1, PeerRole.VOTER),
    Peer(83, 3, PeerRole.LEARNER),
    Peer(84, 4, PeerRole.VOTER),
)


@pytest.mark.parametrize(
    ("seen", "lost"),
    [
        pytest.param(cluster(sample=(region(8, on=(1, 2, 4)),)), False, id="two of three"),
        pytest.param(cluster(sample=(region(8, on=(1, 4)),)), True, id="one of two is no majority"),
        pytest.param(cluster(sample=(region(8, on=(4,), leader=4),)), True, id="the only peer"),
        pytest.param(
            cluster(sample=(region(8, on=(1, 2, 4), down_store_ids=frozenset({2})),)),
            True,
            id="another is down",
        ),
        pytest.param(
            cluster(sample=(region(8, on=(1, 2, 4), pending_store_ids=frozenset({2})),)),
            True,
            id="another lags",
        ),
        pytest.param(
            cluster(sample=(region(8, peers=LEARNER_ON_3),)), True, id="a learner has no vote"
        ),
        pytest.param(cluster(sample=(region(8, on=(1, 2)),)), False, id="it holds no peer there"),
        pytest.param(cluster(sample=()), True, id="no region is shown"),
    ],
)
def test_p20_a_majority_is_elsewhere(seen: ClusterSnapshot, lost: bool) -> None:
    """PD declares data lost whatever is left of it."""
    assert isinstance(room.quorum_elsewhere(4, seen).verdict, Hold) is lost


def test_p20_a_voter_on_a_silent_store_is_none() -> None:
    """PD reports its peer as down only minutes later."""
    seen = cluster(store(1), store(2, state=StoreState.DISCONNECTED), store(3), store(4))
    assert isinstance(room.quorum_elsewhere(4, seen).verdict, Hold)
