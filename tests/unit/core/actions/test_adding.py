"""AddPeer and AddLearner: what they ask PD, when they wait or refuse, how they are undone."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import AddLearner, AddPeer
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.add_learner import AddLearnerAction
from assent.core.actions.add_peer import AddPeerAction
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, Region, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.peers import DENY, rule, with_rules
from tests.support.snapshots import GIB, SETTINGS, TIFLASH, region, snapshot, store, unprepared

V, L = PeerRole.VOTER, PeerRole.LEARNER
TWO = region(4, on=(1, 2))
ADD_PEER, ADD_LEARNER = AddPeerAction(), AddLearnerAction()
PEER = AddPeer(region_id=4, store_id=4)
LEARNER = AddLearner(region_id=4, store_id=4)


def cluster(
    item: Region = TWO, *, target: dict[str, Any] | None = None, **changes: Any
) -> ClusterSnapshot:
    """Four stores, a region on two of them, rules that want three voters and a learner."""
    stores = (store(1), store(2), store(3), store(4, **(target or {})))
    settings = changes.pop("settings", SETTINGS)
    labels = changes.pop("label_rules", ())
    seen = snapshot(*stores, regions=[item], settings=settings, **changes)
    return with_rules(seen, rule(3), rule(1, "learner"), label_rules=labels)


def with_peer(role: PeerRole, **changes: Any) -> Region:
    """The region with a peer 77 on store 4."""
    return replace(TWO, peers=(*TWO.peers, Peer(77, 4, role)), conf_ver=7, **changes)


def peer_verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ADD_PEER.preconditions(PEER, seen)}


def learner_verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ADD_LEARNER.preconditions(LEARNER, seen)}


def not_allowed(found: dict[str, Verdict]) -> list[str]:
    return [name for name, verdict in found.items() if isinstance(verdict, Hold | Deny)]


def test_where_the_rules_have_room_both_may_be_added() -> None:
    """The plain case: nothing hinders, every check says so by name."""
    for found in (peer_verdicts(cluster()), learner_verdicts(cluster())):
        assert all(isinstance(verdict, Allow) for verdict in found.values()), found
        assert {"RegionHasQuorum", "TargetFree", "TargetHasSpace", "RulesKeepIt"} <= set(found)


HOLDS = [
    pytest.param(
        cluster(scheduler_max_waiting_operator=0), "OperatorsAllowed", "OperatorsBlocked", id="P18"
    ),
    pytest.param(
        cluster(halt_scheduling=True), "SchedulingNotHalted", "SchedulingHalted", id="P19: halted"
    ),
    pytest.param(
        cluster(label_rules=(DENY,)), "ScheduleNotDenied", "ScheduleDenied", id="P19: denied"
    ),
    pytest.param(
        cluster(running_operators={4: "merge-region"}), "RegionIdle", "RegionBusy", id="P18: busy"
    ),
    pytest.param(
        cluster(region(4, on=(1, 2), down_store_ids=frozenset({2}))),
        "RegionHasQuorum",
        "QuorumMissing",
        id="P20: one of two cannot decide to add a third",
    ),
    pytest.param(
        cluster(target={"state": StoreState.DOWN}), "StoreUp", "StoreNotUp", id="P20: Down"
    ),
    pytest.param(
        cluster(target={"available_bytes": 0}), "TargetHasSpace", "LowSpace", id="P20: full"
    ),
    pytest.param(
        cluster(settings={"low-space-ratio": "much"}),
        "TargetHasSpace",
        "SpaceUnknown",
        id="a ratio that is no number",
    ),
]


@pytest.mark.parametrize(("seen", "check", "reason"), HOLDS)
def test_both_wait_for_what_may_heal(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """A hold, with a reason, on exactly the check it is about."""
    for found in (peer_verdicts(seen), learner_verdicts(seen)):
        verdict = found[check]
        assert isinstance(verdict, Hold)
        assert verdict.reason == reason
        assert not_allowed(found) == [check]


@pytest.mark.trap("P21")
def test_p21_a_full_rule_is_waited_for() -> None:
    """PD would add the peer, and take one away again."""
    full = region(4, peers=(*region(4).peers, Peer(49, 9, L)))
    stores = [store(number) for number in (1, 2, 3, 4, 9)]
    seen = with_rules(
        snapshot(*stores, regions=[full], settings=SETTINGS), rule(3), rule(1, "learner")
    )
    for found in (peer_verdicts(seen), learner_verdicts(seen)):
        verdict = found["RulesKeepIt"]
        assert isinstance(verdict, Hold)
        assert verdict.reason == "RuleFull"


def test_a_learner_needs_a_rule_for_learners() -> None:
    """PD would promote it or take it away."""
    verdict = learner_verdicts(with_rules(cluster(), rule(3)))["RulesKeepIt"]
    assert isinstance(verdict, Deny)
    assert "wants a learner on store 4" in verdict.message


def test_tiflash_takes_learners_only() -> None:
    """A voter there is refused for good."""
    seen = cluster(target={"labels": TIFLASH, "leader_count": 0})
    engine = {"label_constraints": [{"key": "engine", "op": "in", "values": ["tiflash"]}]}
    seen = with_rules(seen, rule(3), rule(1, "learner", **engine))
    voter = peer_verdicts(seen)["TargetTakesRole"]
    assert isinstance(voter, Deny)
    assert voter.reason == "StoreIsTiFlash"
    assert not_allowed(learner_verdicts(seen)) == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [({"state": StoreState.OFFLINE}, "StoreRemoving"), (None, "StoreUnknown")],
    ids=["P20: PD fills a store that is leaving", "no such store"],
)
def test_a_store_that_never_takes_peers_again_is_refused(
    target: dict[str, Any] | None, reason: str
) -> None:
    """No waiting changes that."""
    seen = cluster(target=target)
    if target is None:
        seen = replace(seen, stores=seen.stores[:3])
    for found in (peer_verdicts(seen), learner_verdicts(seen)):
        verdict = found["StoreUp"]
        assert isinstance(verdict, Deny)
        assert verdict.reason == reason


def test_a_store_that_holds_a_peer_refuses_one_of_another_role() -> None:
    """PD's own refusal; the same role is what was asked for."""
    voter_there, learner_there = cluster(with_peer(V)), cluster(with_peer(L))
    assert isinstance(peer_verdicts(learner_there)["TargetFree"], Deny)
    assert isinstance(learner_verdicts(voter_there)["TargetFree"], Deny)
    assert ADD_PEER.already_done(PEER, voter_there)
    assert ADD_LEARNER.already_done(LEARNER, learner_there)
    assert not_allowed(peer_verdicts(voter_there)) == []
    assert not ADD_PEER.already_done(PEER, cluster())
    assert not ADD_PEER.already_done(PEER, snapshot())


