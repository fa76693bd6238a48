"""Which pod TiDB Operator v1 keeps behind which store, as its TidbCluster says.

The pods of the StatefulSet ``<name>-tikv`` are numbered. It has ``spec.tikv.replicas`` of them and
one more for each of ``status.tikv.failureStores``; numbers in the annotation
``tikv.tidb.pingcap.com/delete-slots`` are left out (TidbCluster.TiKVStsDesiredReplicas,
pkg/util of release-1.6). A scale-in removes the store of a number that is no longer wanted, and
only then its pod.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assent.core.model.snapshot import Store
from assent.core.model.tidb_operator import DELETE_SLOTS, ManagedPod

MAX_NUMBER = 10_000
"""No StatefulSet of TiKV has so many pods; what says so is not understood."""


def managed_pods(
    name: str, found: Mapping[str, Any], stores: Sequence[Store]
) -> Mapping[int, ManagedPod]:
    """Return the pod of every store that the TidbCluster ``name`` lists, or whose address in PD
    is that of one of its pods.

    Where the object does not say how many pods it wants, every pod counts as wanted: of two
    mistakes, that one changes nothing.
    """
    tikv = as_mapping(as_mapping(found.get("status")).get("tikv"))
    wanted = _wanted_numbers(found, tikv)
    pods = {store_id: pod for store_id, pod in _by_address(name, stores).items()}
    pods |= {
        store_id: str(entry["podName"])
        for store_id, entry in listed_stores(tikv).items()
        if entry.get("podName")
    }
    managed = {
        store_id: ManagedPod(pod, leaving=_leaves(name, pod, wanted))
        for store_id, pod in pods.items()
    }
    peers = {
        store_id: ManagedPod(str(entry["podName"]), of_peer=True)
        for store_id, entry in _entries(tikv, "peerStores").items()
        if entry.get("podName")
    }
    return {**peers, **managed}


def listed_stores(tikv: Mapping[str, Any]) -> Mapping[int, Mapping[str, Any]]:
    """Return ``status.tikv.stores`` by id, without entries that name no store."""
    return _entries(tikv, "stores")


def stores_of_pod(pod: str, tikv: Mapping[str, Any], stores: Sequence[Store]) -> frozenset[int]:
    """Return the stores of that pod, by the object's own lists and by PD's addresses."""
    listed = {
        store_id
        for group in ("stores", "peerStores")
        for store_id, entry in _entries(tikv, group).items()
        if entry.get("podName") == pod
    }
    return frozenset(listed | {store.id for store in stores if _host(store) == pod})


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return the value when it is a mapping, else an empty one: others write these objects."""
    return value if isinstance(value, Mapping) else {}


def _entries(tikv: Mapping[str, Any], group: str) -> dict[int, Mapping[str, Any]]:
    return {
        int(store_id): as_mapping(entry)
        for store_id, entry in as_mapping(tikv.get(group)).items()
        if str(store_id).isdecimal()
    }


def _by_address(name: str, stores: Sequence[Store]) -> dict[int, str]:
    return {store.id: _host(store) for store in stores if _number(name, _host(store)) is not None}


def _host(store: Store) -> str:
    return store.address.rsplit(":", 1)[0].split(".")[0]


def _number(name: str, pod: str) -> int | None:
    """Return the pod's number in the StatefulSet ``<name>-tikv``, None for another pod."""
    begin = f"{name}-tikv-"
    number = pod.removeprefix(begin)
    return int(number) if pod.startswith(begin) and number.isdecimal() else None


def _leaves(name: str, pod: str, wanted: frozenset[int] | None) -> bool:
    number = _number(name, pod)
    return wanted is not None and number is not None and number not in wanted


def _wanted_numbers(found: Mapping[str, Any], tikv: Mapping[str, Any]) -> frozenset[int] | None:
    replicas = as_mapping(as_mapping(found.get("spec")).get("tikv")).get("replicas")
    if not isinstance(replicas, int) or not 0 <= replicas <= MAX_NUMBER:
        return None
    left_out = _delete_slots(found)
    if left_out is None:
        return None
    count = replicas + len(as_mapping(tikv.get("failureStores")))
    numbers = (number for number in range(count + len(left_out)) if number not in left_out)
    return frozenset(list(numbers)[:count])


def _delete_slots(found: Mapping[str, Any]) -> frozenset[int] | None:
    """Return the numbers that the annotation leaves out; None when it cannot be understood."""
    annotations = as_mapping(as_mapping(found.get("metadata")).get("annotations"))
    text = annotations.get(DELETE_SLOTS)
    if text is None:
        return frozenset()
    try:
        slots = json.loads(str(text))
    except ValueError:
        return None
    if not isinstance(slots, list) or not all(isinstance(slot, int) for slot in slots):
        return None
    return frozenset(slots)
