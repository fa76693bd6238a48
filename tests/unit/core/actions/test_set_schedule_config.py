"""SetScheduleConfig: one item, typed and bounded, and exactly back."""

from dataclasses import replace

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.scheduling import ScheduleKey, SetScheduleConfig
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.set_schedule_config import SetScheduleConfigAction
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Deny, Hold, Verdict
from tests.support.scheduling import dressed
from tests.support.snapshots import snapshot, unprepared

ACTION = SetScheduleConfigAction()
SEEN = dressed(snapshot())


def ask(key: str, value: str) -> SetScheduleConfig:
    return SetScheduleConfig(key=ScheduleKey(key), value=value)


LIMIT = ask("replica-schedule-limit", "128")


def verdicts(asked: SetScheduleConfig, seen: ClusterSnapshot = SEEN) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(asked, seen)}


@pytest.mark.trap("P09", "P11")
@pytest.mark.parametrize(
    ("key", "value", "body"),
    [
        ("replica-schedule-limit", "128", '{"schedule.replica-schedule-limit":128}'),
        ("low-space-ratio", "0.85", '{"schedule.low-space-ratio":0.85}'),
        ("max-store-down-time", "1h", '{"schedule.max-store-down-time":"1h"}'),
        ("halt-scheduling", "true", '{"schedule.halt-scheduling":"true"}'),
        ("leader-schedule-policy", "size", '{"schedule.leader-schedule-policy":"size"}'),
    ],
)
def test_p09_the_call_is_one_item_with_its_own_type(key: str, value: str, body: str) -> None:
    """POST /config is strict, /config/schedule is not; P11: and never with a TTL."""
    assert ACTION.call(ask(key, value)).line == f"POST /pd/api/v1/config {body}"


@pytest.mark.parametrize(
    ("key", "shown", "body"),
    [
        pytest.param("replica-schedule-limit", "64", "64", id="a number"),
        pytest.param("replica-schedule-limit", "99999", "99999", id="beyond what may be asked"),
        pytest.param("tolerant-size-ratio", "0", "0.0", id="a ratio without a point"),
        pytest.param("tolerant-size-ratio", "0.1234567", "0.1234567", id="not rounded"),
        pytest.param("max-store-down-time", "30m0s", '"30m0s"', id="as PD wrote it"),
        pytest.param("enable-make-up-replica", "true", '"true"', id="a string"),
    ],
)
def test_the_former_value_is_restored_exactly(key: str, shown: str, body: str) -> None:
    """Whatever it was: the bounds are for asks."""
    seen = replace(SEEN, settings={**SEEN.settings, key: shown})
    asked = ask(key, "1")
    before = ACTION.before(asked, seen)
    assert before == (Fact(name=key, value=shown),)
    undo = ACTION.inverse(asked, before)
    assert undo is not None
    assert undo.line == f'POST /pd/api/v1/config {{"schedule.{key}":{body}}}'


def test_halting_is_undone_although_pd_shows_no_value() -> None:
    """GET leaves halt-scheduling out when false."""
    before = ACTION.before(ask("halt-scheduling", "true"), SEEN)
    assert before == (Fact(name="halt-scheduling", value="false"),)
    undo = ACTION.inverse(ask("halt-scheduling", "true"), before)
    assert undo is not None
    assert undo.body == {"schedule.halt-scheduling": "false"}
    halted = dressed(snapshot(halt_scheduling=True))
    assert ACTION.already_done(ask("halt-scheduling", "true"), halted)
    assert not ACTION.already_done(ask("halt-scheduling", "true"), SEEN)


