"""What a decision asks for: a status to store, perhaps one call, and when to look again."""

from dataclasses import dataclass
from datetime import datetime

from assent.api.v1alpha1.actionproposal import ActionProposalStatus
from assent.core.model.call import PdCall


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event to post once the status is stored."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of looking at one proposal.

    ``status`` is stored first, by compare-and-swap. When ``call`` is set, that write is the
    intent (or the claim with its intent) and the call is sent after it, once.
    """

    status: ActionProposalStatus
    """The whole status as it should stand; equal to the current one when nothing changes."""
    call: PdCall | None = None
    look_again_at: datetime | None = None
    """When to decide again without an event; None when only an event can change anything."""
    notices: tuple[Notice, ...] = ()
