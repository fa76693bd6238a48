"""What revert files makes the very call by which the operator itself would undo."""

import json
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import Action
from assent.cli.former_rules import former_label_rule, former_placement_rule
from assent.cli.inverses import inverse
from assent.cli.kinds import KINDS, member_of
from assent.core.actions.catalogue import CATALOGUE

RULE = {
    "group_id": "pd", "id": "zone-a", "index": 40, "override": False, "start_key": "",
    "end_key": "",
    "role": "voter", "count": 3, "location_labels": ["zone", "host"],
    "label_constraints": [{"key": "zone", "op": "in", "values": ["a"]}],
}  # fmt: skip
LABELS = {
    "id": "backup/pause", "index": 0, "rule_type": "key-range",
    "labels": [{"key": "schedule", "value": "deny"}],
    "data": [{"start_key": "6161", "end_key": "6262"}],
}  # fmt: skip
DONE: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("TransferLeader", {"regionId": 4, "toStoreId": 2}, {"leaderStoreId": "3"}),
    ("TransferPeer", {"regionId": 4, "fromStoreId": 1, "toStoreId": 2},
     {"peerOnStore/1": "Voter 7", "peerOnStore/2": "none", "leaderStoreId": "3", "epoch": "1/1"}),
    ("AddPeer", {"regionId": 4, "storeId": 2},
     {"peerOnStore/2": "none", "leaderStoreId": "3", "epoch": "1/1"}),
    ("AddLearner", {"regionId": 4, "storeId": 2},
     {"peerOnStore/2": "none", "leaderStoreId": "3", "epoch": "1/1"}),
    ("RemovePeer", {"regionId": 4, "storeId": 2},
     {"peerOnStore/2": "Voter 9", "leaderStoreId": "3", "epoch": "1/1"}),
    ("RemovePeer", {"regionId": 4, "storeId": 2},
     {"peerOnStore/2": "Learner 9", "leaderStoreId": "3", "epoch": "1/1"}),
    ("EvictLeaders", {"storeId": 2}, {"evicted": "false", "leaders": "30"}),
    ("StopEvictLeaders", {"storeId": 2}, {"evicted": "true", "leaders": "0"}),
    ("SetStoreLimit", {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 400},
     {"addPeerLimitPerMinute": "15.0"}),
    ("SetStoreLimit", {"storeId": 2, "kind": "RemovePeer", "ratePerMinute": 400},
     {"removePeerLimitPerMinute": "30.0"}),
    ("SetStoreWeight", {"storeId": 2, "leaderWeightPercent": 0, "regionWeightPercent": 50},
     {"leaderWeight": "1.0", "regionWeight": "0.35"}),
    ("SetStoreLabels", {"storeId": 2, "labels": [{"key": "zone", "value": "b"}]},
     {"label/zone": "a"}),
    ("AddScheduler", {"name": "label-scheduler"}, {"listed": "false"}),
    ("RemoveScheduler", {"name": "balance-leader-scheduler"}, {"listed": "true"}),
    ("PauseScheduler", {"name": "balance-leader-scheduler", "seconds": 300},
     {"pausedUntil": "not paused"}),
    ("SetScheduleConfig", {"key": "leader-schedule-limit", "value": "0"},
     {"leader-schedule-limit": "4"}),
    ("SetReplicationConfig", {"key": "location-labels", "value": ""}, {"location-labels": "zone"}),
    ("SetPlacementRule", {"groupId": "pd", "id": "zone-a", "role": "Voter", "count": 5},
     {"rule": json.dumps(RULE)}),
    ("SetRegionLabelRule", {"id": "backup/pause", "labels": [{"key": "a", "value": "b"}],
                            "ranges": [{}]}, {"rule": "absent"}),
    ("DeleteRegionLabelRule", {"id": "backup/pause"}, {"rule": json.dumps(LABELS)}),
    ("TransferPDLeader", {"toMember": "pd-1"}, {"pdLeader": "pd-0"}),
]  # fmt: skip


def comparable(call: Any) -> tuple[str, str, Any]:
    """A call without what means nothing to PD: an absent field is its default."""
    body = {key: value for key, value in (call.body or {}).items() if value not in (None, [], 0)}
    return call.method, call.path, json.loads(json.dumps(body).replace(".0", ""))


