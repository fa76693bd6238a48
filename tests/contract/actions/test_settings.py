"""SetScheduleConfig and SetReplicationConfig on the real PD: every key, there and back."""

import pytest

from assent.api.v1alpha1.parameters.scheduling import (
    ReplicationKey,
    ScheduleKey,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.api.v1alpha1.parameters.store import EvictLeaders
from assent.core.actions.action import Progress
from assent.core.model.call import Did, DidNot, PdCall
from sandbox.remote import RefusedError
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage, action_for

REGIONS = ("region/*", "operator/*")
"""What PD may move while a setting is another."""

UPDATED = Did("The config is updated.")

OTHER_VALUES = {
    ScheduleKey.LEADER_SCHEDULE_LIMIT: "8",
    ScheduleKey.REGION_SCHEDULE_LIMIT: "1024",
    ScheduleKey.REPLICA_SCHEDULE_LIMIT: "128",
    ScheduleKey.MERGE_SCHEDULE_LIMIT: "0",
    ScheduleKey.HOT_REGION_SCHEDULE_LIMIT: "8",
    ScheduleKey.HOT_REGION_CACHE_HITS_THRESHOLD: "5",
    ScheduleKey.MAX_SNAPSHOT_COUNT: "32",
    ScheduleKey.MAX_PENDING_PEER_COUNT: "32",
    ScheduleKey.SCHEDULER_MAX_WAITING_OPERATOR: "7",
    ScheduleKey.MAX_MERGE_REGION_SIZE: "40",
    ScheduleKey.MAX_STORE_DOWN_TIME: "1h30m",
    ScheduleKey.SPLIT_MERGE_INTERVAL: "2h",
    ScheduleKey.PATROL_REGION_INTERVAL: "100ms",
    ScheduleKey.LOW_SPACE_RATIO: "0.85",
    ScheduleKey.HIGH_SPACE_RATIO: "0.6",
    ScheduleKey.TOLERANT_SIZE_RATIO: "100",
    ScheduleKey.LEADER_SCHEDULE_POLICY: "size",
    ScheduleKey.ENABLE_ONE_WAY_MERGE: "true",
    ScheduleKey.HALT_SCHEDULING: "true",
}
"""Of every other key the value is ``false``, or ``true`` where that is what PD ships."""


@pytest.mark.trap("P09")
@pytest.mark.action("SetScheduleConfig")
@pytest.mark.parametrize("key", list(ScheduleKey))
async def test_p09_a_scheduling_setting_is_set_and_restored(stage: Stage, key: ScheduleKey) -> None:
    """Each with its own JSON type; PD shows it; undone, everything is as before."""
    before = stage.whole_state()
    value = OTHER_VALUES.get(key, "false")
    if (await stage.see()).settings.get(key) == value == "false":  # off as another PD ships it
        value = "true"
    done = await stage.perform(SetScheduleConfig(key=key, value=value))
    assert done.outcome == UPDATED
    assert done.settled, done.verification
    assert stage.whole_state() != before
    await stage.undo(done)
    await stage.until_same(before, except_for=REGIONS)


@pytest.mark.action("SetReplicationConfig")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        (ReplicationKey.LOCATION_LABELS, "zone,host"),
        (ReplicationKey.STRICTLY_MATCH_LABEL, "true"),
        (ReplicationKey.ENABLE_PLACEMENT_RULES_CACHE, "true"),
    ],
)
async def test_a_replication_setting_is_set_and_restored(
    stage: Stage, key: ReplicationKey, value: str
) -> None:
    """With the rule that PD rewrites along."""
    before = stage.whole_state()
    done = await stage.perform(SetReplicationConfig(key=key, value=value))
    assert done.outcome == UPDATED
    assert done.settled, done.verification
    await stage.undo(done)
    await stage.until_same(before, except_for=REGIONS)


