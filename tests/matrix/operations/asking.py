"""Writing and changing an ask, stopping it, and saying what came of it."""

from dataclasses import replace
from typing import Any

from tests.matrix.operation import Operation, on_proposal
from tests.matrix.operations.deciding import ANN_SAID_YES, ANNS, LOW, ME, MY_OWN
from tests.matrix.roles import Role
from tests.matrix.stage import (
    DIGEST,
    EVICT,
    PROPOSALS,
    Scene,
    filed,
    fill,
    no,
    yes,
)
from tests.matrix.writes import Kind, Object, Place

LATER = "2031-01-01T00:00:00Z"
INCIDENT = "assent.tikv.org/incident"
ROUND = "assent.tikv.org/round"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "0-1"}
CROWD = tuple(f"editor-{number}" for number in range(15))
"""With the author of the scene as many as the record of authors holds."""
RESOLVED = {"outcome": "Happened", "digest": DIGEST}


def files(name: str, says: str, **changes: Any) -> Operation:
    """Return an operation that files a proposal; changes are of spec unless named metadata."""
    metadata = changes.pop("metadata", {})
    status = changes.pop("status", None)

    def wanted(_: Object | None, place: Place, role: Role) -> Object:
        scene = Scene(author=ME, spec=changes, metadata=metadata)
        document = filed(place.name, scene)
        if status is not None:
            document["status"] = status
        named: Object = fill(document, role)
        return named

    return Operation(
        name,
        says,
        prepare=lambda stage, _: stage.nowhere(PROPOSALS),
        kinds=(Kind.CREATE, Kind.APPLY),
        wanted=wanted,
    )


FILING = (
    files("file", "files a proposal"),
    files("file-as-another", "files in another's name", proposedBy="ann"),
    files("file-with-own-yes", "files with their own approval inside", approvals=[yes(ME)]),
    files("file-with-anothers-yes", "files with a colleague's approval inside", approvals=[ANNS]),
    files("file-with-own-no", "files with their own no inside", approvals=[no(ME)]),
    files("file-cancelled", "files what is cancelled in another's name", cancel={"by": "ann"}),
    files("file-resolved", "files with a resolution inside", resolution={"by": ME, **RESOLVED}),
    files("file-finalized", "files with a finalizer", metadata={"finalizers": ["a.b/c"]}),
    files("file-owned", "files with an owner", metadata={"ownerReferences": [OWNER]}),
    files(
        "file-as-finding",
        "files what passes for a finding of the operator",
        metadata={"labels": {INCIDENT: "abc", ROUND: "1"}},
    ),
    files("file-as-incident", "files under an incident", metadata={"labels": {INCIDENT: "abc"}}),
    files("file-as-round", "files under a round", metadata={"labels": {ROUND: "1"}}),
    files(
        "file-with-status",
        "files with a status inside (which is dropped)",
        status={"phase": "Approved", "digest": DIGEST},
    ),
)