@pytest.mark.parametrize(("kind", "parameters", "before"), DONE, ids=[one[0] for one in DONE])
def test_the_filed_action_makes_the_operators_own_undo_call(
    kind: str, parameters: dict[str, Any], before: dict[str, str]
) -> None:
    """So a person's way back is the same as the machine's, but approved."""
    asked = Action.model_validate({"type": kind, member_of(kind): parameters})
    answer = inverse(asked.wire(), before)
    assert isinstance(answer, dict), answer
    filed = Action.model_validate(answer)
    facts = [Fact(name=name, value=value) for name, value in before.items()]
    wanted = CATALOGUE[asked.type].inverse(asked.parameters, facts)
    assert wanted is not None
    assert comparable(CATALOGUE[filed.type].call(filed.parameters)) == comparable(wanted)


def test_a_drain_is_taken_back_by_cancelling_it_and_the_other_way_round() -> None:
    """Two actions of their own, which look at more than one call could say."""
    drained = inverse({"type": "DrainStore", "drainStore": {"storeId": 4}}, {})
    assert drained == {"type": "CancelDrain", "cancelDrain": {"storeId": 4}}
    kept = inverse({"type": "CancelDrain", "cancelDrain": {"storeId": 4}}, {})
    assert kept == {"type": "DrainStore", "drainStore": {"storeId": 4}}


def test_a_pause_that_was_ended_is_set_again_for_what_was_left() -> None:
    """Counted from when it is sent."""
    action = {"type": "ResumeScheduler", "resumeScheduler": {"name": "balance-leader-scheduler"}}
    found = inverse(action, {"pauseLeftSeconds": "250"})
    assert isinstance(found, dict)
    assert Action.model_validate(found).wire()["pauseScheduler"]["seconds"] == 250
    assert "too short" in str(inverse(action, {"pauseLeftSeconds": "10"}))


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.reversible == "not"])
def test_what_cannot_be_undone_is_answered_with_a_sentence(kind: str) -> None:
    """Never with an action that only looks like a way back."""
    answer = inverse({"type": kind, member_of(kind): {}}, {})
    assert isinstance(answer, str)
    assert answer.startswith("It cannot be undone")


NONE = [
    ("TransferLeader", {"regionId": 4}, {"leaderStoreId": "none"}, "No store led the region"),
    ("SetStoreLimit", {"storeId": 2, "kind": "AddPeer"}, {"addPeerLimitPerMinute": "2e+08"},
     "no proposal may ask for"),
    ("SetStoreLimit", {"storeId": 2, "kind": "AddPeer"}, {}, "was not captured"),
    ("SetStoreWeight", {"storeId": 2}, {"leaderWeight": "0.333", "regionWeight": "1"},
     "no proposal may ask for"),
    ("PauseScheduler", {"name": "x"}, {"pausedUntil": "2026-01-01"}, "It was paused before, too"),
    ("SetPlacementRule", {}, {"rule": "absent"}, "no action removes a placement rule"),
    ("SetPlacementRule", {}, {"rule": json.dumps({**RULE, "odd": 1})}, "has odd"),
    ("SetPlacementRule", {}, {"rule": json.dumps({**RULE, "role": "king"})}, "role king"),
    ("SetRegionLabelRule", {}, {"rule": json.dumps({**LABELS, "rule_type": "x"})}, "key ranges"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "parameters", "before", "said"), NONE, ids=lambda v: str(v)[:40])
def test_no_way_back_is_said_with_its_reason(
    kind: str, parameters: dict[str, Any], before: dict[str, str], said: str
) -> None:
    """A guess would be worse than none."""
    answer = inverse({"type": kind, member_of(kind): parameters}, before)
    assert isinstance(answer, str)
    assert said in answer


def test_a_label_that_ends_by_itself_is_not_put_back() -> None:
    """Nobody knows how much of its time was left."""
    labels = [{"key": "schedule", "value": "deny", "ttl": "30m", "start_at": "x"}]
    assert "ended by itself" in str(former_label_rule(json.dumps({**LABELS, "labels": labels})))


def test_an_isolation_level_that_is_empty_is_none() -> None:
    """PD writes the empty text for none."""
    found = former_placement_rule(json.dumps({**RULE, "isolation_level": ""}))
    assert isinstance(found, dict)
    assert "isolationLevel" not in found
    kept = former_placement_rule(json.dumps({**RULE, "isolation_level": "zone"}))
    assert isinstance(kept, dict)
    assert kept["isolationLevel"] == "zone"
