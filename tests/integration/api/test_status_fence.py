"""Status is written by the pod that holds the Lease, and by nobody else."""

from collections.abc import Iterator

import pytest

from tests.integration.api.conftest import LEADER, STANDBY
from tests.integration.api.kubeapi import ADMIN, MERGE, Answer, KubeApi, Who, path
from tests.integration.api.life import Life, approval
from tests.integration.api.people import ALICE, CONNY, OPERATOR_AS_ADMIN, SAM
from tests.integration.api.waiting import until

LEASES = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"
ONLY_OPERATOR = "status is written by the operator only"
FENCED = "fenced: caller pod does not hold the operator Lease"


def set_holder(kube: KubeApi, holder: str) -> None:
    body = {"spec": {"holderIdentity": holder}}
    kube.call("PATCH", f"{LEASES}/assent", body, by=OPERATOR_AS_ADMIN, content_type=MERGE).ok()


@pytest.fixture
def holder(kube: KubeApi, operator: Who, life: Life) -> Iterator[None]:
    """The Lease may be given away or lost; afterwards the leader holds it again."""
    yield
    lease = {"metadata": {"name": "assent"}, "spec": {"holderIdentity": LEADER}}
    if kube.call("GET", f"{LEASES}/assent").code == 404:
        kube.call("POST", LEASES, lease, by=OPERATOR_AS_ADMIN).ok()
    set_holder(kube, LEADER)
    probe = life.filed()
    until(
        lambda: probe.status({"message": "back"}, by=operator).code == 200,
        what="the leader let in again",
    )


@pytest.mark.parametrize(
    "by",
    [
        pytest.param(ADMIN, id="an administrator"),
        pytest.param(Who("kubernetes-admin", ("system:masters",)), id="another administrator"),
        pytest.param(
            Who("system:serviceaccount:assent-system:default", ("system:masters",)),
            id="another account of the operator's namespace",
        ),
        pytest.param(
            Who("system:serviceaccount:elsewhere:assent", ("system:masters",)),
            id="an account of the operator's name elsewhere",
        ),
    ],
)
def test_nobody_else_writes_status(life: Life, by: Who) -> None:
    """Whoever wrote status could set tier and digest, and so approve anything."""
    proposal = life.assessed()
    proposal.status({"risk": {"tier": "Low", "factors": []}}, by=by).refused(403, ONLY_OPERATOR)


def test_person_without_any_right_is_refused_by_rbac_already(life: Life) -> None:
    """None of the shipped roles has the status subresource."""
    proposal = life.assessed()
    proposal.status({"phase": "Approved"}, by=ALICE).refused(403, 'User "alice" cannot patch')


def test_status_in_an_ordinary_write_is_dropped(life: Life) -> None:
    """The way around, status in a write to the object itself, leads nowhere."""
    manifest = {**life.manifest(), "status": {"phase": "Approved"}}
    stored = life.create(manifest, by=SAM).ok()
    assert stored["status"] == {"observedGeneration": -1}, "what the schema gives to all"
    proposal = life.assessed()
    proposal.merge({"status": {"phase": "Succeeded"}}, by=SAM).ok()
    assert proposal.read()["status"]["phase"] == "Pending"


def test_spec_in_a_status_write_is_dropped(life: Life, kube: KubeApi, operator: Who) -> None:
    """The operator's only write is to status: it cannot touch ask or approvals through it."""
    proposal = life.assessed()
    body = {"spec": {"approvals": [approval(ALICE)]}, "status": {"message": "x"}}
    at = path("actionproposals", proposal.name, "status")
    kube.call("PATCH", at, body, by=operator, content_type=MERGE).ok()
    assert "approvals" not in proposal.read()["spec"]


def test_standby_is_fenced(life: Life, standby: Who) -> None:
    """A pod that does not hold the Lease is stopped by the server, whatever it believes."""
    proposal = life.assessed()
    proposal.status({"phase": "Executing"}, by=standby).refused(403, FENCED)


def test_token_without_a_pod_is_fenced(life: Life) -> None:
    """A token made by hand for the service account proves no pod."""
    proposal = life.assessed()
    proposal.status({"phase": "Executing"}, by=OPERATOR_AS_ADMIN).refused(403, FENCED)


@pytest.mark.usefixtures("holder")
def test_fence_follows_the_lease(life: Life, kube: KubeApi, operator: Who, standby: Who) -> None:
    """After a takeover the new holder is let in within moments, and the old one is not."""
    proposal = life.assessed()
    set_holder(kube, STANDBY)
    until(
        lambda: proposal.status({"message": "mine"}, by=standby).code == 200,
        what="the new holder let in",
    )
    proposal.status({"message": "still mine"}, by=operator).refused(403, FENCED)


@pytest.mark.usefixtures("holder")
def test_missing_lease_stops_status_and_nothing_else(
    life: Life, kube: KubeApi, operator: Who
) -> None:
    """Without a Lease nobody leads: status stands still, while people go on deciding."""
    proposal = life.assessed()
    kube.call("DELETE", f"{LEASES}/assent").ok()

    def refused() -> bool:
        return proposal.status({"message": "x"}).code == 422

    until(refused, what="a refusal for want of the Lease")
    proposal.status({"message": "x"}).refused(422, "no params found")
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).ok()
    proposal.patch({"cancel": {"by": "sam"}}, by=SAM).ok()
    life.filed()


@pytest.mark.usefixtures("holder")
def test_fence_follows_the_lease_after_it_was_changed_in_place(
    life: Life, kube: KubeApi, operator: Who, standby: Who
) -> None:
    """An upgrade rewrites policy and binding; the API server must go on reading the Lease.

    Deleting and re-creating the binding would freeze its copy until a restart
    (kubernetes#130887): the chart therefore keeps both, see tests/helm.
    """
    proposal = life.assessed()
    root = "/apis/admissionregistration.k8s.io/v1"
    for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings"):
        at = f"{root}/{plural}/assent-leader-fence"
        body = {"metadata": {"labels": {"version": "next"}}}
        kube.call("PATCH", at, body, content_type=MERGE).ok()
    set_holder(kube, STANDBY)
    until(
        lambda: proposal.status({"message": "mine"}, by=standby).code == 200,
        what="the new holder let in",
    )
    proposal.status({"message": "still mine"}, by=operator).refused(403, FENCED)


def _cluster_status(kube: KubeApi, by: Who) -> Answer:
    at = path("tikvclusters", "fenced", "status")
    return kube.call("PATCH", at, {"status": {"epoch": 1}}, by=by, content_type=MERGE)


def test_status_of_a_cluster_is_guarded_alike(kube: KubeApi, operator: Who, standby: Who) -> None:
    """The claim on a PD cluster and the epoch stand there."""
    manifest = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"name": "fenced"},
        "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
    }
    kube.call("POST", path("tikvclusters"), manifest, by=CONNY).ok()
    _cluster_status(kube, ADMIN).refused(403, ONLY_OPERATOR)
    _cluster_status(kube, standby).refused(403, FENCED)
    _cluster_status(kube, operator).ok()
