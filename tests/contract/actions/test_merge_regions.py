"""MergeRegions on the real PD: by topology, never by what the operators say of themselves."""

import pytest

from assent.api.v1alpha1.parameters.region import MergeRegions
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress
from assent.core.model.call import Did, DidNot
from assent.core.model.snapshot import Region
from tests.contract.actions.borders import bounded, granted_seconds, parts_of
from tests.contract.actions.stage import Stage, action_for
from tests.contract.actions.whole_state import assert_same

pytestmark = pytest.mark.action("MergeRegions")

SMALL_MIB = 5


async def neighbours(stage: Stage) -> tuple[Region, Region]:
    """Cut a region in two by hand and return both parts, small: the new one, which is the left
    one, and the one that kept its id. A merge into that makes all as it was before.
    """
    whole = await stage.region(bounded)
    stage.pd(
        "POST",
        "/operators",
        {"name": "split-region", "region_id": whole.id, "policy": "approximate"},
    )
    seen = await stage.until(lambda now: len(parts_of(whole, now)) == 2, "two parts")
    left, right = parts_of(whole, seen)
    assert right.id == whole.id
    await stage.at_rest()
    for region in (left, right):
        stage.cluster.stores.post(f"/regions/{region.id}", {"size_mb": SMALL_MIB})
    ids = (left.id, right.id)
    await stage.until(
        lambda now: all(now.regions[number].size_mib == SMALL_MIB for number in ids),
        "the small sizes",
        None,
        *ids,
    )
    return left, right


@pytest.mark.trap("P17")
async def test_p17_a_merge_is_judged_by_its_ranges(stage: Stage) -> None:
    """PD says CANCEL of the source's operator, and all is well: the target covers both ranges."""
    before = stage.whole_state()
    left, right = await neighbours(stage)
    cut = stage.whole_state()
    params = MergeRegions(source_region_id=left.id, target_region_id=right.id)
    assert action_for(params).risk(params, await stage.see(params)).tier is Tier.MEDIUM
    done = await stage.perform(params)
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    [effect] = stage.effects("merge")
    assert (effect["region"], effect["source_region"]) == (right.id, left.id)
    seen = await stage.until(
        lambda now: left.id in now.ended_operators and right.id in now.ended_operators,
        "both operators' ends",
        None,
        left.id,
        right.id,
    )
    assert seen.ended_operators[left.id].status == "CANCEL"
    assert seen.ended_operators[right.id].status == "SUCCESS"
    merged = seen.regions[right.id]
    assert (merged.start_key, merged.end_key) == (left.start_key, right.end_key)
    assert left.id not in seen.regions
    both = [f"region/{left.start_key}-*", f"region/*-{right.end_key}/*"]
    assert_same(cut, stage.whole_state(), except_for=both)
    await stage.until_same(before)


async def test_the_left_one_may_be_the_target(stage: Stage) -> None:
    """Then its end moves, not its start."""
    left, right = await neighbours(stage)
    params = MergeRegions(source_region_id=right.id, target_region_id=left.id)
    done = await stage.perform(params)
    assert done.settled, done.verification
    seen = await stage.see(params)
    assert (seen.regions[left.id].start_key, seen.regions[left.id].end_key) == (
        left.start_key,
        right.end_key,
    )


@pytest.mark.trap("P14")
async def test_p14_the_last_regions_sibling_is_a_lie(stage: Stage) -> None:
    """PD shows a right neighbour of the last region where there is none; keys tell the truth."""
    seen = await stage.see()
    last, other = seen.sample[-1], seen.sample[0]
    assert last.end_key == ""
    siblings = stage.pd("GET", f"/regions/sibling/{last.id}")["regions"]
    assert siblings[0]["id"] == siblings[1]["id"] == seen.sample[-2].id
    params = MergeRegions(source_region_id=last.id, target_region_id=other.id)
    refusals = await stage.refusals(params)
    assert "Neighbours" in {check.name for check in refusals}
    await stage.see(params)
    outcome = await stage.send(action_for(params).call(params))
    assert isinstance(outcome, DidNot)
    assert "two regions are not adjacent" in outcome.answer


@pytest.mark.trap("P22")
async def test_p22_a_second_merge_is_refused_by_pd(stage: Stage) -> None:
    """Refused on repeat, as its class says: while it runs, for up to ten minutes, and when the
    source is gone.
    """
    left, right = await neighbours(stage)
    params = MergeRegions(source_region_id=left.id, target_region_id=right.id)
    action = action_for(params)
    stage.stores_settings(command_delay_ms=4000)
    seen = await stage.see(params)
    before = action.before(params, seen)
    assert isinstance(await stage.send(action.call(params)), Did)
    outcome = await stage.send(action.call(params))
    assert isinstance(outcome, DidNot)
    assert "maybe already have one" in outcome.answer
    seen = await stage.see(params)
    assert {granted_seconds(seen.running_operators[item.id]) for item in (left, right)} == {600}
    assert (action.timeout_seconds or 0) > 600
    await stage.until(
        lambda now: action.verify(params, before, now).progress is Progress.SETTLED,
        "the merge",
        params,
    )
    assert len(stage.effects("merge")) == 1
    outcome = await stage.send(action.call(params))
    assert isinstance(outcome, DidNot)
    assert f"region {left.id} not found" in outcome.answer
    assert [check.name for check in await stage.refusals(params)] == ["SourceKnown"]


@pytest.mark.trap("P20")
async def test_p20_a_border_of_labels_is_high_and_a_denial_holds(stage: Stage) -> None:
    """PD asks neither for an operator of ours, and would split there again."""
    left, right = await neighbours(stage)
    params = MergeRegions(source_region_id=left.id, target_region_id=right.id)
    rule = {
        "id": "only-left",
        "labels": [{"key": "schedule", "value": "deny"}],
        "rule_type": "key-range",
        "data": [{"start_key": left.start_key, "end_key": left.end_key}],
    }
    stage.pd("POST", "/config/region-label/rule", rule)
    action, seen = action_for(params), await stage.see(params)
    assert [check.name for check in await stage.refusals(params)] == ["ScheduleNotDenied"]
    risk = action.risk(params, seen)
    assert risk.tier is Tier.HIGH
    assert "only-left" in risk.factors[0]
    stage.pd(
        "POST",
        "/config/region-label/rule",
        {**rule, "labels": [{"key": "merge_option", "value": "deny"}]},
    )
    assert [check.name for check in await stage.refusals(params)] == ["MergeNotDenied"]
    stage.pd("DELETE", "/config/region-label/rule/only-left")
    done = await stage.perform(params)
    assert done.settled, done.verification
