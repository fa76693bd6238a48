"""The settings of PD that may be set: type, bounds, default, and which values are dangerous.

PD's own endpoints for sections ignore unknown keys silently, and ``POST /config`` takes any value
of the right JSON type (P09). So a key that is not here cannot be asked for, and a value is judged
here first. Defaults and meanings: pd-api.md 1.7; dangers: 5.2.

Left out on purpose: ``enable-placement-rules`` (false drops every rule), ``max-merge-region-keys``
(PD shows a derived value, so nobody can put back what was there), ``store-limit-version`` (changes
what every store limit means), ``schedulers-v2`` (that is AddScheduler and RemoveScheduler).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from assent.api.v1alpha1.parameters.scheduling import ReplicationKey, ScheduleKey
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.setting_value import Kind, Value, parse

TierRule = Callable[[Value | None, Value], tuple[Tier, str] | None]
"""Old value (None when not known) and new one → the tier it is raised to, and why."""

USUAL_REPLICAS = 3
"""With fewer, the loss of one store can lose data or availability."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that may be set."""

    kind: Kind
    default: str
    """PD's own, as its GET shows it."""
    low: float = 0
    high: float = 0
    """Bounds of what may be asked for; of a duration in seconds. What PD showed before is put
    back also beyond them."""
    words: tuple[str, ...] = ()
    """The only values of a word."""
    absent: str | None = None
    """What it is when PD leaves it out of its answer (Go's ``omitempty``); None: then PD has no
    such setting."""
    raised: TierRule | None = None
    """What raises the tier above Medium."""
    raised_by: str = ""
    """The same in words, for the reference."""

    def fault(self, text: str) -> str | None:
        """Return why the text cannot be asked for, None when it can."""
        value = parse(self.kind, text)
        if value is None:
            return f"{text!r} is not {self.kind.form}"
        if self.kind in (Kind.INTEGER, Kind.RATIO, Kind.DURATION):
            unit = " s" if self.kind is Kind.DURATION else ""
            if not self.low <= float(str(value)) <= self.high:
                return f"{text} is not between {self.low:g}{unit} and {self.high:g}{unit}"
        if self.words and text not in self.words:
            return f"{text!r} is none of {', '.join(self.words)}"
        return None

    def shown(self, values: Mapping[str, str], key: str) -> str | None:
        """Return the text of the value that PD shows, None when PD has no such setting."""
        return values.get(key, self.absent)


def _at(danger: str, why: str) -> TierRule:
    """Return the rule that one value is High."""

    def rule(old: Value | None, new: Value) -> tuple[Tier, str] | None:
        return (Tier.HIGH, why) if str(new).lower() == danger else None

    return rule


def _beyond(low: float, high: float, why: str) -> TierRule:
    """Return the rule that values outside are High."""

    def rule(old: Value | None, new: Value) -> tuple[Tier, str] | None:
        return None if low <= float(str(new)) <= high else (Tier.HIGH, why)

    return rule


def _always(why: str) -> TierRule:
    """Return the rule that any change is High."""
    return lambda old, new: (Tier.HIGH, why)


def _replicas(old: Value | None, new: Value) -> tuple[Tier, str] | None:
    """Lowering deletes copies of the data; raising copies every region."""
    if not isinstance(old, int) or not isinstance(new, int):
        return Tier.CRITICAL, "how many replicas there are is not known"
    if new >= old:
        return Tier.HIGH, f"PD copies every region: {old} replicas become {new}"
    if new < USUAL_REPLICAS:
        why = f"PD deletes replicas ({old} become {new}): losing one store may then lose data"
        return Tier.CRITICAL, why
    return Tier.HIGH, f"PD deletes replicas: {old} become {new}"


def _limit(default: int, high: int, stops: str = "") -> Setting:
    """Return a limit of how much PD schedules at once; 0 stops it silently (P30)."""
    if not stops:
        return Setting(Kind.INTEGER, str(default), 0, high)
    return Setting(
        Kind.INTEGER,
        str(default),
        0,
        high,
        raised=_at("0", f"0 silently stops {stops} (P30)"),
        raised_by=f"High at 0: silently stops {stops} (P30)",
    )


def _flag(default: str, danger: str = "", why: str = "", *, absent: str | None = None) -> Setting:
    """Return a setting that is true or false, High at the dangerous one."""
    if not danger:
        return Setting(Kind.BOOLEAN, default, absent=absent)
    return Setting(
        Kind.BOOLEAN,
        default,
        absent=absent,
        raised=_at(danger, f"{danger}: {why}"),
        raised_by=f"High at {danger}: {why}",
    )


