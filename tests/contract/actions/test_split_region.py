"""SplitRegion on the real PD: in the middle, at keys, and at keys that are useless (P08)."""

import pytest

from assent.api.v1alpha1.parameters.region import SplitPolicy, SplitRegion
from assent.core.actions.action import Progress
from assent.core.model.call import Did, DidNot
from tests.contract.actions.borders import between, bounded, granted_seconds, parts_of, rejoin
from tests.contract.actions.stage import Stage, action_for
from tests.contract.actions.whole_state import assert_same

pytestmark = pytest.mark.action("SplitRegion")


@pytest.mark.smoke
async def test_a_region_is_split_in_the_middle(stage: Stage) -> None:
    """Two parts cover what was one, on the same stores; nothing else has changed."""
    before = stage.whole_state()
    region = await stage.region(bounded)
    done = await stage.perform(SplitRegion(region_id=region.id, policy=SplitPolicy.APPROXIMATE))
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    [effect] = stage.effects(cause="pd")
    assert (effect["kind"], effect["region"], len(effect["new_regions"])) == (
        "split",
        region.id,
        1,
    )
    assert len(stage.writes()) == 1
    new_id = effect["new_regions"][0]
    seen = await stage.until(lambda now: len(parts_of(region, now)) == 2, "both parts")
    left, right = parts_of(region, seen)
    assert (left.start_key, left.end_key, right.end_key) == (
        region.start_key,
        right.start_key,
        region.end_key,
    )
    assert {left.id, right.id} == {region.id, new_id}
    assert {part.version for part in (left, right)} == {region.version + 1}
    assert all(
        {peer.store_id for peer in part.peers} == {peer.store_id for peer in region.peers}
        for part in (left, right)
    )
    await stage.at_rest()
    assert_same(
        before,
        stage.whole_state(),
        except_for=[f"region/{region.start_key}-*", f"region/*-{region.end_key}/*"],
    )
    await rejoin(stage, region)
    await stage.until_same(before)


@pytest.mark.trap("P43")
async def test_p43_a_region_is_split_at_three_keys(stage: Stage) -> None:
    """The old id keeps the last part, and the version counts the new ones."""
    region = await stage.region(bounded)
    keys = between(region, 3)
    params = SplitRegion(region_id=region.id, policy=SplitPolicy.USE_KEY, keys=keys)
    done = await stage.perform(params)
    assert done.settled, done.verification
    [effect] = stage.effects("split", region=region.id)
    assert len(effect["new_regions"]) == 3
    seen = await stage.until(lambda now: len(parts_of(region, now)) == 4, "all parts")
    assert [part.start_key for part in parts_of(region, seen)] == [region.start_key, *keys]
    kept = next(part for part in parts_of(region, seen) if part.id == region.id)
    assert (kept.start_key, kept.version) == (keys[-1], region.version + 3)
    await rejoin(stage, region)


@pytest.mark.trap("P08")
async def test_p08_useless_keys_are_refused_by_us_and_taken_by_pd(stage: Stage) -> None:
    """PD answers 200 and runs an operator that never comes to anything; it shows as no effect."""
    region = await stage.region(bounded)
    params = SplitRegion(region_id=region.id, policy=SplitPolicy.USE_KEY, keys=[region.end_key])
    [refused] = await stage.refusals(params)
    assert refused.name == "KeysUsable"
    action = action_for(params)
    seen = await stage.see(params)
    before = action.before(params, seen)
    assert await stage.send(action.call(params)) == Did("The operator is created.")
    seen = await stage.until(
        lambda now: region.id in now.running_operators, "the useless operator", params
    )
    found = action.verify(params, before, seen)
    assert found.progress is Progress.NOT_SEEN
    assert "admin-split-region" in found.message
    assert action.unchanged(params, before, seen)
    assert stage.effects("split") == []


@pytest.mark.trap("P18", "P22")
async def test_p18_p22_a_second_operator_on_the_region_is_refused(stage: Stage) -> None:
    """By us, with the operator's text; by PD in words that also stand for other causes. It stands
    in the way for PD's minute, and we look for its effect for longer than that.
    """
    region = await stage.region(bounded)
    stage.stores_settings(command_delay_ms=3000)
    params = SplitRegion(region_id=region.id, policy=SplitPolicy.SCAN)
    action = action_for(params)
    await stage.see(params)
    assert isinstance(await stage.send(action.call(params)), Did)
    refusals = await stage.refusals(params)
    assert [check.name for check in refusals] == ["RegionIdle"]
    seen = await stage.see(params)
    assert granted_seconds(seen.running_operators[region.id]) == 60
    assert (action.timeout_seconds or 0) > 60
    outcome = await stage.send(action.call(params))
    assert isinstance(outcome, DidNot)
    assert "failed to add operator, maybe already have one" in outcome.answer


async def test_halted_scheduling_is_refused(stage: Stage) -> None:
    """PD would take the operator and give out no ids for it."""
    stage.config("halt-scheduling", "true")
    region = await stage.region(bounded)
    params = SplitRegion(region_id=region.id, policy=SplitPolicy.SCAN)
    assert [check.name for check in await stage.refusals(params)] == ["SplitsAllowed"]
    stage.config("halt-scheduling", "false")
