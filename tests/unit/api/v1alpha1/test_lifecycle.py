"""The lifecycle table: what DESIGN promises about phases, checked over all of it."""

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import (
    FINISHED,
    IN_FLIGHT,
    OPEN,
    TABLE,
    LifeEvent,
    moves,
    next_phase,
)


def reachable(start: Phase | None) -> set[Phase]:
    reach = moves()
    found: set[Phase] = set()
    waiting = list(reach[start])
    while waiting:
        phase = waiting.pop()
        if phase not in found:
            found.add(phase)
            waiting.extend(reach[phase])
    return found


def test_phases_are_in_exactly_one_group() -> None:
    """Open, in flight or finished."""
    assert set(Phase) == OPEN | IN_FLIGHT | FINISHED
    assert not OPEN & IN_FLIGHT
    assert not (OPEN | IN_FLIGHT) & FINISHED


@pytest.mark.parametrize("phase", sorted(FINISHED))
def test_nothing_leaves_a_finished_phase(phase: Phase) -> None:
    """The end is the end; a better idea is another proposal."""
    assert moves()[phase] == frozenset()


@pytest.mark.parametrize("phase", sorted(set(Phase) - FINISHED))
def test_an_end_can_be_reached_from_everywhere(phase: Phase) -> None:
    """No proposal is stuck for ever."""
    assert reachable(phase) & FINISHED


def test_every_phase_can_be_reached() -> None:
    """No row is missing on the way to a phase that people may read about."""
    assert reachable(None) == set(Phase)


@pytest.mark.parametrize("phase", [None, Phase.SUGGESTED])
def test_execution_begins_after_assessment_only(phase: Phase | None) -> None:
    """What nobody assessed, or what is only suggested, is never claimed."""
    assert Phase.EXECUTING not in moves()[phase]
    assert next_phase(phase, LifeEvent.CLAIMED) is None


def test_event_leads_to_one_phase() -> None:
    """The table is a function."""
    keys = [(row.phase, row.event) for row in TABLE]
    assert len(keys) == len(set(keys))


def test_every_event_is_used() -> None:
    """No event without a row."""
    assert {row.event for row in TABLE} == set(LifeEvent)


@pytest.mark.parametrize(
    ("phase", "event", "to"),
    [
        (None, LifeEvent.ASSESSED, Phase.PENDING),
        (Phase.PENDING, LifeEvent.CLAIMED, Phase.EXECUTING),
        (Phase.APPROVED, LifeEvent.CLAIMED, Phase.EXECUTING),
        (Phase.EXECUTING, LifeEvent.ANSWER_LOST, Phase.OUTCOME_UNKNOWN),
        (Phase.OUTCOME_UNKNOWN, LifeEvent.RESOLVED_HAPPENED, Phase.SUCCEEDED),
        (Phase.SUCCEEDED, LifeEvent.CLAIMED, None),
        (Phase.EXECUTING, LifeEvent.REJECTED, None),
    ],
)
def test_next_phase(phase: Phase | None, event: LifeEvent, to: Phase | None) -> None:
    """A sample of rows, and of moves that do not exist."""
    assert next_phase(phase, event) is to


def test_moves_leave_staying_out() -> None:
    """A re-assessment in Pending is no move."""
    assert all(phase not in reached for phase, reached in moves().items())
