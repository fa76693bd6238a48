"""PD's answers as snapshot values: zero fields, absent ones, and the odd shapes of real PD."""

import json
from typing import Any

import pytest

from assent.core.model.snapshot import PeerRole, StoreState
from assent.errors import Terminal
from assent.pd import schemas
from assent.pd.fields import Node

STORE: dict[str, Any] = {
    "store": {"id": 1, "address": "tikv-0:20160", "state_name": "Up"},
    "status": {
        "capacity": "200GiB",
        "available": "171.9GiB",
        "leader_count": 100,
        "leader_weight": 1.5,
        "region_weight": 2,
        "region_count": 300,
        "slow_score": 1,
        "last_heartbeat_ts": "2026-11-21T13:02:49.134675813Z",
    },
}
REGION: dict[str, Any] = {
    "id": 5,
    "start_key": "",
    "end_key": "7200000000000000FB",
    "epoch": {"conf_ver": 5, "version": 400},
    "peers": [
        {"role_name": "Voter", "id": 6, "store_id": 1},
        {"role": 2, "role_name": "IncomingVoter", "id": 7, "store_id": 2},
    ],
    "leader": {"role_name": "Voter", "id": 6, "store_id": 1},
    "down_peers": [{"down_seconds": 700, "peer": {"role_name": "Voter", "id": 7, "store_id": 2}}],
    "pending_peers": [{"role_name": "Voter", "id": 7, "store_id": 2}],
    "approximate_size": 96,
}


def root(value: object) -> Node:
    return Node(json.loads(json.dumps(value)), "GET /x")


def changed(value: dict[str, Any], path: str, new: object) -> dict[str, Any]:
    """A copy with one field set, or removed for None."""
    copy: dict[str, Any] = json.loads(json.dumps(value))
    *parents, last = path.split(".")
    place = copy
    for name in parents:
        place = place[name]
    if new is None:
        del place[last]
    else:
        place[last] = new
    return copy


def one_store(value: dict[str, Any]) -> Any:
    [store] = schemas.stores(root({"count": 1, "stores": [value]}), {})
    return store


def test_a_store_carries_what_pd_shows() -> None:
    """Every field that decisions use."""
    store = one_store(STORE)
    assert (store.id, store.address, store.state) == (1, "tikv-0:20160", StoreState.UP)
    assert (store.leader_count, store.region_count, store.slow_score) == (100, 300, 1)
    assert store.capacity_bytes == 200 * 1024**3
    assert (store.leader_weight, store.region_weight) == (1.5, 2.0)
    assert not store.physically_destroyed
    assert store.last_heartbeat.microsecond == 134675


def test_fields_of_a_newer_pd_are_ignored() -> None:
    """v8.5 adds pending_peer_count and network scores; later ones add more."""
    newer = changed(changed(STORE, "status.network_slow_scores", {"2": 1}), "store.novel", [1])
    assert one_store(newer) == one_store(STORE)


def test_a_store_without_heartbeat_has_none() -> None:
    """PD omits the time until its leader has seen a heartbeat: that is not "long ago"."""
    store = one_store(changed(STORE, "status.last_heartbeat_ts", None))
    assert store.last_heartbeat is None
    assert not store.is_healthy


def test_an_absent_slow_score_is_zero() -> None:
    """The field is omitempty."""
    assert one_store(changed(STORE, "status.slow_score", None)).slow_score == 0


def test_a_label_without_value_is_empty() -> None:
    """Protobuf drops the empty string."""
    labels = [{"key": "engine", "value": "tiflash"}, {"key": "spare"}]
    store = one_store(changed(STORE, "store.labels", labels))
    assert store.labels == {"engine": "tiflash", "spare": ""}
    assert store.is_tiflash


@pytest.mark.parametrize(
    "path",
    [
        "store.id",
        "store.address",
        "store.state_name",
        "status.capacity",
        "status.available",
        "status.leader_count",
        "status.leader_weight",
        "status.region_count",
    ],
)
def test_a_store_without_a_needed_field_is_unusable(path: str) -> None:
    """A count that is read as 0 would look like an evicted store."""
    with pytest.raises(Terminal, match=rf"stores\[0\]\.{path} is missing") as caught:
        one_store(changed(STORE, path, None))
    assert caught.value.reason == "PDAnswerUnusable"


