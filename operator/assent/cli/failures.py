"""What ends a command, and with which exit code.

``docs/how-to/kubectl-plugins.md`` lists the codes; names are for people, numbers are for scripts.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every plugin."""

    OK = 0
    """Done; with ``--wait`` also: it Succeeded, or is Active."""
    REFUSED = 1
    """The API server said no, could not be reached, or kubectl failed."""
    USAGE = 2
    """The command cannot be understood or asks for what makes no sense."""
    NOT_NOW = 3
    """It cannot be done as the proposal stands: no such proposal, not Pending, nothing waits."""
    DECLINED = 4
    """You said no to the question, or the typed confirmation was not the target."""
    CHANGED = 5
    """It changed while you looked, and nobody was there to look again. Nothing was sent."""
    FAILED = 10
    ROLLED_BACK = 11
    ROLLBACK_FAILED = 12
    OUTCOME_UNKNOWN = 13
    REJECTED = 14
    EXPIRED = 15
    SUPERSEDED = 16
    CANCELLED = 17
    TIME_OVER = 20
    """``--timeout`` came before the end; the proposal goes on without you."""
    INTERRUPTED = 130


OUTCOMES = {
    "Succeeded": Exit.OK,
    "Active": Exit.OK,
    "Failed": Exit.FAILED,
    "RolledBack": Exit.ROLLED_BACK,
    "RollbackFailed": Exit.ROLLBACK_FAILED,
    "OutcomeUnknown": Exit.OUTCOME_UNKNOWN,
    "Rejected": Exit.REJECTED,
    "Expired": Exit.EXPIRED,
    "Superseded": Exit.SUPERSEDED,
    "Cancelled": Exit.CANCELLED,
}
"""Where ``--wait`` ends, by phase: nothing more happens there without a person or a clock."""


class CliError(Exception):
    """Ends the command: a sentence for people that says what to do next, and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.code = code


class KubectlError(CliError):
    """kubectl failed; the message is what it said."""

    @property
    def is_conflict(self) -> bool:
        """True when the object had changed since it was read, so that nothing was written."""
        return "(Conflict)" in str(self)

    @property
    def is_missing(self) -> bool:
        """True when there is no such object."""
        return "(NotFound)" in str(self)

    @property
    def is_forbidden(self) -> bool:
        """True when the API server knows us and does not let us do it."""
        return "(Forbidden)" in str(self)
