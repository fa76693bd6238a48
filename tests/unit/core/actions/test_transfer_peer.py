"""TransferPeer: what it asks PD, when it waits, when it refuses, how it is undone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import TransferPeer
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.transfer_peer import TransferPeerAction
from assent.core.model.operator import EndedOperator
from assent.core.model.placement import RegionLabelRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, Region, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.peers import DENY, rule, with_rules
from tests.support.snapshots import GIB, SETTINGS, TIFLASH, region, snapshot, store, unprepared

ACTION = TransferPeerAction()
ASK = TransferPeer(region_id=4, from_store_id=2, to_store_id=4)
V, L = PeerRole.VOTER, PeerRole.LEARNER


def cluster(
    *items: Region, target: dict[str, Any] | None = None, **changes: Any
) -> ClusterSnapshot:
    """Four stores and one region on the first three, under a rule for three voters."""
    stores = (store(1), store(2), store(3), store(4, **(target or {})))
    settings = changes.pop("settings", SETTINGS)
    labels = changes.pop("label_rules", ())
    seen = snapshot(*stores, regions=items or (region(4),), settings=settings, **changes)
    return with_rules(seen, rule(3), rule(1, "learner"), label_rules=labels)


def verdicts(seen: ClusterSnapshot, ask: TransferPeer = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def not_allowed(found: dict[str, Verdict]) -> list[str]:
    return [name for name, verdict in found.items() if isinstance(verdict, Hold | Deny)]


def test_a_healthy_peer_may_move_to_a_healthy_store() -> None:
    """The plain case: nothing hinders, every check says so by name."""
    found = verdicts(cluster())
    assert all(isinstance(verdict, Allow) for verdict in found.values()), found
    assert {
        "RegionHasQuorum",
        "ScheduleNotDenied",
        "SourceHoldsPeer",
        "TargetFree",
        "TargetHasSpace",
        "RulesKeepIt",
        "LeaderMayGo",
    } <= set(found)


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(
            cluster(scheduler_max_waiting_operator=0),
            "OperatorsAllowed",
            "OperatorsBlocked",
            id="P18: a waiting limit of 0",
        ),
        pytest.param(
            cluster(halt_scheduling=True),
            "SchedulingNotHalted",
            "SchedulingHalted",
            id="P19: PD would move it although somebody halted scheduling",
        ),
        pytest.param(
            cluster(label_rules=(DENY,)),
            "ScheduleNotDenied",
            "ScheduleDenied",
            id="P19: BR or Lightning imports there",
        ),
        pytest.param(
            cluster(label_rules=None),
            "ScheduleNotDenied",
            "LabelsUnknown",
            id="label rules that were not read",
        ),
        pytest.param(
            cluster(region(4, peers=(*region(4).peers[:2], Peer(43, 3, PeerRole.DEMOTING_VOTER)))),
            "RegionSettled",
            "RegionInJointState",
            id="P49: a half-done membership change ends by itself",
        ),
        pytest.param(
            cluster(running_operators={4: "replace-rule-down-peer"}),
            "RegionIdle",
            "RegionBusy",
            id="P18, P19: an admin operator would replace PD's repair",
        ),
        pytest.param(
            cluster(target={"state": StoreState.DISCONNECTED}),
            "StoreUp",
            "StoreNotUp",
            id="P20: PD takes a target that has been silent for less than 10 min",
        ),
        pytest.param(
            cluster(target={"available_bytes": 19 * GIB}),
            "TargetHasSpace",
            "LowSpace",
            id="P20: PD fills a store that is low on space",
        ),
        pytest.param(
            cluster(region(4, size_mib=41 * 1024)),
            "TargetHasSpace",
            "LowSpace",
            id="the region itself would take the last of it",
        ),
        pytest.param(
            cluster(settings={}),
            "TargetHasSpace",
            "SpaceUnknown",
            id="without low-space-ratio nobody knows what is enough",
        ),
        pytest.param(
            replace(cluster(), region_fits={}),
            "RulesKeepIt",
            "RulesUnknown",
            id="rules that were not read",
        ),
    ],
)
def test_it_waits_for_what_may_heal(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """A hold, with a reason, on exactly the check it is about."""
    found = verdicts(seen)
    verdict = found[check]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason
    assert not_allowed(found) == [check]


@pytest.mark.parametrize(
    ("seen", "ask", "check", "reason"),
    [
        pytest.param(snapshot(), ASK, "RegionKnown", "RegionUnknown", id="P13: merged away"),
        pytest.param(
            cluster(),
            TransferPeer(region_id=4, from_store_id=2, to_store_id=2),
            "SourceHoldsPeer",
            "SameStore",
            id="from a store to itself",
        ),
        pytest.param(
            cluster(region(4, on=(1, 3))), ASK, "SourceHoldsPeer", "NoPeer", id="nothing to move"
        ),
        pytest.param(
            cluster(region(4, on=(1, 2, 4))), ASK, "TargetFree", "PeerThere", id="target taken"
        ),
        pytest.param(
            cluster(),
            TransferPeer(region_id=4, from_store_id=2, to_store_id=9),
            "StoreUp",
            "StoreUnknown",
            id="no such store",
        ),
        pytest.param(
            cluster(target={"state": StoreState.OFFLINE}),
            ASK,
            "StoreUp",
            "StoreRemoving",
            id="P20: PD fills a store that is leaving",
        ),
        pytest.param(
            cluster(target={"labels": TIFLASH, "leader_count": 0}),
            ASK,
            "TargetTakesRole",
            "StoreIsTiFlash",
            id="TiFlash holds no voters",
        ),
    ],
)
def test_it_refuses_what_cannot_heal(
    seen: ClusterSnapshot, ask: TransferPeer, check: str, reason: str
) -> None:
    """A denial ends the proposal: only what no waiting changes may say so."""
    verdict = verdicts(seen, ask)[check]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


def test_a_learner_may_move_to_tiflash() -> None:
    """It is where learners live, when a rule names the engine."""
    peers = (*region(4, on=(1, 3)).peers, Peer(42, 2, L))
    seen = cluster(region(4, peers=peers), target={"labels": TIFLASH, "leader_count": 0})
    tiflash = {"label_constraints": [{"key": "engine", "op": "in", "values": ["tiflash"]}]}
    seen = with_rules(seen, rule(2), rule(1, "learner", **tiflash))
    assert not_allowed(verdicts(seen)) == []


@pytest.mark.trap("P20")
def test_p20_without_a_quorum_nothing_can_be_moved() -> None:
    """PD would order it and the region could not carry it out."""
    found = verdicts(cluster(region(4, down_store_ids=frozenset({2, 3}))))
    verdict = found["RegionHasQuorum"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == "QuorumMissing"
    assert "1 of 3 voters are healthy" in verdict.message


def test_a_leader_needs_another_that_may_lead() -> None:
    """PD moves the leadership first; the new peer counts, evicted stores do not."""
    ask = TransferPeer(region_id=4, from_store_id=1, to_store_id=4)
    assert isinstance(verdicts(cluster(), ask)["LeaderMayGo"], Allow)
    all_evicted = cluster(evicted_store_ids={2, 3, 4})
    verdict = verdicts(all_evicted, ask)["LeaderMayGo"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == "NoOtherLeader"
    only_new = cluster(evicted_store_ids={2, 3})
    assert isinstance(verdicts(only_new, ask)["LeaderMayGo"], Allow)
    assert isinstance(verdicts(all_evicted)["LeaderMayGo"], Allow), "a follower's peer"


@pytest.mark.trap("P19")
def test_p19_pds_own_repair_would_wait_for_it() -> None:
    """Another peer is down: the operator holds the region for up to a quarter of an hour."""
    found = verdicts(cluster(region(4, down_store_ids=frozenset({3}))))
    verdict = found["RepairDoesNotWait"]
    assert isinstance(verdict, Warn)
    assert "the peer on store 3 is down" in verdict.message
    the_one_that_goes = verdicts(cluster(region(4, down_store_ids=frozenset({2}))))
    assert isinstance(the_one_that_goes["RepairDoesNotWait"], Allow)


def test_a_slow_target_is_a_warning() -> None:
    """For the person who approves to weigh."""
    assert isinstance(verdicts(cluster(target={"slow_score": 80}))["TargetNotSlow"], Warn)
    assert isinstance(verdicts(cluster(target={"slow_score": 79}))["TargetNotSlow"], Allow)


@pytest.mark.trap("P22")
def test_p22_a_large_region_takes_pd_longer_than_we_wait() -> None:
    """Then the policy's timeout must be raised, and the check says so."""
    assert isinstance(verdicts(cluster(region(4, size_mib=144)))["TimeEnough"], Allow)
    large = verdicts(cluster(region(4, size_mib=200)))["TimeEnough"]
    assert isinstance(large, Warn)
    assert "36 min" in large.message


