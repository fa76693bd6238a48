"""What an HTTP answer of the API server proves, and what it says to people."""

import json

import pytest

from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.kube.answers import MAX_SENTENCE, Request, error_of, missing_rule
from assent.kube.errors import (
    AlreadyExists,
    Conflict,
    Fenced,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
)

READ = Request("GET", "/api/v1/pods/a", writes=False)
WRITE = Request("PATCH", "/apis/assent.tikv.org/v1alpha1/x/a/status", writes=True)
USER = "system:serviceaccount:assent-system:assent"


def answer(message: str = "said", reason: str = "") -> bytes:
    """Return a Status object as the API server sends it."""
    return json.dumps({"kind": "Status", "message": message, "reason": reason}).encode()


@pytest.mark.parametrize(
    ("code", "body", "error", "why"),
    [
        (409, answer(reason="Conflict"), Conflict, "the version in the body is not the stored one"),
        (409, answer(reason="AlreadyExists"), AlreadyExists, "a create met its namesake"),
        (404, answer(), NotFound, "the object is gone"),
        (404, b"404 page not found", NotFound, "the group is not installed"),
        (403, answer("fenced: caller pod does not hold the Lease"), Fenced, "the leader fence"),
        (403, answer("forbidden by policy x"), Forbidden, "another policy or quota"),
        (422, answer("spec.action: bad"), Invalid, "the content is wrong"),
        (422, answer("stale epoch: another leader has taken over"), LeadershipLost, "CRD fence"),
        (422, answer("no params found for policy binding"), Fenced, "the Lease is missing"),
        (400, answer("json: cannot unmarshal"), Invalid, "it was not understood"),
        (413, b"", Invalid, "too large: the same again is as large"),
        (410, answer("too old"), Gone, "start again from a list"),
        (401, answer(), Retryable, "refused before anything was looked at"),
        (429, answer(), Retryable, "refused by priority and fairness before acting"),
        (500, answer("etcdserver: request timed out"), OutcomeUnknown, "etcd may have it"),
        (503, answer(), OutcomeUnknown, "a server that goes down may have stored it"),
        (504, answer(), OutcomeUnknown, "a timeout says nothing about what was done"),
    ],
)
def test_an_answer_to_a_write_is_judged_by_what_it_proves(
    code: int, body: bytes, error: type[AssentError], why: str
) -> None:
    """Only statuses given before storing count as "nothing happened"."""
    judged = error_of(WRITE, code, body)
    assert type(judged) is error, why
    assert WRITE.line in judged.message


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_server_error_to_a_read_can_be_retried(code: int) -> None:
    """A read changes nothing, so nothing can be unknown."""
    assert type(error_of(READ, code, b"")) is Retryable


@pytest.mark.parametrize(
    ("header", "details", "seconds", "why"),
    [
        ("7", None, 7.0, "the header speaks"),
        (None, {"retryAfterSeconds": 3}, 3.0, "the body speaks"),
        ("soon", {"retryAfterSeconds": 2}, 2.0, "an HTTP date or nonsense is passed over"),
        ("86400", None, 60.0, "nobody waits a day"),
        (None, None, 1.0, "silence"),
    ],
)
def test_too_many_requests_says_when_to_come_back(
    header: str | None, details: dict[str, int] | None, seconds: float, why: str
) -> None:
    """The API server sheds load by it."""
    body = json.dumps({"kind": "Status", "details": details}).encode()
    judged = error_of(WRITE, 429, body, retry_after=header)
    assert isinstance(judged, Retryable)
    assert judged.after_seconds == seconds, why


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        pytest.param(
            f'secrets "tls" is forbidden: User "{USER}" cannot get resource "secrets" in API group'
            ' "" in the namespace "tikv"',
            f'{USER} lacks a Role rule in namespace tikv: apiGroups [""], resources ["secrets"],'
            ' verbs ["get"]',
            id="core group, one namespace",
        ),
        pytest.param(
            f'User "{USER}" cannot list resource "halts" in API group "assent.tikv.org" at the'
            " cluster scope",
            f'{USER} lacks a ClusterRole rule: apiGroups ["assent.tikv.org"], resources ["halts"],'
            ' verbs ["list"]',
            id="cluster scope",
        ),
        pytest.param(
            f'x is forbidden: User "{USER}" cannot patch resource "actionproposals/status" in API'
            ' group "assent.tikv.org" in the namespace "tikv": RBAC: clusterrole.x "y" not found',
            f"{USER} lacks a Role rule in namespace tikv: apiGroups"
            ' ["assent.tikv.org"], resources ["actionproposals/status"], verbs ["patch"]',
            id="a subresource, and a broken binding told behind it",
        ),
        pytest.param(
            f'forbidden: User "{USER}" cannot get path "/version"',
            f'{USER} lacks a ClusterRole rule: nonResourceURLs ["/version"], verbs ["get"]',
            id="no resource",
        ),
    ],
)
def test_a_missing_right_is_said_as_the_rule_that_grants_it(message: str, rule: str) -> None:
    """The operator's status shows it; an administrator copies it into a role."""
    assert missing_rule(message) == rule
    judged = error_of(WRITE, 403, answer(message))
    assert isinstance(judged, Forbidden)
    assert rule in judged.message


def test_a_refusal_that_tells_of_no_rule_is_told_as_it_is() -> None:
    """Quota and policies speak in sentences of their own."""
    assert missing_rule("exceeded quota: objects") is None
    assert "exceeded quota" in error_of(WRITE, 403, answer("exceeded quota: objects")).message


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b'{"kind":"Other"}', b"<html>"])
def test_an_answer_that_is_no_status_is_still_judged(body: bytes) -> None:
    """A proxy in between may answer anything."""
    assert isinstance(error_of(WRITE, 409, body), Conflict)


def test_what_the_server_says_is_cut() -> None:
    """Nobody knows what a message holds, and it is stored in status and logs."""
    judged = error_of(WRITE, 422, answer("x" * 100_000))
    assert len(judged.message) < MAX_SENTENCE + 200
