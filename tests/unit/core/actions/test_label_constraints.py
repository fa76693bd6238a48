"""Which stores a placement rule may use: PD's own matching of labels, case by case."""

from typing import Any

import pytest

from assent.core.actions.label_constraints import fits, label
from tests.support.snapshots import TIFLASH, store


def rule(*constraints: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a rule."""
    return {"label_constraints": list(constraints)}


def zone(operation: str, *values: str) -> dict[str, Any]:
    """Return a constraint on the zone."""
    return {"key": "zone", "op": operation, "values": list(values)}


@pytest.mark.parametrize(
    ("labels", "constraint", "met"),
    [
        pytest.param({"zone": "a"}, zone("in", "a", "b"), True, id="in the list"),
        pytest.param({"zone": "c"}, zone("in", "a", "b"), False, id="not in the list"),
        pytest.param({}, zone("in", "a", ""), False, id="absent is in no list"),
        pytest.param({}, zone("notIn", "a"), True, id="absent is not in the list"),
        pytest.param({"zone": "a"}, zone("notIn", "a"), False, id="in the list it must not be in"),
        pytest.param({"zone": "a"}, zone("exists"), True, id="exists"),
        pytest.param({}, zone("exists"), False, id="does not exist"),
        pytest.param({}, zone("notExists"), True, id="does not exist, as asked"),
        pytest.param({"zone": "a"}, zone("notExists"), False, id="exists although it must not"),
        pytest.param({"zone": "a"}, zone("like", "a"), False, id="an operation PD does not have"),
        pytest.param({"ZONE": "a"}, zone("in", "a"), True, id="the case of a name does not matter"),
    ],
)
def test_each_operation_is_pds(
    labels: dict[str, str], constraint: dict[str, Any], met: bool
) -> None:
    """``LabelConstraint.MatchStore``."""
    assert fits(store(4, labels=labels), rule(constraint)) is met


def test_every_constraint_must_be_met() -> None:
    """One that is not is enough."""
    both = rule(zone("in", "a"), {"key": "disk", "op": "exists"})
    assert fits(store(4, labels={"zone": "a", "disk": "ssd"}), both)
    assert not fits(store(4, labels={"zone": "a"}), both)


@pytest.mark.parametrize("labels", [TIFLASH, {"exclusive": "yes"}, {"$mode": "readonly"}])
def test_exclusive_labels_keep_out_rules_that_do_not_name_them(labels: dict[str, str]) -> None:
    """So pd/default never uses TiFlash; a rule that names the label may."""
    shy = store(4, labels=labels, leader_count=0)
    [(key, value)] = labels.items()
    assert not fits(shy, rule())
    assert fits(shy, rule({"key": key, "op": "in", "values": [value]}))


def test_a_rule_without_constraints_may_use_any_ordinary_store() -> None:
    """Absent and null stand for none."""
    assert fits(store(4, labels={"zone": "a"}), {})
    assert fits(store(4), {"label_constraints": None})


def test_a_label_that_is_absent_is_empty() -> None:
    """As PD shows it."""
    assert label(store(4, labels={"zone": "a"}), "host") == ""
