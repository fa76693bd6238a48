"""What goes wrong between approval and end, on the real PD: the production decisions see it."""

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.parameters.region import ScatterRegion, TransferLeader
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StoreLimitKind
from assent.core.lifecycle.recovery import Adopt, ContinueVerifying
from assent.core.model.call import Did, DidNot, Unknown
from assent.core.model.snapshot import Region
from tests.contract.actions.life import Life, phase
from tests.contract.actions.stage import Stage, follower_store, store_without

SCATTERS = 72
"""PD's scatterer remembers what it placed, and finds something to move sooner or later."""
LIMIT = SetStoreLimit(store_id=2, kind=StoreLimitKind.ADD_PEER, rate_per_minute=900)


async def moving(stage: Stage) -> tuple[Region, TransferLeader]:
    """Return a region and the transfer of its leadership."""
    region = await stage.region()
    return region, TransferLeader(region_id=region.id, to_store_id=follower_store(region))


# Between approval and execution


@pytest.mark.trap("P43", "P49")
async def test_p49_a_region_that_split_since_is_asked_about_again(stage: Stage) -> None:
    """Half of what people looked at is another region now; their yes does not count for it."""
    region, params = await moving(stage)
    life = await Life.approved(stage, params)
    order = {"name": "split-region", "region_id": region.id, "policy": "approximate"}
    stage.pd("POST", "/operators", order)
    now = await stage.until(
        lambda now: now.regions[region.id].version == region.version + 1, "the split", params
    )
    assert now.regions[region.id].conf_ver == region.conf_ver
    assert phase(await life.claim()) == (Phase.PENDING, Reason.AWAITING_APPROVAL)
    assert stage.writes() == []


@pytest.mark.trap("P17", "P49")
async def test_p49_a_region_that_was_merged_away_ends_the_proposal(stage: Stage) -> None:
    """There is nothing left to act on: it can never be right again."""
    left, right = (await stage.see()).sample[6:8]
    order = {
        "name": "merge-region",
        "source_region_id": left.id,
        "target_region_id": right.id,
    }
    life = await Life.approved(
        stage, TransferLeader(region_id=left.id, to_store_id=follower_store(left))
    )
    stage.pd("POST", "/operators", order)
    await stage.until(lambda now: left.id not in now.regions, "the merge", life.params)
    assert phase(await life.claim()) == (Phase.FAILED, Reason.PRECONDITION_FAILED)
    assert stage.writes() == []


@pytest.mark.trap("P43", "P49")
async def test_p49_a_region_with_other_members_is_asked_about_again(stage: Stage) -> None:
    """A peer moved: the target of the approval is not what it was."""
    region, params = await moving(stage)
    life = await Life.approved(stage, params)
    stay = {region.leader_store_id, params.to_store_id}
    away = next(peer.store_id for peer in region.peers if peer.store_id not in stay)
    order = {
        "name": "transfer-peer",
        "region_id": region.id,
        "from_store_id": away,
        "to_store_id": store_without(region),
    }
    stage.pd("POST", "/operators", order)
    await stage.until(lambda now: now.regions[region.id].peer_on(away) is None, "the move", params)
    await stage.at_rest()
    assert phase(await life.claim()) == (Phase.PENDING, Reason.AWAITING_APPROVAL)
    assert stage.writes() == []


async def test_a_leader_that_moved_there_by_itself_needs_no_call(stage: Stage) -> None:
    """An election is no other region: the approval stands, and the goal is reached."""
    _, params = await moving(stage)
    life = await Life.approved(stage, params)
    stage.cluster.stores.move_leaders(
        from_store=(await stage.region()).leader_store_id or 0, to_store=params.to_store_id, count=9
    )
    await stage.until(
        lambda now: now.regions[params.region_id].leader_store_id == params.to_store_id,
        "the election",
        params,
    )
    assert phase(await life.claim()) == (Phase.SUCCEEDED, Reason.ALREADY_DONE)
    assert stage.writes() == []


