"""Stores what was decided, by compare-and-swap, and never applies a decision to another state."""

from collections.abc import Callable

from assent.core.lifecycle.decision import Decision, Notice
from assent.core.model.resource import Proposal
from assent.errors import AssentError, Retryable
from assent.kube.errors import Fenced
from assent.kube.events import EventPoster
from assent.kube.resources import KINDS, Raw, parse_proposal
from assent.kube.status import StatusWriter
from assent.observability import crash_points
from assent.observability.metrics import Metrics


class Journal:
    """The one writer of proposal status."""

    def __init__(
        self,
        *,
        statuses: StatusWriter,
        events: EventPoster,
        metrics: Metrics,
        newest: Callable[[str], Raw | None],
        observe: Callable[[Raw], None],
        judge: Callable[[Fenced], AssentError],
    ) -> None:
        """Take the parts; ``judge`` says what a refusal by the leader fence means now."""
        self._statuses = statuses
        self._events = events
        self._metrics = metrics
        self._newest = newest
        self._observe = observe
        self._judge = judge

    def announce(self, proposal: Proposal, notice: Notice) -> None:
        """Post an Event about the proposal, whoever leads by now; never waits."""
        found = proposal.meta
        metadata = {
            "name": found.name,
            "namespace": found.namespace,
            "uid": found.uid,
            "resourceVersion": found.resource_version,
        }
        self._events.post(KINDS.proposal, {"metadata": metadata}, notice)

    async def store(self, proposal: Proposal, decision: Decision) -> Proposal:
        """Store the decided status over exactly the state it was decided on; return the result.

        Events are posted beside and never awaited.

        Raises:
            Retryable: the object changed meanwhile, or the API server refused for now. Nothing
                was stored; the caller must decide anew on the newer state.
            OutcomeUnknown: the write may have been stored; the caller must read before deciding.
            LeadershipLost: the API server does not see this process as leader. Nothing was stored.
        """
        raw = self._newest(proposal.meta.key)
        if raw is None or raw["metadata"]["resourceVersion"] != proposal.meta.resource_version:
            raise Retryable(
                "Changed", f"{proposal.meta.key} changed while it was decided", after_seconds=0.0
            )
        try:
            crash_points.storing(proposal, decision)
            stored = await self._statuses.write(KINDS.proposal, raw, decision.status)
            crash_points.stored(proposal, decision)
        except Fenced as refusal:
            raise self._judge(refusal) from refusal
        self._observe(stored)
        for notice in decision.notices:
            self._events.post(KINDS.proposal, stored, notice)
        if decision.status.phase is not None and decision.status.phase != proposal.status.phase:
            self._metrics.phase_changes.labels(phase=decision.status.phase.value).inc()
        return parse_proposal(stored)
