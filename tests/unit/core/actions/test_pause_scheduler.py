"""PauseScheduler: PD's own clock, in its leader's memory, and never over somebody else's pause."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.scheduling import PauseScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.pause_scheduler import SENDING_SECONDS, PauseSchedulerAction
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Hold, Verdict
from tests.support.scheduling import dressed
from tests.support.snapshots import NOW, snapshot, unprepared

ACTION = PauseSchedulerAction()
NAME = "balance-region-scheduler"
ASK = PauseScheduler(name=SchedulerName.BALANCE_REGION, seconds=1800)
RUNNING = dressed(snapshot())


def paused(seconds: int, *, later: int = 0, leader: str = "pd-0") -> ClusterSnapshot:
    """The cluster ``later`` seconds on, with the scheduler paused until ``seconds`` from NOW."""
    return replace(
        RUNNING,
        taken_at=NOW + timedelta(seconds=later),
        paused_schedulers={NAME: NOW + timedelta(seconds=seconds)},
        pd=replace(RUNNING.pd, leader_name=leader),
    )


def verdicts(seen: ClusterSnapshot, ask: PauseScheduler = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def test_the_call_pauses_one_scheduler_for_so_long() -> None:
    """By PD's own clock: it resumes without us (P52)."""
    assert ACTION.call(ASK).line == f'POST /pd/api/v1/schedulers/{NAME} {{"delay":1800}}'


def test_it_is_undone_by_resuming() -> None:
    """A delay of 0; harmless when PD has resumed it already."""
    undo = ACTION.inverse(ASK, ACTION.before(ASK, RUNNING))
    assert undo is not None
    assert undo.line == f'POST /pd/api/v1/schedulers/{NAME} {{"delay":0}}'


def test_somebody_elses_pause_is_not_undone() -> None:
    """It was there before, and nothing was sent."""
    assert ACTION.inverse(ASK, ACTION.before(ASK, paused(9999))) is None
    assert ACTION.inverse(ASK, ()) is None


@pytest.mark.trap("P32")
def test_p32_the_leader_in_whose_memory_it_is_is_captured() -> None:
    """A pause is nowhere else."""
    assert ACTION.before(ASK, RUNNING) == (
        Fact(name="pausedUntil", value="not paused"),
        Fact(name="readAt", value="2026-03-01T12:00:00+00:00"),
        Fact(name="pdLeader", value="pd-0"),
    )
    assert ACTION.before(ASK, replace(RUNNING, paused_schedulers=None)) == ()


@pytest.mark.trap("P32")
def test_p32_a_pause_that_died_with_the_leader_is_explained() -> None:
    """The message says why a pause that was there is not."""
    before = ACTION.before(ASK, RUNNING)
    moved = replace(RUNNING, pd=replace(RUNNING.pd, leader_name="pd-1"))
    found = ACTION.verify(ASK, before, moved)
    assert found.progress is Progress.NOT_SEEN
    assert "PD's leader changed from pd-0 to pd-1: it forgets pauses" in found.message
    assert "leader" not in ACTION.verify(ASK, before, RUNNING).message


def test_verification_says_until_when_and_where() -> None:
    """People must know that it may end early."""
    found = ACTION.verify(ASK, ACTION.before(ASK, RUNNING), paused(1801, later=1))
    assert found.progress is Progress.SETTLED
    assert "paused until 2026-03-01T12:30:01+00:00 (1800 s left)" in found.message
    assert "PD leader pd-0: a change of leader ends it (P32)" in found.message


@pytest.mark.parametrize(
    ("until", "progress"),
    [
        pytest.param(1800, Progress.SETTLED, id="as asked"),
        pytest.param(1800 + SENDING_SECONDS, Progress.SETTLED, id="sent late, or clocks differ"),
        pytest.param(1801 + SENDING_SECONDS, Progress.NOT_SEEN, id="somebody's, and longer"),
        pytest.param(-1, Progress.NOT_SEEN, id="over"),
    ],
)
def test_a_longer_pause_is_not_ours(until: int, progress: Progress) -> None:
    """Taken for ours it would be taken back with the undo."""
    before = ACTION.before(ASK, RUNNING)
    assert ACTION.verify(ASK, before, paused(until)).progress is progress
    assert not ACTION.unchanged(ASK, before, paused(1801 + SENDING_SECONDS))


