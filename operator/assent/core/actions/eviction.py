"""What EvictLeaders and StopEvictLeaders share: the two calls, and reading the eviction."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot

EVICTED = "evicted"
LEADERS = "leaders"


def start(store_id: int) -> PdCall:
    """Return the call that adds the store to the eviction; 200 also when it is listed already.

    Never to be sent while PD is not prepared: it would replace the stored set of stores (P31).
    """
    body: dict[str, str | int | float] = {"name": "evict-leader-scheduler", "store_id": store_id}
    return PdCall("POST", "/pd/api/v1/schedulers", body)


def stop(store_id: int) -> PdCall:
    """Return the call that takes this one store out; 404 when it is not listed.

    Never ``DELETE /schedulers/evict-leader-scheduler``: that ends the eviction of every store,
    other people's too (P29).
    """
    path = f"/pd/api/v1/scheduler-config/evict-leader-scheduler/delete/{store_id}"
    return PdCall("DELETE", path)


def facts(store_id: int, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
    """Return whether the store is evicted, and its leaders where PD lists the store."""
    evicted = "true" if store_id in snapshot.evicted_store_ids else "false"
    found = [Fact(name=EVICTED, value=evicted)]
    store = snapshot.store(store_id)
    if store is not None:
        found.append(Fact(name=LEADERS, value=str(store.leader_count)))
    return tuple(found)


def was_evicted(before: Sequence[Fact]) -> bool | None:
    """Return what the captured values say; None when they say nothing."""
    value = next((fact.value for fact in before if fact.name == EVICTED), None)
    return None if value is None else value == "true"


def unchanged(store_id: int, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
    """Return True while PD shows the captured eviction; leaders come and go by themselves.

    False while PD is not prepared: then it shows no eviction at all (P15), which proves nothing.
    """
    if not snapshot.prepared:
        return False
    return was_evicted(before) == (store_id in snapshot.evicted_store_ids)
