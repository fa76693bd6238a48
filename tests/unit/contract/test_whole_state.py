"""The comparison that every contract test of an action ends with: it must not miss anything."""

from typing import Any

import pytest

from sandbox.remote import RefusedError
from tests.contract.actions.whole_state import (
    MISSING,
    WholeState,
    assert_same,
    differences,
    read_whole_state,
)


def state(*epoch: int, **fields: object) -> WholeState:
    """Return a state of these fields (``__`` for a slash) and one region, 7."""
    named = {path.replace("__", "/"): value for path, value in fields.items()}
    return WholeState(named, {7: (epoch[0], epoch[1])} if epoch else {})


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param(state(a=1), state(a=1), [], id="nothing differs"),
        pytest.param(state(a=1), state(a=2), ["a: was 1, is 2"], id="a field has another value"),
        pytest.param(state(a=1), state(), [f"a: was 1, is {MISSING}"], id="a field is gone"),
        pytest.param(state(), state(a=1), [f"a: was {MISSING}, is 1"], id="a field is new"),
        pytest.param(state(a=1), state(a="1"), ["a: was 1, is 1"], id="a number became a text"),
        pytest.param(state(3, 5), state(4, 5), [], id="an undo may advance the epoch"),
        pytest.param(
            state(3, 5),
            state(4, 4),
            ["region 7: its epoch went back from (3, 5) to (4, 4)"],
            id="no epoch goes back",
        ),
        pytest.param(state(paused__x=100), state(paused__x=102), [], id="a pause set again"),
        pytest.param(
            state(paused__x=100),
            state(paused__x=110),
            ["paused/x: was 100, is 110"],
            id="a pause of another length",
        ),
    ],
)
def test_every_difference_is_named(before: WholeState, after: WholeState, found: list[str]) -> None:
    """By its path, with both values."""
    assert differences(before, after) == found


def test_only_what_is_excepted_may_differ() -> None:
    """A pattern takes no more than it says."""
    before, after = state(region__1__leader=1, x__leader=1), state(region__1__leader=2, x__leader=2)
    with pytest.raises(AssertionError, match="x/leader: was 1, is 2") as failed:
        assert_same(before, after, except_for=["region/*/leader"])
    assert "region/1" not in str(failed.value)


ANSWERS: dict[str, Any] = {
    "/stores?state=0&state=1&state=2": {
        "stores": [
            {
                "store": {
                    "id": 1,
                    "address": "a:1",
                    "state_name": "Up",
                    "labels": [{"key": "zone", "value": "z1"}],
                    "last_heartbeat": 5,
                },
                "status": {"leader_weight": 2, "uptime": "5s", "something_new": 9},
            }
        ]
    },
    "/stores/limit?include_tombstone=true": {"1": {"add-peer": 15}},
    "/schedulers": ["evict-leader-scheduler"],
    "/scheduler-config/evict-leader-scheduler/list": {"store-id-ranges": {"1": []}},
    "/schedulers?status=paused&timestamp=true": [
        {"name": "evict-leader-scheduler", "resume_at": "2026-01-01T00:00:10Z"}
    ],
    "/config/schedule": {
        "leader-schedule-limit": 4,
        "store-limit": {"1": {}},
        "schedulers-v2": [{"type": "evict-leader", "disable": False}],
    },
    "/config/replicate": {"max-replicas": 3},
    "/config/pd-server": {},
    "/config/cluster-version": "8.1.0",
    "/config/placement-rule": [
        {"group_id": "pd", "rules": [{"id": "default", "count": 3, "version": 7}]}
    ],
    "/config/region-label/rules": [{"id": "r", "labels": [{"key": "schedule", "value": "deny"}]}],
    "/members": {"leader": {"name": "pd-0"}, "members": []},
    "/regions": {
        "regions": [
            {
                "id": 7,
                "start_key": "",
                "end_key": "AA",
                "epoch": {"version": 3, "conf_ver": 5},
                "leader": {"store_id": 1},
                "peers": [{"id": 71, "store_id": 1, "role_name": "Voter", "is_witness": True}],
                "down_peers": [{"peer": {"store_id": 1}, "down_seconds": 9}],
                "written_bytes": 8,
            }
        ]
    },
    "/operators": ["admin-x {brief} (kind:admin, region:7(3, 5), createAt:…)"],
}


class Answering:
    """PD's answers as recorded; what is not here is refused."""

    def get(self, path: str) -> Any:
        if path.startswith("/checker/"):
            return {"paused": path.endswith("merge")}
        if path not in ANSWERS:
            raise RefusedError(404, path)
        return ANSWERS[path]


def test_what_pd_shows_comes_out_flat() -> None:
    """What is not left out by name is compared, also a field that PD has learned since."""
    found = read_whole_state(Answering())  # type: ignore[arg-type]  # the client's one method
    assert found.epochs == {7: (3, 5)}
    assert found.below("store/1/") == {
        "label/zone": "z1",
        "address": "a:1",
        "state_name": "Up",
        "leader_weight": 2,
        "something_new": 9,
    }
    assert found.below("region/-AA/") == {
        "leader": 1,
        "peers": ["1:Voter:witness"],
        "pending": [],
        "down": [1],
        "id": 7,
    }
    assert found.fields["limit/1/add-peer"] == 15
    assert found.fields["scheduler/evict-leader-scheduler/store-id-ranges/1"] == []
    assert found.fields["paused/evict-leader-scheduler"] == 1767225610
    assert found.fields["checker/merge/paused"] is True
    assert found.fields["config/schedule/schedulers-v2/evict-leader/disable"] is False
    assert found.fields["rule/pd/default/count"] == 3
    assert found.fields["label-rule/r/labels/0/value"] == "deny"
    assert found.fields["operator/7"] == "admin-x"
    left_out = ("rule/pd/default/version", "config/schedule/store-limit/1", "store/1/uptime")
    assert not set(left_out) & set(found.fields)


def test_an_operator_that_ran_before_may_have_ended() -> None:
    """PD's own come and go; one that is there only afterwards would be of our making."""
    path = {"operator/7": "evict-leader"}
    with_one, without = WholeState(path, {}), WholeState({}, {})
    assert differences(with_one, without) == []
    assert differences(without, with_one) == ["operator/7: was (absent), is evict-leader"]
