"""The tools of the property tests: the impossible is found, the unknown fails."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, StoreState
from tests.support.consistency import inconsistencies
from tests.support.simulate import RefusedError, apply
from tests.support.snapshots import (
    NOW,
    TIFLASH,
    healthy_snapshots,
    region,
    snapshot,
    store,
    unprepared,
)


def with_store(**changes: Any) -> ClusterSnapshot:
    return snapshot(store(1), store(2, **changes), store(3))


@settings(max_examples=30, deadline=None)
@given(healthy_snapshots())
def test_healthy_clusters_are_possible(seen: ClusterSnapshot) -> None:
    """A property of an impossible cluster would prove nothing."""
    assert inconsistencies(seen) == []


def test_the_defaults_are_possible() -> None:
    """What every unit test starts from."""
    assert inconsistencies(snapshot(regions=[region(4)], evicted_store_ids={4})) == []
    assert inconsistencies(unprepared(snapshot())) == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (snapshot(store(2), store(1)), "ordered by id"),
        (with_store(address=store(1).address), "share an address"),
        (with_store(state=StoreState.TOMBSTONE), "tombstone"),
        (with_store(labels=TIFLASH), "TiFlash store 2 leads"),
        (with_store(leader_count=301), "leads more regions than it holds"),
        (with_store(available_bytes=2**60), "more free than it has"),
        (with_store(last_heartbeat=NOW + timedelta(seconds=1)), "in the future"),
        (snapshot(schedulers=("a", "a")), "listed twice"),
        (replace(snapshot(), evicted_store_ids=frozenset({1})), "without a scheduler"),
        (snapshot(evicted_store_ids={9}), "evicted that is not listed"),
        (snapshot(sample=(region(4), region(4))), "sampled twice"),
        (replace(snapshot(), regions={5: region(4)}), "filed as 5"),
        (snapshot(regions=[region(4)], sample=(region(4, leader=2),)), "otherwise than read"),
        (snapshot(running_operators={4: "x"}), "not asked for"),
        (snapshot(regions=[region(4, version=0)]), "a zero"),
        (snapshot(regions=[region(4, on=(1, 1))]), "two peers"),
        (snapshot(regions=[region(4, on=(1, 9))]), "unknown store"),
        (snapshot(regions=[region(4, down_store_ids=frozenset({4}))]), "does not have"),
        (snapshot(regions=[region(4, leader=4)]), "led by no voter"),
        (
            snapshot(regions=[region(4, peers=(Peer(1, 1, PeerRole.LEARNER),))]),
            "led by no voter",
        ),
        (snapshot(regions=[region(4, pending_store_ids=frozenset({1}))]), "down or pending"),
        (
            snapshot(store(1, labels=TIFLASH), store(2), store(3), regions=[region(4)]),
            "led by TiFlash",
        ),
        (snapshot(region_count=1), "more leaders than regions"),
        (
            snapshot(store(1, leader_count=0), regions=[region(4, on=(1,))], region_count=0),
            "more regions are known",
        ),
        (
            snapshot(store(1, leader_count=0), regions=[region(4, on=(1,))]),
            "counts less than is known",
        ),
    ],
)
def test_what_is_impossible_is_found(seen: ClusterSnapshot, words: str) -> None:
    """Each rule of the checker catches its own case."""
    assert any(words in found for found in inconsistencies(seen)), inconsistencies(seen)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (PdCall("DELETE", "/pd/api/v1/schedulers/evict-leader-scheduler"), "P29"),
        (
            PdCall("DELETE", "/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/3"),
            "404: it is not listed",
        ),
        (PdCall("POST", "/pd/api/v1/schedulers", {"name": "grant-leader-scheduler"}), "unknown"),
        (PdCall("POST", "/pd/api/v1/operators", {"name": "split-region"}), "unknown"),
        (PdCall("POST", "/pd/api/v1/store/9/limit", {"rate": 1, "type": "add-peer"}), "no store"),
        (
            PdCall(
                "POST",
                "/pd/api/v1/operators",
                {"name": "transfer-leader", "region_id": 9, "to_store_id": 2},
            ),
            "no region",
        ),
        (
            PdCall(
                "POST",
                "/pd/api/v1/operators",
                {"name": "transfer-leader", "region_id": 4, "to_store_id": 1},
            ),
            "P16: it leads already",
        ),
        (
            PdCall(
                "POST",
                "/pd/api/v1/operators",
                {"name": "transfer-leader", "region_id": 4, "to_store_id": 4},
            ),
            "no peer there",
        ),
    ],
)
def test_the_simulation_refuses_what_pd_would(call: PdCall, why: str) -> None:
    """No property may pass on a call that means nothing."""
    with pytest.raises(RefusedError):
        apply(call, snapshot(regions=[region(4)], evicted_store_ids={4}))


@pytest.mark.trap("P31")
def test_p31_the_simulation_refuses_an_eviction_while_unprepared() -> None:
    """Real PD would take it, and forget the other evictions."""
    call = PdCall(
        "POST", "/pd/api/v1/schedulers", {"name": "evict-leader-scheduler", "store_id": 1}
    )
    with pytest.raises(RefusedError):
        apply(call, unprepared(snapshot()))
