"""Counts in what the API server and PD wrote down. Nothing here asks anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.errors import SandboxError
from sandbox.install import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from sandbox.records import ApiRequest, PdRequest

OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{SERVICE_ACCOUNT}"
CALLER = "assent"
OUR_KINDS = ("actionproposals", "tikvclusters")
# Read exactly once by every snapshot.
ONCE_A_CYCLE = "/pd/api/v1/regions/count"


@dataclass(frozen=True)
class Cost:
    """What one detection cycle asks of PD."""

    calls: float
    answer_bytes: float


def seconds_of(stamp: str) -> float:
    """An RFC 3339 time (whatever its fraction) as seconds since 1970."""
    head, _, tail = stamp.partition(".")
    if not tail:
        return datetime.fromisoformat(head).timestamp()
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    at = datetime.fromisoformat(head + tail[len(digits) :])
    return at.astimezone(UTC).timestamp() + float(f"0.{digits}")


def stored_by_operator(requests: Sequence[ApiRequest]) -> list[ApiRequest]:
    """What the operator wrote and the API server stored."""
    return [item for item in requests if item.user == OPERATOR and item.persists]


def most_writes_before_call(
    requests: Sequence[ApiRequest], spans: Sequence[tuple[float, float]]
) -> int:
    """The most writes stored within one span (approval sent, call received); no Lease, no Event.

    Events are posted beside the work and never waited for; the Lease is renewed at its own pace.
    """
    ours = [
        (seconds_of(item.received), seconds_of(item.finished))
        for item in stored_by_operator(requests)
        if item.resource in OUR_KINDS
    ]
    counts = [
        sum(1 for received, finished in ours if sent <= received and finished <= called)
        for sent, called in spans
    ]
    return max(counts, default=0)


def lifecycle_writes(requests: Sequence[ApiRequest], namespace: str, since: float) -> int:
    """Writes to ActionProposals and TiKVClusters of a namespace, stored from `since` on."""
    return sum(
        1
        for item in stored_by_operator(requests)
        if item.resource in OUR_KINDS
        and item.namespace == namespace
        and seconds_of(item.received) >= since
    )


def idle_writes(requests: Sequence[ApiRequest], since: float, until: float) -> int:
    """Everything stored in that time but the Lease, Events too."""
    return sum(
        1
        for item in stored_by_operator(requests)
        if item.resource != "leases" and since <= seconds_of(item.received) < until
    )


def arrivals(requests: Sequence[PdRequest], path_end: str) -> list[float]:
    """When each of the operator's writes whose path ends so reached the proxy, oldest first."""
    return [
        seconds_of(item.started)
        for item in requests
        if item.caller == CALLER and item.method == "POST" and item.path.endswith(path_end)
    ]


def cycle_cost(requests: Sequence[PdRequest], answer_bytes: float) -> Cost:
    """The cost of one cycle, from requests and bytes of a span that began and ended between two.

    Raises:
        SandboxError: there was no cycle in the span.
    """
    ours = [item for item in requests if item.caller == CALLER]
    cycles = sum(1 for item in ours if item.path == ONCE_A_CYCLE)
    if cycles == 0:
        raise SandboxError("The operator ran no detection cycle while it was watched.")
    return Cost(calls=len(ours) / cycles, answer_bytes=answer_bytes / cycles)
