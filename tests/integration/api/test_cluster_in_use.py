"""A TiKVCluster stays as long as a proposal for it is in flight: nobody else knows where PD is."""

from typing import Any
from zlib import crc32

import pytest

from assent.api.admission import policies
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import IN_FLIGHT
from tests.integration.api.cluster_in_use import until_spared
from tests.integration.api.installing import install, path_of
from tests.integration.api.kubeapi import ADMIN, KubeApi, Who, path
from tests.integration.api.life import Life
from tests.integration.api.people import CONNY, OPERATOR_AS_ADMIN
from tests.integration.api.waiting import until

PLURAL = "tikvclusters"
COLLECTOR = Who("system:serviceaccount:kube-system:generic-garbage-collector", ("system:masters",))
POLICY = "assent-cluster-in-use"
SHIPPED = [
    item
    for item in policies(namespace="assent-system", service_account="assent")
    if item["metadata"]["name"] == POLICY
]


@pytest.fixture
def cluster(kube: KubeApi, request: pytest.FixtureRequest) -> str:
    """A TiKVCluster of the test's own."""
    name = f"u{crc32(request.node.nodeid.encode()):x}"
    manifest = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"name": name},
        "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
    }
    kube.call("POST", path(PLURAL), manifest, by=CONNY).ok()
    return name


@pytest.mark.parametrize("phase", sorted(IN_FLIGHT))
def test_a_cluster_in_use_cannot_be_deleted(
    life: Life, kube: KubeApi, cluster: str, phase: Phase
) -> None:
    """By nobody; and the refusal names the proposal and its phase."""
    proposal = life.assessed(phase=phase.value, clusterRef={"name": cluster})
    until_spared(kube, cluster, proposal.name)
    for by in (ADMIN, CONNY, OPERATOR_AS_ADMIN, COLLECTOR):
        if by is CONNY:  # plain RBAC says no before any policy is asked
            assert kube.call("DELETE", path(PLURAL, cluster), by=by).code in (403, 422)
            continue
        answer = kube.call("DELETE", path(PLURAL, cluster), by=by)
        answer.refused(422, f"proposal {proposal.name} ", phase.value, "until its journal ends")
    kube.call("GET", path(PLURAL, cluster)).ok()


def test_all_at_once_spares_the_one_in_use(life: Life, kube: KubeApi, cluster: str) -> None:
    """`kubectl delete --all`, and Kubernetes' own when a namespace goes."""
    proposal = life.assessed(phase="Executing", clusterRef={"name": cluster})
    until_spared(kube, cluster, proposal.name)
    query = {"fieldSelector": f"metadata.name={cluster}"}
    kube.call("DELETE", path(PLURAL), by=ADMIN, query=query).refused(422, "in use")
    kube.call("GET", path(PLURAL, cluster)).ok()


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.APPROVED, Phase.SUCCEEDED, Phase.FAILED])
def test_what_is_not_in_flight_keeps_no_cluster(
    life: Life, kube: KubeApi, cluster: str, phase: Phase
) -> None:
    """An undecided proposal can wait for a cluster of that name to come back."""
    life.assessed(phase=phase.value, clusterRef={"name": cluster})
    # It may have to be told first that one that has ended is not Executing any more.
    until(lambda: kube.call("DELETE", path(PLURAL, cluster)).code == 200, what="the deletion")


def test_another_clusters_proposal_keeps_only_its_own(
    life: Life, kube: KubeApi, cluster: str
) -> None:
    """Where nothing is in flight for it, a cluster goes as before."""
    other = life.assessed(phase="Executing", clusterRef={"name": f"{cluster}-other"})
    assert other.read()["status"]["phase"] == "Executing"
    kube.call("DELETE", path(PLURAL, cluster)).ok()


def test_once_the_journal_ended_the_cluster_can_go(life: Life, kube: KubeApi, cluster: str) -> None:
    """The policy sees the end within moments, and asks for nothing else."""
    proposal = life.assessed(phase="Executing", clusterRef={"name": cluster})
    until_spared(kube, cluster, proposal.name)
    proposal.status({"phase": "Succeeded"}).ok()
    until(lambda: kube.call("DELETE", path(PLURAL, cluster)).code == 200, what="the deletion")


def test_a_policy_made_anew_goes_on_seeing_proposals(
    life: Life, kube: KubeApi, cluster: str
) -> None:
    """Unlike a Lease's (kubernetes#130887), the API server's copy of our own kind does not freeze:
    uninstalling and installing again needs no restart.
    """
    documents: list[dict[str, Any]] = SHIPPED
    for document in reversed(documents):
        kube.call("DELETE", path_of(document)).ok()
    life.assessed(phase="Executing", clusterRef={"name": f"{cluster}-before"})
    install(kube, documents)
    proposal = life.assessed(phase="Executing", clusterRef={"name": cluster})
    until_spared(kube, cluster, proposal.name)
    proposal.status({"phase": "Succeeded"}).ok()
    until(
        lambda: kube.call("DELETE", path(PLURAL, cluster)).code == 200,
        what="the end of the proposal to be seen by the new policy",
    )
