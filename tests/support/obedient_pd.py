"""A PD that does at once whatever it is told, its stores too; for voyages of whole plans."""

from dataclasses import replace

from assent.core.model.call import CallOutcome, Did, PdCall
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.simulate import apply


def obey(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
    """Return 200, and the cluster with the call carried out to its end: leaders have moved."""
    before = shown.evicted_store_ids
    shown = apply(call, shown)
    for store_id in shown.evicted_store_ids - before:
        shown = with_store(shown, store_id, leader_count=0)
    for store_id in before - shown.evicted_store_ids:
        shown = with_store(shown, store_id, leader_count=80)
    return Did("200 ok"), shown


def with_store(shown: ClusterSnapshot, store_id: int, **changes: object) -> ClusterSnapshot:
    """Return the cluster with one store changed."""
    stores = tuple(
        replace(store, **changes) if store.id == store_id else store  # type: ignore[arg-type]
        for store in shown.stores
    )
    return replace(shown, stores=stores)
