"""Plays the operator: the product's own decisions on what the API server shows, stored by its own
rules with the token of its leading pod; PD is what the tests say it is.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.catalogue import CATALOGUE
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.settle import settle
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome
from assent.core.model.resource import HaltOrder, Proposal
from assent.core.model.verdict import Hold
from assent.kube.resources import KINDS, parse_cluster, parse_proposal
from assent.kube.status import status_patch
from tests.integration.api.kubeapi import MERGE, Answer
from tests.matrix.roles import OPERATOR
from tests.matrix.stage import Stage
from tests.matrix.writes import Object, Place
from tests.support.proposals import at_tier, evicted, halt

EPOCH = 7


@dataclass
class Player:
    """The operator at its desk."""

    stage: Stage
    cluster: Place
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Its clock: nobody else has one."""
    tier: Tier = Tier.LOW
    """What StopEvictLeaders is found to be."""
    halted: bool = False

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    @property
    def _catalogue(self) -> Catalogue:
        return MappingProxyType({**CATALOGUE, **at_tier(self.tier)})

    def read(self, place: Place) -> Object:
        """Return the proposal as stored."""
        stored = self.stage.read(place)
        assert stored is not None
        return stored

    def think(self, raw: Object) -> Decision:
        """Return what the operator makes of the proposal as read."""
        proposal = parse_proposal(raw)
        flying = proposal.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK)
        if flying:
            return Decision(status=proposal.status)
        return decide(self._facts(proposal), self._catalogue)

    def store(self, raw: Object, decided: Decision) -> Answer | None:
        """Store it over what was read, by compare-and-swap; None when there is nothing to store."""
        wanted = decided.status.wire()
        patch = status_patch(KINDS.proposal, raw.get("status") or {}, wanted, EPOCH)
        if not patch:
            return None
        metadata = {key: raw["metadata"][key] for key in ("resourceVersion", "uid")}
        at = f"{self.cluster.folder.rsplit('/', 1)[0]}/actionproposals/{raw['metadata']['name']}"
        body = {"metadata": metadata, "status": patch}
        return self.stage.kube.call(
            "PATCH", f"{at}/status", body, by=self.stage.leader, content_type=MERGE
        )

    def withheld(self, raw: Object) -> Decision:
        """Return what becomes of a claimed one whose last look said stop."""
        hold = Hold("Halted", "a Halt exists")
        return withhold(parse_proposal(raw), hold, self.now, self._catalogue)

    def landed(self, raw: Object, outcome: CallOutcome) -> Decision | None:
        """Return what the call of a claimed one came to; None while nothing can be said."""
        self.wait(301)
        evidence = Evidence(outcome, self._snapshot(), self.now)
        return settle(parse_proposal(raw), evidence, self._catalogue)

    def _snapshot(self) -> Any:
        return replace(evicted(), taken_at=self.now)

    def _facts(self, proposal: Proposal) -> Facts:
        halts: tuple[HaltOrder, ...] = (halt(),) if self.halted else ()
        return Facts(
            now=self.now,
            proposal=proposal,
            cluster=parse_cluster(self.read(self.cluster)),
            cluster_ready=None,
            snapshot=self._snapshot(),
            halts=halts,
            gate_installed=True,
            gate_open=None,
            operator_username=OPERATOR,
            problem=None,
            detection_ran=False,
            in_flight=(),
            standing=(),
            epoch=EPOCH,
            holder="assent-0",
        )
