"""Assent's manifests are in force before anything runs: CRDs served, policies enforced."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import install as installing
from sandbox.errors import SandboxError
from sandbox.install import PROBE_MESSAGE, install, install_sample
from sandbox.kubeapi import KubeApi
from sandbox.layout import CHECKOUT, Layout
from sandbox.waiting import WaitTimeoutError
from tests.unit.sandbox.fake_api import Answer, FakeApi, serving
from tests.unit.sandbox.fake_supervisor import with_certificates

REFUSED = {"message": f"ValidatingAdmissionPolicy denied request: {PROBE_MESSAGE}"}
CLUSTER_SCOPED = (
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)


class ApiServer(FakeApi):
    """Serves every kind, keeps what is applied; `late` answers by the beginning of the key."""

    def __init__(self) -> None:
        super().__init__()
        self.late: dict[str, list[Answer]] = {}
        self.applied: dict[str, Any] = {}
        self.deleted: list[str] = []

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """What an API server would say, for what an installation asks."""
        self.asked.append((f"{method} {path}", body))
        path = path.partition("?")[0]
        for begin, waiting in self.late.items():
            if f"{method} {path}".startswith(begin) and waiting:
                return waiting.pop(0)
        if method == "PATCH":
            self.applied[path] = body
        elif method == "DELETE":
            self.deleted.append(path)
        elif method == "POST":
            return 422, REFUSED
        elif len(path.strip("/").split("/")) <= 3:  # /api/v1 and /apis/GROUP/VERSION
            return 200, {"resources": KINDS}
        return 200, {}


KINDS = [
    {"name": f"{kind.lower()}s", "kind": kind, "namespaced": kind not in CLUSTER_SCOPED}
    for kind in (*CLUSTER_SCOPED, "ServiceAccount", "Role", "RoleBinding", "TiKVCluster")
]
SMALL = {
    "crds/pumps.yaml": {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "pumps.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"plural": "pumps", "kind": "Pump"},
            "versions": [{"name": "v0", "served": False}, {"name": "v1", "served": True}],
        },
    },
    "deploy/rbac/role.yaml": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "pumping"},
    },
    "deploy/admission/gate.yaml": {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "gate"},
    },
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with one manifest of each sort: ours take a while to read."""
    for path, document in SMALL.items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True)
        (tmp_path / "tree" / path).write_text(yaml.safe_dump(document))
    return tmp_path / "tree"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving(ApiServer()) as running:
        assert isinstance(running, ApiServer)
        yield running


@pytest.fixture
async def api(server: ApiServer, tmp_path: Path) -> AsyncIterator[KubeApi]:
    pki = with_certificates(Layout(tmp_path)).pki
    connection = KubeApi(
        server.url, authority=pki / "ca.crt", certificate=pki / "admin.crt", key=pki / "admin.key"
    )
    yield connection
    await connection.close()


def shipped(*folders: str) -> Counter[tuple[str, str]]:
    """Kind and name of all that these folders hold."""
    found: Counter[tuple[str, str]] = Counter()
    for folder in folders:
        for file in (CHECKOUT / folder).glob("*.yaml"):
            if file.name != "kustomization.yaml":
                for one in yaml.safe_load_all(file.read_text()):
                    if one:
                        found[one["kind"], one["metadata"]["name"]] += 1
    return found


async def test_everything_that_users_install_is_installed(api: KubeApi, server: ApiServer) -> None:
    """A manifest that the sandbox leaves out is one that no test has ever seen in force."""
    await install(api)
    applied = Counter((body["kind"], body["metadata"]["name"]) for body in server.applied.values())
    missing = shipped("crds", "deploy/rbac", "deploy/admission") - applied
    assert not missing
    assert ("ServiceAccount", "assent") in applied
    assert ("Namespace", "assent-system") in applied


async def test_it_waits_until_the_kinds_are_served(
    api: KubeApi, server: ApiServer, checkout: Path
) -> None:
    """A CRD that was accepted is not yet an API: the first list would be a 404."""
    listed = "GET /apis/example.org/v1/pumps"
    server.late[listed] = [(404, {"message": "not yet"})] * 3
    await install(api, checkout)
    asked = [what.partition("?")[0] for what, _ in server.asked]
    assert asked.count(listed) == 4


async def test_it_waits_until_policies_are_enforced(
    api: KubeApi, server: ApiServer, checkout: Path
) -> None:
    """Accepted policies take seconds to be compiled; until then a forgery would pass."""
    probes = "POST /api/v1/namespaces/assent-system/configmaps"
    server.late[probes] = [(201, {}), (201, {}), (422, {"message": "another policy's"})]
    await install(api, checkout)
    tried = [what for what, _ in server.asked if what.startswith(probes)]
    assert len(tried) == 4
    assert all(what.endswith("?dryRun=All") for what in tried), "a probe leaves no ConfigMap"


async def test_the_probe_comes_last_and_is_taken_away(
    api: KubeApi, server: ApiServer, checkout: Path
) -> None:
    """Policies are compiled in the order of their writing: the last one's effect proves all."""
    await install(api, checkout)
    written = [what for what, _ in server.asked if what.startswith("PATCH")]
    policies = [what for what in written if "validatingadmissionpolic" in what]
    probes = [what for what in policies if "sandbox-probe-" in what]
    assert len(probes) == 2
    assert policies[-2:] == probes
    gone = {path.rpartition("/")[2] for path in server.deleted}
    assert len(server.deleted) == 2
    assert gone == {what.partition("?")[0].rpartition("/")[2] for what in probes}
    assert server.deleted[0].split("/")[-2] == "validatingadmissionpolicybindings"


async def test_a_refused_manifest_is_told_by_name(
    api: KubeApi, server: ApiServer, checkout: Path
) -> None:
    """The sentence that CRD authors need; nothing waits for what cannot come."""
    server.late["PATCH /apis/apiextensions.k8s.io/v1/customresourcedefinitions/pumps"] = [
        (422, {"message": "spec.versions[0].schema: cost of CEL exceeds budget"})
    ]
    with pytest.raises(SandboxError, match=r"pumps.*422 .*cost of CEL exceeds budget"):
        await install(api, checkout)


async def test_a_gate_that_is_never_enforced_is_told(
    api: KubeApi, server: ApiServer, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than tests that go on without it."""
    monkeypatch.setattr(installing, "TIMEOUT_SECONDS", 0.2)
    server.late["POST /api/v1"] = [(201, {})] * 1000
    with pytest.raises(WaitTimeoutError, match="enforced admission policy"):
        await install(api, checkout)


async def test_the_sample_watches_pd_through_its_proxies(api: KubeApi, server: ApiServer) -> None:
    """In its own namespace, made first, with every member."""
    await install_sample(api, ["http://127.0.0.1:1", "http://127.0.0.1:2"])
    first, *others = [what for what, _ in server.asked if what.startswith("PATCH")]
    assert first.startswith("PATCH /api/v1/namespaces/tikv?")
    assert others
    (cluster,) = [body for body in server.applied.values() if body["kind"] == "TiKVCluster"]
    assert cluster["spec"]["pd"]["endpoints"] == ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    assert cluster["metadata"]["name"] == "demo"


async def test_every_write_says_who_and_overrules_others(
    api: KubeApi, server: ApiServer, checkout: Path
) -> None:
    """Installed again, after somebody edited it with kubectl: it is as shipped."""
    await install(api, checkout)
    patched = [what for what, _ in server.asked if what.startswith("PATCH")]
    assert len(patched) > len(SMALL)
    assert all(what.endswith("?fieldManager=sandbox&force=true") for what in patched)
