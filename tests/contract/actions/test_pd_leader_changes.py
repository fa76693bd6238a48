"""PD's leader changes while something of ours is under way, with three members."""

import asyncio

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StoreLimitKind
from assent.core.lifecycle.recovery import Adopt, ContinueVerifying
from assent.core.model.call import Did, Unknown
from sandbox.remote import RefusedError
from tests.contract.actions.life import Life, phase
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage, follower_store

pytestmark = THREE_MEMBERS
LIMIT = SetStoreLimit(store_id=2, kind=StoreLimitKind.ADD_PEER, rate_per_minute=900)


@pytest.mark.trap("P50", "P51")
async def test_p51_the_leader_changes_between_call_and_answer(stage: Stage) -> None:
    """The old leader did it and answers late, the new one shows it: done, once, under the name
    of the leader that was asked.
    """
    life = await Life.approved(stage, LIMIT)
    asked = stage.cluster.pd.leader()
    stage.cluster.faults.add("delay_after", method="POST", path="/store/2/limit", milliseconds=4000)
    sending = asyncio.create_task(life.execute())
    await stage.until(
        lambda now: any(store.add_peer_limit_per_minute == 900 for store in now.stores), "the limit"
    )
    new = await stage.move_pd_leader()
    outcome = await sending
    assert isinstance(outcome, (Did, Unknown)), outcome
    decision = await life.ended(outcome)
    assert phase(decision) == (Phase.SUCCEEDED, Reason.DONE)
    assert decision.status.execution is not None
    assert decision.status.execution.steps[0].pd_leader == asked != new
    assert len([line for line in stage.writes() if "/store/2/limit" in line.path]) == 1


@pytest.mark.trap("P23", "P24", "P51")
async def test_p23_history_is_gone_and_the_topology_is_not(stage: Stage) -> None:
    """Stores carry out what the old leader sent; the new one remembers no operator."""
    region = await stage.region()
    params = TransferLeader(region_id=region.id, to_store_id=follower_store(region))
    life = await Life.approved(stage, params)
    stage.stores_settings(command_delay_ms=2500)
    outcome = await life.execute()
    assert isinstance(outcome, Did)
    await stage.move_pd_leader()
    decision = await life.ended(outcome)
    assert phase(decision) == (Phase.SUCCEEDED, Reason.DONE)
    snapshot = await stage.see(params)
    assert (snapshot.ended_operators, snapshot.running_operators) == ({}, {})
    assert await life.recovered(sender_gone=False) == Adopt()
    assert len(stage.effects("transfer_leader", region=region.id)) == 1


@pytest.mark.trap("P23", "P24")
async def test_p23_an_operator_that_died_with_its_leader_had_no_effect(stage: Stage) -> None:
    """Nothing runs, nothing is remembered, nothing moved: no success, and no second call."""
    region = await stage.region()
    params = TransferLeader(region_id=region.id, to_store_id=follower_store(region))
    stage.stores_settings(transfer_refuse=[region.id])
    life = await Life.approved(stage, params)
    outcome = await life.execute()
    await stage.move_pd_leader()
    snapshot = await stage.see(params)
    assert (snapshot.ended_operators, snapshot.running_operators) == ({}, {})
    assert await life.recovered(sender_gone=True) == ContinueVerifying()
    assert phase(await life.in_the_end(outcome)) == (Phase.FAILED, Reason.NO_EFFECT)
    assert len([line for line in stage.writes() if line.path.endswith("/operators")]) >= 1


@pytest.mark.trap("P32")
async def test_p32_what_a_change_of_leader_forgets_and_what_it_keeps(stage: Stage) -> None:
    """Pauses are in memory; evictions, temporary settings and region labels are stored."""
    stage.pd("POST", "/schedulers/balance-region-scheduler", {"delay": 600})
    stage.pd("POST", "/checker/merge", {"delay": 600})
    stage.pd("POST", "/config?ttlSecond=60", {"schedule.merge-schedule-limit": 2})
    rule = {
        "id": "assent/p32",
        "labels": [{"key": "assent", "value": "p32", "ttl": "10m"}],
        "rule_type": "key-range",
        "data": [{"start_key": "7200000000000000FB", "end_key": "7200000100000000FB"}],
    }
    stage.pd("POST", "/config/region-label/rule", rule)
    await stage.perform(EvictLeaders(store_id=1))
    await stage.move_pd_leader()
    assert (await stage.see()).evicted_store_ids == frozenset({1})
    assert not stage.pd("GET", "/schedulers?status=paused")
    assert stage.pd("GET", "/checker/merge") == {"paused": False}
    assert "assent/p32" in [found["id"] for found in stage.pd("GET", "/config/region-label/rules")]
    with pytest.raises(RefusedError, match="TTL"):
        stage.pd("POST", "/config", {"schedule.merge-schedule-limit": 8})
    stage.pd("POST", "/config?ttlSecond=0", {"schedule.merge-schedule-limit": 2})
