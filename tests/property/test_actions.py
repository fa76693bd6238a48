"""What holds for every action on every cluster that a PD could show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType, action
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.core.actions.action import Action, Progress, Reversibility
from assent.core.actions.catalogue import CATALOGUE, action_of
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, StoreState
from assent.core.model.verdict import Deny, Hold
from tests.support.consistency import inconsistencies
from tests.support.simulate import apply
from tests.support.snapshots import consistent_snapshots, unprepared

SETTINGS = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@st.composite
def asks(draw: st.DrawFn) -> tuple[Action[Any], ApiModel, ClusterSnapshot]:
    """Draw an action with parameters that fit the snapshot more often than not."""
    seen = draw(consistent_snapshots(minimum_stores=2))
    store_ids = st.sampled_from([99, *(item.id for item in seen.stores)])
    region_ids = st.sampled_from([12345, *seen.regions])
    # Not st.builds: it would add the camelCase aliases of the models with values of its own.
    kind = draw(st.sampled_from(ActionType))
    store_id = draw(store_ids)
    parameters: ApiModel
    if kind is ActionType.TRANSFER_LEADER:
        pairs = [(item.id, peer.store_id) for item in seen.regions.values() for peer in item.peers]
        pair = draw(st.sampled_from([(draw(region_ids), store_id), *pairs]))
        parameters = TransferLeader(region_id=pair[0], to_store_id=pair[1])
    elif kind is ActionType.EVICT_LEADERS:
        parameters = EvictLeaders(store_id=store_id)
    elif kind is ActionType.STOP_EVICT_LEADERS:
        parameters = StopEvictLeaders(store_id=store_id)
    else:
        limit, rate = draw(st.sampled_from(StoreLimitKind)), draw(st.integers(1, 1000))
        parameters = SetStoreLimit(store_id=store_id, kind=limit, rate_per_minute=rate)
    found, params = action_of(action(parameters))
    return found, params, seen


def refused(found: Action[Any], params: ApiModel, seen: ClusterSnapshot) -> bool:
    return any(
        isinstance(check.verdict, Hold | Deny) for check in found.preconditions(params, seen)
    )


def callable_now(found: Action[Any], params: ApiModel, seen: ClusterSnapshot) -> bool:
    return not refused(found, params, seen) and not found.already_done(params, seen)


def test_every_type_has_an_action_and_every_action_its_own_type() -> None:
    """A type in the CRD without an action would be approved and then do nothing."""
    assert set(CATALOGUE) == set(ActionType)
    assert all(found.type is kind for kind, found in CATALOGUE.items())


@SETTINGS
@given(asks())
def test_the_inverse_restores_the_snapshot(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """A way back: whatever was callable is undone to exactly what was before."""
    found, params, seen = ask
    assume(callable_now(found, params, seen))
    assert found.reversibility is Reversibility.FULLY
    before = found.before(params, seen)
    after = apply(found.call(params), seen)
    undo = found.inverse(params, before)
    assert undo is not None
    assert apply(undo, after) == seen
    assert inconsistencies(after) == []


@SETTINGS
@given(asks())
def test_the_effect_of_the_call_is_seen_and_not_before(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """Verification says yes after the call and no before it, whatever else is there."""
    found, params, seen = ask
    assume(callable_now(found, params, seen))
    before = found.before(params, seen)
    assert found.verify(params, before, seen).progress is Progress.NOT_SEEN
    assert found.unchanged(params, before, seen)
    after = apply(found.call(params), seen)
    assert found.verify(params, before, after).progress is not Progress.NOT_SEEN
    assert found.already_done(params, after)
    assert not found.unchanged(params, before, after)


@SETTINGS
@given(asks())
def test_already_done_needs_no_call_and_verifies(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """AlreadyDone ends a proposal as a success: it must mean what verification means."""
    found, params, seen = ask
    assume(found.already_done(params, seen))
    before = found.before(params, seen)
    assert found.verify(params, before, seen).progress is not Progress.NOT_SEEN


@SETTINGS
@given(asks())
def test_risk_is_never_below_the_base_tier(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """Facts raise a tier, they never lower it."""
    found, params, seen = ask
    risk = found.risk(params, seen)
    assert risk.tier.rank >= found.base_tier.rank
    assert risk.factors


@SETTINGS
@given(asks())
def test_nothing_is_allowed_while_pd_is_not_prepared(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """P15, P31: an unprepared PD holds everything, refuses nothing for good, proves nothing."""
    found, params, seen = ask
    assume(not seen.prepared)
    verdicts = [check.verdict for check in found.preconditions(params, seen)]
    assert verdicts
    assert all(isinstance(verdict, Hold) for verdict in verdicts)


def _worse_store(**changes: Any) -> Callable[[ClusterSnapshot, int], ClusterSnapshot]:
    def worsen(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
        stores = list(seen.stores)
        index = pick % len(stores)
        stores[index] = replace(stores[index], **changes)
        return replace(seen, stores=tuple(stores))

    return worsen


def _without_store(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
    gone = seen.stores[pick % len(seen.stores)]
    return replace(
        seen,
        stores=tuple(item for item in seen.stores if item is not gone),
        evicted_store_ids=seen.evicted_store_ids - {gone.id},
    )


def _worse_schedule(**changes: Any) -> Callable[[ClusterSnapshot, int], ClusterSnapshot]:
    return lambda seen, pick: replace(seen, schedule=replace(seen.schedule, **changes))


def _evict_one_more(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
    more = seen.evicted_store_ids | {seen.stores[pick % len(seen.stores)].id}
    return replace(seen, evicted_store_ids=more)


def _worse_regions(**changes: Any) -> Callable[[ClusterSnapshot, int], ClusterSnapshot]:
    return lambda seen, pick: replace(
        seen, regions={key: replace(item, **changes) for key, item in seen.regions.items()}
    )


def _down_peers(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
    return replace(
        seen,
        regions={
            key: replace(item, down_store_ids=frozenset(peer.store_id for peer in item.peers))
            for key, item in seen.regions.items()
        },
    )


def _joint(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
    return replace(
        seen,
        regions={
            key: replace(
                item,
                peers=tuple(replace(peer, role=PeerRole.DEMOTING_VOTER) for peer in item.peers),
            )
            for key, item in seen.regions.items()
        },
    )


WORSENINGS: dict[str, Callable[[ClusterSnapshot, int], ClusterSnapshot]] = {
    "a store goes down": _worse_store(state=StoreState.DOWN),
    "a store disconnects": _worse_store(state=StoreState.DISCONNECTED),
    "a store is being removed": _worse_store(state=StoreState.OFFLINE),
    "a store falls silent": _worse_store(last_heartbeat=None),
    "a store is slow": _worse_store(slow_score=100),
    "a limit is no longer shown": _worse_store(
        add_peer_limit_per_minute=None, remove_peer_limit_per_minute=None
    ),
    "a store is gone": _without_store,
    "another store is evicted": _evict_one_more,
    "leaders may no longer move": _worse_schedule(leader_schedule_limit=0),
    "no operator is taken": _worse_schedule(scheduler_max_waiting_operator=0),
    "scheduling halts": _worse_schedule(halt_scheduling=True),
    "leaders are lost": _worse_regions(leader_store_id=None),
    "peers go down": _down_peers,
    "memberships are half changed": _joint,
    "regions are gone": lambda seen, pick: replace(seen, regions={}),
    "operators run": lambda seen, pick: replace(
        seen, running_operators=dict.fromkeys(seen.regions, "merge-region")
    ),
    "PD changes its leader": lambda seen, pick: unprepared(seen),
}


@settings(SETTINGS, max_examples=200)
@given(why=st.sampled_from(sorted(WORSENINGS)), ask=asks(), pick=st.integers(0, 5))
def test_a_worse_snapshot_never_permits_what_was_refused(
    why: str, ask: tuple[Action[Any], ApiModel, ClusterSnapshot], pick: int
) -> None:
    """A refusal stands until something gets better."""
    found, params, seen = ask
    assume(refused(found, params, seen))
    assert refused(found, params, WORSENINGS[why](seen, pick))


@SETTINGS
@given(asks())
def test_a_call_names_its_ids_and_never_forces(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """P27, P29: no query string, no `force`, no scheduler deleted by name."""
    found, params, seen = ask
    calls = [found.call(params), found.inverse(params, found.before(params, seen))]
    for call in calls:
        if call is None:
            continue
        assert "?" not in call.path
        assert "force" not in call.line
        assert call.path != "/pd/api/v1/schedulers/evict-leader-scheduler"


@SETTINGS
@given(asks())
def test_sentences_and_scope_name_what_is_touched(
    ask: tuple[Action[Any], ApiModel, ClusterSnapshot],
) -> None:
    """People decide by the sentence, conflicts are found by the scope: both name the ids."""
    found, params, seen = ask
    scope = found.scope(params)
    for number in scope.store_ids | scope.region_ids:
        assert str(number) in found.sentence(params)
        assert str(number) in found.pd_ctl(params)
    target = found.target(params, seen)
    if target is not None:
        kind, shown = target.id.split("/")
        ids = scope.store_ids if kind == "store" else scope.region_ids
        assert int(shown) in ids
        assert target.identity