EDITING = (
    on_proposal("edit-own", "changes their own ask", MY_OWN, reason="better"),
    on_proposal("modify", "changes another's ask", LOW, reason="better", proposedBy=ME),
    on_proposal(
        "modify-as-17th",
        "changes an ask that 16 others have written",
        replace(LOW, authors=CROWD),
        reason="better",
        proposedBy=ME,
    ),
    on_proposal(
        "modify-again",
        "changes an ask that they and 15 others have written",
        replace(LOW, authors=(*CROWD[1:], ME)),
        reason="better",
        proposedBy=ME,
    ),
    on_proposal(
        "modify-dropping",
        "changes an ask and removes the approvals it had",
        ANN_SAID_YES,
        action=EVICT,
        proposedBy=ME,
        approvals=None,
    ),
    on_proposal("edit-as-author", "changes an ask in its author's name", LOW, reason="forged"),
    on_proposal(
        "edit-as-author-dropping",
        "changes an ask in its author's name and removes its approvals",
        ANN_SAID_YES,
        action=EVICT,
        approvals=None,
    ),
    on_proposal(
        "edit-action",
        "changes the action under an approval",
        ANN_SAID_YES,
        action=EVICT,
        proposedBy=ME,
    ),
    on_proposal(
        "edit-target",
        "changes a parameter under an approval",
        ANN_SAID_YES,
        action__transferLeader__toStoreId=9,
        proposedBy=ME,
    ),
    on_proposal(
        "edit-dry-run",
        "makes a dry run real under an approval",
        replace(ANN_SAID_YES, spec={"dryRun": True}),
        dryRun=False,
        proposedBy=ME,
    ),
    on_proposal(
        "edit-reason",
        "changes the reason under an approval",
        ANN_SAID_YES,
        reason="other",
        proposedBy=ME,
    ),
    on_proposal(
        "edit-expiry",
        "moves the expiry under an approval",
        ANN_SAID_YES,
        notAfter=LATER,
        proposedBy=ME,
    ),
    on_proposal(
        "edit-start",
        "moves the start under an approval",
        ANN_SAID_YES,
        notBefore=LATER,
        proposedBy=ME,
    ),
    on_proposal(
        "edit-revert",
        "has it reverted under an approval",
        ANN_SAID_YES,
        revertAfter="1h",
        proposedBy=ME,
    ),
    *(
        on_proposal(
            f"edit-own-{word}",
            f"changes the {what} of their own ask, and nothing else, under an approval",
            replace(ANN_SAID_YES, author=ME),
            **change,
        )
        for word, what, change in (
            ("action", "action", {"action": EVICT}),
            ("target", "parameter", {"action__transferLeader__toStoreId": 9}),
            ("dry-run", "dry-run", {"dryRun": True}),
            ("reason", "reason", {"reason": "other"}),
            ("start", "start", {"notBefore": LATER}),
            ("expiry", "expiry", {"notAfter": LATER}),
            ("revert", "time to be reverted", {"revertAfter": "1h"}),
        )
    ),
    on_proposal(
        "edit-and-approve",
        "changes the ask and approves it in one write",
        LOW,
        reason="mine",
        proposedBy=ME,
        approvals=[yes(ME)],
    ),
    on_proposal(
        "edit-and-swap",
        "changes the ask and puts their own approval in place of the one it had",
        ANN_SAID_YES,
        reason="mine",
        proposedBy=ME,
        approvals=[yes(ME)],
    ),
    on_proposal("take-authorship", "takes authorship of an unchanged ask", LOW, proposedBy=ME),
    on_proposal("give-authorship", "gives authorship of their ask away", MY_OWN, proposedBy="ann"),
    on_proposal("move", "moves it to another cluster", LOW, clusterRef__name="other"),
    *(
        on_proposal(
            f"edit-{word}",
            f"changes the ask of one that {what}",
            replace(ANN_SAID_YES, phase=phase),
            reason="late",
            proposedBy=ME,
            approvals=None,
        )
        for word, phase, what in (
            ("executing", "Executing", "is executed"),
            ("rolling-back", "RollingBack", "is rolled back"),
            ("active", "Active", "is active"),
            ("unknown", "OutcomeUnknown", "has an unknown outcome"),
            ("succeeded", "Succeeded", "has succeeded"),
            ("expired", "Expired", "has expired"),
        )
    ),
    on_proposal(
        "edit-rejected",
        "changes the ask of one that was rejected",
        replace(LOW, phase="Rejected"),
        reason="late",
        proposedBy=ME,
    ),
)

STOPPED = replace(LOW, then={"cancel": {"by": "author", "reason": "wrong store"}})
DOUBTFUL = replace(ANN_SAID_YES, phase="OutcomeUnknown")

STOPPING = (
    on_proposal("cancel", "cancels what is pending", LOW, cancel={"by": ME}),
    on_proposal(
        "cancel-executing",
        "cancels what is executed",
        replace(ANN_SAID_YES, phase="Executing"),
        cancel={"by": ME, "reason": "stop"},
    ),
    on_proposal("cancel-unknown", "cancels what is in doubt", DOUBTFUL, cancel={"by": ME}),
    on_proposal(
        "cancel-succeeded",
        "cancels what has succeeded",
        replace(ANN_SAID_YES, phase="Succeeded"),
        cancel={"by": ME},
    ),
    on_proposal(
        "cancel-rejected",
        "cancels what was rejected",
        replace(LOW, phase="Rejected"),
        cancel={"by": ME},
    ),
    on_proposal("cancel-as-another", "cancels in another's name", LOW, cancel={"by": "ann"}),
    on_proposal("uncancel", "takes a cancel back", STOPPED, cancel=None),
    on_proposal("take-cancel-over", "takes a cancel over", STOPPED, cancel={"by": ME}),
    on_proposal(
        "resolve", "resolves an unknown outcome (Low)", DOUBTFUL, resolution={"by": ME, **RESOLVED}
    ),
    on_proposal(
        "resolve-high",
        "resolves an unknown outcome (High)",
        replace(DOUBTFUL, tier="High"),
        resolution={"by": ME, **RESOLVED},
    ),
    on_proposal(
        "resolve-as-another",
        "resolves in another's name",
        DOUBTFUL,
        resolution={"by": "ann", **RESOLVED},
    ),
    on_proposal(
        "resolve-other-digest",
        "resolves another digest",
        DOUBTFUL,
        resolution={"by": ME, "outcome": "Happened", "digest": "sha256:0b"},
    ),
    on_proposal(
        "resolve-executing",
        "resolves what is not in doubt",
        replace(ANN_SAID_YES, phase="Executing"),
        resolution={"by": ME, **RESOLVED},
    ),
    on_proposal(
        "unresolve",
        "removes a resolution",
        replace(DOUBTFUL, resolved=True),
        resolution=None,
    ),
    on_proposal(
        "resolve-otherwise",
        "replaces what a colleague said of the outcome",
        replace(DOUBTFUL, resolved=True),
        resolution={"by": ME, "outcome": "DidNotHappen", "digest": DIGEST},
    ),
)

OPERATIONS = (*FILING, *EDITING, *STOPPING)
