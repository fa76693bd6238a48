"""The peer: Kubernetes' own approval flow, signed by its own kube-controller-manager."""

import base64
import contextlib
import ctypes
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.bench.connection import Connection, Object, Watch
from sandbox.library import Sandbox

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client"
CONTROLLER = "certificatesigningrequest-signing-controller"
STOP_SECONDS = 5.0
# linux/prctl.h
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def rights(user: str) -> list[dict[str, Any]]:
    """RBAC that lets `user` approve certificates of the signer."""
    role = "bench-csr-approver"
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": role},
            "rules": [
                {
                    "apiGroups": ["certificates.k8s.io"],
                    "resources": ["certificatesigningrequests/approval"],
                    "verbs": ["update", "patch"],
                },
                {
                    "apiGroups": ["certificates.k8s.io"],
                    "resources": ["signers"],
                    "resourceNames": [SIGNER],
                    "verbs": ["approve"],
                },
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": role},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        },
    ]


@contextlib.contextmanager
def controller_manager(box: Sandbox, binary: Path) -> Iterator[None]:
    """kube-controller-manager with nothing but the signing controller, and its own defaults."""
    log = box.layout.log("kube-controller-manager")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(binary),
                f"--kubeconfig={box.kubeconfig}",
                f"--controllers={CONTROLLER}",
                f"--cluster-signing-cert-file={box.layout.pki / 'ca.crt'}",
                f"--cluster-signing-key-file={box.layout.pki / 'ca.key'}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Peer:
    """Files certificate requests and approves them as a person with that right does."""

    def __init__(self, administrator: Connection, approver: Connection, watch: Watch) -> None:
        self._administrator = administrator
        self._approver = approver
        self._watch = watch
        self._request = base64.b64encode(_signing_request()).decode()
        self._filed = 0

    def file(self) -> str:
        """The name of a new request that waits for approval."""
        self._filed += 1
        name = f"bench-{self._filed:04d}"
        body = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {
                "request": self._request,
                "signerName": SIGNER,
                "usages": ["digital signature", "client auth"],
            },
        }
        self._administrator.request("POST", REQUESTS, body)
        return name

    def sample(self, name: str, tick: Callable[[], None]) -> float:
        """Seconds from sending the approval to seeing the certificate."""
        condition = {
            "type": "Approved",
            "status": "True",
            "reason": "Bench",
            "message": "approved by the bench",
        }
        body = {"status": {"conditions": [condition]}}
        sent = self._approver.timed_patch(f"{REQUESTS}/{name}/approval", body)
        seen, _ = self._watch.until(name, _signed, timeout_seconds=30.0, tick=tick)
        return seen - sent


def _signed(found: Object) -> bool:
    return bool(found.get("status", {}).get("certificate"))


def _signing_request() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
