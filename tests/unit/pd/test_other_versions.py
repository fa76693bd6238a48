"""What neither PD of the sandbox shows: written after pd-api.md 6, not recorded from a process.

The sandbox has PD 8.1 and 6.6. Of what differs in other lines, this is what Assent reads.
"""

from typing import Any

from assent.core.model.call import DidNot
from assent.core.model.snapshot import StoreState
from assent.pd import readings, schemas
from assent.pd.fields import Node
from assent.pd.refusals.table import refusal
from assent.pd.wire import Answer, Timeouts

FOLLOWER_WAITS_SECONDS = 3.0
"""v8.1.x and later: so long a follower looks for a leader before it says "no leader"."""


def root(value: Any) -> Node:
    return Node(value, "GET /x")


def test_a_batch_beside_the_evicted_stores_is_passed_over() -> None:
    """v8.5: how many leaders at once stands beside the stores."""
    ranges = {"1": [{"start-key": "", "end-key": ""}], "4": []}
    assert schemas.evicted_stores(root({"store-id-ranges": ranges, "batch": 3})) == {1, 4}


def test_a_scheduler_of_a_later_line_is_listed_by_its_name() -> None:
    """v8.5.5: evict-stopping-store is there by default; we neither add nor remove it."""
    names = ["evict-stopping-store-scheduler", "balance-leader-scheduler"]
    assert schemas.schedulers(root(names)) == tuple(sorted(names))
    later = [{"type": "evict-stopping-store", "disable": True}]
    found = readings.disabled_schedulers(root({"schedulers-v2": later}))
    assert found == {"evict-stopping-store-scheduler"}


def test_a_store_limit_that_another_kind_replaced_is_refused() -> None:
    """v8.5 with store-limit-version v2: 400 before anything is set."""
    text = b'"current store limit version:v2 not support set limit"'
    found = refusal("store-limit", Answer(400, "application/json; charset=UTF-8", text))
    assert isinstance(found, DidNot)
    assert not found.already_done


def test_a_follower_that_waits_for_a_leader_is_waited_for() -> None:
    """v8.1.x: 3 s, then 503; our patience is longer, so that its answer is what we hear."""
    assert Timeouts().read_seconds > FOLLOWER_WAITS_SECONDS
    assert Timeouts().total_seconds > FOLLOWER_WAITS_SECONDS


def test_a_setting_is_what_pd_shows_and_never_what_a_line_ships() -> None:
    """v8.5 ships 54 where others ship 20: the before-value is read, so an undo restores it."""
    shown = {"max-merge-region-size": 54}
    assert readings.settings(root(shown)) == {"max-merge-region-size": "54"}


def test_a_store_with_fields_of_a_later_line_is_read() -> None:
    """v8.5 shows more of a store; what is not known is passed over."""
    item = {
        "store": {"id": 1, "address": "a:20160", "state_name": "Up", "limit_version": "v2"},
        "status": {
            "capacity": "10GiB",
            "available": "9GiB",
            "leader_count": 3,
            "leader_weight": 1,
            "region_count": 9,
            "region_weight": 1,
            "cpu_usage": 3,
            "network": {},
        },
    }
    found = schemas.store(root(item), {})
    assert (found.id, found.state) == (1, StoreState.UP)
    assert found.add_peer_limit_per_minute is None


def test_a_running_operator_of_a_later_status_counts_as_running() -> None:
    """A status that no line has had until now: the careful reading."""
    text = "status: PAUSED, operator: admin-move-peer {…}"
    assert schemas.running_operator(root(text)) == "admin-move-peer {…}"
