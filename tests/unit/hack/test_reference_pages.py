"""The generated pages of docs/reference say all that the API says, and keep their shape."""

import re
from typing import Any

import pytest

from assent.api.admission.installation import Installation
from assent.api.admission.shipped import shipped
from assent.api.crdgen.assemble import full_schema
from assent.api.crdgen.kinds import KINDS, Kind
from assent.api.reasons import ClusterState, ConditionType, Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import FINISHED, IN_FLIGHT, OPEN, TABLE
from hack.reference import HEADER, field_default, field_type, fields, pages, table

PAGES = pages()
CRDS = PAGES["docs/reference/crds.md"]
LIFECYCLE = PAGES["docs/reference/lifecycle.md"]
REASONS = PAGES["docs/reference/reasons.md"]
ADMISSION = PAGES["docs/reference/admission.md"]


def rows(page: str) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.mark.parametrize("path", sorted(PAGES))
def test_a_page_says_that_it_is_generated(path: str) -> None:
    """Whoever opens it to edit reads first where to edit instead."""
    assert PAGES[path].startswith(HEADER)
    assert "make generate" in HEADER


@pytest.mark.parametrize("path", sorted(PAGES))
def test_every_table_has_as_many_cells_in_every_row(path: str) -> None:
    """A bar or a line break in a description would shift the columns of one row."""
    width = 0
    for line in PAGES[path].splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.split(r"(?<!\\)\|", line)) - 2
        width = width or cells
        assert cells == width, line


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_of_a_resource_is_on_its_page(kind: Kind) -> None:
    """A field without a line is one that nobody finds."""
    section = CRDS.split(f"\n## {kind.kind}\n")[1].split("\n## ")[0]
    shown = {row[0] for row in rows(section)}
    for path, field in fields(full_schema(kind), ""):
        assert f"`{path}`" in shown, path
        assert field.get("description") or "." in path, f"{path} has no meaning"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_rule_of_a_resource_is_on_its_page(kind: Kind) -> None:
    """Whoever is refused looks for the sentence."""

    def messages(schema: dict[str, Any]) -> list[str]:
        own = [rule["message"] for rule in schema.get("x-kubernetes-validations", [])]
        inner = [*schema.get("properties", {}).values(), schema.get("items", {})]
        return own + [text for field in inner if field for text in messages(field)]

    found = messages(full_schema(kind))
    for text in found:
        assert " ".join(text.split()).replace("|", "\\|") in CRDS, text


def test_the_fields_of_lists_have_brackets() -> None:
    """`approvals[].by`, so that a reader sees that there are several."""
    schema = {
        "properties": {
            "seats": {
                "type": "array",
                "items": {"type": "object", "properties": {"by": {"type": "string"}}},
            },
            "who": {"type": "object", "required": ["name"], "properties": {"name": {}}},
        }
    }
    assert [path for path, _ in fields(schema, "")] == ["seats", "seats[].by", "who", "who.name"]
    assert {path: field["required"] for path, field in fields(schema, "spec")} == {
        "spec.seats": False,
        "spec.seats[].by": False,
        "spec.who": False,
        "spec.who.name": True,
    }


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        pytest.param({"type": "string"}, "string", id="plain"),
        pytest.param(
            {"enum": ["Low", "High"], "type": "string"}, "Low or High", id="one of some words"
        ),
        pytest.param(
            {"type": "array", "maxItems": 16, "items": {"type": "object"}},
            "list of object, at most 16",
            id="a list has a bound",
        ),
        pytest.param(
            {"type": "string", "format": "date-time"},
            "instant (RFC 3339, at most milliseconds)",
            id="an instant",
        ),
        pytest.param(
            {"type": "integer", "minimum": 1, "maximum": 9}, "integer (≥ 1, ≤ 9)", id="both bounds"
        ),
        pytest.param({"type": "integer", "minimum": 0}, "integer (≥ 0)", id="zero is a bound"),
    ],
)
def test_a_type_is_told_in_words(field: dict[str, Any], shown: str) -> None:
    """With the bounds that the API server enforces."""
    assert field_type({**field, "required": False}) == shown
    assert field_type({**field, "required": True}) == f"{shown}, required"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        pytest.param({"type": "integer"}, "", id="none"),
        pytest.param({"type": "integer", "default": 0}, "`0`", id="zero is a default"),
        pytest.param({"type": "boolean", "default": True}, "`true`", id="as YAML spells it"),
        pytest.param({"type": "string", "default": "High"}, "`High`", id="a word"),
        pytest.param({"type": "object", "default": {}}, "", id="its fields have their own"),
        pytest.param({"type": "array", "default": []}, "", id="nothing to show"),
    ],
)
def test_a_default_is_told_as_it_would_be_typed(field: dict[str, Any], shown: str) -> None:
    """A reader copies it."""
    assert field_default(field) == shown


