"""The table of settings: complete, with PD's defaults inside its bounds, and dangers named."""

import pytest

from assent.api.v1alpha1.parameters.scheduling import ReplicationKey, ScheduleKey
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.setting_value import parse
from assent.core.actions.settings_table import PLACEMENT_KEYS, REPLICATION, SCHEDULE, Setting

ROWS = [
    *(pytest.param(row, id=key) for key, row in SCHEDULE.items()),
    *(pytest.param(row, id=key) for key, row in REPLICATION.items()),
]


def test_every_key_of_the_api_has_a_row() -> None:
    """A key without one could be asked for, and would fail only when it is used."""
    assert set(SCHEDULE) == set(ScheduleKey)
    assert set(REPLICATION) == set(ReplicationKey)
    assert set(REPLICATION) >= PLACEMENT_KEYS


@pytest.mark.trap("P09")
@pytest.mark.parametrize(
    "key",
    [
        pytest.param("leader-schedule-limits", id="a mistyped key: PD would ignore it silently"),
        pytest.param("enable-placement-rules", id="5.2: false drops every rule"),
        pytest.param("max-merge-region-keys", id="GET shows a derived value: no way back"),
        pytest.param("store-limit-version", id="changes what every store limit means"),
        pytest.param("schedulers-v2", id="that is AddScheduler and RemoveScheduler"),
        pytest.param("cluster-version", id="5.2: locks stores out"),
        pytest.param("replication-mode", id="another section"),
    ],
)
def test_p09_other_keys_do_not_exist(key: str) -> None:
    """The API server refuses them: the key is an enum."""
    with pytest.raises(ValueError, match=key):
        ScheduleKey(key)
    with pytest.raises(ValueError, match=key):
        ReplicationKey(key)


@pytest.mark.parametrize("row", ROWS)
def test_pds_default_may_be_asked_for(row: Setting) -> None:
    """Whoever wants to restore PD's default can."""
    assert row.fault(row.default) is None


@pytest.mark.parametrize("row", ROWS)
def test_a_raised_tier_is_said_in_words(row: Setting) -> None:
    """The reference lists what raises the tier."""
    assert (row.raised is None) == (row.raised_by == "")


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        (ScheduleKey.LEADER_SCHEDULE_LIMIT, "129", "is not between 0 and 128"),
        (ScheduleKey.LEADER_SCHEDULE_LIMIT, "four", "is not a whole number"),
        (ScheduleKey.SCHEDULER_MAX_WAITING_OPERATOR, "0", "is not between 1 and 1024"),
        (ScheduleKey.MAX_SNAPSHOT_COUNT, "0", "is not between 1 and 1024"),
        (ScheduleKey.LOW_SPACE_RATIO, "0.99", "is not between 0.5 and 0.95"),
        (ScheduleKey.MAX_STORE_DOWN_TIME, "30s", "is not between 60 s and 604800 s"),
        (ScheduleKey.PATROL_REGION_INTERVAL, "1ms", "is not between 0.01 s and 10 s"),
        (ScheduleKey.LEADER_SCHEDULE_POLICY, "weight", "is none of count, size"),
        (ScheduleKey.HALT_SCHEDULING, "on", "is not true or false"),
    ],
)
def test_a_fault_names_bounds_or_form(key: ScheduleKey, text: str, why: str) -> None:
    """The sentence must say what would be right."""
    assert why in (SCHEDULE[key].fault(text) or "")


