"""RemovePeer: how it counts what remains, when it refuses, how it is undone."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import RemovePeer
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.remove_peer import RemovePeerAction
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, Region, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.peers import DENY, rule, with_rules
from tests.support.snapshots import SETTINGS, region, snapshot, store, unprepared

ACTION = RemovePeerAction()
ASK = RemovePeer(region_id=4, store_id=4)
V, L = PeerRole.VOTER, PeerRole.LEARNER
FOUR = region(4, on=(1, 2, 3, 4))
ALL = (1, 2, 3, 4, 5)


def cluster(item: Region = FOUR, *, voters: int = 3, **changes: Any) -> ClusterSnapshot:
    """Five stores, a region with one voter too many on store 4."""
    stores = changes.pop("stores", tuple(store(number) for number in ALL))
    labels = changes.pop("label_rules", ())
    seen = snapshot(*stores, regions=[item], settings=SETTINGS, **changes)
    return with_rules(seen, rule(voters), label_rules=labels)


def on(*ids: int, down: tuple[int, ...] = (), pending: tuple[int, ...] = ()) -> ClusterSnapshot:
    """A region with voters on these stores, under a rule for three."""
    item = region(4, on=ids, down_store_ids=frozenset(down), pending_store_ids=frozenset(pending))
    return cluster(item)


def verdicts(seen: ClusterSnapshot, ask: RemovePeer = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def from_store(number: int) -> RemovePeer:
    return RemovePeer(region_id=4, store_id=number)


def not_allowed(found: dict[str, Verdict]) -> list[str]:
    return [name for name, verdict in found.items() if isinstance(verdict, Hold | Deny)]


def test_a_voter_too_many_may_go() -> None:
    """What it is for: as many healthy replicas remain as the rules want."""
    found = verdicts(cluster())
    assert all(isinstance(verdict, Allow) for verdict in found.values()), found
    assert ACTION.risk(ASK, cluster()).tier is Tier.MEDIUM


@pytest.mark.trap("P20")
@pytest.mark.parametrize(
    ("seen", "number", "why"),
    [
        (on(1, 2, 3, down=(3,)), 2, "one of the remaining two is down"),
        (on(1, 2, 3, pending=(3,)), 2, "one of the remaining two has no data yet"),
        (on(1, 2, 3, 4, 5, down=(4, 5)), 3, "two of the remaining four are left"),
        (on(1), 1, "nobody would be left"),
        (
            cluster(
                region(4, on=(1, 2, 3)),
                stores=(store(1), store(2), store(3, state=StoreState.DISCONNECTED)),
            ),
            2,
            "the store of one is silent",
        ),
        (
            cluster(
                region(4, on=(1, 2, 3)),
                stores=(store(1), store(2), store(3, state=StoreState.OFFLINE)),
            ),
            2,
            "the store of one is leaving",
        ),
        (
            cluster(region(4, on=(1, 2, 3)), stores=(store(1), store(2), store(5))),
            2,
            "the store of one is gone",
        ),
    ],
)
def test_p20_a_quorum_that_would_be_lost_denies(
    seen: ClusterSnapshot, number: int, why: str
) -> None:
    """PD counts none of it: it would order each of these."""
    verdict = verdicts(seen, from_store(number))["QuorumKept"]
    assert isinstance(verdict, Deny), why
    assert verdict.reason == "QuorumWouldBeLost"
    assert "PD would do it all the same (P20)" in verdict.message


@pytest.mark.trap("P20")
@pytest.mark.parametrize(
    ("seen", "number", "why"),
    [
        (on(1, 2, 3, down=(3,)), 3, "the down one itself goes"),
        (on(1, 2, 3), 3, "two healthy ones remain of two"),
        (on(1, 2), 2, "one healthy one remains of one"),
        (on(1, 2, 3, 4, 5, down=(4, 5)), 5, "three of four remain"),
        (on(1, 2, 3, 4, 5, down=(5,)), 4, "three of four remain healthy"),
    ],
)
def test_p20_what_keeps_a_quorum_may_go(seen: ClusterSnapshot, number: int, why: str) -> None:
    """Each with as many people as its tier asks for."""
    found = verdicts(seen, from_store(number))
    assert not_allowed(found) == [], why


@pytest.mark.trap("P20")
@pytest.mark.parametrize(
    ("seen", "number", "tier", "why"),
    [
        (on(1, 2, 3, 4), 4, Tier.MEDIUM, "three of three remain"),
        (on(1, 2, 3, 4, down=(4,)), 4, Tier.MEDIUM, "three healthy ones remain"),
        (on(1, 2, 3, 4, down=(3,)), 4, Tier.HIGH, "three remain, two of them healthy"),
        (on(1, 2, 3), 3, Tier.HIGH, "two of three remain"),
        (on(1, 2, 3, down=(3,)), 3, Tier.HIGH, "the broken one goes, two healthy ones remain"),
        (replace(cluster(), region_fits={}), 4, Tier.HIGH, "nobody knows how many are wanted"),
        (snapshot(), 4, Tier.HIGH, "PD does not show the region"),
        (cluster(voters=5), 4, Tier.HIGH, "the rules want five"),
    ],
)
def test_p20_fewer_healthy_replicas_than_wanted_is_high(
    seen: ClusterSnapshot, number: int, tier: Tier, why: str
) -> None:
    """Counted among those that remain, healthy ones only."""
    risk = ACTION.risk(from_store(number), seen)
    assert risk.tier is tier, why
    assert all(risk.factors)


def test_learners_are_counted_by_their_own_rules() -> None:
    """A TiFlash replica that a rule wants is missed, one that no rule wants is not."""
    peers = (*region(4).peers, Peer(44, 4, L))
    item = region(4, peers=peers)
    wanted = with_rules(cluster(item), rule(3), rule(1, "learner"))
    assert ACTION.risk(ASK, wanted).tier is Tier.HIGH
    unwanted = with_rules(cluster(item), rule(3))
    assert ACTION.risk(ASK, unwanted).tier is Tier.MEDIUM
    down = replace(item, down_store_ids=frozenset({2}))
    assert isinstance(verdicts(cluster(down))["QuorumKept"], Allow), "a learner has no vote"


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(
            cluster(scheduler_max_waiting_operator=0),
            "OperatorsAllowed",
            "OperatorsBlocked",
            id="P18",
        ),
        pytest.param(
            cluster(halt_scheduling=True), "SchedulingNotHalted", "SchedulingHalted", id="P19"
        ),
        pytest.param(
            cluster(label_rules=(DENY,)), "ScheduleNotDenied", "ScheduleDenied", id="P19: import"
        ),
        pytest.param(
            cluster(running_operators={4: "replace-rule-down-peer"}),
            "RegionIdle",
            "RegionBusy",
            id="P19: PD repairs it just now",
        ),
        pytest.param(
            replace(cluster(), region_fits={}),
            "ReplicasKept",
            "RulesUnknown",
            id="rules that were not read",
        ),
        pytest.param(
            cluster(region(4, leader=4, on=(1, 2, 3, 4)), evicted_store_ids={1, 2, 3}),
            "LeaderMayGo",
            "NoOtherLeader",
            id="the leader's peer, and nobody else may lead",
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


def test_a_quorum_that_is_lost_already_is_waited_for() -> None:
    """It may come back; until then the region cannot even remove a peer."""
    found = verdicts(on(1, 2, 3, 4, down=(3, 4)))
    for check in ("RegionHasQuorum", "QuorumKept"):
        verdict = found[check]
        assert isinstance(verdict, Hold)
        assert verdict.reason == "QuorumMissing"


@pytest.mark.trap("P21")
def test_p21_a_peer_that_the_rules_want_comes_back() -> None:
    """Before: a warning. After: the message says what PD does next."""
    ask = from_store(3)
    warned = verdicts(on(1, 2, 3), ask)["ReplicasKept"]
    assert isinstance(warned, Warn)
    assert "2 healthy voters of region 4 remain of 3 wanted" in warned.message
    before = ACTION.before(ask, on(1, 2, 3))
    done = ACTION.verify(ask, before, on(1, 2))
    assert done.progress is Progress.SETTLED
    assert "PD's rule checker adds one again, perhaps there (P21)" in done.message


@pytest.mark.trap("P21")
def test_p21_a_peer_that_came_back_to_the_same_store_is_said_to_have() -> None:
    """By its number: nothing has changed in the end, and the message says why."""
    ask = from_store(3)
    before = ACTION.before(ask, on(1, 2, 3))
    again = region(4, peers=(*region(4, on=(1, 2)).peers, Peer(91, 3, L)), conf_ver=7)
    found = ACTION.verify(ask, before, cluster(again))
    assert found.progress is Progress.NOT_SEEN
    assert "PD's rule checker has put peer 91 there again (P21)" in found.message
    still = ACTION.verify(ask, before, on(1, 2, 3))
    assert still.message == "store 3 holds peer 43 of region 4"


def test_verification_asks_for_the_empty_place() -> None:
    """By topology; a region that is gone proves nothing."""
    before = ACTION.before(ASK, cluster())
    done = ACTION.verify(ASK, before, on(1, 2, 3))
    assert done.progress is Progress.SETTLED
    assert done.message == ("store 4 holds no peer of region 4; 3 of 3 voters are healthy")
    gone = ACTION.verify(ASK, before, snapshot())
    assert (gone.progress, gone.after) == (Progress.NOT_SEEN, ())


@pytest.mark.trap("P15")
def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """Half of the regions are missing then, and peers look down."""
    found = verdicts(unprepared(cluster()))
    assert list(found) == ["Prepared"]
    assert isinstance(found["Prepared"], Hold)


@pytest.mark.trap("P13")
def test_p13_a_region_that_is_gone_is_refused() -> None:
    """It never comes back under its number, and it is not "already done" either."""
    assert isinstance(verdicts(snapshot())["RegionKnown"], Deny)
    assert not ACTION.already_done(ASK, snapshot())


def test_an_empty_place_is_already_done() -> None:
    """No call, and no checks of what would be lost."""
    assert ACTION.already_done(ASK, on(1, 2, 3))
    assert not_allowed(verdicts(on(1, 2, 3))) == []
    assert not ACTION.already_done(ASK, cluster())


def test_the_call_is_the_operator_by_name_and_ids() -> None:
    """What pd-api.md 1.5 says the endpoint takes."""
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/operators {"name":"remove-peer","region_id":4,"store_id":4}'
    )


@pytest.mark.parametrize(
    ("role", "name"), [(V, "add-peer"), (L, "add-learner")], ids=["a voter", "a learner"]
)
def test_the_way_back_adds_a_peer_of_the_same_role(role: PeerRole, name: str) -> None:
    """Partly: another number, and the data is copied anew."""
    seen = cluster(region(4, peers=(*region(4).peers, Peer(44, 4, role))))
    before = ACTION.before(ASK, seen)
    assert before[0] == Fact(name="peerOnStore/4", value=f"{role} 44")
    undo = ACTION.inverse(ASK, before)
    assert undo is not None
    assert undo.body == {"name": name, "region_id": 4, "store_id": 4}
    renumbered = region(4, peers=(*region(4).peers, Peer(99, 4, role)), conf_ver=8)
    assert ACTION.unchanged(ASK, before, cluster(renumbered))


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ((), "nothing was captured"),
        ((Fact(name="peerOnStore/4", value="none"),), "there was no peer"),
        ((Fact(name="peerOnStore/4", value="DemotingVoter 44"),), "half a role is none to restore"),
    ],
)
def test_nothing_to_restore_means_no_call(before: tuple[Fact, ...], why: str) -> None:
    """An undo without a peer would be a guess."""
    assert ACTION.inverse(ASK, before) is None, why


def test_a_leader_that_was_removed_leads_again() -> None:
    """Once its peer is back as a voter."""
    led = cluster(region(4, leader=4, on=(1, 2, 3, 4)))
    before = ACTION.before(ASK, led)
    call = ACTION.inverse_follow_up(ASK, before, cluster())
    assert call is not None
    assert call.body == {"name": "transfer-leader", "region_id": 4, "to_store_id": 4}
    assert ACTION.inverse_follow_up(ASK, before, led) is None
    assert ACTION.inverse_follow_up(ASK, before, on(1, 2, 3)) is None
    assert not ACTION.unchanged(ASK, before, cluster()), "another still leads"
    assert ACTION.unchanged(ASK, before, led)


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    assert ACTION.scope(ASK) == Scope(frozenset({4}), frozenset({4}))
    assert ACTION.idempotency is Idempotency.REFUSED_ON_REPEAT
    assert ACTION.reversibility is Reversibility.PARTLY
    assert ACTION.timeout_seconds == 404
    assert ACTION.sentence(ASK) == "remove the peer of region 4 from store 4"
    assert ACTION.pd_ctl(ASK) == "pd-ctl operator add remove-peer 4 4"
