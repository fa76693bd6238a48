"""Who wrote an ask, how it was first filed, in what it differs, and why people are asked again."""

from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    MAX_AUTHORS,
    ActionProposalStatus,
    Change,
    Risk,
    Target,
)
from assent.api.v1alpha1.actions import Action, action
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.approvals.digest import ask_of
from assent.core.approvals.revision import (
    MAX_VALUE,
    authors_of,
    changes_between,
    origin_of,
    record_of,
    why_anew,
)
from tests.support.proposals import AUTHOR, EVICT_4, MOVE_17, NOW, STOP_4, approval, proposal

TARGET = Target(cluster_id="7", id="region/17", identity=[])
MOVE_TO_5 = action(TransferLeader(region_id=17, to_store_id=5))


def spec_of(asks: Action = MOVE_17, **changes: Any) -> Any:
    return proposal(asks, **changes).spec


def assessed_as(asks: Action = MOVE_17, **changes: Any) -> ActionProposalStatus:
    """Return the status of the first assessment of this ask."""
    spec = spec_of(asks)
    base = ActionProposalStatus(
        revision=1,
        assessed=ask_of(spec),
        authors=[AUTHOR],
        effective_dry_run=False,
        risk=Risk(tier=Tier.LOW, factors=[]),
        target=TARGET,
    )
    return base.model_copy(update=changes)


def test_whoever_files_it_is_its_first_author() -> None:
    """From the first assessment on."""
    assert authors_of(spec_of(), ActionProposalStatus()) == [AUTHOR]


def test_whoever_changes_it_joins_the_authors() -> None:
    """In order, each once: going back and forth adds nobody."""
    status = assessed_as(authors=[AUTHOR, "sre-2"])
    assert authors_of(spec_of(proposed_by="sre-3"), status) == [AUTHOR, "sre-2", "sre-3"]
    assert authors_of(spec_of(proposed_by=AUTHOR), status) == [AUTHOR, "sre-2"]


def test_an_assessment_without_authors_knows_its_own() -> None:
    """Written by an operator from before the field."""
    status = assessed_as(authors=None)
    assert authors_of(spec_of(proposed_by="sre-3"), status) == [AUTHOR, "sre-3"]


def test_the_list_of_authors_is_bounded() -> None:
    """Who filed it and the newest stay."""
    status = assessed_as(authors=[f"sre-{number}" for number in range(MAX_AUTHORS)])
    found = authors_of(spec_of(proposed_by="last"), status)
    assert len(found) == MAX_AUTHORS
    assert (found[0], found[1], found[-1]) == ("sre-0", "sre-2", "last")


def test_an_unchanged_ask_has_no_origin_of_its_own() -> None:
    """Nothing to show: it is as it was filed."""
    assert origin_of(spec_of(), assessed_as()) is None
    assert origin_of(spec_of(), ActionProposalStatus()) is None
    record = record_of(spec_of(), assessed_as())
    assert (record["original"], record["changes"]) == (None, None)


def test_what_people_say_to_it_changes_nothing() -> None:
    """An approval is no part of the ask."""
    spec = spec_of(approvals=[approval("sre-2", "sha256:x")])
    assert origin_of(spec, assessed_as()) is None


def test_the_origin_stays_through_every_change() -> None:
    """The second editor's difference is shown against what was first filed."""
    first = ask_of(spec_of())
    once = assessed_as(MOVE_TO_5, original=first)
    found = record_of(spec_of(EVICT_4, proposed_by="sre-3"), once)
    assert found["original"] == first


def test_a_change_that_was_taken_back_leaves_no_difference() -> None:
    """The origin stays on record, and nothing differs from it."""
    status = assessed_as(MOVE_TO_5, original=ask_of(spec_of()))
    assert record_of(spec_of(), status)["changes"] is None


def test_changes_are_named_by_path_with_both_values() -> None:
    """`kubectl describe` shows what was asked before, beside what is asked now."""
    before = ask_of(spec_of(reason="hot store"))
    after = ask_of(spec_of(MOVE_TO_5, not_after=NOW, proposed_by="sre-3"))
    assert changes_between(before, after) == [
        Change(field="action.transferLeader.toStoreId", was="2", now="5"),
        Change(field="notAfter", was=None, now="2026-03-01T12:00:00.000Z"),
        Change(field="reason", was="hot store", now=None),
    ]