def test_a_store_state_that_is_not_known_is_unusable() -> None:
    """A new state could mean anything, from "fine" to "gone"."""
    with pytest.raises(Terminal, match=r"state that is not known: 'Sleeping'"):
        one_store(changed(STORE, "store.state_name", "Sleeping"))


def test_a_store_address_that_no_status_can_keep_is_unusable() -> None:
    """It once broke every look at the proposals of that store, without a word in their status."""
    assert one_store(changed(STORE, "store.address", "a" * 256)).address == "a" * 256
    with pytest.raises(Terminal, match=r"store\.address is longer than 256 characters"):
        one_store(changed(STORE, "store.address", "a" * 257))


@pytest.mark.parametrize("state", list(StoreState))
def test_every_state_of_pd_is_known_and_tombstones_are_left_out(state: StoreState) -> None:
    """/stores hides tombstones; should one come, it is no store to act on."""
    found = schemas.stores(root({"stores": [changed(STORE, "store.state_name", state)]}), {})
    assert [store.state for store in found] == ([] if state is StoreState.TOMBSTONE else [state])


def test_stores_come_ordered_by_id() -> None:
    """PD lists them in the order of a Go map."""
    listed = [changed(STORE, "store.id", number) for number in (30, 4, 11)]
    found = schemas.stores(root({"stores": listed}), {})
    assert [store.id for store in found] == [4, 11, 30]


def test_limits_are_exact_and_absent_ones_none() -> None:
    """The undo of SetStoreLimit restores exactly what stood there."""
    limits = schemas.store_limits(root({"1": {"add-peer": 15.5, "remove-peer": 100000000}}))
    with_limit, without = schemas.stores(
        root({"stores": [STORE, changed(STORE, "store.id", 2)]}), limits
    )
    assert with_limit.add_peer_limit_per_minute == 15.5
    assert with_limit.remove_peer_limit_per_minute == 1e8
    assert without.add_peer_limit_per_minute is None


@pytest.mark.parametrize("key", ["", "0", "-1", "one", "1.0", "٤", "999999999999999999999"])
def test_a_limit_of_what_is_no_store_is_unusable(key: str) -> None:
    """Keys are store ids as strings."""
    with pytest.raises(Terminal, match="not a store id"):
        schemas.store_limits(root({key: {"add-peer": 1, "remove-peer": 1}}))


def test_a_region_carries_epoch_peers_and_their_trouble() -> None:
    """All that preflight checks (P49)."""
    region = schemas.region(root(REGION))
    assert region is not None
    assert (region.id, region.epoch, region.size_mib) == (5, "400/5", 96)
    assert region.leader_store_id == 1
    assert region.in_joint_state
    assert [peer.role for peer in region.peers] == [PeerRole.VOTER, PeerRole.INCOMING_VOTER]
    assert region.down_store_ids == region.pending_store_ids == frozenset({2})


@pytest.mark.trap("P13")
def test_p13_the_zero_object_of_a_missing_region_is_none() -> None:
    """PD answers 200 for a region that does not exist."""
    nothing = {"id": 0, "start_key": "", "end_key": "", "leader": {"role_name": ""}}
    assert schemas.region(root({**nothing, "approximate_size": 0})) is None


def test_a_region_without_leader_has_none() -> None:
    """PD prints an empty leader object."""
    region = schemas.region(root(changed(REGION, "leader", {"role_name": ""})))
    assert region is not None
    assert region.leader_store_id is None


@pytest.mark.parametrize("path", ["epoch", "peers", "id", "approximate_size"])
def test_a_region_without_a_needed_field_is_unusable(path: str) -> None:
    """Without epoch or peers nothing about it can be judged."""
    with pytest.raises(Terminal, match=f"{path} is missing"):
        schemas.region(root(changed(REGION, path, None)))


def test_a_role_that_is_not_known_is_unusable() -> None:
    """It could be a voter or not: quorum would be a guess."""
    peers = [{"role_name": "Witness", "id": 6, "store_id": 1}]
    with pytest.raises(Terminal, match=r"peers\[0\]\.role_name is a role that is not known"):
        schemas.region(root(changed(REGION, "peers", peers)))


