"""modify: what a value is taken for, and what is no change."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from assent.api.v1alpha1 import actions
from assent.api.v1alpha1.actionproposal import Ask
from assent.api.v1alpha1.actions import ActionType
from assent.cli.assignments import ABOUT, OF_STEP, TEXTS, changed_ask
from assent.cli.failures import CliError, Exit
from assent.cli.proposal import changes
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"
RULE = {"groupId": "pd", "id": "zone-a", "role": "Voter", "count": 3}


def texts_of(model: type[BaseModel]) -> set[str]:
    """The fields that JSON writes as strings."""
    schema = model.model_json_schema(by_alias=True)

    def is_text(one: dict[str, Any]) -> bool:
        if "$ref" in one:
            one = schema["$defs"][one["$ref"].rpartition("/")[2]]
        return one.get("type") == "string" or any(is_text(kind) for kind in one.get("anyOf", ()))

    return {name for name, one in schema["properties"].items() if is_text(one)}


def test_the_fields_of_text_are_those_of_the_models() -> None:
    """A new parameter that looks like a number must not be sent as one."""
    models: list[type[BaseModel]] = [getattr(actions, kind.value) for kind in ActionType]
    wanted = set[str]().union(*(texts_of(model) for model in models))
    beside = (texts_of(Ask) & set(ABOUT)) | (texts_of(actions.PlanStep) & set(OF_STEP))
    assert wanted | beside == TEXTS


def asked(action: dict[str, Any], *assignments: str, **about: Any) -> dict[str, Any]:
    return changed_ask({"action": action, **about}, assignments)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("reason=true", "true"),
        ("reason=42", "42"),
        ("reason=null", "null"),
        ("revertAfter=10", "10"),
        ("notBefore=2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("reason=a=b", "a=b"),
        ("dryRun=true", True),
        ("dryRun=no", "no"),
    ],
)
def test_a_field_beside_the_action_has_its_type(text: str, wanted: object) -> None:
    """Whether or not it was there before. What makes no sense the API server refuses by name."""
    name = text.partition("=")[0]
    assert asked({"type": "X"}, text) == {name: wanted}


@pytest.mark.parametrize("value", ["7480", "00", "1e10", "null", "true", "[1]"])
def test_a_key_that_looks_like_a_number_is_text(value: str) -> None:
    """Hexadecimal digits are often digits only: 1e10 came out as ten thousand million."""
    action = {"type": "SetPlacementRule", "setPlacementRule": dict(RULE)}
    found = asked(action, f"startKey={value}")["action"]["setPlacementRule"]
    assert found == {**RULE, "startKey": value}


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("count=5", "count", 5),
        ("override=true", "override", True),
        ('locationLabels=["zone"]', "locationLabels", ["zone"]),
        ("role=Learner", "role", "Learner"),
        ("count=five", "count", "five"),
        ("index=", "index", None),
    ],
)
def test_a_parameter_has_its_type(text: str, name: str, wanted: object) -> None:
    """Numbers, lists and switches as JSON writes them; nothing after = removes."""
    action = {"type": "SetPlacementRule", "setPlacementRule": dict(RULE)}
    assert asked(action, text)["action"]["setPlacementRule"][name] == wanted
    assert action["setPlacementRule"] == RULE, "what was read stays as it was"


def test_null_removes_nothing_in_passing(desk: Desk) -> None:
    """A merge patch would take it for a removal."""
    desk.has(recorded("pending-high"))
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=null")
    assert (done.code, desk.calls("patch")) == (Exit.USAGE, [])
    assert "To remove a field say ratePerMinute= with nothing after it." in done.err


def test_a_step_of_a_plan_loses_a_field_whole() -> None:
    """The list is sent as it is to be: a null inside would be refused."""
    steps = [{"type": "SetPlacementRule", "setPlacementRule": {**RULE, "index": 3}}]
    action = {"type": "Plan", "plan": {"steps": steps}}
    found = asked(action, "1.index=")["action"]["plan"]["steps"][0]["setPlacementRule"]
    assert found == RULE or found == {**RULE, "index": None}
    json.dumps(found)


@pytest.mark.parametrize("number", ["0", "2", "17"])
def test_a_step_that_is_none_is_named(number: str) -> None:
    """Steps count from 1."""
    action = {"type": "Plan", "plan": {"steps": [{"type": "EvictLeaders"}]}}
    with pytest.raises(CliError, match=f"no step {number}: 1 to 1"):
        asked(action, f"{number}.storeId=5")


DEFAULTS: list[tuple[object, object]] = [
    (None, ""),
    (None, []),
    (None, False),
    ("", None),
    ([], None),
    (None, 0),
]


@pytest.mark.parametrize(("before", "after"), DEFAULTS)
def test_what_the_api_server_fills_in_is_no_change(before: object, after: object) -> None:
    """A file for Git leaves out what the cluster then has as a default."""
    one, other = ({"action": {"type": "X", "x": {"y": value}}} for value in (before, after))
    assert changes(one, other) == []


@pytest.mark.parametrize(("before", "after"), [(None, "a"), ("", "a"), ([], [1]), (1, 0), (0, 5)])
def test_everything_else_is_a_change(before: object, after: object) -> None:
    one, other = ({"reason": value} for value in (before, after))
    assert changes(one, other) == [("reason", before, after)]
