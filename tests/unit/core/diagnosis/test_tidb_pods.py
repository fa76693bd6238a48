"""Which pod stands behind a store, and whether the TidbCluster still asks for it."""

from typing import Any

import pytest

from assent.api.v1alpha1.tikvcluster import TidbClusterRef
from assent.core.diagnosis.tidb_operator import read_facts
from assent.core.model.tidb_operator import DELETE_SLOTS, ManagedPod, TidbOperatorFacts
from tests.support.snapshots import store

REF = TidbClusterRef(name="db")


def read(
    *,
    replicas: object = 3,
    pods: dict[int, str] | None = None,
    annotations: dict[str, Any] | None = None,
    pd: dict[str, Any] | None = None,
    addresses: dict[int, str] | None = None,
    **tikv: Any,
) -> TidbOperatorFacts:
    """Facts of a TidbCluster that lists these pods, with a PD that lists these addresses."""
    listed = {
        str(store_id): {"podName": pod, "state": "Up"} for store_id, pod in (pods or {}).items()
    }
    found = {
        "metadata": {"annotations": annotations or {}},
        "spec": {"tikv": {"replicas": replicas}, "pd": {"replicas": 3}},
        "status": {"tikv": {"phase": "Normal", "stores": listed, **tikv}, "pd": pd or {}},
    }
    stores = [store(store_id, address=at) for store_id, at in (addresses or {}).items()]
    return read_facts(REF, found, stores)


def test_a_pod_within_the_replicas_is_kept_and_one_beyond_leaves() -> None:
    """A scale-in takes the highest numbers first."""
    facts = read(replicas=2, pods={1: "db-tikv-0", 2: "db-tikv-1", 4: "db-tikv-2"})
    assert facts.pods[2] == ManagedPod("db-tikv-1")
    assert facts.pods[4] == ManagedPod("db-tikv-2", leaving=True)


def test_a_store_is_known_by_its_address_too() -> None:
    """TiDB Operator may not have listed it yet; another name's pods are not its own."""
    facts = read(
        addresses={
            4: "db-tikv-2.db-tikv-peer.ns.svc:20160",
            5: "other-tikv-0.other-tikv-peer.ns.svc:20160",
            6: "db-tikv-x.db-tikv-peer.ns.svc:20160",
        }
    )
    assert facts.pods == {4: ManagedPod("db-tikv-2")}


def test_a_failover_adds_a_pod_for_each_failed_store() -> None:
    """release-1.6: replicas and one more for each of failureStores."""
    failed = {"1": {"podName": "db-tikv-0", "storeID": "1"}}
    facts = read(replicas=3, pods={9: "db-tikv-3"}, failureStores=failed)
    assert not facts.pods[9].leaving


@pytest.mark.parametrize(
    ("slots", "leaving"),
    [
        ("[0]", {"db-tikv-0"}),
        ("[1,2]", {"db-tikv-1", "db-tikv-2"}),
        ("[]", {"db-tikv-3", "db-tikv-4"}),
        ("not json", set()),
        ('{"a":1}', set()),
        ('["x"]', set()),
    ],
)
def test_slots_that_are_left_out_leave(slots: str, leaving: set[str]) -> None:
    """What cannot be understood takes no pod away."""
    pods = {number + 1: f"db-tikv-{number}" for number in range(5)}
    replicas = 3 if slots in ("[1,2]", "[]") else 4
    facts = read(replicas=replicas, pods=pods, annotations={DELETE_SLOTS: slots})
    if leaving:
        assert {pod.name for pod in facts.pods.values() if pod.leaving} == leaving
    else:
        assert not any(pod.leaving for pod in facts.pods.values())


@pytest.mark.parametrize("replicas", [None, "3", -1, 10**9])
def test_unknown_replicas_take_no_pod_away(replicas: object) -> None:
    """Of two mistakes the one that changes nothing."""
    assert not read(replicas=replicas, pods={4: "db-tikv-99"}).pods[4].leaving


def test_a_pod_of_another_name_is_kept() -> None:
    """Listed by TiDB Operator under a name that has no number we know."""
    assert read(replicas=0, pods={4: "odd"}).pods[4] == ManagedPod("odd")


def test_stores_of_another_tidb_cluster_on_the_same_pd_are_that_ones() -> None:
    """Heterogeneous clusters share one PD."""
    facts = read(peerStores={"7": {"podName": "big-tikv-0"}, "x": {"podName": "y"}, "8": {}})
    assert facts.pods == {7: ManagedPod("big-tikv-0", of_peer=True)}


@pytest.mark.parametrize(
    ("replicas", "busy"),
    [(3, "failover of pod db-tikv-2"), (2, None), (None, "failover of pod db-tikv-2")],
)
def test_a_failover_is_under_way_until_as_many_stores_are_up_as_wanted(
    replicas: object, busy: str | None
) -> None:
    """The entry stays for as long as nobody calls the failover off: weeks, maybe."""
    failed = {"3": {"podName": "db-tikv-2"}}
    facts = read(replicas=replicas, pods={1: "db-tikv-0", 2: "db-tikv-1"}, failureStores=failed)
    assert facts.busy_with == busy


@pytest.mark.parametrize(
    ("pd", "busy"),
    [
        ({"phase": "Upgrade"}, "PD's upgrade"),
        ({"phase": "Scale"}, "PD's scaling"),
        ({"phase": "Normal"}, None),
        ({}, None),
        ({"phase": "Normal", "failureMembers": {"db-pd-0": {}}}, "failover of PD member db-pd-0"),
        (
            {
                "phase": "Normal",
                "failureMembers": {"db-pd-0": {}},
                "members": {f"db-pd-{number}": {"health": True} for number in (1, 2, 3)},
            },
            None,
        ),
    ],
)
def test_what_is_under_way_with_pd(pd: dict[str, Any], busy: str | None) -> None:
    """A leader of PD is not to be moved meanwhile; TiKV's own phase says nothing of it."""
    facts = read(pd=pd)
    assert (facts.pd_busy_with, facts.busy_with) == (busy, None)


def test_an_unreadable_object_says_why() -> None:
    """The sentence goes to the gate."""
    assert read_facts(REF, None, [], "it does not exist").problem == "it does not exist"
    assert read_facts(REF, None, []).problem == "it could not be read"
    assert "status.tikv.phase" in (read_facts(REF, {}, []).problem or "")
