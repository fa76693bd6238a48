"""Gates on the object: bounded by the CRD, and never without the one that holds."""

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import GateVerdict
from assent.core.lifecycle.gate_list import MAX_GATES, gates_of
from assent.core.model.verdict import Allow, Check, Hold, Warn


def passing(count: int) -> list[Check]:
    return [Check(f"Pass{number}", Allow("well")) for number in range(count)]


HOLDS = Check("Last", Hold(Reason.BUSY, "waits for another"))
WARNS = Check("Warned", Warn("look here"))


@pytest.mark.parametrize("count", [0, 1, MAX_GATES - 1])
def test_what_fits_is_shown_whole(count: int) -> None:
    """In the order in which it was checked."""
    checks = [*passing(count), HOLDS]
    assert [gate.name for gate in gates_of(checks, None)] == [check.name for check in checks]


@pytest.mark.parametrize("too_many", [1, 5, 40])
def test_what_holds_is_shown_however_many_pass(too_many: int) -> None:
    """A plan of 16 steps has more checks than places; the reason to wait often comes last."""
    checks = [WARNS, *passing(MAX_GATES - 2 + too_many), HOLDS]
    gates = gates_of(checks, None)
    assert len(gates) == MAX_GATES
    assert (gates[0].name, gates[1].name) == ("Warned", "Pass0")
    assert (gates[-1].name, gates[-1].verdict) == ("Last", GateVerdict.HOLD)


def test_more_holds_than_places_are_cut_at_the_end() -> None:
    """The CRD would refuse more, and with them the whole status."""
    checks = [Check(f"Hold{number}", Hold(Reason.BUSY, "busy")) for number in range(MAX_GATES + 3)]
    assert len(gates_of([*passing(3), *checks], None)) == MAX_GATES