@pytest.mark.trap("P18", "P30")
@pytest.mark.parametrize(
    ("key", "old", "new", "tier"),
    [
        pytest.param("leader-schedule-limit", "4", "0", Tier.HIGH, id="P30: evictions stop"),
        pytest.param("region-schedule-limit", "2048", "0", Tier.HIGH, id="balance stops"),
        pytest.param("replica-schedule-limit", "64", "0", Tier.HIGH, id="P30: repair stops"),
        pytest.param("leader-schedule-limit", "4", "1", None, id="slower is not stopped"),
        pytest.param("merge-schedule-limit", "8", "0", None, id="nothing but merges stops"),
        pytest.param("halt-scheduling", "false", "true", Tier.HIGH, id="all stops"),
        pytest.param("halt-scheduling", "true", "false", None, id="all goes on"),
        pytest.param("enable-make-up-replica", "true", "false", Tier.HIGH, id="repair stops"),
        pytest.param("enable-remove-down-replica", "true", "false", Tier.HIGH, id="as well"),
        pytest.param("enable-replace-offline-replica", "true", "false", Tier.HIGH, id="drains"),
        pytest.param("enable-remove-extra-replica", "true", "false", Tier.HIGH, id="extras"),
        pytest.param("enable-make-up-replica", "false", "true", None, id="repair starts"),
        pytest.param("enable-tikv-split-region", "true", "false", Tier.HIGH, id="regions grow"),
        pytest.param("enable-joint-consensus", "true", "false", Tier.HIGH, id="unsafe changes"),
        pytest.param("max-store-down-time", "30m0s", "5m", Tier.HIGH, id="restarts move data"),
        pytest.param("max-store-down-time", "30m0s", "1h", None, id="a longer maintenance"),
        pytest.param("max-store-down-time", "30m0s", "48h", Tier.HIGH, id="no repair for days"),
        pytest.param("low-space-ratio", "0.8", "0.92", Tier.HIGH, id="disks fill"),
        pytest.param("low-space-ratio", "0.8", "0.85", None, id="some more"),
    ],
)
def test_dangerous_values_are_high(key: str, old: str, new: str, tier: Tier | None) -> None:
    """5.2: what stops repair or scheduling silently needs two people."""
    row = SCHEDULE[ScheduleKey(key)]
    value = parse(row.kind, new)
    assert value is not None
    raised = row.raised(parse(row.kind, old), value) if row.raised else None
    assert (raised[0] if raised else None) is tier


@pytest.mark.parametrize(
    ("old", "new", "tier"),
    [
        pytest.param(3, 5, Tier.HIGH, id="copies every region"),
        pytest.param(5, 3, Tier.HIGH, id="deletes copies, three stay"),
        pytest.param(3, 2, Tier.CRITICAL, id="one store lost: no majority"),
        pytest.param(3, 1, Tier.CRITICAL, id="one store lost: data lost"),
        pytest.param(5, 1, Tier.CRITICAL, id="from five, too"),
        pytest.param(1, 2, Tier.HIGH, id="raising is better than before"),
        pytest.param(None, 3, Tier.CRITICAL, id="nobody knows how many there are"),
    ],
)
def test_fewer_replicas_than_three_are_critical(old: int | None, new: int, tier: Tier) -> None:
    """Lowering deletes data copies (pd-api.md 1.7): undone, they have to be made anew."""
    rule = REPLICATION[ReplicationKey.MAX_REPLICAS].raised
    assert rule is not None
    raised = rule(old, new)
    assert raised is not None
    assert raised[0] is tier


@pytest.mark.parametrize(
    ("key", "new", "tier"),
    [
        (ReplicationKey.LOCATION_LABELS, ("zone",), Tier.HIGH),
        (ReplicationKey.ISOLATION_LEVEL, "zone", Tier.HIGH),
        (ReplicationKey.STRICTLY_MATCH_LABEL, True, Tier.HIGH),
        (ReplicationKey.STRICTLY_MATCH_LABEL, False, None),
    ],
)
def test_placement_is_high(key: ReplicationKey, new: object, tier: Tier | None) -> None:
    """Data moves, or a store cannot start."""
    rule = REPLICATION[key].raised
    assert rule is not None
    raised = rule("", new)  # type: ignore[arg-type]  # any value
    assert (raised[0] if raised else None) is tier


@pytest.mark.parametrize(
    ("key", "shown", "value"),
    [
        pytest.param(ScheduleKey.HALT_SCHEDULING, {}, "false", id="omitempty: false is absent"),
        pytest.param(ScheduleKey.HALT_SCHEDULING, {"halt-scheduling": "true"}, "true", id="true"),
        pytest.param(ScheduleKey.LEADER_SCHEDULE_LIMIT, {}, None, id="this PD has no such key"),
    ],
)
def test_what_pd_leaves_out_is_known(
    key: ScheduleKey, shown: dict[str, str], value: str | None
) -> None:
    """pd-api.md 1.7: halt-scheduling is missing when false; all others are always there."""
    assert SCHEDULE[key].shown(shown, key) == value
