"""What a rule reports, and what a rule may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from assent.api.v1alpha1.actionproposal import Finding
from assent.api.v1alpha1.actions import Action
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts


@dataclass(frozen=True, slots=True)
class Observed:
    """What one cycle saw."""

    snapshot: ClusterSnapshot
    tidb_operator: TidbOperatorFacts | None = None
    """None when the TiKVCluster names no TiDB Operator object."""
    proposals: Sequence[Proposal] = ()
    """Those of the TiKVCluster in any phase: what people asked for is no trouble."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Since when a rule's raw condition has held for a target, and whether it was reported."""

    since: datetime
    reported: bool = False
    clock: str = ""
    """Which clock ``since`` belongs to; a condition that moves to another clock starts anew."""
    action: Action | None = None
    """The cure chosen last, so that a rule keeps to it while it is still good."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What detection remembers between cycles; a value in, a value out."""

    sightings: Mapping[str, Sighting] = field(default_factory=dict)
    """By ``rule/target``, for example ``LeftoverEviction/store/4``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with its cure, or with the reason why nothing is done."""

    finding: Finding
    action: Action | None
    """None when nothing is proposed; then ``no_action`` says why."""
    no_action: str | None = None
    """A sentence that begins with ``No action, because``."""
    explained_by: str | None = None
    """``rule/target`` of the problem that causes this one."""

    @property
    def key(self) -> str:
        """``rule/target``."""
        return f"{self.finding.rule}/{self.finding.target}"
