"""What placement rules do together, as PD applies them, and which stores they match."""

from typing import Any

import pytest

from assent.core.actions.placement_rules import (
    borders,
    can_be_placed,
    coverages,
    matching,
    normal,
)
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import StoreState
from tests.support.placement import placed, rule
from tests.support.snapshots import TIFLASH, store

LEARNER = rule("learners", role="learner", count=1)


def applied(*rules: PlacementRule, at: str = "") -> list[str]:
    (found,) = coverages(rules, [at])
    return [one.id for one in found.rules]


def test_rules_apply_where_their_range_is() -> None:
    """The start belongs to a range, the end does not."""
    left, right = rule("left", end_key="74"), rule("right", start_key="74")
    assert applied(left, right, at="73ff") == ["left"]
    assert applied(left, right, at="74") == ["right"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param((rule(), LEARNER), ["default", "learners"], id="they add up"),
        pytest.param(
            (rule(), rule("later", index=1, override=True)), ["later"], id="one overrides"
        ),
        pytest.param(
            (rule(index=2), rule("first", index=1, override=True)),
            ["first", "default"],
            id="only what comes before it",
        ),
        pytest.param(
            (rule(), rule("p", group="TiDB_DDL_9")), ["p"], id="TiDB's groups override all others"
        ),
        pytest.param(
            (rule(), rule("p", group="TiDB_DDL_9"), rule("f", group="tiflash", role="learner")),
            ["p", "f"],
            id="TiFlash's group adds to TiDB's",
        ),
        pytest.param(
            (rule(), rule("a", group="own")), ["a", "default"], id="groups in order of their name"
        ),
        pytest.param(
            (rule("x", group="own"), rule("y", group="own", index=1, override=True), rule()),
            ["y", "default"],
            id="an override stays within its group",
        ),
    ],
)
def test_rules_apply_in_pds_order(rules: tuple[PlacementRule, ...], expected: list[str]) -> None:
    """prepareRulesForApply: group, index, id; an override drops what came before it."""
    assert applied(*rules) == expected


@pytest.mark.parametrize(
    ("rules", "voters", "valid"),
    [
        pytest.param((rule(),), 3, True, id="three voters"),
        pytest.param((LEARNER,), 0, False, id="nobody may lead"),
        pytest.param((rule(role="follower"),), 3, False, id="followers never lead"),
        pytest.param((rule(role="leader", count=1),), 1, True, id="a leader"),
        pytest.param((rule(role="leader", count=2),), 2, False, id="two leaders"),
        pytest.param(
            (rule(role="leader", count=1), rule("f", role="follower")), 4, True, id="both"
        ),
    ],
)
def test_voters_are_counted_and_somebody_must_lead(
    rules: tuple[PlacementRule, ...], voters: int, *, valid: bool
) -> None:
    """As PD's checkApplyRules."""
    (found,) = coverages(rules, [""])
    assert (found.voters, found.is_valid) == (voters, valid)


def test_borders_are_those_inside_the_ranges_in_question() -> None:
    """Elsewhere nothing changes, so nothing is looked at."""
    other = rule("t", start_key="7480", end_key="7490")
    assert borders([rule(), other], [other]) == ["7480"]
    assert borders([rule(), other], [rule()]) == ["", "7480", "7490"]
    assert borders([rule(), other], [rule(start_key="7485")]) == ["7490"]


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ({"key": "zone", "op": "in", "values": ["a", "b"]}, {1, 2}),
        ({"key": "Zone", "op": "in", "values": ["a"]}, {1}),
        ({"key": "zone", "op": "notIn", "values": ["a"]}, {2, 3}),
        ({"key": "zone", "op": "exists"}, {1, 2}),
        ({"key": "zone", "op": "notExists"}, {3}),
        ({"key": "engine", "op": "in", "values": ["tiflash"]}, set()),
        ({"key": "$special", "op": "exists"}, {5}),
        ({"key": "zone", "op": "like", "values": ["a"]}, set()),
    ],
)
def test_stores_match_by_their_labels(constraint: dict[str, object], expected: set[int]) -> None:
    """label_constraint.go: keys without case; engine and $… only when a rule names them."""
    seen = placed(
        stores=(
            store(1, labels={"zone": "a"}),
            store(2, labels={"zone": "b"}),
            store(3),
            store(4, labels=TIFLASH),
            store(5, labels={"$special": "1", "zone": "a"}),
            store(6, labels={"zone": "a"}, state=StoreState.DOWN),
        )
    )
    assert matching(rule(label_constraints=[constraint]), seen) == expected


def test_tiflash_only_learns() -> None:
    """PD would let it vote."""
    seen = placed(stores=(store(1, labels=TIFLASH),))
    engine = [{"key": "engine", "op": "in", "values": ["tiflash"]}]
    assert matching(rule(label_constraints=engine), seen) == set()
    assert matching(rule(role="learner", label_constraints=engine), seen) == {1}


def test_every_replica_needs_a_store_of_its_own() -> None:
    """Two rules that each find a store may still want the same one."""
    seen = placed(stores=(store(1, labels={"disk": "ssd"}), store(2), store(3)))
    on_ssd = [{"key": "disk", "op": "in", "values": ["ssd"]}]
    fast = rule("fast", count=1, label_constraints=on_ssd)
    assert can_be_placed([rule("rest", count=2), fast], seen), "the rest moves over for it"
    assert not can_be_placed([rule("rest", count=3), fast], seen)
    assert not can_be_placed([rule("rest", count=1, label_constraints=on_ssd), fast], seen)


def test_an_ask_compares_with_what_pd_shows() -> None:
    """PD leaves out what is empty, and keeps the spelling of keys."""
    shown: dict[str, Any] = {
        "group_id": "pd",
        "id": "a",
        "role": "voter",
        "count": 1,
        "is_witness": False,
    }
    asked = {**shown, "index": 0, "override": False, "location_labels": [], "end_key": ""}
    assert normal(asked) == normal(shown)
    assert normal({**shown, "start_key": "ab"}) == normal({**shown, "start_key": "AB"})
    assert normal({**shown, "count": 2}) != normal(shown)
    assert normal({**shown, "label_constraints": [{"key": "a", "op": "exists"}]}) == normal(
        {**shown, "label_constraints": [{"key": "a", "op": "exists", "values": []}]}
    )
