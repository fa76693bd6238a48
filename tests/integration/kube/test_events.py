"""Events reach people, repeats are counted, and a failure never reaches the caller."""

from datetime import UTC, datetime

from assent.core.lifecycle.decision import Notice
from assent.kube.events import EventPoster
from assent.kube.resources import KINDS, Raw
from sandbox import Sandbox
from tests.integration.kube.conftest import NewReplica, Replica, cluster_manifest

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def poster_of(replica: Replica) -> EventPoster:
    """Return a poster with a standing clock."""
    return EventPoster(
        replica.kube,
        reporter=replica.settings.pod_name,
        now=lambda: AT,
        metrics=replica.metrics,
    )


def outcome(replica: Replica, name: str) -> float:
    """Return how often an Event came to that outcome."""
    value = replica.metrics.registry.get_sample_value("assent_events_total", {"outcome": name})
    return value or 0.0


async def test_an_event_is_posted_about_the_object_and_repeats_are_counted(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """Two objects of the same Event would bury the others in `kubectl describe`."""
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    raw = await replica.kube.get(KINDS.cluster, namespace, "demo")
    poster = poster_of(replica)
    for message in ("PD does not answer", "PD does not answer", "other"):
        poster.post(KINDS.cluster, raw, Notice("PDUnreachable", message, warning=True))
    await poster.aclose(within_seconds=60)
    events = box.get("events", "-n", namespace)["items"]
    counts = {event["message"]: event["count"] for event in events}
    assert counts == {"PD does not answer": 2, "other": 1}
    assert {event["involvedObject"]["uid"] for event in events} == {raw["metadata"]["uid"]}
    assert {event["type"] for event in events} == {"Warning"}
    assert "PD does not answer" in box.kubectl("describe", "tikvcluster", "-n", namespace, "demo")
    assert (outcome(replica, "posted"), outcome(replica, "repeated")) == (2, 1)


async def test_an_event_that_people_deleted_is_posted_anew(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """The API server forgets Events after an hour; a count on nothing would be lost."""
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    raw = await replica.kube.get(KINDS.cluster, namespace, "demo")
    poster = poster_of(replica)
    poster.post(KINDS.cluster, raw, Notice("Done", "done"))
    await poster.aclose(within_seconds=60)
    box.kubectl("delete", "events", "-n", namespace, "--all")
    poster.post(KINDS.cluster, raw, Notice("Done", "done"))
    await poster.aclose(within_seconds=60)
    assert [item["count"] for item in box.get("events", "-n", namespace)["items"]] == [1]


async def test_a_restarted_poster_goes_on_counting(
    new_replica: NewReplica, box: Sandbox, namespace: str
) -> None:
    """A container that starts again in its pod meets the Event it posted before."""
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    raw = await replica.kube.get(KINDS.cluster, namespace, "demo")
    for _ in range(2):
        poster = poster_of(replica)
        poster.post(KINDS.cluster, raw, Notice("Done", "done"))
        await poster.aclose(within_seconds=60)
    assert [item["count"] for item in box.get("events", "-n", namespace)["items"]] == [2]


async def test_an_event_that_cannot_be_posted_is_counted_and_nothing_raises(
    new_replica: NewReplica, namespace: str
) -> None:
    """Events are beside the work: their loss must not touch it."""
    replica = await new_replica()
    raw: Raw = {
        "metadata": {
            "name": "x",
            "namespace": f"{namespace}-that-does-not-exist",
            "uid": "1",
            "resourceVersion": "1",
        }
    }
    poster = poster_of(replica)
    poster.post(KINDS.cluster, raw, Notice("Done", "done"))
    await poster.aclose(within_seconds=60)
    assert outcome(replica, "failed") == 1
