"""One intention, four spellings: each must mean the same."""

import json
from typing import Any

import httpx
import pytest

from tests.integration.api.kubeapi import ADMIN, APPLY, JSON_PATCH, MERGE, KubeApi
from tests.integration.api.server import ApiServer
from tests.matrix.operation import put
from tests.matrix.tables import Refusal
from tests.matrix.writes import Kind, Place, declared, json_patch, merge_patch, send

PLACE = Place("/apis/g/v1/namespaces/n/things", "x")
BEFORE = {
    "kind": "Thing",
    "metadata": {"name": "x", "resourceVersion": "7", "labels": {"a/b": "1", "c": "2"}},
    "spec": {"list": [1, 2], "deep": {"kept": 1, "gone": 2}},
    "status": {"phase": "Pending"},
}
WANTED = {
    "kind": "Thing",
    "metadata": {"name": "x", "resourceVersion": "7", "labels": {"a/b": "9", "c": "2"}},
    "spec": {"list": [2], "deep": {"kept": 1}, "new": True},
    "status": {"phase": "Pending"},
}


def test_a_merge_patch_says_what_changed_and_what_is_gone() -> None:
    """RFC 7386: null removes, a list is replaced."""
    assert merge_patch(BEFORE, WANTED) == {
        "metadata": {"labels": {"a/b": "9"}},
        "spec": {"list": [2], "deep": {"gone": None}, "new": True},
    }


def test_a_json_patch_says_the_same() -> None:
    """RFC 6902: names with a slash are escaped."""
    assert json_patch(BEFORE, WANTED) == [
        {"op": "replace", "path": "/metadata/labels/a~1b", "value": "9"},
        {"op": "replace", "path": "/spec/list", "value": [2]},
        {"op": "remove", "path": "/spec/deep/gone"},
        {"op": "add", "path": "/spec/new", "value": True},
    ]


def test_nothing_changed_is_an_empty_patch() -> None:
    """Then the cell would say nothing, and the judge says so."""
    assert merge_patch(BEFORE, BEFORE) == {}
    assert json_patch(BEFORE, BEFORE) == []


def test_an_applied_file_holds_what_people_write() -> None:
    """No versions of the server; status only through its own door."""
    assert declared(WANTED) == {
        "kind": "Thing",
        "metadata": {"name": "x", "labels": {"a/b": "9", "c": "2"}},
        "spec": WANTED["spec"],
    }
    assert declared(WANTED, status=True) == {
        "kind": "Thing",
        "metadata": {"name": "x"},
        "status": {"phase": "Pending"},
    }


class Recorded(KubeApi):
    """Sends nowhere, and keeps what would have been sent."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        transport = httpx.MockTransport(self._keep)
        self._client = httpx.Client(base_url="https://nowhere", transport=transport)
        self.server = ApiServer(folder=None, url="")  # type: ignore[arg-type]

    def _keep(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(200, json={})


@pytest.mark.parametrize(
    ("kind", "method", "path", "content_type"),
    [
        (Kind.MERGE, "PATCH", "/things/x", MERGE),
        (Kind.JSON, "PATCH", "/things/x", JSON_PATCH),
        (Kind.APPLY, "PATCH", "/things/x", APPLY),
        (Kind.UPDATE, "PUT", "/things/x", "application/json"),
        (Kind.CREATE, "POST", "/things", "application/json"),
        (Kind.DELETE, "DELETE", "/things/x", "application/json"),
        (Kind.DELETE_ALL, "DELETE", "/things", "application/json"),
    ],
)
def test_each_kind_is_the_request_that_kubectl_would_send(
    kind: Kind, method: str, path: str, content_type: str
) -> None:
    """Another content type would try another rule than the one the cell names."""
    kube = Recorded()
    send(kube, kind, PLACE, before=BEFORE, wanted=WANTED, by=ADMIN)
    (request,) = kube.seen
    assert request.method == method
    assert request.url.path.endswith(path)
    assert request.headers["Content-Type"] == content_type
    bodies: dict[Kind, Any] = {
        Kind.MERGE: merge_patch(BEFORE, WANTED),
        Kind.JSON: json_patch(BEFORE, WANTED),
        Kind.APPLY: declared(WANTED),
        Kind.UPDATE: WANTED,
        Kind.CREATE: WANTED,
    }
    if kind in bodies:
        assert json.loads(request.content) == bodies[kind]


def test_an_apply_takes_fields_over_and_a_dry_run_is_told_to_the_server() -> None:
    """Without force a conflict would refuse it, and no rule of ours."""
    kube = Recorded()
    send(kube, Kind.APPLY, PLACE, before=BEFORE, wanted=WANTED, by=ADMIN, dry=True)
    assert dict(kube.seen[0].url.params) == {
        "dryRun": "All",
        "fieldManager": "desk",
        "force": "true",
    }


def test_a_deletion_of_all_is_limited_to_the_cells_own_object() -> None:
    """Other cells go on beside it."""
    kube = Recorded()
    send(kube, Kind.DELETE_ALL, PLACE, before=BEFORE, wanted=None, by=ADMIN)
    assert kube.seen[0].url.params["fieldSelector"] == "metadata.name=x"


@pytest.mark.parametrize(
    ("kind", "place", "shown"),
    [
        (Kind.MERGE, PLACE, "amy cannot patch things x"),
        (Kind.UPDATE, PLACE.through("status"), "amy cannot update things/status x"),
        (Kind.DELETE_ALL, PLACE, "amy cannot deletecollection things x"),
    ],
)
def test_a_sentence_names_who_and_what(kind: Kind, place: Place, shown: str) -> None:
    """One word of the tables stands for the same refusal of everybody."""
    refusal = Refusal(403, "{me} cannot {verb} {resource} {name}")
    assert refusal.shown(me="amy", kind=kind, place=place) == shown


def test_fields_are_set_by_their_path_and_none_takes_one_away() -> None:
    """As the operations say it."""
    found: dict[str, Any] = {"spec": {"a": 1}}
    put(found, {"spec__a": None, "spec__b__c": 2})
    assert found == {"spec": {"b": {"c": 2}}}
