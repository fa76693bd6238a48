"""One proposal's life between approval and end, on the real PD: the production decisions, real
snapshots and real calls, with the journal in memory instead of Kubernetes.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.base import ApiModel
from assent.core.lifecycle.between import go_on, is_between
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.recovery import NO_RECORD, Recovery, classify
from assent.core.lifecycle.settle import settle
from assent.core.model.call import CallOutcome, PdCall
from assent.core.model.resource import Proposal
from tests.contract.actions.stage import PAUSE_SECONDS, TIMEOUT_SECONDS, Stage, action_for
from tests.support.proposals import approved, cluster, facts, metadata, proposal, stored

LONG_AFTER = timedelta(days=1)
"""Later than any time that an effect is given to show."""


@dataclass
class Life:
    """A proposal that people have approved."""

    stage: Stage
    params: ApiModel
    known: Facts

    @classmethod
    async def approved(cls, stage: Stage, params: ApiModel, **timeouts: str) -> "Life":
        """Return a proposal that was assessed as PD is now, with two approvals of that.

        ``timeouts`` are what the policy says for single types.
        """
        overrides = [{"type": kind, "timeout": after} for kind, after in timeouts.items()]
        watched = cluster(policy={"max_tier": "Critical", "overrides": overrides})
        now = datetime.now(UTC)
        asked = replace(proposal(action(params)), meta=metadata(created_at=now))
        known = facts(
            asked,
            now=now,
            snapshot=await stage.see(params),
            cluster=watched,
        )
        return cls(stage, params, approved(known, "sre-2", "sre-3"))

    @property
    def proposal(self) -> Proposal:
        """The proposal as last stored."""
        return self.known.proposal

    def call(self) -> PdCall:
        """Return the call that would be sent."""
        return action_for(self.params).call(self.params)

    async def claim(self) -> Decision:
        """Return what the operator decides now, from a fresh snapshot, and store it."""
        snapshot = await self.stage.see(self.params)
        self.known = replace(self.known, snapshot=snapshot, now=datetime.now(UTC))
        decision = decide(self.known)
        self.known = stored(self.known, decision)
        return decision

    async def execute(self) -> CallOutcome:
        """Claim, send the one call, return what came of it; it fails when the claim is held."""
        decision = await self.claim()
        assert decision.call is not None, decision.status.message
        return await self.stage.send(decision.call)

    async def ended(self, outcome: CallOutcome, *, seconds: float = TIMEOUT_SECONDS) -> Decision:
        """Return how it ends, by what PD shows; fail when it does not end in time."""
        deadline = time.monotonic() + seconds
        while (decision := await self.judged(outcome, datetime.now(UTC))) is None:
            assert time.monotonic() < deadline, f"it never ended: {outcome}"
            await asyncio.sleep(PAUSE_SECONDS)
        return decision

    async def to_the_end(self, *, seconds: float = TIMEOUT_SECONDS) -> Decision:
        """Claim and carry on, step by step, until it acts no more; return the last word."""
        deadline = time.monotonic() + seconds
        decision = await self.claim()
        outcome: CallOutcome = NO_RECORD
        while self.proposal.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK):
            assert time.monotonic() < deadline, self.proposal.status.execution
            if decision.call is not None:
                outcome = await self.stage.send(decision.call)
            decision = await self._next(outcome) or Decision(self.proposal.status)
            if decision.status == self.proposal.status:
                await asyncio.sleep(PAUSE_SECONDS)
            self.known = stored(self.known, decision)
        return decision

    async def _next(self, outcome: CallOutcome) -> Decision | None:
        if not is_between(self.proposal):
            return await self.judged(outcome, datetime.now(UTC))
        assert self.known.cluster is not None
        policy = self.known.cluster.spec.policy
        now = datetime.now(UTC)
        sender = Sender(self.known.epoch, self.known.holder)
        view = Now(await self.stage.see(self.params), now, sender, policy, None)
        return go_on(self.proposal, view)

    async def in_the_end(self, outcome: CallOutcome) -> Decision:
        """Return how it ends if PD goes on showing what it shows now until the time is over."""
        decision = await self.judged(outcome, datetime.now(UTC) + LONG_AFTER)
        assert decision is not None
        return decision

    async def judged(self, outcome: CallOutcome, now: datetime) -> Decision | None:
        """Return what a look at PD makes of it at that time; None for "look again"."""
        return settle(self.proposal, Evidence(outcome, await self.stage.see(self.params), now))

    async def recovered(self, *, sender_gone: bool) -> Recovery:
        """Return what the next leader would do with the open intent, now."""
        snapshot = await self.stage.see(self.params)
        now = datetime.now(UTC)
        return classify(self.proposal, snapshot, sender_gone=sender_gone, now=now)


def phase(decision: Decision) -> tuple[Phase | None, str | None]:
    """Return the phase and its reason."""
    return decision.status.phase, decision.status.reason
