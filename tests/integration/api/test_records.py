"""The record of what was done cannot be deleted in flight, owned, finalised or relabelled."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import IN_FLIGHT
from tests.integration.api.kubeapi import ADMIN, KubeApi, Who, path
from tests.integration.api.life import Life
from tests.integration.api.people import MALLORY, OPERATOR_AS_ADMIN, SAM

IN_FLIGHT_SAYS = "in flight: its journal must survive until it ends (cancel it, or resolve it)"
OWNERS_SAY = "finalizers and owners of a proposal are the operator's"
LABELS_SAY = "labels of assent.tikv.org stay as they were when the proposal was filed"

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "0-1"}
COLLECTOR = Who("system:serviceaccount:kube-system:generic-garbage-collector", ("system:masters",))


@pytest.mark.parametrize("phase", sorted(IN_FLIGHT))
@pytest.mark.parametrize(
    "by",
    [
        pytest.param(MALLORY, id="a user who may delete"),
        pytest.param(ADMIN, id="an administrator"),
        pytest.param(OPERATOR_AS_ADMIN, id="the operator itself"),
        pytest.param(COLLECTOR, id="Kubernetes' garbage collector"),
    ],
)
def test_in_flight_cannot_be_deleted(life: Life, phase: Phase, by: Who) -> None:
    """A call may be on its way: its journal is all that says so."""
    proposal = life.assessed(phase=phase.value)
    proposal.delete(by=by).refused(422, IN_FLIGHT_SAYS)
    assert proposal.read()["status"]["phase"] == phase


def test_deleting_all_at_once_spares_what_is_in_flight(life: Life, kube: KubeApi) -> None:
    """`kubectl delete --all` is refused for the one in flight, which stays."""
    proposal = life.assessed(phase="Executing")
    query = {"fieldSelector": f"metadata.name={proposal.name}"}
    answer = kube.call("DELETE", path("actionproposals"), by=ADMIN, query=query)
    answer.refused(422, IN_FLIGHT_SAYS)
    assert proposal.read()["status"]["phase"] == "Executing"


@pytest.mark.parametrize("phase", sorted(set(Phase) - IN_FLIGHT))
def test_what_is_not_in_flight_can_be_deleted(life: Life, phase: Phase) -> None:
    """Deleting is plain RBAC before and after."""
    proposal = life.assessed(phase=phase.value)
    proposal.delete(by=MALLORY).ok()


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        pytest.param({"finalizers": ["a.b/c"]}, OWNERS_SAY, id="a finalizer blocks deletion"),
        pytest.param({"ownerReferences": [OWNER]}, OWNERS_SAY, id="a false owner has it collected"),
        pytest.param(
            {"labels": {"assent.tikv.org/rule": "Other"}},
            LABELS_SAY,
            id="another rule hides it from who looks for that rule's proposals",
        ),
        pytest.param(
            {"labels": {"assent.tikv.org/incident": None}},
            LABELS_SAY,
            id="without its incident the same problem would be proposed twice",
        ),
        pytest.param({"labels": {"assent.tikv.org/new": "x"}}, LABELS_SAY, id="a label of ours"),
    ],
)
def test_strange_metadata_is_refused(life: Life, metadata: dict[str, Any], says: str) -> None:
    """What steers the object's life is not for everybody who may patch it."""
    manifest = life.manifest(author=OPERATOR_AS_ADMIN)
    manifest["metadata"]["labels"] = {
        "assent.tikv.org/incident": "abc",
        "assent.tikv.org/rule": "LeftoverEviction",
    }
    life.create(manifest, by=OPERATOR_AS_ADMIN).ok()
    proposal = life.adopt(manifest)
    proposal.merge({"metadata": metadata}, by=MALLORY).refused(422, says)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"finalizers": ["a.b/c"]}, OWNERS_SAY),
        ({"ownerReferences": [OWNER]}, OWNERS_SAY),
        ({"labels": {"assent.tikv.org/incident": "abc"}}, "are the operator's"),
        ({"labels": {"assent.tikv.org/round": "1"}}, "are the operator's"),
    ],
)
def test_strange_metadata_is_refused_from_the_start(
    life: Life, metadata: dict[str, Any], says: str
) -> None:
    """A hand-made proposal cannot pass for one of the operator's own."""
    manifest = life.manifest(author=MALLORY)
    manifest["metadata"].update(metadata)
    life.create(manifest, by=MALLORY).refused(422, says)


def test_ordinary_labels_of_ours_may_be_set_when_filing(life: Life) -> None:
    """A person may file under the cluster's label, to be found by it."""
    manifest = life.manifest()
    manifest["metadata"]["labels"] = {"assent.tikv.org/cluster": "prod"}
    life.create(manifest, by=SAM).ok()


def test_garbage_collector_may_take_finalizers_away(life: Life) -> None:
    """Foreground deletion ends by a patch of the collector."""
    manifest = life.manifest(author=OPERATOR_AS_ADMIN)
    manifest["metadata"]["finalizers"] = ["a.b/c"]
    life.create(manifest, by=OPERATOR_AS_ADMIN).ok()
    proposal = life.adopt(manifest)
    proposal.merge({"metadata": {"finalizers": None}}, by=COLLECTOR).ok()
