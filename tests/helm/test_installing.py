"""The chart and the kustomization on a real API server: accepted, installed, removed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assent.api.admission import deviations, policies
from sandbox.toolchain import kubectl_path
from tests.helm.rendering import CHART, ROOT, chart, helm, run, succeed
from tests.integration.api.installing import await_crds, await_policies, path_of
from tests.integration.api.kubeapi import MERGE, KubeApi, Who, path
from tests.integration.api.people import OPERATOR_AS_ADMIN
from tests.integration.api.server import api_server
from tests.integration.api.waiting import until

pytestmark = pytest.mark.xdist_group("helm-install")


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApi]:
    """An API server with nothing of ours in it."""
    folder: Path = tmp_path_factory.mktemp("api-server")
    with api_server(folder) as server, closing(KubeApi(server)) as api:
        for name in ("tikv", "assent-system"):
            api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).ok()
        yield api


def kubectl(kube: KubeApi, *arguments: str, stdin: str = "") -> str:
    config = f"--kubeconfig={kube.server.kubeconfig}"
    return succeed(run(str(kubectl_path()), config, *arguments, stdin=stdin))


def release(kube: KubeApi, action: str, *arguments: str) -> str:
    config = ("--kubeconfig", str(kube.server.kubeconfig), "--namespace", "assent-system")
    return succeed(helm(action, "assent", *arguments, *config))


APPLY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")


@pytest.mark.contract
def test_kustomization_and_chart_are_accepted(kube: KubeApi) -> None:
    """Server-side dry run under strict validation of every object, both ways."""
    rendered = kubectl(kube, "kustomize", str(ROOT / "deploy"))
    assert "serverside-applied" in kubectl(kube, *APPLY, stdin=rendered)
    more = ("--set", "secretNamespaces={tikv}", "--set", "networkPolicy.enabled=true")
    where = ("--namespace", "assent-system", "--include-crds")
    rendered = succeed(helm("template", "assent", str(CHART), *where, *more))
    assert "serverside-applied" in kubectl(kube, *APPLY, stdin=rendered)


def installed(kube: KubeApi) -> list[dict[str, Any]]:
    root = "/apis/admissionregistration.k8s.io/v1"
    return [
        {**item, "kind": kind}
        for kind, plural in (
            ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
            ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
        )
        for item in kube.call("GET", f"{root}/{plural}").ok()["items"]
    ]


def present(kube: KubeApi) -> set[str]:
    """Return the paths of the chart's objects that exist, CRDs left out."""
    paths = [path_of(document) for document in chart(crds=False).values()]
    return {path for path in paths if kube.call("GET", path).code == 200}


LEASES = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"


def kept(kube: KubeApi) -> set[str]:
    """Return the paths that uninstalling leaves in place: the fence, policy and binding."""
    return {
        path_of(document)
        for document in chart(crds=False).values()
        if "helm.sh/resource-policy" in document["metadata"].get("annotations", {})
    }


def lead(kube: KubeApi, pod: str) -> None:
    """Make this pod the holder of the operator's Lease."""
    lease = {"metadata": {"name": "assent"}, "spec": {"holderIdentity": pod}}
    by = OPERATOR_AS_ADMIN
    if kube.call("POST", LEASES, lease, by=by).code == 409:
        kube.call("PATCH", f"{LEASES}/assent", lease, by=by, content_type=MERGE).ok()


def await_leader(kube: KubeApi, pod: str, *, cluster: str) -> None:
    """Return once this pod's own token may write status."""
    token = kube.pod_token(pod, namespace="assent-system", account="assent")

    def written() -> bool:
        at = path("tikvclusters", cluster, "status")
        body = {"status": {"message": pod}}
        return kube.call("PATCH", at, body, by=Who(token=token), content_type=MERGE).code == 200

    until(written, what=f"status written by {pod}")


def test_install_and_uninstall(kube: KubeApi) -> None:
    """Everything but running pods: the gate stands after install; CRDs and fence remain after.

    Twice over, since people re-install: the fence must go on reading the Lease.
    """
    wanted = {path_of(document) for document in chart(crds=False).values()}
    shipped = policies(namespace="assent-system", service_account="assent")
    for number in range(2):
        said = release(kube, "install", str(CHART))
        assert "kubectl get actionproposals -A" in said
        await_crds(kube)
        assert present(kube) == wanted
        assert deviations(installed(kube), shipped) == ()
        lead(kube, "nobody")
        await_policies(kube, "tikv")
        cluster = f"watched-{number}"
        manifest = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "TiKVCluster",
            "metadata": {"name": cluster},
            "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
        }
        kube.call("POST", path("tikvclusters"), manifest).ok()
        for pod in ("assent-0", "assent-1"):
            lead(kube, pod)
            await_leader(kube, pod, cluster=cluster)
        release(kube, "uninstall")
        assert present(kube) == kept(kube)
        kube.call("DELETE", f"{LEASES}/assent").ok()
        kube.call("GET", path("tikvclusters", cluster)).ok()


@pytest.mark.contract
def test_upgrade_changes_what_was_asked(kube: KubeApi) -> None:
    """The same chart again with other values."""
    release(kube, "install", str(CHART))
    release(kube, "upgrade", str(CHART), "--set", "replicas=3")
    at = "/apis/apps/v1/namespaces/assent-system/deployments/assent"
    assert kube.call("GET", at).ok()["spec"]["replicas"] == 3
    release(kube, "uninstall")
