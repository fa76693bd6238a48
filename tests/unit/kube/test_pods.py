"""What a Pod object proves about the process that once wrote an intent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assent.kube.errors import Forbidden
from assent.kube.pods import container_ended, shows_container_ended
from tests.support.rough_server import Visit, rough_server
from tests.unit.kube.conftest import NewClient

WROTE = datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)
ENDED = {"terminated": {"exitCode": 137}}


def running(*, later_by_seconds: int) -> dict[str, Any]:
    """Return a state whose process started that long after the intent was written."""
    started = (WROTE + timedelta(seconds=later_by_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"running": {"startedAt": started}}


@pytest.mark.parametrize(
    ("state", "before", "phase", "ended", "why"),
    [
        (ENDED, {}, "Failed", True, "it ended and is not started again"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, ENDED, "Running", True, "nothing runs now"),
        ({"waiting": {"reason": "ContainerCreating"}}, {}, "Pending", False, "it never ran yet"),
        (running(later_by_seconds=-60), {}, "Running", False, "the very process runs"),
        (running(later_by_seconds=-60), ENDED, "Running", False, "the restart was before"),
        (running(later_by_seconds=2), ENDED, "Running", True, "restarted after the intent"),
        (running(later_by_seconds=0), ENDED, "Running", False, "within one second: not proven"),
        (running(later_by_seconds=2), {}, "Running", False, "no end of an earlier one is shown"),
        ({}, {}, "Unknown", False, "nothing is told"),
    ],
)
def test_only_what_is_shown_counts_as_proof(
    state: dict[str, Any], before: dict[str, Any], phase: str, *, ended: bool, why: str
) -> None:
    """A wrong "gone" would let a call be sent twice; a wrong "not proven" asks a person."""
    container = {"name": "operator", "state": state, "lastState": before}
    pod = {"status": {"phase": phase, "containerStatuses": [container]}}
    assert shows_container_ended(pod, wrote_at=WROTE) is ended, why


@pytest.mark.parametrize(
    ("made_later_by_seconds", "ended", "why"),
    [
        (-60, True, "the pod that wrote it"),
        (0, True, "creation is cut to whole seconds: it was there when the intent was written"),
        (3, False, "another pod of that name says nothing of the one that wrote"),
    ],
)
def test_a_namesake_made_after_the_intent_proves_nothing(
    made_later_by_seconds: int, *, ended: bool, why: str
) -> None:
    """Whoever forces a deletion may leave the process running and the name free."""
    created = (WROTE + timedelta(seconds=made_later_by_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    pod = {
        "metadata": {"creationTimestamp": created},
        "status": {"containerStatuses": [{"name": "operator", "state": ENDED}]},
    }
    assert shows_container_ended(pod, wrote_at=WROTE) is ended, why


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param({}, id="no status"),
        pytest.param({"status": {"phase": "Failed"}}, id="a lost node fails its pods too"),
        pytest.param({"status": {"containerStatuses": []}}, id="no container told of"),
        pytest.param(
            {"status": {"containerStatuses": [{"name": "sidecar", "state": ENDED}]}},
            id="only a sidecar ended",
        ),
        pytest.param(
            {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}, id="only being deleted"
        ),
    ],
)
def test_everything_else_proves_nothing(pod: dict[str, Any]) -> None:
    """The process may live on where the API server cannot see it."""
    assert not shows_container_ended(pod)


def test_a_restart_proves_nothing_without_the_instant_of_the_intent() -> None:
    """The process that runs may be the one that wrote."""
    container = {"name": "operator", "state": running(later_by_seconds=9), "lastState": ENDED}
    assert not shows_container_ended({"status": {"containerStatuses": [container]}})


async def test_a_pod_that_is_gone_is_no_proof(new_client: NewClient) -> None:
    """A forced deletion removes the object and leaves the process on a cut-off node."""

    async def answer(visit: Visit) -> None:
        await visit.json(404, b"{}")

    async with rough_server(answer) as server:
        assert not await container_ended(new_client(server.url), "ns", "pod", wrote_at=WROTE)


async def test_a_pod_that_may_not_be_read_is_an_error(new_client: NewClient) -> None:
    """Nothing is known, and that is not the same as "runs"."""

    async def answer(visit: Visit) -> None:
        await visit.json(403, b"{}")

    async with rough_server(answer) as server:
        with pytest.raises(Forbidden):
            await container_ended(new_client(server.url), "ns", "pod")
