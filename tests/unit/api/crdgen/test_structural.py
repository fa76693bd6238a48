"""Models become structural schemas, and what has no such form is refused with the field's name."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from assent.api.crdgen.kinds import KINDS
from assent.api.crdgen.structural import SchemaError, structural_schema
from assent.api.v1alpha1.base import ApiModel, Duration, Timestamp


class Colour(StrEnum):
    """A colour."""

    RED = "Red"
    BLUE = "Blue"


class Leaf(ApiModel):
    """A leaf of the tree."""

    name: Annotated[str, Field(max_length=8)] = "oak"
    size: Annotated[int, Field(ge=0, le=9)] = 3


class Tree(ApiModel):
    """Everything that has a structural form."""

    title_text: Annotated[str, Field(min_length=1, max_length=8, pattern="^a")]
    """Said about
    the title."""
    count: int | None = None
    big: bool = True
    colour: Colour = Colour.RED
    colours: Annotated[tuple[Colour, ...], Field(max_length=2)] = (Colour.RED,)
    leaf: Leaf = Leaf()
    other: Leaf | None = None
    """Another leaf, described where it hangs."""
    leaves: Annotated[list[Leaf], Field(min_length=1, max_length=4)]
    at: Timestamp | None = None
    lasting: Duration = "5m"
    only: Literal["a", "b"] = "a"


TREE = structural_schema(Tree)
FIELDS: dict[str, Any] = TREE["properties"]


def test_names_are_camel_case_and_required_is_what_has_no_default() -> None:
    """The wire spelling, not Python's."""
    assert TREE["required"] == ["titleText", "leaves"]
    assert next(iter(FIELDS)) == "titleText"
    assert TREE["description"] == "Everything that has a structural form."


EXPECTED: list[tuple[str, str, dict[str, Any]]] = [
    (
        "bounds and pattern of a string stay, its text becomes one line",
        "titleText",
        {
            "description": "Said about the title.",
            "type": "string",
            "minLength": 1,
            "maxLength": 8,
            "pattern": "^a",
        },
    ),
    ("None is absence, integers have a width", "count", {"type": "integer", "format": "int64"}),
    ("a boolean default is kept", "big", {"type": "boolean", "default": True}),
    (
        "an enum stands in place",
        "colour",
        {
            "description": "A colour.",
            "type": "string",
            "enum": ["Red", "Blue"],
            "default": "Red",
        },
    ),
    (
        "a list is atomic unless said otherwise",
        "colours",
        {
            "type": "array",
            "maxItems": 2,
            "default": ["Red"],
            "x-kubernetes-list-type": "atomic",
            "items": {"description": "A colour.", "type": "string", "enum": ["Red", "Blue"]},
        },
    ),
    (
        "a literal is an enum",
        "only",
        {"type": "string", "enum": ["a", "b"], "default": "a"},
    ),
]


@pytest.mark.parametrize(("why", "field", "schema"), EXPECTED, ids=[case[0] for case in EXPECTED])
def test_field_becomes(why: str, field: str, schema: dict[str, Any]) -> None:
    """One kind of field each."""
    assert FIELDS[field] == schema


def test_default_of_a_group_is_written_out() -> None:
    """The API server checks rules on a default before it fills in the fields' own."""
    assert FIELDS["leaf"]["default"] == {"name": "oak", "size": 3}
    assert FIELDS["leaf"]["description"] == "A leaf of the tree."
    assert "default" not in FIELDS["other"]


def test_description_of_the_field_wins_over_that_of_its_model() -> None:
    """What is said where the group hangs is more to the point."""
    assert FIELDS["other"]["description"] == "Another leaf, described where it hangs."


def test_numbers_keep_their_range() -> None:
    """Refused at the API server, before any code of ours."""
    size = FIELDS["leaf"]["properties"]["size"]
    assert size == {
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "maximum": 9,
        "default": 3,
    }


def test_instant_has_a_format_and_at_most_milliseconds() -> None:
    """What is finer would be lost in the operator's copy and void every approval."""
    at = FIELDS["at"]
    assert (at["type"], at["format"], at["maxLength"]) == ("string", "date-time", 40)
    assert r"(\.[0-9]{1,3})?(Z|" in at["pattern"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0000-01-01T00:00:00Z", id="year 0: no datetime of Python's"),
        pytest.param("0001-01-01T00:00:00+23:59", id="before year 1 in UTC: overflows"),
        pytest.param("9999-12-31T23:59:59-23:59", id="after year 9999 in UTC: overflows"),
        pytest.param("2027-01-01T00:00:00+24:00", id="an offset of a day: cannot be parsed"),
        pytest.param("2027-01-01T00:00:00+01:60", id="an offset of 60 minutes: no such offset"),
    ],
)
def test_instant_that_the_operator_cannot_read_or_turn_into_utc_is_refused(text: str) -> None:
    """The API server's date-time takes all of these; the operator would never see the object,
    or fail on it for ever without a word in its status.
    """
    assert re.search(FIELDS["at"]["pattern"], text) is None


