"""What TiDB Operator's own object says it is doing to stores.

v1, ``TidbCluster`` (pingcap.com/v1alpha1, pkg/apis/pingcap/v1alpha1/types.go of release-1.6):
``status.tikv.phase`` is Normal, Upgrade or Scale; ``status.tikv.evictLeader`` maps the pods whose
leaders it evicts for the pod annotations ``tidb.pingcap.com/evict-leader`` and
``…/evict-leader-for-resize`` to their value; ``status.tikv.stores`` and ``peerStores`` map store
ids to ``podName``. The evictions of an upgrade stand in annotations of pods, so the phase is what
the object itself says of them.

v2, ``Cluster`` (core.pingcap.com/v1alpha1, api/core/v1alpha1/cluster_types.go): ``spec.paused``,
``spec.suspendAction.suspendCompute`` and the condition Progressing. Which store it evicts stands
in the ``TiKV`` objects (condition LeadersEvicted), not here; it ends all evictions that it did
not ask for (pkg/controllers/tikv/tasks/evict_leader.go).

Nothing is guessed: an object without what is needed counts as not readable.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assent.api.v1alpha1.tikvcluster import TidbClusterKind, TidbClusterRef
from assent.core.detection.finding import TidbOperatorFacts
from assent.core.model.snapshot import Store

EVICT_LEADER_ANNOTATION = "tidb.pingcap.com/evict-leader"
"""Also the beginning of ``…-for-resize``. On a pod it names the pod; on the cluster's object it
names none, so that every store may be meant."""

NORMAL = "Normal"

_PHASES = {"Upgrade": "upgrade", "Scale": "scaling"}


def read_facts(
    reference: TidbClusterRef, found: Mapping[str, Any] | None, stores: Sequence[Store]
) -> TidbOperatorFacts:
    """Return what the object says; ``readable`` False when ``found`` is None or says too little.

    ``stores`` are PD's, for pods that the object evicts but does not map to a store: PD's address
    of a store begins with the name of its pod.
    """
    if found is None:
        return _unreadable(reference)
    if reference.kind is TidbClusterKind.CLUSTER:
        return _of_v2(reference, found)
    return _of_v1(reference, found, stores)


def _unreadable(reference: TidbClusterRef) -> TidbOperatorFacts:
    return TidbOperatorFacts(
        kind=reference.kind.value, name=reference.name, busy_with=None, readable=False
    )


def _of_v1(
    reference: TidbClusterRef, found: Mapping[str, Any], stores: Sequence[Store]
) -> TidbOperatorFacts:
    tikv = _mapping(_mapping(found.get("status")).get("tikv"))
    phase = tikv.get("phase")
    if not isinstance(phase, str) or not phase:
        return _unreadable(reference)
    pods = sorted(str(pod) for pod in _mapping(tikv.get("evictLeader")))
    ids = {pod: _stores_of(pod, tikv, stores) for pod in pods}
    busy = _common(found)
    if busy is None and phase != NORMAL:
        busy = _PHASES.get(phase, f"phase {phase[:64]}")
    if busy is None:
        # An eviction of which nobody can say whose store it is may be of any store.
        lost = next((pod for pod in pods if not ids[pod]), None)
        busy = f"evicting leaders from pod {lost[:128]}" if lost else None
    return TidbOperatorFacts(
        kind=reference.kind.value,
        name=reference.name,
        busy_with=busy,
        evicting_store_ids=frozenset(store_id for pod in pods for store_id in ids[pod]),
    )


def _of_v2(reference: TidbClusterRef, found: Mapping[str, Any]) -> TidbOperatorFacts:
    spec = _mapping(found.get("spec"))
    busy = _common(found)
    if busy is None and spec.get("paused") is True:
        busy = "paused reconciliation"
    if busy is None and _mapping(spec.get("suspendAction")).get("suspendCompute") is True:
        busy = "suspension"
    if busy is None and "True" in _conditions(found, "Progressing"):
        busy = "a rollout"
    return TidbOperatorFacts(kind=reference.kind.value, name=reference.name, busy_with=busy)


def _common(found: Mapping[str, Any]) -> str | None:
    metadata = _mapping(found.get("metadata"))
    if metadata.get("deletionTimestamp"):
        return "deletion"
    annotations = _mapping(metadata.get("annotations"))
    if any(str(key).startswith(EVICT_LEADER_ANNOTATION) for key in annotations):
        return f"annotation {EVICT_LEADER_ANNOTATION}"
    return None


def _conditions(found: Mapping[str, Any], kind: str) -> Iterator[str]:
    conditions = _mapping(found.get("status")).get("conditions")
    for condition in conditions if isinstance(conditions, list) else []:
        if _mapping(condition).get("type") == kind:
            yield str(_mapping(condition).get("status"))


def _stores_of(pod: str, tikv: Mapping[str, Any], stores: Sequence[Store]) -> frozenset[int]:
    listed = {
        str(store_id)
        for group in ("stores", "peerStores")
        for store_id, entry in _mapping(tikv.get(group)).items()
        if _mapping(entry).get("podName") == pod
    }
    by_object = {int(store_id) for store_id in listed if store_id.isdecimal()}
    by_address = {store.id for store in stores if _host(store.address).split(".")[0] == pod}
    return frozenset(by_object | by_address)


def _host(address: str) -> str:
    return address.rsplit(":", 1)[0]


def _mapping(value: object) -> Mapping[str, Any]:
    """Return the value when it is a mapping, else an empty one: others write these objects."""
    return value if isinstance(value, Mapping) else {}
