"""StoreDown: a store has sent no heartbeat for longer than the threshold.

There is nothing to propose: PD replaces the replicas by itself once the store was silent for
max-store-down-time (30 min by default), and taking the store out for good is for people who know
whether it comes back (pd-api.md 4.2 nos. 1 and 2, P37).
"""

from datetime import datetime, timedelta

from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.tikvcluster import StoreDownRule
from assent.core.detection.finding import Memory, Observed
from assent.core.detection.suspicion import Severity, Suspicion, fact
from assent.core.model.snapshot import Store, StoreState

RULE = "StoreDown"

_SILENT_BY_PD = frozenset({StoreState.DISCONNECTED, StoreState.DOWN})


def detect(
    observed: Observed, rule: StoreDownRule, memory: Memory, now: datetime
) -> tuple[Suspicion, ...]:
    """Return one suspicion for every store that is silent, TiFlash and leaving ones too.

    Once reported it ends only when PD calls the store connected again, not when the clocks of
    PD and this process disagree.
    """
    threshold = timedelta(seconds=parse_duration_seconds(rule.silent_for))
    found = []
    for store in observed.snapshot.stores:
        sighting = memory.sightings.get(f"{RULE}/store/{store.id}")
        reported = sighting is not None and sighting.reported
        silent = _is_silent(store, threshold, now)
        if silent or (reported and store.state in _SILENT_BY_PD):
            found.append(_suspicion(store, threshold))
    return tuple(found)


def _is_silent(store: Store, threshold: timedelta, now: datetime) -> bool:
    if store.last_heartbeat is None:
        # Nothing since PD's leader started: how long is for our own sightings to tell.
        return True
    return now - store.last_heartbeat >= threshold


def _suspicion(store: Store, threshold: timedelta) -> Suspicion:
    unseen = store.last_heartbeat is None
    heartbeat = "none" if store.last_heartbeat is None else store.last_heartbeat.isoformat()
    return Suspicion(
        rule=RULE,
        target=f"store/{store.id}",
        severity=Severity.CRITICAL,
        diagnosis=f"Store {store.id} at {store.address[:200]} sends no heartbeat.",
        evidence=(
            fact("lastHeartbeat", heartbeat),
            fact("state", store.state),
            fact("regions", store.region_count),
            fact("leaders", store.leader_count),
        ),
        material=("address", store.address),
        confidence=95,
        must_last_seconds=int(threshold.total_seconds()) if unseen else 0,
        since=store.last_heartbeat,
        no_action=(
            f"No action, because a dead store is left to PD: it repairs the regions of store "
            f"{store.id} by itself after max-store-down-time (30 minutes by default). "
            "Restart its process or pod if it can come back."
        ),
    )
