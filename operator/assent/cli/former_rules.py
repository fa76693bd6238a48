"""Rules of PD as they were captured, as the parameters that a proposal may ask for."""

import json

from assent.cli.proposal import Json

ROLES = {"voter": "Voter", "leader": "Leader", "follower": "Follower", "learner": "Learner"}
OPERATORS = {"in": "In", "notIn": "NotIn", "exists": "Exists", "notExists": "NotExists"}
PLACEMENT_FIELDS = {
    "group_id": "groupId",
    "id": "id",
    "index": "index",
    "override": "override",
    "start_key": "startKey",
    "end_key": "endKey",
    "role": "role",
    "count": "count",
    "label_constraints": "labelConstraints",
    "location_labels": "locationLabels",
    "isolation_level": "isolationLevel",
}


def former_placement_rule(text: str) -> Json | str:
    """Return the parameters of SetPlacementRule for a captured rule, or why there are none."""
    rule = json.loads(text)
    extra = sorted(set(rule) - set(PLACEMENT_FIELDS) - {"is_witness"})
    if extra or rule.get("is_witness"):
        return f"The rule before has {(extra or ['is_witness'])[0]}, which no proposal can ask for"
    found: Json = {
        ours: rule[theirs]
        for theirs, ours in PLACEMENT_FIELDS.items()
        if rule.get(theirs) not in (None, [])
    }
    if found.get("isolationLevel") == "":
        del found["isolationLevel"]
    role = ROLES.get(str(found.get("role")))
    if role is None:
        return f"The rule before has the role {found.get('role')}, which no proposal can ask for"
    found["role"] = role
    if "labelConstraints" in found:
        found["labelConstraints"] = [_constraint(one) for one in found["labelConstraints"]]
    return found


def _constraint(one: Json) -> Json:
    made: Json = {"key": one["key"], "op": OPERATORS[one["op"]]}
    return {**made, "values": one["values"]} if one.get("values") else made


def former_label_rule(text: str) -> Json | str:
    """Return the parameters of SetRegionLabelRule for a captured rule, or why there are none."""
    rule = json.loads(text)
    ranges = rule.get("data")
    if rule.get("rule_type") != "key-range" or not isinstance(ranges, list):
        return "The rule before is not about key ranges, and no proposal can ask for it"
    labels = []
    for label in rule.get("labels") or []:
        if label.get("ttl"):
            return "The rule before ended by itself, and how much of that is left is not known"
        labels.append({"key": label["key"], "value": label["value"]})
    return {
        "id": rule["id"],
        "labels": labels,
        "ranges": [
            {"startKey": one.get("start_key", ""), "endKey": one.get("end_key", "")}
            for one in ranges
        ],
    }
