"""Tells of every broken glass: never too rarely, also where the one who stored it was killed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from assent.api.reasons import EventReason
from assent.api.v1alpha1.actionproposal import ActionProposalStatus, BrokenGlass
from assent.core.lifecycle.decision import Decision, Notice
from assent.core.lifecycle.messages import broken
from assent.core.lifecycle.transition import glass_of
from assent.core.model.resource import Proposal
from assent.observability.metrics import Metrics

UNTOLD: Final = timedelta(minutes=2)
"""For how long after it was stored it is told of by a process that did not store it. A killed one
takes its Event and its count with it; the next one leads within this time."""


class GlassTeller:
    """Counts a broken glass when it is stored, and tells of one that was stored just before."""

    def __init__(
        self,
        *,
        announce: Callable[[Proposal, Notice], None],
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._announce = announce
        self._metrics = metrics
        self._now = now
        self._told: dict[str, BrokenGlass] = {}
        """By uid. Glasses are broken rarely: all of them are remembered."""

    def stored(self, proposal: Proposal, decision: Decision) -> None:
        """Count what the decision has put on record; its Event is the journal's."""
        glass = glass_of(decision.status)
        if glass is not None and glass != glass_of(proposal.status):
            self._count(proposal, decision.status, glass)

    def seen(self, proposal: Proposal) -> None:
        """Tell of a glass on record of which this process did not tell, while that is fresh."""
        glass = glass_of(proposal.status)
        if glass is None or self._told.get(proposal.meta.uid) == glass:
            return
        since = _stored_at(proposal.status)
        if since is None or self._now() - since > UNTOLD:
            self._told[proposal.meta.uid] = glass
            return
        self._count(proposal, proposal.status, glass)
        notice = Notice(EventReason.GLASS_BROKEN, broken(glass), warning=True)
        self._announce(proposal, notice)

    def _count(self, proposal: Proposal, status: ActionProposalStatus, glass: BrokenGlass) -> None:
        self._told[proposal.meta.uid] = glass
        if status.risk is not None:
            self._metrics.glass_broken.labels(tier=status.risk.tier.value).inc()


def _stored_at(status: ActionProposalStatus) -> datetime | None:
    """Return when the proposal last moved; of a finished one only its end is in the cache."""
    return status.history[-1].at if status.history else status.finished_at
