"""The same seed gives the same faults, asks and weather; another seed others."""

import itertools
import json

import pytest

from tests.chaos.asks import Ask, Manner, OnRegion, Toggle, stream
from tests.chaos.calls import wanted
from tests.chaos.faults import LANES, LEASE_SECONDS, Fault, Kind, Victim, lane
from tests.chaos.weather import api_orders, pd_orders, severity

MANY = 400


def faults(name: str, seed: int, count: int = MANY) -> list[Fault]:
    return list(itertools.islice(lane(name, seed), count))


def asks(seed: int) -> list[Ask]:
    return list(itertools.islice(stream(seed), MANY))


@pytest.mark.parametrize("name", LANES)
def test_a_lane_follows_from_its_seed(name: str) -> None:
    """A failure can be looked for again."""
    assert faults(name, 7) == faults(name, 7)
    assert faults(name, 7) != faults(name, 8)


def test_lanes_do_not_depend_on_each_other() -> None:
    """One that is slow on this machine must not change what another draws."""
    kills = lane("leaders", 7)
    next(lane("pd", 7))
    assert list(itertools.islice(kills, 20)) == faults("leaders", 7, 20)


def test_every_kind_of_fault_comes() -> None:
    """Half an hour of each lane holds all that the issue names."""
    drawn = {fault.kind for name in LANES for fault in faults(name, 3, 100)}
    assert drawn == set(Kind)


def test_freezes_outlast_the_lease() -> None:
    """A shorter one would not let a successor act meanwhile."""
    frozen = faults("freezes", 3)
    assert min(fault.seconds for fault in frozen) > LEASE_SECONDS
    assert sum(fault.victim is Victim.LEADER for fault in frozen) > MANY / 2


@pytest.mark.parametrize(
    ("name", "kinds", "wanted_count"),
    [
        ("standbys", {Kind.KILL_OPERATOR}, 130),
        ("leaders", {Kind.KILL_OPERATOR}, 60),
        ("freezes", {Kind.FREEZE_OPERATOR}, 50),
        ("control-plane", {Kind.KILL_ETCD, Kind.KILL_API_SERVER, Kind.RESTART_API_SERVER}, 50),
        ("pd", {Kind.MOVE_PD_LEADER}, 50),
        ("pd", {Kind.KILL_PD}, 40),
    ],
)
def test_half_an_hour_holds_enough(name: str, kinds: set[Kind], wanted_count: int) -> None:
    """Counted with 6 s for a restart and 2 s for what is faster, on a machine that is busy."""
    spent, count = 0.0, 0
    for fault in lane(name, 1):
        # A leader is struck while it works on something, which takes a while to come.
        took = 8.0 if name == "leaders" else 2.0
        took = fault.seconds if fault.kind is Kind.FREEZE_OPERATOR else took
        spent += fault.pause_seconds + (6.0 if name == "control-plane" else took)
        if spent > 1800:
            break
        count += fault.kind in kinds
    assert count >= wanted_count


def test_pd_leaders_go_round() -> None:
    """PD takes leadership away from a member that began to lead 3 times in 5 minutes."""
    moves = [fault.number for fault in faults("pd", 3) if fault.kind is Kind.MOVE_PD_LEADER]
    assert moves[:6] == [0, 1, 2, 0, 1, 2]


def test_the_stream_follows_from_its_seed() -> None:
    """Names, wishes and manners alike."""
    assert asks(7) == asks(7)
    assert [ask.wish for ask in asks(7)] != [ask.wish for ask in asks(8)]


def test_there_is_work_from_the_beginning() -> None:
    """A short campaign would else break things around nothing."""
    pauses = [ask.pause_seconds for ask in asks(7)]
    assert pauses[:3] == [0.0, 0.0, 0.0]
    assert 3 < sum(pauses) / len(pauses) < 5


def test_no_value_is_asked_for_twice() -> None:
    """PD's journal then says whose call it shows."""
    touches = [
        step.touch
        for ask in asks(7)
        for action in (ask.wish, ask.edited)
        if isinstance(action, dict)
        for step in wanted(action)
    ]
    regions = [ask.wish.place for ask in asks(7) if isinstance(ask.wish, OnRegion)]
    assert len(touches) == len(set(touches)) > MANY / 2
    assert len(regions) == len(set(regions)) > 20


def test_what_cannot_be_unique_takes_turns() -> None:
    """A scheduler is added only when its removal has ended."""
    for ask in asks(7):
        assert bool(ask.turn) is isinstance(ask.wish, Toggle)


def test_a_plan_touches_nothing_twice() -> None:
    """Otherwise the undo of one step would be the call of another."""
    plans = [ask.wish for ask in asks(7) if isinstance(ask.wish, dict) and "plan" in ask.wish]
    for plan in plans:
        keys = [step.touch.key for step in wanted(plan)]
        assert len(keys) == len(set(keys))
    assert len(plans) > 20


def test_some_plans_have_groups() -> None:
    """Several intents of one proposal are open at once then; their stores differ."""
    plans = [ask.wish["plan"]["steps"] for ask in asks(7) if isinstance(ask.wish, dict)
             and "plan" in ask.wish and "group" in ask.wish["plan"]["steps"][0]]  # fmt: skip
    for steps in plans:
        touched = [step.touch.key.split("/")[1] for one in steps if "group" in one
                   for step in wanted(one)]  # fmt: skip
        assert len(touched) == len(set(touched)) >= 2
    assert len(plans) > 10


def test_people_do_all_they_can_do() -> None:
    """And mostly approve."""
    manners = [ask.manner for ask in asks(7)]
    assert set(manners) == set(Manner)
    assert manners.count(Manner.APPROVE) > MANY / 2


def test_some_revert_and_some_expire() -> None:
    """Both shapes of time in an ask."""
    assert sum("revertAfter" in ask.extra for ask in asks(7)) > 5
    assert sum(ask.expires_seconds is not None for ask in asks(7)) > 5


def test_weather_follows_from_its_number() -> None:
    """A number is all that a fault keeps of it."""
    assert pd_orders(5) == pd_orders(5)
    assert api_orders(5) == api_orders(5)
    levels = {severity(number) for number in range(50)}
    assert levels == {0.0, 1.0, 1.6}


def test_calm_weather_breaks_nothing() -> None:
    """Some of the time everything passes, or nothing would ever end."""
    calm = next(number for number in range(50) if severity(number) == 0.0)
    assert pd_orders(calm) == api_orders(calm) == ()


def test_only_the_operators_are_hit_at_pd() -> None:
    """PD's members speak through the proxies, too, and the count is of our effects."""
    number = next(number for number in range(50) if severity(number) == 1.6)
    assert {order.caller for order in pd_orders(number)} == {"assent"}
    for order in (*pd_orders(number), *api_orders(number)):
        assert 0 < order.chance <= 1
        assert json.dumps(dict(order.arguments(1)))
