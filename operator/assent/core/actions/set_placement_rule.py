"""SetPlacementRule: how many replicas of which role a key range has, and on which stores."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.placement import (
    LabelConstraint,
    LabelOperator,
    RuleRole,
    SetPlacementRule,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, default_rule, placement_checks, rule_text
from assent.core.actions.action import (
    Action,
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.actions.placement_rules import asked_document, normal
from assent.core.model.call import Json, PdCall
from assent.core.model.placement import PlacementRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Check


class SetPlacementRuleAction(Action[SetPlacementRule]):
    """POST /config/rule (pd-api.md 1.7), one whole rule. PD's default rule carries a setting with
    it: PD sets ``max-replicas`` to its count, before it looks at the rule itself.
    """

    type = ActionType.SET_PLACEMENT_RULE
    base_tier = Tier.HIGH
    reversibility = Reversibility.FULLY
    """Of the rule; replicas that PD moved meanwhile are moved again."""
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the rule shows at once."""
    goal_required = False
    readings = frozenset({Reading.PLACEMENT, Reading.REPLICATION})

    manual = Manual(
        endpoint="POST /pd/api/v1/config/rule",
        example=SetPlacementRule(
            group_id="pd",
            id="ssd-followers",
            index=1,
            role=RuleRole.FOLLOWER,
            count=1,
            label_constraints=(LabelConstraint(key="disk", op=LabelOperator.IN, values=("ssd",)),),
        ),
        timeout_reason="PD has none: the rule shows at once, the moving of replicas is not waited"
        " for; actionTimeout rules",
        raised_by=("Critical when a key range would have fewer voters than now",),
        unchecked_by_pd=(
            "whether as many healthy stores match as replicas are wanted (PD asks for one store,"
            " of any state)",
            "whether all rules of a range together find a store for each replica",
            "whether voters fall, whose data is deleted then",
            "setting pd/default sets max-replicas first, also when the rule is refused afterwards",
            "every replica that no longer fits is moved, at the speed of the store limits",
        ),
    )

    def sentence(self, params: SetPlacementRule) -> str:
        """Return what it does in one line."""
        where = ", ".join(
            " ".join((one.key, one.op.value, *one.values)) for one in params.label_constraints
        )
        keys = f"[{params.start_key.upper()[:24]}, {params.end_key.upper()[:24]})"
        return (
            f"set placement rule {params.group_id}/{params.id}: {params.count} "
            f"{params.role.value} for {'all keys' if keys == '[, )' else f'keys {keys}'}"
            + (f" on stores with {where}" if where else "")
        )

    def pd_ctl(self, params: SetPlacementRule) -> str:
        """Return the equivalent pd-ctl lines: it reads a rule from a file."""
        body = self.call(params).body_text
        return f"echo '[{body}]' > rules.json && pd-ctl config placement-rules save --in=rules.json"

    def scope(self, params: SetPlacementRule) -> Scope:
        """Return the rule, and the setting that PD's default rule carries with it."""
        settings = {f"rule/{params.group_id}/{params.id}"}
        if default_rule.is_default(params):
            settings.add(default_rule.SETTING)
        return Scope(settings=frozenset(settings))

    def target(self, params: SetPlacementRule, snapshot: ClusterSnapshot) -> Target | None:
        """Return the rule as it stands, or its absence; None while PD shows no rules."""
        if snapshot.placement_rules is None:
            return None
        target_id = f"rule/{params.group_id}/{params.id}"
        return rule_text.rule_target(target_id, _document(_former(params, snapshot)), snapshot)

    def risk(self, params: SetPlacementRule, snapshot: ClusterSnapshot) -> Risk:
        """Return High; Critical when a range would have fewer voters, or nobody can tell."""
        if snapshot.placement_rules is None:
            return Risk(tier=Tier.CRITICAL, factors=["the rules that stand now are not known"])
        factors = ["PD moves every replica that no longer fits"]
        if (fewer := placement_checks.fewer_voters(params, snapshot)) is not None:
            return Risk(tier=Tier.CRITICAL, factors=[f"{fewer}: PD deletes copies", *factors])
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: SetPlacementRule, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the rule makes sense, can be fulfilled, and can be put back."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        former = _former(params, snapshot)
        found = [
            checks.prepared(),
            placement_checks.enabled(snapshot),
            placement_checks.makes_sense(params),
            placement_checks.ours_to_change(params),
        ]
        if snapshot.placement_rules is None:
            return found
        found += [
            placement_checks.can_be_put_back(former),
            placement_checks.enough_stores(params, snapshot),
            placement_checks.ranges_served(params, snapshot),
        ]
        if default_rule.is_default(params):
            found.append(default_rule.in_step(params, former, snapshot))
        return found

    def already_done(self, params: SetPlacementRule, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD shows exactly this rule."""
        former = _former(params, snapshot)
        shown = former is not None and normal(former.document) == normal(asked_document(params))
        return shown and default_rule.follows(params, snapshot)

    def call(self, params: SetPlacementRule) -> PdCall:
        """Return the one call to PD."""
        return _set(asked_document(params))

    def before(self, params: SetPlacementRule, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the whole rule or its absence, and for PD's default rule ``max-replicas``;
        nothing while PD shows no rules.
        """
        if snapshot.placement_rules is None:
            return ()
        rule = rule_text.captured(_document(_former(params, snapshot)))
        return (*rule, *default_rule.facts(params, snapshot))

    def verify(
        self, params: SetPlacementRule, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD shows the rule. Replicas follow at PD's own speed."""
        after = self.before(params, snapshot)
        name = f"placement rule {params.group_id}/{params.id}"
        if self.already_done(params, snapshot):
            message = f"{name} wants {params.count} {params.role.value}; PD moves replicas to fit"
            return Verification(Progress.SETTLED, message, after)
        shown = rule_text.captured_text(after) or "not shown"
        return Verification(Progress.NOT_SEEN, f"{name} is still {shown[:400]}", after)

    def unchanged(
        self, params: SetPlacementRule, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows exactly the captured rule."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: SetPlacementRule, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that puts the captured rule back, or removes the new one when there was
        none (a 200 also when it is gone already, P12); None when nothing was captured.
        """
        if rule_text.captured_text(before) is None:
            return None
        former = rule_text.captured_document(before)
        if former is None:
            return PdCall("DELETE", f"/pd/api/v1/config/rule/{params.group_id}/{params.id}")
        return _set(former)


def _set(document: dict[str, Json]) -> PdCall:
    return PdCall("POST", "/pd/api/v1/config/rule", document)


def _former(params: SetPlacementRule, snapshot: ClusterSnapshot) -> PlacementRule | None:
    key = f"{params.group_id}/{params.id}"
    return next((rule for rule in snapshot.placement_rules or () if rule.key == key), None)


def _document(rule: PlacementRule | None) -> dict[str, Json] | None:
    return None if rule is None else dict(rule.document)