@pytest.mark.parametrize(
    "text", ["2026-11-21T13:42:08.543Z", "2030-01-01T01:00:00+01:00", "2999-12-31T23:59:59-23:59"]
)
def test_instant_that_people_write_is_taken_and_has_a_utc(text: str) -> None:
    """The bounds cost nobody anything."""
    assert re.search(FIELDS["at"]["pattern"], text)
    assert datetime.fromisoformat(text).astimezone(UTC).year >= 2000


def test_duration_keeps_its_pattern() -> None:
    """Validators in Python do not run at the API server; the pattern does."""
    assert FIELDS["lasting"]["pattern"] == r"^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$"


class UnboundedText(ApiModel):
    """A string without an end."""

    text: str


class UnboundedList(ApiModel):
    """A list without an end."""

    items: list[Leaf]


class UnboundedItems(ApiModel):
    """A bounded list of strings without an end."""

    items: Annotated[list[str], Field(max_length=3)]


class Choice(ApiModel):
    """A number or a text."""

    value: int | Annotated[str, Field(max_length=3)]


class Loop(ApiModel):
    """Something that contains itself."""

    inner: "Loop | None" = None


class Fraction(ApiModel):
    """A floating number."""

    share: float


class Anything(ApiModel):
    """A field without a type."""

    value: Any


class Mapping(ApiModel):
    """A map of strings."""

    values: dict[str, str]


class Exact(ApiModel):
    """A decimal number."""

    value: Decimal


class Span(ApiModel):
    """ISO 8601, which Kubernetes does not mean by duration."""

    value: timedelta


class Unlike(ApiModel):
    """An exclusive bound, which is a boolean at the API server."""

    value: Annotated[int, Field(gt=3)]


REFUSED: list[tuple[type[ApiModel], str]] = [
    (UnboundedText, "UnboundedText.text: a string needs max_length"),
    (UnboundedList, "UnboundedList.items: a list needs max_length"),
    (UnboundedItems, r"UnboundedItems.items\[\]: a string needs max_length"),
    (Choice, "Choice.value: a choice of types has no structural form"),
    (Loop, "Loop.inner: Loop contains itself"),
    (Fraction, "Fraction.share: type number has no structural form here"),
    (Anything, "Anything.value: a field needs exactly one type"),
    (Mapping, "Mapping.values: additionalProperties has no structural form"),
    (Exact, "Exact.value: a choice of types has no structural form"),
    (Span, "Span.value: a string needs max_length"),
    (Unlike, "Unlike.value: exclusiveMinimum has no structural form"),
]


@pytest.mark.parametrize(("model", "says"), REFUSED, ids=[case[0].__name__ for case in REFUSED])
def test_what_has_no_structural_form_is_refused(model: type[ApiModel], says: str) -> None:
    """Better here than at the API server, or, worse, dropped there without a word."""
    with pytest.raises(SchemaError, match=says):
        structural_schema(model)


def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from walk(field, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")


NODES = [node for kind in KINDS for node in walk(structural_schema(kind.model), kind.kind)]


def test_everything_in_our_resources_is_bounded() -> None:
    """Without bounds the API server cannot estimate the cost of CEL rules and refuses them."""
    for path, schema in NODES:
        if schema["type"] == "string":
            assert "maxLength" in schema or "enum" in schema, path
        if schema["type"] == "array":
            assert schema["maxItems"] <= 64, path
            assert schema["x-kubernetes-list-type"] in ("atomic", "map"), path


def test_everything_in_our_resources_uses_known_words_only() -> None:
    """Unknown words are dropped by a lenient API server and refused by a strict one."""
    known = {
        "description",
        "type",
        "format",
        "enum",
        "pattern",
        "default",
        "required",
        "properties",
        "items",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-validations",
    }
    for path, schema in NODES:
        assert set(schema) <= known, path
        if schema["type"] == "integer":
            assert schema["format"] == "int64", path
        assert schema.get("default", "") is not None, path


def test_map_keys_are_required_fields_of_their_items() -> None:
    """A list-map without its key in every item would be refused."""
    for path, schema in NODES:
        for key in schema.get("x-kubernetes-list-map-keys", []):
            assert key in schema["items"]["required"], path


def test_spec_fields_for_people_are_described() -> None:
    """`kubectl explain` says something about every group; leaf fields may speak for themselves."""
    for path, schema in NODES:
        if schema["type"] == "object" and not path.endswith("[]"):
            assert schema.get("description"), path