@pytest.mark.trap("P15")
def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """The region is missing from PD's memory just after a leader change."""
    found = verdicts(unprepared(cluster()))
    assert list(found) == ["Prepared"]
    assert isinstance(found["Prepared"], Hold)


@pytest.mark.parametrize(
    ("ranges", "denied"),
    [
        ((("", ""),), True),
        ((("7480", "7490"),), True),
        ((("7480aa", "7480bb"),), True),
        ((("7490", ""),), False),
        ((("", "7480"),), False),
        ((("", "7480"), ("7485", "7486")), True),
    ],
    ids=["all keys", "the region", "inside, in small letters", "after", "before", "one of two"],
)
def test_a_denied_range_counts_where_it_meets_the_region(
    ranges: Sequence[tuple[str, str]], denied: bool
) -> None:
    """Keys are compared as hex text; an empty end is the end of all keys."""
    item = region(4, start_key="7480", end_key="7490")
    deny = RegionLabelRule("import", {"schedule": "deny"}, tuple(ranges), {})
    verdict = verdicts(cluster(item, label_rules=(deny,)))["ScheduleNotDenied"]
    assert isinstance(verdict, Hold) is denied
    other = replace(deny, labels={"merge_option": "deny"})
    assert isinstance(verdicts(cluster(item, label_rules=(other,)))["ScheduleNotDenied"], Allow)


