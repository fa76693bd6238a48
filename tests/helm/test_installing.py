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
from tests.integration.api.kubeapi import KubeApi
from tests.integration.api.server import api_server

pytestmark = pytest.mark.xdist_group("helm-install")


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApi]:
    """An API server with nothing of ours in it."""
    folder: Path = tmp_path_factory.mktemp("api-server")
    with api_server(folder) as server, closing(KubeApi(server)) as api:
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "tikv"}}).ok()
        yield api


def kubectl(kube: KubeApi, *arguments: str, stdin: str = "") -> str:
    config = f"--kubeconfig={kube.server.kubeconfig}"
    return succeed(run(str(kubectl_path()), config, *arguments, stdin=stdin))


def release(kube: KubeApi, action: str, *arguments: str) -> str:
    config = ("--kubeconfig", str(kube.server.kubeconfig), "--namespace", "assent-system")
    return succeed(helm(action, "assent", *arguments, *config))


APPLY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")


def test_kustomization_and_chart_are_accepted(kube: KubeApi) -> None:
    """Server-side dry run under strict validation of every object, both ways."""
    kubectl(kube, "create", "namespace", "assent-system")
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


def test_install_and_uninstall(kube: KubeApi) -> None:
    """Everything but running pods: the gate stands after install, and only CRDs remain after.

    Twice over, since people re-install: the fence's parameter must be found again.
    """
    wanted = {path_of(document) for document in chart(crds=False).values()}
    shipped = policies(namespace="assent-system", service_account="assent")
    for _ in range(2):
        said = release(kube, "install", str(CHART))
        assert "kubectl get actionproposals -A" in said
        await_crds(kube)
        assert present(kube) == wanted
        assert deviations(installed(kube), shipped) == ()
        leases = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"
        kube.call(
            "POST", leases, {"metadata": {"name": "assent"}, "spec": {"holderIdentity": "a"}}
        ).ok()
        await_policies(kube, "tikv")
        release(kube, "uninstall")
        assert present(kube) == set()
        kube.call("DELETE", f"{leases}/assent").ok()
        for plural in ("tikvclusters", "actionproposals", "halts"):
            assert kube.call("GET", f"/apis/assent.tikv.org/v1alpha1/{plural}").code == 200


def test_upgrade_changes_what_was_asked(kube: KubeApi) -> None:
    """The same chart again with other values."""
    release(kube, "install", str(CHART))
    release(kube, "upgrade", str(CHART), "--set", "replicas=3")
    at = "/apis/apps/v1/namespaces/assent-system/deployments/assent"
    assert kube.call("GET", at).ok()["spec"]["replicas"] == 3
    release(kube, "uninstall")
