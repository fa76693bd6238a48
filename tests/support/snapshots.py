"""Snapshots for tests: builders with valid defaults, and strategies of consistent ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from assent.core.model.snapshot import (
    ClusterSnapshot,
    PdIdentity,
    Peer,
    PeerRole,
    Region,
    ScheduleConfig,
    Store,
    StoreState,
)
from tests.support.consistency import inconsistencies

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GIB = 2**30

DEFAULT_SCHEDULERS = (
    "balance-hot-region-scheduler",
    "balance-leader-scheduler",
    "balance-region-scheduler",
    "evict-slow-store-scheduler",
)
"""What PD lists when nobody changed anything."""

SETTINGS = {
    "enable-replace-offline-replica": "true",
    "leader-schedule-limit": "4",
    "low-space-ratio": "0.8",
    "max-store-down-time": "30m0s",
    "region-schedule-limit": "2048",
    "replica-schedule-limit": "64",
}
"""Of GET /config/schedule, as PD ships it."""

REPLICATION = {
    "enable-placement-rules": "true",
    "isolation-level": "",
    "location-labels": "",
    "max-replicas": "3",
    "strictly-match-label": "false",
}
"""GET /config/replicate, as PD ships it."""

TIFLASH = {"engine": "tiflash"}


def store(store_id: int, **changes: Any) -> Store:
    """Return a healthy TiKV store with 100 leaders of 300 regions."""
    base = Store(
        id=store_id,
        address=f"tikv-{store_id}.tikv-peer.db.svc:20160",
        state=StoreState.UP,
        leader_count=100,
        region_count=300,
        capacity_bytes=100 * GIB,
        available_bytes=60 * GIB,
        last_heartbeat=NOW - timedelta(seconds=5),
        add_peer_limit_per_minute=15.0,
        remove_peer_limit_per_minute=15.0,
        slow_score=1,
    )
    return replace(base, **changes)


def region(
    region_id: int, leader: int | None = 1, on: Sequence[int] = (1, 2, 3), **changes: Any
) -> Region:
    """Return a healthy region whose voters are on the given stores."""
    base = Region(
        id=region_id,
        version=3,
        conf_ver=5,
        peers=tuple(Peer(region_id * 10 + store_id, store_id, PeerRole.VOTER) for store_id in on),
        leader_store_id=leader,
        size_mib=96,
    )
    return replace(base, **changes)


def snapshot(*stores: Store, regions: Sequence[Region] = (), **changes: Any) -> ClusterSnapshot:
    """Return a prepared, healthy cluster of four stores, or of those given.

    Stores that ``evicted_store_ids`` names bring their scheduler with them. ``regions`` are those
    that were asked for.
    """
    evicted = frozenset(changes.pop("evicted_store_ids", frozenset()))
    schedulers = tuple(changes.pop("schedulers", DEFAULT_SCHEDULERS))
    if evicted and "evict-leader-scheduler" not in schedulers:
        schedulers = tuple(sorted((*schedulers, "evict-leader-scheduler")))
    schedule = ScheduleConfig(
        leader_schedule_limit=changes.pop("leader_schedule_limit", 4),
        scheduler_max_waiting_operator=changes.pop("scheduler_max_waiting_operator", 5),
        halt_scheduling=changes.pop("halt_scheduling", False),
    )
    all_stores = stores or tuple(store(store_id) for store_id in (1, 2, 3, 4))
    base = ClusterSnapshot(
        pd=PdIdentity(7_000_000_001, "v8.1.0", "pd-0", 11, "http://pd-0:2379"),
        taken_at=NOW,
        stores=all_stores,
        schedulers=schedulers,
        evicted_store_ids=evicted,
        schedule=schedule,
        region_count=sum(item.leader_count for item in all_stores) + len(regions) + 200,
        regions={item.id: item for item in regions},
    )
    return replace(base, **changes)


def unprepared(seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the same cluster as PD shows it just after a change of its leader (P15)."""
    return replace(seen, schedulers=(), evicted_store_ids=frozenset())


def _state_after(silent_seconds: int | None) -> StoreState:
    """Return what PD calls a store that it has not heard of for so long (P37)."""
    if silent_seconds is None or silent_seconds > 1800:
        return StoreState.DOWN
    return StoreState.DISCONNECTED if silent_seconds > 20 else StoreState.UP


