"""Pauses and denied ranges, as far as PD shows them: whose they are, and who waits for them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from assent.api.v1alpha1.actions import Action, ActionType, Plan, PlanStep, action
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import DrainStore, EvictLeaders
from assent.core.actions.action import Scope
from assent.core.actions.catalogue import SINGLES
from assent.core.model.placement import RegionLabelRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import BALANCERS, ClusterSnapshot
from assent.core.model.verdict import Allow, Hold, Verdict, Warn
from assent.core.policy.deed import Deed, deeds_of
from assent.core.policy.other_controllers import check_others, readings_for, wanted_for
from tests.support import snapshots

LATER = snapshots.NOW + timedelta(minutes=5)
ALL_BALANCERS = dict.fromkeys(BALANCERS, LATER)
JOB = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def paused(names: Mapping[str, datetime]) -> ClusterSnapshot:
    """A cluster with these pauses."""
    return snapshots.snapshot(paused_schedulers=names)


def on_store(of: ActionType, *settings: str) -> Deed:
    """The deed on store 4."""
    return Deed(of, Scope(store_ids=frozenset({4}), settings=frozenset(settings)))


def only(deed: Deed, snapshot: ClusterSnapshot, *ours: str) -> Verdict:
    """The verdict of the one check that there is."""
    (check,) = check_others([deed], None, snapshot, frozenset(ours))
    return check.verdict


@pytest.mark.parametrize(
    ("of", "pauses", "expected"),
    [
        pytest.param(ActionType.EVICT_LEADERS, {}, Allow, id="nothing paused"),
        pytest.param(
            ActionType.EVICT_LEADERS, {"evict-leader-scheduler": LATER}, Hold,
            id="no leader would leave",
        ),
        pytest.param(
            ActionType.EVICT_LEADERS, {"evict-leader-scheduler": snapshots.NOW}, Allow,
            id="a pause that is over",
        ),
        pytest.param(
            ActionType.EVICT_LEADERS, {"balance-leader-scheduler": LATER}, Allow,
            id="an eviction needs no balancing",
        ),
        pytest.param(ActionType.EVICT_LEADERS, ALL_BALANCERS, Warn, id="BR may be at work"),
        pytest.param(ActionType.DRAIN_STORE, ALL_BALANCERS, Hold, id="never drain under BR"),
        pytest.param(
            ActionType.DRAIN_STORE, {"balance-leader-scheduler": LATER}, Allow,
            id="a drain needs no balancer",
        ),
        pytest.param(
            ActionType.STOP_EVICT_LEADERS, {"balance-leader-scheduler": LATER}, Warn,
            id="no leader would come back",
        ),
        pytest.param(
            ActionType.SET_STORE_WEIGHT, {"balance-region-scheduler": LATER}, Warn,
            id="nothing would follow the weight",
        ),
        pytest.param(
            ActionType.CANCEL_DRAIN, {"balance-region-scheduler": LATER}, Warn,
            id="nothing would come back to the store",
        ),
    ],
)  # fmt: skip
def test_a_pause_matters_to_what_relies_on_the_scheduler(
    of: ActionType, pauses: Mapping[str, datetime], expected: type[Verdict]
) -> None:
    """A hold only where the action would come to nothing, or in the way of a bulk job."""
    found = only(on_store(of), paused(pauses))
    assert isinstance(found, expected), found


def test_a_hold_for_a_pause_ends_with_it() -> None:
    """PD resumes by itself, so it is looked at again then."""
    found = only(on_store(ActionType.EVICT_LEADERS), paused({"evict-leader-scheduler": LATER}))
    assert isinstance(found, Hold)
    assert found.until == LATER
    assert "somebody paused evict-leader-scheduler until 2026-03-01T12:05:00Z" in found.message


def test_pauses_of_our_own_are_nobody_elses() -> None:
    """A plan may pause the balancers before it drains."""
    ours = [f"scheduler/{name}" for name in BALANCERS]
    assert isinstance(only(on_store(ActionType.DRAIN_STORE), paused(ALL_BALANCERS), *ours), Allow)


@pytest.mark.parametrize("of", [ActionType.RESUME_SCHEDULER, ActionType.REMOVE_SCHEDULER])
def test_ending_somebodys_pause_is_warned_of(of: ActionType) -> None:
    """It is approved by people; they shall know that somebody else paused it."""
    deed = Deed(of, Scope(settings=frozenset({"scheduler/balance-leader-scheduler"})))
    found = only(deed, paused({"balance-leader-scheduler": LATER}))
    assert isinstance(found, Warn)
    assert "PD does not show who" in found.message
    assert isinstance(only(deed, paused({"balance-region-scheduler": LATER})), Allow)
    assert isinstance(only(deed, paused(ALL_BALANCERS)), Warn)


def rule(rule_id: str = JOB, *, ttl: str | None = "5m0s", **changes: Any) -> RegionLabelRule:
    """A rule that denies scheduling of the keys from 10 to 20."""
    label = {"key": "schedule", "value": "deny", **({} if ttl is None else {"ttl": ttl})}
    fields: dict[str, Any] = {
        "id": rule_id,
        "labels": {"schedule": "deny"},
        "ranges": (("10", "20"),),
        "document": {"id": rule_id, "labels": [label]},
    }
    return RegionLabelRule(**{**fields, **changes})


def with_rule(found: RegionLabelRule, start: str = "15", end: str = "18") -> ClusterSnapshot:
    """A cluster with that rule, and with region 17 of those keys."""
    region = snapshots.region(17, start_key=start, end_key=end)
    return snapshots.snapshot(regions=[region], label_rules=(found,))


MOVE = Deed(ActionType.TRANSFER_LEADER, Scope(region_ids=frozenset({17})))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(rule(), Hold, id="a job's: named by a UUID, lapses by itself"),
        pytest.param(rule(JOB.upper()), Hold, id="in capitals"),
        pytest.param(rule(ttl=None), Warn, id="does not lapse: a person's"),
        pytest.param(rule("keep-table-7"), Warn, id="a person's name"),
        pytest.param(rule(labels={"schedule": "allow"}), Allow, id="allows"),
        pytest.param(rule(labels={"zone": "deny"}), Allow, id="another label"),
        pytest.param(rule(document={}), Warn, id="without the labels as PD shows them"),
    ],
)
def test_a_range_that_somebody_denies_is_respected(
    found: RegionLabelRule, expected: type[Verdict]
) -> None:
    """PD itself would carry out the operator: it looks at the rule for its own only."""
    assert isinstance(only(MOVE, with_rule(found)), expected)


@pytest.mark.parametrize(
    ("start", "end", "met"),
    [
        ("15", "18", True),
        ("", "", True),
        ("1F", "30", True),
        ("", "11", True),
        ("", "10", False),
        ("20", "30", False),
        ("20", "", False),
    ],
)
def test_only_regions_that_share_a_key_are_meant(start: str, end: str, met: bool) -> None:
    """Both ends are as PD's: the first is in, the last is out, empty is no bound."""
    assert isinstance(only(MOVE, with_rule(rule(), start, end)), Hold) is met


