"""What SetRegionLabelRule and DeleteRegionLabelRule share: the two calls, and reading a rule.

PD adds ``start_at`` to a label that has a ttl, and drops the label when its time is over; a rule
without labels is gone (``pkg/schedule/labeler/rules.go``).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from assent.api.v1alpha1.actionproposal import Fact, Target
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.core.actions import rule_text
from assent.core.model.call import Json, PdCall
from assent.core.model.placement import RegionLabelRule
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

OTHERS = {"keyspaces/": "PD's keyspace manager", "schema/": "TiDB (ALTER TABLE … ATTRIBUTES)"}
"""Rules whose id begins so are kept by somebody else, who would write them again."""

_FIELDS = frozenset({"id", "index", "labels", "rule_type", "data"})
_LABEL_FIELDS = frozenset({"key", "value", "ttl", "start_at"})
_UNIX_DATE = "%a %b %d %H:%M:%S UTC %Y"
"""Go's time.UnixDate, in which PD writes ``start_at``, of a PD that runs in UTC."""


def put(document: Mapping[str, Json]) -> PdCall:
    """Return the call that sets one whole rule."""
    return PdCall("POST", "/pd/api/v1/config/region-label/rule", dict(document))


def delete(rule_id: str) -> PdCall:
    """Return the call that removes one rule; 404 when there is none. PD wants the id escaped."""
    return PdCall("DELETE", f"/pd/api/v1/config/region-label/rule/{quote(rule_id, safe='')}")


def find(rule_id: str, snapshot: ClusterSnapshot) -> RegionLabelRule | None:
    """Return the rule, None when PD shows none of that id."""
    return next((rule for rule in snapshot.label_rules or () if rule.id == rule_id), None)


def target(rule_id: str, snapshot: ClusterSnapshot) -> Target | None:
    """Return the rule as it stands, or its absence; None while the rules have not been read."""
    if snapshot.label_rules is None:
        return None
    return rule_text.rule_target(f"label-rule/{rule_id}", _document(rule_id, snapshot), snapshot)


def facts(rule_id: str, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
    """Return the whole rule or its absence; nothing while the rules have not been read."""
    if snapshot.label_rules is None:
        return ()
    return rule_text.captured(_document(rule_id, snapshot))


def unchanged(rule_id: str, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
    """Return True while PD shows exactly the captured rule, but for labels whose time is over."""
    was, now = rule_text.captured_text(before), rule_text.captured_text(facts(rule_id, snapshot))
    if was is None or now is None:
        return False
    former = rule_text.captured_document(before)
    return now in (was, rule_text.text_of(_aged(former, snapshot.taken_at)))


def known(snapshot: ClusterSnapshot) -> Check:
    """Return whether the label rules have been read."""
    name = "LabelRulesKnown"
    if snapshot.label_rules is None:
        return Check(name, Hold("LabelRulesUnknown", "PD's region label rules have not been read"))
    return Check(name, Allow(f"PD shows {len(snapshot.label_rules)} region label rules"))


def ours_to_change(rule_id: str) -> Check:
    """Return whether nobody else keeps this rule as it is."""
    name = "RuleUnmanaged"
    for beginning, keeper in OTHERS.items():
        if rule_id.startswith(beginning):
            message = f"rule {rule_id} is kept by {keeper}, which would write it again"
            return Check(name, Deny("RuleBelongsToOthers", message))
    return Check(name, Allow(f"nobody else keeps rule {rule_id}"))


def can_be_put_back(rule_id: str, snapshot: ClusterSnapshot) -> Check:
    """Return whether the rule that stands now is one we know how to write."""
    return Check("RuleCaptured", _can_be_put_back(find(rule_id, snapshot)))


def labels_of(document: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Return the labels of a rule as PD shows them."""
    found = document.get("labels")
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [one for one in found if isinstance(one, Mapping)]


def started_at(label: Mapping[str, Json]) -> datetime | None:
    """Return when a label's time began, to the second; None when it has none or PD writes it in
    another zone than UTC, whose short name says too little.
    """
    shown = label.get("start_at")
    if not isinstance(shown, str):
        return None
    try:
        return datetime.strptime(shown, _UNIX_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None


def _document(rule_id: str, snapshot: ClusterSnapshot) -> dict[str, Json] | None:
    rule = find(rule_id, snapshot)
    return None if rule is None else dict(rule.document)


def _can_be_put_back(rule: RegionLabelRule | None) -> Verdict:
    if rule is None:
        return Allow("there is no such rule")
    labels = labels_of(rule.document)
    unknown = (set(rule.document) - _FIELDS) | {name for one in labels for name in one}
    unknown -= _FIELDS | _LABEL_FIELDS
    if unknown:
        message = f"rule {rule.id} has {min(unknown)[:60]}, which this version does not know"
        return Hold("RuleNotUnderstood", message)
    if not rule_text.captured(rule.document):
        message = f"rule {rule.id} is longer than the {rule_text.LONGEST} that can be kept"
        return Hold("RuleTooLong", message)
    if any(one.get("ttl") for one in labels):
        return Warn(f"rule {rule.id} ends by itself: once it would have, it is not put back")
    return Allow(f"rule {rule.id} can be put back as it is")


def _aged(document: Mapping[str, Json] | None, at: datetime) -> dict[str, Json] | None:
    """Return the rule without the labels whose time is certainly over, None when none is left."""
    if document is None:
        return None
    left = [one for one in labels_of(document) if not _is_over(one, at)]
    return {**document, "labels": left} if left else None


def _is_over(label: Mapping[str, Json], at: datetime) -> bool:
    started, ttl = started_at(label), label.get("ttl")
    if started is None or not isinstance(ttl, str):
        return False
    try:
        return at >= started + timedelta(seconds=parse_duration_seconds(ttl))
    except ValueError:  # Go's durations have forms that ours have not, such as 1.5h
        return False
