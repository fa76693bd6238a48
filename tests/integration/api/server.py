"""A throw-away etcd and kube-apiserver, for tests that need nothing else and share nothing."""

import ctypes
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.ports import LOOPBACK, free_ports
from sandbox.toolchain import ensure
from tests.integration.api.waiting import until

ADMIN_TOKEN = "admin-token-of-a-throw-away-server"
READY_WITHIN_SECONDS = 90.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ApiServer:
    """One API server with RBAC; ``ADMIN_TOKEN`` is user ``admin`` of system:masters."""

    folder: Path
    url: str

    @property
    def ca_file(self) -> Path:
        """The certificate to trust."""
        return self.folder / "certs" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def client(self) -> httpx.Client:
        """Return a client that trusts this server and sends no credentials by itself."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        return httpx.Client(base_url=self.url, verify=context, timeout=20.0, trust_env=False)


@contextmanager
def api_server(folder: Path, *, kube_apiserver: str = "kube-apiserver") -> Iterator[ApiServer]:
    """Start both on free ports of loopback; nothing of them is left on the way out.

    ``kube_apiserver`` names the binary of the sandbox's toolchain: there is an older one, too.
    """
    binaries = ensure(["etcd", kube_apiserver])
    client, peer, port = free_ports(3)
    signing_key = _write_signing_key(folder)
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{ADMIN_TOKEN},admin,admin,"system:masters"\n')
    etcd_url, peer_url = f"http://{LOOPBACK}:{client}", f"http://{LOOPBACK}:{peer}"
    commands = {
        "etcd": [
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--unsafe-no-fsync",
            "--log-level=error",
        ],
        kube_apiserver: [
            f"--etcd-servers={etcd_url}",
            f"--cert-dir={folder / 'certs'}",
            f"--secure-port={port}",
            f"--bind-address={LOOPBACK}",
            "--service-account-issuer=https://assent.test",
            f"--service-account-key-file={signing_key}",
            f"--service-account-signing-key-file={signing_key}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--token-auth-file={tokens}",
        ],
    }
    server = ApiServer(folder, f"https://{LOOPBACK}:{port}")
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name, arguments in commands.items():
            with (folder / f"{name}.log").open("ab") as log:
                command = [str(binaries[name]), *arguments]
                running.append(
                    subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)
                )
        until(
            lambda: _ready(server, running),
            what="a ready kube-apiserver",
            within_seconds=READY_WITHIN_SECONDS,
        )
        _write_kubeconfig(server)
        yield server
    finally:
        for process in running:
            process.kill()
            process.wait(timeout=20)


def _ready(server: ApiServer, running: list[subprocess.Popen[bytes]]) -> bool:
    for process in running:
        if process.poll() is not None:
            logs = "".join(log.read_text()[-2000:] for log in server.folder.glob("*.log"))
            raise AssertionError(f"{process.args!r} ended: {logs}")
    if not server.ca_file.exists():
        return False
    try:
        with server.client() as client:
            headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
            return client.get("/readyz", headers=headers).status_code == 200
    except (httpx.HTTPError, ssl.SSLError):
        return False


def _write_kubeconfig(server: ApiServer) -> None:
    server.kubeconfig.write_text(
        f"""\
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {{server: "{server.url}", certificate-authority: "{server.ca_file}"}}
users:
- name: admin
  user: {{token: {ADMIN_TOKEN}}}
contexts:
- name: test
  context: {{cluster: test, user: admin}}
current-context: test
"""
    )
    server.kubeconfig.chmod(0o600)


def _write_signing_key(folder: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = folder / "service-accounts.key"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def _die_with_parent() -> None:
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        os._exit(1)
