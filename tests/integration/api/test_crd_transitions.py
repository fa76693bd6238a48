"""Rules that compare old with new status: epoch, phase moves, journal, history."""

from collections.abc import Iterator
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import FINISHED, moves
from tests.integration.api.kubeapi import JSON_PATCH, MERGE, Answer, KubeApi, Who, path
from tests.integration.api.life import Filed, Life
from tests.integration.api.people import CONNY

STALE = "stale epoch: another leader has taken over"
PLURAL = "actionproposals"


def status_dry(proposal: Filed, status: object) -> Answer:
    """Try a status write as the leader, without storing it."""
    return proposal.kube.call(
        "PATCH",
        path(PLURAL, proposal.name, "status"),
        {"status": status},
        by=proposal.operator,
        content_type=MERGE,
        query={"dryRun": "All"},
    )


@pytest.mark.parametrize("old", list(Phase))
def test_phase_moves_along_the_table_only(life: Life, old: Phase) -> None:
    """From every phase every other is tried: let in exactly where the lifecycle has a move."""
    proposal = life.assessed(phase=old.value)
    for new in Phase:
        answer = status_dry(proposal, {"phase": new.value})
        if new is old or new in moves()[old]:
            answer.ok()
        else:
            answer.refused(422, f"status.phase cannot move from {old.value} to {new.value}")


def test_first_phase_is_one_of_the_beginning(life: Life) -> None:
    """No proposal begins its life approved or executing."""
    proposal = life.filed()
    for new in Phase:
        answer = status_dry(proposal, {"phase": new.value})
        if new in moves()[None]:
            answer.ok()
        else:
            answer.refused(422, f"status.phase cannot move from nothing to {new.value}")


WIPES: list[tuple[str, object]] = [
    ("the whole status set to null", None),
    ("the phase set to null", {"phase": None}),
]


@pytest.mark.parametrize(("why", "status"), WIPES, ids=[case[0] for case in WIPES])
@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.EXECUTING, Phase.SUCCEEDED])
def test_life_cannot_be_wiped(life: Life, why: str, status: object, phase: Phase) -> None:
    """A rule on .status alone would be passed by {"status": null}; these stand at the root."""
    proposal = life.assessed(phase=phase.value)
    says = f"status.phase cannot move from {phase.value} to nothing"
    status_dry(proposal, status).refused(422, says)


def test_life_cannot_be_wiped_by_json_patch(life: Life) -> None:
    """Removing the whole status by another patch type ends at the same rule."""
    proposal = life.assessed(phase="Executing")
    answer = proposal.kube.call(
        "PATCH",
        path(PLURAL, proposal.name, "status"),
        [{"op": "remove", "path": "/status"}],
        by=proposal.operator,
        content_type=JSON_PATCH,
    )
    answer.refused(422, "status.phase cannot move from Executing to nothing")


def step(**fields: Any) -> dict[str, Any]:
    return {
        "kind": "Forward",
        "state": "Intended",
        "summary": "POST /pd/api/v1/operators",
        "call": {"method": "POST", "path": "/pd/api/v1/operators"},
        "before": [],
        "epoch": 7,
        "holder": "assent-0",
        "intendedAt": "2026-01-01T00:00:00.000Z",
        "verifyBy": "2026-01-01T00:05:00.000Z",
        **fields,
    }


@pytest.fixture
def executing(life: Life) -> Filed:
    """A proposal with a journal of one step, written in epoch 7."""
    proposal = life.assessed(phase="Executing")
    execution = {"epoch": 7, "holder": "assent-0", "steps": [step()]}
    proposal.status({"execution": execution}).ok()
    return proposal


def test_later_term_writes_on(executing: Filed) -> None:
    """The next leader, and the one after a few quick changes, go on with the journal."""
    for epoch in (7, 8, 12, 1007):
        status_dry(executing, {"execution": {"epoch": epoch}}).ok()


STALE_WRITES: list[tuple[str, object, str]] = [
    ("an earlier term", {"execution": {"epoch": 6}}, STALE),
    ("the epoch taken away", {"execution": {"epoch": None}}, "status.execution.epoch: Required"),
    ("the journal taken away", {"execution": None}, STALE),
    ("a leap that would use the numbers up", {"execution": {"epoch": 1008}}, STALE),
    ("the whole status taken away", None, STALE),
]


@pytest.mark.parametrize(
    ("why", "status", "says"), STALE_WRITES, ids=[case[0] for case in STALE_WRITES]
)
def test_stale_term_is_refused(executing: Filed, why: str, status: object, says: str) -> None:
    """A leader that was replaced cannot write over its successor, by whatever form of write."""
    status_dry(executing, status).refused(422, says)


def test_journal_only_grows(executing: Filed) -> None:
    """A written intent is the only trace of a call; it can be settled, never forgotten."""
    grown = [step(state="Done"), step(kind="Undo")]
    executing.status({"execution": {"epoch": 7, "steps": grown}}).ok()
    shrunk = {"execution": {"epoch": 7, "steps": grown[:1]}}
    status_dry(executing, shrunk).refused(422, "status.execution.steps is a journal: it only grows")


def entry(number: int) -> dict[str, Any]:
    return {
        "at": "2026-01-01T00:00:00.000Z",
        "phase": "Pending",
        "reason": "AwaitingApproval",
        "by": "system",
        "message": f"entry {number}",
        "hash": f"sha256:{number}",
    }


@pytest.mark.parametrize("phase", sorted(FINISHED))
def test_finished_history_can_only_be_added_to(life: Life, phase: Phase) -> None:
    """The record of what was done outlives the doing."""
    proposal = life.assessed()
    proposal.status({"history": [entry(1), entry(2)]}).ok()
    proposal.walk_to(phase.value)
    status_dry(proposal, {"history": [entry(1), entry(2), entry(3)]}).ok()
    for changed in ([entry(1)], [entry(1), entry(9)], [entry(2)], [], None):
        answer = status_dry(proposal, {"history": changed})
        answer.refused(422, "status.history of a finished proposal can only be added to")


def test_open_history_may_be_shortened(life: Life) -> None:
    """A list has an end: a proposal that goes back and forth for weeks may drop its oldest."""
    proposal = life.assessed()
    proposal.status({"history": [entry(1), entry(2)]}).ok()
    status_dry(proposal, {"history": [entry(2), entry(3)]}).ok()


@pytest.fixture
def cluster(kube: KubeApi, operator: Who) -> Iterator[str]:
    """A TiKVCluster whose status was written in epoch 7."""
    manifest = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"generateName": "epoch-"},
        "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
    }
    made = kube.call("POST", path("tikvclusters"), manifest, by=CONNY).ok()
    name = str(made["metadata"]["name"])
    cluster_status(kube, name, operator, {"epoch": 7, "state": "Watching"}).ok()
    yield name
    kube.call("DELETE", path("tikvclusters", name)).ok()


def cluster_status(kube: KubeApi, name: str, operator: Who, status: object) -> Answer:
    at = path("tikvclusters", name, "status")
    return kube.call("PATCH", at, {"status": status}, by=operator, content_type=MERGE)


@pytest.mark.parametrize("status", [{"epoch": 6}, {"epoch": None}, None, {"epoch": 1008}])
def test_epoch_of_a_cluster_never_falls(
    kube: KubeApi, operator: Who, cluster: str, status: object
) -> None:
    """It is what a new term is counted from when the Lease was deleted."""
    cluster_status(kube, cluster, operator, status).refused(422, STALE)
    cluster_status(kube, cluster, operator, {"epoch": 8}).ok()
