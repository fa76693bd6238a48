"""What the bench counts in the records of the API server and of PD."""

from dataclasses import replace

import pytest

from sandbox.bench.counting import (
    ONCE_A_CYCLE,
    OPERATOR,
    arrivals,
    cycle_cost,
    idle_writes,
    lifecycle_writes,
    most_writes_before_call,
    seconds_of,
    stored_by_operator,
)
from sandbox.errors import SandboxError
from sandbox.records import ApiRequest, PdRequest

NOON = seconds_of("2026-01-01T12:00:00Z")


def stamp(second: float) -> str:
    """That many seconds after noon, as the API server writes it."""
    return f"2026-01-01T12:00:{second:09.6f}Z"


def write(at: float, **changes: object) -> ApiRequest:
    """A status write of the operator that took 4 ms."""
    told = ApiRequest(
        user=OPERATOR,
        verb="patch",
        group="assent.tikv.org",
        resource="actionproposals",
        subresource="status",
        namespace="tikv",
        name="one",
        code=200,
        dry_run=False,
        uri="/apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals/one/status",
        received=stamp(at),
        finished=stamp(at + 0.004),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def request(path: str, at: float = 0.0, **changes: object) -> PdRequest:
    """A read by the operator."""
    told = PdRequest(
        member="pd-0",
        time=stamp(at),
        method="GET",
        path=path,
        body="",
        status=200,
        pd_status=200,
        redirector="assent",
        caller="assent",
        started=stamp(at),
        finished=stamp(at + 0.001),
        fault="",
    )
    return replace(told, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "after_noon"),
    [
        pytest.param("2026-01-01T12:00:00Z", 0.0, id="whole seconds"),
        pytest.param("2026-01-01T12:00:00.5Z", 0.5, id="one digit"),
        pytest.param("2026-01-01T12:00:00.123456Z", 0.123456, id="the API server's six digits"),
        pytest.param("2026-01-01T12:00:00.123456789Z", 0.123456789, id="Go's nine digits"),
        pytest.param("2026-01-01T13:00:00.25+01:00", 0.25, id="Go's local time zone"),
        pytest.param("2026-01-01T12:00:00.100000000+00:00", 0.1, id="an offset of nothing"),
    ],
)
def test_times_of_both_servers_are_read_as_they_write_them(text: str, after_noon: float) -> None:
    """The two clocks are one only if no digit and no zone is lost on the way."""
    assert seconds_of(text) - NOON == pytest.approx(after_noon, abs=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"user": "alice"}, id="somebody else's"),
        pytest.param({"verb": "get"}, id="a read"),
        pytest.param({"code": 409}, id="refused as a conflict"),
        pytest.param({"dry_run": True}, id="a dry-run stores nothing"),
    ],
)
def test_only_what_the_operator_stored_counts(changes: dict[str, object]) -> None:
    """The promise is about persisted writes of the operator."""
    assert stored_by_operator([write(1, **changes)]) == []
    assert stored_by_operator([write(1)]) != []


def test_writes_before_the_call_are_those_inside_the_span() -> None:
    """From the approval sent to the call received; what ends after the call came not before it."""
    span = (NOON + 1.0, NOON + 1.020)
    requests = [
        write(0.5),  # the assessment, before
        write(1.005),  # the intent
        write(1.018),  # ends at 1.022, after the call was there
        write(1.500),  # the outcome
    ]
    assert most_writes_before_call(requests, [span]) == 1


def test_of_several_spans_the_worst_counts() -> None:
    """One sample with two writes must show, however many had one."""
    requests = [write(1.001), write(2.001), write(2.006)]
    spans = [(NOON + 1, NOON + 1.1), (NOON + 2, NOON + 2.1)]
    assert most_writes_before_call(requests, spans) == 2


@pytest.mark.parametrize("resource", ["leases", "events"])
def test_lease_and_events_do_not_stand_between_approval_and_call(resource: str) -> None:
    """Nobody waits for them."""
    requests = [write(1.001), write(1.002, resource=resource)]
    assert most_writes_before_call(requests, [(NOON + 1, NOON + 1.1)]) == 1


def test_no_samples_no_writes() -> None:
    """Nothing measured is 0, and the table then says that the target is missed."""
    assert most_writes_before_call([write(1)], []) == 0


def test_a_lifecycle_counts_both_kinds_of_one_namespace_from_its_beginning() -> None:
    """ActionProposal and TiKVCluster; Events, other namespaces and the past do not count."""
    requests = [
        write(1),
        write(5, verb="create", subresource=""),
        write(6),
        write(7, resource="tikvclusters"),
        write(8, resource="events", verb="create"),
        write(9, namespace="other"),
    ]
    assert lifecycle_writes(requests, "tikv", NOON + 4) == 3


def test_an_idle_minute_counts_everything_but_the_lease() -> None:
    """An Event posted again and again is a write, too."""
    requests = [
        write(1, resource="leases"),
        write(2, resource="events", verb="create"),
        write(3, resource="tikvclusters"),
    ]
    assert idle_writes(requests, NOON, NOON + 60) == 2


def test_an_idle_span_has_ends() -> None:
    """What was before, and what comes with the first sample, is not idle."""
    assert idle_writes([write(1), write(30)], NOON + 2, NOON + 30) == 0


def test_arrivals_are_the_operators_writes_to_that_path() -> None:
    """Reads, other people's writes and other calls are not the samples' calls."""
    path = "/pd/api/v1/store/1/limit"
    requests = [
        request(path, 1, method="POST"),
        request("/pd/api/v1/stores/limit", 2),
        request(path, 3, method="POST", caller=""),
        request("/pd/api/v1/schedulers", 4, method="POST"),
        request("/pd/api/v1/store/2/limit", 5, method="POST"),
    ]
    assert arrivals(requests, "/limit") == [NOON + 1, NOON + 5]


def test_the_cost_of_a_cycle_is_an_average_over_whole_cycles() -> None:
    """Whoever else reads PD meanwhile does not count."""
    requests = [
        request(ONCE_A_CYCLE, 1),
        request("/pd/api/v1/stores", 1),
        request("/pd/api/v1/stores", 2, caller="pd-ctl"),
        request(ONCE_A_CYCLE, 3),
        request("/pd/api/v1/stores", 3),
    ]
    cost = cycle_cost(requests, 3000.0)
    assert (cost.calls, cost.answer_bytes) == (2.0, 1500.0)


def test_a_span_without_a_cycle_has_no_cost() -> None:
    """0 calls would look like the best operator there is."""
    with pytest.raises(SandboxError):
        cycle_cost([request(ONCE_A_CYCLE, caller="pd-ctl")], 0.0)
