"""What the API server is told of a status: what rules and columns read, and no more."""

from typing import Any

import pytest

from assent.api.crdgen import custom_resource_definitions
from assent.api.crdgen.assemble import full_schema
from assent.api.crdgen.kinds import KINDS, Kind
from assent.api.crdgen.lean import lean_status, paths_read_by
from assent.api.crdgen.rules import rules_of

OPEN = "x-kubernetes-preserve-unknown-fields"
STATUS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "phase": {"type": "string", "maxLength": 9},
        "words": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5}},
        "risk": {
            "type": "object",
            "description": "How bad.",
            "required": ["tier", "score"],
            "properties": {"tier": {"type": "string"}, "score": {"type": "integer"}},
        },
        "gates": {
            "type": "array",
            "description": "What was checked.",
            "maxItems": 4,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "hash": {"type": "string"}},
            },
        },
    },
}


def lean(*read: str) -> dict[str, Any]:
    fields = lean_status(STATUS, read)["properties"]
    assert isinstance(fields, dict)
    return fields


def test_values_at_the_top_keep_their_schema() -> None:
    """They are few, people select and print by them, and `kubectl explain` describes them."""
    assert lean()["phase"] == STATUS["properties"]["phase"]
    assert lean()["words"] == STATUS["properties"]["words"]


def test_an_object_is_open_and_says_what_it_holds() -> None:
    """`kubectl explain` can no longer list the fields."""
    assert lean()["risk"] == {
        "description": "How bad. Has tier, score.",
        "type": "object",
        OPEN: True,
    }


def test_a_list_is_bounded_and_its_items_are_open() -> None:
    """The bound stays, because the cost of a rule over the list is estimated by it."""
    assert lean()["gates"] == {
        "description": "What was checked. Each has name, hash.",
        "type": "array",
        "maxItems": 4,
        "x-kubernetes-list-type": "atomic",
        "items": {"description": "Has name, hash.", "type": "object", OPEN: True},
    }


def test_what_is_read_keeps_its_schema() -> None:
    """A rule over a field without a type would be refused with the whole definition."""
    risk, gates = lean("risk.tier")["risk"], lean("gates", "gates.hash")["gates"]
    assert risk["properties"] == {"tier": {"type": "string"}}
    assert risk["required"] == ["tier"], "what must be there must be there still"
    assert risk[OPEN] is True
    assert gates["items"]["properties"] == {"hash": {"type": "string"}}


def test_the_model_of_the_status_is_not_touched() -> None:
    """The reference page is made from the same schema."""
    before = repr(STATUS)
    lean("risk.tier")
    assert repr(STATUS) == before


@pytest.mark.parametrize(
    ("expression", "paths"),
    [
        pytest.param("has(self.status.phase)", {"phase"}, id="a value"),
        pytest.param("oldSelf.status.execution.epoch > 1", {"execution.epoch"}, id="the old one"),
        pytest.param(
            "self.status.history[size(oldSelf.status.history) - 1].hash == 'x'",
            {"history.hash"},
            id="by an index that is itself read from status",
        ),
        pytest.param("size(self.metadata.name) < 9", set(), id="not of status"),
    ],
)
def test_rules_tell_what_they_read(expression: str, paths: set[str]) -> None:
    """So that a new rule needs no second place to be entered in."""
    assert paths_read_by([expression]) == paths


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.has_status], ids=lambda kind: kind.kind
)
def test_every_rule_finds_the_schema_it_was_written_for(kind: Kind) -> None:
    """Same type, same bounds, on the way to it nothing that is missing."""
    (installed,) = [
        item["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for item in custom_resource_definitions()
        if item["spec"]["names"]["kind"] == kind.kind
    ]
    for path in paths_read_by(rule.rule for rule in rules_of(kind.model)):
        given, full = installed["properties"]["status"], full_schema(kind)["properties"]["status"]
        for name in path.split("."):
            given = given.get("items", given)["properties"][name]
            full = full.get("items", full)["properties"][name]
        assert given["type"] == full["type"], path
        bounds = ("maxItems", "maxLength", "minimum", "enum", "format")
        assert [given.get(key) for key in bounds] == [full.get(key) for key in bounds], path
