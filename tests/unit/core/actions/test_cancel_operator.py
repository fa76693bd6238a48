"""CancelOperator: only the operator that was meant, by what never changes while it runs (P25)."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import CancelOperator
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.cancel_operator import CancelOperatorAction
from assent.core.model.operator import EndedOperator
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.region_shape import operator_text
from tests.support.snapshots import region, snapshot, unprepared

ACTION = CancelOperatorAction()
ASK = CancelOperator(region_id=4, operator="admin-move-peer")
RUNNING = operator_text("admin-move-peer", 4)
JOINT = (Peer(41, 1, PeerRole.VOTER), Peer(42, 2, PeerRole.INCOMING_VOTER))


def running(text: str | None = RUNNING) -> ClusterSnapshot:
    """Region 4 with the operator of that text, or with none."""
    return snapshot(regions=[region(4)], running_operators={} if text is None else {4: text})


def verdicts(seen: ClusterSnapshot, ask: CancelOperator = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def test_the_named_operator_may_be_cancelled() -> None:
    """The plain case: nothing hinders, every check says so by name."""
    found = verdicts(running())
    assert all(isinstance(verdict, Allow) for verdict in found.values())
    assert list(found) == ["Prepared", "OperatorRuns", "NothingHalfDone", "OneRegion"]


@pytest.mark.trap("P25")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(None, "NoOperator", id="it has ended, or never was"),
        pytest.param(
            operator_text("replace-rule-down-peer", 4), "AnotherOperator", id="PD's repair"
        ),
        pytest.param(operator_text("admin-move-peers", 4), "AnotherOperator", id="nearly the name"),
    ],
)
def test_p25_another_operator_is_never_meant(text: str | None, reason: str) -> None:
    """PD would cancel it all the same."""
    seen = running(text)
    verdict = verdicts(seen)["OperatorRuns"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason
    assert ACTION.target(ASK, seen) is None
    assert ACTION.before(ASK, seen) == ()


def test_what_cannot_be_read_waits() -> None:
    """A newer PD may write another text; it is no permission to guess."""
    seen = running("admin-move-peer of some other form")
    verdict = verdicts(seen)["OperatorRuns"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == "OperatorUnreadable"
    assert ACTION.risk(ASK, seen).tier is Tier.HIGH


def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """P23: just after a change of leader no operator is known any more."""
    assert list(verdicts(unprepared(running(None)))) == ["Prepared"]


def test_what_is_left_half_done_is_a_warning() -> None:
    """PD's checkers clean up; a stuck operator is cancelled just because of it."""
    seen = snapshot(regions=[region(4, peers=JOINT)], running_operators={4: RUNNING})
    assert isinstance(verdicts(seen)["NothingHalfDone"], Warn)
    assert isinstance(verdicts(replace(seen, regions={}))["NothingHalfDone"], Warn)


def test_one_of_a_pair_is_a_warning() -> None:
    """PD ends the other region's operator too."""
    text = operator_text("admin-merge-region", 4, brief="merge: region 4 to 9").replace(
        "kind:admin,region", "kind:admin,merge"
    )
    ask = CancelOperator(region_id=4, operator="admin-merge-region")
    verdict = verdicts(running(text), ask)["OneRegion"]
    assert isinstance(verdict, Warn)
    assert "merge: region 4 to 9" in verdict.message


@pytest.mark.trap("P24")
def test_p24_the_operator_itself_is_the_target() -> None:
    """It carries no tag of ours, so all that never changes is its identity."""
    target = ACTION.target(ASK, running())
    assert target is not None
    assert target.id == "region/4"
    assert target.identity == [
        Fact(name="operator", value="admin-move-peer"),
        Fact(name="brief", value="mv peer: store [1] to [4]"),
        Fact(name="operatorEpoch", value="3/5"),
        Fact(name="createdAt", value="2026-03-01 11:59:00 +0000 UTC m=+7.5"),
    ]


