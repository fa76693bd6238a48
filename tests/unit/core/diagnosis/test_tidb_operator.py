"""TiDB Operator's objects, as v1 and v2 write them, and as strangers might."""

from typing import Any

import pytest

from assent.api.v1alpha1.tikvcluster import TidbClusterKind, TidbClusterRef
from assent.core.diagnosis.tidb_operator import read_facts
from assent.core.model.tidb_operator import TidbOperatorFacts
from tests.support.snapshots import store

V1 = TidbClusterRef(name="db")
V2 = TidbClusterRef(name="db", kind=TidbClusterKind.CLUSTER)
STORES = (store(1), store(2), store(4))


def v1(metadata: dict[str, Any] | None = None, **tikv: Any) -> TidbOperatorFacts:
    found = {"metadata": metadata or {}, "status": {"tikv": {"phase": "Normal", **tikv}}}
    return read_facts(V1, found, STORES)


def v2(metadata: dict[str, Any] | None = None, **changes: Any) -> TidbOperatorFacts:
    return read_facts(V2, {"metadata": metadata or {}, **changes}, STORES)


def test_a_normal_phase_means_it_does_nothing_to_stores() -> None:
    """The plain case of v1."""
    assert v1() == TidbOperatorFacts(kind="TidbCluster", name="db", busy_with=None)


@pytest.mark.parametrize(
    ("phase", "busy"),
    [("Upgrade", "upgrade"), ("Scale", "scaling"), ("Suspend", "phase Suspend")],
)
def test_any_other_phase_means_it_is_busy(phase: str, busy: str) -> None:
    """An upgrade evicts store by store; a phase of a newer version is not taken for nothing."""
    assert v1(phase=phase).busy_with == busy


@pytest.mark.parametrize("group", ["stores", "peerStores"])
def test_pods_that_it_evicts_are_found_by_its_own_list_of_stores(group: str) -> None:
    """status.tikv.stores maps ids to pods, also for pods that PD knows by another address."""
    listed = {"17": {"id": "17", "podName": "db-tikv-0"}, "2": {"podName": "db-tikv-1"}}
    facts = v1(evictLeader={"db-tikv-0": {"value": "none"}}, **{group: listed})
    assert facts.evicting_store_ids == {17}
    assert facts.busy_with is None


def test_pods_that_it_does_not_list_are_found_by_pds_address() -> None:
    """PD's address begins with the pod's name."""
    assert v1(evictLeader={"tikv-4": {"value": "delete-pod"}}).evicting_store_ids == {4}


def test_a_pod_of_no_known_store_may_be_any_store() -> None:
    """Then all evictions may be its own: it counts as busy."""
    facts = v1(evictLeader={"gone-0": {}, "tikv-4": {}})
    assert facts.busy_with == "evicting leaders from pod gone-0"
    assert facts.evicting_store_ids == {4}


def test_a_pods_name_must_match_as_a_whole() -> None:
    """tikv-4 is not tikv-40."""
    assert v1(evictLeader={"tikv-40": {}}).evicting_store_ids == frozenset()


@pytest.mark.parametrize("kind", [v1, v2])
@pytest.mark.parametrize(
    ("metadata", "busy"),
    [
        ({"deletionTimestamp": "2026-03-01T12:00:00Z"}, "deletion"),
        (
            {"annotations": {"tidb.pingcap.com/evict-leader": "none"}},
            "annotation tidb.pingcap.com/evict-leader",
        ),
        (
            {"annotations": {"tidb.pingcap.com/evict-leader-for-resize": "none"}},
            "annotation tidb.pingcap.com/evict-leader",
        ),
        ({"annotations": {"tidb.pingcap.com/restartedAt": "x"}}, None),
        ({"annotations": None}, None),
    ],
)
def test_what_both_kinds_say_in_their_metadata(
    kind: Any, metadata: dict[str, Any], busy: str | None
) -> None:
    """An annotation on the object itself names no pod: any store may be meant."""
    assert kind(metadata).busy_with == busy


@pytest.mark.parametrize(
    ("changes", "busy"),
    [
        pytest.param({}, None, id="nothing said"),
        pytest.param({"spec": {"paused": True}}, "paused reconciliation", id="paused"),
        pytest.param({"spec": {"paused": False}}, None, id="not paused"),
        pytest.param(
            {"spec": {"suspendAction": {"suspendCompute": True}}}, "suspension", id="suspended"
        ),
        pytest.param(
            {"status": {"conditions": [{"type": "Progressing", "status": "True"}]}},
            "a rollout",
            id="progressing",
        ),
        pytest.param(
            {"status": {"conditions": [{"type": "Progressing", "status": "False"}]}},
            None,
            id="no longer progressing",
        ),
        pytest.param(
            {"status": {"conditions": [{"type": "Available", "status": "True"}, "odd"]}},
            None,
            id="another condition, and one that is none",
        ),
        pytest.param({"status": {"conditions": "odd"}}, None, id="conditions that are no list"),
    ],
)
def test_what_v2_says(changes: dict[str, Any], busy: str | None) -> None:
    """Its reasons for a single store stand in other objects; this one is read for the rest."""
    facts = v2(**changes)
    assert (facts.kind, facts.busy_with, facts.readable) == ("Cluster", busy, True)


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"status": None},
        {"status": {"tikv": None}},
        {"status": {"tikv": {"stores": {}}}},
        {"status": {"tikv": {"phase": ""}}},
        {"status": {"tikv": {"phase": 3}}},
        {"status": "odd"},
    ],
)
def test_a_v1_object_that_says_too_little_counts_as_not_readable(found: Any) -> None:
    """Nothing is guessed: without a phase nobody knows whose evictions they are."""
    facts = read_facts(V1, found, STORES)
    assert (facts.kind, facts.name, facts.readable) == ("TidbCluster", "db", False)
    assert facts.busy_with is None


def test_an_unread_v2_object_counts_as_not_readable() -> None:
    """Missing, or the right to read it is missing."""
    assert not read_facts(V2, None, STORES).readable


@pytest.mark.parametrize("listed", [{"x": {"podName": "p"}}, {"7": "odd"}, "odd"])
def test_odd_entries_are_passed_over(listed: Any) -> None:
    """Others write this object; a broken entry names no store."""
    assert v1(evictLeader={"p": {}}, stores=listed).evicting_store_ids == frozenset()
