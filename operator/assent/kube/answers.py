"""Turns answers of the API server into errors that say what the caller should do next. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assent.errors import AssentError, LeadershipLost, OutcomeUnknown, Retryable
from assent.kube.errors import (
    AlreadyExists,
    Conflict,
    Fenced,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
)

MAX_SENTENCE = 1024
"""Characters kept of what the server says: nobody knows what else it holds."""

FENCED = "fenced"
"""In the message of the leader fence (deploy/admission)."""
STALE_EPOCH = "stale epoch"
"""In the message of the CRD's root rule."""
NO_PARAMETER = "no params found"
"""What the API server says when a policy's parameter object (the Lease) is not in its cache."""

_RBAC = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"'
    r' in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)
_RBAC_PATH = re.compile(r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) path "(?P<path>[^"]+)"')


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, for messages and for judging what an answer proves."""

    method: str
    path: str
    writes: bool
    """True when an answer that never came may still have changed something."""

    @property
    def line(self) -> str:
        """Method and path, for people."""
        return f"{self.method} {self.path}"


def decode_status(body: bytes) -> Mapping[str, Any]:
    """Return the ``Status`` object of an error answer; empty when the body is something else."""
    try:
        decoded = json.loads(body)
    except ValueError:
        return {}
    if isinstance(decoded, dict) and decoded.get("kind") == "Status":
        return decoded
    return {}


def missing_rule(message: str) -> str | None:
    """Return the RBAC rule whose lack the message tells of, None when it tells of none.

    The format is that of k8s.io/apiserver pkg/endpoints/handlers/responsewriters/errors.go.
    """
    found = _RBAC.search(message)
    if found is None:
        at_path = _RBAC_PATH.search(message)
        if at_path is None:
            return None
        return (
            f"{at_path['user']} lacks a ClusterRole rule:"
            f' nonResourceURLs ["{at_path["path"]}"], verbs ["{at_path["verb"]}"]'
        )
    namespace = found["namespace"]
    role = f"Role rule in namespace {namespace}" if namespace else "ClusterRole rule"
    return (
        f'{found["user"]} lacks a {role}: apiGroups ["{found["group"]}"],'
        f' resources ["{found["resource"]}"], verbs ["{found["verb"]}"]'
    )


def _retry_after_seconds(status: Mapping[str, Any], header: str | None) -> float:
    details = status.get("details")
    stated = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    for value in (header, stated):
        try:
            if value is not None:
                return min(max(float(value), 0.1), 60.0)
        except ValueError:
            continue
    return 1.0


def _refused(request: Request, sentence: str) -> AssentError:
    """Judge a 403: a missing right, the fence, or another policy."""
    rule = missing_rule(sentence)
    if rule is not None:
        return Forbidden(f"{request.line} was refused: {rule}")
    if FENCED in sentence:
        return Fenced(f"{request.line} was refused: {sentence}")
    return Forbidden(f"{request.line} was refused: {sentence}")


def _unfit(request: Request, sentence: str) -> AssentError:
    """Judge a 422: our own fences speak through it, else the content is wrong."""
    if STALE_EPOCH in sentence:
        return LeadershipLost(f"{request.line} was refused: {sentence}")
    if NO_PARAMETER in sentence:
        return Fenced(
            f"{request.line} was refused: a policy cannot find its parameter object"
            f" (is the Lease missing? was the policy made anew?): {sentence}"
        )
    return Invalid(f"{request.line} was refused: {sentence}")


def error_of(
    request: Request, code: int, body: bytes, *, retry_after: str | None = None
) -> AssentError:
    """Return the error that an answer with this HTTP status means.

    Only statuses that the API server gives *before* it stores anything count as "nothing
    happened"; any 5xx to a write may come after the write was stored.
    """
    status = decode_status(body)
    said = str(status.get("message") or "") or body[:200].decode(errors="replace")
    sentence = said[:MAX_SENTENCE]
    if code == 409:
        exists = status.get("reason") == "AlreadyExists"
        return (AlreadyExists if exists else Conflict)(f"{request.line}: {sentence}")
    if code == 404:
        return NotFound(f"{request.line}: {sentence or 'not found'}")
    if code == 403:
        return _refused(request, sentence)
    if code == 422:
        return _unfit(request, sentence)
    if code == 410:
        return Gone(f"{request.line}: {sentence}")
    if code == 401:
        return Retryable("Unauthorized", f"{request.line}: the token was not accepted")
    if code == 429:
        after = _retry_after_seconds(status, retry_after)
        return Retryable("TooManyRequests", f"{request.line}: {sentence}", after_seconds=after)
    if code >= 500 and request.writes:
        return OutcomeUnknown("AnswerLost", f"{request.line}: HTTP {code}: {sentence}")
    if code >= 500:
        return Retryable(
            "ServerError", f"{request.line}: HTTP {code}: {sentence}", after_seconds=1.0
        )
    return Invalid(f"{request.line}: HTTP {code}: {sentence}")
