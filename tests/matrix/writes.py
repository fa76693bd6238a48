"""One intention in every form in which a client can send it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.integration.api.kubeapi import APPLY, JSON, JSON_PATCH, MERGE, Answer, KubeApi, Who

MANAGER = "desk"
"""Everybody applies under one field manager: so an apply can also take away what others said."""

Object = dict[str, Any]


class Kind(StrEnum):
    """How the write is sent."""

    MERGE = "merge"
    JSON = "json"
    APPLY = "apply"
    UPDATE = "update"
    SUBRESOURCE = "subresource"
    """A merge patch on the status subresource that carries what is not status."""
    PLAIN = "plain"
    """A merge patch without a subresource that carries status."""
    CREATE = "create"
    DELETE = "delete"
    DELETE_ALL = "delete-all"


PATCHES = (Kind.MERGE, Kind.JSON, Kind.APPLY, Kind.UPDATE)
VERBS = {
    Kind.UPDATE: "update",
    Kind.CREATE: "create",
    Kind.DELETE: "delete",
    Kind.DELETE_ALL: "deletecollection",
}
"""What RBAC calls it; every other kind is a patch."""


@dataclass(frozen=True)
class Place:
    """Where an object is kept, or will be."""

    folder: str
    """Path of its collection."""
    name: str
    subresource: str = ""

    @property
    def path(self) -> str:
        """The object's own path."""
        return f"{self.folder}/{self.name}"

    @property
    def target(self) -> str:
        """Where it is written: the object or its subresource."""
        return f"{self.path}/{self.subresource}" if self.subresource else self.path

    @property
    def resource(self) -> str:
        """What RBAC calls it: the plural, with the subresource."""
        plural = self.folder.rsplit("/", 1)[-1]
        return f"{plural}/{self.subresource}" if self.subresource else plural

    def through(self, subresource: str) -> "Place":
        """Return the same object by another door."""
        return Place(self.folder, self.name, subresource)


def send(
    kube: KubeApi,
    kind: Kind,
    place: Place,
    *,
    before: Object | None,
    wanted: Object | None,
    by: Who,
    dry: bool = False,
) -> Answer:
    """Send what turns ``before`` into ``wanted``, in this form, in this name."""
    query = {"dryRun": "All"} if dry else {}
    if kind is Kind.DELETE:
        return kube.call("DELETE", place.path, by=by, query=query)
    if kind is Kind.DELETE_ALL:
        only = {"fieldSelector": f"metadata.name={place.name}"}
        return kube.call("DELETE", place.folder, by=by, query={**query, **only})
    assert wanted is not None
    if kind is Kind.CREATE:
        at = place.target if place.subresource else place.folder
        return kube.call("POST", at, wanted, by=by, query=query)
    if kind is Kind.APPLY:
        query |= {"fieldManager": MANAGER, "force": "true"}
        body: object = declared(wanted, status=place.subresource == "status")
        return kube.call("PATCH", place.target, body, by=by, content_type=APPLY, query=query)
    assert before is not None
    if kind is Kind.UPDATE:
        return kube.call("PUT", place.target, wanted, by=by, content_type=JSON, query=query)
    if kind is Kind.JSON:
        body = json_patch(before, wanted)
        return kube.call("PATCH", place.target, body, by=by, content_type=JSON_PATCH, query=query)
    body = merge_patch(before, wanted)
    return kube.call("PATCH", place.target, body, by=by, content_type=MERGE, query=query)


_OWN = ("name", "namespace", "labels", "annotations", "finalizers", "ownerReferences")


def declared(wanted: Object, *, status: bool = False) -> Object:
    """Return what a file for ``kubectl apply`` would say; its status, or all but its status."""
    metadata = {key: value for key, value in wanted["metadata"].items() if key in _OWN and value}
    if status:
        metadata = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    left_out = {"metadata"} | ({"spec"} if status else {"status"})
    kept = {key: value for key, value in wanted.items() if key not in left_out}
    return {**kept, "metadata": metadata}


def merge_patch(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object:
    """Return the JSON merge patch (RFC 7386); a list is replaced as a whole."""
    patch: Object = {key: None for key in before if key not in wanted}
    for key, value in wanted.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if changed := merge_patch(old, value):
                patch[key] = changed
        elif value != old:
            patch[key] = value
    return patch


def json_patch(before: Mapping[str, Any], wanted: Mapping[str, Any], at: str = "") -> list[Object]:
    """Return the JSON patch (RFC 6902); a list is replaced as a whole."""
    steps: list[Object] = [
        {"op": "remove", "path": f"{at}/{_escaped(key)}"} for key in before if key not in wanted
    ]
    for key, value in wanted.items():
        path = f"{at}/{_escaped(key)}"
        if key not in before:
            steps.append({"op": "add", "path": path, "value": value})
        elif isinstance(value, dict) and isinstance(before[key], dict):
            steps += json_patch(before[key], value, path)
        elif value != before[key]:
            steps.append({"op": "replace", "path": path, "value": value})
    return steps


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
