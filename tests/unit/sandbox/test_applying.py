"""Manifests go where discovery says; what passes is tried again, what is refused is said."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.applying import Applier, read_manifests
from sandbox.kubeapi import ApiError, KubeApi
from sandbox.pki import Authority
from tests.unit.sandbox.fake_api import FakeApi, serving

CLUSTER = {"apiVersion": "a.org/v1", "kind": "Thing", "metadata": {"name": "one"}}
DISCOVERY = {
    "resources": [
        {"name": "things", "kind": "Thing", "namespaced": True},
        {"name": "things/status", "kind": "Thing", "namespaced": True},
        {"name": "worlds", "kind": "World", "namespaced": False},
    ]
}
PATH = "PATCH /apis/a.org/v1/namespaces/here/things/one"


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[tuple[FakeApi, Applier, KubeApi]]:
    authority = Authority.create(tmp_path)
    identity = authority.client("admin")
    (tmp_path / "admin.crt").write_bytes(identity.certificate)
    (tmp_path / "admin.key").write_bytes(identity.key)
    with serving(FakeApi({"GET /apis/a.org/v1": [(200, DISCOVERY)]})) as server:
        api = KubeApi(
            server.url,
            authority=tmp_path / "ca.crt",
            certificate=tmp_path / "admin.crt",
            key=tmp_path / "admin.key",
        )
        yield server, Applier(api, namespace="here"), api
        await api.close()


def test_manifests_are_read_without_kustomizations(tmp_path: Path) -> None:
    """deploy/ has both; a folder that is not there yet has nothing."""
    (tmp_path / "a.yaml").write_text("kind: A\n---\n---\nkind: B\n")
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\n")
    read = read_manifests([tmp_path, tmp_path / "none"])
    assert [manifest["kind"] for manifest in read] == ["A", "B"]


async def test_discovery_decides_where_an_object_goes(
    fake: tuple[FakeApi, Applier, KubeApi],
) -> None:
    """Plurals and scopes are not guessed; one question a group is enough."""
    server, applier, _ = fake
    world = {**CLUSTER, "kind": "World"}
    elsewhere = {**CLUSTER, "metadata": {"name": "one", "namespace": "there"}}
    assert await applier.path(CLUSTER) == "/apis/a.org/v1/namespaces/here/things/one"
    assert await applier.path(world) == "/apis/a.org/v1/worlds/one"
    assert await applier.path(elsewhere) == "/apis/a.org/v1/namespaces/there/things/one"
    assert len(server.asked) == 1


async def test_applying_is_forced_and_signed(fake: tuple[FakeApi, Applier, KubeApi]) -> None:
    """As `kubectl apply --server-side --force-conflicts`, under a name of our own."""
    server, applier, _ = fake
    server.answers[PATH] = [(200, {})]
    await applier.apply([CLUSTER])
    request, body = server.asked[-1]
    assert request == f"{PATH}?fieldManager=sandbox&force=true"
    assert body == CLUSTER


@pytest.mark.parametrize("status", [404, 409, 429, 500, 503])
async def test_what_passes_is_tried_again(
    fake: tuple[FakeApi, Applier, KubeApi], status: int
) -> None:
    """A fresh API server answers so while CRDs and caches are on their way."""
    server, applier, _ = fake
    server.answers[PATH] = [(status, {"message": "not yet"}), (200, {})]
    await applier.apply([CLUSTER])
    assert [request.split("?")[0] for request, _ in server.asked].count(PATH) == 2


async def test_a_kind_may_appear_later(fake: tuple[FakeApi, Applier, KubeApi]) -> None:
    """Its CRD was applied a moment ago."""
    server, applier, _ = fake
    server.answers["GET /apis/a.org/v1"] = [(200, {"resources": []}), (200, DISCOVERY)]
    server.answers[PATH] = [(200, {})]
    await applier.apply([CLUSTER])
    assert server.asked[-1][1] == CLUSTER


@pytest.mark.parametrize("status", [400, 403, 422])
async def test_a_refusal_is_final(fake: tuple[FakeApi, Applier, KubeApi], status: int) -> None:
    """A wrong manifest must fail at once, in the API server's own words."""
    server, applier, _ = fake
    server.answers[PATH] = [(status, {"message": "spec.x: must be one of a, b"})]
    with pytest.raises(ApiError, match="must be one of a, b") as caught:
        await applier.apply([CLUSTER])
    assert caught.value.status == status


async def test_no_answer_is_told_apart(fake: tuple[FakeApi, Applier, KubeApi]) -> None:
    """Status 0: the server is away, or was restarted meanwhile."""
    server, _, _ = fake
    context = fake[2]
    assert await context.ready() is False
    server.answers["GET /readyz"] = [(200, "ok")]
    assert await context.ready() is True
