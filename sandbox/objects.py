"""Objects of the API server as the administrator reads and writes them, without kubectl.

A kubectl costs a tenth of a second of CPU; tests ask hundreds of times a minute.
"""

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.errors import SandboxError

Object = dict[str, Any]

TIMEOUT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 10.0
# "Retry-After: 0" for ever must not be asked for ever.
SHORTEST_WAIT_SECONDS = 0.1
LONGEST_MESSAGE = 300
# As kubectl's, so that what one has applied the other may change.
FIELD_MANAGER = "kubectl"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
# All kinds of all groups in two requests (KEP-3352).
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class ObjectError(SandboxError):
    """The API server refused, or did not answer (`status` 0)."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class Resource:
    """One kind as the API server serves it."""

    root: str
    """The path of its group and version."""
    plural: str
    kind: str
    names: frozenset[str]
    """What people call it, in lower case; also with its group."""
    namespaced: bool

    def path(self, namespace: str, name: str | None) -> str:
        """Where the object is; with `name` None, where all of the namespace are.

        An empty `namespace` means all of them.
        """
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{place}/{self.plural}{f'/{name}' if name else ''}"


@dataclass(frozen=True)
class Query:
    """What `kubectl get` is asked for."""

    kind: str
    name: str | None
    namespace: str
    """Empty for all namespaces."""


def parse_query(arguments: Sequence[str]) -> Query | None:
    """What the arguments of `kubectl get` ask for; None where it is more than kind, name and -n."""
    words: list[str] = []
    namespace = "default"
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word in ("-n", "--namespace") and left:
            namespace = left.pop(0)
        elif word in ("-A", "--all-namespaces"):
            namespace = ""
        elif word.startswith("-") or "/" in word or "," in word:
            return None
        else:
            words.append(word)
    if len(words) not in (1, 2):
        return None
    return Query(words[0].lower(), words[1] if len(words) == 2 else None, namespace)


class Objects:
    """Requests with the administrator's certificate, over one kept connection."""

    def __init__(self, server: str, *, pki: Path) -> None:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._client = httpx.Client(
            base_url=server, verify=context, timeout=TIMEOUT_SECONDS, trust_env=False
        )
        self._resources: list[Resource] = []

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def get(self, query: Query) -> Object:
        """The object, or the list of them.

        Raises:
            ObjectError: 404 when it or its kind is not there; as `request`.
        """
        resource = self.resource(query.kind)
        return self.request("GET", resource.path(query.namespace, query.name))

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Apply it on the server's side, as kubectl does.

        Raises:
            ObjectError: refused, 409 where another manager owns a field; as `request`.
        """
        metadata = manifest["metadata"]
        version = manifest["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resource = self.resource(manifest["kind"].lower(), root)
        path = resource.path(metadata.get("namespace", "default"), metadata["name"])
        options = f"?fieldManager={FIELD_MANAGER}&fieldValidation=Strict"
        self.request("PATCH", path + options, manifest, content_type=APPLY)

    def patch(self, query: Query, patch: Mapping[str, Any]) -> None:
        """Merge into the object; errors as `request`."""
        path = self.resource(query.kind).path(query.namespace, query.name)
        self.request("PATCH", path, patch, content_type=MERGE)

    def delete(self, query: Query) -> None:
        """Begin to delete the object; errors as `request`."""
        self.request("DELETE", self.resource(query.kind).path(query.namespace, query.name))

    def resource(self, name: str, root: str = "") -> Resource:
        """What people call `name`, of the group and version at `root` (empty: any, the first).

        Raises:
            ObjectError: 404, nothing is called so.
        """
        for attempt in range(2):
            if attempt or not self._resources:
                self._resources = self._discover()
            for resource in self._resources:
                if name in resource.names and root in ("", resource.root):
                    return resource
        raise ObjectError(404, f'the server doesn\'t have a resource type "{name}"')

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        """The decoded answer. What only reads is asked again once, on a new connection.

        Where the API server asks to come back later (429), it does, as kubectl does.

        Raises:
            ObjectError: refused (nothing changed), or no answer (whether it changed is not known).
        """
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type, "Accept": accept}
        answer = self._send(method, path, content, headers, tries=2 if method == "GET" else 1)
        waits = LONGEST_WAIT_SECONDS
        while answer.status_code == httpx.codes.TOO_MANY_REQUESTS and waits > 0:
            # Not begun, and asked to come back: a cache that is being filled after a restart.
            pause = max(float(answer.headers.get("Retry-After", 1)), SHORTEST_WAIT_SECONDS)
            waits -= pause
            time.sleep(pause)
            answer = self._send(method, path, content, headers, tries=1)
        document = _decoded(answer)
        if answer.is_error:
            said = f"Error from server ({document.get('reason')}): {document.get('message')}"
            raise ObjectError(answer.status_code, said)
        return document

    def _send(
        self, method: str, path: str, content: str | None, headers: Mapping[str, str], *, tries: int
    ) -> httpx.Response:
        while True:
            tries -= 1
            try:
                return self._client.request(method, path, content=content, headers=headers)
            except httpx.TransportError as error:
                if not tries:
                    raise ObjectError(0, f"{method} {path}: no answer ({error!r})") from error

    def _discover(self) -> list[Resource]:
        found = []
        for base in ("/api", "/apis"):
            for group in self.request("GET", base, accept=DISCOVERY)["items"]:
                found += _resources(base, group)
        return found


def _decoded(answer: httpx.Response) -> Object:
    """The answer; plain text, as of a path that nobody serves, as a Status with that message."""
    if not answer.content:
        return {}
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    return {"reason": answer.reason_phrase, "message": answer.text.strip()[:LONGEST_MESSAGE]}


def _resources(base: str, group: Mapping[str, Any]) -> list[Resource]:
    name = group.get("metadata", {}).get("name", "")
    found = []
    for version in group["versions"]:
        root = "/".join(filter(None, [base, name, version["version"]]))
        for item in version.get("resources", []):
            kind = item["responseKind"]["kind"]
            called = {item["resource"], item["singularResource"], kind.lower()}
            called |= set(item.get("shortNames", []))
            names = called | {f"{word}.{name}" for word in called if name}
            namespaced = item["scope"] == "Namespaced"
            found.append(Resource(root, item["resource"], kind, frozenset(names), namespaced))
    return found
