"""Clients that are what the operator is: a pod-bound token of its service account, no more."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assent.kube.client import KubeClient
from assent.observability.metrics import Metrics
from assent.settings import Settings
from sandbox import Sandbox
from sandbox.objects import ObjectError, Query

SYSTEM = "assent-system"
OPERATOR = f"system:serviceaccount:{SYSTEM}:assent"
SHORT_LEASE = {
    "ASSENT_LEASE_DURATION_SECONDS": "4",
    "ASSENT_RENEW_DEADLINE_SECONDS": "2.5",
    "ASSENT_RETRY_PERIOD_SECONDS": "0.5",
}


@dataclass(frozen=True)
class Replica:
    """One operator process as the API server sees it, without the process."""

    settings: Settings
    kube: KubeClient
    metrics: Metrics


NewReplica = Callable[..., Awaitable[Replica]]


def pod_token(box: Sandbox, pod: str, *, account: str = "assent") -> str:
    """Make the Pod object and return a token of the account that is bound to it."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod, "namespace": SYSTEM},
        "spec": {
            "serviceAccountName": account,
            "containers": [{"name": "operator", "image": "none"}],
        },
    }
    box.apply(manifest)
    uid = box.get("pod", "-n", SYSTEM, pod)["metadata"]["uid"]
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{account}/token"
    version = "authentication.k8s.io/v1"
    request = {"apiVersion": version, "kind": "TokenRequest", "spec": {"boundObjectRef": bound}}
    return str(box.objects.request("POST", path, request)["status"]["token"])


@pytest.fixture
async def new_replica(box: Sandbox, tmp_path: Path) -> AsyncIterator[NewReplica]:
    """Make replicas, each with a pod of its own; their connections and pods end with the test."""
    made: list[Replica] = []

    async def make(api_server: str = box.api_server) -> Replica:
        pod = f"assent-test-{secrets.token_hex(4)}"
        token_file = tmp_path / pod
        token_file.write_text(await asyncio.to_thread(pod_token, box, pod))
        settings = Settings.from_environment(
            {
                "ASSENT_API_SERVER": api_server,
                "ASSENT_CA_FILE": str(box.layout.pki / "ca.crt"),
                "ASSENT_TOKEN_FILE": str(token_file),
                "POD_NAME": pod,
                "POD_NAMESPACE": SYSTEM,
                **SHORT_LEASE,
            }
        )
        metrics = Metrics()
        replica = Replica(settings, KubeClient(settings, on_request=metrics.kube_request), metrics)
        made.append(replica)
        return replica

    yield make
    for replica in made:
        await replica.kube.aclose()
        pod = f"/api/v1/namespaces/{SYSTEM}/pods/{replica.settings.pod_name}"
        box.objects.request("DELETE", f"{pod}?gracePeriodSeconds=0")


@pytest.fixture
def lease(box: Sandbox) -> "LeaseObject":
    """The operator's Lease, absent at the start of the test."""
    found = LeaseObject(box)
    found.delete()
    return found


@dataclass(frozen=True)
class LeaseObject:
    """The Lease as another replica, or an administrator, handles it."""

    box: Sandbox

    def delete(self) -> None:
        """Remove it."""
        # No kubectl: it would hold up the electors, which run in the test's own loop.
        with suppress(ObjectError):
            self.box.objects.delete(Query("leases", "assent", SYSTEM))

    def give_to(self, pod: str, *, transitions: int = 1) -> None:
        """Make that pod the holder, whoever held it before."""
        self.delete()
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "assent", "namespace": SYSTEM},
            "spec": {"holderIdentity": pod, "leaseTransitions": transitions},
        }
        # In the operator's name: the gate lets nobody else write its Lease.
        self.box.kubectl("create", "-f", "-", "--as", OPERATOR, input=json.dumps(lease))

    @property
    def spec(self) -> dict[str, Any]:
        """What it says now."""
        spec: dict[str, Any] = self.box.get("lease", "-n", SYSTEM, "assent")["spec"]
        return spec


def cluster_manifest(namespace: str, name: str = "demo") -> dict[str, Any]:
    """Return a TiKVCluster that nobody watches."""
    return {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"pd": {"endpoints": ["http://127.0.0.1:1"]}},
    }


def admin_get(box: Sandbox, path: str) -> dict[str, Any]:
    """Return the object at a path, read as administrator."""
    return dict(json.loads(box.kubectl("get", "--raw", path)))


class Relay:
    """A TCP line to the API server that can be held: bytes are taken and never delivered."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("https://").partition(":")
        self._target = (host, int(port))
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def hold(self) -> None:
        """Deliver nothing more in either direction; connections stay open."""
        self._open.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        there, back = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)

    async def close(self) -> None:
        """Break all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._open.wait()
                sink.write(data)
        finally:
            sink.close()


@asynccontextmanager
async def relay(target: str) -> AsyncIterator[Relay]:
    """Yield a relay in front of an API server's URL; everything is closed afterwards."""
    line = Relay(target)
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    line.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        await line.close()
