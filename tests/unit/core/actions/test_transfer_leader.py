"""TransferLeader: what it asks PD, when it waits, when it refuses, how it is undone."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Scope
from assent.core.actions.transfer_leader import TransferLeaderAction
from assent.core.model.operator import EndedOperator
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import TIFLASH, region, snapshot, store, unprepared

ACTION = TransferLeaderAction()
ASK = TransferLeader(region_id=4, to_store_id=2)
LEARNER = (Peer(41, 1, PeerRole.VOTER), Peer(42, 2, PeerRole.LEARNER))
JOINT = (Peer(41, 1, PeerRole.VOTER), Peer(42, 2, PeerRole.INCOMING_VOTER))


def verdicts(seen: ClusterSnapshot, ask: TransferLeader = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def with_store(**changes: Any) -> ClusterSnapshot:
    return snapshot(store(1), store(2, **changes), store(3), regions=[region(4)])


def with_region(**changes: Any) -> ClusterSnapshot:
    return snapshot(regions=[region(4, **changes)])


def test_a_healthy_follower_may_lead() -> None:
    """The plain case: nothing hinders, every check says so by name."""
    found = verdicts(snapshot(regions=[region(4)]))
    assert all(isinstance(verdict, Allow) for verdict in found.values())
    assert {"Prepared", "RegionKnown", "TargetHoldsVoter", "TargetInSync"} <= set(found)


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(
            snapshot(regions=[region(4)], scheduler_max_waiting_operator=0),
            "OperatorsAllowed",
            "OperatorsBlocked",
            id="P18: a waiting limit of 0 makes PD refuse with a misleading text",
        ),
        pytest.param(
            with_store(state=StoreState.DISCONNECTED),
            "StoreUp",
            "StoreNotUp",
            id="a store that is silent for 20 s may come back",
        ),
        pytest.param(
            with_store(last_heartbeat=None),
            "StoreUp",
            "StoreNotUp",
            id="Up without a heartbeat since PD's leader started proves nothing",
        ),
        pytest.param(
            snapshot(regions=[region(4)], evicted_store_ids={2}),
            "TargetNotEvicted",
            "StoreEvicted",
            id="an evicted store would lose the leader at once",
        ),
        pytest.param(
            with_region(leader=None),
            "RegionHasLeader",
            "RegionWithoutLeader",
            id="P49: without a leader PD cannot build the operator",
        ),
        pytest.param(
            with_region(peers=JOINT),
            "RegionSettled",
            "RegionInJointState",
            id="P49: a half-done membership change ends by itself",
        ),
        pytest.param(
            snapshot(regions=[region(4)], running_operators={4: "replace-rule-down-peer"}),
            "RegionIdle",
            "RegionBusy",
            id="P18: an admin operator would replace PD's repair",
        ),
        pytest.param(
            with_region(down_store_ids=frozenset({2})),
            "TargetInSync",
            "PeerDown",
            id="a down peer cannot be elected",
        ),
        pytest.param(
            with_region(pending_store_ids=frozenset({2})),
            "TargetInSync",
            "PeerPending",
            id="a peer that lags may catch up",
        ),
    ],
)
def test_it_waits_for_what_may_heal(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """A hold, with a reason, on exactly the check it is about."""
    found = verdicts(seen)
    verdict = found[check]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason
    assert [name for name, other in found.items() if not isinstance(other, Allow)] == [check]


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(
            snapshot(), "RegionKnown", "RegionUnknown", id="P13: a merged region never comes back"
        ),
        pytest.param(
            snapshot(store(1), store(3), regions=[region(4, on=(1, 3))]),
            "StoreUp",
            "StoreUnknown",
            id="no such store",
        ),
        pytest.param(
            with_store(state=StoreState.OFFLINE),
            "StoreUp",
            "StoreRemoving",
            id="a store that is being removed",
        ),
        pytest.param(
            with_store(labels=TIFLASH, leader_count=0),
            "StoreLeads",
            "StoreIsTiFlash",
            id="TiFlash never leads",
        ),
        pytest.param(
            with_region(on=(1, 3, 4)), "TargetHoldsVoter", "NoPeer", id="no peer there at all"
        ),
        pytest.param(
            with_region(peers=LEARNER), "TargetHoldsVoter", "NoVoter", id="a learner cannot vote"
        ),
    ],
)
def test_it_refuses_what_cannot_heal(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """A denial ends the proposal: only what no waiting changes may say so."""
    verdict = verdicts(seen)[check]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


@pytest.mark.trap("P15")
def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """The region is missing from PD's memory just after a leader change: no reason to refuse."""
    found = verdicts(unprepared(snapshot()))
    assert list(found) == ["Prepared"]
    assert isinstance(found["Prepared"], Hold)


def test_a_slow_target_is_a_warning() -> None:
    """PD may refuse it; that is for the person who approves to weigh."""
    assert isinstance(verdicts(with_store(slow_score=80))["TargetNotSlow"], Warn)
    assert isinstance(verdicts(with_store(slow_score=79))["TargetNotSlow"], Allow)


def test_the_call_is_the_operator_by_name_and_ids() -> None:
    """What pd-api.md 1.5 says the endpoint takes."""
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/operators {"name":"transfer-leader","region_id":4,"to_store_id":2}'
    )


