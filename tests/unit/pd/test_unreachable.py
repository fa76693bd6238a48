"""Every dangerous call to PD: no ask leads to it, or one type of action at the tier stated.

One row a line of the list of dangerous behaviour in the notes on PD (5.2), in its order.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.members import TransferPDLeader
from assent.api.v1alpha1.parameters.placement import RuleRole, SetPlacementRule
from assent.api.v1alpha1.parameters.region import CancelOperator, RemovePeer
from assent.api.v1alpha1.parameters.scheduling import (
    ReplicationKey,
    ScheduleKey,
    SchedulerName,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    ForceRemoveStore,
    RemoveTombstones,
    SetStoreLabels,
    SetStoreLimit,
    SetStoreWeight,
    StoreLabel,
    StoreLimitKind,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Action
from assent.core.actions.catalogue import CATALOGUE
from assent.core.model.call import Json, PdCall
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Deny, Hold
from assent.pd.whitelist.table import allowed
from tests.support.region_shape import fit_of, operator_text
from tests.support.scheduling import REPLICATION_SETTINGS, SETTINGS, default_rule
from tests.support.snapshots import NOW, region, snapshot, store

API = "/pd/api/v1"
DEAD = store(3, state=StoreState.DOWN, last_heartbeat=NOW - timedelta(hours=2))
REPAIR = "replace-rule-down-peer"


def cluster(**changes: object) -> ClusterSnapshot:
    """A healthy cluster with everything read, and a region 4 on stores 1 to 3."""
    found = region(4)
    base = snapshot(
        regions=[found],
        settings=SETTINGS,
        replication=REPLICATION_SETTINGS,
        placement_rules=(default_rule(),),
        region_fits={4: fit_of(found)},
        label_rules=(),
        tombstones=(store(9, state=StoreState.TOMBSTONE, leader_count=0, region_count=0),),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


PLAIN = cluster()


@dataclass(frozen=True)
class Shut:
    """A call that no ask leads to: it is not on the whitelist."""

    method: str
    path: str
    body: dict[str, Json] | None = None


@dataclass(frozen=True)
class Only:
    """A call to which one type of action leads, at this tier or above."""

    params: ApiModel
    tier: Tier
    seen: ClusterSnapshot = PLAIN


@dataclass(frozen=True)
class Refused:
    """What an action can be asked for and does not do: this check refuses."""

    params: ApiModel
    check: str
    seen: ClusterSnapshot = PLAIN


Way = Shut | Only | Refused


def schedule(key: ScheduleKey, value: str) -> SetScheduleConfig:
    return SetScheduleConfig(key=key, value=value)


def posted(path: str, **body: Json) -> Shut:
    return Shut("POST", f"{API}{path}", body)


def deleted(path: str) -> Shut:
    return Shut("DELETE", f"{API}{path}")


DANGERS: dict[str, tuple[Way, ...]] = {
    "DELETE /store/{id}?force, with any value": (
        Only(ForceRemoveStore(store_id=3), Tier.CRITICAL, cluster(stores=(store(1), DEAD))),
        Refused(ForceRemoveStore(store_id=3), "StoreDead"),
        deleted("/store/3?force=false"),
        deleted("/store/3?force=true"),
        posted("/store/3/label?force", zone="z1"),
    ),
    "DELETE /stores/remove-tombstone": (Only(RemoveTombstones(store_ids=[9]), Tier.CRITICAL),),
    "POST /admin/unsafe/remove-failed-stores": (
        posted("/admin/unsafe/remove-failed-stores", stores=[3], timeout=600),
        Shut("POST", f"{API}/admin/unsafe/remove-failed-stores", {"auto-detect": True}),
    ),
    "DELETE /operators; DELETE /operators/{id} of an unknown operator": (
        deleted("/operators"),
        Only(
            CancelOperator(region_id=4, operator=REPAIR),
            Tier.HIGH,
            cluster(running_operators={4: operator_text(REPAIR, 4)}),
        ),
        Refused(
            CancelOperator(region_id=4, operator="admin-move-peer"),
            "OperatorRuns",
            cluster(running_operators={4: operator_text(REPAIR, 4)}),
        ),
    ),
    "DELETE /schedulers/evict-leader-scheduler": (
        deleted("/schedulers/evict-leader-scheduler"),
        deleted("/schedulers/evict-leader-scheduler-4"),
    ),
    "grant-leader, evict-leader on several stores": (
        posted("/schedulers", name="grant-leader-scheduler", store_id=3),
        posted("/schedulers", name="grant-hot-region-scheduler", **{"store-id": "1,2,3"}),
        Only(
            EvictLeaders(store_id=2),
            Tier.HIGH,
            snapshot(evicted_store_ids={1}),
        ),
    ),
    "leader-, region- and replica-schedule-limit 0": (
        *(
            Only(schedule(key, "0"), Tier.HIGH)
            for key in (
                ScheduleKey.LEADER_SCHEDULE_LIMIT,
                ScheduleKey.REGION_SCHEDULE_LIMIT,
                ScheduleKey.REPLICA_SCHEDULE_LIMIT,
            )
        ),
        Shut("POST", f"{API}/config?ttlSecond=60", {"schedule.replica-schedule-limit": 0}),
        Shut("POST", f"{API}/config/schedule", {"replica-schedule-limit": 0}),
    ),
    "scheduler-max-waiting-operator 0": (
        Refused(schedule(ScheduleKey.SCHEDULER_MAX_WAITING_OPERATOR, "0"), "ValueAllowed"),
    ),
    "halt-scheduling": (Only(schedule(ScheduleKey.HALT_SCHEDULING, "true"), Tier.HIGH),),
    "pausing the rule, replica and joint-state checkers, and all schedulers": (
        *(posted(f"/checker/{name}", delay=600) for name in ("rule", "replica", "joint-state")),
        posted("/schedulers/all", delay=600),
        posted("/schedulers/evict-leader-scheduler", delay=600),
    ),
    "max-replicas, replacing the bundle of rules, deleting a rule": (
        Only(
            SetReplicationConfig(key=ReplicationKey.MAX_REPLICAS, value="5"),
            Tier.HIGH,
        ),
        Only(
            SetReplicationConfig(key=ReplicationKey.MAX_REPLICAS, value="1"),
            Tier.CRITICAL,
        ),
        Only(
            SetPlacementRule(group_id="pd", id="default", role=RuleRole.VOTER, count=1),
            Tier.CRITICAL,
        ),
        Shut("POST", f"{API}/config/placement-rule", {"group_id": "pd"}),
        Shut("POST", f"{API}/config/placement-rule?partial=true", {"group_id": "pd"}),
        posted("/config/rules/batch", action="del"),
        posted("/config/rule_group", id="pd", override=True),
        deleted("/config/placement-rule/pd"),
        deleted("/config/rule_group/pd"),
        deleted("/config/rule/pd/default"),
    ),
    "changes of labels, weight 0": (
        Only(
            SetStoreLabels(store_id=3, labels=[StoreLabel(key="zone", value="z9")]),
            Tier.HIGH,
        ),
        Only(
            SetStoreWeight(store_id=3, leader_weight_percent=0, region_weight_percent=100),
            Tier.HIGH,
        ),
        posted("/store/3/label", engine="tiflash"),
        Shut("DELETE", f"{API}/store/3/label"),
    ),
    "a store limit that is unlimited, or very low": (
        Only(
            SetStoreLimit(store_id=3, kind=StoreLimitKind.ADD_PEER, rate_per_minute=1),
            Tier.HIGH,
        ),
        Only(
            SetStoreLimit(store_id=3, kind=StoreLimitKind.ADD_PEER, rate_per_minute=1000),
            Tier.HIGH,
        ),
        posted("/store/3/limit", rate=0, type="add-peer"),
        posted("/stores/limit", rate=2000),
    ),
    "cluster-version": (
        Shut("POST", f"{API}/config/cluster-version", {"cluster-version": "9.0.0"}),
        Shut("POST", f"{API}/config", {"cluster-version": "9.0.0"}),
    ),
    "deleting members, moving PD's leader again and again": (
        deleted("/members/name/pd-1"),
        deleted("/members/id/11"),
        Only(TransferPDLeader(to_member="pd-1"), Tier.MEDIUM),
        Shut("POST", f"{API}/leader/resign"),
        Shut("POST", f"{API}/members/name/pd-1", {"leader-priority": 0}),
    ),
    "timestamps, ids, records of regions, caches, markers and safepoints": (
        posted("/admin/reset-ts", tso="1", **{"force-use-larger": True}),
        posted("/admin/base-alloc-id", id="1"),
        deleted("/admin/storage/region/4"),
        deleted("/admin/cache/region/4"),
        deleted("/admin/cache/regions"),
        Shut("POST", f"{API}/admin/cluster/markers/snapshot-recovering"),
        deleted("/gc/safepoint/br"),
        posted("/tso/allocator/transfer/pd-1"),
    ),
    "service-middleware rate limits": (
        posted("/service-middleware/config/rate-limit", type="label", label="GetStores", qps=1),
        posted("/service-middleware/config", audit=False),
    ),
    "POST /regions/split": (
        posted("/regions/split", split_keys=["7480"]),
        posted("/regions/split", split_keys=["7480"], retry_limit=1),
        posted("/regions/scatter", regions_id=[4]),
    ),
    "remove-peer and transfer-region without counting a quorum": (
        Refused(
            RemovePeer(region_id=4, store_id=1),
            "QuorumKept",
            cluster(regions={4: region(4, leader=2, down_store_ids=frozenset({3}))}),
        ),
        posted("/operators", name="transfer-region", region_id=4, to_store_ids=[1]),
        posted(
            "/operators",
            name="transfer-region",
            region_id=4,
            to_store_ids=[1, 2],
            peer_roles=["leader", "voter"],
        ),
    ),
    "enable-*-replica false, enable-placement-rules false": (
        *(
            Only(schedule(key, "false"), Tier.HIGH)
            for key in (
                ScheduleKey.ENABLE_REMOVE_DOWN_REPLICA,
                ScheduleKey.ENABLE_REPLACE_OFFLINE_REPLICA,
                ScheduleKey.ENABLE_MAKE_UP_REPLICA,
                ScheduleKey.ENABLE_REMOVE_EXTRA_REPLICA,
            )
        ),
        Shut("POST", f"{API}/config", {"replication.enable-placement-rules": "false"}),
        Shut("POST", f"{API}/config", {"enable-placement-rules": "false"}),
    ),
}


def cases(kind: type) -> list[object]:
    return [
        pytest.param(way, id=f"{danger} ({number})")
        for danger, ways in DANGERS.items()
        for number, way in enumerate(ways, start=1)
        if isinstance(way, kind)
    ]


def action_of(params: ApiModel) -> Action[ApiModel]:
    return CATALOGUE[ActionType(type(params).__name__)]


def test_every_line_of_the_list_has_a_row() -> None:
    """Twenty lines; a row without a way would prove nothing."""
    assert len(DANGERS) == 20
    assert all(DANGERS.values())


def test_the_page_has_the_same_lines() -> None:
    """docs/security/dangerous-calls.md, in the same order."""
    page = Path(__file__).parents[3] / "docs" / "security" / "dangerous-calls.md"
    rows = [line.split(" | ")[0] for line in page.read_text().splitlines() if line[:2] == "| "]
    assert [row.removeprefix("| ") for row in rows[2:]] == list(DANGERS)


@pytest.mark.trap("P25", "P27", "P29", "P38", "P39", "P40", "P52")
@pytest.mark.parametrize("way", cases(Shut))
def test_no_ask_leads_to_it(way: Shut) -> None:
    """PD asks nobody who they are: what is not on the list never leaves."""
    assert allowed(PdCall(way.method, way.path, way.body)) is None


@pytest.mark.trap("P30")
@pytest.mark.parametrize("way", cases(Only))
def test_one_type_leads_to_it_at_its_tier(way: Only) -> None:
    """The tier is that of the facts, so this is the least that people must agree to."""
    action = action_of(way.params)
    kind = allowed(action.call(way.params))
    assert kind is not None
    risk = action.risk(way.params, way.seen)
    assert risk.tier.rank >= way.tier.rank, risk
    others = {
        other.type
        for other in CATALOGUE.values()
        if other.type is not ActionType.PLAN
        and allowed(other.call(other.manual.example)) is kind
        and other is not action
    }
    assert others == set()


@pytest.mark.parametrize("way", cases(Refused))
def test_the_action_refuses_it(way: Refused) -> None:
    """It could be asked for, and the named check says no."""
    checks = action_of(way.params).preconditions(way.params, way.seen)
    refused = [item.name for item in checks if isinstance(item.verdict, (Hold, Deny))]
    assert way.check in refused


def test_p39_unsafe_recovery_is_under_no_path_that_may_be_written() -> None:
    """Nor anything else for administrators, whatever the method and the body."""
    for method in ("POST", "PUT", "PATCH", "DELETE", "GET"):
        for path in ("admin/unsafe/remove-failed-stores", "admin/cache/regions", "admin/reset-ts"):
            for body in (None, {}, {"stores": [1]}):
                assert allowed(PdCall(method, f"{API}/{path}", body)) is None


def test_p40_no_cache_of_pd_is_dropped() -> None:
    """One region's or all: a store that is being removed could be buried by it."""
    for path in ("regions", "region/4", "all"):
        assert allowed(PdCall("DELETE", f"{API}/admin/cache/{path}")) is None


def test_schedulers_that_do_harm_have_no_name_here() -> None:
    """What is not in the list of names can be neither added, paused nor removed."""
    harmful = ("grant-leader", "evict-leader", "shuffle-leader", "random-merge", "scatter-range")
    assert not {f"{name}-scheduler" for name in harmful} & {str(name) for name in SchedulerName}
