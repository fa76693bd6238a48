"""Schedulers and settings for tests: what PD shows of them, asks, and what a call makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.scheduling import (
    AddScheduler,
    PauseScheduler,
    RemoveScheduler,
    ReplicationKey,
    ResumeScheduler,
    ScheduleKey,
    SchedulerName,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.core.actions.setting_value import Kind
from assent.core.actions.settings_table import PLACEMENT_KEYS, REPLICATION, SCHEDULE, Setting
from assent.core.model.call import PdCall
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot

DEFAULTS = frozenset(
    {
        "balance-hot-region-scheduler",
        "balance-leader-scheduler",
        "balance-region-scheduler",
        "evict-slow-store-scheduler",
    }
)
"""Schedulers that the PD of the tests disables instead of erasing them."""

SETTINGS = {
    **{str(key): row.default for key, row in SCHEDULE.items() if row.absent is None},
    "max-merge-region-keys": "200000",
    "region-score-formula-version": "v2",
}
"""GET /config/schedule of a new cluster, of what is of interest; halt-scheduling is absent."""

REPLICATION_SETTINGS = {
    **{str(key): row.default for key, row in REPLICATION.items()},
    "enable-placement-rules": "true",
}
"""GET /config/replicate of a new cluster."""

HALT = "halt-scheduling"


def default_rule(count: int = 3, labels: str = "", level: str = "") -> PlacementRule:
    """Return the rule pd/default, as PD writes it."""
    document: dict[str, object] = {"group_id": "pd", "id": "default", "count": count}
    if labels:
        document["location_labels"] = labels.split(",")
    if level:
        document["isolation_level"] = level
    return PlacementRule("pd", "default", "voter", count, "", "", document)  # type: ignore[arg-type]


def dressed(seen: ClusterSnapshot, **settings: str) -> ClusterSnapshot:
    """Return the cluster with all readings of schedulers and settings, as a new PD shows them.

    ``settings`` with underscores are of the section schedule. What ``seen.schedule`` says stands.
    """
    shown = {**SETTINGS, **{name.replace("_", "-"): text for name, text in settings.items()}}
    schedule = seen.schedule
    shown["leader-schedule-limit"] = str(schedule.leader_schedule_limit)
    shown["scheduler-max-waiting-operator"] = str(schedule.scheduler_max_waiting_operator)
    if schedule.halt_scheduling:
        shown[HALT] = "true"
    disabled = DEFAULTS - set(seen.schedulers) if seen.prepared else frozenset()
    return replace(
        seen,
        settings=shown,
        replication=dict(REPLICATION_SETTINGS),
        placement_rules=(default_rule(),),
        paused_schedulers={},
        disabled_schedulers=disabled,
    )


# What the calls make of a cluster


class NoSuchCallError(Exception):
    """PD would refuse the call."""


def apply_scheduling(call: PdCall, seen: ClusterSnapshot) -> ClusterSnapshot | None:
    """Return the snapshot after a call of this group, None when it is none of it.

    Raises:
        NoSuchCallError: PD would refuse.
    """
    body = call.body or {}
    path = call.path.removeprefix("/pd/api/v1")
    if (call.method, path) == ("POST", "/config"):
        ((item, value),) = body.items()
        section, _, key = item.partition(".")
        text = str(value)
        return _scheduled(seen, key, text) if section == "schedule" else _placed(seen, key, text)
    if (call.method, path) == ("POST", "/schedulers") and body["name"] in set(SchedulerName):
        return _added(seen, str(body["name"]))
    if not path.startswith("/schedulers/"):
        return None
    name = path.removeprefix("/schedulers/")
    if name not in seen.schedulers:
        raise NoSuchCallError(f"404 scheduler {name} not found")
    return _removed(seen, name) if call.method == "DELETE" else _paused(seen, name, body["delay"])


def _scheduled(seen: ClusterSnapshot, key: str, text: str) -> ClusterSnapshot:
    setting = SCHEDULE[ScheduleKey(key)]
    shown = {**seen.settings, key: _as_shown(setting, text)}
    if key == "max-merge-region-size":
        shown["max-merge-region-keys"] = str(int(text) * 10000)
    if shown.get(HALT) == "false":
        del shown[HALT]
    schedule = replace(
        seen.schedule,
        leader_schedule_limit=int(shown["leader-schedule-limit"]),
        scheduler_max_waiting_operator=int(shown["scheduler-max-waiting-operator"]),
        halt_scheduling=HALT in shown,
    )
    return replace(seen, settings=shown, schedule=schedule)


def _placed(seen: ClusterSnapshot, key: str, text: str) -> ClusterSnapshot:
    shown = {**(seen.replication or {}), key: text}
    if ReplicationKey(key) not in PLACEMENT_KEYS:
        return replace(seen, replication=shown)
    rule = default_rule(
        int(shown["max-replicas"]), shown["location-labels"], shown["isolation-level"]
    )
    return replace(seen, replication=shown, placement_rules=(rule,))


def _as_shown(setting: Setting, text: str) -> str:
    """Return the text as PD would write it; the tests ask only for durations in its own form."""
    if setting.kind is Kind.RATIO and float(text).is_integer():
        return str(int(float(text)))
    return text


def _added(seen: ClusterSnapshot, name: str) -> ClusterSnapshot:
    if name in seen.schedulers:
        raise NoSuchCallError("500 scheduler existed")
    disabled = (seen.disabled_schedulers or frozenset()) - {name}
    names = tuple(sorted([*seen.schedulers, name]))
    return replace(seen, schedulers=names, disabled_schedulers=disabled)


def _removed(seen: ClusterSnapshot, name: str) -> ClusterSnapshot:
    disabled = seen.disabled_schedulers or frozenset()
    return replace(
        seen,
        schedulers=tuple(one for one in seen.schedulers if one != name),
        disabled_schedulers=disabled | ({name} & DEFAULTS),
        paused_schedulers=_without(seen, name),
    )


def _paused(seen: ClusterSnapshot, name: str, delay: object) -> ClusterSnapshot:
    assert isinstance(delay, int)
    paused = _without(seen, name)
    if delay > 0:
        paused[name] = seen.taken_at + timedelta(seconds=delay)
    return replace(seen, paused_schedulers=paused)


def _without(seen: ClusterSnapshot, name: str) -> dict[str, datetime]:
    return {key: until for key, until in (seen.paused_schedulers or {}).items() if key != name}


# Asks for generated clusters

Row = Callable[[st.DrawFn, ClusterSnapshot], tuple[ApiModel, ClusterSnapshot]]

_TEXTS = {
    Kind.INTEGER: ["0", "1", "2", "4", "5", "64", "128", "1000000", "-1", "many"],
    Kind.RATIO: ["0", "0.6", "0.75", "0.8", "0.85", "0.95", "1.5", "half"],
    Kind.DURATION: ["10ms", "30s", "5m0s", "30m0s", "1h0m0s", "48h0m0s", "never"],
    Kind.BOOLEAN: ["true", "false", "yes"],
    Kind.WORD: ["count", "size", "weight"],
    Kind.LABEL: ["", "zone", "host", "a b"],
    Kind.LABELS: ["", "zone", "zone,host", "zone,zone", ","],
}


def _scheduler(draw: st.DrawFn) -> SchedulerName:
    name: SchedulerName = draw(st.sampled_from(SchedulerName))
    return name


def _with_pauses(draw: st.DrawFn, seen: ClusterSnapshot, name: SchedulerName) -> ClusterSnapshot:
    """Return the cluster, dressed, with some schedulers paused: this one more often than not."""
    seen = dressed(seen)
    if not seen.prepared:
        return seen
    seconds = st.sampled_from([-5, 1, 60, 500, 86400 * 30])
    names = st.sets(st.sampled_from([name, *seen.schedulers]), max_size=3)
    paused = {
        one: seen.taken_at + timedelta(seconds=draw(seconds))
        for one in sorted(draw(names))
        if one in seen.schedulers
    }
    # What is over is no longer shown.
    shown = {one: until for one, until in paused.items() if until > seen.taken_at}
    return replace(seen, paused_schedulers=draw(st.sampled_from([shown, shown, shown, None])))


def _add(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    return AddScheduler(name=_scheduler(draw)), dressed(seen)


def _remove(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    name = _scheduler(draw)
    return RemoveScheduler(name=name), _with_pauses(draw, seen, name)


def _pause(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    name = _scheduler(draw)
    seconds = draw(st.sampled_from([30, 500, 3600, 86400]))
    return PauseScheduler(name=name, seconds=seconds), _with_pauses(draw, seen, name)


def _resume(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    name = _scheduler(draw)
    return ResumeScheduler(name=name), _with_pauses(draw, seen, name)


def _schedule_config(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    key = draw(st.sampled_from(ScheduleKey))
    value = draw(st.sampled_from(_TEXTS[SCHEDULE[key].kind]))
    seen = dressed(seen)
    if draw(st.integers(0, 9)) == 0:  # an older PD
        kept = {name: text for name, text in seen.settings.items() if name != key}
        seen = replace(seen, settings=draw(st.sampled_from([kept, {}])))
    return SetScheduleConfig(key=key, value=value), seen


def _replication_config(draw: st.DrawFn, seen: ClusterSnapshot) -> tuple[ApiModel, ClusterSnapshot]:
    key = draw(st.sampled_from(ReplicationKey))
    value = draw(st.sampled_from(_TEXTS[REPLICATION[key].kind]))
    seen = dressed(seen)
    count = draw(st.integers(1, 5))
    labels, level = draw(st.sampled_from([("", ""), ("zone,host", ""), ("zone", "zone")]))
    assert seen.replication is not None
    shown = {
        **seen.replication,
        "max-replicas": str(count),
        "location-labels": labels,
        "isolation-level": level,
    }
    # Now and then somebody has edited the rule, or another PD has none.
    same = default_rule(count, labels, level)
    rules = draw(st.sampled_from([(same,), (same,), (same,), (default_rule(4),), (), None]))
    seen = replace(seen, replication=shown, placement_rules=rules)
    return SetReplicationConfig(key=key, value=value), seen


SCHEDULING_ASKS: Mapping[ActionType, Row] = {
    ActionType.ADD_SCHEDULER: _add,
    ActionType.REMOVE_SCHEDULER: _remove,
    ActionType.PAUSE_SCHEDULER: _pause,
    ActionType.RESUME_SCHEDULER: _resume,
    ActionType.SET_SCHEDULE_CONFIG: _schedule_config,
    ActionType.SET_REPLICATION_CONFIG: _replication_config,
}
"""One row a type, for ``tests.support.asks``."""
