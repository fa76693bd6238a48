"""SetReplicationConfig: the rule that PD rewrites along, and stores that must be there."""

from dataclasses import replace

import pytest

from assent.api.v1alpha1.parameters.scheduling import ReplicationKey, SetReplicationConfig
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.set_replication_config import SetReplicationConfigAction
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot, Store, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.scheduling import default_rule, dressed
from tests.support.snapshots import TIFLASH, snapshot, store, unprepared

ACTION = SetReplicationConfigAction()


def ask(key: str, value: str) -> SetReplicationConfig:
    return SetReplicationConfig(key=ReplicationKey(key), value=value)


def cluster(
    *stores: Store,
    replicas: int = 3,
    labels: str = "",
    level: str = "",
    rules: tuple[PlacementRule, ...] | None = None,
    **settings: str,
) -> ClusterSnapshot:
    """A cluster whose rule says what the settings say, unless other rules are given."""
    seen = dressed(snapshot(*(stores or (store(number) for number in range(1, 6)))))
    assert seen.replication is not None
    shown = {
        **seen.replication,
        "max-replicas": str(replicas),
        "location-labels": labels,
        "isolation-level": level,
        **{name.replace("_", "-"): text for name, text in settings.items()},
    }
    found = (default_rule(replicas, labels, level),) if rules is None else rules
    return replace(seen, replication=shown, placement_rules=found)


SEEN = cluster()
FIVE = ask("max-replicas", "5")


def verdicts(asked: SetReplicationConfig, seen: ClusterSnapshot = SEEN) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(asked, seen)}


@pytest.mark.trap("P09")
@pytest.mark.parametrize(
    ("key", "value", "body"),
    [
        ("max-replicas", "5", '{"replication.max-replicas":5}'),
        ("location-labels", "zone,host", '{"replication.location-labels":"zone,host"}'),
        ("isolation-level", "", '{"replication.isolation-level":""}'),
        ("strictly-match-label", "true", '{"replication.strictly-match-label":"true"}'),
    ],
)
def test_p09_the_call_is_one_item_with_its_own_type(key: str, value: str, body: str) -> None:
    """Labels are one string, booleans are strings."""
    assert ACTION.call(ask(key, value)).line == f"POST /pd/api/v1/config {body}"


def test_setting_and_rule_are_captured_and_restored_by_one_call() -> None:
    """PD rewrites the rule pd/default with the setting, there and back."""
    seen = cluster(labels="zone,host", level="zone")
    before = ACTION.before(FIVE, seen)
    assert [(fact.name, fact.value) for fact in before] == [
        ("max-replicas", "3"),
        ("rule pd/default", "3; zone,host; zone"),
    ]
    undo = ACTION.inverse(FIVE, before)
    assert undo is not None
    assert undo.body == {"replication.max-replicas": 3}
    assert ACTION.scope(FIVE) == Scope(
        settings=frozenset({"replicate/max-replicas", "rule/pd/default"})
    )


def test_what_is_not_placement_leaves_the_rule_alone() -> None:
    """Neither captured nor claimed."""
    asked = ask("strictly-match-label", "true")
    assert [fact.name for fact in ACTION.before(asked, SEEN)] == ["strictly-match-label"]
    assert ACTION.scope(asked) == Scope(settings=frozenset({"replicate/strictly-match-label"}))
    assert "DefaultRuleInStep" not in verdicts(asked)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        pytest.param((), "NoDefaultRule", id="somebody deleted it"),
        pytest.param((default_rule(4),), "DefaultRuleOutOfStep", id="another count"),
        pytest.param((default_rule(3, "zone"),), "DefaultRuleOutOfStep", id="other labels"),
        pytest.param(
            (replace(default_rule(), start_key="7480"),), "NoDefaultRule", id="not for all keys"
        ),
        pytest.param(
            (replace(default_rule(), group_id="tiflash"),), "NoDefaultRule", id="another group"
        ),
    ],
)
def test_pd_refuses_while_rule_and_settings_differ(
    rules: tuple[PlacementRule, ...], reason: str
) -> None:
    """The refusal names the rule before PD's would."""
    verdict = verdicts(FIVE, cluster(rules=rules))["DefaultRuleInStep"]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason


def test_rules_that_were_not_read_hold() -> None:
    """A missing fact is a check that does not pass."""
    unread = replace(SEEN, placement_rules=None)
    assert isinstance(verdicts(FIVE, unread)["DefaultRuleInStep"], Hold)
    nothing = replace(SEEN, replication=None)
    found = verdicts(FIVE, nothing)
    assert isinstance(found["DefaultRuleInStep"], Hold)
    assert isinstance(found["SettingShown"], Hold)
    labels = verdicts(ask("location-labels", "zone"), nothing)
    assert isinstance(labels["LevelIsALabel"], Hold)


def test_disabled_rules_are_no_obstacle() -> None:
    """Then PD goes by the settings alone, and shows no rules."""
    seen = replace(cluster(enable_placement_rules="false"), placement_rules=None)
    assert isinstance(verdicts(FIVE, seen)["DefaultRuleInStep"], Allow)
    assert [fact.name for fact in ACTION.before(FIVE, seen)] == ["max-replicas"]