async def test_a_store_that_came_back_elsewhere_is_asked_about_again(stage: Stage) -> None:
    """The id is the same, the address is not: people said yes to the store at the old one."""
    life = await Life.approved(stage, EvictLeaders(store_id=4))
    stage.store(4, "stop")
    stage.store(4, "start", address="elsewhere-tikv-3.tikv.svc:20160")

    def moved(address: str | None) -> bool:
        return address is not None and address.startswith("elsewhere")

    await stage.until(
        lambda now: moved(store.address if (store := now.store(4)) else None), "the new address"
    )
    assert phase(await life.claim()) == (Phase.PENDING, Reason.AWAITING_APPROVAL)
    assert stage.writes() == []


@pytest.mark.trap("P18", "P49")
async def test_p49_another_operator_on_the_region_holds_it(stage: Stage) -> None:
    """PD would refuse with a text that says neither which nor why."""
    region, params = await moving(stage)
    life = await Life.approved(stage, params)
    assert region.leader_store_id is not None
    stage.store(region.leader_store_id, "hang")
    order = {"name": "add-peer", "region_id": region.id, "store_id": store_without(region)}
    stage.pd("POST", "/operators", order)
    decision = await life.claim()
    assert decision.call is None
    assert "PD runs an operator" in (decision.status.message or "")
    refusal = await stage.send(life.call())
    assert isinstance(refusal, DidNot)
    assert "maybe already have one" in refusal.answer, "what PD would have said"


@pytest.mark.trap("P49")
async def test_p49_a_region_in_the_joint_state_holds_it(stage: Stage) -> None:
    """Half of a membership change is done: whose vote counts is not settled."""
    region, params = await moving(stage)
    life = await Life.approved(stage, params)
    stage.stores_settings(joint_refuse=[region.id])
    stay = {region.leader_store_id, params.to_store_id}
    away = next(peer.store_id for peer in region.peers if peer.store_id not in stay)
    order = {
        "name": "transfer-peer",
        "region_id": region.id,
        "from_store_id": away,
        "to_store_id": store_without(region),
    }
    stage.pd("POST", "/operators", order)
    await stage.until(lambda now: now.regions[region.id].in_joint_state, "the joint state", params)
    assert {"RegionSettled", "RegionIdle"} <= {check.name for check in await stage.refusals(params)}
    assert (await life.claim()).call is None
    stage.stores_settings(joint_refuse=[])
    await stage.at_rest()


# The answer


@pytest.mark.trap("P50")
@pytest.mark.parametrize("fault", ["cut_after_answer", "half_answer"])
async def test_p50_a_lost_answer_is_judged_by_what_pd_shows(stage: Stage, fault: str) -> None:
    """PD did it and nobody heard so: seen, told, and sent once."""
    life = await Life.approved(stage, LIMIT)
    stage.cluster.faults.add(fault, method="POST", path="/limit")
    outcome = await life.execute()
    assert isinstance(outcome, Unknown), outcome
    decision = await life.ended(outcome)
    assert phase(decision) == (Phase.SUCCEEDED, Reason.DONE)
    assert "PD's answer was lost, its effect was seen" in (decision.status.message or "")
    assert len(stage.writes()) == 1


@pytest.mark.trap("P50")
async def test_p50_an_operator_whose_answer_was_lost_is_adopted(stage: Stage) -> None:
    """The next leader finds the region led from there: nothing is sent again."""
    _, params = await moving(stage)
    life = await Life.approved(stage, params)
    stage.cluster.faults.add("cut_after_answer", method="POST", path="/operators")
    assert isinstance(await life.execute(), Unknown)
    await stage.until(
        lambda now: now.regions[params.region_id].leader_store_id == params.to_store_id,
        "the transfer",
        params,
    )
    assert await life.recovered(sender_gone=True) == Adopt()
    assert len(stage.effects("transfer_leader", region=params.region_id)) == 1


@pytest.mark.trap("P50")
async def test_p50_a_call_that_never_arrived_is_not_sent_again(stage: Stage) -> None:
    """Nobody can tell it from one that is late: people are asked, PD is left alone."""
    _, params = await moving(stage)
    life = await Life.approved(stage, params)
    stage.cluster.faults.add("cut_before_send", method="POST", path="/operators")
    outcome = await life.execute()
    assert isinstance(outcome, Unknown), outcome
    assert await life.recovered(sender_gone=True) == ContinueVerifying(), "a transfer is no value"
    decision = await life.in_the_end(outcome)
    assert phase(decision) == (Phase.OUTCOME_UNKNOWN, Reason.ANSWER_LOST)
    assert decision.call is None
    assert stage.effects() == []


