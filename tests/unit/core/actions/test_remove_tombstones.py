"""RemoveTombstones: exactly those that were named, because PD takes all there are."""

from collections.abc import Sequence

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.base import MAX_EXACT_INTEGER
from assent.api.v1alpha1.parameters.store import RemoveTombstones
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.remove_tombstones import RemoveTombstonesAction
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict
from tests.support.snapshots import snapshot, store, unprepared

ACTION = RemoveTombstonesAction()
ASK = RemoveTombstones(store_ids=[9, 7])


def tombstone(number: int, regions: int = 0) -> Store:
    return store(number, state=StoreState.TOMBSTONE, leader_count=0, region_count=regions)


def buried(*numbers: int) -> ClusterSnapshot:
    return snapshot(tombstones=tuple(tombstone(number) for number in numbers))


BEFORE = ACTION.before(ASK, buried(7, 9))


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def test_exactly_those_that_pd_has_may_be_removed() -> None:
    """In whatever order they were named."""
    found = verdicts(buried(7, 9))
    assert all(isinstance(verdict, Allow) for verdict in found.values())
    assert list(found) == ["Prepared", "TombstonesAsNamed", "TombstonesEmpty", "NoRemovalRuns"]
    assert list(verdicts(unprepared(buried(7, 9)))) == ["Prepared"]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        pytest.param([7, 8, 9], "the tombstones 8 as well", id="one more: it would go, too"),
        pytest.param([7], "no tombstones 9", id="one less: somebody was here"),
        pytest.param([], "no tombstones 7, 9", id="none"),
    ],
)
def test_another_list_is_refused(numbers: Sequence[int], words: str) -> None:
    """Nobody has approved what is not named; a list that has changed is another ask."""
    verdict = verdicts(buried(*numbers))["TombstonesAsNamed"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == "TombstonesDiffer"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(snapshot(), "TombstonesAsNamed", "TombstonesUnknown", id="not shown"),
        pytest.param(
            snapshot(tombstones=(tombstone(7), tombstone(9, regions=3))),
            "TombstonesEmpty",
            "TombstoneHoldsRegions",
            id="PD would delete the others and then say so",
        ),
        pytest.param(
            snapshot(
                store(1),
                store(4, state=StoreState.OFFLINE),
                tombstones=(tombstone(7), tombstone(9)),
            ),
            "NoRemovalRuns",
            "RemovalRuns",
            id="store 4 could be one by the time of the call",
        ),
    ],
)
def test_it_waits(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """What may heal holds, on exactly the check it is about."""
    verdict = verdicts(seen)[check]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason


def test_the_call_names_no_store_and_has_no_way_back() -> None:
    """That is why the ask does."""
    assert ACTION.call(ASK).line == "DELETE /pd/api/v1/stores/remove-tombstone"
    assert ACTION.inverse(ASK, BEFORE) is None


def test_progress_goes_by_what_pd_still_lists() -> None:
    """Some gone and some not is neither nothing nor all."""
    assert ACTION.verify(ASK, BEFORE, buried(7, 9)).progress is Progress.NOT_SEEN
    half = ACTION.verify(ASK, BEFORE, buried(9))
    assert half.progress is Progress.SEEN
    assert half.message == "PD still lists the tombstones 9"
    assert ACTION.verify(ASK, BEFORE, buried()).progress is Progress.SETTLED
    assert ACTION.verify(ASK, BEFORE, buried(11)).progress is Progress.SETTLED, "a later one"
    assert ACTION.verify(ASK, BEFORE, snapshot()).progress is Progress.NOT_SEEN, "not shown"


def test_what_is_already_done() -> None:
    """None of them is listed anywhere; one that is listed as a store is no tombstone yet."""
    assert ACTION.already_done(ASK, buried())
    assert not ACTION.already_done(ASK, buried(9))
    assert not ACTION.already_done(ASK, snapshot()), "not shown"
    assert not ACTION.already_done(RemoveTombstones(store_ids=[4]), buried())


def test_unchanged_while_all_are_listed() -> None:
    """And only then."""
    assert ACTION.unchanged(ASK, BEFORE, buried(7, 9))
    assert not ACTION.unchanged(ASK, BEFORE, buried(9))
    assert not ACTION.unchanged(ASK, (), buried())


def test_what_has_to_be_typed_names_every_store() -> None:
    """A Critical action is confirmed by its target's id."""
    target = ACTION.target(ASK, buried(7, 9))
    assert target is not None
    assert target.id == "tombstones/7,9"
    assert target.identity == [
        Fact(name="store/7", value="tikv-7.tikv-peer.db.svc:20160"),
        Fact(name="store/9", value="tikv-9.tikv-peer.db.svc:20160"),
    ]
    assert ACTION.target(ASK, buried(7)) is None


def test_what_has_to_be_typed_is_never_too_long() -> None:
    """Sixteen ids of sixteen digits: how many, and from where to where; the identity has all."""
    ids = [MAX_EXACT_INTEGER - n for n in range(16)]
    target = ACTION.target(RemoveTombstones(store_ids=ids), buried(*sorted(ids)))
    assert target is not None
    assert target.id == f"tombstones/16-from-{min(ids)}-to-{max(ids)}"
    assert len(target.identity) == 16


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what the engine goes by."""
    assert ACTION.sentence(ASK) == "forget the removed stores 7, 9, which are all there are"
    assert ACTION.pd_ctl(ASK) == "pd-ctl store remove-tombstone  # 7, 9"
    assert ACTION.scope(ASK) == Scope(frozenset({7, 9}), settings=frozenset({"stores/tombstones"}))
    assert ACTION.risk(ASK, snapshot()).tier is Tier.CRITICAL
    assert ACTION.reversibility is Reversibility.NOT
    assert ACTION.idempotency is Idempotency.NEVER_REPEAT
    assert ACTION.goal_required
    assert ACTION.wanted(ASK).readings == {Reading.TOMBSTONES}
