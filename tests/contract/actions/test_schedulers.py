"""AddScheduler, RemoveScheduler, PauseScheduler and ResumeScheduler on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.scheduling import (
    AddScheduler,
    PauseScheduler,
    RemoveScheduler,
    ResumeScheduler,
    SchedulerName,
)
from assent.core.actions.action import Progress
from assent.core.model.call import Did, DidNot, PdCall
from sandbox.remote import RefusedError
from tests.contract.actions.differences import OLDER
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage, action_for
from tests.support.real_cluster import Shape

LEADERS = SchedulerName.BALANCE_LEADER
LED_BY_BALANCE = ("region/*/leader", "operator/*")
"""What differs once balance has moved leaders."""

OF_OLDER = (
    SchedulerName.SPLIT_BUCKET,
    SchedulerName.BALANCE_WITNESS,
    SchedulerName.TRANSFER_WITNESS_LEADER,
)
"""PD 6.6 starts these by itself, too, and not evict-slow-store-scheduler."""
CREATED_BY_DEFAULT = (
    SchedulerName.BALANCE_LEADER,
    SchedulerName.BALANCE_REGION,
    SchedulerName.BALANCE_HOT_REGION,
    *(OF_OLDER if Shape().line == OLDER else (SchedulerName.EVICT_SLOW_STORE,)),
)


def pile_up(stage: Stage) -> None:
    """Let store 1 lead all it can: balance-leader would spread that again, now that it may."""
    for number in (2, 3, 4):
        stage.cluster.stores.move_leaders(from_store=number, to_store=1, count=24)
    stage.lively()


async def until_balance_moves(stage: Stage) -> None:
    """Return once a store has carried out a leader transfer of PD's."""
    await stage.until(
        lambda seen: len(stage.effects("transfer_leader", cause="pd")) > 0, "a transfer by balance"
    )


@pytest.mark.action("RemoveScheduler")
@pytest.mark.parametrize("name", CREATED_BY_DEFAULT)
async def test_a_default_scheduler_is_removed_and_added_again(
    stage: Stage, name: SchedulerName
) -> None:
    """PD disables it, so no new leader starts it; undone, everything is as before."""
    before = stage.whole_state()
    done = await stage.perform(RemoveScheduler(name=name))
    assert done.outcome == Did("The scheduler is removed.")
    assert done.settled, done.verification
    seen = await stage.see()
    assert name not in seen.schedulers
    assert seen.disabled_schedulers == frozenset({str(name)})
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.action("AddScheduler")
@pytest.mark.parametrize("name", [name for name in SchedulerName if name not in CREATED_BY_DEFAULT])
async def test_a_scheduler_is_added_and_erased_again(stage: Stage, name: SchedulerName) -> None:
    """This PD has every scheduler of our list."""
    before = stage.whole_state()
    done = await stage.perform(AddScheduler(name=name))
    assert done.outcome == Did("The scheduler is created.")
    assert done.settled, done.verification
    assert name in (await stage.see()).schedulers
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.action("AddScheduler", "RemoveScheduler")
async def test_without_balance_no_leader_moves_and_with_it_they_do(stage: Stage) -> None:
    """Seen in the stores' own log: what PD lists is what acts."""
    removed = await stage.perform(RemoveScheduler(name=LEADERS))
    assert removed.settled
    pile_up(stage)
    assert stage.effects("transfer_leader", cause="pd") == []
    added = await stage.perform(AddScheduler(name=LEADERS))
    assert added.settled
    await until_balance_moves(stage)
    assert [call.method for call in (*removed.sent, *added.sent)] == ["DELETE", "POST"]


