"""SetStoreLimit: exact values there and back, and when a change is large."""

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import SetStoreLimit, StoreLimitKind
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.set_store_limit import SetStoreLimitAction
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import snapshot, store, unprepared

ACTION = SetStoreLimitAction()
ADD = SetStoreLimit(store_id=4, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30)
REMOVE = SetStoreLimit(store_id=4, kind=StoreLimitKind.REMOVE_PEER, rate_per_minute=30)


def limits(add: float | None, remove: float | None = 15.0) -> ClusterSnapshot:
    four = store(4, add_peer_limit_per_minute=add, remove_peer_limit_per_minute=remove)
    return snapshot(store(1), four)


def verdicts(seen: ClusterSnapshot, ask: SetStoreLimit = ADD) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (ADD, 'POST /pd/api/v1/store/4/limit {"rate":30,"type":"add-peer"}'),
        (REMOVE, 'POST /pd/api/v1/store/4/limit {"rate":30,"type":"remove-peer"}'),
    ],
)
def test_the_call_names_one_kind_and_no_ttl(ask: SetStoreLimit, line: str) -> None:
    """P11: with a TTL PD drops errors; without a type it would set both."""
    assert ACTION.call(ask).line == line


@pytest.mark.parametrize(
    ("value", "body"),
    [
        pytest.param(15.0, '{"rate":15.0,"type":"add-peer"}', id="the default"),
        pytest.param(0.1, '{"rate":0.1,"type":"add-peer"}', id="less than one a minute"),
        pytest.param(1e8, '{"rate":100000000.0,"type":"add-peer"}', id="unlimited"),
        pytest.param(1 / 3, '{"rate":0.3333333333333333,"type":"add-peer"}', id="no short form"),
    ],
)
def test_the_former_limit_is_restored_exactly(value: float, body: str) -> None:
    """A limit is a float in PD; the way back must not round it."""
    before = ACTION.before(ADD, limits(value))
    undo = ACTION.inverse(ADD, before)
    assert undo is not None
    assert undo.body_text == body
    assert undo.body is not None
    assert undo.body["rate"] == value


def test_each_kind_reads_and_restores_its_own_limit() -> None:
    """Add and remove are two values of one store."""
    seen = limits(7.0, 9.0)
    assert ACTION.before(ADD, seen) == (Fact(name="addPeerLimitPerMinute", value="7.0"),)
    assert ACTION.before(REMOVE, seen) == (Fact(name="removePeerLimitPerMinute", value="9.0"),)
    assert ACTION.inverse(REMOVE, ACTION.before(ADD, seen)) is None


@pytest.mark.parametrize(
    ("old", "tier"),
    [
        pytest.param(15.0, Tier.MEDIUM, id="twice as much"),
        pytest.param(3.0, Tier.MEDIUM, id="exactly ten times as much"),
        pytest.param(2.9, Tier.HIGH, id="more than ten times as much"),
        pytest.param(300.0, Tier.MEDIUM, id="exactly a tenth"),
        pytest.param(301.0, Tier.HIGH, id="less than a tenth"),
        pytest.param(1e8, Tier.HIGH, id="from unlimited"),
        pytest.param(None, Tier.HIGH, id="the old one is not known"),
    ],
)
def test_a_large_change_is_high(old: float | None, tier: Tier) -> None:
    """Too high saturates disks, too low stops repair."""
    assert ACTION.risk(ADD, limits(old)).tier is tier


def test_without_a_shown_limit_it_waits() -> None:
    """There would be no way back."""
    verdict = verdicts(limits(None))["LimitShown"]
    assert isinstance(verdict, Hold)
    assert ACTION.before(ADD, limits(None)) == ()
    assert ACTION.inverse(ADD, ()) is None


def test_an_unknown_store_is_refused() -> None:
    """PD would answer 500."""
    verdict = verdicts(snapshot(store(1)))["StoreKnown"]
    assert isinstance(verdict, Deny)
    assert ACTION.before(ADD, snapshot(store(1))) == ()
    assert ACTION.target(ADD, snapshot(store(1))) is None


@pytest.mark.trap("P28")
def test_p28_a_leaving_store_is_a_warning() -> None:
    """PD itself has lifted the limit so that it empties sooner."""
    seen = snapshot(store(1), store(4, state=StoreState.OFFLINE))
    assert isinstance(verdicts(seen)["StoreKnown"], Warn)


def test_a_silent_store_may_be_limited() -> None:
    """It is configuration: the store itself is not asked."""
    seen = snapshot(store(1), store(4, state=StoreState.DOWN))
    assert all(isinstance(verdict, Allow) for verdict in verdicts(seen).values())


def test_it_waits_until_pd_is_prepared() -> None:
    """Nothing is judged from what PD shows just after a leader change."""
    assert list(verdicts(unprepared(snapshot()))) == ["Prepared"]


def test_verification_and_repeat_go_by_the_shown_value() -> None:
    """The value shows at once; anybody else's value is a change."""
    before = ACTION.before(ADD, limits(15.0))
    assert ACTION.verify(ADD, before, limits(15.0)).progress is Progress.NOT_SEEN
    assert ACTION.verify(ADD, before, limits(30.0)).progress is Progress.SETTLED
    assert "not shown" in ACTION.verify(ADD, before, limits(None)).message
    assert ACTION.already_done(ADD, limits(30.0))
    assert ACTION.unchanged(ADD, before, limits(15.0))
    assert not ACTION.unchanged(ADD, before, limits(16.0))
    assert not ACTION.unchanged(ADD, (), limits(None))


def test_what_it_says_of_itself() -> None:
    """The words people approve."""
    assert ACTION.sentence(ADD) == "set the add-peer limit of store 4 to 30 a minute"
    assert ACTION.pd_ctl(REMOVE) == "pd-ctl store limit 4 30 remove-peer"
    assert ACTION.scope(ADD) == Scope(frozenset({4}))
