"""What ends a command, and with which exit code.

``docs/how-to/kubectl-plugins.md`` lists the codes; names are for people, numbers are for scripts.
"""


class Exit:
    """Exit codes of every plugin. Plain numbers: an enum takes 5 ms to load."""

    OK = 0
    """Done; with ``--wait``: it Succeeded, or is Active, or as one rejected it: Rejected."""
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


_UNHALT = "It needs the role assent-unhalt, by a ClusterRoleBinding."
_SEEING = (
    "Seeing proposals needs the role assent-viewer, or the built-in view. Is it the right "
    "namespace (-n)?"
)
HINTS = {
    "find the requested resource": "Assent's resources are not installed there. Is it the right "
    "cluster (--context)?",
    "doesn't have a resource type": "Assent's resources are not installed there. Is it the right "
    "cluster (--context)?",
    'cannot create resource "halts"': "It needs the role assent-halt, by a ClusterRoleBinding.",
    'cannot list resource "halts"': _UNHALT,
    'cannot delete resource "halts"': _UNHALT,
    'cannot patch resource "tikvclusters"': "Suspending needs the role assent-proposer, resuming "
    "assent-configurer.",
    " may not configure TiKVCluster ": "The role assent-configurer has that verb.",
    " cannot create resource": "Filing needs the role assent-proposer, or the built-in edit.",
    " cannot list resource": _SEEING,
    " cannot get resource": _SEEING,
    " cannot watch resource": "Following one needs the right to watch, as in assent-viewer.",
    " cannot patch resource": "Deciding needs one of the roles assent-approver-…, everything else "
    "assent-proposer.",
    'unknown command "whoami"': "This kubectl is too old: 1.28 or later is needed.",
    "unknown command 'whoami'": "This kubectl is too old: 1.28 or later is needed.",
}
"""What kubectl says → what to do about it; the first that fits, so what is special comes first."""


class CliError(Exception):
    """Ends the command: a sentence for people that says what to do next, and an exit code."""

    def __init__(self, message: str, code: int = Exit.REFUSED) -> None:
        super().__init__(message)
        self.code = code


class KubectlError(CliError):
    """kubectl failed; the message is what it said, and what to do where that is known."""

    def __init__(self, said: str) -> None:
        hint = next((text for words, text in HINTS.items() if words in said), "")
        super().__init__(f"{said}\n{hint}" if hint else said)

    @property
    def is_conflict(self) -> bool:
        """True when the object had changed since it was read, so that nothing was written."""
        return "(Conflict)" in str(self)

    @property
    def is_missing(self) -> bool:
        """True when there is no such object, of a kind that is served."""
        return "(NotFound)" in str(self) and not self.is_not_installed

    @property
    def is_not_installed(self) -> bool:
        """True when the API server does not know our kinds."""
        said = str(self)
        return "find the requested resource" in said or "doesn't have a resource type" in said

    @property
    def is_forbidden(self) -> bool:
        """True when the API server knows us and does not let us do it."""
        return "(Forbidden)" in str(self)
