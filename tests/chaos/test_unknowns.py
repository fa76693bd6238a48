"""An unknown outcome is right only where something outside made it so."""

from dataclasses import replace

import pytest

from tests.chaos.histories import T0, life, sent
from tests.chaos.history import Sent, Struck
from tests.chaos.unknowns import why_unknown

INTENT = (("Forward", 0, "Intended", "assent-1-x"),)
UNKNOWN = life("Executing", "OutcomeUnknown", steps=INTENT)
KILLED = Struck(T0 + 3.5, T0 + 3.6, "kill_operator", "operator-1")
OTHER_KILLED = Struck(T0 + 3.5, T0 + 3.6, "kill_operator", "operator-2")
NO_API = Struck(T0 + 3.0, T0 + 9.0, "kill_etcd", "etcd")
PD_DIED = Struck(T0 + 3.0, T0 + 5.0, "kill_pd", "pd-1")


@pytest.mark.parametrize(
    ("calls", "struck", "words"),
    [
        pytest.param([sent(fault="cut_after_answer")], [], "answer was cut off", id="lost answer"),
        pytest.param([sent(fault="cut_before_send")], [], "on its way", id="never arrived"),
        pytest.param([sent(fault="half_answer")], [], "half", id="half an answer"),
        pytest.param([sent(fault="status", pd_status=0)], [], "in its place", id="a false 503"),
        pytest.param([sent(pd_status=500)], [], "answered 500", id="an answer without proof"),
        pytest.param([sent(pd_status=0)], [PD_DIED], "broke before", id="PD died"),
        pytest.param([sent()], [KILLED], "before it wrote", id="its sender died after the answer"),
        pytest.param([], [KILLED], "before it sent", id="its sender died before the call"),
        pytest.param([], [NO_API], "before it sent", id="its sender lost the Lease"),
        pytest.param([sent()], [PD_DIED], "could not be read", id="nobody could look"),
    ],
)
def test_the_evidence_is_named(calls: list[Sent], struck: list[Struck], words: str) -> None:
    """In words that a person can check against the logs."""
    assert words in why_unknown(UNKNOWN, calls, struck)


@pytest.mark.parametrize(
    ("calls", "struck"),
    [
        pytest.param([sent()], [], id="PD answered, and nothing broke"),
        pytest.param([], [], id="nothing was sent, and nothing broke"),
        pytest.param([], [PD_DIED], id="nothing was sent, and its sender lives"),
        pytest.param([], [OTHER_KILLED], id="another operator died"),
        pytest.param(
            [sent()],
            [Struck(T0 - 9, T0 - 5, "kill_operator", "operator-1")],
            id="what broke had been mended long before",
        ),
    ],
)
def test_without_evidence_it_is_not_believed(calls: list[Sent], struck: list[Struck]) -> None:
    """The checker then reports a wrongly unknown outcome."""
    assert why_unknown(UNKNOWN, calls, struck) == ""


def test_a_successor_is_evidence() -> None:
    """Whatever it was that took the Lease from the sender."""
    taken_over = (*UNKNOWN[:-1], replace(UNKNOWN[-1], holder="assent-2-y"))
    assert "assent-1-x was lost" in why_unknown(taken_over, [], [])


def test_only_the_last_call_counts() -> None:
    """The answer of an earlier step of a plan says nothing of the last one."""
    earlier = sent(T0 - 30, fault="cut_after_answer")
    assert why_unknown(UNKNOWN, [earlier, sent()], []) == ""
