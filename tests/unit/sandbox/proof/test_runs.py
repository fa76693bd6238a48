"""The list of runs asks for what the proof is to show."""

import pytest

from sandbox.proof.report import Report, Result
from sandbox.proof.runs import ASSUMPTIONS, BESIDE, MAIN, VARIANTS, Run, constants
from sandbox.proof.tlc import Outcome

EVERYTHING = [MAIN, *BESIDE, *VARIANTS, *ASSUMPTIONS]


def test_the_main_model_has_two_proposals_two_operators_and_three_losses_of_leadership() -> None:
    """Two crashes and a freeze past the lease; answers are lost without limit."""
    told = MAIN.check.constants
    assert told["Operators"] == "{a, b}"
    assert (told["Absolute"], told["Never"]) == ("{p1}", "{p2}")
    assert told["MaxTerms"] == "4"
    assert {"crash", "freeze", "lost", "foreign"} <= set(
        told["Faults"].strip("{}").replace('"', "").split(", ")
    )
    assert told["Without"] == told["Dropped"] == "{}"


def test_the_variants_that_were_asked_for_are_there() -> None:
    """Issue 5 names six; each of them is one rule left out."""
    names = {run.name for run in VARIANTS}
    assert {
        "epoch",
        "intent first",
        "unknown is not no",
        "digest",
        "deadline from before the write",
        "absolute only",
    } <= names


@pytest.mark.parametrize("run", EVERYTHING, ids=lambda run: run.name)
def test_a_run_leaves_out_what_its_name_says(run: Run) -> None:
    """What must hold leaves nothing out; what must fail leaves out one thing."""
    left_out, dropped = run.check.constants["Without"], run.check.constants["Dropped"]
    if run.breaks is None:
        assert left_out == "{}"
    else:
        assert f'{{"{run.name}"}}' in (left_out, dropped)
        assert run.breaks in (*run.check.invariants, *run.check.properties)


def test_names_are_told_apart() -> None:
    """By name they are found in the log and on the page."""
    assert len({run.name for run in EVERYTHING}) == len(EVERYTHING)


def test_constants_name_a_proposal_of_each_class() -> None:
    """And each name is a value of its own to TLC."""
    told = constants(absolute=2, never=1, undoable=True, faults=("crash",), without="fence")
    assert told["Absolute"] == told["Undoable"] == "{p1, p2}"
    assert told["Never"] == "{p3}"
    assert told["Grouped"] == told["Refused"] == told["Dropped"] == "{}"
    assert told["Without"] == '{"fence"}'
    assert {name: told[name] for name in ("a", "p3")} == {"a": "a", "p3": "p3"}


def _report(*, main: str | None = None, variant: str | None = "AtMostOneEffect") -> Report:
    breaking = next(run for run in VARIANTS if run.breaks == "AtMostOneEffect")
    return Report(
        main=Result(MAIN, Outcome(99, 10_001, 30, main)),
        beside=[Result(BESIDE[0], Outcome(50, 20, 10, None))],
        variants=[Result(breaking, Outcome(9, 7, 5, variant))],
        assumptions=[],
        seconds=61.7,
    )


def test_a_proof_that_stands_says_its_figures() -> None:
    """The keys are those that the issue asks for."""
    report = _report()
    assert report.wrong == []
    assert '"states": 10001' in report.to_json()
    assert '"variants_total": 1' in report.to_json()
    assert '"variants_failing": 1' in report.to_json()
    assert '"holds": true' in report.to_json()
    assert report.variants[0].sentence == "AtMostOneEffect fails, as it must"


def test_a_variant_that_does_not_fail_breaks_the_proof() -> None:
    """Then the model does not bite, and says nothing of the protocol."""
    report = _report(variant=None)
    assert [result.run.breaks for result in report.wrong] == ["AtMostOneEffect"]
    assert "DOES NOT FAIL" in report.wrong[0].sentence
    assert '"variants_failing": 0' in report.to_json()
    assert '"holds": false' in report.to_json()


def test_a_variant_that_breaks_something_else_does_not_count() -> None:
    """It would hide that the rule is not what guards the invariant."""
    report = _report(variant="TypeOK")
    assert len(report.wrong) == 1
    assert "TypeOK" in report.wrong[0].sentence


def test_a_main_model_that_breaks_is_said_loudly() -> None:
    """That is what all of it is for."""
    report = _report(main="AtMostOneEffect")
    assert [result.run for result in report.wrong] == [MAIN]
    assert report.main.sentence == "BROKEN: AtMostOneEffect does not hold"