class _Dice:
    """Random choices from one seed that Hypothesis draws and shrinks.

    Drawing each of some hundred values by a strategy of its own made most examples extreme in
    some place, so that hardly any cluster was fit for any action, and was ten times slower.
    """

    def __init__(self, random: Random) -> None:
        self.random = random

    def rarely(self) -> bool:
        """Return True about once in ten."""
        return self.random.random() < 0.1

    def store(self, store_id: int) -> Store:
        """Return a store of any state and kind, most often a healthy TiKV."""
        random = self.random
        tiflash = self.rarely()
        silent = random.choice([5, 400, 4000, None]) if self.rarely() else 1
        leaving = random.random() < 0.03
        regions = random.randint(30, 600)
        return store(
            store_id,
            state=StoreState.OFFLINE if leaving else _state_after(silent),
            leader_count=0 if tiflash else random.randint(10, regions - 5),
            region_count=regions,
            last_heartbeat=None if silent is None else NOW - timedelta(seconds=silent),
            labels=TIFLASH if tiflash else {"zone": random.choice("abc")},
            add_peer_limit_per_minute=self.limit(),
            remove_peer_limit_per_minute=self.limit(),
            slow_score=random.choice([79, 80, 100]) if self.rarely() else 1,
            leader_weight=random.choice([0.0, 2.5]) if self.rarely() else 1.0,
            region_weight=random.choice([0.0, 0.1, 1 / 3]) if self.rarely() else 1.0,
        )

    def limit(self) -> float | None:
        """Return a limit: PD's default, unlimited, an odd float, or none shown."""
        return self.random.choice([15.0, 15.0, 1e8, self.random.uniform(0.1, 2000), None])

    def region(self, on: Sequence[Store], region_id: int) -> Region:
        """Return a region with peers of any role, led by a voter or by nobody."""
        chosen = self.random.sample(list(on), min(len(on), self.random.choice([1, 3, 3, 3, 4])))
        roles = {item.id: self.role(item) for item in chosen}
        voters = [store_id for store_id, role in roles.items() if role is PeerRole.VOTER]
        leader = None if self.rarely() or not voters else self.random.choice(voters)
        others = [store_id for store_id in roles if store_id != leader]
        return Region(
            id=region_id,
            version=self.random.randint(1, 50),
            conf_ver=self.random.randint(1, 50),
            peers=tuple(Peer(region_id * 100 + key, key, role) for key, role in roles.items()),
            leader_store_id=leader,
            down_store_ids=frozenset(others) if self.rarely() else frozenset(),
            pending_store_ids=frozenset(others[:1]) if self.rarely() else frozenset(),
            size_mib=self.random.randint(0, 200),
        )

    def some(self, settings: Mapping[str, str], *, zero: Sequence[str]) -> Mapping[str, str]:
        """Return the settings, rarely without one of them, or with one of those named at 0."""
        found = dict(settings)
        if self.rarely():
            found.pop(self.random.choice(sorted(found)))
        if self.rarely():
            found[self.random.choice(zero)] = "0"
        return found

    def replication(self) -> Mapping[str, str] | None:
        """Return the replication settings, for one to three replicas; rarely none."""
        if self.rarely():
            return None
        return {
            **REPLICATION,
            "enable-placement-rules": "false",
            "location-labels": self.random.choice(["", "zone", "zone,host"]),
            "max-replicas": str(self.random.choice([1, 2, 3])),
            "strictly-match-label": "true" if self.rarely() else "false",
        }

    def tombstones(self) -> tuple[Store, ...] | None:
        """Return up to three tombstones; rarely PD shows none."""
        ids = sorted(self.random.sample(range(20, 30), self.random.randint(0, 3)))
        regions = 1 if self.rarely() else 0
        buried = tuple(
            store(
                number,
                state=StoreState.TOMBSTONE,
                leader_count=0,
                region_count=regions,
                add_peer_limit_per_minute=None,
                remove_peer_limit_per_minute=None,
            )
            for number in ids
        )
        return None if self.rarely() else buried

    def role(self, on: Store) -> PeerRole:
        """Return a role that a peer on the store may have."""
        if on.is_tiflash:
            return PeerRole.LEARNER
        return self.random.choice(list(PeerRole)) if self.rarely() else PeerRole.VOTER


@st.composite
def consistent_snapshots(draw: st.DrawFn, *, minimum_stores: int = 1) -> ClusterSnapshot:
    """Draw a cluster that a PD could show, prepared or not, healthy or not."""
    count = draw(st.integers(minimum_stores, 6))
    dice = _Dice(draw(st.randoms(use_true_random=True)))
    random = dice.random
    found = tuple(dice.store(key) for key in sorted(random.sample(range(1, 20), count)))
    sample = tuple(dice.region(found, 10 + number) for number in range(random.randint(1, 5)))
    asked = sample[random.randint(0, 1) :]
    removed = random.choice(DEFAULT_SCHEDULERS[1:]) if dice.rarely() else None
    seen = snapshot(
        *found,
        regions=asked,
        sample=sample,
        running_operators={item.id: "admin-move-peer {…}" for item in asked if dice.rarely()},
        evicted_store_ids=frozenset(item.id for item in found if random.random() < 0.2),
        schedulers=tuple(name for name in DEFAULT_SCHEDULERS if name != removed),
        leader_schedule_limit=0 if dice.rarely() else 4,
        scheduler_max_waiting_operator=0 if dice.rarely() else 5,
        halt_scheduling=dice.rarely(),
        settings=dice.some(SETTINGS, zero=("region-schedule-limit", "replica-schedule-limit")),
        replication=dice.replication(),
        tombstones=dice.tombstones(),
    )
    if dice.rarely():
        seen = unprepared(seen)
    impossible = inconsistencies(seen)
    assert not impossible, impossible
    return seen


@st.composite
def healthy_snapshots(draw: st.DrawFn) -> ClusterSnapshot:
    """Draw a cluster with nothing wrong: stores up, leaders spread within a few percent."""
    count = draw(st.integers(1, 6))
    mean = draw(st.integers(0, 3000))
    found = tuple(
        store(
            store_id,
            leader_count=mean + draw(st.integers(0, max(mean // 10, 5))),
            region_count=mean * 4 + 10,
            last_heartbeat=NOW - timedelta(seconds=draw(st.integers(0, 15))),
        )
        for store_id in range(1, count + 1)
    )
    return snapshot(*found)