def test_the_call_is_the_operator_by_name_and_ids() -> None:
    """What pd-api.md 1.5 says the endpoint takes."""
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/operators {"from_store_id":2,"name":"transfer-peer","region_id":4,'
        '"to_store_id":4}'
    )


def test_what_is_captured_is_both_stores_the_leader_and_the_epoch() -> None:
    """PD changes the leader silently when its peer goes."""
    assert ACTION.before(ASK, cluster()) == (
        Fact(name="peerOnStore/2", value="Voter 42"),
        Fact(name="peerOnStore/4", value="none"),
        Fact(name="leaderStoreId", value="1"),
        Fact(name="epoch", value="3/5"),
    )
    assert ACTION.before(ASK, snapshot()) == ()


MOVED = region(4, peers=(*region(4, on=(1, 3)).peers, Peer(77, 4, V)), conf_ver=11)


def test_verification_asks_for_the_role_at_the_new_place_and_nothing_at_the_old() -> None:
    """Settled by topology alone."""
    before = ACTION.before(ASK, cluster())
    found = ACTION.verify(ASK, before, cluster(MOVED))
    assert found.progress is Progress.SETTLED
    assert found.message == "peer 77 of region 4 is on store 4, none is on store 2"
    assert Fact(name="peerOnStore/4", value="Voter 77") in found.after


@pytest.mark.parametrize(
    ("now", "progress", "words"),
    [
        pytest.param(region(4), Progress.NOT_SEEN, "still on store 2", id="nothing yet"),
        pytest.param(
            region(4, peers=(*region(4).peers, Peer(77, 4, L))),
            Progress.NOT_SEEN,
            "on store 4 (Learner) and not gone from store 2",
            id="half done: PD's checkers clean it up when it stops there",
        ),
        pytest.param(
            replace(MOVED, pending_store_ids=frozenset({4})),
            Progress.SEEN,
            "does not keep up yet",
            id="moved, and lags",
        ),
        pytest.param(
            replace(MOVED, peers=(*MOVED.peers[:2], Peer(77, 4, L))),
            Progress.SEEN,
            "as Learner instead of Voter",
            id="moved, in another role",
        ),
        pytest.param(region(4, on=(1, 3)), Progress.NOT_SEEN, "is nowhere", id="gone from both"),
        pytest.param(
            region(4, peers=(Peer(41, 1, V), Peer(99, 2, V), Peer(43, 3, V))),
            Progress.NOT_SEEN,
            "has put peer 99 there again (P21)",
            id="P21: moved, and moved back by the rule checker",
        ),
    ],
)
def test_verification_says_how_far_it_is(now: Region, progress: Progress, words: str) -> None:
    """Numbers in the message, for whoever waits."""
    before = ACTION.before(ASK, cluster())
    found = ACTION.verify(ASK, before, cluster(now))
    assert found.progress is progress
    assert words in found.message


def test_verification_of_a_region_that_is_gone() -> None:
    """Merged away meanwhile: nothing is seen, and nothing is assumed."""
    found = ACTION.verify(ASK, ACTION.before(ASK, cluster()), snapshot())
    assert (found.progress, found.after) == (Progress.NOT_SEEN, ())
    assert found.message == "PD no longer knows region 4"


