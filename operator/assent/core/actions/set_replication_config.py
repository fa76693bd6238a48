"""SetReplicationConfig: how many replicas PD keeps, and by which labels it spreads them."""

from collections.abc import Mapping, Sequence

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.scheduling import ReplicationKey, SetReplicationConfig
from assent.core.actions.action import Manual, Progress, Scope, Verification
from assent.core.actions.on_setting import SettingAction
from assent.core.actions.setting_value import Kind, parse
from assent.core.actions.settings_table import PLACEMENT_KEYS, REPLICATION, Setting
from assent.core.model.placement import PlacementRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

DEFAULT_RULE = "pd/default"
RULES_ON = "enable-placement-rules"

Shape = tuple[str, str, str]
"""Replicas, location labels and isolation level, as PD's settings write them."""


class SetReplicationConfigAction(SettingAction[SetReplicationConfig]):
    """POST /config with one item of ``replication`` (pd-api.md 1.7).

    With placement rules PD writes replicas, labels and level into the rule ``pd/default`` first,
    and does so only while that rule says what the settings say (server/server.go
    SetReplicationConfig).
    """

    type = ActionType.SET_REPLICATION_CONFIG
    section = "replicate"
    item = "replication"
    goal_required = True
    """A value that the rule does not carry has no effect: so does PD 6.6 with isolation-level."""
    readings = frozenset({Reading.REPLICATION, Reading.PLACEMENT})

    manual = Manual(
        endpoint="POST /pd/api/v1/config",
        example=SetReplicationConfig(key=ReplicationKey.LOCATION_LABELS, value="zone,host"),
        timeout_reason="PD has none: the value shows at once, and PD moves data for hours"
        " afterwards; actionTimeout rules",
        raised_by=(
            "High when the old value is not known",
            *(f"{key}: {row.raised_by}" for key, row in REPLICATION.items() if row.raised_by),
        ),
        unchecked_by_pd=(
            "whether there are stores for that many replicas, and whether they carry the labels",
            "the section is read and written back whole: of two writers at once one is lost",
        ),
    )

    def setting(self, params: SetReplicationConfig) -> Setting:
        """Return the row of the table."""
        return REPLICATION[params.key]

    def values(self, snapshot: ClusterSnapshot) -> Mapping[str, str] | None:
        """Return GET /config/replicate as text, None when it was not read."""
        return snapshot.replication

    def scope(self, params: SetReplicationConfig) -> Scope:
        """Return the setting, and the rule that PD rewrites with it."""
        scope = super().scope(params)
        if params.key not in PLACEMENT_KEYS:
            return scope
        return Scope(settings=scope.settings | {f"rule/{DEFAULT_RULE}"})

    def own_checks(
        self, params: SetReplicationConfig, snapshot: ClusterSnapshot
    ) -> Sequence[Check]:
        """Return whether PD can write the rule, and stores and labels fit it."""
        found = []
        if params.key in PLACEMENT_KEYS:
            found.append(Check("DefaultRuleInStep", _in_step(snapshot)))
        if params.key is ReplicationKey.MAX_REPLICAS:
            found.append(Check("EnoughStores", _enough_stores(params, snapshot)))
        if params.key in (ReplicationKey.LOCATION_LABELS, ReplicationKey.ISOLATION_LEVEL):
            found.append(Check("LevelIsALabel", _level_is_a_label(params, snapshot)))
        if params.key in (ReplicationKey.LOCATION_LABELS, ReplicationKey.STRICTLY_MATCH_LABEL):
            found.append(Check("StoresCarryLabels", _stores_carry_labels(params, snapshot)))
        return found

    def along(self, params: SetReplicationConfig, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the rule that PD rewrites with it, where there is one."""
        rule = _default_rule(snapshot)
        if params.key not in PLACEMENT_KEYS or rule is None:
            return ()
        text = "; ".join(part or "empty" for part in _shape(rule))
        return (Fact(name=f"rule {DEFAULT_RULE}", value=text[:256]),)

    def verify(
        self, params: SetReplicationConfig, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD shows the value, in the rule as well."""
        found = super().verify(params, before, snapshot)
        rule, settings = _default_rule(snapshot), _settings(snapshot)
        if found.progress is not Progress.SETTLED or params.key not in PLACEMENT_KEYS:
            return found
        if rule is not None and _shape(rule) != settings:
            message = f"{found.message}, but rule {DEFAULT_RULE} still says {_shape(rule)}"
            return Verification(Progress.SEEN, message, found.after)
        message = f"{found.message}; PD moves {snapshot.region_count} regions to where they belong"
        return Verification(Progress.SETTLED, message, found.after)


def _default_rule(snapshot: ClusterSnapshot) -> PlacementRule | None:
    rules = snapshot.placement_rules or ()
    return next((rule for rule in rules if rule.key == DEFAULT_RULE), None)


def _shape(rule: PlacementRule) -> Shape:
    labels, level = rule.document.get("location_labels"), rule.document.get("isolation_level")
    names = [str(name) for name in labels] if isinstance(labels, (list, tuple)) else []
    return str(rule.count), ",".join(names), str(level or "")


def _settings(snapshot: ClusterSnapshot) -> Shape:
    shown = snapshot.replication or {}
    replicas, labels, level = (
        shown.get(key, "")
        for key in (
            ReplicationKey.MAX_REPLICAS,
            ReplicationKey.LOCATION_LABELS,
            ReplicationKey.ISOLATION_LEVEL,
        )
    )
    return replicas, labels, level


def _in_step(snapshot: ClusterSnapshot) -> Verdict:
    if (snapshot.replication or {}).get(RULES_ON) == "false":
        return Allow("placement rules are disabled: there is no rule to rewrite")
    if snapshot.placement_rules is None or snapshot.replication is None:
        return Hold("RulesUnknown", "PD's placement rules have not been read")
    rule = _default_rule(snapshot)
    if rule is None or rule.start_key or rule.end_key:
        message = f"there is no rule {DEFAULT_RULE} for all keys: change the rules instead"
        return Hold("NoDefaultRule", message)
    if _shape(rule) != _settings(snapshot):
        message = (
            f"rule {DEFAULT_RULE} says {_shape(rule)}, the settings {_settings(snapshot)}: PD"
            " refuses until they agree; change the rule instead"
        )
        return Hold("DefaultRuleOutOfStep", message)
    return Allow(f"rule {DEFAULT_RULE} says what the settings say")


def _enough_stores(params: SetReplicationConfig, snapshot: ClusterSnapshot) -> Verdict:
    wanted = parse(Kind.INTEGER, params.value)
    healthy = sum(1 for store in snapshot.stores if store.is_healthy and not store.is_tiflash)
    if not isinstance(wanted, int):
        return Deny("ValueNotAllowed", f"{params.value!r} is not a number of replicas")
    if healthy < wanted:
        message = f"{wanted} replicas need as many TiKV stores, {healthy} are Up"
        return Hold("StoresNotEnough", message)
    if wanted % 2 == 0:
        return Warn(f"{wanted} replicas survive no more failures than {wanted - 1}")
    return Allow(f"{healthy} TiKV stores are Up for {wanted} replicas")


def _level_is_a_label(params: SetReplicationConfig, snapshot: ClusterSnapshot) -> Verdict:
    shown = dict(snapshot.replication or {})
    if not shown:
        return Hold("ReplicationUnknown", "PD's replication settings have not been read")
    shown[params.key] = params.value
    level = shown.get(ReplicationKey.ISOLATION_LEVEL, "")
    labels = shown.get(ReplicationKey.LOCATION_LABELS, "").split(",")
    if level and level not in labels:
        message = f"isolation-level {level} would be none of the location labels: PD refuses that"
        return Hold("LevelIsNoLabel", message)
    return Allow("isolation-level is empty or one of the location labels")


def _stores_carry_labels(params: SetReplicationConfig, snapshot: ClusterSnapshot) -> Verdict:
    """Return a warning for stores that lack a label: they would count as one place."""
    if params.key is ReplicationKey.LOCATION_LABELS:
        text = params.value
    elif params.value == "true":
        text = (snapshot.replication or {}).get(ReplicationKey.LOCATION_LABELS, "")
    else:
        return Allow("labels are not looked at")
    labels = [name for name in text.split(",") if name]
    bare = [store.id for store in snapshot.stores if not set(labels) <= set(store.labels)]
    if bare:
        shown = ", ".join(str(store_id) for store_id in bare[:8])
        return Warn(f"{len(bare)} stores do not carry all of {', '.join(labels)}: {shown}")
    return Allow("every store carries the labels")