def test_an_open_rule_covers_everything_and_case_does_not_matter() -> None:
    """PD writes keys of rules in lower case and those of regions in upper case."""
    assert isinstance(only(MOVE, with_rule(rule(ranges=(("", ""),)))), Hold)
    meant = rule(ranges=(("aa", "bb"),))
    assert isinstance(only(MOVE, with_rule(meant, "AA", "AB")), Hold)


def test_our_own_rule_is_no_obstacle() -> None:
    """pd-api.md 2.8: a leader that is moved is kept there by a rule that denies scheduling."""
    assert isinstance(only(MOVE, with_rule(rule()), f"label-rule/{JOB}"), Allow)


def test_what_was_not_read_is_not_judged() -> None:
    """The look asks for it wherever it matters, and says when it could not."""
    plain = snapshots.snapshot()
    assert check_others([MOVE, on_store(ActionType.EVICT_LEADERS)], None, plain) == ()


@pytest.mark.parametrize("of", list(SINGLES))
def test_whatever_is_judged_is_asked_for(of: ActionType) -> None:
    """A check that PD was never read for would be silent for ever."""
    deed = Deed(of, Scope(store_ids=frozenset({4}), region_ids=frozenset({17})))
    seen = snapshots.snapshot(regions=[snapshots.region(17)], label_rules=(), paused_schedulers={})
    names = {check.name for check in check_others([deed], None, seen)}
    asked = readings_for([deed])
    assert ("NobodyPaused" in names) is (Reading.PAUSES in asked)
    assert ("NobodyDeniesRange" in names) is (Reading.REGION_LABELS in asked)


def test_a_look_is_asked_for_by_the_action_and_by_these_checks() -> None:
    """One snapshot serves both."""
    found = wanted_for(action(TransferLeader(region_id=17, to_store_id=2)))
    assert found.region_ids == {17}
    assert Reading.REGION_LABELS in found.readings
    assert Reading.PAUSES in wanted_for(action(EvictLeaders(store_id=4))).readings


def test_a_plan_is_judged_step_by_step() -> None:
    """Each step is a deed of its own."""
    steps = [
        PlanStep(type=ActionType.EVICT_LEADERS, evict_leaders=EvictLeaders(store_id=4)),
        PlanStep(type=ActionType.DRAIN_STORE, drain_store=DrainStore(store_id=5)),
    ]
    asked: Action = action(Plan(steps=steps))
    assert [deed.type for deed in deeds_of(asked)] == [
        ActionType.EVICT_LEADERS,
        ActionType.DRAIN_STORE,
    ]
    assert [sorted(deed.scope.store_ids) for deed in deeds_of(asked)] == [[4], [5]]
