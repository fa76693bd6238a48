"""The closed list of writes to rules, labels and PD's leader."""

from typing import Any

import pytest

from assent.core.actions import label_rules
from assent.core.actions.delete_region_label_rule import DeleteRegionLabelRuleAction
from assent.core.actions.set_placement_rule import SetPlacementRuleAction
from assent.core.actions.set_region_label_rule import SetRegionLabelRuleAction
from assent.core.actions.transfer_pd_leader import TransferPDLeaderAction
from assent.core.model.call import PdCall
from assent.pd.whitelist.members import MEMBERS
from assent.pd.whitelist.placement import PLACEMENT
from assent.pd.whitelist.table import allowed

RULE = "/pd/api/v1/config/rule"
LABEL = "/pd/api/v1/config/region-label/rule"
LEADER = "/pd/api/v1/leader/transfer"
WHOLE: dict[str, Any] = {
    "group_id": "pd",
    "id": "x",
    "start_key": "",
    "end_key": "74FF",
    "role": "voter",
    "count": 3,
}
LABELLED: dict[str, Any] = {
    "id": "team/x",
    "index": 0,
    "labels": [{"key": "a", "value": "b", "ttl": "1h", "start_at": "Mon"}],
    "rule_type": "key-range",
    "data": [{"start_key": "", "end_key": ""}],
}
CONSTRAINT = {"key": "zone", "op": "in", "values": ["a"]}
EXAMPLES = [
    (action, action.manual.example)
    for action in (
        SetPlacementRuleAction(),
        SetRegionLabelRuleAction(),
        DeleteRegionLabelRuleAction(),
        TransferPDLeaderAction(),
    )
]


@pytest.mark.parametrize(("action", "params"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_the_calls_of_the_actions_are_allowed(action: Any, params: Any) -> None:
    """What an action makes and what may be sent are written down apart."""
    assert allowed(action.call(params)) is not None


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (PdCall("POST", RULE, WHOLE), "placement-rule"),
        (PdCall("POST", RULE, {**WHOLE, "label_constraints": [CONSTRAINT]}), "placement-rule"),
        (PdCall("POST", RULE, {**WHOLE, "is_witness": False, "index": 3}), "placement-rule"),
        (PdCall("POST", RULE, {**WHOLE, "id": "default"}), "default-placement-rule"),
        (
            PdCall("POST", RULE, {**WHOLE, "group_id": "own", "id": "default"}),
            "placement-rule",
        ),
        (PdCall("DELETE", f"{RULE}/own/default"), "delete-placement-rule"),
        (PdCall("POST", LABEL, LABELLED), "region-label-rule"),
        (label_rules.delete("team/a.b-c/d"), "delete-region-label-rule"),
        (PdCall("POST", f"{LEADER}/basic-pd-1.peer.ns.svc"), "transfer-pd-leader"),
    ],
)
def test_each_write_has_its_own_name(call: PdCall, name: str) -> None:
    """By it refusals are told apart: of pd/default no text proves that nothing happened."""
    found = allowed(call)
    assert found is not None
    assert found.name == name


def test_no_kind_is_left_over() -> None:
    """The list holds nothing that no case above needs."""
    assert len({*(kind.name for kind in (*PLACEMENT, *MEMBERS))}) == 6


@pytest.mark.parametrize(
    ("method", "path", "body", "why"),
    [
        ("POST", "/pd/api/v1/config/rules", None, "many rules at once"),
        ("POST", "/pd/api/v1/config/placement-rule", None, "replaces every group"),
        ("DELETE", "/pd/api/v1/config/placement-rule/pd", None, "a whole group"),
        ("DELETE", f"{RULE}/pd/default", None, "all data would lose its rule"),
        ("DELETE", f"{RULE}/pd/../x", None, "another path"),
        ("DELETE", f"{RULE}/pd/a%2Fb", None, "PD does not unescape here"),
        ("DELETE", f"{RULE}/pd/x?force", None, "P52: never force"),
        ("DELETE", f"{RULE}/pd/x", {"id": "x"}, "a body where none belongs"),
        ("POST", RULE, None, "no body"),
        ("POST", RULE, {"group_id": "pd", "id": "x"}, "half a rule"),
        ("POST", RULE, {**WHOLE, "role": "boss"}, "no such role"),
        ("POST", RULE, {**WHOLE, "count": 0}, "no replicas"),
        ("POST", RULE, {**WHOLE, "count": True}, "no number"),
        ("POST", RULE, {**WHOLE, "is_witness": True}, "witnesses hold no data"),
        ("POST", RULE, {**WHOLE, "start_key": "xyz"}, "no key"),
        ("POST", RULE, {**WHOLE, "id": "a/b"}, "could not be deleted again"),
        ("POST", RULE, {**WHOLE, "version": 3}, "one field more"),
        ("POST", RULE, {**WHOLE, "label_constraints": "a"}, "no list"),
        ("POST", RULE, {**WHOLE, "label_constraints": [{"key": "a", "op": "like"}]}, "no operator"),
        ("POST", RULE, {**WHOLE, "location_labels": [1]}, "no label"),
        ("POST", LABEL, {**LABELLED, "id": "keyspaces/0"}, "PD's own"),
        ("POST", LABEL, {**LABELLED, "id": "schema/a/b"}, "TiDB's own"),
        ("POST", LABEL, {**LABELLED, "rule_type": "other"}, "no such type"),
        ("POST", LABEL, {**LABELLED, "data": [{"start_key": ""}]}, "half a range"),
        ("POST", LABEL, {**LABELLED, "labels": [{"key": "a"}]}, "half a label"),
        ("POST", LABEL, {**LABELLED, "labels": [{"key": "a", "value": 1}]}, "no text"),
        ("DELETE", f"{LABEL}/keyspaces%2F0", None, "PD's own"),
        ("DELETE", f"{LABEL}/schema%2Fa%2Fb", None, "TiDB's own"),
        ("DELETE", f"{LABEL}/a/b", None, "not escaped"),
        ("DELETE", f"{LABEL}/", None, "no rule"),
        ("PATCH", "/pd/api/v1/config/region-label/rules", None, "many rules at once"),
        ("POST", "/pd/api/v1/leader/resign", None, "PD would choose"),
        ("POST", f"{LEADER}/", None, "nobody"),
        ("POST", f"{LEADER}/a/b", None, "a longer path"),
        ("POST", f"{LEADER}/pd-1", {}, "a body where none belongs"),
        ("DELETE", "/pd/api/v1/members/name/pd-1", None, "breaks the quorum of etcd"),
        ("POST", "/pd/api/v1/members/name/pd-1", {"leader-priority": 1}, "lasting"),
    ],
)
def test_everything_else_is_not(method: str, path: str, body: Any, why: str) -> None:
    """Each is a call that PD would take, or nearly."""
    assert allowed(PdCall(method, path, body)) is None, why
