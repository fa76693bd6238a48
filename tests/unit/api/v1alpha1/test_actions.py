"""The union of actions: parser and schema agree on what is one action."""

from typing import Any

import pytest
from pydantic import ValidationError

from assent.api.v1alpha1.actions import Action, ActionType, action
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StoreLimitKind
from assent.core.actions.catalogue import CATALOGUE

PARAMETERS: list[ApiModel] = [found.manual.example for found in CATALOGUE.values()]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=lambda value: type(value).__name__)
def test_parameters_make_their_action_and_come_back(parameters: ApiModel) -> None:
    """Type and member follow from the parameters' own class."""
    made = action(parameters)
    assert made.type.value == type(parameters).__name__
    assert made.parameters == parameters
    assert Action.model_validate(made.wire()) == made


def test_every_type_has_parameters() -> None:
    """Every type has an example, and so a place in the list above."""
    assert {type(value).__name__ for value in PARAMETERS} == set(ActionType)


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        (ActionType.TRANSFER_LEADER, "transferLeader"),
        (ActionType.STOP_EVICT_LEADERS, "stopEvictLeaders"),
    ],
)
def test_member_is_the_type_in_camel_case(kind: ActionType, member: str) -> None:
    """People can guess it."""
    assert kind.member == member


EVICT = {"evictLeaders": {"storeId": 1}}

BAD: list[tuple[str, dict[str, Any]]] = [
    ("no member", {"type": "EvictLeaders"}),
    ("the wrong member", {"type": "TransferLeader", **EVICT}),
    ("two members", {"type": "EvictLeaders", **EVICT, "stopEvictLeaders": {"storeId": 1}}),
]


@pytest.mark.parametrize(("why", "body"), BAD, ids=[case[0] for case in BAD])
def test_union_holds_exactly_the_named_member(why: str, body: dict[str, Any]) -> None:
    """Nothing of an action may be there without being meant."""
    with pytest.raises(ValidationError, match=r"must hold exactly the member"):
        Action.model_validate(body)


@pytest.mark.parametrize("number", [0, -1, 2**53])
def test_ids_are_exact_in_json(number: int) -> None:
    """PD reads ids as floating numbers: above 2**53 another store would be meant."""
    with pytest.raises(ValidationError):
        EvictLeaders(store_id=number)
    assert EvictLeaders(store_id=2**53 - 1).store_id == 2**53 - 1


@pytest.mark.parametrize("rate", [0, 1001])
def test_limit_has_a_range(rate: int) -> None:
    """0 would stop the store for good; that is another action."""
    with pytest.raises(ValidationError):
        SetStoreLimit(store_id=1, kind=StoreLimitKind.REMOVE_PEER, rate_per_minute=rate)
