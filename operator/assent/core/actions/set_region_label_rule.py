"""SetRegionLabelRule: label key ranges, for example schedule=deny for half an hour."""

from collections.abc import Sequence
from datetime import timedelta

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.parameters.placement import KeyRange, RegionLabel, SetRegionLabelRule
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, label_rules, rule_text
from assent.core.actions.action import (
    Action,
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.model.call import Json, PdCall
from assent.core.model.placement import RegionLabelRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Verdict, Warn

SHORTEST_TTL_SECONDS = 60
"""A label that lasts less is over before anybody has seen it."""
JUST_STARTED = timedelta(seconds=60)
"""A label that lasts for some time counts as set already only when its time has just begun."""


class SetRegionLabelRuleAction(Action[SetRegionLabelRule]):
    """POST /config/region-label/rule (pd-api.md 1.7), one whole rule. Labels outlive PD's leader,
    which pauses of schedulers do not (P32), and may end by themselves (P52).
    """

    type = ActionType.SET_REGION_LABEL_RULE
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    """Of the rule; a region that PD split at a border of it stays split for an hour."""
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the rule shows at once."""
    goal_required = False
    readings = frozenset({Reading.REGION_LABELS})

    manual = Manual(
        endpoint="POST /pd/api/v1/config/region-label/rule",
        example=SetRegionLabelRule(
            id="maintenance-window",
            labels=(RegionLabel(key="schedule", value="deny", ttl="30m"),),
            ranges=(KeyRange(start_key="7480000000000000FF", end_key="7480000000000001FF"),),
        ),
        timeout_reason="PD has none: the rule shows at once; actionTimeout rules",
        raised_by=(
            "High when schedule=deny has no ttl: balance and repair by schedulers stop for good",
            "High when schedule=deny covers all keys",
        ),
        unchecked_by_pd=(
            "schedule=deny for ever, or for all keys",
            "a border inside a region makes PD split it",
            "schedule=deny stops neither the rule checker nor operators of ours (P19)",
        ),
    )

    def sentence(self, params: SetRegionLabelRule) -> str:
        """Return what it does in one line."""
        labels = ", ".join(
            f"{one.key}={one.value}" + (f" for {one.ttl}" if one.ttl else "")
            for one in params.labels
        )
        keys = ", ".join(
            f"[{one.start_key.upper()[:24]}, {one.end_key.upper()[:24]})" for one in params.ranges
        )
        return f"set region label rule {params.id}: {labels} on keys {keys}"

    def pd_ctl(self, params: SetRegionLabelRule) -> str:
        """Return the equivalent line; pd-ctl has none for one rule, so it is curl's."""
        call = self.call(params)
        return f"curl -X {call.method} http://PD_ADDRESS{call.path} -d '{call.body_text}'"

    def scope(self, params: SetRegionLabelRule) -> Scope:
        """Return the rule."""
        return Scope(settings=frozenset({f"label-rule/{params.id}"}))

    def target(self, params: SetRegionLabelRule, snapshot: ClusterSnapshot) -> Target | None:
        """Return the rule as it stands, or its absence; None while the rules are not known."""
        return label_rules.target(params.id, snapshot)

    def risk(self, params: SetRegionLabelRule, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High when scheduling is denied for ever, or for all keys."""
        denied = [one for one in params.labels if _denies(one)]
        if any(one.ttl is None for one in denied):
            message = "schedule=deny without a ttl: schedulers leave these regions alone for good"
            return Risk(tier=Tier.HIGH, factors=[message])
        if denied and any(not one.start_key and not one.end_key for one in params.ranges):
            return Risk(tier=Tier.HIGH, factors=["schedule=deny covers all keys"])
        return Risk(tier=self.base_tier, factors=[f"labels {len(params.ranges)} ranges of keys"])

    def preconditions(
        self, params: SetRegionLabelRule, snapshot: ClusterSnapshot
    ) -> Sequence[Check]:
        """Return whether the rule makes sense, is nobody else's, and can be put back."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            label_rules.known(snapshot),
            label_rules.ours_to_change(params.id),
            Check("RuleMakesSense", _makes_sense(params)),
            Check("DenyEnds", _deny_ends(params)),
            label_rules.can_be_put_back(params.id, snapshot),
        )

    def already_done(self, params: SetRegionLabelRule, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD shows this rule; with a ttl only when its time has just begun."""
        rule = label_rules.find(params.id, snapshot)
        if rule is None or not _shows(params, rule):
            return False
        started = [
            label_rules.started_at(label)
            for label in label_rules.labels_of(rule.document)
            if label.get("ttl")
        ]
        return all(at is not None and snapshot.taken_at - at < JUST_STARTED for at in started)

    def call(self, params: SetRegionLabelRule) -> PdCall:
        """Return the one call to PD."""
        return label_rules.put(_asked(params))

    def before(self, params: SetRegionLabelRule, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the whole rule or its absence; nothing while the rules are not known."""
        return label_rules.facts(params.id, snapshot)

    def verify(
        self, params: SetRegionLabelRule, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD shows the rule; with a ttl, once its time has begun anew."""
        after = self.before(params, snapshot)
        rule = label_rules.find(params.id, snapshot)
        shown = rule is not None and _shows(params, rule)
        renews = any(label.ttl for label in params.labels)
        begun = not renews or tuple(after) != tuple(before) or self.already_done(params, snapshot)
        if shown and begun:
            message = f"region label rule {params.id} is as asked"
            return Verification(Progress.SETTLED, message, after)
        now = rule_text.captured_text(after) or "not shown"
        message = f"region label rule {params.id} is still {now[:400]}"
        return Verification(Progress.NOT_SEEN, message, after)

    def unchanged(
        self, params: SetRegionLabelRule, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows the captured rule, but for labels whose time is over."""
        return label_rules.unchanged(params.id, before, snapshot)

    def inverse(self, params: SetRegionLabelRule, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that puts the captured rule back with its former end, or removes the new
        one when there was none; None when nothing was captured.
        """
        if rule_text.captured_text(before) is None:
            return None
        former = rule_text.captured_document(before)
        return label_rules.delete(params.id) if former is None else label_rules.put(former)


def _asked(params: SetRegionLabelRule) -> dict[str, Json]:
    return {
        "id": params.id,
        "index": 0,
        "labels": [one.wire() for one in params.labels],
        "rule_type": "key-range",
        "data": [
            {"start_key": one.start_key.upper(), "end_key": one.end_key.upper()}
            for one in params.ranges
        ],
    }


def _shows(params: SetRegionLabelRule, rule: RegionLabelRule) -> bool:
    asked = _asked(params)
    labels = [
        {name: value for name, value in label.items() if name != "start_at"}
        for label in label_rules.labels_of(rule.document)
    ]
    ranges = tuple((one.start_key.upper(), one.end_key.upper()) for one in params.ranges)
    index = rule.document.get("index", 0)
    return labels == asked["labels"] and rule.ranges == ranges and index == 0


def _denies(label: RegionLabel) -> bool:
    return (label.key, label.value) == ("schedule", "deny")


def _makes_sense(params: SetRegionLabelRule) -> Verdict:
    for one in params.ranges:
        if one.end_key and one.end_key.upper() <= one.start_key.upper():
            return Deny("RangeEmpty", f"the range ends at {one.end_key[:40]}, before it begins")
    keys = [one.key for one in params.labels]
    for key in keys:
        if keys.count(key) > 1:
            return Deny("LabelTwice", f"label {key} is given twice")
    for label in params.labels:
        if label.ttl is not None and parse_duration_seconds(label.ttl) < SHORTEST_TTL_SECONDS:
            return Deny("TooShort", f"a ttl of {label.ttl} is less than {SHORTEST_TTL_SECONDS} s")
    return Allow("the rule is one that PD understands")


def _deny_ends(params: SetRegionLabelRule) -> Verdict:
    if any(_denies(one) and one.ttl is None for one in params.labels):
        return Warn("schedule=deny has no ttl: it stays until somebody removes it")
    return Allow("nothing is denied for ever")