def test_another_action_differs_in_type_and_member() -> None:
    """Both members are shown whole."""
    fields = [
        change.field for change in changes_between(ask_of(spec_of()), ask_of(spec_of(STOP_4)))
    ]
    assert fields == [
        "action.stopEvictLeaders.storeId",
        "action.transferLeader.regionId",
        "action.transferLeader.toStoreId",
        "action.type",
    ]


def test_steps_of_a_plan_are_told_by_their_place() -> None:
    """An exchange of two steps is two changes, not none."""
    from assent.api.v1alpha1.actions import Plan, PlanStep

    def plan(*stores: int) -> Action:
        steps = [
            PlanStep(type="StopEvictLeaders", stop_evict_leaders={"store_id": number})
            for number in stores
        ]
        return action(Plan(steps=steps))

    found = changes_between(ask_of(spec_of(plan(1, 2))), ask_of(spec_of(plan(2, 1))))
    assert [(change.field, change.was, change.now) for change in found] == [
        ("action.plan.steps[0].stopEvictLeaders.storeId", "1", "2"),
        ("action.plan.steps[1].stopEvictLeaders.storeId", "2", "1"),
    ]


def test_long_values_are_cut_with_a_mark() -> None:
    """A whole placement rule in a reason must not be refused by the CRD."""
    (change,) = changes_between(ask_of(spec_of()), ask_of(spec_of(reason="x" * 2000)))
    assert change.now is not None
    assert len(change.now) == MAX_VALUE
    assert change.now.endswith("…")


def why(spec: Any, status: ActionProposalStatus, **now: Any) -> str | None:
    return why_anew(spec, status, **{"tier": Tier.LOW, "target": TARGET, "dry_run": False, **now})


def test_the_first_assessment_needs_no_reason() -> None:
    """Nothing was said before."""
    assert why(spec_of(), ActionProposalStatus()) is None


@pytest.mark.parametrize(
    ("status", "spec", "now", "says"),
    [
        pytest.param(
            assessed_as(),
            spec_of(MOVE_TO_5, proposed_by="sre-3"),
            {"tier": Tier.HIGH},
            "sre-3 changed action.transferLeader.toStoreId",
            id="a change of the ask goes before what follows from it",
        ),
        pytest.param(
            assessed_as(),
            spec_of(STOP_4),
            {},
            "action.transferLeader.toStoreId and 1 more",
            id="many changes are counted",
        ),
        pytest.param(
            assessed_as(assessed=None, original=ask_of(spec_of())),
            spec_of(MOVE_TO_5),
            {},
            "sre-1 changed action.transferLeader.toStoreId",
            id="a change that could not be assessed for a while",
        ),
        pytest.param(
            assessed_as(assessed=None), spec_of(), {}, "changed the ask", id="nobody knows what"
        ),
        pytest.param(
            assessed_as(), spec_of(), {"dry_run": True}, "dry-run was switched on", id="dry-run"
        ),
        pytest.param(
            assessed_as(),
            spec_of(),
            {"tier": Tier.HIGH},
            "the tier rose from Low to High",
            id="a risen tier",
        ),
        pytest.param(
            assessed_as(risk=Risk(tier=Tier.HIGH, factors=[])),
            spec_of(),
            {},
            "the tier fell from High to Low",
            id="a fallen tier before enough said yes",
        ),
        pytest.param(
            assessed_as(),
            spec_of(),
            {"target": TARGET.model_copy(update={"cluster_id": "8"})},
            "PD shows region/17 otherwise than it was assessed",
            id="another target",
        ),
        pytest.param(
            assessed_as(reason=Reason.GATE_NOT_INSTALLED.value),
            spec_of(),
            {},
            "the approval gate stood open",
            id="nobody could be believed",
        ),
        pytest.param(assessed_as(), spec_of(), {}, "could not be judged", id="anything else"),
    ],
)
def test_the_reason_for_a_new_revision_is_named(
    status: ActionProposalStatus, spec: Any, now: dict[str, Any], says: str
) -> None:
    """Whoever said yes before must read why that counts no more."""
    found = why(spec, status, **now)
    assert found is not None
    assert says in found
