"""etcd and kube-apiserver of a sandbox."""

from pathlib import Path

from sandbox.child import Child
from sandbox.kubeapi import KubeApi
from sandbox.layout import Layout
from sandbox.pki import (
    ADMINISTRATORS,
    Authority,
    Identity,
    kubeconfig,
    new_signing_key,
    write_private,
)
from sandbox.ports import LOOPBACK, free_ports
from sandbox.waiting import wait_until

READY_TIMEOUT_SECONDS = 60.0
ISSUER = "https://kubernetes.default.svc"
# One line a request; tests count writes in it.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
{rules}- level: Metadata
"""
AUDIT_OBJECTS = """\
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
  resources: [{group: assent.tikv.org}]
"""


class ControlPlane:
    """A Kubernetes API with RBAC, client certificates, bound tokens and an audit log.

    There is no controller manager: no garbage collection by owner, no namespace clean-up, no
    default service accounts, no aggregation of ClusterRoles.
    """

    def __init__(
        self, layout: Layout, binaries: dict[str, Path], *, audit_objects: bool = False
    ) -> None:
        etcd_port, peer_port, self.port = free_ports(3)
        self.url = f"https://{LOOPBACK}:{self.port}"
        self._layout = layout
        self._audit_rules = AUDIT_OBJECTS if audit_objects else ""
        self._write_certificates()
        client, peer = f"http://{LOOPBACK}:{etcd_port}", f"http://{LOOPBACK}:{peer_port}"
        self.etcd_url = client
        self.etcd = Child("etcd", self._etcd(binaries, client, peer), log=layout.log("etcd"))
        self.apiserver = Child(
            "kube-apiserver",
            self._apiserver(binaries, client),
            log=layout.log("kube-apiserver"),
            directory=layout.root,
        )
        self.api = KubeApi(
            self.url,
            authority=layout.pki / "ca.crt",
            certificate=layout.pki / "admin.crt",
            key=layout.pki / "admin.key",
        )

    async def start(self) -> None:
        """Start both; the API is ready on return.

        Raises:
            PortTakenError: make another one, with other ports.
            SandboxError: one of them ended, or was not ready in time.
        """
        await self.etcd.start()
        await self.apiserver.start()  # it waits for etcd by itself
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until the API server answers that it is ready.

        Raises:
            PortTakenError, SandboxError: as `start`.
        """

        async def ready() -> bool:
            self.etcd.raise_if_ended()
            self.apiserver.raise_if_ended()
            return await self.api.ready()

        await wait_until(ready, timeout_seconds=READY_TIMEOUT_SECONDS, what="ready API server")

    async def stop(self) -> None:
        """Stop both; nothing of theirs is kept, so they get no time to finish."""
        await self.api.close()
        await self.apiserver.kill()
        await self.etcd.kill()

    def _write_certificates(self) -> None:
        pki = self._layout.pki
        authority = Authority.create(pki)
        admin = authority.client("sandbox-admin", [ADMINISTRATORS])
        _write_identity(pki, "apiserver", authority.server())
        _write_identity(pki, "admin", admin)
        private, public = new_signing_key()
        write_private(pki / "service-accounts.key", private)
        (pki / "service-accounts.pub").write_bytes(public)
        (pki / "audit-policy.yaml").write_text(AUDIT_POLICY.format(rules=self._audit_rules))
        content = kubeconfig(self.url, authority, "sandbox-admin", admin)
        write_private(self._layout.kubeconfig, content.encode())

    def _etcd(self, binaries: dict[str, Path], client: str, peer: str) -> list[str]:
        return [
            str(binaries["etcd"]),
            "--name=etcd",
            f"--data-dir={self._layout.data / f'etcd-{self.port}'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=etcd={peer}",
            "--unsafe-no-fsync",  # a sandbox need not outlive a power cut
            "--log-level=warn",
        ]

    def _apiserver(self, binaries: dict[str, Path], etcd: str) -> list[str]:
        pki = self._layout.pki
        return [
            str(binaries["kube-apiserver"]),
            f"--etcd-servers={etcd}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={pki / 'service-accounts.pub'}",
            f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={pki / 'audit-policy.yaml'}",
            f"--audit-log-path={self._layout.audit}",
            "--audit-log-mode=blocking",  # a test that saw an answer finds its line
            "--profiling=false",
        ]


def _write_identity(directory: Path, name: str, identity: Identity) -> None:
    (directory / f"{name}.crt").write_bytes(identity.certificate)
    write_private(directory / f"{name}.key", identity.key)
