"""A small client of the API server under test: any user, any content type, nothing raised."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.api.server import ADMIN_TOKEN, ApiServer

GROUP_ROOT = "/apis/assent.tikv.org/v1alpha1"
NAMESPACE = "tikv"

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Who:
    """An identity: an impersonated user, or the bearer of a token of its own."""

    user: str | None = None
    groups: tuple[str, ...] = ()
    token: str | None = None


ADMIN = Who()
"""system:masters, in its own name (``admin``)."""


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    code: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """The sentence of a refusal; empty when it was let through."""
        return "" if self.code < 300 else str(self.body.get("message", self.body))

    def ok(self) -> dict[str, Any]:
        """Return the object; fail the test with the server's sentence when it was refused."""
        assert self.code < 300, f"{self.code}: {self.message}"
        return self.body

    def refused(self, code: int, *fragments: str) -> None:
        """Check that it was refused so, with every fragment in the message."""
        assert self.code == code, f"expected {code}, got {self.code}: {self.message or 'let in'}"
        for fragment in fragments:
            assert fragment in self.message


class KubeApi:
    """Calls in the name of whoever a test says."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self._client = server.client()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: Who = ADMIN,
        content_type: str = JSON,
        query: Mapping[str, str] | None = None,
        accept: str = JSON,
    ) -> Answer:
        """Make one call; a refusal is an answer, not an exception."""
        headers = {
            "Authorization": f"Bearer {by.token or ADMIN_TOKEN}",
            "Content-Type": content_type,
            "Accept": accept,
        }
        if by.user is not None:
            headers["Impersonate-User"] = by.user
        pairs = [*headers.items(), *(("Impersonate-Group", group) for group in by.groups)]
        answer = self._client.request(
            method,
            path,
            params=query,
            content=None if body is None else json.dumps(body),
            headers=pairs,
        )
        return Answer(answer.status_code, answer.json())

    def pod_token(self, pod: str, *, namespace: str, account: str) -> str:
        """Return a token of the service account that is bound to a Pod object, made if missing."""
        pods = f"/api/v1/namespaces/{namespace}/pods"
        manifest = {
            "metadata": {"name": pod},
            "spec": {
                "serviceAccountName": account,
                "containers": [{"name": "operator", "image": "none"}],
            },
        }
        made = self.call("POST", pods, manifest)
        if made.code == 409:
            made = self.call("GET", f"{pods}/{pod}")
        uid = made.ok()["metadata"]["uid"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid}
        answer = self.call(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            {"spec": {"boundObjectRef": bound, "expirationSeconds": 3600}},
        )
        return str(answer.ok()["status"]["token"])

    def apply(self, path: str, manifest: Mapping[str, Any], *, by: Who = ADMIN) -> Answer:
        """Server-side apply."""
        query = {"fieldManager": "tests", "force": "true", "fieldValidation": "Strict"}
        return self.call("PATCH", path, manifest, by=by, content_type=APPLY, query=query)


def path(plural: str, name: str = "", subresource: str = "") -> str:
    """Return the path of one of our objects in the tests' namespace."""
    parts = [GROUP_ROOT, "namespaces", NAMESPACE, plural, name, subresource]
    return "/".join(part for part in parts if part)


def users(names: Sequence[str]) -> dict[str, Who]:
    """Return ordinary users by name."""
    return {name: Who(name, ("system:authenticated",)) for name in names}