@pytest.mark.trap("P23")
def test_p23_what_pd_remembers_is_a_note_and_no_proof() -> None:
    """A record that says SUCCESS does not move a peer."""
    ended = EndedOperator("SUCCESS", "admin-move-peer {mv peer: store [2] to [4]}")
    seen = replace(cluster(), ended_operators={4: ended})
    found = ACTION.verify(ASK, ACTION.before(ASK, cluster()), seen)
    assert found.progress is Progress.NOT_SEEN
    assert "PD's last operator on it ended as SUCCESS" in found.message


def test_the_way_back_is_the_same_move_reversed() -> None:
    """Nothing is undone that was never captured."""
    undo = ACTION.inverse(ASK, ACTION.before(ASK, cluster()))
    assert undo is not None
    assert undo.body == {
        "name": "transfer-peer",
        "region_id": 4,
        "from_store_id": 4,
        "to_store_id": 2,
    }
    assert ACTION.inverse(ASK, ()) is None
    assert ACTION.inverse(ASK, ACTION.before(ASK, cluster(region(4, on=(1, 3))))) is None


LED = TransferPeer(region_id=4, from_store_id=1, to_store_id=4)
BACK = region(4, leader=3, peers=(Peer(88, 1, V), *region(4).peers[1:]))


@pytest.mark.parametrize(
    ("seen", "needed", "why"),
    [
        (cluster(BACK), True, "the peer is back and another leads"),
        (cluster(replace(BACK, leader_store_id=1)), False, "it leads already: done"),
        (cluster(replace(BACK, leader_store_id=None)), False, "nobody leads just now"),
        (cluster(BACK, running_operators={4: "admin-move-peer"}), False, "PD is still at it"),
        (cluster(replace(BACK, pending_store_ids=frozenset({1}))), False, "it lags"),
        (cluster(region(4, leader=3, on=(2, 3, 4))), False, "the peer is not back yet"),
        (
            cluster(replace(BACK, peers=(Peer(88, 1, L), *region(4).peers[1:]))),
            False,
            "a learner cannot lead",
        ),
        (snapshot(), False, "the region is gone"),
    ],
)
def test_a_former_leader_leads_again(seen: ClusterSnapshot, needed: bool, why: str) -> None:
    """A second call, asked of what PD shows, that comes to nothing by itself."""
    before = ACTION.before(LED, cluster())
    call = ACTION.inverse_follow_up(LED, before, seen)
    assert (call is not None) is needed, why
    if call is not None:
        assert call.body == {"name": "transfer-leader", "region_id": 4, "to_store_id": 1}
    assert ACTION.inverse_follow_up(ASK, ACTION.before(ASK, cluster()), seen) is None


def test_undone_means_the_same_stores_roles_and_leader() -> None:
    """Another number of the peer, and a later epoch, are no difference."""
    before = ACTION.before(LED, cluster())
    assert ACTION.unchanged(LED, before, cluster())
    assert not ACTION.unchanged(LED, before, cluster(BACK)), "its leader is still elsewhere"
    assert ACTION.unchanged(LED, before, cluster(replace(BACK, leader_store_id=1)))
    assert not ACTION.unchanged(ASK, ACTION.before(ASK, cluster()), cluster(MOVED))
    assert not ACTION.unchanged(LED, (), cluster())
    assert not ACTION.unchanged(LED, before, snapshot())
    follower = ACTION.before(ASK, cluster())
    assert ACTION.unchanged(ASK, follower, cluster(region(4, leader=3))), "leaders come and go"


def test_already_done_is_the_place_itself() -> None:
    """No call is needed, and none of the checks of the target is asked."""
    assert ACTION.already_done(ASK, cluster(MOVED))
    assert not_allowed(verdicts(cluster(MOVED))) == []
    assert not ACTION.already_done(ASK, cluster())
    assert not ACTION.already_done(ASK, snapshot())


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    assert ACTION.scope(ASK) == Scope(frozenset({2, 4}), frozenset({4}))
    assert ACTION.risk(ASK, cluster()).tier is Tier.MEDIUM
    assert len(ACTION.risk(LED, cluster()).factors) == 2
    assert ACTION.idempotency is Idempotency.REFUSED_ON_REPEAT
    assert ACTION.reversibility is Reversibility.FULLY
    assert ACTION.timeout_seconds == 27 * 60 - 8
    assert ACTION.sentence(ASK) == "move the peer of region 4 from store 2 to store 4"
    assert ACTION.pd_ctl(ASK) == "pd-ctl operator add transfer-peer 4 2 4"
    assert {Reading.PLACEMENT, Reading.REPLICATION, Reading.REGION_LABELS} == ACTION.readings
    target = ACTION.target(ASK, cluster())
    assert target is not None
    assert (target.id, target.identity) == ("region/4", [Fact(name="epoch", value="3/5")])
