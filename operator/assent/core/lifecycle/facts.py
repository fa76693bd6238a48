"""Everything one decision about one proposal may look at, gathered before."""

from dataclasses import dataclass
from datetime import datetime

from assent.api.v1alpha1.actions import ActionType
from assent.core.actions.action import Scope
from assent.core.detection.finding import Problem
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts


@dataclass(frozen=True, slots=True)
class Standing:
    """Another proposal whose effect stands or is being worked on, without a call in flight."""

    name: str
    type: ActionType
    scope: Scope


@dataclass(frozen=True, slots=True)
class Facts:
    """The world as one decision sees it."""

    now: datetime
    proposal: Proposal
    cluster: Cluster | None
    """None when spec.clusterRef names nothing."""
    cluster_ready: str | None
    """None when the cluster is watched and answers; else one sentence on why not."""
    snapshot: ClusterSnapshot | None
    """None while PD could not be read."""
    halts: tuple[HaltOrder, ...]
    gate_installed: bool
    gate_open: str | None
    """How the approval gate was seen to be open; None when it stands or could not be tested."""
    operator_username: str
    """The user name of our own service account: whose proposals detection owns."""
    problem: Problem | None
    """What detection now says of this proposal's incident; None when it says nothing."""
    detection_ran: bool
    """True when detection has looked since this process leads: absence then means gone."""
    in_flight: tuple[str, ...]
    """Names of other proposals of this PD cluster with a call in flight or being verified."""
    standing: tuple["Standing", ...]
    """Other proposals of this PD cluster that wait, are Active, or whose outcome is unknown."""
    epoch: int
    holder: str
    """Our own pod name."""
    tidb_operator: TidbOperatorFacts | None = None
    """What TiDB Operator's object said just after the snapshot was read; None when the cluster
    names none."""
