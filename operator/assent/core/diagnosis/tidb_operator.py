"""What TiDB Operator's own object says it is doing to stores.

v1, ``TidbCluster`` (pingcap.com/v1alpha1, pkg/apis/pingcap/v1alpha1/types.go of release-1.6):
``status.tikv.phase`` is Normal, Upgrade or Scale; ``status.tikv.evictLeader`` maps the pods whose
leaders it evicts for the pod annotations ``tidb.pingcap.com/evict-leader`` and
``…/evict-leader-for-resize`` to their value; ``status.tikv.stores`` and ``peerStores`` map store
ids to ``podName``. The evictions of an upgrade stand in annotations of pods, so the phase is what
the object itself says of them. ``status.tikv.failureStores`` are those it replaces: it adds a pod
for each and keeps the entry until somebody calls off the failover, so a failover counts as under
way only until as many stores are Up as ``spec.tikv.replicas`` asks for. ``status.pd`` likewise.

v2, ``Cluster`` (core.pingcap.com/v1alpha1, api/core/v1alpha1/cluster_types.go): ``spec.paused``,
``spec.suspendAction.suspendCompute`` and the condition Progressing. Which store it evicts stands
in the ``TiKV`` objects (condition LeadersEvicted), not here; it ends all evictions that it did
not ask for (pkg/controllers/tikv/tasks/evict_leader.go).

Nothing is guessed: an object without what is needed counts as not readable.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assent.api.v1alpha1.tikvcluster import TidbClusterKind, TidbClusterRef
from assent.core.diagnosis.tidb_pods import as_mapping, listed_stores, managed_pods, stores_of_pod
from assent.core.model.snapshot import Store
from assent.core.model.tidb_operator import EVICT_LEADER_ANNOTATION, PAUSED, TidbOperatorFacts

NORMAL = "Normal"

_PHASES = {"Upgrade": "upgrade", "Scale": "scaling"}


def read_facts(
    reference: TidbClusterRef,
    found: Mapping[str, Any] | None,
    stores: Sequence[Store],
    problem: str | None = None,
) -> TidbOperatorFacts:
    """Return what the object says; ``readable`` False when ``found`` is None or says too little.

    ``stores`` are PD's, for pods that the object evicts but does not map to a store: PD's address
    of a store begins with the name of its pod. ``problem`` is why ``found`` is None.
    """
    if found is None:
        return _unreadable(reference, problem or "it could not be read")
    if reference.kind is TidbClusterKind.CLUSTER:
        return _of_v2(reference, found)
    return _of_v1(reference, found, stores)


def _unreadable(reference: TidbClusterRef, problem: str) -> TidbOperatorFacts:
    return TidbOperatorFacts(
        kind=reference.kind.value,
        name=reference.name,
        busy_with=None,
        readable=False,
        problem=problem,
    )


def _of_v1(
    reference: TidbClusterRef, found: Mapping[str, Any], stores: Sequence[Store]
) -> TidbOperatorFacts:
    status = as_mapping(found.get("status"))
    tikv = as_mapping(status.get("tikv"))
    phase = tikv.get("phase")
    if not isinstance(phase, str) or not phase:
        return _unreadable(reference, "it has no status.tikv.phase: TiDB Operator has not begun")
    pods = sorted(str(pod) for pod in as_mapping(tikv.get("evictLeader")))
    ids = {pod: stores_of_pod(pod, tikv, stores) for pod in pods}
    busy = _common(found) or _phase(phase) or _failover(found, tikv)
    if busy is None:
        # An eviction of which nobody can say whose store it is may be of any store.
        lost = next((pod for pod in pods if not ids[pod]), None)
        busy = f"evicting leaders from pod {lost[:128]}" if lost else None
    return TidbOperatorFacts(
        kind=reference.kind.value,
        name=reference.name,
        busy_with=busy,
        evicting_store_ids=frozenset(store_id for pod in pods for store_id in ids[pod]),
        pd_busy_with=_pd_work(found, as_mapping(status.get("pd"))),
        pods=managed_pods(reference.name, found, stores),
    )


def _phase(phase: object) -> str | None:
    """Return what a component's phase says is under way; None for Normal, and for no phase."""
    if not isinstance(phase, str) or phase in ("", NORMAL):
        return None
    return _PHASES.get(phase, f"phase {phase[:64]}")


def _failover(found: Mapping[str, Any], tikv: Mapping[str, Any]) -> str | None:
    """Return whose place is being filled, None when none is missing."""
    failed = as_mapping(tikv.get("failureStores"))
    if not failed:
        return None
    up = [entry for entry in listed_stores(tikv).values() if entry.get("state") == "Up"]
    wanted = _replicas(found, "tikv")
    if wanted is not None and len(up) >= wanted:
        return None
    pods = sorted(str(as_mapping(entry).get("podName", "?")) for entry in failed.values())
    return f"failover of pod {pods[0][:128]}"


def _pd_work(found: Mapping[str, Any], pd: Mapping[str, Any]) -> str | None:
    """Return what is under way with PD's members, None when nothing or nothing is said of them."""
    if (busy := _phase(pd.get("phase"))) is not None:
        return f"PD's {busy}"
    failed = as_mapping(pd.get("failureMembers"))
    members = as_mapping(pd.get("members")).values()
    healthy = [one for one in members if as_mapping(one).get("health") is True]
    wanted = _replicas(found, "pd")
    if not failed or (wanted is not None and len(healthy) >= wanted):
        return None
    return f"failover of PD member {min(str(name) for name in failed)[:128]}"


def _replicas(found: Mapping[str, Any], component: str) -> int | None:
    replicas = as_mapping(as_mapping(found.get("spec")).get(component)).get("replicas")
    return replicas if isinstance(replicas, int) and not isinstance(replicas, bool) else None


def _of_v2(reference: TidbClusterRef, found: Mapping[str, Any]) -> TidbOperatorFacts:
    spec = as_mapping(found.get("spec"))
    busy = _common(found)
    if busy is None and spec.get("paused") is True:
        busy = PAUSED
    if busy is None and as_mapping(spec.get("suspendAction")).get("suspendCompute") is True:
        busy = "suspension"
    if busy is None and "True" in _conditions(found, "Progressing"):
        busy = "a rollout"
    return TidbOperatorFacts(kind=reference.kind.value, name=reference.name, busy_with=busy)


def _common(found: Mapping[str, Any]) -> str | None:
    metadata = as_mapping(found.get("metadata"))
    if metadata.get("deletionTimestamp"):
        return "deletion"
    annotations = as_mapping(metadata.get("annotations"))
    if any(str(key).startswith(EVICT_LEADER_ANNOTATION) for key in annotations):
        return f"annotation {EVICT_LEADER_ANNOTATION}"
    return None


def _conditions(found: Mapping[str, Any], kind: str) -> Iterator[str]:
    conditions = as_mapping(found.get("status")).get("conditions")
    for condition in conditions if isinstance(conditions, list) else []:
        if as_mapping(condition).get("type") == kind:
            yield str(as_mapping(condition).get("status"))
