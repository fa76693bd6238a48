"""SetRegionLabelRule and DeleteRegionLabelRule: labels there and back, and those that end."""

from datetime import timedelta
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.placement import (
    DeleteRegionLabelRule,
    KeyRange,
    RegionLabel,
    SetRegionLabelRule,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import label_rules
from assent.core.actions.action import Progress, Scope
from assent.core.actions.delete_region_label_rule import DeleteRegionLabelRuleAction
from assent.core.actions.set_region_label_rule import SetRegionLabelRuleAction
from assent.core.model.call import PdCall
from assent.core.model.placement import RegionLabelRule
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Deny, Hold, Verdict, Warn
from tests.support.placement import UNIX_DATE, apply_placement, label_rule, placed
from tests.support.snapshots import NOW, unprepared

SET, DELETE = SetRegionLabelRuleAction(), DeleteRegionLabelRuleAction()
GONE = DeleteRegionLabelRule(id="team/window")
UNREAD = placed(label_rules=None)
RULE_PATH = "/pd/api/v1/config/region-label/rule"


def deny(ttl: str | None = "30m", **fields: Any) -> SetRegionLabelRule:
    """Deny scheduling for a range, for half an hour unless told otherwise."""
    asked: dict[str, Any] = {
        "id": "team/window",
        "labels": (RegionLabel(key="schedule", value="deny", ttl=ttl),),
        "ranges": (KeyRange(start_key="74ab", end_key="75"),),
    }
    return SetRegionLabelRule.model_validate({**asked, **fields})


def timed(minutes_ago: int, ttl: str = "30m") -> RegionLabelRule:
    """The rule of ``deny()`` as PD shows it, begun some minutes ago."""
    start = (NOW - timedelta(minutes=minutes_ago)).strftime(UNIX_DATE)
    label = {"key": "schedule", "value": "deny", "ttl": ttl, "start_at": start}
    return label_rule("team/window", label, data=[{"start_key": "74AB", "end_key": "75"}])


def labelled(*rules: RegionLabelRule, **changes: Any) -> ClusterSnapshot:
    return placed(label_rules=rules, **changes)


def verdicts(params: Any, seen: ClusterSnapshot) -> dict[str, Verdict]:
    action = SET if isinstance(params, SetRegionLabelRule) else DELETE
    checks = action.preconditions(params, seen)
    return {check.name: check.verdict for check in checks}


def reasons(params: Any, seen: ClusterSnapshot) -> dict[str, str]:
    return {
        name: verdict.reason
        for name, verdict in verdicts(params, seen).items()
        if isinstance(verdict, Hold | Deny)
    }


def test_the_call_is_one_whole_rule_and_dates_nothing() -> None:
    """When a label's time begins is for PD to say."""
    assert SET.call(deny()) == PdCall(
        "POST",
        RULE_PATH,
        {
            "id": "team/window",
            "index": 0,
            "labels": [{"key": "schedule", "value": "deny", "ttl": "30m"}],
            "rule_type": "key-range",
            "data": [{"start_key": "74AB", "end_key": "75"}],
        },
    )
    (label,) = label_rules.labels_of(SET.call(deny(ttl=None)).body or {})
    assert label == {"key": "schedule", "value": "deny"}


def test_an_id_with_a_slash_is_escaped() -> None:
    """PD unescapes it; as it stands it would be two parts of the path."""
    assert DELETE.call(GONE) == PdCall("DELETE", f"{RULE_PATH}/team%2Fwindow")


def test_a_new_rule_is_deleted_again_and_a_former_one_put_back() -> None:
    """Each inverse is exactly what was before."""
    before = SET.before(deny(), labelled())
    assert before == (Fact(name="rule", value="absent"),)
    assert SET.inverse(deny(), before) == label_rules.delete("team/window")
    former = timed(5)
    captured = SET.before(deny(), labelled(former))
    for undo in (SET.inverse(deny(), captured), DELETE.inverse(GONE, captured)):
        assert undo == label_rules.put(former.document), "with its start, so that it ends in time"
    assert SET.inverse(deny(), ()) is None
    assert DELETE.inverse(GONE, before) is None


def test_the_effect_is_what_pd_shows() -> None:
    """Of both actions; unchanged is what was captured."""
    empty, former = labelled(), labelled(label_rule("team/window"))
    before = SET.before(deny(), empty)
    after = apply_placement(SET.call(deny()), empty)
    assert after is not None
    assert SET.verify(deny(), before, empty).progress is Progress.NOT_SEEN
    assert SET.verify(deny(), before, former).progress is Progress.NOT_SEEN
    assert SET.verify(deny(), before, after).progress is Progress.SETTLED
    assert SET.unchanged(deny(), before, empty)
    assert not SET.unchanged(deny(), before, after)
    was = DELETE.before(GONE, former)
    assert DELETE.verify(GONE, was, former).progress is Progress.NOT_SEEN
    assert DELETE.verify(GONE, was, empty).progress is Progress.SETTLED
    assert DELETE.unchanged(GONE, was, former)
    assert not DELETE.unchanged(GONE, was, empty)


@pytest.mark.parametrize(
    ("shown", "done"),
    [
        pytest.param((timed(0),), True, id="its time has just begun"),
        pytest.param((timed(5),), False, id="another round is another half hour"),
        pytest.param((timed(0, "1h"),), False, id="another ttl"),
        pytest.param((), False, id="none"),
        pytest.param(
            (label_rule("team/window", data=[{"start_key": "74AB", "end_key": "75"}]),),
            False,
            id="for ever is not half an hour",
        ),
    ],
)
def test_with_a_ttl_only_what_has_just_begun_is_done(
    shown: tuple[RegionLabelRule, ...], *, done: bool
) -> None:
    """Whoever asks for half an hour gets half an hour."""
    assert SET.already_done(deny(), labelled(*shown)) is done


def test_a_renewal_is_seen_by_its_new_start() -> None:
    """Else the old label would pass for the new one."""
    old = labelled(timed(20))
    before = SET.before(deny(), old)
    assert SET.verify(deny(), before, old).progress is Progress.NOT_SEEN
    assert SET.verify(deny(), before, labelled(timed(1))).progress is Progress.SETTLED


@pytest.mark.parametrize(
    ("shown", "unchanged"),
    [
        pytest.param((timed(20),), True, id="it is there"),
        pytest.param((), False, id="it is gone before its time"),
        pytest.param((timed(19),), False, id="somebody renewed it"),
    ],
)
def test_a_rule_that_runs_is_unchanged_while_it_stands(
    shown: tuple[RegionLabelRule, ...], *, unchanged: bool
) -> None:
    """It has ten minutes left."""
    before = SET.before(deny(), labelled(timed(20)))
    assert SET.unchanged(deny(), before, labelled(*shown)) is unchanged


def test_a_rule_whose_time_is_over_by_now_need_not_be_put_back() -> None:
    """PD would refuse it (400), and it would be gone anyway."""
    before = DELETE.before(GONE, labelled(timed(20)))
    later = NOW + timedelta(minutes=11)
    assert SET.unchanged(deny(), before, labelled(taken_at=later))
    assert not SET.unchanged(deny(), before, UNREAD)


@pytest.mark.parametrize(
    ("label", "over"),
    [
        ({"ttl": "30m", "start_at": "Sun Mar  1 11:00:00 UTC 2026"}, True),
        ({"ttl": "2h", "start_at": "Sun Mar  1 11:00:00 UTC 2026"}, False),
        ({"ttl": "30m", "start_at": "Sun Mar  1 11:00:00 CST 2026"}, False),
        ({"ttl": "1.5h", "start_at": "Sun Mar  1 01:00:00 UTC 2026"}, False),
        ({"ttl": "30m"}, False),
        ({}, False),
    ],
)
def test_only_what_is_certainly_over_counts_as_gone(label: dict[str, str], *, over: bool) -> None:
    """Another zone's short name says too little, and Go knows durations that we do not."""
    shown = label_rule("team/window", {"key": "a", "value": "b", **label})
    before = SET.before(deny(), labelled(shown))
    assert SET.unchanged(deny(), before, labelled()) is over


@pytest.mark.parametrize(
    ("params", "tier"),
    [
        pytest.param(deny(), Tier.MEDIUM, id="half an hour, one range"),
        pytest.param(deny(ttl=None), Tier.HIGH, id="for ever"),
        pytest.param(deny(ranges=(KeyRange(),)), Tier.HIGH, id="all keys"),
        pytest.param(
            deny(labels=(RegionLabel(key="team", value="red"),), ranges=(KeyRange(),)),
            Tier.MEDIUM,
            id="a label that stops nothing",
        ),
    ],
)
def test_denying_for_ever_or_everywhere_is_high(params: SetRegionLabelRule, tier: Tier) -> None:
    """Balance stops there, and nothing reports it."""
    assert SET.risk(params, labelled()).tier is tier
    assert isinstance(verdicts(params, labelled())["DenyEnds"], Warn) == (
        params.labels[0].value == "deny" and params.labels[0].ttl is None
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"ranges": (KeyRange(start_key="75", end_key="74"),)}, "RangeEmpty", id="range"
        ),
        pytest.param({"labels": (RegionLabel(key="a", value="b"),) * 2}, "LabelTwice", id="twice"),
        pytest.param({"ttl": "59s"}, "TooShort", id="over before it is seen"),
    ],
)
def test_an_ask_that_means_nothing_is_refused_for_good(fields: dict[str, Any], reason: str) -> None:
    """Deny: no change of facts can heal it."""
    verdict = verdicts(deny(**fields), labelled())["RuleMakesSense"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


@pytest.mark.parametrize("rule_id", ["keyspaces/0", "schema/test/t1"])
def test_rules_that_others_keep_are_left_to_them(rule_id: str) -> None:
    """PD's keyspaces and TiDB's table attributes."""
    for params in (deny(id=rule_id), DeleteRegionLabelRule(id=rule_id)):
        verdict = verdicts(params, labelled(label_rule(rule_id)))["RuleUnmanaged"]
        assert isinstance(verdict, Deny)
        assert rule_id in verdict.message


@pytest.mark.parametrize(
    ("former", "reason"),
    [
        pytest.param(label_rule("team/window", news=1), "RuleNotUnderstood", id="a newer field"),
        pytest.param(
            label_rule("team/window", {"key": "a", "value": "b", "news": "1"}),
            "RuleNotUnderstood",
            id="in a label",
        ),
        pytest.param(
            label_rule("team/window", data=[{"start_key": "74" * 600, "end_key": "75" * 600}]),
            "RuleTooLong",
            id="too long to keep",
        ),
    ],
)
def test_a_rule_that_could_not_be_put_back_is_left_alone(
    former: RegionLabelRule, reason: str
) -> None:
    """Nothing is captured halfway."""
    for params in (deny(), GONE):
        assert reasons(params, labelled(former)) == {"RuleCaptured": reason}


def test_labels_that_are_no_list_are_none() -> None:
    """A rule of another shape is not read halfway."""
    assert label_rules.labels_of({"labels": "schedule=deny"}) == []
    assert label_rules.labels_of({}) == []


def test_a_rule_that_ends_by_itself_is_a_warning() -> None:
    """It is put back only while its time lasts."""
    for params in (deny(), GONE):
        assert isinstance(verdicts(params, labelled(timed(5)))["RuleCaptured"], Warn)


def test_without_the_rules_nothing_is_judged() -> None:
    """What is not known is not permitted, and not done."""
    for params, action in ((deny(), SET), (GONE, DELETE)):
        assert reasons(params, UNREAD) == {"LabelRulesKnown": "LabelRulesUnknown"}
        assert reasons(params, unprepared(labelled())) == {"Prepared": "PDNotReady"}
        assert action.before(params, UNREAD) == ()  # type: ignore[arg-type]
        assert action.target(params, UNREAD) is None  # type: ignore[arg-type]
    assert not DELETE.already_done(GONE, UNREAD)


def test_the_target_is_the_rule_as_it_stands() -> None:
    """Another change of it between approval and execution voids the approval."""
    absent, there = (DELETE.target(GONE, labelled(*r)) for r in ((), (timed(1),)))
    assert absent is not None
    assert there is not None
    assert (absent.id, absent.identity[0].value) == ("label-rule/team/window", "absent")
    assert "30m" in there.identity[0].value


def test_what_they_say_of_themselves() -> None:
    """The words people approve, and what they are in conflict with."""
    assert SET.sentence(deny()) == (
        "set region label rule team/window: schedule=deny for 30m on keys [74AB, 75)"
    )
    assert DELETE.sentence(GONE) == "delete region label rule team/window"
    assert "region-label/rule -d '{" in SET.pd_ctl(deny())
    assert DELETE.pd_ctl(GONE).endswith("/rule/team%2Fwindow")
    assert (
        SET.scope(deny())
        == DELETE.scope(GONE)
        == Scope(settings=frozenset({"label-rule/team/window"}))
    )
    assert DELETE.risk(GONE, labelled(timed(1))).factors == ["these regions lose schedule=deny"]
    assert DELETE.risk(GONE, labelled()).tier is Tier.MEDIUM
    assert DELETE.ends == {ActionType.SET_REGION_LABEL_RULE}