@pytest.mark.action("SetReplicationConfig")
async def test_more_replicas_are_made_and_taken_back(stage: Stage) -> None:
    """Seen in the rule, and in the stores' own log: PD adds a peer, and removes one again."""
    before = stage.whole_state()
    done = await stage.perform(SetReplicationConfig(key=ReplicationKey.MAX_REPLICAS, value="4"))
    assert done.outcome == UPDATED
    assert done.settled, done.verification
    (rule,) = stage.pd("GET", "/config/rules")
    assert rule["count"] == 4
    await stage.until(lambda seen: len(stage.effects("add_peer", cause="pd")) > 3, "new peers")
    await stage.undo(done)
    await stage.until(lambda seen: len(stage.effects("remove_peer", cause="pd")) > 3, "removals")
    await stage.until_same(before, except_for=REGIONS)


@pytest.mark.action("SetReplicationConfig")
async def test_the_isolation_level_goes_with_the_labels(stage: Stage) -> None:
    """It is refused without its label, before anything is sent, and by PD as well."""
    params = SetReplicationConfig(key=ReplicationKey.ISOLATION_LEVEL, value="zone")
    assert [check.name for check in await stage.refusals(params)] == ["LevelIsALabel"]
    answer = await stage.send(action_for(params).call(params))
    assert answer == DidNot("400 isolation-level must be one of location-labels or empty")
    stage.config("replication.location-labels", "zone")
    before = stage.whole_state()
    done = await stage.perform(params)
    assert done.settled, done.verification
    await stage.undo(done)
    await stage.until_same(before, except_for=REGIONS)
    stage.config("replication.location-labels", "")


@pytest.mark.action("SetReplicationConfig")
async def test_a_rule_that_somebody_edited_is_not_rewritten(stage: Stage) -> None:
    """PD refuses until rule and settings agree; we say which before."""
    (rule,) = stage.pd("GET", "/config/rules")
    stage.pd("POST", "/config/rule", {**rule, "location_labels": ["rack"]})
    params = SetReplicationConfig(key=ReplicationKey.MAX_REPLICAS, value="4")
    refusals = await stage.refusals(params)
    assert [check.name for check in refusals] == ["DefaultRuleInStep"]
    answer = await stage.send(action_for(params).call(params))
    assert isinstance(answer, DidNot)
    assert "please update rule instead" in answer.answer


@pytest.mark.action("SetReplicationConfig")
async def test_more_replicas_than_stores_are_refused(stage: Stage) -> None:
    """PD would take it and look for a place for ever."""
    params = SetReplicationConfig(key=ReplicationKey.MAX_REPLICAS, value="5")
    assert [check.name for check in await stage.refusals(params)] == ["EnoughStores"]


@pytest.mark.trap("P30")
@pytest.mark.action("SetScheduleConfig")
async def test_p30_with_a_leader_limit_of_0_no_leader_moves(stage: Stage) -> None:
    """Neither by balance nor by an eviction, which is refused; seen in the stores' own log."""
    limit = SetScheduleConfig(key=ScheduleKey.LEADER_SCHEDULE_LIMIT, value="0")
    done = await stage.perform(limit)
    assert done.settled
    for number in (2, 3, 4):
        stage.cluster.stores.move_leaders(from_store=number, to_store=1, count=24)
    stage.lively()
    refusals = await stage.refusals(EvictLeaders(store_id=1))
    assert "LeadersMayMove" in [check.name for check in refusals]
    assert stage.effects("transfer_leader", cause="pd") == []
    await stage.undo(done)
    await stage.until(
        lambda seen: len(stage.effects("transfer_leader", cause="pd")) > 0, "a transfer by balance"
    )


