"""Whether PD's placement rules would keep a new peer where it is put."""

from dataclasses import replace
from typing import Any

import pytest

from assent.core.actions.rule_room import (
    NewPeer,
    rules_of,
    rules_take,
    wanted_learners,
    wanted_voters,
)
from assent.core.model.placement import PlacementRule, RegionFit
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.peers import rule, with_rules
from tests.support.snapshots import REPLICATION, TIFLASH, region, snapshot, store

V, L = PeerRole.VOTER, PeerRole.LEARNER
ZONES = {1: "a", 2: "b", 3: "c", 4: "a", 5: "d"}


def zoned(*rules: PlacementRule, on: tuple[int, ...] = (1, 2, 3)) -> ClusterSnapshot:
    """Five stores in zones a, b, c, a, d, and one region under these rules."""
    stores = [store(number, labels={"zone": zone}) for number, zone in ZONES.items()]
    return with_rules(snapshot(*stores, regions=[region(4, on=on)]), *rules)


def asked(new: NewPeer, seen: ClusterSnapshot) -> Verdict:
    return rules_take(new, seen.regions[4], seen)


def in_zone(*values: str, op: str = "in") -> dict[str, Any]:
    return {"label_constraints": [{"key": "zone", "op": op, "values": list(values)}]}


def test_a_peer_that_replaces_another_finds_its_place() -> None:
    """The plain move: three of three voters before and after."""
    assert isinstance(asked(NewPeer(5, V, instead_of=1), zoned(rule(3))), Allow)


def test_one_too_many_waits_for_room() -> None:
    """P21: PD would take one away; a peer that is lost, or a rule that grows, makes room."""
    verdict = asked(NewPeer(5, V), zoned(rule(3)))
    assert isinstance(verdict, Hold)
    assert verdict.reason == "RuleFull"
    assert "pd/voter (3)" in verdict.message
    assert isinstance(asked(NewPeer(5, V), zoned(rule(4))), Allow)
    assert isinstance(asked(NewPeer(5, V), zoned(rule(3), on=(1, 2))), Allow)


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        pytest.param(in_zone("d"), True, id="in: one of the values"),
        pytest.param(in_zone("a", "b"), False, id="in: none of the values"),
        pytest.param(in_zone("a", op="notIn"), True, id="notIn: another value"),
        pytest.param(in_zone("d", op="notIn"), False, id="notIn: one of the values"),
        pytest.param(in_zone(op="exists"), True, id="exists"),
        pytest.param(in_zone(op="notExists"), False, id="notExists"),
        pytest.param(in_zone("d", op="like"), False, id="an operation that nobody knows"),
        pytest.param(
            {"label_constraints": [{"key": "ZONE", "op": "in", "values": ["d"]}]},
            True,
            id="PD compares a label's key without case",
        ),
        pytest.param(
            {"label_constraints": [{"key": "rack", "op": "in", "values": ["1"]}]},
            False,
            id="in: a label that the store does not have",
        ),
        pytest.param(
            {"label_constraints": [{"key": "rack", "op": "notIn", "values": ["1"]}]},
            True,
            id="notIn: a label that the store does not have",
        ),
        pytest.param({"label_constraints": None}, True, id="no constraints"),
    ],
)
def test_label_constraints_are_pds(document: dict[str, Any], fits: bool) -> None:
    """``LabelConstraint.MatchStore``, case by case."""
    verdict = asked(NewPeer(5, V), zoned(rule(4, **document)))
    if fits:
        assert isinstance(verdict, Allow)
    else:
        assert isinstance(verdict, Deny)
        assert verdict.reason == "RuleViolated"


@pytest.mark.parametrize(
    ("labels", "document", "fits"),
    [
        pytest.param(TIFLASH, {}, False, id="engine keeps TiFlash out of a rule without it"),
        pytest.param({"exclusive": "dw"}, {}, False, id="exclusive"),
        pytest.param({"$dw": "1"}, {}, False, id="a label with a dollar"),
        pytest.param(
            {"$dw": "1"},
            {"label_constraints": [{"key": "$dw", "op": "in", "values": ["1"]}]},
            True,
            id="a rule that names the label",
        ),
    ],
)
def test_exclusive_labels_keep_a_store_for_rules_that_name_them(
    labels: dict[str, str], document: dict[str, Any], fits: bool
) -> None:
    """PD isolates stores by them."""
    stores = [store(number) for number in (1, 2, 3)]
    seen = snapshot(*stores, store(5, labels=labels, leader_count=0), regions=[region(4)])
    verdict = asked(NewPeer(5, V), with_rules(seen, rule(4, **document)))
    assert isinstance(verdict, Allow) is fits


