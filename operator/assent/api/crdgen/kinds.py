"""How each kind is named and shown: short names, columns, fields that can be selected by."""

from dataclasses import dataclass

from assent.api.v1alpha1.actionproposal import ActionProposal
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.halt import Halt
from assent.api.v1alpha1.tikvcluster import TiKVCluster


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``."""

    name: str
    json_path: str
    description: str
    type: str = "string"
    wide_only: bool = False
    """Shown with ``-o wide`` only."""

    def wire(self) -> dict[str, object]:
        """Return it as an entry of ``additionalPrinterColumns``."""
        column: dict[str, object] = {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.json_path,
            "description": self.description,
        }
        if self.wide_only:
            column["priority"] = 1
        return column


@dataclass(frozen=True, slots=True)
class Kind:
    """One custom resource."""

    model: type[ApiModel]
    kind: str
    plural: str
    short_names: tuple[str, ...]
    namespaced: bool
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    """JSON paths that ``--field-selector`` knows; at most 8 (apiextensions)."""
    has_status: bool = True


AGE = Column("Age", ".metadata.creationTimestamp", "Time since creation.", type="date")

KINDS: tuple[Kind, ...] = (
    Kind(
        model=ActionProposal,
        kind=ActionProposal.KIND,
        plural=ActionProposal.PLURAL,
        short_names=("ap",),
        namespaced=True,
        columns=(
            Column("Status", ".status.phase", "Where it is in its life."),
            Column("Reason", ".status.reason", "Why it is there."),
            Column("Action", ".status.summary", "What would be done, in one line."),
            Column("Tier", ".status.risk.tier", "How much can go wrong."),
            Column("Approvals", ".status.approvals.summary", "Given and needed."),
            Column(
                "Dry-Run",
                ".status.effectiveDryRun",
                "True when no call is sent.",
                type="boolean",
                wide_only=True,
            ),
            Column("Cluster", ".spec.clusterRef.name", "The TiKVCluster it is about."),
            # Not type "date": kubectl prints a date in the future as <invalid>.
            Column("Expires", ".status.expiresAt", "When it ends undecided.", wide_only=True),
            AGE,
        ),
        selectable=(".spec.clusterRef.name", ".spec.action.type", ".status.phase"),
    ),
    Kind(
        model=TiKVCluster,
        kind=TiKVCluster.KIND,
        plural=TiKVCluster.PLURAL,
        short_names=("tikvc",),
        namespaced=True,
        columns=(
            Column("Status", ".status.state", "Watching, or why not."),
            Column("Mode", ".spec.mode", "How far Assent may go."),
            Column("Dry-Run", ".spec.dryRun", "True when no call is sent.", type="boolean"),
            Column("PD", ".status.pdVersion", "Version of PD."),
            Column("Cluster-ID", ".status.clusterId", "PD's cluster id.", wide_only=True),
            Column("Message", ".status.message", "One sentence on the state.", wide_only=True),
            AGE,
        ),
        selectable=(".status.state",),
    ),
    Kind(
        model=Halt,
        kind=Halt.KIND,
        plural=Halt.PLURAL,
        short_names=(),
        namespaced=False,
        columns=(
            Column("Reason", ".spec.reason", "Why everything stands still."),
            Column(
                "Allow-Rollback",
                ".spec.allowRollback",
                "True when undoing may go on.",
                type="boolean",
                wide_only=True,
            ),
            AGE,
        ),
        has_status=False,
    ),
)
