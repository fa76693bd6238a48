"""The whitelist on splits, merges, scatters and cancellations: these bodies and no others."""

from typing import Any

import pytest

from assent.core.model.call import PdCall
from assent.pd.whitelist.table import allowed

OPERATORS = "/pd/api/v1/operators"
SPLIT = {"name": "split-region", "region_id": 4, "policy": "approximate"}
AT_KEYS = {"name": "split-region", "region_id": 4, "policy": "usekey", "keys": ["7480", "7490"]}
MERGE = {"name": "merge-region", "source_region_id": 4, "target_region_id": 5}
SCATTER = {"name": "scatter-region", "region_id": 4}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (SPLIT, "split-region"),
        ({**SPLIT, "policy": "scan"}, "split-region"),
        (AT_KEYS, "split-region"),
        ({**AT_KEYS, "keys": ["FF" * 128] * 16}, "split-region"),
        (MERGE, "merge-region"),
        (SCATTER, "scatter-region"),
    ],
)
def test_the_calls_of_the_actions_are_allowed(body: dict[str, Any], name: str) -> None:
    """Each under its own name, to which the proofs of refusal belong."""
    found = allowed(PdCall("POST", OPERATORS, body))
    assert found is not None
    assert (found.name, found.route) == (name, OPERATORS)


def test_one_operator_may_be_cancelled() -> None:
    """By its region, without any body."""
    found = allowed(PdCall("DELETE", f"{OPERATORS}/4"))
    assert found is not None
    assert (found.name, found.route) == ("cancel-operator", f"{OPERATORS}/{{id}}")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({**SPLIT, "policy": "APPROXIMATE"}, "one spelling only"),
        ({**SPLIT, "policy": "usekey"}, "P08: usekey without keys ends in a time-out"),
        ({**SPLIT, "keys": ["7480"]}, "keys that PD would overlook"),
        ({**SPLIT, "region_id": "4"}, "an id is a number"),
        ({**SPLIT, "region_id": 4.5}, "PD would cut it off"),
        ({**SPLIT, "region_id": 2**53}, "PD would round it"),
        ({"name": "split-region", "region_id": 4}, "no policy"),
        ({**AT_KEYS, "keys": []}, "P08: no keys"),
        ({**AT_KEYS, "keys": "7480"}, "0.4: PD panics over keys that are no list"),
        ({**AT_KEYS, "keys": ["7480", 5]}, "no string"),
        ({**AT_KEYS, "keys": ["748"]}, "half a byte"),
        ({**AT_KEYS, "keys": ["74ff"]}, "one spelling only"),
        ({**AT_KEYS, "keys": [""]}, "no key"),
        ({**AT_KEYS, "keys": ["7480"] * 17}, "too many"),
        ({**AT_KEYS, "x": 1}, "one field more"),
        ({**MERGE, "target_region_id": True}, "True is 1 to Python and an error to PD"),
        ({"name": "merge-region", "source_region_id": 4}, "no target"),
        ({**SCATTER, "group": "a"}, "PD keeps what it placed by group: a group of our own skews"),
        ({"name": "scatter-regions", "region_ids": [4]}, "P07: always 200"),
        ({"name": "scatter-regions", "start_key": "", "end_key": ""}, "P07: of all regions"),
        (None, "no body"),
    ],
)
def test_every_other_body_is_refused(body: dict[str, Any] | None, why: str) -> None:
    """Each is a call that PD would take, or nearly."""
    assert allowed(PdCall("POST", OPERATORS, body)) is None, why


@pytest.mark.parametrize(
    ("method", "path", "body", "why"),
    [
        ("DELETE", OPERATORS, None, "P25: ends every repair"),
        ("DELETE", f"{OPERATORS}/", None, "PD would redirect to all of them"),
        ("DELETE", f"{OPERATORS}/0", None, "no region"),
        ("DELETE", f"{OPERATORS}/4?x", None, "no query"),
        ("DELETE", f"{OPERATORS}/4", {"name": "x"}, "a body where none belongs"),
        ("POST", "/pd/api/v1/regions/scatter", {"regions_id": [4]}, "P07: a percentage"),
        ("POST", "/pd/api/v1/regions/split", {"split_keys": ["7480"]}, "P38: spins for ever"),
    ],
)
@pytest.mark.trap("P07", "P25", "P38")
def test_p07_p25_p38_the_wider_doors_stay_shut(
    method: str, path: str, body: dict[str, Any] | None, why: str
) -> None:
    """One region at a time, by an operator, and never all of them."""
    assert allowed(PdCall(method, path, body)) is None, why
