"""What holds for every action on every cluster that a PD could show."""

from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.core.actions.action import Action, Progress, Reversibility
from assent.core.actions.catalogue import CATALOGUE, SINGLES
from assent.core.actions.on_peer import PeerAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, StoreState
from assent.core.model.verdict import Deny, Hold
from hack.checks import check_names
from tests.support.asks import ASKS, Ask, asks
from tests.support.consistency import inconsistencies
from tests.support.drawing import drawn
from tests.support.examples import examples
from tests.support.peers import without_numbers
from tests.support.simulate import apply
from tests.support.snapshots import unprepared

SETTINGS = settings(
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@cache
def check_names_of(_: ActionType, found: Action[Any]) -> list[str]:
    """Return the names by its code, which is walked once for each type."""
    return check_names(found)


EACH_TYPE = pytest.mark.parametrize("kind", list(SINGLES))
"""All but Plan, which is made of these."""
REVERSIBLE = pytest.mark.parametrize(
    "kind",
    [kind for kind, found in SINGLES.items() if found.reversibility is not Reversibility.NOT],
)
ASKED_ANEW = {
    ActionType.SPLIT_REGION,
    ActionType.MERGE_REGIONS,
    ActionType.SCATTER_REGION,
    ActionType.CANCEL_OPERATOR,
}
"""Asked of what is there now: afterwards it is gone, or the same could be asked of it again."""
TWO_THOUSAND = 2000
MOST_DRAWN = 100_000
"""For those; of the rarest action one in twelve fits."""
MOST_CALLS = 8
"""More follow-ups than any action needs: one that asks for more never comes to an end."""

Follow = Callable[[ClusterSnapshot], PdCall | None]


def followed(follow_up: Follow, seen: ClusterSnapshot) -> ClusterSnapshot:
    """Return the snapshot after all follow-ups."""
    for _ in range(MOST_CALLS):
        call = follow_up(seen)
        if call is None:
            return seen
        seen = apply(call, seen)
    raise AssertionError("the follow-ups do not come to an end")


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
    assert set(ASKS) == set(SINGLES), "the table in tests/support/asks.py"


@REVERSIBLE
@SETTINGS
@given(data=st.data())
def test_the_inverse_restores_the_snapshot(kind: ActionType, data: st.DataObject) -> None:
    """A way back: whatever was callable is undone to exactly what was before."""
    ask = data.draw(asks(kind))
    assume(callable_now(*ask))
    undo_restores(ask)


@pytest.mark.long
@REVERSIBLE
def test_the_inverse_restores_two_thousand_snapshots(
    kind: ActionType, record_property: Callable[[str, object], None]
) -> None:
    """The same, for each action on 2,000 different clusters on which it was callable."""
    tried = distinct(kind, lambda ask: callable_now(*ask), undo_restores)
    record_property("clusters", tried)


def distinct(
    kind: ActionType, fits: Callable[[Ask], bool], prove: Callable[[Ask, int], None]
) -> int:
    """Prove it of 2,000 asks that fit, all different; return how many had to be drawn for that.

    A failure names the seed: `drawn(asks(kind), seed)` is the ask.
    """
    tried: set[str] = set()
    for seed in range(MOST_DRAWN):
        ask = drawn(asks(kind), seed)
        if ask is None or not fits(ask):
            continue
        try:
            prove(ask, seed)
        except Exception as error:
            error.add_note(f"{kind}, seed {seed}")
            raise
        tried.add(repr(ask[1:]))
        if len(tried) == TWO_THOUSAND:
            return seed + 1
    raise AssertionError(f"only {len(tried)} of {MOST_DRAWN} fit: {kind} is asked too rarely")


def undo_restores(ask: Ask, seed: int = 0) -> None:
    """Fail when the action, which is callable, is not undone to what was before."""
    found, params, seen = ask
    before = found.before(params, seen)
    after = followed(
        lambda now: found.follow_up(params, before, now), apply(found.call(params), seen)
    )
    assert inconsistencies(after) == []
    undo = found.inverse(params, before)
    assert undo is not None
    undone = followed(lambda now: found.inverse_follow_up(params, before, now), apply(undo, after))
    if isinstance(found, PeerAction):
        undone, seen = without_numbers(undone), without_numbers(seen)
    assert undone == seen
    assert found.unchanged(params, before, undone)


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_the_effect_of_the_call_is_seen_and_not_before(
    kind: ActionType, data: st.DataObject
) -> None:
    """Verification says yes after the call and no before it, whatever else is there."""
    found, params, seen = data.draw(asks(kind))
    assume(callable_now(found, params, seen))
    before = found.before(params, seen)
    assert found.verify(params, before, seen).progress is Progress.NOT_SEEN
    assert found.unchanged(params, before, seen)
    after = apply(found.call(params), seen)
    assert found.verify(params, before, after).progress is not Progress.NOT_SEEN
    # One that PD works on for days is under way: whoever asks for it again is not done, either.
    assert found.already_done(params, after) or found.waits or kind in ASKED_ANEW
    assert not found.unchanged(params, before, after)


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_already_done_needs_no_call_and_verifies(kind: ActionType, data: st.DataObject) -> None:
    """AlreadyDone ends a proposal as a success: it must mean what verification means."""
    found, params, seen = data.draw(asks(kind))
    looks = [seen]
    if callable_now(found, params, seen):
        looks.append(apply(found.call(params), seen))
    for look in looks:
        if found.already_done(params, look):
            before = found.before(params, look)
            assert found.verify(params, before, look).progress is not Progress.NOT_SEEN


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_risk_is_never_below_the_base_tier(kind: ActionType, data: st.DataObject) -> None:
    """Facts raise a tier, they never lower it."""
    found, params, seen = data.draw(asks(kind))
    risk = found.risk(params, seen)
    assert risk.tier.rank >= found.base_tier.rank
    assert risk.factors


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_nothing_is_allowed_while_pd_is_not_prepared(kind: ActionType, data: st.DataObject) -> None:
    """P15, P31: an unprepared PD holds everything, refuses nothing for good, proves nothing."""
    found, params, seen = data.draw(asks(kind))
    verdicts = [check.verdict for check in found.preconditions(params, unprepared(seen))]
    assert verdicts
    assert all(isinstance(verdict, Hold) for verdict in verdicts)


def _worse_store(**changes: Any) -> Callable[[ClusterSnapshot, int], ClusterSnapshot]:
    def worsen(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
        stores = list(seen.stores)
        index = pick % len(stores)
        leaving = stores[index].state is StoreState.OFFLINE
        if leaving and "state" in changes:
            return seen  # Disconnected and Down replace only Up (pd-api.md 1.1)
        stores[index] = replace(stores[index], **changes)
        return replace(seen, stores=tuple(stores))

    return worsen


def _without_store(seen: ClusterSnapshot, pick: int) -> ClusterSnapshot:
    gone = seen.stores[pick % len(seen.stores)]
    if gone.state is StoreState.OFFLINE:
        return seen  # its removal is over: nothing is worse
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
    "a PD member falls ill": lambda seen, pick: replace(
        seen,
        members=None
        if seen.members is None
        else tuple(
            replace(one, healthy=one.healthy and index != pick)
            for index, one in enumerate(seen.members)
        ),
    ),
    "rules are not shown": lambda seen, pick: replace(seen, placement_rules=None, label_rules=None),
}


NOT_WORSE = {
    ActionType.FORCE_REMOVE_STORE: {
        "a store goes down",
        "a store disconnects",
        "a store is being removed",
    },
}
"""What is no worse for an action: a store has to be dead to be declared so."""


@EACH_TYPE
@settings(SETTINGS, max_examples=examples(100))
@given(why=st.sampled_from(sorted(WORSENINGS)), data=st.data(), pick=st.integers(0, 5))
def test_a_worse_snapshot_never_permits_what_was_refused(
    kind: ActionType, why: str, data: st.DataObject, pick: int
) -> None:
    """A refusal stands until something gets better."""
    assume(why not in NOT_WORSE.get(kind, set()))
    found, params, seen = data.draw(asks(kind))
    assume(refused(found, params, seen))
    assert refused(found, params, WORSENINGS[why](seen, pick))


@pytest.mark.long
@EACH_TYPE
def test_two_thousand_refusals_stand_while_nothing_gets_better(
    kind: ActionType, record_property: Callable[[str, object], None]
) -> None:
    """The same, for each action on 2,000 different clusters that refuse it, each made worse in
    one way after the other.
    """
    ways = sorted(WORSENINGS.keys() - NOT_WORSE.get(kind, set()))

    def stands(ask: Ask, seed: int) -> None:
        found, params, seen = ask
        why = ways[seed % len(ways)]
        assert refused(found, params, WORSENINGS[why](seen, seed // len(ways) % 6)), why

    record_property("clusters", distinct(kind, lambda ask: refused(*ask), stands))


QUERIES = {
    ActionType.DRAIN_STORE: {"", "state=Up"},
    ActionType.CANCEL_DRAIN: {"", "state=Up"},
    ActionType.FORCE_REMOVE_STORE: {"force"},
}
"""The only queries there are; everything else is in the path and the body."""


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_a_call_names_its_ids_and_never_forces(kind: ActionType, data: st.DataObject) -> None:
    """P27, P29: no query but its own, `force` in one action, no scheduler deleted by name."""
    found, params, seen = data.draw(asks(kind))
    calls = [found.call(params), found.inverse(params, found.before(params, seen))]
    for call in calls:
        if call is None:
            continue
        assert call.path.partition("?")[2] in QUERIES.get(kind, {""})
        assert call.path != "/pd/api/v1/schedulers/evict-leader-scheduler"


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_sentences_and_scope_name_what_is_touched(kind: ActionType, data: st.DataObject) -> None:
    """People decide by the sentence, conflicts are found by the scope: both name the ids."""
    found, params, seen = data.draw(asks(kind))
    scope = found.scope(params)
    for number in scope.store_ids | scope.region_ids:
        assert str(number) in found.sentence(params)
        assert str(number) in found.pd_ctl(params)
    target = found.target(params, seen)
    if target is not None:
        what, _, shown = target.id.partition("/")
        ids = scope.region_ids if what == "region" else scope.store_ids
        if what in ("store", "region", "tombstones"):
            assert {int(one) for one in shown.split(",")} <= ids
        assert target.identity


@EACH_TYPE
@SETTINGS
@given(data=st.data())
def test_the_reference_names_every_check_that_is_made(
    kind: ActionType, data: st.DataObject
) -> None:
    """The page has the names from the code of the preconditions: none may be missing there."""
    found, params, seen = data.draw(asks(kind))
    assume(kind is not ActionType.PLAN)  # it has those of its steps, too
    known = check_names_of(kind, found)
    for check in found.preconditions(params, seen):
        assert any(fnmatchcase(check.name, name) for name in known), check.name
