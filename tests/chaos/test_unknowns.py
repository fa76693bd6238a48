"""An unknown outcome is right only where something outside made it so."""

from dataclasses import replace

import pytest

from tests.chaos.histories import T0, life, sent
from tests.chaos.history import Sent, Struck, Version
from tests.chaos.unknowns import why_unknown

INTENT = (("Forward", 0, "Intended", "assent-1-x"),)
UNKNOWN = life("Executing", "OutcomeUnknown", steps=INTENT)
KILLED = Struck(T0 + 3.5, T0 + 3.6, "kill_operator", "operator-1")
OTHER_KILLED = Struck(T0 + 3.5, T0 + 3.6, "kill_operator", "operator-2")
NO_API = Struck(T0 + 3.0, T0 + 9.0, "kill_etcd", "etcd")
PD_DIED = Struck(T0 + 3.0, T0 + 5.0, "kill_pd", "pd-1")


def why(versions: tuple[Version, ...], calls: list[Sent], struck: list[Struck]) -> str:
    """Of a proposal with one call."""
    return why_unknown(versions, lambda kind, step: calls, struck)


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
    assert words in why(UNKNOWN, calls, struck)


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
    assert why(UNKNOWN, calls, struck) == ""


def test_a_successor_is_evidence() -> None:
    """Whatever it was that took the Lease from the sender."""
    taken_over = (*UNKNOWN[:-1], replace(UNKNOWN[-1], holder="assent-2-y"))
    assert "assent-1-x was lost" in why(taken_over, [], [])


def test_each_call_of_a_group_needs_its_own_evidence() -> None:
    """One answer was cut off; the other came, and nothing broke."""
    steps = (
        ("Forward", 1, "Unknown", "assent-1-x"),
        ("Forward", 2, "Unknown", "assent-1-x"),
        ("Forward", 3, "Done", "assent-1-x"),
    )
    group = life("Executing", "OutcomeUnknown", steps=steps)
    lost = [sent(fault="cut_after_answer")]
    assert why_unknown(group, lambda _, step: lost, []) == "PD's answer was cut off"
    assert why_unknown(group, lambda _, step: lost if step == 1 else [sent()], []) == ""


def test_the_undo_is_looked_for_among_the_undos() -> None:
    """The answer of the call itself says nothing of its undo."""
    steps = (("Forward", 0, "Done", "assent-1-x"), ("Undo", 0, "Unknown", "assent-1-x"))
    undone = life("Executing", "RollingBack", "OutcomeUnknown", steps=steps)
    calls = {"Forward": [sent(fault="cut_after_answer")], "Undo": [sent(T0 + 4.1)]}
    assert why_unknown(undone, lambda kind, _: calls[kind], []) == ""