# The operator


@pytest.mark.trap("P24", "P25")
async def test_p25_an_operator_that_somebody_cancelled_had_no_effect(stage: Stage) -> None:
    """PD took the call and told so; what it shows in the end is what counts."""
    region, params = await moving(stage)
    stage.stores_settings(transfer_refuse=[region.id])
    life = await Life.approved(stage, params)
    outcome = await life.execute()
    assert isinstance(outcome, Did)
    stage.pd("DELETE", f"/operators/{region.id}")
    snapshot = await stage.see(params)
    assert snapshot.ended_operators[region.id].status == "CANCEL"
    assert phase(await life.in_the_end(outcome)) == (Phase.FAILED, Reason.NO_EFFECT)


@pytest.mark.trap("P24", "P51")
async def test_p24_what_an_operator_said_of_itself_does_not_count(stage: Stage) -> None:
    """SUCCESS stands in PD's memory although somebody led the region back: that is no success."""
    region, params = await moving(stage)
    life = await Life.approved(stage, params)
    outcome = await life.execute()
    await stage.at_rest()
    assert region.leader_store_id is not None
    stage.cluster.stores.move_leaders(
        from_store=params.to_store_id, to_store=region.leader_store_id, count=99
    )
    snapshot = await stage.until(
        lambda now: now.regions[region.id].leader_store_id == region.leader_store_id,
        "the way back",
        params,
    )
    assert snapshot.ended_operators[region.id].status == "SUCCESS"
    assert phase(await life.in_the_end(outcome)) == (Phase.FAILED, Reason.NO_EFFECT)


@pytest.mark.trap("P18", "P24")
async def test_p18_an_operator_that_somebody_replaced_had_no_effect(stage: Stage) -> None:
    """A scatter gives way to anybody's admin operator; PD then remembers only the other one, so
    nothing but the layout tells.
    """
    sample = (await stage.see()).sample
    stage.stores_settings(
        snapshot_delay_ms=60_000, transfer_refuse=[region.id for region in sample]
    )
    for number in range(SCATTERS):
        region = sample[number % len(sample)]
        life = await Life.approved(stage, ScatterRegion(region_id=region.id))
        outcome = await life.execute()
        if region.id in (await stage.see(life.params)).running_operators:
            break
    else:
        raise AssertionError("PD never found anything to scatter")
    log = stage.cluster.processes["pd-0"].log
    order = {"name": "split-region", "region_id": region.id, "policy": "approximate"}
    stage.pd("POST", "/operators", order)
    assert "replace old operator" in log.read_text()
    seen = await stage.until(
        lambda now: now.regions[region.id].version > region.version, "the split", life.params
    )
    remembered = seen.ended_operators.get(region.id)
    assert remembered is None or "scatter" not in remembered.text, "PD forgot it"
    decision = await life.in_the_end(outcome)
    assert decision.status.phase is Phase.FAILED
    assert decision.call is None


@pytest.mark.long
@pytest.mark.trap("P22")
async def test_p22_an_operator_that_times_out_had_no_effect(stage: Stage) -> None:
    """TiKV ignores the transfer; PD gives up after 60 s, which no setting shortens, and within
    the 90 s that the action gives it.
    """
    region, params = await moving(stage)
    stage.stores_settings(transfer_refuse=[region.id])
    life = await Life.approved(stage, params)
    outcome = await life.execute()
    snapshot = await stage.until(
        lambda now: region.id in now.ended_operators, "the end", params, timeout_seconds=80
    )
    assert snapshot.ended_operators[region.id].status == "TIMEOUT"
    assert await life.judged(outcome, snapshot.taken_at) is None, "its time is not over yet"
    assert phase(await life.in_the_end(outcome)) == (Phase.FAILED, Reason.NO_EFFECT)
    ignored = [line["result"] for line in stage.commands(region.id)]
    assert set(ignored) == {"refused_on_order"}
    assert len(ignored) > 10, "PD repeats a transfer every 2 s or so (P44)"