def test_a_sample_drops_zero_objects_and_takes_null_for_none() -> None:
    """An empty cluster answers ``regions: null``."""
    zero = {"id": 0, "approximate_size": 0}
    assert [region.id for region in schemas.regions(root({"regions": [zero, REGION]}))] == [5]
    assert schemas.regions(root({"count": 0, "regions": None})) == ()


@pytest.mark.parametrize("status", ["SUCCESS", "TIMEOUT", "CANCEL", "REPLACE"])
def test_an_operator_that_has_ended_does_not_run(status: str) -> None:
    """PD shows ended ones for ten minutes."""
    assert schemas.running_operator(root(f"status: {status}, operator: admin {{x}} done")) is None


@pytest.mark.parametrize(
    ("status", "why"),
    [("RUNNING", "the ordinary case"), ("5", "created and not started"), ("NEW", "a newer PD")],
)
def test_any_other_operator_counts_as_running(status: str, why: str) -> None:
    """The careful reading: it blocks an action instead of colliding with it."""
    text = f"status: {status}, operator: balance-leader {{transfer leader: store 1 to 2}}"
    found = schemas.running_operator(root(text))
    assert found == "balance-leader {transfer leader: store 1 to 2}", why


def test_what_is_no_operator_status_is_unusable() -> None:
    """A text that cannot be read must not count as "none"."""
    with pytest.raises(Terminal, match="no operator status"):
        schemas.running_operator(root("all quiet"))


def test_members_name_the_leader_and_every_url() -> None:
    """Discovery needs the leader's id and URLs, and the others for the next time."""
    one = {"name": "pd-0", "member_id": 7, "client_urls": ["http://a:2379"]}
    two = {"name": "pd-1", "member_id": 8, "client_urls": ["http://b:2379", "http://c:2379"]}
    answer = {"header": {"cluster_id": 2**63 + 1}, "members": [one, two], "leader": two}
    found = schemas.membership(root(answer))
    assert found.cluster_id == 2**63 + 1
    assert found.leader is not None
    assert found.leader.client_urls == ("http://b:2379", "http://c:2379")
    assert [member.name for member in found.members] == ["pd-0", "pd-1"]
    del answer["leader"]
    assert schemas.membership(root(answer)).leader is None


def test_no_leader_is_null() -> None:
    """GET /leader during an election."""
    assert schemas.leader_id(root(None)) is None
    assert schemas.leader_id(root({"member_id": 7})) == 7


def test_halt_scheduling_is_absent_when_false() -> None:
    """omitempty, and a string in some versions."""
    settings = {"leader-schedule-limit": 4, "scheduler-max-waiting-operator": 5}
    assert not schemas.schedule_config(root(settings)).halt_scheduling
    assert schemas.schedule_config(root({**settings, "halt-scheduling": "true"})).halt_scheduling
    assert schemas.schedule_config(root(settings)).leader_schedule_limit == 4


@pytest.mark.parametrize("name", ["leader-schedule-limit", "scheduler-max-waiting-operator"])
def test_a_missing_limit_is_not_zero(name: str) -> None:
    """Zero means "never progresses" (P30): reading a missing one as 0 would invent a fault."""
    settings = {"leader-schedule-limit": 4, "scheduler-max-waiting-operator": 5}
    del settings[name]
    with pytest.raises(Terminal, match=name):
        schemas.schedule_config(root(settings))


def test_evicted_stores_come_from_the_ranges_keys() -> None:
    """v8.5 adds ``batch`` beside them."""
    whole = [{"start-key": "", "end-key": ""}]
    found = schemas.evicted_stores(root({"store-id-ranges": {"4": whole, "11": whole}, "batch": 3}))
    assert found == frozenset({4, 11})


def test_scheduler_names_stay_as_they_are() -> None:
    """Detection looks for them by name; the order of a Go map does not matter."""
    assert schemas.schedulers(root(["b-scheduler", "a-scheduler"])) == (
        "a-scheduler",
        "b-scheduler",
    )