@pytest.mark.parametrize(
    ("text", "same", "why"),
    [
        (RUNNING, True, "itself"),
        (RUNNING.replace("currentStep:0", "currentStep:1"), True, "one step further"),
        (RUNNING.replace("m=+7.6", "m=+7.9"), True, "another time of start is not its creation"),
        (f"{RUNNING} timeout", True, "about to end"),
        (operator_text("admin-move-peer", 4, age=8), False, "created later: another one"),
        (operator_text("admin-move-peer", 4, brief="mv peer: store [2] to [4]"), False, "brief"),
        (RUNNING.replace("4(3, 5)", "4(3, 6)"), False, "the region was another"),
    ],
)
def test_what_makes_it_the_same_operator(text: str, same: bool, why: str) -> None:
    """The approved one, and none that came after it under the same name."""
    approved, before = ACTION.target(ASK, running()), ACTION.before(ASK, running())
    assert (ACTION.target(ASK, running(text)) == approved) is same, why
    assert ACTION.unchanged(ASK, before, running(text)) is same, why


def test_a_repair_of_pd_is_high() -> None:
    """Nobody asked for it, and the region may need it."""
    ask = CancelOperator(region_id=4, operator="replace-rule-down-peer")
    text = operator_text("replace-rule-down-peer", 4)
    assert ACTION.risk(ask, running(text)).tier is Tier.HIGH
    assert ACTION.risk(ASK, running()).tier is Tier.MEDIUM
    assert ACTION.risk(ASK, running(None)).tier is Tier.HIGH


@pytest.mark.parametrize(
    ("seen", "progress", "said"),
    [
        (running(), Progress.NOT_SEEN, "PD runs admin-move-peer"),
        (running(None), Progress.SETTLED, "no operator runs on region 4"),
        (running(operator_text("balance-region", 4)), Progress.SETTLED, "it has ended; PD runs"),
        (running("of another form"), Progress.NOT_SEEN, "PD runs of another form"),
        (unprepared(running(None)), Progress.NOT_SEEN, "no operator runs"),
    ],
    ids=["still there", "gone", "another came after it", "unreadable", "PD knows none just now"],
)
def test_verification_believes_what_runs(
    seen: ClusterSnapshot, progress: Progress, said: str
) -> None:
    """Not how it ended: that may be forgotten, or another's."""
    found = ACTION.verify(ASK, ACTION.before(ASK, running()), seen)
    assert found.progress is progress
    assert found.message.startswith(said)


@pytest.mark.trap("P23")
def test_p23_only_its_own_end_is_told() -> None:
    """PD keeps one record a region: by now it may be of what ran afterwards."""
    before = ACTION.before(ASK, running())
    own = EndedOperator("CANCEL", f"status: CANCEL, operator: {RUNNING}")
    later = EndedOperator("SUCCESS", f"status: SUCCESS, operator: {operator_text('x-y', 4)}")
    none = running(None)
    told = ACTION.verify(ASK, before, replace(none, ended_operators={4: own}))
    assert told.message == "no operator runs on region 4; it ended as CANCEL"
    other = ACTION.verify(ASK, before, replace(none, ended_operators={4: later}))
    assert other.message == "no operator runs on region 4"


def test_without_captured_values_a_running_operator_proves_nothing() -> None:
    """Nobody knows then which one was meant."""
    assert ACTION.verify(ASK, (), running()).progress is Progress.NOT_SEEN
    assert not ACTION.unchanged(ASK, (), running())


@pytest.mark.trap("P25")
def test_p25_the_call_is_for_one_region() -> None:
    """Never DELETE /operators, which ends every repair."""
    assert ACTION.call(ASK).line == "DELETE /pd/api/v1/operators/4"


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    assert ACTION.scope(ASK) == Scope(region_ids=frozenset({4}))
    assert ACTION.idempotency is Idempotency.REFUSED_ON_REPEAT
    assert ACTION.reversibility is Reversibility.NOT
    assert ACTION.inverse(ASK, ACTION.before(ASK, running())) is None
    assert not ACTION.already_done(ASK, running(None))
    assert ACTION.timeout_seconds is None
    assert ACTION.sentence(ASK) == "cancel the operator admin-move-peer on region 4"
    assert ACTION.pd_ctl(ASK) == "pd-ctl operator remove 4"


@pytest.mark.parametrize("name", ["", "Admin", "a b", "-a", "a/b", "a" * 65])
def test_an_operator_is_named_as_pd_names_it(name: str) -> None:
    """Small letters, digits and dashes."""
    with pytest.raises(ValidationError):
        CancelOperator(region_id=4, operator=name)
