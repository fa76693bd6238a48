"""ForceRemoveStore: only a dead store, only with a majority elsewhere, and never back."""

from datetime import timedelta

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import ForceRemoveStore
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.force_remove_store import ForceRemoveStoreAction
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict
from tests.support.snapshots import NOW, SETTINGS, region, store, unprepared
from tests.unit.core.actions.leaving import cluster

ACTION = ForceRemoveStoreAction()
ASK = ForceRemoveStore(store_id=4)


def dead(*, silent_seconds: int | None = 1800, **changes: object) -> ClusterSnapshot:
    heard = None if silent_seconds is None else NOW - timedelta(seconds=silent_seconds)
    shown = {"state": StoreState.DOWN, "last_heartbeat": heard, **changes}
    settings = shown.pop("settings", SETTINGS)
    return cluster(store(1), store(2), store(3), store(4, **shown), settings=settings)


def buried() -> ClusterSnapshot:
    tombstone = store(4, state=StoreState.TOMBSTONE, leader_count=0, region_count=0)
    return cluster(store(1), store(2), store(3), tombstones=(tombstone,))


BEFORE = ACTION.before(ASK, dead())


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(dead(), id="Down for exactly max-store-down-time"),
        pytest.param(dead(state=StoreState.OFFLINE), id="a drain that died on the way"),
    ],
)
def test_a_dead_store_may_be_forced_out(seen: ClusterSnapshot) -> None:
    """Every check passes."""
    found = verdicts(seen)
    assert all(isinstance(verdict, Allow) for verdict in found.values())
    assert list(found) == [
        "Prepared",
        "StoreDead",
        "NoOtherRemoval",
        "ReplicasFit",
        "QuorumElsewhere",
    ]


def test_it_waits_until_pd_is_prepared() -> None:
    """A PD that has just changed leader may not have heard of a store yet (P15)."""
    assert list(verdicts(unprepared(dead()))) == ["Prepared"]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(cluster(store(1)), "StoreUnknown", id="PD lists no such store"),
        pytest.param(cluster(), "StoreAlive", id="P27: PD would force a healthy one as well"),
        pytest.param(
            dead(state=StoreState.UP), "StoreAlive", id="Up to PD, however long it was silent"
        ),
    ],
)
def test_a_living_store_is_never_forced(seen: ClusterSnapshot, reason: str) -> None:
    """Drain it instead."""
    verdict = verdicts(seen)["StoreDead"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(dead(silent_seconds=1799), "StoreNotDead", id="a second too early"),
        pytest.param(
            dead(silent_seconds=60, state=StoreState.DISCONNECTED), "StoreNotDead", id="silent"
        ),
        pytest.param(
            dead(silent_seconds=5, state=StoreState.OFFLINE),
            "StoreNotDead",
            id="a drain that goes on",
        ),
        pytest.param(dead(silent_seconds=None), "SilenceUnknown", id="since when is not known"),
        pytest.param(dead(settings={}), "SilenceUnknown", id="how long counts is not known"),
        pytest.param(
            dead(settings={**SETTINGS, "max-store-down-time": "1.5h"}),
            "SilenceUnknown",
            id="or cannot be read",
        ),
    ],
)
def test_p37_it_waits_until_the_store_is_dead(seen: ClusterSnapshot, reason: str) -> None:
    """As long as PD itself waits before it replaces the store's replicas."""
    verdict = verdicts(seen)["StoreDead"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason


def test_p20_without_a_majority_elsewhere_it_waits() -> None:
    """The data of the region would be lost."""
    silent = NOW - timedelta(hours=1)
    four = store(4, state=StoreState.DOWN, last_heartbeat=silent)
    lonely = region(8, on=(1, 4), leader=1)
    seen = cluster(store(1), store(2), store(3), four, sample=(lonely,))
    verdict = verdicts(seen)["QuorumElsewhere"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == "QuorumLost"


def test_p27_the_call_is_the_only_one_with_force() -> None:
    """In exactly this spelling."""
    assert ACTION.call(ASK).line == "DELETE /pd/api/v1/store/4?force"
    assert ACTION.inverse(ASK, BEFORE) is None
    assert ACTION.inverse_follow_up(ASK, BEFORE, dead(physically_destroyed=True)) is None


def test_the_before_values_are_for_the_record() -> None:
    """Nobody can restore them."""
    assert (
        Fact(name="state", value="Down"),
        Fact(name="regions", value="300"),
        Fact(name="removePeerLimitPerMinute", value="15.0"),
        Fact(name="addPeerLimitPerMinute", value="15.0"),
        Fact(name="physicallyDestroyed", value="false"),
    ) == BEFORE, "all of them"
    assert ACTION.before(ASK, cluster(store(1))) == (Fact(name="state", value="gone"),)


def test_progress_goes_from_not_seen_by_seen_to_settled() -> None:
    """SEEN once PD counts the data as lost, SETTLED as a tombstone."""
    assert ACTION.verify(ASK, BEFORE, dead()).progress is Progress.NOT_SEEN
    forced = dead(state=StoreState.OFFLINE, physically_destroyed=True, region_count=12)
    seen = ACTION.verify(ASK, BEFORE, forced)
    assert seen.progress is Progress.SEEN
    assert "12 regions still have a peer there" in seen.message
    assert ACTION.verify(ASK, BEFORE, buried()).progress is Progress.SETTLED
    drained = dead(state=StoreState.OFFLINE)
    assert ACTION.verify(ASK, BEFORE, drained).progress is Progress.NOT_SEEN, "not by force"


def test_what_is_already_done() -> None:
    """Forced before, or a tombstone; an unknown store is neither."""
    assert ACTION.already_done(ASK, dead(physically_destroyed=True))
    assert ACTION.already_done(ASK, buried())
    assert not ACTION.already_done(ASK, dead())
    assert not ACTION.already_done(ASK, cluster(store(1)))


def test_unchanged_until_it_is_forced() -> None:
    """The state changes by itself while the store dies."""
    assert ACTION.unchanged(ASK, BEFORE, dead(state=StoreState.OFFLINE))
    assert not ACTION.unchanged(ASK, BEFORE, dead(physically_destroyed=True))
    assert not ACTION.unchanged(ASK, BEFORE, cluster(store(1)))
    assert not ACTION.unchanged(ASK, (), dead())


def test_what_it_says_of_itself() -> None:
    """The words people approve and type, and what the engine goes by."""
    assert ACTION.sentence(ASK) == (
        "declare the data of store 4 lost for good, and remove the store"
    )
    assert ACTION.pd_ctl(ASK) == "curl -X DELETE $PD/pd/api/v1/store/4?force"
    assert ACTION.scope(ASK) == Scope(frozenset({4}))
    target = ACTION.target(ASK, dead())
    assert target is not None
    assert target.id == "store/4"
    assert ACTION.risk(ASK, cluster()).tier is Tier.CRITICAL
    assert ACTION.reversibility is Reversibility.NOT
    assert ACTION.idempotency is Idempotency.NEVER_REPEAT
    assert ACTION.waits
