"""Writing what only the operator's leading pod may write."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.matrix.operation import Operation, changed_by, put
from tests.matrix.operations.deciding import ANN_SAID_YES, HIGH, LOW
from tests.matrix.roles import Role
from tests.matrix.stage import Scene, Stage
from tests.matrix.writes import PATCHES, Kind, Object, Place

AT = "2026-01-01T00:00:00.000Z"
STEP = {
    "kind": "Forward",
    "state": "Intended",
    "summary": "POST /pd/api/v1/operators",
    "call": {"method": "POST", "path": "/pd/api/v1/operators"},
    "before": [],
    "epoch": 7,
    "holder": "assent-0",
    "intendedAt": AT,
    "verifyBy": "2026-01-01T00:05:00.000Z",
}
JOURNAL = {"epoch": 7, "holder": "assent-0", "steps": [STEP]}
ENTRY = {
    "at": AT,
    "phase": "Pending",
    "reason": "AwaitingApproval",
    "by": "system",
    "message": "entry 1",
    "hash": "sha256:1",
}
EXECUTING = replace(ANN_SAID_YES, phase="Executing", status={"execution": JOURNAL})
FINISHED = replace(
    ANN_SAID_YES, phase="Succeeded", status={"execution": JOURNAL, "history": [ENTRY]}
)

_DOORS = (*PATCHES, Kind.PLAIN)


def _written(
    name: str, says: str, prepare: Callable[[Stage, Role], Place], status: dict[str, Any] | None
) -> Operation:
    def change(found: Object) -> None:
        if status is None:
            found.pop("status")
        else:
            put(found.setdefault("status", {}), status)

    return Operation(name, says, prepare, _DOORS, changed_by(change), subresource="status")


def of_proposal(name: str, says: str, scene: Scene, **status: Any) -> Operation:
    """Return an operation that sets fields of a proposal's status; none at all removes it."""
    return _written(name, says, lambda stage, role: stage.proposal(scene, role), status or None)


def of_cluster(name: str, says: str, **status: Any) -> Operation:
    """Return an operation that sets fields of the status of a TiKVCluster seen in epoch 7."""
    seen = {"epoch": 7, "state": "Watching"}
    return _written(name, says, lambda stage, _: stage.cluster(status=seen), status)


OPERATIONS = (
    of_proposal("status-message", "writes a message into status", LOW, message="seen"),
    of_proposal("status-tier", "lowers the tier in status", HIGH, risk__tier="Low"),
    of_proposal("status-digest", "writes a digest into status", LOW, digest="sha256:0d"),
    of_proposal("status-authors", "writes other authors into status", LOW, authors=["nobody"]),
    of_proposal("status-target", "writes another target into status", LOW, target__id="region/9"),
    of_proposal("status-approved", "writes the phase Approved", LOW, phase="Approved"),
    of_proposal(
        "status-revived",
        "brings a rejected proposal back",
        replace(LOW, phase="Rejected"),
        phase="Pending",
    ),
    of_proposal("status-null", "removes the whole status", EXECUTING),
    of_proposal("status-null-pending", "removes the status of what is pending", LOW),
    of_proposal("status-phase-gone", "removes the phase", EXECUTING, phase=None),
    of_proposal("lower-epoch", "writes in an epoch that is over", EXECUTING, execution__epoch=6),
    of_proposal("leap-epoch", "uses up the epochs", EXECUTING, execution__epoch=1008),
    of_proposal("journal-gone", "removes the journal", EXECUTING, execution=None),
    of_proposal("journal-shorter", "removes a step of the journal", EXECUTING, execution__steps=[]),
    of_proposal(
        "history-rewritten",
        "rewrites the history of what has ended",
        FINISHED,
        history=[{**ENTRY, "message": "nothing happened", "hash": "sha256:2"}],
    ),
    of_cluster("cluster-status", "writes the status of a TiKVCluster", state="Suspended"),
    of_cluster("cluster-epoch-lower", "lowers the epoch of a TiKVCluster", epoch=6),
)
