"""Writes to schedulers and settings: our names, one item, its own JSON type, and no TTL."""

import pytest

from assent.api.v1alpha1.parameters.scheduling import (
    ReplicationKey,
    ScheduleKey,
    SchedulerName,
)
from assent.core.actions.setting_value import wire
from assent.core.actions.settings_table import REPLICATION, SCHEDULE
from assent.core.model.call import Json, PdCall
from assent.pd.whitelist.table import allowed

SCHEDULERS = "/pd/api/v1/schedulers"
CONFIG = "/pd/api/v1/config"
LIMIT = "schedule.leader-schedule-limit"


def kind_of(method: str, path: str, body: dict[str, Json] | None = None) -> str | None:
    found = allowed(PdCall(method, path, body))
    return found.name if found else None


@pytest.mark.parametrize("name", SchedulerName)
def test_every_scheduler_of_the_list_is_added_removed_and_paused(name: SchedulerName) -> None:
    """A name that the API takes and the door does not would fail after the approvals."""
    one = f"{SCHEDULERS}/{name.value}"
    assert kind_of("POST", SCHEDULERS, {"name": name.value}) == "add-scheduler"
    assert kind_of("DELETE", one) == "remove-scheduler"
    assert kind_of("POST", one, {"delay": 600}) == "pause-scheduler"
    assert kind_of("POST", one, {"delay": 0}) == "pause-scheduler"


@pytest.mark.parametrize("key", ScheduleKey)
def test_every_scheduling_setting_is_set(key: ScheduleKey) -> None:
    """With its own JSON type."""
    row = SCHEDULE[key]
    body = {f"schedule.{key.value}": wire(row.kind, row.default)}
    assert kind_of("POST", CONFIG, body) == "schedule-config"


@pytest.mark.parametrize("key", ReplicationKey)
def test_every_replication_setting_is_set(key: ReplicationKey) -> None:
    """With its own JSON type."""
    row = REPLICATION[key]
    body = {f"replication.{key.value}": wire(row.kind, row.default)}
    assert kind_of("POST", CONFIG, body) == "replication-config"


def test_what_was_there_before_is_put_back_beyond_the_bounds_of_an_ask() -> None:
    """Somebody may have set more than we would; an undo restores it."""
    assert kind_of("POST", CONFIG, {LIMIT: 99999}) == "schedule-config"
    pause: dict[str, Json] = {"delay": 30 * 86400}
    assert kind_of("POST", f"{SCHEDULERS}/label-scheduler", pause) == "pause-scheduler"


@pytest.mark.trap("P10", "P29", "P32")
@pytest.mark.parametrize(
    ("method", "path", "body", "why"),
    [
        ("DELETE", f"{SCHEDULERS}/evict-leader-scheduler", None, "P29: ends every eviction"),
        ("DELETE", f"{SCHEDULERS}/evict-leader-scheduler-2", None, "by another door"),
        ("DELETE", f"{SCHEDULERS}/label-scheduler?x", None, "no query"),
        ("DELETE", f"{SCHEDULERS}/label-scheduler/", None, "another path"),
        ("DELETE", f"{SCHEDULERS}/all", None, "no scheduler"),
        ("DELETE", f"{SCHEDULERS}/LABEL-SCHEDULER", None, "one spelling only"),
        ("DELETE", f"{SCHEDULERS}/label-scheduler", {"x": 1}, "a body where none belongs"),
        ("POST", f"{SCHEDULERS}/all", {"delay": 60}, "P32: pauses everything, repair too"),
        ("POST", f"{SCHEDULERS}/evict-leader-scheduler", {"delay": 60}, "other people's"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {"delay": -1}, "resumes by another spelling"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {"delay": 1.5}, "no whole number"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {"delay": True}, "no number"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {"delay": "60"}, "no number"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {"delay": 10**10}, "for ever"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {"delay": 60, "x": 1}, "one field more"),
        ("POST", f"{SCHEDULERS}/label-scheduler", {}, "no time"),
        ("POST", f"{SCHEDULERS}/label-scheduler", None, "no body"),
        ("POST", SCHEDULERS, {"name": "shuffle-leader-scheduler"}, "disorder on purpose"),
        ("POST", SCHEDULERS, {"name": "scatter-range", "range_name": "x"}, "takes a range"),
        ("POST", SCHEDULERS, {"name": "label-scheduler", "x": 1}, "one field more"),
        ("POST", SCHEDULERS, {"name": ["label-scheduler"]}, "no name"),
        (
            "POST",
            "/pd/api/v1/scheduler-config/evict-leader-scheduler/config",
            {"store_id": 2},
            "P10: without a number it is applied and does nothing",
        ),
        ("POST", "/pd/api/v1/checker/replica", {"delay": 60}, "5.2: repair stops"),
    ],
)
def test_p10_p29_p32_no_other_scheduler_call_leaves(
    method: str, path: str, body: dict[str, Json] | None, why: str
) -> None:
    """Each is a call that PD would take, or nearly."""
    assert kind_of(method, path, body) is None, why


@pytest.mark.trap("P09", "P11", "P52")
@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (f"{CONFIG}?ttlSecond=60", {LIMIT: 8}, "P11: shown by no GET"),
        (f"{CONFIG}?ttlSecond=0", {LIMIT: 8}, "P11: ends somebody's override"),
        (f"{CONFIG}/schedule", {"leader-schedule-limit": 8}, "P09: ignores unknown keys"),
        (f"{CONFIG}/replicate", {"max-replicas": 5}, "P09: ignores unknown keys"),
        (f"{CONFIG}/cluster-version", {"cluster-version": "9.9.9"}, "5.2: locks stores out"),
        (CONFIG, {LIMIT: 8, "schedule.region-schedule-limit": 8}, "P09: in random order"),
        (CONFIG, {"leader-schedule-limit": 8}, "the section is named"),
        (CONFIG, {"schedule.leader-schedule-limits": 8}, "mistyped"),
        (CONFIG, {"replication.leader-schedule-limit": 8}, "another section"),
        (CONFIG, {"schedule.max-replicas": 5}, "another section"),
        (CONFIG, {"replication.enable-placement-rules": "false"}, "5.2: drops every rule"),
        (CONFIG, {"pd-server.dashboard-address": "x"}, "another section"),
        (CONFIG, {"schedule.schedule.leader-schedule-limit": 8}, "PD takes the last part"),
        (CONFIG, {LIMIT: "8"}, "text where PD wants a number"),
        (CONFIG, {LIMIT: 8.0}, "a fraction"),
        (CONFIG, {LIMIT: -1}, "PD would read it as very many"),
        (CONFIG, {"schedule.halt-scheduling": True}, "P09: booleans are strings"),
        (CONFIG, {"schedule.max-store-down-time": 1800}, "durations are text"),
        (CONFIG, {"replication.location-labels": ["zone"]}, "labels are one text"),
        (CONFIG, {}, "says nothing"),
        (CONFIG, None, "no body"),
    ],
)
def test_p09_p11_no_other_setting_leaves(path: str, body: dict[str, Json] | None, why: str) -> None:
    """5.2: what is dangerous is not on the list, or at its tier in the table."""
    assert kind_of("POST", path, body) is None, why
