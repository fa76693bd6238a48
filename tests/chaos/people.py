"""People: each with a certificate of their own and the rights that the shipped roles give."""

import ssl
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from sandbox.library import Sandbox
from sandbox.objects import Object
from sandbox.pki import Authority

CLUSTER = "prod"
NAMESPACE = "chaos"
GROUP = "/apis/assent.tikv.org/v1alpha1"
PROPOSALS = f"{GROUP}/namespaces/{NAMESPACE}/actionproposals"
CLUSTERS = f"{GROUP}/namespaces/{NAMESPACE}/tikvclusters"
HALTS = f"{GROUP}/halts"
APPROVERS = ("alice", "bert")
AUTHORS = ("sam", "ann")
_EVERY_TIER = ("assent-approver-low", "assent-approver-medium", "assent-approver-high")
ROLES = {
    **dict.fromkeys(AUTHORS, ("assent-proposer",)),
    **dict.fromkeys(APPROVERS, (*_EVERY_TIER, "assent-proposer")),
    "root": ("assent-configurer",),
}
TIMEOUT_SECONDS = 8.0
RETRY_SECONDS = 0.4
FORBIDDEN_SECONDS = 30.0
"""An API server that has just started knows no roles yet: so long a refusal is not believed, unless
it comes from a policy."""
POLICY = "ValidatingAdmissionPolicy"
MERGE = {"Content-Type": "application/merge-patch+json"}


class RefusedByServerError(Exception):
    """The API server said no; the message has its words, `status` its code."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def bindings() -> list[dict[str, Any]]:
    """RBAC of everybody: the shipped roles, bound in the namespace."""
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{user}-{role}", "namespace": NAMESPACE},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
        for user, roles in ROLES.items()
        for role in roles
    ]


def client_for(box: Sandbox, user: str) -> httpx.Client:
    """A client of the API server with that user's certificate; "admin" is the administrator."""
    context = ssl.create_default_context(cafile=str(box.layout.pki / "ca.crt"))
    if user == "admin":
        context.load_cert_chain(box.layout.pki / "admin.crt", box.layout.pki / "admin.key")
    else:
        identity = Authority.load(box.layout.pki).client(user)
        with tempfile.NamedTemporaryFile() as file:  # readable by us alone; ssl takes files only
            file.write(identity.certificate + identity.key)
            file.flush()
            context.load_cert_chain(file.name)
    return httpx.Client(
        base_url=box.api_server, verify=context, timeout=TIMEOUT_SECONDS, trust_env=False
    )


class Person:
    """Somebody who asks again until the API server has answered."""

    def __init__(self, box: Sandbox, user: str) -> None:
        self.user = user
        self._client = client_for(box, user)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(
        self, method: str, path: str, body: object = None, *, until: float
    ) -> Object | None:
        """The answer; None when there was none until then (`time.monotonic`).

        Raises:
            RefusedByServerError: it said no, and not only because it is starting or overloaded.
        """
        headers = MERGE if method == "PATCH" else {}
        believes_until = min(until, time.monotonic() + FORBIDDEN_SECONDS)
        while time.monotonic() < until:
            try:
                answer = self._client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError:
                time.sleep(RETRY_SECONDS)
                continue
            if answer.status_code in (429, 500, 502, 503, 504):
                time.sleep(RETRY_SECONDS)
                continue
            found: Object = answer.json()
            words = str(found.get("message"))
            forbidden = answer.status_code == httpx.codes.FORBIDDEN and POLICY not in words
            if forbidden and time.monotonic() < believes_until:
                time.sleep(RETRY_SECONDS)
                continue
            if answer.is_error:
                raise RefusedByServerError(answer.status_code, words)
            return found
        return None

    def file(
        self, name: str, action: Mapping[str, Any], extra: Mapping[str, str], *, until: float
    ) -> bool:
        """File a proposal; whether it was stored."""
        body = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "clusterRef": {"name": CLUSTER},
                "proposedBy": self.user,
                "action": action,
                **extra,
            },
        }
        try:
            return self.request("POST", PROPOSALS, body, until=until) is not None
        except RefusedByServerError as refused:
            if refused.status == httpx.codes.CONFLICT:  # an earlier try was stored
                return True
            raise

    def patch(self, name: str, spec: Mapping[str, Any], *, until: float) -> bool:
        """Merge into the spec of a proposal; False when it was refused or never answered."""
        try:
            path = f"{PROPOSALS}/{name}"
            return self.request("PATCH", path, {"spec": spec}, until=until) is not None
        except RefusedByServerError:
            return False

    def decide(self, found: Object, decision: str, *, until: float) -> bool:
        """Approve or reject what the proposal says, beside what others have said."""
        others = [item for item in found["spec"].get("approvals") or () if item["by"] != self.user]
        seat = {"by": self.user, "decision": decision}
        if decision == "Approve":
            seat["digest"] = found["status"]["digest"]
        else:
            seat["comment"] = "no"
        spec = {"approvals": [*others, seat]}
        return self.patch(found["metadata"]["name"], spec, until=until)

    def delete(self, name: str, *, until: float) -> bool:
        """Delete a proposal; False when it was refused or never answered."""
        try:
            return self.request("DELETE", f"{PROPOSALS}/{name}", until=until) is not None
        except RefusedByServerError:
            return False


def in_seconds(seconds: float) -> str:
    """That moment from now, as Kubernetes writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