def test_the_target_is_the_region_by_its_epoch() -> None:
    """A split or a membership change makes it another region than the approved one."""
    target = ACTION.target(ASK, snapshot(regions=[region(4)]))
    assert target is not None
    assert (target.id, target.identity) == ("region/4", [Fact(name="epoch", value="3/5")])
    assert target.cluster_id == "7000000001"
    assert ACTION.target(ASK, snapshot()) is None


def test_the_leader_is_captured_and_restored() -> None:
    """The way back leads to who led before, not to whoever PD would choose."""
    before = ACTION.before(ASK, snapshot(regions=[region(4, leader=3)]))
    undo = ACTION.inverse(ASK, before)
    assert undo is not None
    assert undo.body == {"name": "transfer-leader", "region_id": 4, "to_store_id": 3}


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ((), "nothing was captured"),
        ((Fact(name="leaderStoreId", value="none"),), "nobody led before"),
        ((Fact(name="leaderStoreId", value="2"),), "the target led before"),
    ],
)
def test_nothing_to_restore_means_no_call(before: tuple[Fact, ...], why: str) -> None:
    """An undo without a former leader would be a guess."""
    assert ACTION.inverse(ASK, before) is None, why


def test_verification_believes_the_leader_only() -> None:
    """P16, P24: operator records are another's or gone; the topology is proof."""
    seen = snapshot(regions=[region(4)])
    before = ACTION.before(ASK, seen)
    still = ACTION.verify(ASK, before, seen)
    assert (still.progress, still.after) == (Progress.NOT_SEEN, before)
    moved = ACTION.verify(ASK, before, snapshot(regions=[region(4, leader=2)]))
    assert moved.progress is Progress.SETTLED
    assert moved.after == (Fact(name="leaderStoreId", value="2"),)
    gone = ACTION.verify(ASK, before, snapshot())
    assert (gone.progress, gone.after) == (Progress.NOT_SEEN, ())


BACK = (
    "balance-leader {transfer leader: store 2 to 1} (kind:leader, region:4(3, 5), "
    "createAt:2026-03-01 11:59:00 +0000 UTC m=+7.5, startAt:2026-03-01 11:59:00 +0000 UTC, "
    "currentStep:1, size:96, steps:[0:{transfer leader from store 2 to store 1}]"
)


@pytest.mark.trap("P21")
@pytest.mark.parametrize(
    ("ended", "words"),
    [
        pytest.param(
            EndedOperator("SUCCESS", BACK),
            "it did lead, and balance-leader has moved the leadership on (P21)",
            id="P21: balance has moved it back",
        ),
        pytest.param(
            EndedOperator(
                "SUCCESS", BACK.replace("transfer leader: store 2", "evict leader: from store 2")
            ),
            "has moved the leadership on (P21)",
            id="P21: somebody evicts its leaders",
        ),
        pytest.param(
            EndedOperator("SUCCESS", BACK.replace("store 2 to 1", "store 3 to 1")),
            "balance-leader {transfer leader: store 3 to 1}, ended as SUCCESS",
            id="somebody moved it between others",
        ),
        pytest.param(
            EndedOperator("TIMEOUT", BACK), "ended as TIMEOUT", id="a transfer that did not happen"
        ),
        pytest.param(
            EndedOperator("CANCEL", "?"), "on it ended as CANCEL", id="a text of another form"
        ),
    ],
)
def test_p21_a_leadership_that_came_and_went_is_said_to_have(
    ended: EndedOperator, words: str
) -> None:
    """A note for people: the topology alone decides."""
    seen = snapshot(regions=[region(4)], ended_operators={4: ended})
    found = ACTION.verify(ASK, ACTION.before(ASK, seen), seen)
    assert found.progress is Progress.NOT_SEEN
    assert words in found.message
    assert ("P21" in found.message) is ("P21" in words)


def test_somebody_elses_transfer_is_a_change() -> None:
    """Undo and resend are allowed only while the captured leader still leads."""
    before = ACTION.before(ASK, snapshot(regions=[region(4)]))
    assert ACTION.unchanged(ASK, before, snapshot(regions=[region(4)]))
    assert not ACTION.unchanged(ASK, before, snapshot(regions=[region(4, leader=3)]))
    assert not ACTION.unchanged(ASK, before, snapshot())
    assert not ACTION.unchanged(ASK, (), snapshot())


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    seen = snapshot(regions=[region(4)])
    assert ACTION.scope(ASK) == Scope(frozenset({2}), frozenset({4}))
    assert ACTION.risk(ASK, seen).tier is Tier.LOW
    assert ACTION.idempotency is Idempotency.REFUSED_ON_REPEAT
    assert ACTION.timeout_seconds == 90
    assert ACTION.sentence(ASK) == "move the leader of region 4 to store 2"
    assert ACTION.pd_ctl(ASK) == "pd-ctl operator add transfer-leader 4 2"


def test_already_done_is_the_leadership_itself() -> None:
    """P16: PD would answer 500 "no operator step is built"."""
    seen = snapshot(regions=[replace(region(4), leader_store_id=2)])
    assert ACTION.already_done(ASK, seen)
    assert not ACTION.already_done(ASK, snapshot())