@pytest.mark.parametrize(
    ("left", "done", "held"),
    [
        pytest.param(1800, True, False, id="paused for as long"),
        pytest.param(86400, True, False, id="paused for longer"),
        pytest.param(1799, False, True, id="paused by somebody, for less"),
        pytest.param(-1, False, False, id="a pause that is over"),
    ],
)
def test_a_pause_of_somebody_else_is_kept(left: int, done: bool, held: bool) -> None:
    """PD keeps one pause a scheduler: ours would replace that of BR, Lightning or a person."""
    seen = paused(left)
    assert ACTION.already_done(ASK, seen) is done
    verdict = verdicts(seen)["NotPaused"]
    assert isinstance(verdict, Hold) is held
    if isinstance(verdict, Hold):
        assert verdict.until == NOW + timedelta(seconds=left)


def test_what_is_already_so_verifies() -> None:
    """AlreadyDone is a success, whoever paused it."""
    seen = paused(86400)
    assert ACTION.verify(ASK, ACTION.before(ASK, seen), seen).progress is Progress.SETTLED


def test_a_scheduler_that_is_not_there_is_refused() -> None:
    """PD would answer 500; somebody may add it."""
    seen = dressed(snapshot(schedulers=("balance-leader-scheduler",)))
    assert isinstance(verdicts(seen)["SchedulerListed"], Hold)
    assert isinstance(verdicts(RUNNING)["SchedulerListed"], Allow)


def test_unknown_pauses_hold_it() -> None:
    """A missing fact is a check that does not pass, and proves nothing."""
    unread = replace(RUNNING, paused_schedulers=None)
    assert isinstance(verdicts(unread)["PausesKnown"], Hold)
    assert not ACTION.unchanged(ASK, ACTION.before(ASK, RUNNING), unread)


def test_it_waits_until_pd_is_prepared() -> None:
    """P15: nothing is judged from what PD shows just after a change of its leader."""
    assert list(verdicts(unprepared(RUNNING))) == ["Prepared"]
    assert not ACTION.unchanged(ASK, ACTION.before(ASK, RUNNING), unprepared(RUNNING))


def test_as_before_means_not_paused() -> None:
    """Also later, and under another leader."""
    before = ACTION.before(ASK, RUNNING)
    assert ACTION.unchanged(ASK, before, RUNNING)
    assert ACTION.unchanged(ASK, before, paused(-1, later=60, leader="pd-1"))
    assert not ACTION.unchanged(ASK, before, paused(60))
    assert not ACTION.unchanged(ASK, (), RUNNING)


@pytest.mark.parametrize(
    ("seconds", "tier"), [(30, Tier.LOW), (3600, Tier.LOW), (3601, Tier.MEDIUM)]
)
def test_a_long_pause_is_medium(seconds: int, tier: Tier) -> None:
    """It ends by itself; but a long one lets load pile up."""
    ask = PauseScheduler(name=SchedulerName.BALANCE_REGION, seconds=seconds)
    assert ACTION.risk(ask, RUNNING).tier is tier


@pytest.mark.parametrize("seconds", [0, -1, 29, 86401])
def test_how_long_is_bounded(seconds: int) -> None:
    """0 would resume; one too short is over before it is seen; one too long is no pause."""
    with pytest.raises(ValueError, match="seconds"):
        PauseScheduler(name=SchedulerName.BALANCE_REGION, seconds=seconds)


def test_what_it_says_of_itself() -> None:
    """The words people approve name PD's leader (P32)."""
    sentence = f"pause {NAME} for 0:30:00 h, or until PD changes its leader"
    assert ACTION.sentence(ASK) == sentence
    assert ACTION.pd_ctl(ASK) == f"pd-ctl scheduler pause {NAME} 1800"
    assert ACTION.scope(ASK) == Scope(settings=frozenset({f"scheduler/{NAME}"}))
