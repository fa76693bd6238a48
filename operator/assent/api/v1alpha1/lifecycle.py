"""The life of an ActionProposal as one table.

The CRD's transition rule, the diagram in the docs and ``core.lifecycle`` are all made from it.
"""

from dataclasses import dataclass
from enum import StrEnum

from assent.api.v1alpha1.actionproposal import Phase


class LifeEvent(StrEnum):
    """What moves a proposal from one phase to another."""

    ASSESSED = "Assessed"
    """The ask was assessed (for the first time, or again because it or the facts changed)."""
    SUGGESTED = "Suggested"
    """Assessed while the cluster's mode is Observe."""
    ENOUGH_APPROVALS = "EnoughApprovals"
    """All seats say yes to this digest, and something still holds the execution."""
    APPROVAL_VOID = "ApprovalVoid"
    """An approval was withdrawn or no longer counts."""
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    SUPERSEDED = "Superseded"
    CANCELLED = "Cancelled"
    REFUSED = "Refused"
    """A precondition failed in a way that cannot heal."""
    CLAIMED = "Claimed"
    """The intent was written; it is the one write between approval and call."""
    WITHHELD = "Withheld"
    """The last look before the call said stop; the call was certainly not sent."""
    SUCCEEDED = "Succeeded"
    """The effect was seen, or (straight from an open phase) nothing had to be sent."""
    FAILED = "Failed"
    ACTIVATED = "Activated"
    """Done, with a revertAfter still to come."""
    UNDO_STARTED = "UndoStarted"
    UNDONE = "Undone"
    REVERTED = "Reverted"
    """Taken back when its time was over, as it was asked."""
    UNDO_FAILED = "UndoFailed"
    ANSWER_LOST = "AnswerLost"
    RESOLVED_HAPPENED = "ResolvedHappened"
    RESOLVED_DID_NOT_HAPPEN = "ResolvedDidNotHappen"


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in ``phase``, ``event`` leads to ``to``. None is a proposal without status."""

    phase: Phase | None
    event: LifeEvent
    to: Phase


IN_FLIGHT = frozenset({Phase.EXECUTING, Phase.ROLLING_BACK, Phase.ACTIVE, Phase.OUTCOME_UNKNOWN})
"""Phases in which the object cannot be deleted and its ask is frozen."""

OPEN = frozenset({Phase.SUGGESTED, Phase.PENDING, Phase.APPROVED})
"""Phases in which people may still decide or change the ask."""

FINISHED = frozenset(set(Phase) - IN_FLIGHT - OPEN)
"""Phases that nothing leaves."""


def _rows() -> tuple[Move, ...]:
    rows = [
        Move(None, LifeEvent.ASSESSED, Phase.PENDING),
        Move(None, LifeEvent.SUGGESTED, Phase.SUGGESTED),
        Move(None, LifeEvent.REFUSED, Phase.FAILED),
        Move(Phase.SUGGESTED, LifeEvent.ASSESSED, Phase.PENDING),
        Move(Phase.SUGGESTED, LifeEvent.SUGGESTED, Phase.SUGGESTED),
        Move(Phase.PENDING, LifeEvent.ASSESSED, Phase.PENDING),
        Move(Phase.PENDING, LifeEvent.SUGGESTED, Phase.SUGGESTED),
        Move(Phase.APPROVED, LifeEvent.ASSESSED, Phase.PENDING),
        Move(Phase.APPROVED, LifeEvent.SUGGESTED, Phase.SUGGESTED),
        Move(Phase.PENDING, LifeEvent.ENOUGH_APPROVALS, Phase.APPROVED),
        Move(Phase.APPROVED, LifeEvent.APPROVAL_VOID, Phase.PENDING),
    ]
    for phase in (None, *sorted(OPEN)):
        rows += [
            Move(phase, LifeEvent.REJECTED, Phase.REJECTED),
            Move(phase, LifeEvent.EXPIRED, Phase.EXPIRED),
            Move(phase, LifeEvent.SUPERSEDED, Phase.SUPERSEDED),
            Move(phase, LifeEvent.CANCELLED, Phase.CANCELLED),
        ]
    for phase in (Phase.PENDING, Phase.APPROVED):
        rows += [
            Move(phase, LifeEvent.REFUSED, Phase.FAILED),
            Move(phase, LifeEvent.CLAIMED, Phase.EXECUTING),
            Move(phase, LifeEvent.SUCCEEDED, Phase.SUCCEEDED),
        ]
    rows += [
        Move(Phase.EXECUTING, LifeEvent.WITHHELD, Phase.APPROVED),
        Move(Phase.EXECUTING, LifeEvent.SUCCEEDED, Phase.SUCCEEDED),
        Move(Phase.EXECUTING, LifeEvent.FAILED, Phase.FAILED),
        Move(Phase.EXECUTING, LifeEvent.UNDO_STARTED, Phase.ROLLING_BACK),
        # Straight to the end of an undo: nothing is left to take back, or nothing may be.
        Move(Phase.EXECUTING, LifeEvent.UNDONE, Phase.ROLLED_BACK),
        Move(Phase.EXECUTING, LifeEvent.UNDO_FAILED, Phase.ROLLBACK_FAILED),
        Move(Phase.EXECUTING, LifeEvent.ACTIVATED, Phase.ACTIVE),
        Move(Phase.ACTIVE, LifeEvent.UNDO_STARTED, Phase.ROLLING_BACK),
        Move(Phase.ACTIVE, LifeEvent.REVERTED, Phase.SUCCEEDED),
        Move(Phase.ACTIVE, LifeEvent.UNDO_FAILED, Phase.ROLLBACK_FAILED),
        Move(Phase.ROLLING_BACK, LifeEvent.REVERTED, Phase.SUCCEEDED),
        Move(Phase.EXECUTING, LifeEvent.ANSWER_LOST, Phase.OUTCOME_UNKNOWN),
        Move(Phase.ROLLING_BACK, LifeEvent.UNDONE, Phase.ROLLED_BACK),
        Move(Phase.ROLLING_BACK, LifeEvent.UNDO_FAILED, Phase.ROLLBACK_FAILED),
        Move(Phase.ROLLING_BACK, LifeEvent.ANSWER_LOST, Phase.OUTCOME_UNKNOWN),
        Move(Phase.OUTCOME_UNKNOWN, LifeEvent.RESOLVED_HAPPENED, Phase.SUCCEEDED),
        Move(Phase.OUTCOME_UNKNOWN, LifeEvent.RESOLVED_DID_NOT_HAPPEN, Phase.FAILED),
    ]
    return tuple(rows)


TABLE: tuple[Move, ...] = _rows()


def next_phase(phase: Phase | None, event: LifeEvent) -> Phase | None:
    """Return where the event leads, None when the table has no such move."""
    return next((row.to for row in TABLE if row.phase is phase and row.event is event), None)


def moves() -> dict[Phase | None, frozenset[Phase]]:
    """Return for every phase the phases one move away (without itself)."""
    reach: dict[Phase | None, set[Phase]] = {None: set(), **{phase: set() for phase in Phase}}
    for row in TABLE:
        if row.to is not row.phase:
            reach[row.phase].add(row.to)
    return {phase: frozenset(reached) for phase, reached in reach.items()}