@pytest.mark.parametrize("role", ["voter", "leader", "follower"])
def test_voters_fit_every_voting_role(role: str) -> None:
    """Who leads is for PD to arrange; a learner has a role of its own."""
    assert isinstance(asked(NewPeer(5, V, instead_of=1), zoned(rule(3, role))), Allow)
    assert isinstance(asked(NewPeer(5, L), zoned(rule(9, role))), Deny)
    assert isinstance(asked(NewPeer(5, V), zoned(rule(9, "learner"))), Deny)


def test_peers_make_room_for_each_other() -> None:
    """Two rules: the peer in zone a, counted by the open rule now, could fill the strict one."""
    strict = PlacementRule("pd", "strict", "voter", 1, "", "", in_zone("a"))
    seen = zoned(strict, rule(2), on=(1, 2, 4))
    assert isinstance(asked(NewPeer(5, V, instead_of=4), seen), Allow)
    assert isinstance(asked(NewPeer(5, V, instead_of=2), seen), Allow)
    only_one_in_a = zoned(strict, rule(2), on=(1, 2, 3))
    refused = asked(NewPeer(5, V, instead_of=1), only_one_in_a)
    assert isinstance(refused, Hold), "nobody else fits the strict rule"


def test_location_labels_warn_of_a_place_that_is_not_the_best() -> None:
    """PD moves a peer on to where it would be farther from the others."""
    labels: dict[str, Any] = {"location_labels": ["zone"]}
    worse = asked(NewPeer(4, V, instead_of=2), zoned(rule(3, **labels)))
    assert isinstance(worse, Warn)
    assert "store 5" in worse.message or "store 2" in worse.message
    best = asked(NewPeer(5, V, instead_of=2), zoned(rule(3, **labels)))
    assert isinstance(best, Allow)


def test_an_isolation_level_is_kept() -> None:
    """PD's own choice of a target never shares that level."""
    document: dict[str, Any] = {"location_labels": ["zone", "host"], "isolation_level": "zone"}
    shared = asked(NewPeer(4, V, instead_of=2), zoned(rule(3, **document)))
    assert isinstance(shared, Deny)
    assert shared.reason == "IsolationViolated"
    assert "shares its zone with store 1" in shared.message
    assert isinstance(asked(NewPeer(4, V, instead_of=1), zoned(rule(3, **document))), Allow)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (snapshot(regions=[region(4)]), "neither rules nor settings were read"),
        (replace(zoned(rule(3)), region_fits={}), "rules are on, and the region's were not read"),
        (
            replace(zoned(rule(3)), region_fits={4: RegionFit((), {}, frozenset())}),
            "PD shows a region that no rule applies to",
        ),
        (
            with_rules(snapshot(store(1), store(2), regions=[region(4)]), rule(4)),
            "a peer lies on a store that PD does not list",
        ),
        (zoned(rule(4), on=(1, 2)), None),
    ],
)
def test_what_is_not_known_is_waited_for(seen: ClusterSnapshot, why: str | None) -> None:
    """A missing fact is a check that does not pass."""
    verdict = asked(NewPeer(2 if why else 5, V), seen)
    if why is None:
        assert isinstance(verdict, Allow)
        return
    assert isinstance(verdict, Hold), why
    assert verdict.reason == "RulesUnknown"


def test_a_target_that_is_not_listed_is_waited_for() -> None:
    """Its labels are unknown; that the store is missing is said by another check."""
    verdict = asked(NewPeer(99, V), zoned(rule(4)))
    assert isinstance(verdict, Hold)


def test_without_placement_rules_max_replicas_is_the_rule() -> None:
    """PD then counts peers, whatever they are called."""
    settings = {**REPLICATION, "enable-placement-rules": "false", "location-labels": "zone,host"}
    seen = replace(zoned(rule(9)), region_fits={}, placement_rules=None, replication=settings)
    rules = rules_of(4, seen)
    assert rules is not None
    assert (wanted_voters(rules), wanted_learners(rules)) == (3, 0)
    assert rules[0].document["location_labels"] == ["zone", "host"]
    assert isinstance(asked(NewPeer(5, V), seen), Hold)
    broken = replace(seen, replication={**settings, "max-replicas": "many"})
    assert rules_of(4, broken) is None


def test_wanted_replicas_are_counted_by_kind() -> None:
    """TiFlash's learners are wanted in addition."""
    rules = (rule(2), rule(1, "follower"), rule(2, "learner"))
    assert (wanted_voters(rules), wanted_learners(rules)) == (3, 2)


def test_learners_and_voters_have_seats_of_their_own() -> None:
    """A voter's rule that is full says nothing of a learner's."""
    peers = (Peer(41, 1, V), Peer(42, 2, V), Peer(43, 3, L))
    stores = [store(number) for number in (1, 2, 3, 5)]
    seen = snapshot(*stores, regions=[region(4, peers=peers)])
    seen = with_rules(seen, rule(2), rule(2, "learner"))
    assert isinstance(asked(NewPeer(5, L), seen), Allow)
    assert isinstance(asked(NewPeer(5, V), seen), Hold)
