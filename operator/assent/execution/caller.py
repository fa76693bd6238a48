"""One call to PD: the last look, the fence, and the sending."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.core.lifecycle.decision import Notice
from assent.core.lifecycle.interrupts import may_call
from assent.core.model.call import CallOutcome, DidNot, PdCall
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.core.model.snapshot import ClusterSnapshot, PdIdentity
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.core.model.verdict import Hold
from assent.core.policy.other_controllers import wanted_for
from assent.errors import LeadershipLost, Retryable
from assent.execution.fencing import FENCE_MARGIN_SECONDS, permit_call
from assent.execution.leadership import Term
from assent.execution.live import LiveState, made_anew, read_live
from assent.kube.client import KubeClient
from assent.observability.crash_points import Point, reached
from assent.observability.metrics import Metrics
from assent.pd.client import Leader, PdClient
from assent.pd.writes import send

LATE_CALL = "LateCall"
"""Reason of the Event about a call whose answer, or the wait for it, outlasted the lease."""

LOOK_FAILED: Final = "LookFailed"
"""Why a call is held before which nobody could look."""

STOPPING: Final = "Stopping"
"""Why a call is held that this process will not send any more; the next leader decides anew."""
ASKED_TO_STOP = Hold(STOPPING, "this process was asked to stop before the call was sent")

_log = logging.getLogger(__name__)


class PdOf(Protocol):
    """How the executor reaches the PD of a cluster; the controllers' watchers implement it."""

    async def client(self, cluster: Cluster) -> PdClient:
        """Return the client for the cluster's PD."""
        ...

    async def snapshot(
        self, cluster: Cluster, wanted: Wanted, newer_than: datetime
    ) -> ClusterSnapshot:
        """Return a snapshot taken after that instant; raise Retryable when PD cannot be read."""
        ...

    def tidb_operator(self, cluster: Cluster) -> TidbOperatorFacts | None:
        """Return what TiDB Operator's object said at the last snapshot; None without one."""
        ...


class Caller:
    """Sends calls while a term lasts. Nothing else in the process may."""

    def __init__(
        self,
        *,
        kube: KubeClient,
        pd: PdOf,
        metrics: Metrics,
        announce: Callable[[Proposal, Notice], None],
        halts: Callable[[], tuple[HaltOrder, ...]],
        gate_installed: Callable[[], bool],
        stopping: Callable[[], bool],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        """Take the parts; ``announce`` posts an Event without waiting, ``halts`` are those that
        this process's own watch knows of, and ``gate_installed`` says whether its last test found
        the approval gate as shipped.
        """
        self._kube = kube
        self._pd = pd
        self._metrics = metrics
        self._announce = announce
        self._halts = halts
        self._gate_installed = gate_installed
        self.stopping = stopping
        self._now = now
        self._monotonic = monotonic

    async def look(self, proposal: Proposal, term: Term) -> tuple[LiveState, Hold | None]:
        """Return proposal, cluster and Halts as they are now, and what stands against any call.

        Raises:
            Retryable: they could not be read.
            Terminal: the proposal is gone, or another was made under its name.
            LeadershipLost: another leader has acted on the proposal.
        """
        live = await read_live(self._kube, proposal)
        _still_ours(proposal, live.proposal, term)
        halts = (*live.halts, *self._halts())
        undo = is_undoing(proposal)
        hold = may_call(live.proposal, live.cluster, halts, self._now(), undo=undo)
        if hold is None and not self._gate_installed():
            hold = Hold(Reason.GATE_NOT_INSTALLED, "the approval gate is not installed as shipped")
        return live, hold

    async def call(
        self, proposal: Proposal, cluster: Cluster, call: PdCall, term: Term
    ) -> CallOutcome | Hold:
        """Look live, pass the fence, send once. A Hold means that nothing was sent, also because
        the last look could not be had.

        Raises:
            Terminal: as ``look``; nothing was sent.
            LeadershipLost: another leader took over, or this process ends; nothing was sent.
        """
        try:
            client = await self._pd.client(cluster)
            _, hold = await self.look(proposal, term)
        except Retryable as error:
            return Hold(LOOK_FAILED, f"the last look before it was not to be had: {error.message}")
        stranger_hold = stranger(proposal, client.known_leader)
        if stranger_hold is not None:
            return stranger_hold
        if hold is not None:
            return hold
        undo = is_undoing(proposal)
        reached(Point.UNDO_LOOKED if undo else Point.LOOKED)
        if self.stopping():
            return ASKED_TO_STOP
        permit = permit_call(
            term,
            now_monotonic_seconds=self._monotonic(),
            timeout_seconds=client.request_timeout_seconds,
            margin_seconds=FENCE_MARGIN_SECONDS,
        )
        if isinstance(permit, Hold):
            return permit
        reached(Point.UNDO_FENCED if undo else Point.FENCED)
        try:
            outcome = await send(client, call, permit, monotonic=self._monotonic)
        except asyncio.CancelledError:
            if not term.valid(self._monotonic()):
                self._alert_late(proposal, call, term)
            raise
        reached(Point.UNDO_CLASSIFIED if undo else Point.CLASSIFIED)
        if isinstance(outcome, DidNot) and not outcome.sent:
            return Hold(Reason.CLUSTER_NOT_READY, outcome.answer)
        self._metrics.pd_writes.labels(outcome=type(outcome).__name__).inc()
        if not isinstance(outcome, DidNot) and outcome.late:
            self._alert_late(proposal, call, term)
        return outcome

    def _alert_late(self, proposal: Proposal, call: PdCall, term: Term) -> None:
        self._metrics.late_calls.inc()
        _log.error(
            "a call to PD was still in the air at the lease deadline",
            extra={"object": proposal.meta.key, "call": call.line, "epoch": term.epoch},
        )
        # The record: status is fenced by now, Events are not.
        text = (
            f"{call.line} was still in the air at the lease deadline of term {term.epoch}: "
            "compare PD with what the next leader did"
        )
        self._announce(proposal, Notice(LATE_CALL, text, warning=True))


async def seen(
    pd: PdOf, proposal: Proposal, cluster: Cluster, since: datetime
) -> ClusterSnapshot | None:
    """Return PD as it is since then; None while it cannot be read, is not prepared, or is another
    PD than the one approved: that is a fact to settle by, not an error.
    """
    try:
        snapshot = await pd.snapshot(cluster, wanted_for(proposal.spec.action), since)
    except Retryable:
        return None
    # Another PD behind the endpoints shows nothing of what was done to the one approved.
    own = stranger(proposal, snapshot.pd) is None
    return snapshot if snapshot.prepared and own else None


def is_undoing(proposal: Proposal) -> bool:
    """Return True when the next call, if any, takes something back."""
    return proposal.status.phase is Phase.ROLLING_BACK


def stranger(proposal: Proposal, pd: Leader | PdIdentity | None) -> Hold | None:
    """Return why that PD is not the one that was approved, None when it is or none is known."""
    target = proposal.status.target
    if pd is None or target is None or str(pd.cluster_id) == target.cluster_id:
        return None
    return Hold(
        Reason.CLUSTER_NOT_READY,
        f"PD cluster {pd.cluster_id} answers now; the approval was for {target.cluster_id}",
    )


def _still_ours(proposal: Proposal, live: Proposal, term: Term) -> None:
    if live.meta.uid != proposal.meta.uid:
        raise made_anew(proposal)
    execution = live.status.execution
    moved = live.status.phase is not proposal.status.phase
    if moved or execution is None or execution.epoch != term.epoch:
        raise LeadershipLost(f"{proposal.meta.key} is in other hands: another leader took over")
