"""What Argo CD and Flux do with an object at each look: small loops that behave like each.

They are made after argo-cd 3.x (gitops-engine pkg/sync, kubectl apply under the field manager
argocd-controller) and kustomize-controller (fluxcd/pkg ssa.Manager ApplyAll: dry run, clean-up of
field managers, apply where something differs).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from sandbox.library import KubectlError, Sandbox
from tests.integration.gitops.repository import Clone, Repository

Json = dict[str, Any]
MERGE_KEY = "kustomize.toolkit.fluxcd.io/ssa"
"""With the value Merge, kustomize-controller leaves the fields of other managers alone."""


@dataclass(frozen=True)
class Synced:
    """What became of one look."""

    failures: Mapping[str, str]
    """What the API server said, by file; empty when all is as Git has it."""

    @property
    def failure(self) -> str:
        """The one failure."""
        (found,) = self.failures.values()
        return found


class Loop(Protocol):
    """A tool that looks again and again."""

    def sync(self) -> Synced:
        """Look once."""


class _Tool:
    def __init__(self, box: Sandbox, repository: Repository, *, account: str, folder: Path) -> None:
        self.box = box
        self.account = account
        self._clone = Clone(repository, folder)
        self._applied: dict[str, Json] = {}
        """What it has applied, by file: its inventory, from which it prunes."""

    def sync(self) -> Synced:
        """Bring the objects to what the newest commit says."""
        failures: dict[str, str] = {}
        wanted = {
            name: self.marked(dict(yaml.safe_load(text)))
            for name, text in self._clone.manifests().items()
        }
        for name, manifest in wanted.items():
            try:
                self.apply(manifest)
                self._applied[name] = manifest
            except KubectlError as error:
                failures[name] = str(error)
        for name in sorted(set(self._applied) - set(wanted)):
            try:
                self.prune(self._applied[name])
                del self._applied[name]
            except KubectlError as error:
                failures[name] = str(error)
        return Synced(failures)

    def marked(self, manifest: Json) -> Json:
        """The manifest with the tool's own mark."""
        raise NotImplementedError

    def apply(self, manifest: Json) -> None:
        """Bring one object to what Git says; raises what the API server said."""
        raise NotImplementedError

    def prune(self, manifest: Json) -> None:
        """Delete what Git has no longer."""
        self.kubectl(manifest, "delete", manifest["kind"], manifest["metadata"]["name"])

    def kubectl(self, manifest: Json, *arguments: str, given: Json | None = None) -> str:
        """What kubectl prints as the tool's account."""
        return self.box.kubectl(
            f"--as={self.account}", "-n", manifest["metadata"]["namespace"], *arguments,
            input=json.dumps(given) if given else None,
        )  # fmt: skip


class ArgoCd(_Tool):
    """Automated sync with self-heal and prune: it applies whenever something differs."""

    server_side = False

    def marked(self, manifest: Json) -> Json:
        """Tracked by annotation, the default since 3.0."""
        meta = manifest["metadata"]
        group = manifest["apiVersion"].partition("/")[0]
        key = f"{meta['namespace']}/{meta['name']}"
        mark = {"argocd.argoproj.io/tracking-id": f"tikv:{group}/{manifest['kind']}:{key}"}
        meta["annotations"] = {**meta.get("annotations", {}), **mark}
        return manifest

    def apply(self, manifest: Json) -> None:
        """Three-way between the file, what was applied before, and what is there."""
        how = ["--server-side", "--force-conflicts"] if self.server_side else []
        self.kubectl(
            manifest, "apply", "--field-manager=argocd-controller", *how, "-f", "-", given=manifest
        )


class ArgoCdServerSide(ArgoCd):
    """The same with the sync option ServerSideApply=true."""

    server_side = True


class ArgoCdReplace(ArgoCd):
    """The same with the sync option Replace=true, which the page advises against."""

    def apply(self, manifest: Json) -> None:
        """Put the file in the place of what is there."""
        self.kubectl(manifest, "replace", "-f", "-", given=manifest)


