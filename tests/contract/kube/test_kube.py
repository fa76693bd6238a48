"""What the shell's tests believe of the API server, believed by the real one too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from assent.kube.client import KubeClient
from assent.kube.errors import AlreadyExists, Conflict, Fenced, NotFound
from assent.kube.resources import KINDS, Raw
from tests.contract.kube.conftest import Place
from tests.support.proposals import OPERATOR

T = TypeVar("T")


def body(name: str = "p1") -> dict[str, Any]:
    """A proposal as the operator files it."""
    return {
        "apiVersion": KINDS.api_version,
        "kind": KINDS.proposal,
        "metadata": {"name": name, "labels": {"assent.tikv.org/cluster": "demo"}},
        "spec": {
            "clusterRef": {"name": "demo"},
            "proposedBy": OPERATOR,
            "action": {"type": "EvictLeaders", "evictLeaders": {"storeId": 4}},
            "dryRun": False,
        },
    }


async def patiently(write: Callable[[], Awaitable[T]]) -> T:
    """Return what the write returns, once the fence has heard of the new holder."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await write()
            except Fenced as refusal:
                await asyncio.sleep(refusal.after_seconds)


async def say(kube: KubeClient, over: Raw, message: str | None, **metadata: str) -> Raw:
    """Write one status over that very object."""
    found = over["metadata"]
    versions = {"resourceVersion": found["resourceVersion"], "uid": found["uid"], **metadata}
    patch = {"metadata": versions, "status": {"phase": "Pending", "message": message}}
    name, namespace = found["name"], found["namespace"]
    return await patiently(
        lambda: kube.patch(KINDS.proposal, namespace, name, patch, subresource="status")
    )


@pytest.mark.smoke
async def test_what_is_created_is_there(place: Place) -> None:
    """With an identity, a version that is a number, and the first generation."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    assert made["metadata"]["uid"]
    assert int(made["metadata"]["resourceVersion"]) > 0
    assert made["metadata"]["generation"] == 1
    found = await place.kube.get(KINDS.proposal, place.namespace, "p1")
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    assert found["spec"] == made["spec"]
    (listed,) = await place.kube.list(KINDS.proposal, place.namespace)
    assert (listed["kind"], listed["metadata"]["name"]) == (KINDS.proposal, "p1")


async def test_a_name_is_taken_once(place: Place) -> None:
    """The deterministic name of an incident is a lock."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    with pytest.raises(AlreadyExists):
        await place.kube.create(KINDS.proposal, place.namespace, body())
    found = await place.kube.get(KINDS.proposal, place.namespace, "p1")
    assert found["metadata"]["uid"] == made["metadata"]["uid"]


async def test_what_is_not_there_is_not_found(place: Place) -> None:
    """For reads and for writes."""
    with pytest.raises(NotFound):
        await place.kube.get(KINDS.proposal, place.namespace, "nobody")
    patch = {"status": {"phase": "Pending"}}
    with pytest.raises(NotFound):
        await place.kube.patch(
            KINDS.proposal, place.namespace, "nobody", patch, subresource="status"
        )


async def test_a_dry_run_creates_nothing(place: Place) -> None:
    """The gate is tested by forgeries that must leave no trace."""
    await place.kube.create(KINDS.proposal, place.namespace, body(), dry_run=True)
    assert await place.kube.list(KINDS.proposal, place.namespace) == []


async def test_a_status_is_swapped_and_nothing_else_moves(place: Place) -> None:
    """A new version; the same spec, the same generation."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    stored = await say(place.kube, made, "one")
    assert stored["status"]["message"] == "one"
    assert int(stored["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert stored["metadata"]["generation"] == 1
    assert stored["spec"] == made["spec"]


@pytest.mark.smoke
async def test_a_status_over_an_older_version_is_a_conflict(place: Place) -> None:
    """Nothing of it is stored."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    await say(place.kube, made, "one")
    with pytest.raises(Conflict):
        await say(place.kube, made, "two")
    found = await place.kube.get(KINDS.proposal, place.namespace, "p1")
    assert found["status"]["message"] == "one"


async def test_of_a_status_only_the_version_is_compared(place: Place) -> None:
    """A uid in its body is not looked at: an object made anew is told by its version alone, which
    no other object of the kind ever has.
    """
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    stored = await say(place.kube, made, "one", uid="00000000-0000-0000-0000-000000000000")
    assert stored["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(Conflict):
        await say(place.kube, stored, "two", resourceVersion=made["metadata"]["resourceVersion"])


async def test_null_removes_a_field(place: Place) -> None:
    """RFC 7396, in both."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    stored = await say(place.kube, made, "one")
    stored = await say(place.kube, stored, None)
    assert "message" not in stored["status"]
    assert stored["status"]["phase"] == "Pending"


async def test_writing_what_stands_moves_no_version(place: Place) -> None:
    """A patch that changes nothing is no event for anybody."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    stored = await say(place.kube, made, "one")
    again = await say(place.kube, stored, "one")
    assert again["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


async def test_the_status_path_leaves_the_spec_alone(place: Place) -> None:
    """Whatever else the patch says."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    patch = {"spec": {"reason": "sneaked in"}, "status": {"phase": "Pending"}}
    stored = await patiently(
        lambda: place.kube.patch(KINDS.proposal, place.namespace, "p1", patch, subresource="status")
    )
    assert stored["spec"] == made["spec"]
