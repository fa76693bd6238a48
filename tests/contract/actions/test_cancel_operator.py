"""CancelOperator on the real PD: only the operator that was meant, whoever's it is (P25)."""

import pytest

from assent.api.v1alpha1.parameters.region import CancelOperator
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress
from assent.core.model.call import Did, DidNot
from assent.core.model.snapshot import Region
from tests.contract.actions.borders import bounded
from tests.contract.actions.peers import hold_rule_checker
from tests.contract.actions.stage import Stage, action_for, store_without

pytestmark = pytest.mark.action("CancelOperator")


async def slow_operator(stage: Stage) -> Region:
    """Return a region on which an operator of somebody else's runs and gets nowhere."""
    stage.stores_settings(snapshot_delay_ms=60_000)
    region = await stage.region(bounded)
    stage.pd(
        "POST",
        "/operators",
        {"name": "add-learner", "region_id": region.id, "store_id": store_without(region)},
    )
    return region


@pytest.mark.trap("P26")
async def test_the_named_operator_ends_and_nothing_else(stage: Stage) -> None:
    """PD's own text is read; the learner that was added already is left for PD to remove, which it
    does within milliseconds: its checker is held until we have looked.
    """
    before = stage.whole_state()
    hold_rule_checker(stage)
    region = await slow_operator(stage)
    params = CancelOperator(region_id=region.id, operator="admin-add-learner")
    action = action_for(params)
    seen = await stage.until(lambda now: region.id in now.running_operators, "it", params)
    assert action.risk(params, seen).tier is Tier.MEDIUM
    target = action.target(params, seen)
    assert target is not None
    facts = {fact.name: fact.value for fact in target.identity}
    assert facts["operator"] == "admin-add-learner"
    assert facts["operatorEpoch"] == region.epoch
    done = await stage.perform(params)
    assert done.outcome == Did("The pending operator is canceled.")
    assert done.settled, done.verification
    assert done.verification.message.startswith(f"no operator runs on region {region.id}")
    [write] = stage.writes()
    assert (write.method, write.path) == ("DELETE", f"/pd/api/v1/operators/{region.id}")
    stage.stores_settings(snapshot_delay_ms=0)
    stage.pd("POST", "/checker/rule", {"delay": 0})
    await stage.until_same(before)


@pytest.mark.trap("P25")
async def test_p25_another_operator_is_another_target(stage: Stage) -> None:
    """PD would cancel it all the same: so the ask is refused before anything is sent."""
    region = await slow_operator(stage)
    params = CancelOperator(region_id=region.id, operator="admin-move-peer")
    await stage.until(lambda now: region.id in now.running_operators, "it", params)
    [refused] = await stage.refusals(params)
    assert (refused.name, "admin-add-learner" in str(refused.verdict)) == ("OperatorRuns", True)
    assert action_for(params).target(params, await stage.see(params)) is None
    assert stage.writes() == []


@pytest.mark.trap("P25")
async def test_p25_a_second_operator_of_the_same_kind_is_not_the_one_approved(
    stage: Stage,
) -> None:
    """It has another time of creation, so the approved target is no longer shown."""
    region = await slow_operator(stage)
    params = CancelOperator(region_id=region.id, operator="admin-add-learner")
    action = action_for(params)
    first = await stage.until(lambda now: region.id in now.running_operators, "it", params)
    approved, captured = action.target(params, first), action.before(params, first)
    stage.pd("DELETE", f"/operators/{region.id}")
    stage.stores_settings(snapshot_delay_ms=0)
    await stage.until(
        lambda now: len(now.regions[region.id].peers) == 3 and not now.running_operators,
        "PD's cleaning up",
        params,
    )
    again = await slow_operator(stage)
    assert again.id == region.id
    second = await stage.until(lambda now: region.id in now.running_operators, "it", params)
    assert action.target(params, second) != approved
    assert not action.unchanged(params, captured, second)
    assert action.verify(params, captured, second).progress is Progress.SETTLED


@pytest.mark.trap("P23")
async def test_p23_where_none_runs_pd_says_so(stage: Stage) -> None:
    """500, never 404, and it proves that nothing was cancelled."""
    region = await stage.region()
    params = CancelOperator(region_id=region.id, operator="admin-move-peer")
    [refused] = await stage.refusals(params)
    assert refused.name == "OperatorRuns"
    outcome = await stage.send(action_for(params).call(params))
    assert isinstance(outcome, DidNot)
    assert outcome.answer.endswith("operator not found")
    assert outcome.already_done


async def test_a_merge_is_ended_on_both_regions(stage: Stage) -> None:
    """The warning says so: PD removes the pair."""
    stage.stores_settings(command_delay_ms=5000)
    seen = await stage.see()
    left, right = seen.sample[3], seen.sample[4]
    stage.pd(
        "POST",
        "/operators",
        {"name": "merge-region", "source_region_id": left.id, "target_region_id": right.id},
    )
    params = CancelOperator(region_id=left.id, operator="admin-merge-region")
    done = await stage.perform(params)
    assert done.settled, done.verification
    [warning] = [check for check in done.checks if check.name == "OneRegion"]
    assert f"region {left.id} to {right.id}" in str(warning.verdict)
    assert right.id not in (await stage.see(params, right.id)).running_operators
