"""What can go wrong with a call to the API server, as types.

Retryable
├── Conflict           the object changed since it was read: read again, decide again
│   └── AlreadyExists  a create met an object of that name
├── Forbidden          a right is missing; the message names the RBAC rule
├── Fenced             the API server does not (yet) see this pod as holder of the Lease
└── Gone               a list or watch must start again (HTTP 410)
Terminal
├── NotFound           the object or the whole resource type is not there
├── Invalid            the API server refused the content; the message has its sentence
└── Malformed          an object that was read cannot be understood; the message names the field
"""

from assent.errors import Retryable, Terminal


class Conflict(Retryable):
    """Nothing was stored: the object is not the one that was read. Never re-apply; re-decide."""

    def __init__(self, message: str) -> None:
        super().__init__("Conflict", message, after_seconds=0.0)


class AlreadyExists(Conflict):
    """Nothing was created: an object of that name is there."""


class Forbidden(Retryable):
    """Nothing happened: the operator lacks a right. It may be granted at any time."""

    def __init__(self, message: str) -> None:
        super().__init__("Forbidden", message, after_seconds=30.0)


class Fenced(Retryable):
    """Nothing was stored: the fence policy does not see this pod as the holder of the Lease.

    The policy reads the Lease from a cache, so the first ~2 s of a term may meet this wrongly
    (kubernetes.md 2.3); ``execution.fencing.judge_refusal`` tells the two cases apart.
    """

    def __init__(self, message: str) -> None:
        super().__init__("Fenced", message, after_seconds=0.2)


class Gone(Retryable):
    """The version to start from is no longer kept: list again."""

    def __init__(self, message: str) -> None:
        super().__init__("Gone", message, after_seconds=0.0)


class NotFound(Terminal):
    """There is no such object, or the API server does not know the resource type."""

    def __init__(self, message: str) -> None:
        super().__init__("NotFound", message)


class Invalid(Terminal):
    """The API server refused the content (HTTP 400 or 422), or policy did."""

    def __init__(self, message: str) -> None:
        super().__init__("Invalid", message)


class Malformed(Terminal):
    """An object that was read does not fit its model."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__("Malformed", message)
        self.field = field
        """Path of the field as people write it, such as ``spec.action.type``."""