def test_cells_cannot_break_their_table() -> None:
    """Descriptions have line breaks, and regular expressions have bars."""
    assert table(("A",), [("one\n  two",), ("a|b",)]) == "| A |\n| --- |\n| one two |\n| a\\|b |\n"


@pytest.mark.parametrize("item", [*Reason, *ClusterState], ids=lambda item: item.value)
def test_every_reason_and_state_has_a_meaning(item: Reason | ClusterState) -> None:
    """`status.reason` answers why it is not running; the page answers what that means."""
    assert [f"`{item.value}`", " ".join(item.meaning.split())] in rows(REASONS)


@pytest.mark.parametrize("item", ConditionType, ids=lambda item: item.value)
def test_every_condition_is_named(item: ConditionType) -> None:
    """`kubectl wait --for=condition=` takes these words."""
    assert f"\n- `{item.value}`\n" in REASONS


def test_every_move_of_the_table_is_a_row_and_an_arrow() -> None:
    """Picture and table come from the same source as the API server's rule."""
    picture = LIFECYCLE.split("```mermaid\n")[1].split("```")[0]
    for move in TABLE:
        start = "[*]" if move.phase is None else move.phase.value
        assert [f"`{start}`", move.event.value, f"`{move.to.value}`"] in rows(LIFECYCLE)
        if move.to is not move.phase:
            assert re.search(
                rf"^    {re.escape(start)} --> {move.to.value}: .*\b{move.event.value}\b",
                picture,
                re.MULTILINE,
            )


def test_two_phases_are_joined_by_one_arrow() -> None:
    """Mermaid draws each line; two from A to B would lie on each other."""
    arrows = re.findall(r"^    (\S+ --> \S+?)(?::|$)", LIFECYCLE, re.MULTILINE)
    assert len(arrows) == len(set(arrows))


@pytest.mark.parametrize("phase", Phase, ids=lambda phase: phase.value)
def test_a_phase_ends_the_picture_exactly_where_it_is_finished(phase: Phase) -> None:
    """A finished phase without an end looks as if something came after it."""
    assert (f"    {phase.value} --> [*]\n" in LIFECYCLE) is (phase in FINISHED)


def test_every_phase_is_in_one_group() -> None:
    """Open, in flight or finished: what may be done to it depends on that."""
    listed = {row[0]: row[1] for row in rows(LIFECYCLE) if row[0] in ("Open", "In flight")}
    assert set(re.findall(r"`(\w+)`", listed["Open"])) == {phase.value for phase in OPEN}
    assert set(re.findall(r"`(\w+)`", listed["In flight"])) == {phase.value for phase in IN_FLIGHT}


@pytest.mark.parametrize("policy", shipped(Installation()), ids=lambda policy: policy.name)
def test_every_refusal_of_a_policy_is_on_its_page(policy: Any) -> None:
    """403 means: ask for a right; 422 means: write something else."""
    section = ADMISSION.split(f"\n## {policy.name}\n")[1].split("\n## ")[0]
    for validation in policy.validations:
        code = "403" if validation.forbidden else "422"
        message = " ".join(validation.message.split()).replace("|", "\\|")
        assert [code, message] in rows(section)
    assert all(f"`{resource}`" in section for resource in policy.resources)


def test_the_policy_that_reads_the_lease_warns_of_its_trap() -> None:
    """A deleted binding freezes the leader fence until the API server is restarted."""
    leases = [policy for policy in shipped(Installation()) if policy.lease is not None]
    assert leases
    assert ADMISSION.count("kubernetes#130887") == len(leases)
