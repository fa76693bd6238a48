"""DeleteRegionLabelRule: one rule that labels key ranges goes, so that PD schedules as usual."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.placement import DeleteRegionLabelRule
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
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Check


class DeleteRegionLabelRuleAction(Action[DeleteRegionLabelRule]):
    """DELETE /config/region-label/rule/{id} (pd-api.md 1.7); PD answers 404 when there is none."""

    type = ActionType.DELETE_REGION_LABEL_RULE
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    """Of the rule, with the end it had."""
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = None
    """PD has none: the rule is gone at once."""
    goal_required = False
    readings = frozenset({Reading.REGION_LABELS})
    ends = frozenset({ActionType.SET_REGION_LABEL_RULE})

    manual = Manual(
        endpoint="DELETE /pd/api/v1/config/region-label/rule/{id}",
        example=DeleteRegionLabelRule(id="maintenance-window"),
        timeout_reason="PD has none: the rule is gone at once; actionTimeout rules",
        unchecked_by_pd=("whose rule it is: PD's own and TiDB's can be removed as well",),
    )

    def sentence(self, params: DeleteRegionLabelRule) -> str:
        """Return what it does in one line."""
        return f"delete region label rule {params.id}"

    def pd_ctl(self, params: DeleteRegionLabelRule) -> str:
        """Return the equivalent line; pd-ctl has none for one rule, so it is curl's."""
        call = self.call(params)
        return f"curl -X {call.method} http://PD_ADDRESS{call.path}"

    def scope(self, params: DeleteRegionLabelRule) -> Scope:
        """Return the rule."""
        return Scope(settings=frozenset({f"label-rule/{params.id}"}))

    def target(self, params: DeleteRegionLabelRule, snapshot: ClusterSnapshot) -> Target | None:
        """Return the rule as it stands, or its absence; None while the rules are not known."""
        return label_rules.target(params.id, snapshot)

    def risk(self, params: DeleteRegionLabelRule, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium, always: PD schedules these regions as all others again."""
        rule = label_rules.find(params.id, snapshot)
        labels = ", ".join(f"{key}={value}" for key, value in rule.labels.items()) if rule else ""
        message = f"these regions lose {labels[:200] or 'labels that are not known'}"
        return Risk(tier=self.base_tier, factors=[message])

    def preconditions(
        self, params: DeleteRegionLabelRule, snapshot: ClusterSnapshot
    ) -> Sequence[Check]:
        """Return whether the rule is nobody else's and can be put back."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            label_rules.known(snapshot),
            label_rules.ours_to_change(params.id),
            label_rules.can_be_put_back(params.id, snapshot),
        )

    def already_done(self, params: DeleteRegionLabelRule, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD shows its rules and this one is not among them."""
        return snapshot.label_rules is not None and label_rules.find(params.id, snapshot) is None

    def call(self, params: DeleteRegionLabelRule) -> PdCall:
        """Return the one call to PD."""
        return label_rules.delete(params.id)

    def before(self, params: DeleteRegionLabelRule, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the whole rule or its absence; nothing while the rules are not known."""
        return label_rules.facts(params.id, snapshot)

    def verify(
        self, params: DeleteRegionLabelRule, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD does not show the rule."""
        after = self.before(params, snapshot)
        if self.already_done(params, snapshot):
            message = f"region label rule {params.id} is gone"
            return Verification(Progress.SETTLED, message, after)
        message = f"region label rule {params.id} is still there, or PD shows no rules"
        return Verification(Progress.NOT_SEEN, message, after)

    def unchanged(
        self, params: DeleteRegionLabelRule, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows the captured rule, but for labels whose time is over."""
        return label_rules.unchanged(params.id, before, snapshot)

    def inverse(self, params: DeleteRegionLabelRule, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that puts the captured rule back with its former end; None when there
        was none, or nothing was captured.
        """
        former = rule_text.captured_document(before)
        return None if former is None else label_rules.put(former)
