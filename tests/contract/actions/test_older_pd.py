"""What only an older PD does: it lacks something, and the action says so."""

import pytest

from assent.api.v1alpha1.parameters.region import CancelOperator
from assent.api.v1alpha1.parameters.scheduling import (
    AddScheduler,
    ReplicationKey,
    ScheduleKey,
    SchedulerName,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.core.actions.action import Progress
from assent.core.model.call import DidNot
from tests.contract.actions.stage import Stage


@pytest.mark.action("AddScheduler")
async def test_a_scheduler_that_this_pd_does_not_know_is_refused(stage: Stage) -> None:
    """PD looks for the name first: its words prove that nothing has changed."""
    before = stage.whole_state()
    done = await stage.perform(AddScheduler(name=SchedulerName.EVICT_SLOW_TREND))
    assert done.outcome == DidNot("400 unknown scheduler")
    assert done.verification.progress is Progress.NOT_SEEN
    await stage.until_same(before)


@pytest.mark.action("SetScheduleConfig")
async def test_a_setting_that_this_pd_does_not_have_is_refused(stage: Stage) -> None:
    """PD looks for the item first: its words prove that nothing has changed."""
    before = stage.whole_state()
    params = SetScheduleConfig(key=ScheduleKey.HALT_SCHEDULING, value="true")
    done = await stage.perform(params)
    assert done.outcome == DidNot("400 config item halt-scheduling not found")
    assert done.verification.progress is Progress.NOT_SEEN
    await stage.until_same(before)


@pytest.mark.action("SetReplicationConfig")
async def test_an_isolation_level_that_reaches_no_rule_is_not_done(stage: Stage) -> None:
    """PD shows the setting and goes by the rule, which says nothing of it."""
    stage.config("replication.location-labels", "zone")
    before = stage.whole_state()
    params = SetReplicationConfig(key=ReplicationKey.ISOLATION_LEVEL, value="zone")
    done = await stage.perform(params, timeout_seconds=3)
    assert done.verification.progress is Progress.SEEN
    assert "rule pd/default still says" in done.verification.message
    assert done.action.goal_required, "so the operator takes it back"
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.action("CancelOperator")
async def test_a_merge_is_ended_on_one_region_only(stage: Stage) -> None:
    """The other one's operator runs on, and is cancelled by its own name."""
    stage.stores_settings(command_delay_ms=60_000)
    seen = await stage.see()
    left, right = seen.sample[3], seen.sample[4]
    order = {"name": "merge-region", "source_region_id": left.id, "target_region_id": right.id}
    stage.pd("POST", "/operators", order)
    params = CancelOperator(region_id=left.id, operator="admin-merge-region")
    done = await stage.perform(params)
    assert done.settled, done.verification
    assert right.id in (await stage.see(params, right.id)).running_operators
    other = await stage.perform(params.model_copy(update={"region_id": right.id}))
    assert other.settled, other.verification