@pytest.mark.trap("P13")
def test_p13_a_region_that_is_gone_is_refused() -> None:
    """It never comes back under its number."""
    verdict = peer_verdicts(snapshot())["RegionKnown"]
    assert isinstance(verdict, Deny)


@pytest.mark.trap("P15")
def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """Just after a change of its leader PD knows half of its regions."""
    for found in (peer_verdicts(unprepared(cluster())), learner_verdicts(unprepared(cluster()))):
        assert list(found) == ["Prepared"]
        assert isinstance(found["Prepared"], Hold)


@pytest.mark.trap("P19")
def test_p19_a_region_in_need_of_repair_warns() -> None:
    """Adding may be the repair; PD's own waits for it either way."""
    seen = cluster(region(4, on=(1, 2, 3), down_store_ids=frozenset({3})))
    assert isinstance(peer_verdicts(seen)["RepairDoesNotWait"], Warn)
    assert isinstance(peer_verdicts(cluster())["RepairDoesNotWait"], Allow)


@pytest.mark.trap("P22")
def test_p22_a_large_region_warns() -> None:
    """PD takes longer than we wait: the policy's timeout must be raised."""
    large = cluster(replace(TWO, size_mib=300), target={"available_bytes": 90 * GIB})
    for found in (peer_verdicts(large), learner_verdicts(large)):
        assert isinstance(found["TimeEnough"], Warn)
    assert isinstance(peer_verdicts(cluster())["TimeEnough"], Allow)


def test_the_calls_are_operators_by_name_and_ids() -> None:
    """What pd-api.md 1.5 says the endpoint takes."""
    assert ADD_PEER.call(PEER).line == (
        'POST /pd/api/v1/operators {"name":"add-peer","region_id":4,"store_id":4}'
    )
    assert ADD_LEARNER.call(LEARNER).line == (
        'POST /pd/api/v1/operators {"name":"add-learner","region_id":4,"store_id":4}'
    )


