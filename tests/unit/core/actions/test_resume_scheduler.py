"""ResumeScheduler: whose pause it may be, and what was left of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.scheduling import ResumeScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.resume_scheduler import ResumeSchedulerAction
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Hold, Verdict, Warn
from tests.support.scheduling import dressed
from tests.support.snapshots import NOW, snapshot, unprepared

ACTION = ResumeSchedulerAction()
NAME = "balance-leader-scheduler"
ASK = ResumeScheduler(name=SchedulerName.BALANCE_LEADER)
RUNNING = dressed(snapshot())


def paused(seconds: float, *, later: int = 0, **others: int) -> ClusterSnapshot:
    """The cluster ``later`` seconds on, with the scheduler paused until ``seconds`` from NOW."""
    until = {NAME: seconds, **{key.replace("_", "-"): value for key, value in others.items()}}
    return replace(
        RUNNING,
        taken_at=NOW + timedelta(seconds=later),
        paused_schedulers={name: NOW + timedelta(seconds=left) for name, left in until.items()},
    )


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def test_the_call_resumes_one_scheduler() -> None:
    """Never ``all``: others may be paused by others."""
    assert ACTION.call(ASK).line == f'POST /pd/api/v1/schedulers/{NAME} {{"delay":0}}'


@pytest.mark.parametrize(
    ("left", "delay"),
    [
        pytest.param(600, 600, id="whole seconds"),
        pytest.param(600.4, 601, id="rather a second more"),
        pytest.param(0.5, 1, id="almost over"),
        pytest.param(10**7, 10**7, id="longer than an ask may be"),
    ],
)
def test_it_is_undone_by_a_pause_for_what_was_left(left: float, delay: int) -> None:
    """PD takes a number of seconds from now."""
    before = ACTION.before(ASK, paused(left))
    undo = ACTION.inverse(ASK, before)
    assert undo is not None
    assert undo.line == f'POST /pd/api/v1/schedulers/{NAME} {{"delay":{delay}}}'


def test_the_pause_is_captured_with_its_leader() -> None:
    """P32: it is in that leader's memory."""
    assert ACTION.before(ASK, paused(600)) == (
        Fact(name="pausedUntil", value="2026-03-01T12:10:00+00:00"),
        Fact(name="pauseLeftSeconds", value="600"),
        Fact(name="readAt", value="2026-03-01T12:00:00+00:00"),
        Fact(name="pdLeader", value="pd-0"),
    )


def test_without_a_pause_nothing_is_undone() -> None:
    """It was not paused, or nobody knows."""
    assert ACTION.inverse(ASK, ACTION.before(ASK, RUNNING)) is None
    assert ACTION.inverse(ASK, ()) is None


def test_what_is_not_paused_is_already_done() -> None:
    """Only when PD runs it, and its pauses are known."""
    assert ACTION.already_done(ASK, RUNNING)
    assert ACTION.already_done(ASK, paused(-1))
    assert not ACTION.already_done(ASK, paused(600))
    assert not ACTION.already_done(ASK, replace(RUNNING, paused_schedulers=None))
    assert not ACTION.already_done(ASK, unprepared(RUNNING))
    assert not ACTION.already_done(ASK, replace(RUNNING, schedulers=("label-scheduler",)))


def test_verification_goes_by_the_pause() -> None:
    """And says until when it still is."""
    before = ACTION.before(ASK, paused(600))
    assert ACTION.verify(ASK, before, RUNNING).progress is Progress.SETTLED
    found = ACTION.verify(ASK, before, paused(600))
    assert found.progress is Progress.NOT_SEEN
    assert "2026-03-01T12:10:00+00:00" in found.message
    unread = ACTION.verify(ASK, before, replace(RUNNING, paused_schedulers=None))
    assert "not read" in unread.message


@pytest.mark.parametrize(
    ("until", "later", "same"),
    [
        pytest.param(600, 0, True, id="as captured"),
        pytest.param(630, 30, True, id="put back half a minute later, for what was left"),
        pytest.param(598, 0, False, id="shorter: somebody set another"),
        pytest.param(-1, 0, False, id="over"),
    ],
)
def test_as_before_is_a_pause_that_lasts_as_long(until: int, later: int, same: bool) -> None:
    """The undo's pause begins when it is sent, so it ends later than the old one."""
    before = ACTION.before(ASK, paused(600))
    assert ACTION.unchanged(ASK, before, paused(until, later=later)) is same


def test_an_unprepared_pd_proves_nothing() -> None:
    """P15: it lists nothing, paused or not."""
    before = ACTION.before(ASK, paused(600))
    assert list(verdicts(unprepared(paused(600)))) == ["Prepared"]
    assert not ACTION.unchanged(ASK, before, unprepared(paused(600)))


def test_a_pause_of_several_for_minutes_is_a_warning() -> None:
    """BR and Lightning pause the balancing schedulers at once, and again before it is over."""
    several = paused(300, balance_region_scheduler=300, balance_hot_region_scheduler=300)
    verdict = verdicts(several)["NoToolPausesIt"]
    assert isinstance(verdict, Warn)
    assert "BR and Lightning" in verdict.message


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(paused(300), id="only this one"),
        pytest.param(paused(9000, balance_region_scheduler=9000), id="for hours: a person"),
        pytest.param(paused(9000, balance_region_scheduler=300), id="this one for hours"),
    ],
)
def test_other_pauses_are_no_tools(seen: ClusterSnapshot) -> None:
    """A person's pause is what the approval is for."""
    assert isinstance(verdicts(seen)["NoToolPausesIt"], Allow)


def test_missing_facts_hold_it() -> None:
    """A scheduler that is not there cannot go on; pauses that were not read are not known."""
    missing = replace(RUNNING, schedulers=("label-scheduler",))
    assert isinstance(verdicts(missing)["SchedulerListed"], Hold)
    unread = replace(RUNNING, paused_schedulers=None)
    assert isinstance(verdicts(unread)["PausesKnown"], Hold)


def test_what_it_says_of_itself() -> None:
    """Medium: somebody paused it for a reason."""
    risk = ACTION.risk(ASK, paused(600))
    assert risk.tier is Tier.MEDIUM
    assert "paused until 2026-03-01T12:10:00+00:00" in risk.factors[0]
    assert "not paused" in ACTION.risk(ASK, RUNNING).factors[0]
    assert ACTION.sentence(ASK) == f"resume {NAME}"
    assert ACTION.pd_ctl(ASK) == f"pd-ctl scheduler resume {NAME}"
    assert ACTION.scope(ASK) == Scope(settings=frozenset({f"scheduler/{NAME}"}))
