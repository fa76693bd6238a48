"""RemoveScheduler: never the last, never the eviction, and certain that it is gone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.scheduling import RemoveScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Reversibility, Scope
from assent.core.actions.remove_scheduler import RemoveSchedulerAction
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Hold, Verdict
from tests.support.scheduling import DEFAULTS, dressed
from tests.support.snapshots import NOW, snapshot, unprepared

ACTION = RemoveSchedulerAction()
ASK = RemoveScheduler(name=SchedulerName.BALANCE_HOT_REGION)
ERASED = RemoveScheduler(name=SchedulerName.LABEL)


def running(*names: str) -> ClusterSnapshot:
    return dressed(snapshot(schedulers=names))


WITH = running(*DEFAULTS)
WITHOUT = running(*(DEFAULTS - {ASK.name.value}))


def verdicts(seen: ClusterSnapshot, ask: RemoveScheduler = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def test_the_call_names_one_scheduler() -> None:
    """No body, no query."""
    line = "DELETE /pd/api/v1/schedulers/balance-hot-region-scheduler"
    assert ACTION.call(ASK).line == line


@pytest.mark.trap("P29")
@pytest.mark.parametrize("name", SchedulerName)
def test_p29_no_name_is_that_of_the_eviction(name: SchedulerName) -> None:
    """DELETE /schedulers/evict-leader-scheduler ends the eviction of every store."""
    assert not name.startswith("evict-leader")
    assert not name.startswith("grant-leader")
    assert ACTION.call(RemoveScheduler(name=name)).path == f"/pd/api/v1/schedulers/{name.value}"


def test_it_is_undone_by_adding_it() -> None:
    """With PD's defaults: what was set in it is lost, so the way back is partial."""
    undo = ACTION.inverse(ASK, ACTION.before(ASK, WITH))
    assert undo is not None
    assert undo.line == 'POST /pd/api/v1/schedulers {"name":"balance-hot-region-scheduler"}'
    assert ACTION.reversibility is Reversibility.PARTLY
    assert ACTION.inverse(ASK, ACTION.before(ASK, WITHOUT)) is None
    assert ACTION.inverse(ASK, ()) is None


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        (SchedulerName.BALANCE_LEADER, Tier.HIGH),
        (SchedulerName.BALANCE_REGION, Tier.HIGH),
        (SchedulerName.BALANCE_HOT_REGION, Tier.MEDIUM),
        (SchedulerName.EVICT_SLOW_STORE, Tier.MEDIUM),
        (SchedulerName.LABEL, Tier.MEDIUM),
    ],
)
def test_without_balance_load_piles_up(name: SchedulerName, tier: Tier) -> None:
    """And nothing in PD reports it."""
    assert ACTION.risk(RemoveScheduler(name=name), WITH).tier is tier


def test_the_last_one_stays() -> None:
    """P48: with an empty list PD could not be told from one that is not prepared."""
    alone = running(ASK.name.value)
    verdict = verdicts(alone)["OthersLeft"]
    assert isinstance(verdict, Hold)
    assert "not prepared" in verdict.message
    assert isinstance(verdicts(WITH)["OthersLeft"], Allow)
    evicting = running(ASK.name.value, "evict-leader-scheduler")
    assert isinstance(verdicts(evicting)["OthersLeft"], Hold), "P31: an eviction proves nothing"


def test_a_paused_one_is_left_until_then() -> None:
    """Added again it would run at once: the pause could not be put back."""
    until = NOW + timedelta(minutes=10)
    verdict = verdicts(replace(WITH, paused_schedulers={ASK.name.value: until}))["NotPaused"]
    assert isinstance(verdict, Hold)
    assert verdict.until == until


def test_unknown_pauses_hold_it() -> None:
    """A missing fact is a check that does not pass."""
    verdict = verdicts(replace(WITH, paused_schedulers=None))["PausesKnown"]
    assert isinstance(verdict, Hold)


def test_a_default_one_is_gone_once_it_is_disabled() -> None:
    """PD disables it in its configuration; then no new leader starts it."""
    before = ACTION.before(ASK, WITH)
    assert before == (Fact(name="listed", value="true"), Fact(name="disabled", value="false"))
    assert ACTION.verify(ASK, before, WITH).progress is Progress.NOT_SEEN
    assert ACTION.verify(ASK, before, WITHOUT).progress is Progress.SETTLED
    assert ACTION.already_done(ASK, WITHOUT)


def test_p15_a_list_that_is_half_there_proves_nothing() -> None:
    """A new leader starts its schedulers one by one: absent is not removed."""
    half = replace(WITHOUT, disabled_schedulers=frozenset())
    before = ACTION.before(ASK, WITH)
    assert ACTION.verify(ASK, before, half).progress is Progress.NOT_SEEN
    assert not ACTION.already_done(ASK, half)
    assert not ACTION.unchanged(ASK, before, half)
    unread = replace(WITHOUT, disabled_schedulers=None)
    assert not ACTION.already_done(ASK, unread), "a missing fact proves nothing"


def test_p15_an_unprepared_pd_proves_nothing() -> None:
    """It lists none at all."""
    before = ACTION.before(ASK, WITH)
    seen = unprepared(WITH)
    assert list(verdicts(seen)) == ["Prepared"]
    assert not ACTION.already_done(ASK, seen)
    assert ACTION.verify(ASK, before, seen).progress is Progress.NOT_SEEN
    assert not ACTION.unchanged(ASK, before, seen)


def test_others_are_erased_not_disabled() -> None:
    """One that PD does not create by itself is only in the list."""
    with_label = running(*DEFAULTS, "label-scheduler")
    before = ACTION.before(ERASED, with_label)
    assert ACTION.verify(ERASED, before, WITH).progress is Progress.SETTLED
    assert ACTION.unchanged(ERASED, before, with_label)


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what it conflicts with."""
    name = ASK.name.value
    assert ACTION.sentence(ASK) == f"let PD no longer run {name}"
    assert ACTION.pd_ctl(ASK) == f"pd-ctl scheduler remove {name}"
    assert ACTION.scope(ASK) == Scope(settings=frozenset({f"scheduler/{name}"}))