def test_the_derived_keys_are_captured_with_the_size() -> None:
    """PD shows 10,000 keys for each MiB, and changes them along."""
    before = ACTION.before(ask("max-merge-region-size", "40"), SEEN)
    assert [(fact.name, fact.value) for fact in before] == [
        ("max-merge-region-size", "20"),
        ("max-merge-region-keys", "200000"),
    ]
    other = replace(SEEN, settings={**SEEN.settings, "max-merge-region-keys": "1"})
    assert not ACTION.unchanged(ask("max-merge-region-size", "40"), before, other)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        pytest.param("replica-schedule-limit", "many", "ValueNotAllowed", id="no number"),
        pytest.param("replica-schedule-limit", "1025", "ValueNotAllowed", id="out of bounds"),
        pytest.param("scheduler-max-waiting-operator", "0", "ValueNotAllowed", id="P18"),
        pytest.param("enable-make-up-replica", "True", "ValueNotAllowed", id="not PD's true"),
    ],
)
def test_a_value_that_is_wrong_is_denied(key: str, value: str, reason: str) -> None:
    """It cannot heal for this ask; the sentence names key and bounds."""
    verdict = verdicts(ask(key, value))["ValueAllowed"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason
    assert key in verdict.message
    assert ACTION.risk(ask(key, value), SEEN).tier is Tier.MEDIUM
    assert not ACTION.already_done(ask(key, value), SEEN)


def test_a_key_that_this_pd_lacks_holds() -> None:
    """An older PD: an upgrade may bring it. There is no target, and nothing to restore."""
    seen = replace(SEEN, settings={})
    verdict = verdicts(LIMIT, seen)["SettingShown"]
    assert isinstance(verdict, Hold)
    assert ACTION.target(LIMIT, seen) is None
    assert ACTION.before(LIMIT, seen) == ()
    assert ACTION.inverse(LIMIT, ()) is None
    assert ACTION.risk(LIMIT, seen).tier is Tier.HIGH


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param("18446744073709551615", id="more digits than JSON keeps"),
        pytest.param("x" * 300, id="longer than a fact"),
    ],
)
def test_a_value_that_cannot_be_put_back_holds(shown: str) -> None:
    """No way back, no way there."""
    seen = replace(SEEN, settings={**SEEN.settings, "replica-schedule-limit": shown})
    assert isinstance(verdicts(LIMIT, seen)["SettingShown"], Hold)


@pytest.mark.parametrize(
    ("key", "value", "held"),
    [
        ("low-space-ratio", "0.7", True),
        ("low-space-ratio", "0.71", False),
        ("high-space-ratio", "0.8", True),
        ("high-space-ratio", "0.6", False),
    ],
)
def test_the_space_ratios_stay_in_order(key: str, value: str, held: bool) -> None:
    """PD refuses others; the other ratio may change."""
    verdict = verdicts(ask(key, value))["SpaceRatiosInOrder"]
    assert isinstance(verdict, Hold) is held
    assert "SpaceRatiosInOrder" not in verdicts(LIMIT)


def test_unknown_space_ratios_hold() -> None:
    """A missing fact is a check that does not pass."""
    seen = replace(SEEN, settings={"low-space-ratio": "0.8"})
    verdict = verdicts(ask("low-space-ratio", "0.9"), seen)["SpaceRatiosInOrder"]
    assert isinstance(verdict, Hold)


@pytest.mark.trap("P30")
def test_p30_a_limit_of_0_needs_two_people() -> None:
    """It stops repair, and nothing in PD reports it."""
    risk = ACTION.risk(ask("replica-schedule-limit", "0"), SEEN)
    assert risk.tier is Tier.HIGH
    assert "silently stops the repair of replicas" in risk.factors[0]
    assert risk.factors[1] == "replica-schedule-limit changes from 64 to 0"


def test_an_ordinary_change_is_medium() -> None:
    """The factors say from what to what."""
    risk = ACTION.risk(LIMIT, SEEN)
    assert risk.tier is Tier.MEDIUM
    assert risk.factors == ["replica-schedule-limit changes from 64 to 128"]


def test_verification_compares_values_not_texts() -> None:
    """PD writes 30m back as 30m0s."""
    asked = ask("max-store-down-time", "1h30m")
    before = ACTION.before(asked, SEEN)
    later = replace(SEEN, settings={**SEEN.settings, "max-store-down-time": "1h30m0s"})
    assert ACTION.verify(asked, before, SEEN).progress is Progress.NOT_SEEN
    assert "is still 30m0s" in ACTION.verify(asked, before, SEEN).message
    assert ACTION.verify(asked, before, later).progress is Progress.SETTLED
    assert ACTION.already_done(asked, later)
    assert ACTION.unchanged(asked, before, SEEN)
    assert not ACTION.unchanged(asked, before, later)
    assert not ACTION.unchanged(asked, (), replace(SEEN, settings={}))


def test_it_waits_until_pd_is_prepared() -> None:
    """P15."""
    assert list(verdicts(LIMIT, unprepared(SEEN))) == ["Prepared"]
    assert all(isinstance(verdict, Allow) for verdict in verdicts(LIMIT).values())


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what it conflicts with."""
    assert ACTION.sentence(LIMIT) == "set PD's replica-schedule-limit to 128"
    assert ACTION.pd_ctl(LIMIT) == "pd-ctl config set replica-schedule-limit 128"
    assert ACTION.scope(LIMIT) == Scope(settings=frozenset({"schedule/replica-schedule-limit"}))
    target = ACTION.target(LIMIT, SEEN)
    assert target is not None
    assert target.id == "schedule/replica-schedule-limit"
