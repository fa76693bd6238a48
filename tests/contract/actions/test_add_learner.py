"""AddLearner on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.region import AddLearner
from assent.core.actions.operator_time import add_learner_seconds
from assent.core.model.call import Did
from assent.core.model.snapshot import PeerRole
from tests.contract.actions.peers import (
    hold_rule_checker,
    pd_timeout_seconds,
    roles_of,
    want_replicas,
)
from tests.contract.actions.stage import Stage, action_for, store_without

pytestmark = pytest.mark.action("AddLearner")


async def test_a_learner_is_added_and_taken_away(stage: Stage) -> None:
    """One step of one; the undo leaves the region as it was."""
    region = await stage.region()
    hold_rule_checker(stage)
    want_replicas(stage, region, learner=1)
    before = stage.whole_state()
    params = AddLearner(region_id=region.id, store_id=store_without(region))
    done = await stage.perform(params)
    assert done.outcome == Did("The operator is created.")
    assert done.settled, done.verification
    assert "and 1 of 1 learners" in done.verification.message
    made = stage.effects(region=region.id)
    assert [(line["kind"], line["to_store"]) for line in made] == [("add_peer", params.store_id)]
    await stage.at_rest()
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.trap("P21")
async def test_p21_a_learner_that_no_rule_wants_does_not_stay(stage: Stage) -> None:
    """We refuse it by name; PD adds it, and its rule checker makes three voters again."""
    region = await stage.region()
    params = AddLearner(region_id=region.id, store_id=store_without(region))
    assert [check.name for check in await stage.refusals(params)] == ["RulesKeepIt"]
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    await stage.until(
        lambda now: (
            len(stage.effects("remove_peer", region=region.id)) == 1
            and list(roles_of(now, region.id).values()) == [PeerRole.VOTER] * 3
        ),
        "three voters again",
        params,
    )


@pytest.mark.trap("P22")
async def test_p22_pd_gives_up_after_ten_minutes(stage: Stage) -> None:
    """By the operator's own text."""
    region = await stage.region()
    assert region.leader_store_id is not None
    stage.store(region.leader_store_id, "hang")
    params = AddLearner(region_id=region.id, store_id=store_without(region))
    assert await stage.send(action_for(params).call(params)) == Did("The operator is created.")
    assert pd_timeout_seconds(stage, region.id) == add_learner_seconds(region.size_mib) == 600
