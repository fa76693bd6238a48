"""The judge finds what was planted: a double, a loss, a stuck proposal, a second one."""

from dataclasses import replace
from typing import Any

import pytest

from sandbox.records import PdRequest
from tests.crash.classes import Case
from tests.crash.judge import ENDED, Seen, Verdict, judge

LIMIT = '{"rate":60,"type":"add-peer"}'
CASE = Case({"type": "SetStoreLimit"}, 1, "Succeeded", lambda: True)
SPLIT = replace(CASE, region=17, region_kind="split")
ROLLBACK = replace(CASE, effects=4, ends="RolledBack")


def write(body: str = LIMIT, *, status: int = 200, fault: str = "") -> PdRequest:
    """One write of the operator, as PD's proxy wrote it down."""
    return PdRequest(
        member="pd-0",
        time="2026-01-01T00:00:00Z",
        method="POST",
        path="/pd/api/v1/store/2/limit",
        body=body,
        status=0 if fault else status,
        pd_status=status,
        redirector="assent",
        caller="assent",
        started="2026-01-01T00:00:00Z",
        finished="2026-01-01T00:00:00Z",
        fault=fault,
    )


def proposal(phase: str | None = "Succeeded", name: str = "p1") -> dict[str, Any]:
    """A proposal in that phase; None for one that nobody has looked at."""
    status = {} if phase is None else {"status": {"phase": phase}}
    return {"metadata": {"name": name}, **status}


def seen(*writes: PdRequest, **changes: Any) -> Seen:
    """A run in which all is well, but for the changes."""
    well = Seen(
        writes=writes,
        region_changes=0,
        proposals=[proposal()],
        filed=0,
        shows=True,
        seconds=5.0,
    )
    return replace(well, **changes)


def test_a_run_in_which_all_is_well_is_good() -> None:
    """One approval, one effect, an end, and PD shows what the object says."""
    assert judge(CASE, seen(write()), resendable=True) == Verdict("Succeeded")
    assert judge(CASE, seen(write()), resendable=True).good


@pytest.mark.parametrize(
    ("writes", "resendable", "said"),
    [
        pytest.param(
            [write(), write()], True, "PD took 2 times", id="the same effect twice: planted double"
        ),
        pytest.param(
            [write(), write(fault="cut_after_answer")],
            True,
            "PD took 2 times",
            id="a double of which the operator never had the answer",
        ),
        pytest.param(
            [write(), write('{"rate":61,"type":"add-peer"}')],
            True,
            "2 effects where 1 were approved",
            id="an effect that nobody approved",
        ),
        pytest.param(
            [write(), write(status=500)],
            False,
            "sent 2 times",
            id="a call that must not be repeated, refused the second time",
        ),
    ],
)
def test_a_planted_double_is_found(writes: list[PdRequest], resendable: bool, said: str) -> None:
    """By what PD took, not by what the operator says of it."""
    verdict = judge(CASE, seen(*writes), resendable=resendable)
    assert not verdict.good
    assert said in verdict.doubles[0]
    assert (verdict.stuck, verdict.lost) == ((), ())


def test_a_call_that_had_no_effect_may_be_sent_again_where_it_sets_a_value() -> None:
    """The first never came through PD: together one effect."""
    assert judge(CASE, seen(write(status=503), write()), resendable=True).good


def test_a_double_that_only_the_stores_saw_is_found() -> None:
    """PD's journal has one call, and the stores split twice."""
    verdict = judge(SPLIT, seen(write(), region_changes=2), resendable=False)
    assert verdict.doubles == ("the stores made 2 split of 17",)
    assert judge(SPLIT, seen(write(), region_changes=1), resendable=False).good


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"proposals": [proposal(), proposal(name="p2")]},
            "2 proposals for the same thing",
            id="both are there",
        ),
        pytest.param({"filed": 2}, "2 proposals were created", id="the first was deleted since"),
    ],
)
def test_a_second_proposal_for_the_same_thing_is_a_double(
    changes: dict[str, Any], said: str
) -> None:
    """Each would ask people anew, and each could be approved."""
    verdict = judge(CASE, seen(write(), **changes), resendable=True)
    assert said in verdict.doubles[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"proposals": [proposal("Executing")]}, "still Executing", id="in flight"),
        pytest.param({"proposals": [proposal("Approved")]}, "still Approved", id="never begun"),
        pytest.param({"proposals": [proposal("Active")]}, "still Active", id="never taken back"),
        pytest.param({"proposals": [proposal(None)]}, "still (none)", id="never looked at"),
        pytest.param({"seconds": 61.0}, "ended only 61 s", id="too late"),
    ],
)
def test_a_planted_stuck_proposal_is_found(changes: dict[str, Any], said: str) -> None:
    """Within 60 s of the crash there must be an end."""
    verdict = judge(CASE, seen(write(), **changes), resendable=True)
    assert said in verdict.stuck[0]
    assert verdict.doubles == ()


@pytest.mark.parametrize("phase", sorted(ENDED))
def test_every_end_is_an_end(phase: str) -> None:
    """OutcomeUnknown too: a person is asked, and nothing is sent again."""
    verdict = judge(CASE, seen(write(), proposals=[proposal(phase)]), resendable=True)
    assert verdict.phase == phase
    assert (verdict.doubles, verdict.stuck) == ((), ())


@pytest.mark.parametrize(
    ("case", "state", "said"),
    [
        pytest.param(CASE, seen(write(), proposals=[]), "the proposal is gone", id="gone"),
        pytest.param(CASE, seen(), "PD took 0 calls of 1", id="Succeeded without any call"),
        pytest.param(CASE, seen(write(status=500)), "PD took 0 calls of 1", id="PD said no"),
        pytest.param(CASE, seen(write(), shows=False), "PD shows otherwise", id="undone since"),
        pytest.param(
            CASE,
            seen(write(), proposals=[proposal("Failed")]),
            "ended as Failed, and without a crash as Succeeded",
            id="approved, and given up because of the crash",
        ),
        pytest.param(
            ROLLBACK,
            seen(write(), write("{}"), write("[]"), proposals=[proposal("RolledBack")]),
            "PD took 3 calls of 4",
            id="one step was not taken back",
        ),
    ],
)
def test_a_planted_loss_is_found(case: Case, state: Seen, said: str) -> None:
    """The object is gone, or says that something was done which was not."""
    verdict = judge(case, state, resendable=True)
    assert said in verdict.lost[0]
    assert not verdict.good


def test_what_nobody_knows_is_not_lost() -> None:
    """OutcomeUnknown claims nothing, so PD need not show anything."""
    state = seen(shows=False, proposals=[proposal("OutcomeUnknown")])
    assert judge(CASE, state, resendable=False).good
