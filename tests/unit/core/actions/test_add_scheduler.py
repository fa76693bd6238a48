"""AddScheduler: what PD lists, and what works against it."""

from dataclasses import replace

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.scheduling import AddScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.add_scheduler import AddSchedulerAction
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Hold, Verdict
from tests.support.scheduling import DEFAULTS, dressed
from tests.support.snapshots import snapshot, unprepared

ACTION = AddSchedulerAction()
ASK = AddScheduler(name=SchedulerName.BALANCE_LEADER)


def running(*names: str) -> ClusterSnapshot:
    return dressed(snapshot(schedulers=names))


WITHOUT = running(*(DEFAULTS - {"balance-leader-scheduler"}))
WITH = running(*DEFAULTS)


def verdicts(seen: ClusterSnapshot, ask: AddScheduler = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def test_the_call_has_a_name_and_nothing_else() -> None:
    """None of these schedulers takes an argument."""
    line = 'POST /pd/api/v1/schedulers {"name":"balance-leader-scheduler"}'
    assert ACTION.call(ASK).line == line


def test_it_is_undone_by_removing_it() -> None:
    """PD then disables or erases it, as it was."""
    before = ACTION.before(ASK, WITHOUT)
    assert before == (Fact(name="listed", value="false"), Fact(name="disabled", value="true"))
    undo = ACTION.inverse(ASK, before)
    assert undo is not None
    assert undo.line == "DELETE /pd/api/v1/schedulers/balance-leader-scheduler"


def test_one_that_ran_is_not_removed_as_undo() -> None:
    """AlreadyDone was no change of ours."""
    assert ACTION.inverse(ASK, ACTION.before(ASK, WITH)) is None
    assert ACTION.inverse(ASK, ()) is None


def test_what_pd_lists_is_already_done() -> None:
    """PD would answer 500 ``scheduler existed``."""
    assert ACTION.already_done(ASK, WITH)
    assert not ACTION.already_done(ASK, WITHOUT)


def test_verification_goes_by_the_list() -> None:
    """Not by PD's answer."""
    before = ACTION.before(ASK, WITHOUT)
    assert ACTION.verify(ASK, before, WITHOUT).progress is Progress.NOT_SEEN
    found = ACTION.verify(ASK, before, WITH)
    assert found.progress is Progress.SETTLED
    assert found.after == (Fact(name="listed", value="true"), Fact(name="disabled", value="false"))


def test_p15_an_unprepared_pd_proves_nothing() -> None:
    """It lists none: neither is one missing, nor is it as before."""
    before = ACTION.before(ASK, WITHOUT)
    assert list(verdicts(unprepared(WITHOUT))) == ["Prepared"]
    assert not ACTION.unchanged(ASK, before, unprepared(WITHOUT))
    assert ACTION.unchanged(ASK, before, WITHOUT)
    assert not ACTION.unchanged(ASK, before, WITH)


def test_a_list_that_is_half_there_is_not_as_before() -> None:
    """A new leader starts its schedulers one by one; that it was enabled shows in the settings."""
    half = replace(WITHOUT, disabled_schedulers=frozenset())
    assert not ACTION.unchanged(ASK, ACTION.before(ASK, WITHOUT), half)


def test_its_opposite_holds_it() -> None:
    """grant-hot-region and balance-hot-region undo each other; only v8.5 refuses it itself."""
    ask = AddScheduler(name=SchedulerName.BALANCE_HOT_REGION)
    found = verdicts(running("balance-leader-scheduler", "grant-hot-region-scheduler"), ask)
    assert isinstance(found["SchedulerUnopposed"], Hold)
    allowed = verdicts(running("balance-leader-scheduler"), ask)
    assert isinstance(allowed["SchedulerUnopposed"], Allow)


@pytest.mark.trap("P29")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("evict-leader-scheduler", "that is EvictLeaders, with a store"),
        ("grant-leader-scheduler", "draws all leaders to one store"),
        ("grant-hot-region-scheduler", "takes stores"),
        ("shuffle-leader-scheduler", "disorder on purpose"),
        ("shuffle-region-scheduler", "disorder on purpose"),
        ("shuffle-hot-region-scheduler", "disorder on purpose"),
        ("scatter-range", "takes a range"),
        ("random-merge-scheduler", "merges what nobody asked for"),
        ("all", "P32: everything at once"),
    ],
)
def test_p29_other_schedulers_cannot_be_named(name: str, why: str) -> None:
    """The API server refuses them: the name is an enum."""
    with pytest.raises(ValueError, match=name):
        SchedulerName(name)
    assert why


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what it conflicts with."""
    assert ACTION.sentence(ASK) == "let PD run balance-leader-scheduler"
    assert ACTION.pd_ctl(ASK) == "pd-ctl scheduler add balance-leader-scheduler"
    assert ACTION.scope(ASK) == Scope(settings=frozenset({"scheduler/balance-leader-scheduler"}))
    assert ACTION.risk(ASK, WITHOUT).tier is Tier.MEDIUM
    target = ACTION.target(ASK, WITHOUT)
    assert target is not None
    assert target.id == "scheduler/balance-leader-scheduler"
