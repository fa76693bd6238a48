"""What TiDB Operator does beside us, and what is its to do.

v1 acts while it upgrades, scales or replaces failed stores, and undoes only what it recorded as its
own. v2 owns PD's state: it ends every eviction that it did not ask for, and cancels the removal of
every store whose ``TiKV`` object is not ``spec.offline`` (pkg/controllers/tikv/tasks/
evict_leader.go, pkg/controllers/common/store_offline.go). So an eviction or a drain by us would be
undone within a reconcile, and one of a store whose pod stays would leave the pod without a store.
"""

from collections.abc import Sequence

from assent.api.reasons import Reason
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.tikvcluster import TidbClusterKind
from assent.core.model.tidb_operator import (
    DELETE_SLOTS,
    EVICT_LEADER_ANNOTATION,
    PAUSED,
    TidbOperatorFacts,
)
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn
from assent.core.policy.deed import Deed, worst

IN_NOBODYS_WAY = frozenset(
    {
        ActionType.CANCEL_OPERATOR,
        ActionType.RESUME_SCHEDULER,
        ActionType.SET_STORE_LIMIT,
        ActionType.SET_SCHEDULE_CONFIG,
        ActionType.SET_REPLICATION_CONFIG,
        ActionType.SET_PLACEMENT_RULE,
        ActionType.SET_REGION_LABEL_RULE,
        ActionType.DELETE_REGION_LABEL_RULE,
    }
)
"""Types that move nothing by themselves, and may be what gets a stuck upgrade or scale-in going
(a limit at 0, a paused scheduler): a warning beside them is enough."""


def tidb_checks(deeds: Sequence[Deed], operator: TidbOperatorFacts | None) -> tuple[Check, ...]:
    """Return what TiDB Operator has to say to this; nothing where the cluster names none of its
    objects.
    """
    if operator is None:
        return ()
    if not operator.readable:
        found = tuple(_careful(deed, _unread(operator)) for deed in deeds)
        return worst("TidbOperatorKnown", found)
    return (
        *worst("TidbOperatorsOwn", tuple(_belongs(deed, operator) for deed in deeds)),
        *worst("TidbOperatorIdle", tuple(_idle(deed, operator) for deed in deeds)),
    )


def undo_hold(deeds: Sequence[Deed], operator: TidbOperatorFacts | None) -> Hold | None:
    """Return why an undo whose time has come must wait for TiDB Operator, None when it need not.

    Its evictions and ours are one and the same entry in PD: ending ours would end its own.
    """
    for check in tidb_checks(deeds, operator):
        if check.name != "TidbOperatorsOwn" and isinstance(check.verdict, Hold):
            return check.verdict
    for deed in deeds:
        store_id = _store(deed)
        shared = operator is not None and store_id in operator.evicting_store_ids
        if shared and deed.type is ActionType.EVICT_LEADERS:
            message = f"TiDB Operator evicts leaders from store {store_id} too"
            return Hold(Reason.PRECONDITION_WAITING, message)
    return None


def culprit(deed: Deed, operator: TidbOperatorFacts | None) -> str:
    """Return who most likely undid the deed, as the end of a sentence; empty when nobody is known.

    PD does not say who changed it: this is told by what TiDB Operator does as a rule.
    """
    if operator is None or deed.type not in _UNDOES:
        return ""
    name = _name(operator)
    if not operator.readable:
        return f"; whether TiDB Operator did it is not known, for {name} cannot be read"
    is_v2 = _is_v2(operator)
    store_id = _store(deed)
    pod = operator.pods.get(store_id) if store_id is not None else None
    at_work = operator.busy_with is not None or store_id in operator.evicting_store_ids
    if is_v2 or at_work or (pod is not None and pod.leaving):
        habit = _UNDOES[deed.type][1 if is_v2 else 0]
        return f"; most likely TiDB Operator ({name}), which {habit}" if habit else ""
    return ""


_UNDOES = {
    ActionType.EVICT_LEADERS: (
        "ends the eviction of a store once it has restarted its pod",
        "ends every eviction that it did not ask for",
    ),
    ActionType.STOP_EVICT_LEADERS: (
        "evicts leaders from a store before it restarts its pod",
        "evicts leaders again as long as it wants to",
    ),
    ActionType.DRAIN_STORE: (
        None,  # v1 never calls a removal off
        "cancels the removal of every store whose TiKV object is not spec.offline",
    ),
    ActionType.CANCEL_DRAIN: (
        "removes the stores of a scale-in again",
        "removes every store whose TiKV object is spec.offline",
    ),
}
"""What v1 and v2 do with the effect of these types."""


def _unread(operator: TidbOperatorFacts) -> str:
    return (
        f"{_name(operator)} cannot be read, so nobody knows whether TiDB Operator is at work: "
        f"{operator.problem}"
    )


def _idle(deed: Deed, operator: TidbOperatorFacts) -> Verdict:
    busy = operator.busy_with or operator.pd_busy_with
    if busy is None:
        return Allow(f"{_name(operator)} shows no upgrade, scaling or failover")
    message = f"TiDB Operator is busy with {_name(operator)} ({busy})"
    if busy == PAUSED:
        return Warn(f"{message}: what it would undo it undoes once it goes on")
    return _careful(deed, f"{message}: it moves leaders and stores itself")


