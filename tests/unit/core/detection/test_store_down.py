"""StoreDown: how long silence must last, and that it is left to PD."""

from datetime import timedelta
from typing import Any

import pytest

from assent.api.v1alpha1.tikvcluster import StoreDownRule
from assent.core.detection.finding import Memory, Observed, Sighting
from assent.core.detection.store_down import detect
from assent.core.detection.suspicion import Severity, Suspicion
from assent.core.model.snapshot import StoreState
from tests.support.snapshots import NOW, TIFLASH, snapshot, store

RULE = StoreDownRule(silent_for="5m")
REPORTED = Memory({"StoreDown/store/4": Sighting(NOW - timedelta(hours=1), reported=True)})


def look(memory: Memory | None = None, **changes: Any) -> tuple[Suspicion, ...]:
    seen = snapshot(store(1), store(4, **changes))
    return detect(Observed(seen), RULE, memory or Memory(), NOW)


def ago(seconds: int) -> dict[str, Any]:
    return {"last_heartbeat": NOW - timedelta(seconds=seconds), "state": StoreState.DISCONNECTED}


def test_silence_of_the_threshold_is_critical_and_left_to_pd() -> None:
    """The minimal positive; known since the last heartbeat, so no further waiting."""
    (found,) = look(**ago(300))
    assert found.severity is Severity.CRITICAL
    assert found.since == NOW - timedelta(seconds=300)
    assert found.must_last_seconds == 0
    assert found.action is None
    assert (found.no_action or "").startswith("No action, because a dead store is left to PD")


def test_a_second_less_is_nothing() -> None:
    """The nearest negative: a restart takes minutes."""
    assert look(**ago(299)) == ()


def test_the_threshold_is_the_rules_and_not_pds_state() -> None:
    """PD says Disconnected after 20 s and Down after 30 min (P37); neither is ours."""
    assert look(last_heartbeat=NOW - timedelta(seconds=4), state=StoreState.DOWN) == ()
    assert len(look(last_heartbeat=NOW - timedelta(hours=1), state=StoreState.UP)) == 1


def test_without_any_heartbeat_our_own_sightings_tell() -> None:
    """PD forgets heartbeats with its leader: the whole threshold must pass in our sight."""
    (found,) = look(last_heartbeat=None)
    assert (found.since, found.must_last_seconds) == (None, 300)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param(ago(60), 1, id="still disconnected by PD: it goes on"),
        pytest.param(
            {"last_heartbeat": NOW - timedelta(seconds=5)}, 0, id="Up again: it has ended"
        ),
    ],
)
def test_what_was_reported_ends_when_pd_calls_it_connected(
    changes: dict[str, Any], count: int
) -> None:
    """Hysteresis: one late heartbeat between two silences is not an end."""
    assert len(look(REPORTED, **changes)) == count


@pytest.mark.parametrize(
    "changes",
    [{"labels": TIFLASH, "leader_count": 0}, {"state": StoreState.OFFLINE}],
    ids=["TiFlash", "being removed"],
)
def test_every_kind_of_store_can_be_down(changes: dict[str, Any]) -> None:
    """A silent TiFlash or leaving store is as silent."""
    assert len(look(**{**ago(400), **changes})) == 1