@pytest.mark.parametrize(
    ("stores", "kind"),
    [
        pytest.param([store(n) for n in range(1, 6)], Allow, id="five are Up"),
        pytest.param([store(n) for n in range(1, 5)], Hold, id="four are not enough"),
        pytest.param(
            [*(store(n) for n in range(1, 5)), store(5, state=StoreState.DOWN)], Hold, id="one Down"
        ),
        pytest.param(
            [*(store(n) for n in range(1, 5)), store(5, labels=TIFLASH)], Hold, id="one TiFlash"
        ),
        pytest.param(
            [*(store(n) for n in range(1, 5)), store(5, last_heartbeat=None)], Hold, id="one silent"
        ),
    ],
)
def test_replicas_need_stores(stores: list[Store], kind: type[Verdict]) -> None:
    """PD does not count them: it would try for ever."""
    assert isinstance(verdicts(FIVE, cluster(*stores))["EnoughStores"], kind)


def test_an_even_number_is_a_warning() -> None:
    """Four survive no more than three."""
    assert isinstance(verdicts(ask("max-replicas", "4"))["EnoughStores"], Warn)


@pytest.mark.parametrize("value", ["many", "0", "10", ""])
def test_a_number_of_replicas_that_is_wrong_is_denied(value: str) -> None:
    """None, or more than anybody has."""
    assert isinstance(verdicts(ask("max-replicas", value))["ValueAllowed"], Deny)


@pytest.mark.parametrize(
    ("key", "value", "labels", "level", "held"),
    [
        ("isolation-level", "zone", "zone,host", "", False),
        ("isolation-level", "rack", "zone,host", "", True),
        ("isolation-level", "", "zone,host", "zone", False),
        ("location-labels", "host", "zone,host", "zone", True),
        ("location-labels", "zone", "zone,host", "zone", False),
        ("location-labels", "", "", "", False),
    ],
)
def test_the_level_is_one_of_the_labels(
    key: str,
    value: str,
    labels: str,
    level: str,
    held: bool,
) -> None:
    """PD refuses others; the other setting may change."""
    seen = cluster(labels=labels, level=level)
    assert isinstance(verdicts(ask(key, value), seen)["LevelIsALabel"], Hold) is held


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        pytest.param("location-labels", "zone", Warn, id="store 2 has no zone"),
        pytest.param("location-labels", "host", Allow, id="all have a host"),
        pytest.param("strictly-match-label", "true", Warn, id="store 2 could not start again"),
        pytest.param("strictly-match-label", "false", Allow, id="labels are not looked at"),
    ],
)
def test_stores_without_the_labels_are_a_warning(key: str, value: str, kind: type[Verdict]) -> None:
    """They count as one place."""
    one = store(1, labels={"zone": "a", "host": "h1"})
    two = store(2, labels={"host": "h2"})
    seen = cluster(one, two, labels="zone")
    assert isinstance(verdicts(ask(key, value), seen)["StoresCarryLabels"], kind)


@pytest.mark.parametrize(
    ("key", "value", "tier"),
    [
        pytest.param("max-replicas", "5", Tier.HIGH, id="copies every region"),
        pytest.param("max-replicas", "2", Tier.CRITICAL, id="deletes replicas"),
        pytest.param("location-labels", "zone", Tier.HIGH, id="data moves"),
        pytest.param("isolation-level", "zone", Tier.HIGH, id="repair may stop"),
        pytest.param("strictly-match-label", "true", Tier.HIGH, id="stores locked out"),
        pytest.param("strictly-match-label", "false", Tier.MEDIUM, id="PD's default"),
        pytest.param("enable-placement-rules-cache", "true", Tier.MEDIUM, id="no data moves"),
    ],
)
def test_the_tier_follows_what_moves(key: str, value: str, tier: Tier) -> None:
    """5.2: mass movement and deletion."""
    assert ACTION.risk(ask(key, value), SEEN).tier is tier


def test_verification_looks_at_the_rule_as_well() -> None:
    """PD writes the rule first: only both together are the effect."""
    before = ACTION.before(FIVE, SEEN)
    assert ACTION.verify(FIVE, before, SEEN).progress is Progress.NOT_SEEN
    done = ACTION.verify(FIVE, before, cluster(replicas=5))
    assert done.progress is Progress.SETTLED
    assert "PD moves" in done.message
    half = cluster(replicas=5, rules=(default_rule(3),))
    assert ACTION.verify(FIVE, before, half).progress is Progress.SEEN
    labels = ask("strictly-match-label", "true")
    found = ACTION.verify(labels, (), cluster(strictly_match_label="true"))
    assert (found.progress, found.message) == (Progress.SETTLED, "strictly-match-label is true")


def test_a_rule_that_moved_alone_is_not_as_before() -> None:
    """PD's leader changed between its two writes: nobody repeats the call then."""
    before = ACTION.before(FIVE, SEEN)
    assert ACTION.unchanged(FIVE, before, SEEN)
    assert not ACTION.unchanged(FIVE, before, cluster(rules=(default_rule(5),)))


def test_it_waits_until_pd_is_prepared() -> None:
    """P15."""
    assert list(verdicts(FIVE, unprepared(SEEN))) == ["Prepared"]


def test_what_it_says_of_itself() -> None:
    """The words people approve; an empty value is said, too."""
    assert ACTION.sentence(ask("isolation-level", "")) == "set PD's isolation-level to nothing"
    assert ACTION.pd_ctl(ask("location-labels", "zone,host")) == (
        "pd-ctl config set location-labels zone,host"
    )
    assert ACTION.pd_ctl(ask("isolation-level", "")) == 'pd-ctl config set isolation-level ""'
    target = ACTION.target(FIVE, SEEN)
    assert target is not None
    assert target.id == "replicate/max-replicas"
