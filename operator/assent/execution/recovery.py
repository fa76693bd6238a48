"""Takes over open intents of earlier terms. Part of normal start-up, not an exception to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import Policy
from assent.core.lifecycle.between import go_on, is_between
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.interrupts import may_call
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.recovery import (
    NO_RECORD,
    Compensate,
    DeclareUnknown,
    SafeRepeat,
    adopt,
    classify,
)
from assent.core.lifecycle.transition import Cause, advance
from assent.core.model.call import CallOutcome, PdCall
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.errors import OutcomeUnknown
from assent.execution.journal import Journal
from assent.execution.leadership import Term
from assent.execution.live import made_anew
from assent.kube.client import KubeClient
from assent.kube.pods import container_ended
from assent.kube.resources import KINDS, Raw, parse_proposal


@dataclass(frozen=True, slots=True)
class TakenOver:
    """An open intent that is now ours, and what to do with it."""

    proposal: Proposal
    call: PdCall | None = None
    """The call to send (again): its sender is proven gone and PD still shows the before-value."""
    outcome: CallOutcome | None = None
    """The outcome to go on verifying; beside ``call`` that of the first sending, None when it was
    never sent. None together with ``call`` when nothing is left to do."""


class Recovery:
    """Reads what is true and claims open intents with the new epoch."""

    def __init__(
        self,
        *,
        kube: KubeClient,
        journal: Journal,
        observe: Callable[[Raw], None],
        now: Callable[[], datetime],
        pod_namespace: str,
    ) -> None:
        self._kube = kube
        self._journal = journal
        self._observe = observe
        self._now = now
        self._pod_namespace = pod_namespace

    async def reread(self, proposal: Proposal) -> Proposal:
        """Return the proposal as the API server has it now, and let the cache know.

        Raises:
            Retryable: it could not be read.
            Terminal: it is gone, or another was made under its name.
        """
        raw = await self._kube.get(KINDS.proposal, proposal.meta.namespace, proposal.meta.name)
        self._observe(raw)
        found = parse_proposal(raw)
        if found.meta.uid != proposal.meta.uid:
            raise made_anew(proposal)
        return found

    def orphan_note(self, proposal: Proposal) -> Decision:
        """Return the decision that says why nobody can tell what came of the call; or, between two
        steps, what the next call waits for: there a cancel ends it.
        """
        if is_between(proposal):
            undo = proposal.status.phase is Phase.ROLLING_BACK
            hold = may_call(proposal, None, (), self._now(), undo=undo)
            epoch = proposal.status.execution.epoch if proposal.status.execution else 0
            sender = Sender(epoch, self._holder_of(proposal))
            decision = go_on(proposal, Now(None, self._now(), sender, Policy(), hold))
            return decision or Decision(status=proposal.status)
        name = proposal.spec.cluster_ref.name
        cause = Cause(
            Reason.CLUSTER_NOT_READY,
            f"TiKVCluster {name} is gone or unreadable, so nobody can see in PD what came of the"
            " call: bring it back, or wait for OutcomeUnknown",
            self._holder_of(proposal),
        )
        return advance(proposal, None, cause, now=self._now())

    def _holder_of(self, proposal: Proposal) -> str:
        execution = proposal.status.execution
        return execution.holder if execution is not None else ""

    async def take_over(
        self, proposal: Proposal, snapshot: ClusterSnapshot | None, term: Term
    ) -> TakenOver:
        """Claim the open intent with our epoch and say how to go on.

        Without a snapshot (PD cannot be asked) nothing is ever sent again.

        The claim is stored before anything else, so that the API server refuses whatever the
        earlier leader still writes.

        Raises:
            Retryable: the claim was not stored; nothing was done.
            OutcomeUnknown: it may yet be stored; nothing was sent, and nothing will be by it.
        """
        execution = proposal.status.execution
        if execution is None or not execution.steps:
            return TakenOver(proposal)
        step = execution.steps[-1]
        gone = term.released_epoch == step.epoch or await container_ended(
            self._kube, self._pod_namespace, step.holder, wrote_at=step.intended_at
        )
        verdict = classify(proposal, snapshot, sender_gone=gone, now=self._now())
        decision = adopt(proposal, verdict, epoch=term.epoch, holder=term.holder, now=self._now())
        try:
            ours = await self._journal.store(proposal, decision)
        except OutcomeUnknown:
            ours = await self.reread(proposal)
            if ours.status.execution != decision.status.execution:
                raise
        match verdict:
            case SafeRepeat(call=call):
                return TakenOver(ours, call=call, outcome=NO_RECORD)
            case Compensate(call=call):
                return TakenOver(ours, call=call)
            case DeclareUnknown():
                return TakenOver(ours)
            case _:
                return TakenOver(ours, outcome=NO_RECORD)
