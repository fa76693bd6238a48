"""The moments of the operator's work at which ``make crash`` kills it: named here, passed for free.

Nothing in this package can make them do more: the three functions are empty, no setting, variable
or flag is looked at, and nobody here puts another function in their place. The entry point that
does is no part of the package (``tests/crash/armed.py``); a test proves all of that.
"""

from enum import Enum

from assent.core.lifecycle.decision import Decision
from assent.core.model.resource import Proposal


class Point(Enum):
    """A moment between two effects. The value is the sentence of docs/design/crash-points.md."""

    # The Lease
    LEASE_FREE = "The Lease is free; the write that takes it is not sent."
    LEASE_TAKEN = "The Lease is taken; nothing has begun under it."
    TERM_BEGUN = "The leader's work begins; its queue is filled, nobody works on it."
    RENEWAL_DUE = "The Lease is to be renewed; nothing is sent."
    LEASE_RENEWED = "The Lease is renewed; its deadline here has not moved yet."
    STOP_ASKED = "The process was asked to stop; work is in flight."
    RELEASE_DUE = "Work is drained; the Lease is not released."
    LEASE_RELEASED = "The Lease is released; the process still runs."

    # Queue and flights
    KEY_TAKEN = "A worker has taken a key from the queue; it has looked at nothing."
    KEY_DONE = "The work on a key is done; the queue does not know."
    FLIGHT_LAUNCHED = "The queue's worker has handed a proposal to its flight, which has not begun."
    FLIGHT_BEGUN = "The flight has begun; nothing is read or sent."
    FLIGHT_ENDED = "The flight is at its end; the executor still counts it."

    # What is seen, said and proposed
    PD_READ_DUE = "PD is to be read; nothing is asked."
    PD_READ = "PD was read; nothing is concluded."
    CLUSTER_STATUS_DUE = "The TiKVCluster's new status is decided; nothing is sent."
    CLUSTER_STATUS_STORED = "The TiKVCluster's new status is stored; the cache does not know."
    FILING_DUE = "Detection wants a proposal; nothing is sent."
    FILED = "Detection's proposal exists; the cache does not know."
    EVENT_DUE = "An Event is to be posted; nothing is sent."
    EVENT_POSTED = "An Event is posted; nothing has noted that."

    # A proposal before its call
    ASSESSMENT_DUE = "What a proposal comes to is decided (assessed, held, ended); nothing is sent."
    ASSESSMENT_STORED = "What a proposal comes to is stored."
    INTENT_DUE = "The call is decided; its intent is not sent."
    INTENT_STORED = "The intent is stored; its call is not begun."

    # A call forward
    LOOKED = "The last live look is done; the fence is not asked."
    FENCED = "The fence has given its permit; the call is not with the transport."
    CALL_LEAVES = "There is a connection to PD; the first byte is about to leave."
    ANSWERED = "PD's answer is here; what it means is open."
    CLASSIFIED = "What the answer means is known; nothing has noted it."

    # Its outcome
    LOSS_DUE = "PD's answer was lost; that is not on record."
    LOSS_STORED = "That PD's answer was lost is on record."
    WITHHOLDING_DUE = "Something forbids the call that was intended; that is not on record."
    WITHHELD = "It is on record that the intended call was not sent."
    OUTCOME_DUE = "PD shows what the call came to; the outcome is not on record."
    OUTCOME_STORED = "The outcome is on record; nothing has followed."
    NEXT_STEP_DUE = "The next step's call is decided; its intent is not sent."
    NEXT_STEP_STORED = "The next step's intent is stored; its call is not begun."
    NOTE_DUE = "What the open step waits for has changed; the object does not say so."
    NOTE_STORED = "The object says what the open step waits for."

    # Taking back
    ROLLBACK_DUE = "It is decided to take back what was done; nothing is sent."
    ROLLBACK_STORED = "That it is taken back is stored, with the first undo's intent."
    REVERT_DUE = "The time of a revertAfter is over; the undo's intent is not sent."
    REVERT_STORED = "The intent of a revertAfter's undo is stored; its call is not begun."
    UNDO_LOOKED = "The last live look before an undo is done; the fence is not asked."
    UNDO_FENCED = "The fence has given its permit for an undo; nothing is with the transport."
    UNDO_CLASSIFIED = "What PD's answer to an undo means is known; nothing has noted it."
    UNDO_OUTCOME_DUE = "PD shows what the undo came to; that is not on record."
    UNDO_OUTCOME_STORED = "What the undo came to is on record, with the next undo's intent if any."

    # Recovery
    RECOVERY_BEGUN = "An earlier process's open intent was found; nothing is read."
    RECOVERY_READ = "PD was read for an earlier process's open intent; nothing is concluded."
    TAKEOVER_DUE = "What to do with an earlier process's intent is decided; it is not claimed."
    TAKEOVER_STORED = "An earlier process's intent is claimed; nothing has followed."
    REPEAT_DUE = "A call may be sent again (absolute, sender gone); that is not stored."
    REPEAT_STORED = "That the call is sent again is stored; nothing is sent."


def reached(_point: Point, /) -> None:
    """Do nothing: this moment was reached."""


def storing(_proposal: Proposal, _decision: Decision, /) -> None:
    """Do nothing: the decision is about to be written over the proposal's status.

    Which moment that is follows from the two alone (``tests/crash/labels.py``), so that nothing is
    worked out here where nobody asks.
    """


def stored(_proposal: Proposal, _decision: Decision, /) -> None:
    """Do nothing: the decision was written over the proposal's status."""
