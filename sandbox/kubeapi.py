"""The administrator's connection to the sandbox's API server, for the supervisor."""

import json
import ssl
from pathlib import Path
from typing import Any

import httpx

from sandbox.errors import SandboxError

Object = dict[str, Any]

FIELD_MANAGER = "sandbox"
TIMEOUT_SECONDS = 10.0
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class ApiError(SandboxError):
    """The API server refused, or did not answer (`status` 0)."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class KubeApi:
    """Requests with the administrator's certificate."""

    def __init__(self, server: str, *, authority: Path, certificate: Path, key: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        self._client = httpx.AsyncClient(
            base_url=server, verify=context, timeout=TIMEOUT_SECONDS, trust_env=False
        )

    async def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        content_type: str = "application/json",
    ) -> Object:
        """The answer to one request; an empty object where the answer is no JSON object.

        Raises:
            ApiError: refused (nothing changed), or no answer (whether it changed is not known).
        """
        content = None if body is None else json.dumps(body)
        try:
            answer = await self._client.request(
                method, path, content=content, headers={"Content-Type": content_type}
            )
        except httpx.HTTPError as error:
            raise ApiError(0, f"{method} {path}: no answer ({error!r})") from error
        try:
            decoded = answer.json()
        except ValueError:
            decoded = {}
        document: Object = decoded if isinstance(decoded, dict) else {}
        if answer.is_error:
            said = document.get("message", answer.text[:300])
            raise ApiError(answer.status_code, f"{method} {path}: {answer.status_code} {said}")
        return document

    async def apply(self, path: str, manifest: Object) -> Object:
        """Make the object at `path` say what `manifest` says (server-side apply, forced).

        Raises:
            ApiError: as `request`.
        """
        target = f"{path}?fieldManager={FIELD_MANAGER}&force=true"
        return await self.request("PATCH", target, manifest, content_type=APPLY)

    async def ready(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            await self.request("GET", "/readyz")
        except ApiError:
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
