"""Journals and audit logs are read as facts: complete lines, each effect once."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.records import (
    ApiRequest,
    Growing,
    PdRequest,
    api_request,
    effective_writes,
    pd_request,
)

WRITE = {
    "time": "2026-01-01T00:00:00Z",
    "method": "POST",
    "path": "/pd/api/v1/schedulers",
    "body": '{"name":"x"}',
    "status": 200,
    "pd_status": 200,
    "redirector": "",
    "caller": "assent",
    "started": "2026-01-01T00:00:00Z",
    "finished": "2026-01-01T00:00:00Z",
    "fault": "",
}


def journal(tmp_path: Path, *changes: dict[str, Any]) -> Path:
    path = tmp_path / "journal"
    path.write_text("".join(json.dumps({**WRITE, **change}) + "\n" for change in changes))
    return path


def pd_requests(path: Path) -> list[PdRequest]:
    return Growing(path, partial(pd_request, "pd-0")).read()


def api_requests(path: Path) -> list[ApiRequest]:
    return Growing(path, api_request).read()


def test_no_file_means_no_lines(tmp_path: Path) -> None:
    """The simulator makes its file when the first effect happens."""
    assert Growing(tmp_path / "none", dict).read() == []


def test_a_half_written_line_is_left_for_the_next_time(tmp_path: Path) -> None:
    """Files are read while they are written."""
    path = tmp_path / "lines"
    path.write_text('{"a": 1}\n{"a"')
    lines = Growing(path, dict)
    assert lines.read() == [{"a": 1}]
    with path.open("a") as file:
        file.write(': "ü"}\n')
    assert lines.read() == [{"a": 1}, {"a": "ü"}]


def test_only_what_is_new_is_decoded(tmp_path: Path) -> None:
    """Tests ask hundreds of times for a log that grows to thousands of lines."""
    path = tmp_path / "lines"
    path.write_text('{"a": 1}\n')
    decoded = []

    def decode(line: dict[str, int]) -> int:
        decoded.append(line["a"])
        return line["a"]

    lines = Growing(path, decode)
    first = lines.read()
    with path.open("a") as file:
        file.write('{"a": 2}\n')
    assert lines.read() == [1, 2]
    assert (first, decoded) == ([1], [1, 2])


def test_a_file_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    """Else its new beginning would be missed."""
    path = tmp_path / "lines"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    lines = Growing(path, dict)
    lines.read()
    path.write_text('{"a": 3}\n')
    assert lines.read() == [{"a": 3}]


def test_fields_of_a_newer_proxy_are_ignored(tmp_path: Path) -> None:
    """The Go program and this reader are built apart."""
    (request,) = pd_requests(journal(tmp_path, {"newer": True}))
    assert (request.member, request.caller, request.json()) == ("pd-0", "assent", {"name": "x"})


def test_an_empty_body_is_none(tmp_path: Path) -> None:
    """DELETE has none."""
    (request,) = pd_requests(journal(tmp_path, {"body": ""}))
    assert request.json() is None


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        pytest.param({}, True, id="a write of anybody's"),
        pytest.param({"method": "DELETE"}, True, id="deleting is writing"),
        pytest.param({"method": "GET"}, False, id="reading is not"),
        pytest.param({"redirector": "pd-1"}, False, id="forwarded by a member: counted there"),
        pytest.param({"redirector": "assent"}, True, id="refuses to be forwarded: a write itself"),
        pytest.param({"status": 0}, True, id="cut off: it may have happened"),
    ],
)
def test_every_write_counts_once(tmp_path: Path, change: dict[str, Any], counted: bool) -> None:
    """`one effect` is proved with this count."""
    requests = pd_requests(journal(tmp_path, change))
    assert bool(effective_writes(requests, ["pd-0", "pd-1"])) is counted


def audit_line(**change: Any) -> dict[str, Any]:
    return {
        "verb": "patch",
        "user": {"username": "alice"},
        "requestURI": "/apis/assent.tikv.org/v1alpha1/namespaces/t/tikvclusters/demo",
        "objectRef": {"apiGroup": "assent.tikv.org", "resource": "tikvclusters", "name": "demo"},
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-01-01T00:00:00.000000Z",
        "stageTimestamp": "2026-01-01T00:00:00.004000Z",
        **change,
    }


@pytest.mark.parametrize(
    ("change", "persists"),
    [
        pytest.param({}, True, id="stored"),
        pytest.param({"verb": "watch"}, False, id="a read"),
        pytest.param({"responseStatus": {"code": 409}}, False, id="refused"),
        pytest.param({"requestURI": "/apis/x?dryRun=All"}, False, id="a server-side dry-run"),
        pytest.param({"responseStatus": None}, False, id="never answered"),
    ],
)
def test_only_stored_writes_persist(tmp_path: Path, change: dict[str, Any], persists: bool) -> None:
    """The budget of API writes counts what etcd keeps."""
    path = tmp_path / "audit"
    path.write_text(json.dumps(audit_line(**change)) + "\n")
    (request,) = api_requests(path)
    assert request.persists is persists
    assert (request.user, request.resource, request.name) == ("alice", "tikvclusters", "demo")


def test_a_request_for_no_object_has_no_resource(tmp_path: Path) -> None:
    """/readyz, /version and discovery are in the log, too."""
    path = tmp_path / "audit"
    path.write_text(json.dumps(audit_line(objectRef=None, verb="get")) + "\n")
    (request,) = api_requests(path)
    assert (request.resource, request.persists) == ("", False)
