"""What TiDB Operator's own object says it is doing, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

EVICT_LEADER_ANNOTATION = "tidb.pingcap.com/evict-leader"
"""Also the beginning of ``…-for-resize``. On a pod it names the pod; on the cluster's object it
names none, so that every store may be meant."""

DELETE_SLOTS = "tikv.tidb.pingcap.com/delete-slots"
"""Annotation of a TidbCluster: numbers of pods that its StatefulSet leaves out."""

PAUSED = "paused reconciliation"
"""``busy_with`` of a v2 Cluster that somebody has paused: it does nothing until it goes on."""


@dataclass(frozen=True, slots=True)
class ManagedPod:
    """The pod behind a store, as TiDB Operator v1 keeps it."""

    name: str
    leaving: bool = False
    """True when TiDB Operator takes it away: its number is beyond those that the TidbCluster asks
    for. False while it belongs to its StatefulSet."""
    of_peer: bool = False
    """True when the StatefulSet is that of another TidbCluster, which shares this PD."""


@dataclass(frozen=True, slots=True)
class TidbOperatorFacts:
    """What TiDB Operator's object says it is doing (read through spec.pd.tidbClusterRef)."""

    kind: str
    """``TidbCluster`` or ``Cluster``."""
    name: str
    busy_with: str | None
    """For example ``upgrade`` or ``scale-in``; None when it does nothing to stores."""
    evicting_store_ids: frozenset[int] = frozenset()
    """Stores whose eviction its status or annotations claim as its own."""
    readable: bool = True
    """False when the object was named and could not be read: then nothing is known."""
    problem: str | None = None
    """Why it is not readable, naming the object or the missing right; None when it is."""
    pd_busy_with: str | None = None
    """The same as ``busy_with`` for PD's own members."""
    pods: Mapping[int, ManagedPod] = field(default_factory=dict)
    """By store; v1 only, for v2's object lists no stores. A store that is not in it has no pod
    that TiDB Operator keeps."""