def _careful(deed: Deed, message: str) -> Verdict:
    if deed.type in IN_NOBODYS_WAY:
        return Warn(message)
    return Hold(Reason.PRECONDITION_WAITING, message)


def _belongs(deed: Deed, operator: TidbOperatorFacts) -> Verdict:
    """Return whether the change is TiDB Operator's to make, and by which of its fields."""
    store_id = _store(deed)
    if store_id is None:
        return Allow("TiDB Operator does nothing of the kind")
    if deed.type is ActionType.SET_STORE_LABELS:
        return Warn(
            "TiDB Operator sets the labels that are PD's location-labels from those of the nodes, "
            "where it may read nodes: such a label is set on the node"
        )
    if _is_v2(operator):
        return _belongs_to_v2(deed, store_id, operator)
    return _belongs_to_v1(deed, store_id, operator)


def _belongs_to_v1(deed: Deed, store_id: int, operator: TidbOperatorFacts) -> Verdict:
    name, pod = _name(operator), operator.pods.get(store_id)
    match deed.type:
        case ActionType.STOP_EVICT_LEADERS if store_id in operator.evicting_store_ids:
            of = f"pod {pod.name}" if pod is not None else "its pod"
            return _denied(
                f"{name} says that TiDB Operator evicts leaders from store {store_id} itself",
                f"remove the annotation {EVICT_LEADER_ANNOTATION} from {of}",
            )
        case ActionType.CANCEL_DRAIN if pod is not None and pod.leaving:
            return Hold(
                Reason.PRECONDITION_WAITING,
                f"TiDB Operator scales in and would remove store {store_id} again, for {name} does "
                f"not ask for pod {pod.name}: raise its spec.tikv.replicas first",
            )
        case ActionType.DRAIN_STORE if pod is not None and pod.of_peer:
            return _denied(
                f"pod {pod.name} of store {store_id} belongs to another TidbCluster on this PD",
                "scale in there, by its spec.tikv.replicas",
            )
        case ActionType.DRAIN_STORE if pod is not None and pod.leaving:
            return _denied(
                f"{name} does not ask for pod {pod.name} any more, so TiDB Operator removes store "
                f"{store_id} itself",
                "wait for its scale-in",
            )
        case ActionType.DRAIN_STORE if pod is not None:
            return _denied(
                f"pod {pod.name} of store {store_id} is still in its StatefulSet and would stay "
                "without a store",
                f"scale in, by spec.tikv.replicas of {name} (annotation {DELETE_SLOTS} for a pod "
                "that is not the last)",
            )
        case ActionType.FORCE_REMOVE_STORE if pod is not None:
            return Warn(
                f"{name} still lists pod {pod.name} of store {store_id}: TiKV in it will not start "
                "again with the data it has"
            )
        case _:
            return Allow(f"it is not TiDB Operator's to do ({name})")


def _belongs_to_v2(deed: Deed, store_id: int, operator: TidbOperatorFacts) -> Verdict:
    name = _name(operator)
    match deed.type:
        case ActionType.EVICT_LEADERS:
            return _denied(
                "TiDB Operator v2 ends every eviction that it did not ask for, at its next "
                "reconcile",
                f"restart or take away the pod by the TiKVGroup of {name}, which evicts first",
            )
        case ActionType.STOP_EVICT_LEADERS:
            return _denied(
                "TiDB Operator v2 ends evictions that it did not ask for by itself, and starts its "
                "own again",
                f"look at condition LeadersEvicted of the TiKV object of store {store_id} ({name})",
            )
        case ActionType.DRAIN_STORE:
            return _denied(
                "TiDB Operator v2 cancels every removal that it did not ask for, at its next "
                "reconcile",
                f"scale in by spec.replicas of the TiKVGroup of {name}, or set spec.offline of the "
                f"TiKV object of store {store_id}",
            )
        case ActionType.CANCEL_DRAIN:
            return _denied(
                "TiDB Operator v2 cancels removals that it did not ask for by itself, and starts "
                "its own again",
                f"set spec.offline to false in the TiKV object of store {store_id} ({name})",
            )
        case ActionType.FORCE_REMOVE_STORE:
            return Warn(
                f"if a TiKV object of {name} still has store {store_id}, TiKV in its pod will not "
                "start again with the data it has"
            )
        case _:
            return Allow(f"it is not TiDB Operator's to do ({name})")


def _denied(why: str, tool: str) -> Deny:
    return Deny(Reason.PRECONDITION_FAILED, f"it belongs to TiDB Operator: {why}; instead, {tool}")


def _is_v2(operator: TidbOperatorFacts) -> bool:
    return operator.kind == TidbClusterKind.CLUSTER


def _name(operator: TidbOperatorFacts) -> str:
    return f"{operator.kind} {operator.name}"


def _store(deed: Deed) -> int | None:
    return min(deed.scope.store_ids, default=None)
