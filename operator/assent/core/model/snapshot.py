"""A TiKV cluster at one moment, as PD showed it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from assent.core.model.member import PdMember, Removal
from assent.core.model.operator import EndedOperator
from assent.core.model.placement import PlacementRule, RegionFit, RegionLabelRule


class StoreState(StrEnum):
    """PD's ``state_name`` (pd-api.md 1.1). Disconnected and Down only replace Up."""

    UP = "Up"
    DISCONNECTED = "Disconnected"
    DOWN = "Down"
    OFFLINE = "Offline"
    TOMBSTONE = "Tombstone"


class PeerRole(StrEnum):
    """Raft role of a peer; the two joint-consensus roles mean a change is under way."""

    VOTER = "Voter"
    LEARNER = "Learner"
    INCOMING_VOTER = "IncomingVoter"
    DEMOTING_VOTER = "DemotingVoter"


@dataclass(frozen=True, slots=True)
class Store:
    """One store and what PD counts on it."""

    id: int
    address: str
    state: StoreState
    leader_count: int
    region_count: int
    capacity_bytes: int
    available_bytes: int
    last_heartbeat: datetime | None
    """None when PD has had no heartbeat since its leader started."""
    labels: Mapping[str, str] = field(default_factory=dict)
    add_peer_limit_per_minute: float | None = None
    """None when PD shows no limit for the store."""
    remove_peer_limit_per_minute: float | None = None
    slow_score: int = 0
    leader_weight: float = 1.0
    """PD spreads leaders in proportion to this (status.leader_weight); 0 means none wanted."""
    region_weight: float = 1.0
    """PD spreads regions in proportion to this (status.region_weight)."""
    physically_destroyed: bool = False
    """True once somebody forced its removal; there is no way back from it."""

    @property
    def is_tiflash(self) -> bool:
        """True for a TiFlash store (label engine=tiflash), which never holds leaders."""
        return self.labels.get("engine") == "tiflash"

    @property
    def is_healthy(self) -> bool:
        """True when PD shows it Up and it sent a heartbeat."""
        return self.state is StoreState.UP and self.last_heartbeat is not None

    def is_low_on_space(self, low_space_ratio: float) -> bool:
        """Return True when PD would not place a peer there: more than that share is used.

        PD makes an exception of stores with less than 100 regions and 8 GiB free; we do not.
        """
        return self.available_bytes < self.capacity_bytes * (1 - low_space_ratio)


@dataclass(frozen=True, slots=True)
class Peer:
    """One replica of a region."""

    id: int
    store_id: int
    role: PeerRole


@dataclass(frozen=True, slots=True)
class Region:
    """One region with its epoch."""

    id: int
    version: int
    conf_ver: int
    peers: tuple[Peer, ...]
    leader_store_id: int | None
    """None while PD knows no leader."""
    down_store_ids: frozenset[int] = frozenset()
    pending_store_ids: frozenset[int] = frozenset()
    size_mib: int = 0
    start_key: str = ""
    """Upper-case hex; empty for the beginning."""
    end_key: str = ""
    """Upper-case hex; empty for the end."""

    @property
    def epoch(self) -> str:
        """``version/conf_ver``, as identity of the region's shape."""
        return f"{self.version}/{self.conf_ver}"

    @property
    def in_joint_state(self) -> bool:
        """True while a membership change is half done."""
        return any(
            peer.role in (PeerRole.INCOMING_VOTER, PeerRole.DEMOTING_VOTER) for peer in self.peers
        )

    def peer_on(self, store_id: int) -> Peer | None:
        """Return the peer on that store, None when there is none."""
        return next((peer for peer in self.peers if peer.store_id == store_id), None)


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """The scheduling settings of PD that actions depend on (GET /config/schedule)."""

    leader_schedule_limit: int
    """0 means that evictions and balancing never progress (P30)."""
    scheduler_max_waiting_operator: int
    """0 makes PD refuse every operator (P18)."""
    halt_scheduling: bool = False


@dataclass(frozen=True, slots=True)
class PdIdentity:
    """Which PD answered."""

    cluster_id: int
    version: str
    leader_name: str
    leader_id: int
    leader_url: str


BALANCERS = frozenset(
    {"balance-hot-region-scheduler", "balance-leader-scheduler", "balance-region-scheduler"}
)
"""What every PD runs unless somebody disabled it."""


def lists_its_schedulers(names: Collection[str], disabled: Collection[str]) -> bool:
    """Return True when PD shows the schedulers that it has, False just after a change of its
    leader, when it has loaded none yet (P15).

    An eviction alone proves nothing: one that somebody adds meanwhile is listed at once, while
    those stored before are not (P31, seen on 8.1). It does where every balancer is disabled.
    """
    others = [name for name in names if name != "evict-leader-scheduler"]
    return bool(others) or (bool(names) and frozenset(disabled) >= BALANCERS)


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """All facts that one decision may use, read within one cycle."""

    pd: PdIdentity
    taken_at: datetime
    """When the first read of the cycle was sent."""
    stores: tuple[Store, ...]
    """Without tombstones, ordered by id."""
    schedulers: tuple[str, ...]
    """Names as PD lists them; empty while PD is not prepared (P15)."""
    evicted_store_ids: frozenset[int]
    """Stores in the evict-leader scheduler; empty when it does not exist."""
    schedule: ScheduleConfig
    region_count: int
    regions: Mapping[int, Region] = field(default_factory=dict)
    """Only the regions that were asked for; one that PD does not know is absent."""
    running_operators: Mapping[int, str] = field(default_factory=dict)
    """Text of the running operator of each region asked for; absent when there is none."""
    sample: tuple[Region, ...] = ()
    """The first few regions in key order (GET /regions/key?key=&limit=128), of a fixed number
    whatever the size of the cluster; detection looks here for a region to act on. They are not
    in ``regions``, and nothing is known of their running operators."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Every scalar of GET /config/schedule as JSON text without quotes: ``4``, ``0.8``, ``true``.
    TTL overrides do not show (P11)."""
    ended_operators: Mapping[int, EndedOperator] = field(default_factory=dict)
    """The last operator of each region asked for, where PD remembers one that has ended."""
    replication: Mapping[str, str] | None = None
    """Every scalar of GET /config/replicate as text; None unless asked for."""
    placement_rules: tuple[PlacementRule, ...] | None = None
    """None unless asked for, or while placement rules are disabled."""
    region_fits: Mapping[int, RegionFit] = field(default_factory=dict)
    """Of the regions asked for, together with placement rules."""
    label_rules: tuple[RegionLabelRule, ...] | None = None
    """None unless asked for."""
    paused_schedulers: Mapping[str, datetime] | None = None
    """When each paused scheduler resumes by itself; None unless asked for."""
    disabled_schedulers: frozenset[str] | None = None
    """Default schedulers that somebody removed; None unless asked for."""
    members: tuple[PdMember, ...] | None = None
    """None unless asked for."""
    tombstones: tuple[Store, ...] | None = None
    """Stores that have been removed and still have a record; None unless asked for."""
    removals: Mapping[int, Removal] | None = None
    """By store: how far its removal is, where PD says so; None unless asked for."""

    @property
    def prepared(self) -> bool:
        """True when PD knows enough to be believed: it lists its schedulers (P15, P48)."""
        return lists_its_schedulers(self.schedulers, self.disabled_schedulers or frozenset())

    def store(self, store_id: int) -> Store | None:
        """Return the store, None when PD lists none of that id (or a tombstone)."""
        return next((store for store in self.stores if store.id == store_id), None)
