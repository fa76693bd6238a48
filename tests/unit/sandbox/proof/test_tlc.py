"""What TLC prints becomes a result, or an error, and never a result that it did not come to."""

import pytest

from sandbox.proof.tlc import Check, Outcome, parse
from sandbox.toolchain.errors import ToolchainError

HOLDS = """\
Finished computing initial states: 1 distinct state generated at 2026-11-21 19:26:55.
Progress(9) at 2026-11-21 19:26:58: 615 states generated (615 s/min), 239 distinct states found \
(239 ds/min), 97 states left on queue.
Model checking completed. No error has been found.
  Estimates of the probability that TLC did not check all reachable states
  because two distinct states had the same fingerprint:
  calculated (optimistic):  val = 2.0E-13
47952 states generated, 9325 distinct states found, 0 states left on queue.
The depth of the complete state graph search is 25.
Finished in 40s at (2026-11-21 19:27:28)
"""

BREAKS = """\
Error: Invariant AtMostOneEffect is violated.
Error: The behavior up to this point is:
State 1: <Initial predicate>
/\\ phase = (p1 :> "Open")
5324 states generated, 1479 distinct states found, 340 states left on queue.
The depth of the complete state graph search is 17.
"""

FALLS = "Error: Action property EpochMonotone is violated.\n" + BREAKS.split("\n", 1)[1]
SOMETIMES_NEVER = "Error: Temporal properties were violated.\n\n" + BREAKS.split("\n", 1)[1]

KILLED = """\
Progress(9) at 2026-11-21 19:26:58: 615 states generated (615 s/min), 239 distinct states found \
(239 ds/min), 97 states left on queue.
"""

UNPARSABLE = """\
*** Errors: 4

line 144, col 18 to line 144, col 19 of module protocol

Unknown operator: `up'.

Error: Parsing or semantic analysis failed.
"""

CUT_SHORT = HOLDS.replace("found, 0 states left", "found, 12 states left")
THROWN = """\
Error: TLC threw an unexpected exception.
47952 states generated, 9325 distinct states found, 0 states left on queue.
"""


@pytest.mark.parametrize(
    ("output", "violated"),
    [
        pytest.param(BREAKS, "AtMostOneEffect", id="an invariant"),
        pytest.param(FALLS, "EpochMonotone", id="a property of steps"),
        pytest.param(
            SOMETIMES_NEVER, "liveness", id="TLC does not name the property of behaviours"
        ),
    ],
)
def test_a_violation_is_a_result(output: str, violated: str) -> None:
    """A variant must be seen to break exactly what it should."""
    assert parse(output) == Outcome(5324, 1479, 17, violated)


def test_when_all_states_were_looked_at_everything_holds() -> None:
    """The last count is that of the end; progress lines before it are not."""
    assert parse(HOLDS) == Outcome(47952, 9325, 25, None)


def test_large_numbers_may_have_separators() -> None:
    """Progress lines have them, and some releases of TLC print them at the end, too."""
    assert parse(HOLDS.replace("47952", "47,952").replace("9325", "9,325")).states == 9325


@pytest.mark.parametrize(
    ("output", "says"),
    [
        pytest.param("", "no result", id="nothing was said"),
        pytest.param(KILLED, "no result", id="it was killed"),
        pytest.param(
            UNPARSABLE, "Parsing or semantic analysis failed", id="a mistake in the model"
        ),
        pytest.param(CUT_SHORT, "did not finish", id="states were left"),
        pytest.param(THROWN, "unexpected exception", id="TLC broke down"),
    ],
)
def test_what_did_not_finish_proves_nothing(output: str, says: str) -> None:
    """Otherwise a broken run would count as one in which all holds."""
    with pytest.raises(ToolchainError, match=says):
        parse(output)


def test_the_configuration_names_what_is_checked() -> None:
    """Equal states are counted once, but for liveness, where TLC cannot do that."""
    safe = Check({"MaxTerms": "3", "Without": '{"epoch"}'}, ("TypeOK",), ("EpochMonotone",))
    assert safe.configuration().splitlines() == [
        "SPECIFICATION Spec",
        "CONSTANTS",
        "  MaxTerms = 3",
        '  Without = {"epoch"}',
        "CHECK_DEADLOCK FALSE",
        "INVARIANT TypeOK",
        "PROPERTY EpochMonotone",
        "SYMMETRY Alike",
        "VIEW View",
    ]
    fair = Check({}, (), ("EveryApprovedEnds",), fair=True).configuration()
    assert "SPECIFICATION FairSpec" in fair
    assert "SYMMETRY" not in fair
    assert "VIEW" not in fair
