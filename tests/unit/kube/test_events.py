"""Events as they are posted."""

import asyncio
from datetime import UTC, datetime

import pytest

from assent.core.lifecycle.decision import Notice
from assent.kube import events
from assent.kube.events import MESSAGE_LIMIT, QUEUE_LIMIT, EventPoster, event_body, event_key
from assent.kube.resources import KINDS, Raw
from assent.observability.metrics import Metrics
from tests.support.rough_server import Visit, rough_server
from tests.unit.kube.conftest import NewClient

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PROPOSAL: Raw = {
    "metadata": {"name": "p", "namespace": "tikv", "uid": "u-1", "resourceVersion": "9"}
}
HALT: Raw = {"metadata": {"name": "h", "uid": "u-2", "resourceVersion": "9"}}


def test_an_event_stands_in_the_namespace_of_its_object() -> None:
    """The API server refuses any other."""
    body = event_body(KINDS.proposal, PROPOSAL, Notice("Done", "done"), at=AT, reporter="pod")
    assert body["metadata"]["namespace"] == "tikv"
    assert body["involvedObject"]["uid"] == "u-1"
    assert (body["type"], body["reason"], body["message"]) == ("Normal", "Done", "done")
    assert body["firstTimestamp"] == "2026-01-02T03:04:05Z"


def test_an_event_about_a_cluster_scoped_object_stands_in_default() -> None:
    """That is where kubectl describe looks for it."""
    body = event_body(KINDS.halt, HALT, Notice("Halted", "x", warning=True), at=AT, reporter="pod")
    assert body["metadata"]["namespace"] == "default"
    assert body["involvedObject"]["namespace"] == ""
    assert body["type"] == "Warning"


def test_a_long_message_is_cut_at_the_servers_limit_in_whole_characters() -> None:
    """A refused Event tells nobody anything."""
    notice = Notice("Done", "ü" * 2000)
    body = event_body(KINDS.proposal, PROPOSAL, notice, at=AT, reporter="pod")
    assert len(body["message"].encode()) <= MESSAGE_LIMIT
    assert body["message"].endswith("…")


def test_the_key_tells_object_reason_message_and_reporter_apart() -> None:
    """Same of all four is a repeat, anything else a new Event."""
    keys = {
        event_key("u-1", Notice("A", "m"), "pod"),
        event_key("u-2", Notice("A", "m"), "pod"),
        event_key("u-1", Notice("B", "m"), "pod"),
        event_key("u-1", Notice("A", "n"), "pod"),
        event_key("u-1", Notice("A", "m"), "dop"),
        event_key("u-1", Notice("A", "m", warning=True), "pod"),
    }
    assert len(keys) == 5


async def test_a_flood_is_dropped_and_counted_never_waited_for(new_client: NewClient) -> None:
    """A slow API server must not make the operator hold thousands of Events, or wait."""
    answered = asyncio.Event()

    async def answer(visit: Visit) -> None:
        await answered.wait()
        await visit.json(201, b"{}")

    metrics = Metrics()
    async with rough_server(answer) as server:
        poster = EventPoster(
            new_client(server.url), reporter="pod", now=lambda: AT, metrics=metrics
        )
        for number in range(QUEUE_LIMIT + 50):
            poster.post(KINDS.proposal, PROPOSAL, Notice("Done", str(number)))
        answered.set()
        await poster.aclose(within_seconds=20)

    def count(outcome: str) -> float:
        labels = {"outcome": outcome}
        return metrics.registry.get_sample_value("assent_events_total", labels) or 0

    assert count("dropped") == 50
    assert count("posted") == QUEUE_LIMIT


async def test_closing_does_not_wait_for_ever(new_client: NewClient) -> None:
    """A process that ends has a lease to release."""

    async def silent(_: Visit) -> None:
        await asyncio.Event().wait()

    async with rough_server(silent) as server:
        poster = EventPoster(
            new_client(server.url), reporter="pod", now=lambda: AT, metrics=Metrics()
        )
        poster.post(KINDS.proposal, PROPOSAL, Notice("Done", "x"))
        async with asyncio.timeout(30):
            await poster.aclose(within_seconds=0.05)


async def test_a_notice_gives_way_to_the_reads_that_follow_it(
    new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim is told of and then acted on: the reads before the call must not wait for a post."""
    assert events.GIVE_WAY_SECONDS > 0
    monkeypatch.setattr(events, "GIVE_WAY_SECONDS", 60.0)  # a busy machine reads slowly
    seen: list[str] = []

    async def answer(visit: Visit) -> None:
        method = visit.head.split()[0].decode()
        seen.append(method)
        await visit.json(201 if method == "POST" else 200, b"{}")

    async with rough_server(answer) as server:
        client = new_client(server.url)
        poster = EventPoster(client, reporter="pod", now=lambda: AT, metrics=Metrics())
        poster.post(KINDS.proposal, PROPOSAL, Notice("Executing", "x"))
        await client.get(KINDS.proposal, "tikv", "one")
        assert seen == ["GET"]
        await poster.aclose(within_seconds=20)
    assert seen == ["GET", "POST"], "what waited is posted when the process ends"