@pytest.mark.action("AddScheduler", "RemoveScheduler")
async def test_what_is_already_so_is_not_sent_and_pd_would_refuse_it(stage: Stage) -> None:
    """Refused on repeat: PD says so before it acts, which proves that it did nothing."""
    running = AddScheduler(name=LEADERS)
    done = await stage.perform(running)
    assert (done.outcome, done.sent, done.settled) == (None, (), True)
    answer = await stage.send(action_for(running).call(running))
    assert isinstance(answer, DidNot)
    assert answer.already_done
    absent = RemoveScheduler(name=SchedulerName.LABEL)
    done = await stage.perform(absent)
    assert (done.outcome, done.sent, done.settled) == (None, (), True)
    answer = await stage.send(action_for(absent).call(absent))
    assert isinstance(answer, DidNot)
    assert answer.already_done


@pytest.mark.action("RemoveScheduler")
async def test_what_was_set_in_a_scheduler_is_lost_with_it(stage: Stage) -> None:
    """Why RemoveScheduler is reversible partly: PD deletes its stored configuration."""
    stage.pd("POST", "/scheduler-config/balance-leader-scheduler/config", {"batch": 7})
    done = await stage.perform(RemoveScheduler(name=LEADERS))
    await stage.undo(done)
    shown = stage.pd("GET", "/scheduler-config/balance-leader-scheduler/list")
    assert shown["batch"] == 4, "PD's default"


@pytest.mark.trap("P15")
@pytest.mark.action("RemoveScheduler")
async def test_p15_the_last_scheduler_stays(stage: Stage) -> None:
    """With an empty list PD could not be told from one that is not prepared."""
    for name in CREATED_BY_DEFAULT[1:]:
        stage.pd("DELETE", f"/schedulers/{name}")
    await stage.until(lambda seen: seen.schedulers == (LEADERS,), "one scheduler")
    refusals = await stage.refusals(RemoveScheduler(name=LEADERS))
    assert [check.name for check in refusals] == ["OthersLeft"]


@pytest.mark.trap("P29")
@pytest.mark.action("RemoveScheduler")
async def test_p29_the_eviction_of_all_stores_cannot_be_ended_at_once(stage: Stage) -> None:
    """PD would take the call, and end other people's evictions, too; it never leaves."""
    for store_id in (1, 2):
        stage.pd("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": store_id})
    everything = PdCall("DELETE", "/pd/api/v1/schedulers/evict-leader-scheduler")
    answer = await stage.send(everything)
    assert isinstance(answer, DidNot)
    assert not answer.sent
    assert (await stage.see()).evicted_store_ids == {1, 2}
    assert stage.writes() == []
    stage.pd("DELETE", "/schedulers/evict-leader-scheduler")
    assert (await stage.see()).evicted_store_ids == frozenset(), "so it is a trap"


@pytest.mark.trap("P10")
async def test_p10_an_eviction_without_a_store_is_applied_and_does_nothing(stage: Stage) -> None:
    """This endpoint is none of ours: the whitelist does not know it."""
    stage.pd("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": 1})
    path = "/scheduler-config/evict-leader-scheduler/config"
    said = stage.pd("POST", path, {"store_id": "two"})
    assert said in ("The scheduler has been applied to the store.", None), "v6.6 says nothing"
    assert (await stage.see()).evicted_store_ids == {1}
    answer = await stage.send(PdCall("POST", f"/pd/api/v1{path}", {"store_id": 2}))
    assert isinstance(answer, DidNot)
    assert not answer.sent


@pytest.mark.action("PauseScheduler")
async def test_a_scheduler_pauses_and_goes_on(stage: Stage) -> None:
    """By PD's own clock; undone, nothing is paused."""
    before = stage.whole_state()
    done = await stage.perform(PauseScheduler(name=LEADERS, seconds=600))
    assert done.outcome == Did("Pause or resume the scheduler successfully.")
    assert done.settled
    assert "a change of leader ends it (P32)" in done.verification.message
    seen = await stage.see(done.params)
    assert seen.paused_schedulers is not None
    assert set(seen.paused_schedulers) == {LEADERS}
    left = seen.paused_schedulers[LEADERS] - seen.taken_at
    assert 590 <= left.total_seconds() <= 601
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.action("PauseScheduler", "ResumeScheduler")
async def test_while_it_pauses_no_leader_moves_and_then_they_do(stage: Stage) -> None:
    """Seen in the stores' own log."""
    paused = await stage.perform(PauseScheduler(name=LEADERS, seconds=600))
    assert paused.settled
    pile_up(stage)
    assert stage.effects("transfer_leader", cause="pd") == []
    resumed = await stage.perform(ResumeScheduler(name=LEADERS))
    assert resumed.settled
    await until_balance_moves(stage)


