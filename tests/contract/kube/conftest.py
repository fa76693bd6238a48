"""The same assertions on the fake API server and on a real one."""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from assent.kube.client import KubeClient
from assent.settings import Settings
from sandbox import Sandbox
from tests.integration.kube.conftest import SYSTEM, LeaseObject, pod_token
from tests.support.fake_kube import fake_kube
from tests.unit.execution.rig import settings_for


@dataclass(frozen=True)
class Place:
    """An API server as the operator reaches it, and a namespace of the test's own."""

    kube: KubeClient
    namespace: str


def _real(box: Sandbox, folder: Path) -> tuple[Settings, Callable[[], None]]:
    pod = f"assent-contract-{secrets.token_hex(4)}"
    token = folder / "token"
    token.write_text(pod_token(box, pod))
    LeaseObject(box).give_to(pod)  # the leader fence lets only the holder write statuses
    settings = Settings.from_environment(
        {
            "ASSENT_API_SERVER": box.api_server,
            "ASSENT_CA_FILE": str(box.layout.pki / "ca.crt"),
            "ASSENT_TOKEN_FILE": str(token),
            "POD_NAME": pod,
            "POD_NAMESPACE": SYSTEM,
        }
    )
    return settings, LeaseObject(box).delete


@pytest.fixture(
    params=[
        pytest.param("fake", marks=pytest.mark.smoke),
        pytest.param("real", marks=pytest.mark.xdist_group("real-kube")),
    ]
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """An API server, fake and real in turn."""
    name = f"contract-{secrets.token_hex(4)}"
    if request.param == "fake":
        async with fake_kube() as server:
            settings = replace(settings_for(tmp_path), api_server=server.url)
            client = KubeClient(settings, on_request=lambda *_: None)
            yield Place(client, name)
            await client.aclose()
        return
    box: Sandbox = request.getfixturevalue("box")
    box.create_namespace(name)
    settings, release = _real(box, tmp_path)
    client = KubeClient(settings, on_request=lambda *_: None)
    yield Place(client, name)
    await client.aclose()
    release()
    box.delete_namespace(name)
