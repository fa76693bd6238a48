"""TiKVCluster: which PD to watch, and what is allowed there."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel, Code, Condition, Duration, Name, Sentence, Timestamp


class Mode(StrEnum):
    """How far Assent may go on its own."""

    OBSERVE = "Observe"
    APPROVAL = "Approval"
    AUTONOMOUS = "Autonomous"


class Tier(StrEnum):
    """How much can go wrong; ordered by ``rank``."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"
    CRITICAL = "Critical"

    @property
    def rank(self) -> int:
        """0 for Low up to 3 for Critical."""
        return list(Tier).index(self)


class TidbClusterKind(StrEnum):
    """TidbCluster is TiDB Operator v1, Cluster is v2."""

    TIDB_CLUSTER = "TidbCluster"
    CLUSTER = "Cluster"


class TidbClusterRef(ApiModel):
    """The TiDB Operator object that owns this cluster's pods; read, never written."""

    name: Name
    namespace: Name | None = None
    """The namespace of the object; absent means that of the TiKVCluster."""
    kind: TidbClusterKind = TidbClusterKind.TIDB_CLUSTER
    """TidbCluster (TiDB Operator v1) or Cluster (v2)."""


class PdTls(ApiModel):
    """Client certificate for a PD that demands one."""

    secret_name: Name
    """A Secret of the same namespace with ca.crt, tls.crt and tls.key."""


class PdAccess(ApiModel):
    """Where PD answers and how to prove who we are."""

    endpoints: Annotated[
        list[Annotated[str, Field(pattern=r"^https?://[^/ @?#]+$", max_length=300)]],
        Field(min_length=1, max_length=16),
    ]
    """Client URLs of PD members, such as http://pd-0.pd:2379; the leader is found from these.
    No user:password@, for messages and logs name these URLs."""
    cluster_id: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,19}$", max_length=20)] | None = None
    """PD's cluster id. Absent: the first id seen is kept in status and must not change."""
    tidb_cluster_ref: TidbClusterRef | None = None
    """The TiDB Operator object beside it, so that its own work is left alone."""
    tls: PdTls | None = None


class LeftoverEvictionRule(ApiModel):
    """An evict-leader scheduler that somebody forgot after maintenance."""

    disabled: bool = False
    older_than: Duration = "1h"
    """How long the eviction must have been seen before it counts as forgotten."""


class LeaderImbalanceRule(ApiModel):
    """Leaders pile up on one healthy store although PD should have spread them."""

    disabled: bool = False
    above_mean_percent: Annotated[int, Field(ge=10, le=1000)] = 50
    """How far above the mean of the healthy stores a store's leaders must be."""
    clear_percent: Annotated[int, Field(ge=5, le=1000)] = 30
    """Below this the finding ends (hysteresis); at most aboveMeanPercent."""
    minimum_leaders: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Differences in leaders smaller than this are never reported."""
    lasting: Duration = "10m"
    """How long it must last; PD's own balancing gets this long."""


class StoreDownRule(ApiModel):
    """A store that has sent no heartbeat."""

    disabled: bool = False
    silent_for: Duration = "5m"
    """Time since the last store heartbeat. PD says Disconnected after 20 s, Down after 30 min."""


class DetectionRules(ApiModel):
    """Thresholds by rule."""

    leftover_eviction: LeftoverEvictionRule = LeftoverEvictionRule()
    leader_imbalance: LeaderImbalanceRule = LeaderImbalanceRule()
    store_down: StoreDownRule = StoreDownRule()


class Detection(ApiModel):
    """When and by which thresholds problems are looked for."""

    interval: Duration = "15s"
    """Time between two looks at PD."""
    cool_down: Duration = "6h"
    """How long a proposal that was rejected, expired, cancelled, failed or dry-run silences its
    rule for its target, unless the facts change materially."""
    rules: DetectionRules = DetectionRules()


class ApprovalsNeeded(ApiModel):
    """Distinct people that must approve, by tier."""

    low: Annotated[int, Field(ge=1, le=8)] = 1
    medium: Annotated[int, Field(ge=1, le=8)] = 1
    high: Annotated[int, Field(ge=1, le=8)] = 2
    critical: Annotated[int, Field(ge=2, le=8)] = 2

    def of(self, tier: Tier) -> int:
        """Return how many approvals a proposal of this tier needs."""
        value: int = getattr(self, tier.name.lower())
        return value


class TypeOverride(ApiModel):
    """What differs for one action type."""

    type: ActionType
    timeout: Duration
    """How long the effect may take to show before verification fails."""


class Policy(ApiModel):
    """What may be done on this cluster. Changing it needs the right `configure`."""

    max_tier: Tier = Tier.HIGH
    """Nothing above this tier runs, approved or not."""
    approvals_needed: ApprovalsNeeded = ApprovalsNeeded()
    expire_after: Duration = "24h"
    """A proposal that nobody decided for this long ends as Expired."""
    action_timeout: Duration = "5m"
    """How long an effect may take to show, where the type has no override and PD's own is not
    longer."""
    overrides: Annotated[
        tuple[TypeOverride, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = ()
    """Per action type."""


class TiKVClusterSpec(ApiModel):
    """What to watch and what is allowed."""

    pd: PdAccess
    mode: Mode = Mode.APPROVAL
    """Observe only suggests; Approval acts on what people approved."""
    dry_run: bool = True
    """Show the calls that would be sent; send none."""
    suspend: bool = False
    """Start no call here until this is false again."""
    detection: Detection = Detection()
    policy: Policy = Policy()


class Diagnosis(ApiModel):
    """A problem that is seen and deliberately left alone."""

    rule: Code
    target: Annotated[str, Field(max_length=128)]
    """For example ``store/4``."""
    message: Sentence
    """Begins with ``No action, because``."""
    since: Timestamp


class TiKVClusterStatus(ApiModel):
    """What the operator knows of this cluster; written on change only."""

    observed_generation: int | None = None
    state: Code | None = None
    """One word for the STATUS column: Watching, or the reason why not (see reasons)."""
    message: Annotated[str, Field(max_length=2048)] | None = None
    """One sentence on the state, with what to do."""
    cluster_id: Annotated[str, Field(max_length=20)] | None = None
    """The PD cluster id seen at first contact."""
    pd_version: Annotated[str, Field(max_length=64)] | None = None
    epoch: Annotated[int, Field(ge=0)] | None = None
    """The term of the operator that wrote this last; never falls."""
    gate: Annotated[str, Field(max_length=64)] | None = None
    """Which installation of the approval gate people were asked under; after another was found,
    what they had said is void, for the gate may have been away meanwhile."""
    diagnoses: Annotated[list[Diagnosis], Field(max_length=64)] | None = None
    conditions: (
        Annotated[
            list[Condition],
            Field(
                max_length=16,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                },
            ),
        ]
        | None
    ) = None


class TiKVCluster(ApiModel):
    """A TiKV cluster behind a PD that Assent watches, and the rules that hold there."""

    KIND: ClassVar[str] = "TiKVCluster"
    PLURAL: ClassVar[str] = "tikvclusters"

    spec: TiKVClusterSpec
    status: TiKVClusterStatus | None = None
