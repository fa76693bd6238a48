"""Applies manifests, as `kubectl apply --server-side` does, in one process and at once."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from sandbox.errors import SandboxError
from sandbox.kubeapi import ApiError, KubeApi, Object
from sandbox.waiting import wait_until

TIMEOUT_SECONDS = 30.0
# No answer; not served yet (a fresh CRD); changed meanwhile; too many; starting up.
PASSING = (0, 404, 409, 429, 500, 503)

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""By libyaml where PyYAML has it: ten times as fast, and our definitions are long."""


def read_manifests(folders: Iterable[Path]) -> list[Object]:
    """All objects in the YAML files directly in `folders`, kustomizations left out.

    A folder that does not exist holds none.
    """
    files = [file for folder in folders for file in sorted(folder.glob("*.yaml"))]
    documents = [
        document
        for file in files
        if file.name != "kustomization.yaml"
        for document in yaml.load_all(file.read_text(), Loader=LOADER)
    ]
    return [document for document in documents if document]


class Applier:
    """Applies manifests; asks the API server once for the resources of each group."""

    def __init__(self, api: KubeApi, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._resources: dict[tuple[str, str], Object] = {}

    async def apply(self, manifests: Sequence[Object]) -> None:
        """Apply all, side by side. What names no namespace goes to the applier's.

        Raises:
            SandboxError: one was refused, or not accepted in time; others may be applied.
        """
        await asyncio.gather(*(self._apply(manifest) for manifest in manifests))

    async def delete(self, manifests: Sequence[Object]) -> None:
        """Delete all.

        Raises:
            ApiError: one is not there or cannot be deleted.
        """
        for manifest in manifests:
            await self._api.request("DELETE", await self.path(manifest))

    async def path(self, manifest: Object) -> str:
        """Where the API server keeps the object that `manifest` describes.

        Raises:
            ApiError: 404, the API server does not serve this kind (yet).
        """
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._resources:
            listed = await self._api.request("GET", root)
            for resource in listed["resources"]:
                if "/" not in resource["name"]:
                    self._resources[version, resource["kind"]] = resource
        resource = self._resources.get((version, kind))
        if resource is None:
            raise ApiError(404, f"The API server has no kind {kind} in {version}.")
        if resource["namespaced"]:
            root += f"/namespaces/{manifest['metadata'].get('namespace', self._namespace)}"
        return f"{root}/{resource['name']}/{manifest['metadata']['name']}"

    async def _apply(self, manifest: Object) -> None:
        last: list[ApiError] = []

        async def applied() -> bool:
            try:
                await self._api.apply(await self.path(manifest), manifest)
            except ApiError as error:
                if error.status not in PASSING:
                    raise
                last[:] = [error]
                return False
            return True

        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        try:
            await wait_until(applied, timeout_seconds=TIMEOUT_SECONDS, what=name)
        except TimeoutError as error:
            raise SandboxError(f"{name} cannot be installed: {last[0]}") from error
