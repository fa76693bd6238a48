"""SetStoreWeight: both weights there and back, exactly; zero only where others take over."""

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import SetStoreWeight
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.set_store_weight import SetStoreWeightAction
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import TIFLASH, snapshot, store, unprepared

ACTION = SetStoreWeightAction()


def ask(leader: int = 35, region: int = 250) -> SetStoreWeight:
    return SetStoreWeight(store_id=4, leader_weight_percent=leader, region_weight_percent=region)


def weights(leader: float, region: float) -> ClusterSnapshot:
    return snapshot(store(1), store(4, leader_weight=leader, region_weight=region))


def verdicts(seen: ClusterSnapshot, params: SetStoreWeight) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(params, seen)}


@pytest.mark.parametrize(
    ("params", "body"),
    [
        (ask(), '{"leader":0.35,"region":2.5}'),
        (ask(100, 100), '{"leader":1.0,"region":1.0}'),
        (ask(0, 1000), '{"leader":0.0,"region":10.0}'),
        (ask(29, 57), '{"leader":0.29,"region":0.57}'),
    ],
)
def test_the_call_has_both_weights(params: SetStoreWeight, body: str) -> None:
    """PD refuses one alone; percents become the shortest decimals."""
    assert ACTION.call(params).line == f"POST /pd/api/v1/store/4/weight {body}"


@pytest.mark.parametrize("odd", [1.0, 0.0, 1 / 3, 1e8])
def test_the_former_weights_are_restored_exactly(odd: float) -> None:
    """A weight is a float in PD; the way back must not round it."""
    before = ACTION.before(ask(), weights(odd, 2.0))
    undo = ACTION.inverse(ask(), before)
    assert undo is not None
    assert undo.body == {"leader": odd, "region": 2.0}


def test_without_both_former_weights_there_is_no_undo() -> None:
    """PD would set the other to something that nobody captured."""
    assert ACTION.inverse(ask(), ()) is None
    assert ACTION.inverse(ask(), (Fact(name="leaderWeight", value="1.0"),)) is None
    assert ACTION.before(ask(), snapshot(store(1))) == ()


@pytest.mark.parametrize(
    ("params", "tier"),
    [
        pytest.param(ask(), Tier.MEDIUM, id="more and less"),
        pytest.param(ask(1, 1), Tier.MEDIUM, id="nearly nothing"),
        pytest.param(ask(0, 100), Tier.HIGH, id="no leaders"),
        pytest.param(ask(100, 0), Tier.HIGH, id="no regions"),
    ],
)
def test_zero_is_high(params: SetStoreWeight, tier: Tier) -> None:
    """Balancing then takes from the store and gives nothing back."""
    assert ACTION.risk(params, snapshot()).tier is tier


def test_a_known_store_may_be_weighted() -> None:
    """Also one that is silent: it is configuration."""
    for seen in (snapshot(), snapshot(store(1), store(4, state=StoreState.DOWN))):
        assert all(isinstance(verdict, Allow) for verdict in verdicts(seen, ask()).values())
    assert list(verdicts(unprepared(snapshot()), ask())) == ["Prepared"]


def test_an_unknown_store_is_refused_and_a_leaving_one_is_a_warning() -> None:
    """PD would answer 500 to the first."""
    unknown = verdicts(snapshot(store(1)), ask())["StoreKnown"]
    assert isinstance(unknown, Deny)
    assert unknown.reason == "StoreUnknown"
    leaving = snapshot(store(1), store(4, state=StoreState.OFFLINE))
    assert isinstance(verdicts(leaving, ask())["StoreKnown"], Warn)


@pytest.mark.parametrize(
    ("other", "params", "reason"),
    [
        pytest.param({}, ask(0, 0), None, id="the other takes both"),
        pytest.param({"leader_weight": 0.0}, ask(0, 100), "NoPlaceForLeaders", id="nor does it"),
        pytest.param({"region_weight": 0.0}, ask(100, 0), "NoPlaceForRegions", id="regions"),
        pytest.param({"leader_weight": 0.0}, ask(1, 1), None, id="a little is enough"),
        pytest.param({"state": StoreState.DOWN}, ask(100, 0), "NoPlaceForRegions", id="down"),
        pytest.param(
            {"labels": TIFLASH, "leader_count": 0}, ask(0, 100), "NoPlaceForLeaders", id="TiFlash"
        ),
    ],
)
def test_a_weight_of_zero_needs_another_store(
    other: dict[str, object], params: SetStoreWeight, reason: str | None
) -> None:
    """PD takes zero for every store, and then balances by nothing."""
    verdict = verdicts(snapshot(store(3, **other), store(4)), params)["OthersTakeOver"]
    assert (verdict.reason if isinstance(verdict, Hold) else None) == reason


def test_an_evicted_store_takes_no_leaders() -> None:
    """It would be the only one."""
    seen = snapshot(store(3), store(4), evicted_store_ids={3})
    assert isinstance(verdicts(seen, ask(0, 100))["OthersTakeOver"], Hold)


def test_verification_and_repeat_go_by_the_shown_weights() -> None:
    """Both show at once; anybody else's value is a change."""
    params, seen = ask(), weights(1.0, 1.0)
    before = ACTION.before(params, seen)
    assert before == (
        Fact(name="leaderWeight", value="1.0"),
        Fact(name="regionWeight", value="1.0"),
    )
    assert ACTION.verify(params, before, seen).progress is Progress.NOT_SEEN
    assert ACTION.verify(params, before, weights(0.35, 1.0)).progress is Progress.NOT_SEEN
    done = ACTION.verify(params, before, weights(0.35, 2.5))
    assert done.progress is Progress.SETTLED
    assert done.message == "store 4 has leaderWeight 0.35, regionWeight 2.5"
    assert "not shown" in ACTION.verify(params, before, snapshot(store(1))).message
    assert ACTION.already_done(params, weights(0.35, 2.5))
    assert not ACTION.already_done(params, snapshot(store(1)))
    assert ACTION.unchanged(params, before, seen)
    assert not ACTION.unchanged(params, before, weights(0.35, 1.0))
    assert not ACTION.unchanged(params, (), snapshot(store(1)))


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what the engine goes by."""
    assert ACTION.sentence(ask()) == (
        "set the weights of store 4 to 0.35 for leaders and 2.5 for regions"
    )
    assert ACTION.pd_ctl(ask(100, 0)) == "pd-ctl store weight 4 1 0"
    assert ACTION.scope(ask()) == Scope(frozenset({4}))
    assert ACTION.reversibility is Reversibility.FULLY
    assert ACTION.idempotency is Idempotency.ABSOLUTE
