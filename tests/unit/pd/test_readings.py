"""Readings that are asked for, from answers as PD 8.1 gave them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from assent.errors import Terminal
from assent.pd import readings
from assent.pd.fields import Node

RULE = {
    "group_id": "pd",
    "id": "default",
    "start_key": "",
    "end_key": "7a00",
    "role": "voter",
    "is_witness": False,
    "count": 3,
    "location_labels": ["zone"],
}
NOTHING_MOVES = 1.7976931348623157e308


def root(value: Any) -> Node:
    return Node(value, "GET /x")


def operator(status: str) -> Node:
    text = f"status: {status}, operator: admin-add-peer {{add peer: store [4]}} (kind:admin) "
    return root(text)


def test_settings_are_scalars_as_text() -> None:
    """Numbers keep their form, booleans are PD's strings; what is no scalar is left out."""
    found = readings.settings(
        root(
            {
                "leader-schedule-limit": 4,
                "low-space-ratio": 0.8,
                "enable-witness": "false",
                "raw": True,
                "store-limit": {"1": {"add-peer": 15}},
                "schedulers-payload": None,
            }
        )
    )
    assert found == {
        "leader-schedule-limit": "4",
        "low-space-ratio": "0.8",
        "enable-witness": "false",
        "raw": "true",
    }


def test_disabled_schedulers_are_named_as_pd_lists_them() -> None:
    """The configuration names types; one of them is not its scheduler's name."""
    kinds = [("balance-region", False), ("hot-region", True), ("evict-slow-store", True)]
    listed = [{"type": kind, "disable": off} for kind, off in kinds]
    assert readings.disabled_schedulers(root({"schedulers-v2": listed})) == {
        "balance-hot-region-scheduler",
        "evict-slow-store-scheduler",
    }
    assert readings.disabled_schedulers(root({})) == frozenset()


def test_paused_schedulers_say_when_they_resume() -> None:
    """PD resumes them by itself; null stands for none."""
    one = {
        "name": "balance-leader-scheduler",
        "paused_at": "2026-11-21T15:43:15Z",
        "resume_at": "2026-11-21T15:44:55Z",
    }
    until = datetime(2026, 11, 21, 15, 44, 55, tzinfo=UTC)
    assert readings.paused_schedulers(root([one])) == {"balance-leader-scheduler": until}
    assert readings.paused_schedulers(root(None)) == {}


def test_a_rule_keeps_the_whole_document() -> None:
    """What Assent does not know of must survive being put back."""
    [rule] = readings.placement_rules(root([RULE]))
    assert (rule.key, rule.role, rule.count, rule.end_key) == ("pd/default", "voter", 3, "7A00")
    assert rule.document == RULE


def test_a_region_fit_tells_which_stores_each_rule_counts() -> None:
    """And whose peers no rule wants; null lists are empty."""
    peers = [{"id": 6, "store_id": 1}, {"id": 7, "store_id": 2}]
    fits = [{"rule": RULE, "peers": peers, "peers-different-role": None}]
    fit = readings.region_fit(root({"rule-fits": fits, "orphan-peers": [{"id": 9, "store_id": 4}]}))
    assert fit.store_ids_by_rule == {"pd/default": {1, 2}}
    assert fit.orphan_store_ids == {4}
    bare = readings.region_fit(root({"rule-fits": None, "orphan-peers": None}))
    assert (bare.rules, bare.orphan_store_ids) == ((), frozenset())


def test_label_rules_carry_labels_and_ranges() -> None:
    """Keys are shown in upper case, like those of regions; the document stays as PD wrote it."""
    rule = {
        "id": "keyspaces/0",
        "index": 0,
        "labels": [{"key": "id", "value": "0"}],
        "rule_type": "key-range",
        "data": [{"start_key": "72fb", "end_key": "73fb"}],
    }
    [found] = readings.label_rules(root([rule]))
    assert (found.id, found.labels, found.ranges) == (
        "keyspaces/0",
        {"id": "0"},
        (("72FB", "73FB"),),
    )
    assert found.document == rule


def test_members_say_who_leads_and_who_is_healthy() -> None:
    """Health comes from another call; a member that it does not name is not healthy."""
    known = {
        "header": {"cluster_id": 7},
        "members": [
            {"name": "pd-1", "member_id": 12, "client_urls": ["http://b"]},
            {"name": "pd-0", "member_id": 11, "client_urls": ["http://a"]},
        ],
        "leader": {"name": "pd-1", "member_id": 12, "client_urls": ["http://b"]},
    }
    health = [{"name": "pd-1", "member_id": 12, "health": True}]
    first, second = readings.members(root(known), root(health))
    assert (first.name, first.healthy, first.is_leader) == ("pd-0", False, False)
    assert (second.name, second.healthy, second.is_leader) == ("pd-1", True, True)


@pytest.mark.parametrize(
    ("progress", "left", "percent", "seconds"),
    [
        pytest.param(0, NOTHING_MOVES, 0, None, id="nothing moves: no estimate"),
        pytest.param(0.4271, 310.5, 42, 310.5, id="underway"),
        pytest.param(1, 0, 100, 0.0, id="about to end"),
    ],
)
def test_a_removal_is_an_estimate(
    progress: float, left: float, percent: int, seconds: float | None
) -> None:
    """PD says the largest float when it has no estimate."""
    found = readings.removal(root({"progress": progress, "left_seconds": left}))
    assert (found.percent, found.left_seconds) == (percent, seconds)


@pytest.mark.parametrize("status", ["SUCCESS", "TIMEOUT", "CANCEL", "REPLACE"])
def test_an_ended_operator_says_how(status: str) -> None:
    """Every end that PD names."""
    found = readings.ended_operator(operator(status))
    assert found is not None
    assert found.status == status


def test_a_running_operator_has_not_ended() -> None:
    """Nor has one whose status nobody knows: the careful reading."""
    assert readings.ended_operator(operator("RUNNING")) is None
    assert readings.ended_operator(operator("SOMETHING")) is None


def test_a_missing_field_is_named() -> None:
    """A typed error, never a guess."""
    with pytest.raises(Terminal, match=r"\[0\]\.role is missing"):
        readings.placement_rules(root([{"id": "x", "count": 1}]))
