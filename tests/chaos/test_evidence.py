"""What was written down becomes a history: by its own words, and nobody's memory."""

import gzip
import json
from pathlib import Path
from typing import Any

from sandbox.records import PdRequest
from tests.chaos import evidence
from tests.chaos.histories import T0, history, life, limit, sent  # fmt: skip
from tests.chaos.history import History, Said, Struck, Version

AT = "2026-11-21T12:00:00.5Z"


def proposal(**status: Any) -> dict[str, Any]:
    return {
        "kind": "ActionProposal",
        "metadata": {"uid": "u", "name": "p", "resourceVersion": "12"},
        "spec": {
            "action": limit(2, 44),
            "proposedBy": "sam",
            "approvals": [{"by": "alice", "decision": "Approve", "digest": "d"}],
            "notAfter": "2026-11-21T12:00:00Z",
        },
        "status": status,
    }


def audit(verb: str, resource: str, answer: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "verb": verb,
        "objectRef": {"resource": resource, **other.pop("target", {})},
        "responseStatus": {"code": other.pop("code", 200)},
        "requestURI": other.pop("uri", "/x"),
        "stageTimestamp": AT,
        "responseObject": answer,
    }


def test_a_stored_proposal_becomes_a_version() -> None:
    """Only what the checker needs is kept."""
    # The operator spells instants with milliseconds.
    assessed = {
        "action": limit(2, 44), "proposedBy": "sam", "notAfter": "2026-11-21T12:00:00.000Z"
    }  # fmt: skip
    step = {"kind": "Forward", "state": "Done", "holder": "pod-1"}
    found = proposal(
        phase="Executing", digest="d", assessed=assessed, execution={"steps": [step]},
        risk={"tier": "Medium"},
    )  # fmt: skip
    (version,) = evidence.audited([audit("patch", "actionproposals", found)])
    assert isinstance(version, Version)
    assert version.assessed
    assert version.approvals == (("alice", "Approve", "d"),)
    assert version.not_after == version.at - 0.5
    assert version.steps == (("Forward", 0, "Done", "pod-1"),)


def test_an_edited_ask_is_not_what_was_assessed() -> None:
    """The digest still stands on the object, but it is of another ask."""
    found = proposal(digest="d", assessed={"action": limit(2, 45), "proposedBy": "sam"})
    assert not evidence.version_of(found, T0).assessed


def test_what_was_refused_or_rehearsed_is_no_version() -> None:
    """Nothing was stored."""
    refused = audit("patch", "actionproposals", {"kind": "Status"}, code=409)
    rehearsed = audit("create", "actionproposals", proposal(), uri="/x?dryRun=All")
    read = audit("get", "actionproposals", proposal())
    assert list(evidence.audited([refused, rehearsed, read])) == []


def test_a_no_is_heard_once_and_so_is_its_end() -> None:
    """Suspends and Halts, each when it was stored."""
    halt = {"target": {"name": "stop"}}
    log = [
        audit("patch", "tikvclusters", {"spec": {"suspend": True}}),
        audit("patch", "tikvclusters", {"spec": {"suspend": True, "mode": "Approval"}}),
        audit("patch", "tikvclusters", {}, target={"subresource": "status"}),
        audit("patch", "tikvclusters", {"spec": {}}),
        audit("create", "halts", {}, **halt),
        audit("delete", "halts", {}, **halt),
    ]
    heard = [(said.what, said.on) for said in evidence.audited(log) if isinstance(said, Said)]
    assert heard == [
        ("a suspend", True), ("a suspend", False), ("Halt stop", True), ("Halt stop", False)
    ]  # fmt: skip


def test_a_deletion_is_seen_by_the_watch() -> None:
    """The audit log has only a Status of it."""
    (version,) = evidence.watched([{"at": T0, "type": "DELETED", "object": proposal()}])
    assert version.deleted


def test_writes_come_in_the_order_in_which_they_were_sent() -> None:
    """The journals of three members are three files."""
    texts = {"method": "POST", "path": "/p", "body": "", "redirector": "", "caller": "assent"}
    late, early = (
        PdRequest(
            member="pd-0", time=AT, status=0, pd_status=200, fault="cut_after_answer",
            started=f"2026-11-21T12:00:0{second}.123456789Z", finished=AT, **texts,
        )
        for second in (2, 1)
    )  # fmt: skip
    calls = list(evidence.sent([late, early]))
    assert calls[1].started - calls[0].started == 1.0
    assert calls[0].fault == "cut_after_answer"


def test_broken_requests_are_counted_by_what_they_were() -> None:
    """Reads, writes and watches apart; what passed is not counted."""
    journal = [
        {"method": "GET", "path": "/a?watch=true", "fault": "half_answer"},
        {"method": "GET", "path": "/a", "fault": "half_answer"},
        {"method": "PATCH", "path": "/a", "fault": "status"},
        {"method": "PATCH", "path": "/a", "fault": ""},
    ]
    assert evidence.broken("api", journal) == {
        "api watch half_answer": 1, "api read half_answer": 1, "api write status": 1
    }  # fmt: skip


def test_splits_before_the_campaign_are_not_its_own() -> None:
    """PD splits regions of a fresh cluster at its own borders."""
    log = [
        {"time": "2026-11-21T12:00:00Z", "kind": "split", "region": 4},
        {"time": "2026-11-21T12:00:09Z", "kind": "split", "region": 5},
        {"time": "2026-11-21T12:00:09Z", "kind": "add_peer", "region": 6},
    ]
    since = evidence.instant("2026-11-21T12:00:05Z")
    assert [split.region for split in evidence.splits(log, since)] == [5]


def test_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    """A process may have been killed in the middle of it."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"a": ')
    assert list(evidence.lines(path)) == [{"a": 1}]
    assert list(evidence.lines(tmp_path / "none")) == []


def test_a_history_is_kept_and_read_again(tmp_path: Path) -> None:
    """Gzipped, and as plain JSON for people."""
    struck = (Struck(T0, T0, "kill_pd", "pd-0"),)
    given = history(life("Executing"), calls=(sent(),), struck=struck)
    path = tmp_path / "deep" / "history.json.gz"
    given.save(path)
    assert History.load(path) == given
    plain = tmp_path / "history.json"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert History.load(plain) == given
    assert json.loads(plain.read_text())["seed"] == 1


def test_a_history_is_cut_to_the_proposals_that_matter() -> None:
    """A regression test should be short."""
    given = history(life(name="a"), life(name="b"))
    assert {item.name for item in given.only(["uid-b"]).versions} == {"b"}
