"""Both sides of the count speak of the same thing: what PD was asked, and what an ask wants."""

from typing import Any

import pytest

from tests.chaos.calls import Repeat, Touch, touch, wanted


def action(kind: str, /, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, kind[0].lower() + kind[1:]: parameters}


@pytest.mark.parametrize(
    ("asked", "call", "repeat"),
    [
        (
            action("SetStoreLimit", storeId=2, kind="RemovePeer", ratePerMinute=44),
            ("POST", "/store/2/limit", '{"rate":44.0,"type":"remove-peer"}'),
            Repeat.ABSOLUTE,
        ),
        (
            action("SetStoreWeight", storeId=2, leaderWeightPercent=120, regionWeightPercent=100),
            ("POST", "/store/2/weight", '{"leader":1.2,"region":1}'),
            Repeat.ABSOLUTE,
        ),
        (
            action("SetScheduleConfig", key="leader-schedule-limit", value="9"),
            ("POST", "/config", '{"schedule.leader-schedule-limit":9}'),
            Repeat.ABSOLUTE,
        ),
        (
            action("EvictLeaders", storeId=5),
            ("POST", "/schedulers", '{"name":"evict-leader-scheduler","store_id":5}'),
            Repeat.ABSOLUTE,
        ),
        (
            action("StopEvictLeaders", storeId=5),
            ("DELETE", "/scheduler-config/evict-leader-scheduler/delete/5", ""),
            Repeat.ABSOLUTE,
        ),
        (
            action("AddScheduler", name="label-scheduler"),
            ("POST", "/schedulers", '{"name":"label-scheduler"}'),
            Repeat.REFUSED,
        ),
        (
            action("RemoveScheduler", name="label-scheduler"),
            ("DELETE", "/schedulers/label-scheduler", ""),
            Repeat.REFUSED,
        ),
        (
            action("TransferLeader", regionId=7, toStoreId=3),
            ("POST", "/operators", '{"name":"transfer-leader","region_id":7,"to_store_id":3}'),
            Repeat.REFUSED,
        ),
        (
            action("SplitRegion", regionId=7, policy="Approximate"),
            ("POST", "/operators", '{"name":"split-region","policy":"approximate","region_id":7}'),
            Repeat.AGAIN,
        ),
        (
            action("ScatterRegion", regionId=7),
            ("POST", "/operators", '{"name":"scatter-region","region_id":7}'),
            Repeat.AGAIN,
        ),
    ],
)
def test_a_call_is_that_of_its_ask(
    asked: dict[str, Any], call: tuple[str, str, str], repeat: Repeat
) -> None:
    """One change each."""
    method, path, body = call
    (step,) = wanted(asked)
    assert touch(method, f"/pd/api/v1{path}", body) == step.touch
    assert step.repeat is repeat


def test_the_undo_touches_the_same_thing() -> None:
    """Another value of the same key."""
    on = touch("POST", "/pd/api/v1/schedulers", '{"name":"x"}')
    off = touch("DELETE", "/pd/api/v1/schedulers/x", "")
    assert on == Touch("scheduler/x", "on")
    assert off == Touch("scheduler/x", "off")


def test_a_plan_wants_all_its_steps() -> None:
    """In order; those of a group, too."""
    steps = [action("EvictLeaders", storeId=number) for number in (1, 2, 3)]
    plan = action("Plan", steps=[steps[0], *({**step, "group": "g"} for step in steps[1:])])
    assert [step.touch.key for step in wanted(plan)] == ["evict/1", "evict/2", "evict/3"]


def test_an_unknown_write_is_not_explained_away() -> None:
    """The checker says that nobody asked for it."""
    assert touch("POST", "/pd/api/v1/tso", "{}") is None
    assert touch("DELETE", "/pd/api/v1/store/4", "") is None


def test_an_unknown_action_is_no_ask_of_a_campaign() -> None:
    """A new kind in the stream needs a row here first."""
    with pytest.raises(ValueError, match="DrainStore"):
        wanted(action("DrainStore", storeId=1))
