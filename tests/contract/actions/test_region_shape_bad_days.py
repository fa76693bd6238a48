"""Splits, merges, scatters and cancellations between approval and end, when things go wrong."""

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.parameters.region import (
    CancelOperator,
    MergeRegions,
    ScatterRegion,
    SplitPolicy,
    SplitRegion,
)
from assent.core.lifecycle.recovery import Adopt, ContinueVerifying
from assent.core.model.call import Did, DidNot, Unknown
from assent.core.model.snapshot import Region
from tests.contract.actions.borders import between, bounded, parts_of, rejoin
from tests.contract.actions.life import Life, phase
from tests.contract.actions.stage import Stage, store_without

SCATTERS = 200
"""By chance about one in ten finds nothing to move."""


async def middle_split(stage: Stage) -> tuple[Region, SplitRegion]:
    """Return a region and its split in the middle."""
    region = await stage.region(bounded)
    return region, SplitRegion(region_id=region.id, policy=SplitPolicy.APPROXIMATE)


async def cut_in_two(stage: Stage) -> tuple[Region, Region, Region]:
    """Split a region by hand; return what it was, and the two parts, small."""
    whole = await stage.region(bounded)
    order = {"name": "split-region", "region_id": whole.id, "policy": "approximate"}
    stage.pd("POST", "/operators", order)
    seen = await stage.until(lambda now: len(parts_of(whole, now)) == 2, "two parts")
    left, right = parts_of(whole, seen)
    await stage.at_rest()
    for region in (left, right):
        stage.cluster.stores.post(f"/regions/{region.id}", {"size_mb": 5})
    await stage.until(
        lambda now: all(now.regions[number].size_mib == 5 for number in (left.id, right.id)),
        "the sizes",
        None,
        left.id,
        right.id,
    )
    return whole, left, right


async def add_learner(stage: Stage, region: Region) -> None:
    """Let somebody else's operator run on the region for long."""
    stage.stores_settings(snapshot_delay_ms=60_000)
    order = {
        "name": "add-learner",
        "region_id": region.id,
        "store_id": store_without(region),
    }
    stage.pd("POST", "/operators", order)
    await stage.until(lambda now: region.id in now.running_operators, "it", None, region.id)


# 200, and nothing


@pytest.mark.trap("P06")
async def test_p06_a_scatter_that_moved_nothing_had_no_effect(stage: Stage) -> None:
    """PD said "created", and there never was an operator."""
    sample = (await stage.see()).sample
    for number in range(SCATTERS):
        region = sample[number % len(sample)]
        effects = len(stage.effects(region=region.id))
        life = await Life.approved(stage, ScatterRegion(region_id=region.id))
        outcome = await life.execute()
        assert outcome == Did("The operator is created.")
        await stage.at_rest()
        if len(stage.effects(region=region.id)) == effects:
            break
    else:
        raise AssertionError("PD always found something to move")
    decision = await life.in_the_end(outcome)
    assert phase(decision) == (Phase.FAILED, Reason.NO_EFFECT)
    assert "PD may have found nothing to move (P06)" in (decision.status.message or "")


@pytest.mark.trap("P08")
async def test_p08_a_split_that_no_store_carries_out_had_no_effect(stage: Stage) -> None:
    """PD said "created", and its operator runs and gets nowhere; the message names it."""
    region, params = await middle_split(stage)
    stage.store(region.leader_store_id or 0, "hang")
    life = await Life.approved(stage, params)
    outcome = await life.execute()
    assert outcome == Did("The operator is created.")
    decision = await life.in_the_end(outcome)
    assert phase(decision) == (Phase.FAILED, Reason.NO_EFFECT)
    assert "PD runs admin-split-region" in (decision.status.message or "")


@pytest.mark.trap("P17")
async def test_p17_a_merge_whose_source_says_cancel_is_done(stage: Stage) -> None:
    """By its ranges; what the operators said is not even in the message."""
    whole, left, right = await cut_in_two(stage)
    params = MergeRegions(source_region_id=left.id, target_region_id=right.id)
    life = await Life.approved(stage, params)
    decision = await life.ended(await life.execute())
    assert phase(decision) == (Phase.SUCCEEDED, Reason.DONE)
    assert "CANCEL" not in (decision.status.message or "")
    seen = await stage.until(
        lambda now: left.id in now.ended_operators, "the source's end", None, left.id, right.id
    )
    assert seen.ended_operators[left.id].status == "CANCEL"
    assert seen.regions[right.id].start_key == whole.start_key


# Between approval and call


@pytest.mark.trap("P08")
async def test_p08_a_key_that_lies_elsewhere_by_now_ends_the_proposal(stage: Stage) -> None:
    """Somebody split the region first: the key is in the other part, and never comes back."""
    region = await stage.region(bounded)
    first, second = between(region, 2)
    params = SplitRegion(region_id=region.id, policy=SplitPolicy.USE_KEY, keys=[first])
    life = await Life.approved(stage, params)
    order = {"name": "split-region", "region_id": region.id, "policy": "usekey", "keys": [second]}
    stage.pd("POST", "/operators", order)
    await stage.until(lambda now: now.regions[region.id].start_key == second, "it", params)
    decision = await life.claim()
    assert phase(decision) == (Phase.FAILED, Reason.PRECONDITION_FAILED)
    assert first in (decision.status.message or "")
    assert stage.writes() == []
    await rejoin(stage, region)