@pytest.mark.action("ResumeScheduler")
async def test_a_pause_is_ended_and_put_back_for_what_was_left(stage: Stage) -> None:
    """PD takes seconds from now; the restored pause ends within seconds of the old one."""
    stage.pd("POST", f"/schedulers/{LEADERS}", {"delay": 700})
    before = stage.whole_state()
    done = await stage.perform(ResumeScheduler(name=LEADERS))
    assert done.settled
    assert not (await stage.see(done.params)).paused_schedulers
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.action("PauseScheduler")
async def test_somebody_elses_shorter_pause_is_kept(stage: Stage) -> None:
    """PD keeps one pause a scheduler: BR's or a person's would be gone."""
    stage.pd("POST", f"/schedulers/{LEADERS}", {"delay": 300})
    refusals = await stage.refusals(PauseScheduler(name=LEADERS, seconds=600))
    assert [check.name for check in refusals] == ["NotPaused"]
    longer = await stage.perform(PauseScheduler(name=LEADERS, seconds=60))
    assert (longer.sent, longer.settled) == ((), True)


@pytest.mark.action("PauseScheduler")
async def test_a_scheduler_that_is_not_there_is_not_paused(stage: Stage) -> None:
    """Refused before anything is sent; PD would refuse it as well, before it acts."""
    params = PauseScheduler(name=SchedulerName.LABEL, seconds=60)
    assert [check.name for check in await stage.refusals(params)] == ["SchedulerListed"]
    answer = await stage.send(action_for(params).call(params))
    assert isinstance(answer, DidNot)
    assert not answer.already_done


@pytest.mark.trap("P32")
@THREE_MEMBERS
@pytest.mark.action("PauseScheduler")
async def test_p32_a_pause_dies_with_the_leader_and_a_removal_does_not(stage: Stage) -> None:
    """A pause is in memory, what schedulers there are is stored: verification tells them apart."""
    removed = await stage.perform(RemoveScheduler(name=SchedulerName.BALANCE_HOT_REGION))
    paused = await stage.perform(PauseScheduler(name=LEADERS, seconds=600))
    assert removed.settled
    assert paused.settled
    old = paused.pd_leader
    other = next(member.name for member in stage.cluster.members if member.name != old)
    stage.pd("POST", f"/leader/transfer/{other}")
    seen = await stage.until(
        lambda seen: seen.pd.leader_name == other and LEADERS in seen.schedulers,
        "another leader",
        paused.params,
    )
    found = paused.action.verify(paused.params, paused.before, seen)
    assert found.progress is Progress.NOT_SEEN
    assert f"changed from {old} to {other}: it forgets pauses" in found.message
    assert paused.action.unchanged(paused.params, paused.before, seen)
    kept = removed.action.verify(removed.params, removed.before, seen)
    assert kept.progress is Progress.SETTLED


@pytest.mark.trap("P32")
async def test_p32_all_schedulers_are_never_paused_at_once(stage: Stage) -> None:
    """PD would: then repair stops as well. The name is no name of ours."""
    answer = await stage.send(PdCall("POST", "/pd/api/v1/schedulers/all", {"delay": 60}))
    assert isinstance(answer, DidNot)
    assert not answer.sent
    with pytest.raises(RefusedError):
        stage.pd("GET", "/schedulers/diagnostic/no-such-scheduler")