SCHEDULE: Mapping[ScheduleKey, Setting] = MappingProxyType(
    {
        ScheduleKey.LEADER_SCHEDULE_LIMIT: _limit(4, 128, "evictions and leader balance"),
        ScheduleKey.REGION_SCHEDULE_LIMIT: _limit(2048, 8192, "region balance"),
        ScheduleKey.REPLICA_SCHEDULE_LIMIT: _limit(64, 1024, "the repair of replicas"),
        ScheduleKey.MERGE_SCHEDULE_LIMIT: _limit(8, 256),
        ScheduleKey.HOT_REGION_SCHEDULE_LIMIT: _limit(4, 128),
        ScheduleKey.HOT_REGION_CACHE_HITS_THRESHOLD: Setting(Kind.INTEGER, "3", 1, 1000),
        # With 0 every store that sends or takes one snapshot is left out: nothing is repaired.
        ScheduleKey.MAX_SNAPSHOT_COUNT: Setting(Kind.INTEGER, "64", 1, 1024),
        # 0 means no bound at all.
        ScheduleKey.MAX_PENDING_PEER_COUNT: Setting(Kind.INTEGER, "64", 1, 4096),
        # With 0 PD refuses every operator, ours too, as "already have one" (P18).
        ScheduleKey.SCHEDULER_MAX_WAITING_OPERATOR: Setting(Kind.INTEGER, "5", 1, 1024),
        ScheduleKey.MAX_MERGE_REGION_SIZE: Setting(Kind.INTEGER, "20", 1, 256),
        ScheduleKey.MAX_STORE_DOWN_TIME: Setting(
            Kind.DURATION,
            "30m0s",
            60,
            7 * 86400,
            raised=_beyond(600, 86400, "a restart counts as lost, or a lost store as restarting"),
            raised_by="High below 10m (every restart moves replicas) and above 24h (no repair)",
        ),
        ScheduleKey.SPLIT_MERGE_INTERVAL: Setting(Kind.DURATION, "1h0m0s", 60, 30 * 86400),
        ScheduleKey.PATROL_REGION_INTERVAL: Setting(Kind.DURATION, "10ms", 0.01, 10),
        ScheduleKey.LOW_SPACE_RATIO: Setting(
            Kind.RATIO,
            "0.8",
            0.5,
            0.95,
            raised=_beyond(0, 0.9, "PD fills disks above nine tenths"),
            raised_by="High above 0.9: PD fills disks",
        ),
        ScheduleKey.HIGH_SPACE_RATIO: Setting(Kind.RATIO, "0.7", 0.3, 0.9),
        ScheduleKey.TOLERANT_SIZE_RATIO: Setting(Kind.RATIO, "0", 0, 100),
        ScheduleKey.LEADER_SCHEDULE_POLICY: Setting(Kind.WORD, "count", words=("count", "size")),
        ScheduleKey.ENABLE_REMOVE_DOWN_REPLICA: _flag("true", "false", "repair stops (5.2)"),
        ScheduleKey.ENABLE_REPLACE_OFFLINE_REPLICA: _flag("true", "false", "drains stop"),
        ScheduleKey.ENABLE_MAKE_UP_REPLICA: _flag("true", "false", "repair stops"),
        ScheduleKey.ENABLE_REMOVE_EXTRA_REPLICA: _flag("true", "false", "extra replicas stay"),
        ScheduleKey.ENABLE_LOCATION_REPLACEMENT: _flag("true"),
        ScheduleKey.ENABLE_ONE_WAY_MERGE: _flag("false"),
        ScheduleKey.ENABLE_CROSS_TABLE_MERGE: _flag("true"),
        ScheduleKey.ENABLE_JOINT_CONSENSUS: _flag(
            "true", "false", "membership changes become unsafe while a store fails"
        ),
        ScheduleKey.ENABLE_TIKV_SPLIT_REGION: _flag("true", "false", "regions only grow"),
        ScheduleKey.ENABLE_DIAGNOSTIC: _flag("true"),
        ScheduleKey.HALT_SCHEDULING: _flag(
            "false",
            "true",
            "all scheduling and repair stop, and PD refuses region splits",
            absent="false",
        ),
    }
)

_MOVES = "the wanted place of every replica changes: data moves"

REPLICATION: Mapping[ReplicationKey, Setting] = MappingProxyType(
    {
        ReplicationKey.MAX_REPLICAS: Setting(
            Kind.INTEGER,
            "3",
            1,
            9,
            raised=_replicas,
            raised_by="High always; Critical when lowered below 3: PD deletes replicas",
        ),
        ReplicationKey.LOCATION_LABELS: Setting(
            Kind.LABELS, "", raised=_always(_MOVES), raised_by=f"High always: {_MOVES}"
        ),
        ReplicationKey.ISOLATION_LEVEL: Setting(
            Kind.LABEL,
            "",
            raised=_always("PD makes up no replica where the level has no other place"),
            raised_by="High always: PD makes up no replica where the level has no other place",
        ),
        ReplicationKey.STRICTLY_MATCH_LABEL: _flag(
            "false", "true", "PD refuses a store without these labels when it starts"
        ),
        ReplicationKey.ENABLE_PLACEMENT_RULES_CACHE: _flag("false"),
    }
)

PLACEMENT_KEYS = frozenset(
    {ReplicationKey.MAX_REPLICAS, ReplicationKey.LOCATION_LABELS, ReplicationKey.ISOLATION_LEVEL}
)
"""Setting one of these also rewrites the rule ``pd/default`` (server/server.go
SetReplicationConfig)."""