@pytest.mark.trap("P09")
async def test_p09_pd_takes_what_is_no_setting_and_refuses_a_raw_boolean(stage: Stage) -> None:
    """Why the keys are an enum, the endpoint is /config, and booleans are strings."""
    said = stage.pd("POST", "/config/schedule", {"leader-schedule-limits": 9})
    assert said == "The config is updated."
    with pytest.raises(RefusedError, match="not found"):
        stage.pd("POST", "/config", {"leader-schedule-limits": 9})
    with pytest.raises(RefusedError, match="json"):
        stage.pd("POST", "/config", {"schedule.enable-make-up-replica": False})
    for body in (
        {"schedule.leader-schedule-limits": 9},
        {"schedule.enable-make-up-replica": False},
        {"schedule.leader-schedule-limit": 9, "schedule.region-schedule-limit": 9},
    ):
        answer = await stage.send(PdCall("POST", "/pd/api/v1/config", body))
        assert isinstance(answer, DidNot)
        assert not answer.sent


@pytest.mark.trap("P11")
@pytest.mark.action("SetScheduleConfig")
async def test_p11_somebodys_temporary_override_is_invisible_and_refuses_ours(
    stage: Stage,
) -> None:
    """PD's GET shows the value below it; PD refuses, so nothing happened; ours have no TTL."""
    stage.pd("POST", "/config?ttlSecond=600", {"schedule.leader-schedule-limit": 64})
    try:
        params = SetScheduleConfig(key=ScheduleKey.LEADER_SCHEDULE_LIMIT, value="8")
        seen = await stage.see(params)
        assert seen.settings["leader-schedule-limit"] == "4"
        done = await stage.perform(params)
        assert done.outcome == DidNot(
            "400 need to clean up TTL first for schedule.leader-schedule-limit"
        )
        assert done.verification.progress is Progress.NOT_SEEN
        body = {"schedule.leader-schedule-limit": 8}
        answer = await stage.send(PdCall("POST", "/pd/api/v1/config?ttlSecond=60", body))
        assert isinstance(answer, DidNot)
        assert not answer.sent
    finally:
        stage.pd("POST", "/config?ttlSecond=0", {"schedule.leader-schedule-limit": 4})


@pytest.mark.trap("P12")
@pytest.mark.action("SetScheduleConfig")
async def test_p12_what_is_already_so_is_not_sent(stage: Stage) -> None:
    """PD would answer 200 and do nothing; 1h is what it shows as 1h0m0s."""
    done = await stage.perform(SetScheduleConfig(key=ScheduleKey.SPLIT_MERGE_INTERVAL, value="1h"))
    assert (done.outcome, done.sent, done.settled) == (None, (), True)
    assert stage.writes() == []


@pytest.mark.action("SetScheduleConfig")
async def test_space_ratios_out_of_order_are_refused_here_and_by_pd(stage: Stage) -> None:
    """PD's words prove that it changed nothing."""
    params = SetScheduleConfig(key=ScheduleKey.LOW_SPACE_RATIO, value="0.6")
    assert [check.name for check in await stage.refusals(params)] == ["SpaceRatiosInOrder"]
    answer = await stage.send(action_for(params).call(params))
    assert answer == DidNot("400 low-space-ratio should be larger than high-space-ratio")


@pytest.mark.trap("P32")
@THREE_MEMBERS
@pytest.mark.action("SetScheduleConfig")
async def test_p32_a_setting_survives_a_change_of_leader(stage: Stage) -> None:
    """It is stored, so verification and undo go on under the new leader."""
    done = await stage.perform(
        SetScheduleConfig(key=ScheduleKey.REPLICA_SCHEDULE_LIMIT, value="128")
    )
    old = done.pd_leader
    other = next(member.name for member in stage.cluster.members if member.name != old)
    stage.pd("POST", f"/leader/transfer/{other}")
    seen = await stage.until(lambda seen: seen.pd.leader_name == other, "another leader")
    assert done.action.verify(done.params, done.before, seen).progress is Progress.SETTLED
    await stage.undo(done)
    assert (await stage.see()).settings["replica-schedule-limit"] == "64"
