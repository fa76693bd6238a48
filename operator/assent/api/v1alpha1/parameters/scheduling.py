"""Parameters of actions on PD's schedulers and on its settings."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from assent.api.v1alpha1.base import ApiModel


class SchedulerName(StrEnum):
    """Schedulers that take no arguments and do no harm, as PD names them.

    Not evict-leader (that is EvictLeaders), nor those that grant, shuffle, scatter or merge.
    """

    BALANCE_LEADER = "balance-leader-scheduler"
    BALANCE_REGION = "balance-region-scheduler"
    BALANCE_HOT_REGION = "balance-hot-region-scheduler"
    EVICT_SLOW_STORE = "evict-slow-store-scheduler"
    EVICT_SLOW_TREND = "evict-slow-trend-scheduler"
    LABEL = "label-scheduler"
    SPLIT_BUCKET = "split-bucket-scheduler"
    BALANCE_WITNESS = "balance-witness-scheduler"
    TRANSFER_WITNESS_LEADER = "transfer-witness-leader-scheduler"


class OfScheduler(ApiModel):
    """Parameters of an action on one scheduler."""

    name: SchedulerName
    """The scheduler, as PD names it."""


class AddScheduler(OfScheduler):
    """Let one of PD's schedulers run, with PD's own defaults."""

    name: SchedulerName
    """The scheduler that shall run."""


class RemoveScheduler(OfScheduler):
    """Stop one of PD's schedulers for good; its own configuration, if any, is lost."""

    name: SchedulerName
    """The scheduler that shall no longer run."""


class PauseScheduler(OfScheduler):
    """Stop one of PD's schedulers for a while. A change of PD's leader ends the pause early."""

    name: SchedulerName
    """The scheduler that shall pause."""
    seconds: Annotated[int, Field(ge=30, le=86400)]
    """For how long; then PD resumes it by itself. A shorter pause would end before it is seen."""


class ResumeScheduler(OfScheduler):
    """End the pause of one of PD's schedulers."""

    name: SchedulerName
    """The scheduler that shall go on."""


class ScheduleKey(StrEnum):
    """Settings of PD's section ``schedule``, as PD names them."""

    LEADER_SCHEDULE_LIMIT = "leader-schedule-limit"
    REGION_SCHEDULE_LIMIT = "region-schedule-limit"
    REPLICA_SCHEDULE_LIMIT = "replica-schedule-limit"
    MERGE_SCHEDULE_LIMIT = "merge-schedule-limit"
    HOT_REGION_SCHEDULE_LIMIT = "hot-region-schedule-limit"
    HOT_REGION_CACHE_HITS_THRESHOLD = "hot-region-cache-hits-threshold"
    MAX_SNAPSHOT_COUNT = "max-snapshot-count"
    MAX_PENDING_PEER_COUNT = "max-pending-peer-count"
    SCHEDULER_MAX_WAITING_OPERATOR = "scheduler-max-waiting-operator"
    MAX_MERGE_REGION_SIZE = "max-merge-region-size"
    MAX_STORE_DOWN_TIME = "max-store-down-time"
    SPLIT_MERGE_INTERVAL = "split-merge-interval"
    PATROL_REGION_INTERVAL = "patrol-region-interval"
    LOW_SPACE_RATIO = "low-space-ratio"
    HIGH_SPACE_RATIO = "high-space-ratio"
    TOLERANT_SIZE_RATIO = "tolerant-size-ratio"
    LEADER_SCHEDULE_POLICY = "leader-schedule-policy"
    ENABLE_REMOVE_DOWN_REPLICA = "enable-remove-down-replica"
    ENABLE_REPLACE_OFFLINE_REPLICA = "enable-replace-offline-replica"
    ENABLE_MAKE_UP_REPLICA = "enable-make-up-replica"
    ENABLE_REMOVE_EXTRA_REPLICA = "enable-remove-extra-replica"
    ENABLE_LOCATION_REPLACEMENT = "enable-location-replacement"
    ENABLE_ONE_WAY_MERGE = "enable-one-way-merge"
    ENABLE_CROSS_TABLE_MERGE = "enable-cross-table-merge"
    ENABLE_JOINT_CONSENSUS = "enable-joint-consensus"
    ENABLE_TIKV_SPLIT_REGION = "enable-tikv-split-region"
    ENABLE_DIAGNOSTIC = "enable-diagnostic"
    HALT_SCHEDULING = "halt-scheduling"


class ReplicationKey(StrEnum):
    """Settings of PD's section ``replication``, as PD names them."""

    MAX_REPLICAS = "max-replicas"
    LOCATION_LABELS = "location-labels"
    ISOLATION_LEVEL = "isolation-level"
    STRICTLY_MATCH_LABEL = "strictly-match-label"
    ENABLE_PLACEMENT_RULES_CACHE = "enable-placement-rules-cache"


SettingValue = Annotated[str, Field(max_length=256)]


class SetScheduleConfig(ApiModel):
    """Set one of PD's scheduling settings."""

    key: ScheduleKey
    """The setting."""
    value: SettingValue
    """As text: a whole number, a ratio such as 0.8, a duration such as 30m, true or false."""


class SetReplicationConfig(ApiModel):
    """Set how many replicas PD keeps, and by which labels it spreads them."""

    key: ReplicationKey
    """The setting."""
    value: SettingValue
    """As text: a whole number, true or false, a label, or labels with commas between them."""