@pytest.mark.trap("P25")
async def test_p25_another_operator_of_that_name_is_asked_about_again(stage: Stage) -> None:
    """The approved one is gone; PD would cancel its successor just as well."""
    region = await stage.region(bounded)
    await add_learner(stage, region)
    params = CancelOperator(region_id=region.id, operator="admin-add-learner")
    life = await Life.approved(stage, params)
    stage.pd("DELETE", f"/operators/{region.id}")
    stage.stores_settings(snapshot_delay_ms=0)
    await stage.until(
        lambda now: len(now.regions[region.id].peers) == 3 and not now.running_operators,
        "PD's cleaning up",
        params,
    )
    await add_learner(stage, region)
    assert phase(await life.claim()) == (Phase.PENDING, Reason.AWAITING_APPROVAL)
    assert stage.writes() == []


@pytest.mark.trap("P23")
async def test_p23_an_operator_that_ended_by_itself_ends_the_proposal(stage: Stage) -> None:
    """There is nothing left to cancel."""
    region = await stage.region(bounded)
    await add_learner(stage, region)
    params = CancelOperator(region_id=region.id, operator="admin-add-learner")
    life = await Life.approved(stage, params)
    stage.pd("DELETE", f"/operators/{region.id}")
    stage.stores_settings(snapshot_delay_ms=0)
    await stage.until(lambda now: not now.running_operators, "its end", params)
    decision = await life.claim()
    assert phase(decision) == (Phase.FAILED, Reason.PRECONDITION_FAILED)
    assert stage.writes() == []


@pytest.mark.trap("P16")
async def test_p16_an_operator_that_ends_right_before_the_call_is_already_done(
    stage: Stage,
) -> None:
    """PD answers 500 that there is none, and that is what was wanted."""
    region = await stage.region(bounded)
    await add_learner(stage, region)
    params = CancelOperator(region_id=region.id, operator="admin-add-learner")
    life = await Life.approved(stage, params)
    decision = await life.claim()
    assert decision.call is not None
    stage.pd("DELETE", f"/operators/{region.id}")
    stage.stores_settings(snapshot_delay_ms=0)
    await stage.until(lambda now: not now.running_operators, "its end", params)
    outcome = await stage.send(decision.call)
    assert isinstance(outcome, DidNot)
    assert outcome.already_done
    assert phase(await life.ended(outcome)) == (Phase.SUCCEEDED, Reason.ALREADY_DONE)


# The answer is lost


@pytest.mark.trap("P50")
async def test_p50_a_split_whose_answer_was_lost_is_adopted(stage: Stage) -> None:
    """The borders tell: nothing is sent again, because a split twice is two splits."""
    region, params = await middle_split(stage)
    life = await Life.approved(stage, params)
    stage.cluster.faults.add("cut_after_answer", method="POST", path="/operators")
    outcome = await life.execute()
    assert isinstance(outcome, Unknown)
    assert phase(await life.ended(outcome)) == (Phase.SUCCEEDED, Reason.DONE)
    assert await life.recovered(sender_gone=True) == Adopt()
    assert len(stage.effects("split")) == len(stage.writes()) == 1
    await rejoin(stage, region)


@pytest.mark.trap("P50")
@pytest.mark.parametrize("what", ["split", "scatter"])
async def test_p50_what_must_never_be_repeated_is_not(stage: Stage, what: str) -> None:
    """The call never arrived, and its sender is gone: still nobody sends it again."""
    region, params = await middle_split(stage)
    asked = params if what == "split" else ScatterRegion(region_id=region.id)
    life = await Life.approved(stage, asked)
    stage.cluster.faults.add("cut_before_send", method="POST", path="/operators")
    outcome = await life.execute()
    assert isinstance(outcome, Unknown)
    assert await life.recovered(sender_gone=True) == ContinueVerifying()
    decision = await life.in_the_end(outcome)
    assert phase(decision) == (Phase.OUTCOME_UNKNOWN, Reason.ANSWER_LOST)
    assert stage.effects() == []


@pytest.mark.trap("P50")
async def test_p50_a_cancellation_whose_answer_was_lost_is_seen(stage: Stage) -> None:
    """The operator no longer runs; a repeat could end another one."""
    region = await stage.region(bounded)
    await add_learner(stage, region)
    params = CancelOperator(region_id=region.id, operator="admin-add-learner")
    life = await Life.approved(stage, params)
    stage.cluster.faults.add("cut_after_answer", method="DELETE", path="/operators")
    outcome = await life.execute()
    assert isinstance(outcome, Unknown)
    assert phase(await life.ended(outcome)) == (Phase.SUCCEEDED, Reason.DONE)
    assert await life.recovered(sender_gone=True) == Adopt()
    assert len(stage.writes()) == 1
