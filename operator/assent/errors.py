"""The one tree of errors: the type says what the caller should do next.

    AssentError                      .reason: a CamelCase constant; str(): one sentence
    ├── Retryable(after_seconds)     nothing happened; the same call may work later
    ├── Terminal                     same inputs, same answer; needs a person or another ask
    ├── OutcomeUnknown               the write may have landed; read back before anything else
    └── LeadershipLost               write nothing more; unwind

"Not now" is not an error: see ``core.model.verdict.Hold``.
"""


class AssentError(Exception):
    """Base of every error that Assent raises on purpose."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        """A CamelCase constant from ``api.reasons``; part of the API."""
        self.message = message
        """One sentence for people. Never holds a secret."""


class Retryable(AssentError):  # noqa: N818 - named for what the caller does next
    """Nothing happened. The same call may work after ``after_seconds``."""

    def __init__(self, reason: str, message: str, *, after_seconds: float = 5.0) -> None:
        super().__init__(reason, message)
        self.after_seconds = after_seconds


class Terminal(AssentError):  # noqa: N818
    """Nothing happened, and the same inputs give the same answer."""


class OutcomeUnknown(AssentError):  # noqa: N818
    """A write was sent and its outcome is not known. It is never sent again on this ground."""


class LeadershipLost(AssentError):  # noqa: N818
    """This process may no longer act. Nothing was sent after the deadline passed."""

    def __init__(self, message: str) -> None:
        super().__init__("LeadershipLost", message)
