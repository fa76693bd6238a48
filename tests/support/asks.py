"""Asks of every type for the generated clusters of the property tests: the table ``ASKS``.

A row draws parameters that fit the cluster more often than not. It may change the cluster, so that
an action that needs a rare one (a store that is being removed) meets it often enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType, action
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import (
    CancelDrain,
    DrainStore,
    EvictLeaders,
    ForceRemoveStore,
    RemoveTombstones,
    SetStoreLabels,
    SetStoreLimit,
    SetStoreWeight,
    StopEvictLeaders,
    StoreLabel,
    StoreLimitKind,
)
from assent.core.actions.action import Action
from assent.core.actions.catalogue import action_of
from assent.core.model.member import Removal
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from tests.support.peers import PEER_ASKS
from tests.support.placement import PLACEMENT_ASKS
from tests.support.region_shape import REGION_SHAPE_ASKS
from tests.support.scheduling import SCHEDULING_ASKS
from tests.support.snapshots import consistent_snapshots

Ask = tuple[Action[Any], ApiModel, ClusterSnapshot]
Row = Callable[[st.DrawFn, ClusterSnapshot], tuple[ApiModel, ClusterSnapshot]]

# Not st.builds for parameters: it would add the camelCase aliases with values of its own.


@st.composite
def asks(draw: st.DrawFn, kind: ActionType) -> Ask:
    """Draw an action of that type, with parameters and a cluster."""
    params, seen = ASKS[kind](draw, draw(consistent_snapshots(minimum_stores=2)))
    found, params = action_of(action(params))
    return found, params, seen


def store_id(draw: st.DrawFn, seen: ClusterSnapshot) -> int:
    """Draw a store of the cluster, or 99, which is none."""
    return draw(st.sampled_from([99, *(item.id for item in seen.stores)]))


def region_id(draw: st.DrawFn, seen: ClusterSnapshot) -> int:
    """Draw a region that was asked for, or 12345, which is none."""
    return draw(st.sampled_from([12345, *seen.regions]))


def with_store(seen: ClusterSnapshot, number: int, **changes: Any) -> ClusterSnapshot:
    """Return the cluster with that store changed, itself when there is none."""
    stores = tuple(replace(item, **changes) if item.id == number else item for item in seen.stores)
    return replace(seen, stores=stores)


def _transfer_leader(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    pairs = [(item.id, peer.store_id) for item in seen.regions.values() for peer in item.peers]
    pair = draw(st.sampled_from([(region_id(draw, seen), store_id(draw, seen)), *pairs]))
    return TransferLeader(region_id=pair[0], to_store_id=pair[1]), seen


def _on_store(make: Callable[[st.DrawFn, int], ApiModel]) -> Row:
    return lambda draw, seen: (make(draw, store_id(draw, seen)), seen)


def _limit(draw: st.DrawFn, number: int) -> ApiModel:
    kind, rate = draw(st.sampled_from(StoreLimitKind)), draw(st.integers(1, 1000))
    return SetStoreLimit(store_id=number, kind=kind, rate_per_minute=rate)


def _weight(draw: st.DrawFn, number: int) -> ApiModel:
    leader, region = draw(st.integers(0, 1000)), draw(st.sampled_from([0, 100, 250]))
    return SetStoreWeight(
        store_id=number, leader_weight_percent=leader, region_weight_percent=region
    )


def _labels(draw: st.DrawFn, number: int) -> ApiModel:
    keys = draw(st.sampled_from([("zone",), ("host", "zone"), ("rack",), ("Zone", "engine")]))
    labels = [StoreLabel(key=key, value=draw(st.sampled_from(["", "a", "d"]))) for key in keys]
    return SetStoreLabels(store_id=number, labels=labels)


def _cancel_drain(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    number = store_id(draw, seen)
    rate = draw(st.sampled_from([None, 15, 40]))
    if draw(st.integers(0, 4)):
        # Most often unlimited; less when somebody slowed the removal down.
        limit = draw(st.sampled_from([1e8, 1e8, 7.5]))
        seen = with_store(
            seen, number, state=StoreState.OFFLINE, remove_peer_limit_per_minute=limit
        )
        seen = replace(seen, removals={number: Removal(30, 600.0)} if rate else {})
    return CancelDrain(store_id=number, remove_peer_per_minute=rate), seen


def _remove_tombstones(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    listed = [item.id for item in seen.tombstones or ()]
    whole = bool(listed) and draw(st.booleans())
    named = listed if whole else [*listed[1:], 99]
    return RemoveTombstones(store_ids=named), seen


def _force_remove_store(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    number = store_id(draw, seen)
    if draw(st.integers(0, 4)):
        long_ago = seen.taken_at - timedelta(hours=draw(st.integers(1, 9)))
        state = draw(st.sampled_from([StoreState.DOWN, StoreState.OFFLINE]))
        seen = with_store(seen, number, state=state, last_heartbeat=long_ago)
    return ForceRemoveStore(store_id=number), seen


ASKS: Mapping[ActionType, Row] = {
    ActionType.TRANSFER_LEADER: _transfer_leader,
    **REGION_SHAPE_ASKS,
    ActionType.EVICT_LEADERS: _on_store(lambda draw, number: EvictLeaders(store_id=number)),
    ActionType.STOP_EVICT_LEADERS: _on_store(
        lambda draw, number: StopEvictLeaders(store_id=number)
    ),
    ActionType.DRAIN_STORE: _on_store(lambda draw, number: DrainStore(store_id=number)),
    ActionType.CANCEL_DRAIN: _cancel_drain,
    ActionType.SET_STORE_LIMIT: _on_store(_limit),
    ActionType.SET_STORE_WEIGHT: _on_store(_weight),
    ActionType.SET_STORE_LABELS: _on_store(_labels),
    ActionType.REMOVE_TOMBSTONES: _remove_tombstones,
    ActionType.FORCE_REMOVE_STORE: _force_remove_store,
    **PEER_ASKS,
    **SCHEDULING_ASKS,
    **PLACEMENT_ASKS,
}
"""One row a type; a type without one fails a test by name."""
