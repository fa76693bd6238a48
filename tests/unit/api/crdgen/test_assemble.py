"""The definitions as a whole: names, columns, selectors, and always the same bytes."""

import json
from typing import Any

import pytest

from assent.api.crdgen import custom_resource_definitions
from assent.api.crdgen.kinds import KINDS, Column, Kind

DEFINITIONS = {item["spec"]["names"]["kind"]: item for item in custom_resource_definitions()}


def version(kind: str) -> dict[str, Any]:
    (only,) = DEFINITIONS[kind]["spec"]["versions"]
    return dict(only)


def test_three_kinds() -> None:
    """What the product promises."""
    assert list(DEFINITIONS) == ["ActionProposal", "TiKVCluster", "Halt"]


def test_names_that_people_type() -> None:
    """Short names, and one category for all."""
    names = {kind: item["spec"]["names"] for kind, item in DEFINITIONS.items()}
    assert names["ActionProposal"]["shortNames"] == ["ap"]
    assert names["TiKVCluster"]["shortNames"] == ["tikvc"]
    assert "shortNames" not in names["Halt"]
    assert all(name["categories"] == ["assent"] for name in names.values())
    assert names["Halt"]["listKind"] == "HaltList"


def test_scope() -> None:
    """A Halt stops everything, so it belongs to no namespace."""
    scopes = {kind: item["spec"]["scope"] for kind, item in DEFINITIONS.items()}
    assert scopes == {
        "ActionProposal": "Namespaced",
        "TiKVCluster": "Namespaced",
        "Halt": "Cluster",
    }


def test_status_is_a_subresource_where_there_is_one() -> None:
    """Who may write spec may not write status, and the reverse."""
    assert version("ActionProposal")["subresources"] == {"status": {}}
    assert version("TiKVCluster")["subresources"] == {"status": {}}
    assert "subresources" not in version("Halt")
    assert "status" not in version("Halt")["schema"]["openAPIV3Schema"]["properties"]


@pytest.mark.parametrize("kind", ["ActionProposal", "TiKVCluster"])
def test_what_nobody_has_looked_at_says_so(kind: str) -> None:
    """An object without a status counts as done for kstatus; generation -1 is never the present."""
    schema = version(kind)["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["default"] == {"observedGeneration": -1}


def at(schema: dict[str, Any], json_path: str) -> dict[str, Any]:
    for name in json_path.removeprefix(".").split("."):
        schema = schema["properties"][name]
    return schema


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_columns_and_selectors_point_at_fields(kind: Kind) -> None:
    """A renamed field would otherwise leave an empty column behind."""
    schema = version(kind.kind)["schema"]["openAPIV3Schema"]
    for column in kind.columns:
        if not column.json_path.startswith(".metadata"):
            found = at(schema, column.json_path)
            assert found["type"] == column.type, column.name
    for path in kind.selectable:
        assert at(schema, path)["type"] == "string"
    assert len(kind.selectable) <= 8, "the API server's limit"


def test_wide_columns_have_a_priority() -> None:
    """The narrow view must fit a terminal."""
    assert Column("A", ".a", "a", wide_only=True).wire()["priority"] == 1
    assert "priority" not in Column("A", ".a", "a").wire()


def test_two_runs_give_the_same() -> None:
    """Generated files must not change without a reason."""
    once, again = custom_resource_definitions(), custom_resource_definitions()
    assert json.dumps(once) == json.dumps(again)
