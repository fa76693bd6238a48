"""The whitelist on peers that come, go and move: these bodies and no others."""

from typing import Any

import pytest

from assent.core.model.call import PdCall
from assent.pd.whitelist.table import allowed

OPERATORS = "/pd/api/v1/operators"
MOVE = {"name": "transfer-peer", "region_id": 4, "from_store_id": 2, "to_store_id": 5}
ADD = {"name": "add-peer", "region_id": 4, "store_id": 5}
LEARN = {"name": "add-learner", "region_id": 4, "store_id": 5}
REMOVE = {"name": "remove-peer", "region_id": 4, "store_id": 2}


@pytest.mark.parametrize("body", [MOVE, ADD, LEARN, REMOVE], ids=lambda body: str(body["name"]))
def test_the_calls_of_the_actions_are_allowed(body: dict[str, Any]) -> None:
    """Each under its own name, to which the proofs of refusal belong."""
    found = allowed(PdCall("POST", OPERATORS, body))
    assert found is not None
    assert (found.name, found.route) == (body["name"], OPERATORS)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({**MOVE, "from_store_id": "2"}, "an id is a number"),
        ({**MOVE, "to_store_id": 5.5}, "PD would cut it off"),
        ({**MOVE, "region_id": 2**53}, "PD would round it"),
        ({**MOVE, "region_id": 0}, "no region"),
        ({**MOVE, "to_store_id": True}, "True is 1 to Python and an error to PD"),
        ({**MOVE, "store_id": 5}, "one field more"),
        ({"name": "transfer-peer", "region_id": 4, "to_store_id": 5}, "no source"),
        ({**ADD, "store_id": None}, "no store"),
        ({**ADD, "peer_id": 7}, "PD numbers its peers itself"),
        ({**ADD, "name": "add-witness"}, "another operator"),
        ({**LEARN, "store_id": -5}, "no store has a negative number"),
        ({**REMOVE, "force": True}, "P52: never force"),
        ({"name": "remove-peer", "store_id": 2}, "of no region"),
        ({**MOVE, "name": "transfer-region", "to_store_ids": [5]}, "replaces all peers at once"),
        ({**REMOVE, "name": "transfer-leader"}, "another operator's name on these ids"),
    ],
)
def test_everything_else_is_not(body: dict[str, Any], why: str) -> None:
    """Each is a call that PD would take, or nearly."""
    assert allowed(PdCall("POST", OPERATORS, body)) is None, why


@pytest.mark.parametrize("body", [MOVE, ADD, LEARN, REMOVE], ids=lambda body: str(body["name"]))
def test_they_go_to_one_path_by_one_method(body: dict[str, Any]) -> None:
    """Not by PUT, not with a query."""
    assert allowed(PdCall("PUT", OPERATORS, body)) is None
    assert allowed(PdCall("POST", f"{OPERATORS}?force", body)) is None
    assert allowed(PdCall("POST", f"{OPERATORS}/4", body)) is None
