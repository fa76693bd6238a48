"""One move of a proposal: phase by the table, record, conditions, notice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assent.api.reasons import EventReason, Reason
from assent.api.v1alpha1.actionproposal import ActionProposalStatus, BrokenGlass, Phase
from assent.api.v1alpha1.lifecycle import FINISHED, LifeEvent, next_phase
from assent.core.lifecycle.conditions import conditions_of
from assent.core.lifecycle.decision import Decision, Notice
from assent.core.lifecycle.history import append_entry
from assent.core.lifecycle.messages import MAX_SENTENCE, broken, clip, with_command
from assent.core.model.call import PdCall
from assent.core.model.resource import Proposal
from assent.core.policy.limits import to_milliseconds

_WARNINGS = frozenset(
    {Phase.FAILED, Phase.ROLLING_BACK, Phase.ROLLBACK_FAILED, Phase.OUTCOME_UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a proposal is, or comes, where it stands."""

    reason: Reason
    sentence: str
    """One sentence without ages or counts that drift: it is stored, and stored only on change."""
    by: str
    """User name of whoever caused it: a person, or the operator."""
    command: str | None = None
    """The kubectl line by which the reader can do something about it."""


@dataclass(frozen=True, slots=True)
class Also:
    """What else a move brings."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    """Status fields by their Python name."""
    call: PdCall | None = None
    look_again_at: datetime | None = None


NOTHING_ELSE = Also()


def advance(
    proposal: Proposal,
    event: LifeEvent | None,
    cause: Cause,
    *,
    now: datetime,
    also: Also = NOTHING_ELSE,
) -> Decision:
    """Return the decision that moves the proposal by ``event``, or keeps its phase with None.

    A change of phase or digest enters the history and is announced; a mere change of words is
    stored without either.

    Raises:
        ValueError: the table has no such move; nothing is decided.
    """
    before = proposal.status
    phase = before.phase if event is None else next_phase(before.phase, event)
    if phase is None:
        raise ValueError(f"no move from {before.phase} by {event}")
    now = to_milliseconds(now)
    sentence = clip(cause.sentence, MAX_SENTENCE)
    update: dict[str, Any] = {
        **also.changes,
        "phase": phase,
        "reason": cause.reason.value,
        "message": with_command(sentence, cause.command),
        "observed_generation": proposal.meta.generation,
    }
    if phase in FINISHED:
        update["finished_at"] = now
    status = before.model_copy(update=update)
    moved = phase is not before.phase or status.digest != before.digest
    if moved:
        status = _with_entry(status, cause, sentence, now)
    conditions = conditions_of(
        status,
        before.conditions,
        sentence=sentence,
        now=now,
        generation=proposal.meta.generation,
    )
    # Out of Active it is taken back because its time is over, as was asked for.
    warning = phase in _WARNINGS and (before.phase, phase) != (Phase.ACTIVE, Phase.ROLLING_BACK)
    notices = [Notice(cause.reason.value, sentence, warning=warning)] if moved else []
    glass = glass_of(status)
    if glass is not None and glass != glass_of(before):
        notices.insert(0, Notice(EventReason.GLASS_BROKEN, broken(glass), warning=True))
    return Decision(
        status=status.model_copy(update={"conditions": conditions}),
        call=also.call,
        look_again_at=also.look_again_at,
        notices=tuple(notices),
    )


def seen(proposal: Proposal) -> ActionProposalStatus:
    """Return the status as it is, for the spec as it is now: where what was written into spec
    changes nothing, kstatus must not wait for somebody to look at it.
    """
    status, generation = proposal.status, proposal.meta.generation
    conditions = [
        one.model_copy(update={"observed_generation": generation})
        for one in status.conditions or ()
    ]
    update = {"observed_generation": generation, "conditions": conditions or None}
    return status.model_copy(update=update)


def glass_of(status: ActionProposalStatus) -> BrokenGlass | None:
    """Return who stands in for missing approvals, None when nobody does."""
    return status.approvals.break_glass if status.approvals is not None else None


def _with_entry(
    status: ActionProposalStatus, cause: Cause, sentence: str, now: datetime
) -> ActionProposalStatus:
    assert status.phase is not None  # noqa: S101 - advance has just set it
    history = append_entry(
        status.history,
        at=now,
        phase=status.phase,
        reason=cause.reason.value,
        by=cause.by,
        message=sentence,
        digest=status.digest,
    )
    return status.model_copy(update={"history": history})
