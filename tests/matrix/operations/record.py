"""Deleting the record, and what else steers an object's life."""

from dataclasses import replace
from typing import Any

from tests.matrix.operation import Operation, on_proposal_by, put
from tests.matrix.operations.asking import INCIDENT, OWNER
from tests.matrix.operations.deciding import ANN_SAID_YES, LOW
from tests.matrix.roles import OPERATOR
from tests.matrix.stage import Scene
from tests.matrix.writes import Kind

RULE = "assent.tikv.org/rule"
A_FINDING = Scene(
    author=OPERATOR,
    metadata={
        "labels": {INCIDENT: "abc", RULE: "LeftoverEviction"},
        "finalizers": ["a.b/c"],
        "ownerReferences": [OWNER],
    },
)
"""Filed by the operator, with all that only it may set."""


def deleted(name: str, says: str, scene: Scene, kind: Kind = Kind.DELETE) -> Operation:
    """Return an operation that deletes a proposal."""
    return Operation(name, says, lambda stage, role: stage.proposal(scene, role), (kind,))


def marked(name: str, says: str, scene: Scene, **metadata: Any) -> Operation:
    """Return an operation that sets metadata of a proposal; None takes one away."""
    return on_proposal_by(name, says, scene, lambda found: put(found["metadata"], metadata))


def relabelled(name: str, says: str, scene: Scene, label: str, value: str | None) -> Operation:
    """Return an operation that sets a label of a proposal; None takes it away."""

    def change(found: dict[str, Any]) -> None:
        put(found["metadata"].setdefault("labels", {}), {label: value})

    return on_proposal_by(name, says, scene, change)


OPERATIONS = (
    deleted("delete-pending", "deletes what is pending", LOW),
    *(
        deleted(f"delete-{word}", f"deletes what {what}", replace(ANN_SAID_YES, phase=phase))
        for word, phase, what in (
            ("executing", "Executing", "is executed"),
            ("rolling-back", "RollingBack", "is rolled back"),
            ("active", "Active", "is active"),
            ("unknown", "OutcomeUnknown", "has an unknown outcome"),
            ("succeeded", "Succeeded", "has succeeded"),
        )
    ),
    deleted(
        "delete-all",
        "deletes all, one of which is executed",
        replace(ANN_SAID_YES, phase="Executing"),
        Kind.DELETE_ALL,
    ),
    marked("add-finalizer", "adds a finalizer", LOW, finalizers=["a.b/c"]),
    marked("strip-finalizers", "strips the finalizers", A_FINDING, finalizers=None),
    marked("add-owner", "adds an owner", LOW, ownerReferences=[OWNER]),
    marked("strip-owners", "strips the owners", A_FINDING, ownerReferences=None),
    relabelled("change-rule", "changes the label of its rule", A_FINDING, RULE, "Other"),
    relabelled("strip-incident", "removes the label of its incident", A_FINDING, INCIDENT, None),
    relabelled("add-incident", "adds the label of an incident", LOW, INCIDENT, "abc"),
    relabelled("add-own-label", "adds a label of their own", ANN_SAID_YES, "team", "db"),
    marked("annotate", "adds an annotation", ANN_SAID_YES, annotations={"note": "seen"}),
)
