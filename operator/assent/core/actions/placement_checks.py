"""What is looked at before a placement rule is set: PD looks at next to nothing of it."""

from assent.api.v1alpha1.parameters.placement import LabelOperator, RuleRole, SetPlacementRule
from assent.core.actions import rule_text
from assent.core.actions.placement_rules import (
    TIDB,
    TIFLASH,
    Coverage,
    asked_rule,
    borders,
    can_be_placed,
    coverages,
    is_known_group,
    matching,
    normal,
)
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

_VALUED = (LabelOperator.IN, LabelOperator.NOT_IN)


def enabled(snapshot: ClusterSnapshot) -> Check:
    """Return whether PD works by placement rules at all; else it answers 412."""
    name = "PlacementRulesEnabled"
    if snapshot.placement_rules is None:
        message = "PD shows no placement rules: enable-placement-rules is false, or not yet read"
        return Check(name, Hold("PlacementRulesDisabled", message))
    if snapshot.schedule.halt_scheduling:
        return Check(name, Warn("halt-scheduling is true: no replica moves until that ends"))
    return Check(name, Allow("PD works by placement rules"))


def makes_sense(params: SetPlacementRule) -> Check:
    """Return whether the ask means something: PD refuses some of it, and ignores the rest."""
    return Check("RuleMakesSense", _makes_sense(params))


def ours_to_change(params: SetPlacementRule) -> Check:
    """Return whether nobody else keeps this rule as it is."""
    name = "RuleUnmanaged"
    if params.group_id.startswith(TIDB) or params.group_id == TIFLASH:
        message = (
            f"TiDB keeps the rules of group {params.group_id}: use ALTER … PLACEMENT POLICY or"
            " SET TIFLASH REPLICA"
        )
        return Check(name, Deny("RuleBelongsToTiDB", message))
    return Check(name, Allow(f"nobody else keeps group {params.group_id}"))


def can_be_put_back(former: PlacementRule | None) -> Check:
    """Return whether the rule that stands now is one we know how to write."""
    return Check("RuleCaptured", _can_be_put_back(former))


def enough_stores(params: SetPlacementRule, snapshot: ClusterSnapshot) -> Check:
    """Return whether as many healthy stores match as replicas are wanted (P20)."""
    name, found = "StoresMatch", sorted(matching(asked_rule(params), snapshot))
    shown = ", ".join(str(number) for number in found[:20]) or "none"
    message = f"{len(found)} healthy stores match ({shown}), {params.count} are wanted"
    if len(found) < params.count:
        return Check(name, Hold("TooFewStores", message))
    return Check(name, Allow(message))


def ranges_served(params: SetPlacementRule, snapshot: ClusterSnapshot) -> Check:
    """Return whether every range would have somebody to lead it and a store for each replica."""
    return Check("RangesServed", _ranges_served(params, snapshot))


def fewer_voters(params: SetPlacementRule, snapshot: ClusterSnapshot) -> str | None:
    """Return where voters would fall and how far, None when nowhere."""
    for was, would_be in _compared(params, snapshot):
        if would_be.voters < was.voters:
            key = was.start_key[:40] or "the first"
            return f"from key {key} on voters fall from {was.voters} to {would_be.voters}"
    return None


def _makes_sense(params: SetPlacementRule) -> Verdict:
    start, end = params.start_key.upper(), params.end_key.upper()
    if end and end <= start:
        return Deny("RangeEmpty", f"the range ends at {end[:40]}, before it begins")
    if params.role is RuleRole.LEADER and params.count > 1:
        return Deny("SeveralLeaders", f"a region has one leader, not {params.count}")
    for one in params.label_constraints:
        if (one.op in _VALUED) != (len(one.values) > 0):
            needs = "needs values" if one.op in _VALUED else "takes no values"
            return Deny("ConstraintUnclear", f"{one.key} {one.op.value} {needs}")
    level = params.isolation_level
    if level is not None and level not in params.location_labels:
        return Deny("IsolationUnclear", f"isolation level {level} is none of the location labels")
    return Allow("the rule is one that PD understands")


def _can_be_put_back(former: PlacementRule | None) -> Verdict:
    if former is None:
        return Allow("there is no such rule yet")
    if unknown := sorted(set(former.document) - set(normal({})) - rule_text.RUNTIME):
        message = f"rule {former.key} has {unknown[0][:60]}, which this version does not know"
        return Hold("RuleNotUnderstood", message)
    if former.document.get("is_witness") is True:
        return Hold("RuleIsWitness", f"rule {former.key} is of witnesses, which would get data")
    if not rule_text.captured(former.document):
        message = f"rule {former.key} is longer than the {rule_text.LONGEST} that can be kept"
        return Hold("RuleTooLong", message)
    return Allow(f"rule {former.key} can be put back as it is")


def _ranges_served(params: SetPlacementRule, snapshot: ClusterSnapshot) -> Verdict:
    judged: set[tuple[str, ...]] = set()
    doubt: Warn | None = None
    for _, would_be in _compared(params, snapshot):
        where = f"from key {would_be.start_key[:40] or 'the first'} on"
        if not would_be.is_valid:
            return Hold("RangeUnserved", f"{where} there would be no voter, or two leaders")
        keys = tuple(rule.key for rule in would_be.rules)
        if keys in judged:
            continue
        judged.add(keys)
        if not can_be_placed(would_be.rules, snapshot):
            wanted = sum(rule.count for rule in would_be.rules)
            message = f"{where} {wanted} replicas are wanted, more than healthy stores can hold"
            if all(is_known_group(rule.group_id) for rule in would_be.rules):
                return Hold("RangeUnplaceable", message)
            doubt = doubt or Warn(f"{message}, unless one group of rules overrides another")
    return doubt or Allow("every range has a leader and a store for each replica")


def _compared(
    params: SetPlacementRule, snapshot: ClusterSnapshot
) -> list[tuple[Coverage, Coverage]]:
    """Return what applies now and what would, wherever the rule changes something."""
    asked = asked_rule(params)
    rules = snapshot.placement_rules or ()
    former = [rule for rule in rules if rule.key == asked.key]
    after = [*(rule for rule in rules if rule.key != asked.key), asked]
    keys = borders([*rules, asked], [*former, asked])
    return list(zip(coverages(rules, keys), coverages(after, keys), strict=True))
