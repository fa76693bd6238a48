"""Status is written over exactly what was read, by the leader, and by nobody else."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from assent.api.v1alpha1.base import Condition
from assent.api.v1alpha1.tikvcluster import TiKVClusterStatus
from assent.errors import LeadershipLost
from assent.kube.errors import Conflict, Fenced, NotFound
from assent.kube.resources import KINDS, Raw
from assent.kube.status import StatusWriter
from sandbox import Sandbox
from sandbox.library import KubectlError
from tests.integration.kube.conftest import LeaseObject, NewReplica, Replica, cluster_manifest

PATIENCE_SECONDS = 30.0
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WATCHING = TiKVClusterStatus(
    state="Watching",
    message="PD answers",
    cluster_id="7",
    conditions=[
        Condition(type="Ready", status="True", reason="Watching", last_transition_time=AT),
        Condition(type="Stalled", status="False", reason="Watching", last_transition_time=AT),
    ],
)


class Case:
    """A TiKVCluster, and a writer whose pod holds the Lease in term 3."""

    def __init__(self, replica: Replica, namespace: str) -> None:
        self.kube = replica.kube
        self.metrics = replica.metrics
        self.epoch = 3
        self.writer = StatusWriter(replica.kube, current_epoch=lambda: self.epoch)
        self.namespace = namespace

    async def read(self) -> Raw:
        """Return the object as it is now."""
        return await self.kube.get(KINDS.cluster, self.namespace, "demo")

    def patches(self) -> float:
        """Return how many patches its client has sent."""
        samples = [one for metric in self.metrics.registry.collect() for one in metric.samples]
        return sum(
            one.value
            for one in samples
            if one.name == "assent_kube_calls_total" and one.labels["verb"] == "patch"
        )

    async def write(self, raw: Raw, status: TiKVClusterStatus) -> Raw:
        """Write, trying again while the fence has not seen the holder yet."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with suppress(Fenced):
                    return await self.writer.write(KINDS.cluster, raw, status)
                await asyncio.sleep(0.02)


@pytest.fixture
async def case(box: Sandbox, namespace: str, new_replica: NewReplica, lease: LeaseObject) -> Case:
    """See ``Case``."""
    box.apply(cluster_manifest(namespace))
    replica = await new_replica()
    lease.give_to(replica.settings.pod_name, transitions=3)
    return Case(replica, namespace)


async def test_a_status_is_stored_with_the_epoch_of_its_writer(case: Case) -> None:
    """The epoch is what the API server refuses a deposed leader by."""
    stored = await case.write(await case.read(), WATCHING)
    assert stored["status"]["epoch"] == 3
    assert stored["status"]["state"] == "Watching"
    assert stored == await case.read()


async def test_what_the_new_status_lacks_is_removed(case: Case) -> None:
    """A merge patch keeps what it does not name; a status must be exactly what was decided."""
    first = await case.write(await case.read(), WATCHING)
    assert WATCHING.conditions is not None
    less = TiKVClusterStatus(state="PDUnreachable", conditions=[WATCHING.conditions[1]])
    second = await case.write(first, less)
    assert second["status"] == {
        "state": "PDUnreachable",
        "epoch": 3,
        "conditions": [less.wire()["conditions"][0]],
    }


async def test_a_change_between_read_and_write_is_a_conflict_and_nothing_is_stored(
    case: Case, box: Sandbox
) -> None:
    """Deciding anew is the caller's; writing over somebody's change would be ours."""
    raw = await case.write(await case.read(), WATCHING)
    box.kubectl("label", "tikvcluster", "-n", case.namespace, "demo", "seen=later")
    with pytest.raises(Conflict):
        await case.writer.write(KINDS.cluster, raw, TiKVClusterStatus(state="Suspended"))
    assert (await case.read())["status"]["state"] == "Watching"


async def test_an_object_made_anew_under_the_same_name_is_not_written(
    case: Case, box: Sandbox
) -> None:
    """A decision about the deleted object must not reach its namesake."""
    raw = await case.read()
    # A young API server refuses this until it knows the kind of a policy's parameter.
    box.wait_for(lambda: _deleted(box, case.namespace), 40, "the deletion")
    with pytest.raises(NotFound):
        await case.write(raw, WATCHING)
    box.apply(cluster_manifest(case.namespace))
    with pytest.raises(Conflict):
        await case.write(raw, WATCHING)
    assert (await case.read())["status"] == {"observedGeneration": -1}, "as the schema makes it"


async def test_the_same_status_sends_nothing(case: Case) -> None:
    """An idle operator writes nothing, a new leader included."""
    raw = await case.write(await case.read(), WATCHING)
    patches = case.patches()
    case.epoch = 4
    assert await case.writer.write(KINDS.cluster, raw, WATCHING) is raw
    assert case.patches() == patches > 0
    assert await case.read() == raw


async def test_a_deposed_leader_is_stopped_by_what_it_read(case: Case) -> None:
    """Term 3 sees that term 4 has written, and sends nothing."""
    case.epoch = 4
    raw = await case.write(await case.read(), WATCHING)
    case.epoch = 3
    with pytest.raises(LeadershipLost):
        await case.writer.write(KINDS.cluster, raw, TiKVClusterStatus(state="Suspended"))


async def test_a_deposed_leader_that_lies_about_what_it_read_is_stopped_by_the_api_server(
    case: Case,
) -> None:
    """The CRD's root rule refuses a lower epoch, and the refusal says: leadership lost."""
    case.epoch = 4
    await case.write(await case.read(), WATCHING)
    for status in ({"epoch": 3, "state": "Suspended"}, None):
        with pytest.raises(LeadershipLost, match="stale epoch"):
            await case.kube.patch(
                KINDS.cluster, case.namespace, "demo", {"status": status}, subresource="status"
            )


async def test_a_pod_that_does_not_hold_the_lease_is_fenced(
    case: Case, new_replica: NewReplica
) -> None:
    """Same service account, same rights, other pod: the leader fence tells them apart."""
    raw = await case.write(await case.read(), WATCHING)
    other = StatusWriter((await new_replica()).kube, current_epoch=lambda: 4)
    with pytest.raises(Fenced, match="Lease"):
        await other.write(KINDS.cluster, raw, TiKVClusterStatus(state="Suspended"))
    assert (await case.read())["status"]["state"] == "Watching"


async def test_without_the_lease_everybody_is_fenced(case: Case, lease: LeaseObject) -> None:
    """The policy has no parameter then; the error must say so, not "invalid content"."""
    raw = await case.write(await case.read(), WATCHING)
    lease.delete()
    said: Any = None
    async with asyncio.timeout(PATIENCE_SECONDS):  # the API server reads the Lease from a cache
        while said is None:
            try:
                raw = await case.writer.write(
                    KINDS.cluster, raw, TiKVClusterStatus(state=f"S{raw['metadata']['generation']}")
                )
                raw = await case.writer.write(KINDS.cluster, raw, WATCHING)
            except Fenced as error:
                said = error
    assert isinstance(said, Fenced)


def _deleted(box: Sandbox, namespace: str) -> bool:
    try:
        box.kubectl("delete", "tikvcluster", "-n", namespace, "demo")
    except KubectlError:
        return False
    return True