def test_the_empty_place_is_captured_and_emptied_again() -> None:
    """A store that held a peer already has nothing to be taken away by us."""
    before = ADD_PEER.before(PEER, cluster())
    assert before == (
        Fact(name="peerOnStore/4", value="none"),
        Fact(name="leaderStoreId", value="1"),
        Fact(name="epoch", value="3/5"),
    )
    undo = ADD_PEER.inverse(PEER, before)
    assert undo is not None
    assert undo.body == {"name": "remove-peer", "region_id": 4, "store_id": 4}
    assert ADD_LEARNER.inverse(LEARNER, before) == undo
    assert ADD_PEER.inverse(PEER, ()) is None
    assert ADD_PEER.inverse(PEER, ADD_PEER.before(PEER, cluster(with_peer(L)))) is None


@pytest.mark.parametrize(
    ("item", "voter", "learner", "words"),
    [
        pytest.param(TWO, Progress.NOT_SEEN, Progress.NOT_SEEN, "holds no peer", id="nothing"),
        pytest.param(with_peer(L), Progress.SEEN, Progress.SETTLED, "is a Learner", id="a learner"),
        pytest.param(with_peer(V), Progress.SETTLED, Progress.SEEN, "is a Voter", id="a voter"),
        pytest.param(
            with_peer(V, pending_store_ids=frozenset({4})),
            Progress.SEEN,
            Progress.SEEN,
            "is a Voter",
            id="a voter that lags",
        ),
        pytest.param(
            with_peer(L, pending_store_ids=frozenset({4})),
            Progress.SEEN,
            Progress.SEEN,
            "is a Learner",
            id="P44: a learner without its snapshot",
        ),
        pytest.param(
            replace(TWO, conf_ver=8),
            Progress.NOT_SEEN,
            Progress.NOT_SEEN,
            "PD's rule checker may have taken it away again (P21)",
            id="P21: added, and removed again",
        ),
    ],
)
def test_verification_asks_for_a_peer_in_its_role_that_keeps_up(
    item: Region, voter: Progress, learner: Progress, words: str
) -> None:
    """Seen on its way, settled at its goal; the message says which."""
    before = ADD_PEER.before(PEER, cluster())
    for found, expected in (
        (ADD_PEER.verify(PEER, before, cluster(item)), voter),
        (ADD_LEARNER.verify(LEARNER, before, cluster(item)), learner),
    ):
        assert found.progress is expected
        assert words in found.message


def test_the_settled_message_has_the_numbers() -> None:
    """How many replicas the region has now."""
    before = ADD_PEER.before(PEER, cluster())
    found = ADD_PEER.verify(PEER, before, cluster(with_peer(V)))
    assert found.message == ("peer 77 of region 4 on store 4 is a Voter; 3 of 3 voters are healthy")
    gone = ADD_PEER.verify(PEER, before, snapshot())
    assert (gone.progress, gone.after) == (Progress.NOT_SEEN, ())


def test_undone_means_the_place_is_empty_again() -> None:
    """Whoever leads, and whatever the epoch is by then."""
    before = ADD_PEER.before(PEER, cluster())
    assert ADD_PEER.unchanged(PEER, before, cluster(replace(TWO, conf_ver=9, leader_store_id=2)))
    assert not ADD_PEER.unchanged(PEER, before, cluster(with_peer(L)))
    assert not ADD_PEER.unchanged(PEER, (), cluster())


def test_what_they_say_of_themselves() -> None:
    """Fixed properties that the executor and the docs rely on."""
    for found in (ADD_PEER, ADD_LEARNER):
        assert found.idempotency is Idempotency.REFUSED_ON_REPEAT
        assert found.reversibility is Reversibility.FULLY
        assert found.goal_required, "a peer that stays on its way is taken away"
    assert ADD_PEER.scope(PEER) == Scope(frozenset({4}), frozenset({4}))
    assert ADD_PEER.risk(PEER, cluster()).tier is Tier.MEDIUM
    assert ADD_PEER.sentence(PEER) == "add a voter of region 4 on store 4"
    assert ADD_LEARNER.sentence(LEARNER) == "add a learner of region 4 on store 4"
    assert ADD_PEER.pd_ctl(PEER) == "pd-ctl operator add add-peer 4 4"
    assert ADD_LEARNER.pd_ctl(LEARNER) == "pd-ctl operator add add-learner 4 4"
    assert (ADD_PEER.timeout_seconds, ADD_LEARNER.timeout_seconds) == (1010, 924)