class Flux(_Tool):
    """A Kustomization with prune: it takes over what managers named kubectl own, then applies."""

    manager = "kustomize-controller"
    taken_back = ("kubectl", "before-first-apply")

    def marked(self, manifest: Json) -> Json:
        """Labels of the Kustomization."""
        meta = manifest["metadata"]
        mark = {
            "kustomize.toolkit.fluxcd.io/name": "tikv",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        }
        meta["labels"] = {**meta.get("labels", {}), **mark}
        return manifest

    def apply(self, manifest: Json) -> None:
        """Dry run, clean-up, and apply where something differs."""
        there = self._there(manifest)
        would = self._server_side(manifest, "--dry-run=server")
        merges = manifest["metadata"].get("annotations", {}).get(MERGE_KEY) == "Merge"
        cleaned = there is not None and not merges and self._clean_up(manifest, there)
        if cleaned or there is None or _content(there) != _content(would):
            self._server_side(manifest)

    def _there(self, manifest: Json) -> Json | None:
        found = self.kubectl(
            manifest, "get", manifest["kind"], manifest["metadata"]["name"],
            "--ignore-not-found", "--show-managed-fields", "-o", "json",
        )  # fmt: skip
        return dict(json.loads(found)) if found else None

    def _server_side(self, manifest: Json, *how: str) -> Json:
        said = self.kubectl(
            manifest, "apply", "--server-side", "--force-conflicts", *how,
            f"--field-manager={self.manager}", "-o", "json", "-f", "-", given=manifest,
        )  # fmt: skip
        return dict(json.loads(said))

    def _clean_up(self, manifest: Json, there: Json) -> bool:
        """Make its own what managers named kubectl own; the apply that follows drops it."""
        entries = there["metadata"].get("managedFields", [])
        theirs = [entry for entry in entries if self._takes(entry)]
        patch: list[Json] = []
        if theirs:
            mine = [entry for entry in entries if self._is_mine(entry)]
            others = [entry for entry in entries if entry not in theirs and entry not in mine]
            one = {**theirs[0], "manager": self.manager, "operation": "Apply"}
            for entry in [*theirs[1:], *mine]:
                one["fieldsV1"] = _union(one["fieldsV1"], entry["fieldsV1"])
            patch.append(
                {"op": "replace", "path": "/metadata/managedFields", "value": [*others, one]}
            )
        last = "kubectl.kubernetes.io/last-applied-configuration"
        if last in there["metadata"].get("annotations", {}):
            path = "/metadata/annotations/" + last.replace("/", "~1")
            patch.append({"op": "remove", "path": path})
        if not patch:
            return False
        self.kubectl(
            manifest, "patch", manifest["kind"], manifest["metadata"]["name"],
            f"--field-manager={self.manager}", "--type=json", "-p", json.dumps(patch),
        )  # fmt: skip
        return True

    def _takes(self, entry: Json) -> bool:
        named = str(entry["manager"]).startswith(self.taken_back)
        own_update = entry["manager"] == self.manager and entry["operation"] == "Update"
        return (named or own_update) and not entry.get("subresource")

    def _is_mine(self, entry: Json) -> bool:
        return (
            entry["manager"] == self.manager
            and entry["operation"] == "Apply"
            and not entry.get("subresource")
        )


def _content(document: Json) -> Json:
    """What Flux compares: no status, and of the metadata labels and annotations only."""
    meta = document["metadata"]
    return {
        "spec": document.get("spec"),
        "labels": meta.get("labels", {}),
        "annotations": meta.get("annotations", {}),
    }


def _union(left: Json, right: Json) -> Json:
    """Both sets of fields."""
    both = dict(left)
    for name, value in right.items():
        both[name] = _union(both[name], value) if name in both else value
    return both
