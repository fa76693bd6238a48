"""One API server for all tests of this folder, with the tree's manifests installed."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest

from tests.integration.api.installing import await_crds, await_policies, install, manifests
from tests.integration.api.kubeapi import NAMESPACE, KubeApi, Who
from tests.integration.api.life import Life
from tests.integration.api.people import MEDIUM_TRANSFERS, bindings
from tests.integration.api.server import api_server

LEADER, STANDBY = "assent-0", "assent-1"


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApi]:
    """An API server with CRDs, RBAC, policies, people, and a Lease held by assent-0."""
    folder: Path = tmp_path_factory.mktemp("api-server")
    with api_server(folder) as server, closing(KubeApi(server)) as api:
        for name in ("assent-system", NAMESPACE):
            api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).ok()
        lease = {"metadata": {"name": "assent"}, "spec": {"holderIdentity": LEADER}}
        leases = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases"
        api.call("POST", leases, lease).ok()
        install(api, manifests("crds", "deploy/rbac", "deploy/admission"))
        install(api, [MEDIUM_TRANSFERS, *bindings()])
        await_crds(api)
        await_policies(api, NAMESPACE)
        yield api


def _bearer(kube: KubeApi, pod: str) -> Who:
    token = kube.pod_token(pod, namespace="assent-system", account="assent")
    return Who(token=token)


@pytest.fixture(scope="session")
def operator(kube: KubeApi) -> Who:
    """The operator's pod that holds the Lease, with a pod-bound token of the service account."""
    return _bearer(kube, LEADER)


@pytest.fixture(scope="session")
def standby(kube: KubeApi) -> Who:
    """Another pod of the operator, which does not hold the Lease."""
    return _bearer(kube, STANDBY)


@pytest.fixture
def life(kube: KubeApi, operator: Who, request: pytest.FixtureRequest) -> Life:
    """Makes proposals in any state, by the same writes as real people and the real operator."""
    return Life(kube, operator, prefix=f"t{crc32(request.node.nodeid.encode()):x}")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With --dist loadgroup, one worker runs this folder: one API server is enough."""
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.xdist_group("api-server"))
