"""Which regions PD is asked about when proposals name more than one snapshot reads."""

from datetime import timedelta
from typing import Any

import pytest

from assent.api import meta
from assent.controllers.clusters import wanted_by, wanted_of
from assent.controllers.proposals import why_unread
from assent.controllers.watcher import MAX_REGIONS_READ, NOTHING_SEEN, Look
from assent.controllers.world import World
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster
from assent.kube.resources import KINDS, parse_proposal
from tests.support.snapshots import NOW, snapshot

CLUSTER: dict[str, Any] = {
    "metadata": {
        "name": "prod",
        "namespace": "tikv",
        "uid": "c",
        "resourceVersion": "1",
        "creationTimestamp": NOW.isoformat(),
    },
    "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
}


def filed(number: int, region: int, *, phase: str = "Pending", **labels: str) -> dict[str, Any]:
    """A TransferLeader proposal, the higher its number the younger."""
    return {
        "metadata": {
            "name": f"p{number}",
            "namespace": "tikv",
            "uid": f"u{number:04}",
            "resourceVersion": str(number + 10),
            "creationTimestamp": (NOW + timedelta(seconds=number)).isoformat(),
            "labels": labels,
        },
        "spec": {
            "clusterRef": {"name": "prod"},
            "proposedBy": "sam",
            "action": {
                "type": "TransferLeader",
                "transferLeader": {"regionId": region, "toStoreId": 2},
            },
        },
        "status": {"phase": phase},
    }


def world_of(*proposals: dict[str, Any]) -> tuple[World, Cluster]:
    world = World(lambda _: None, lambda key, error: pytest.fail(f"{key}: {error}"))
    world.observe(KINDS.cluster, CLUSTER)
    for raw in proposals:
        world.observe(KINDS.proposal, raw)
    cluster = world.cluster("tikv/prod")
    assert cluster is not None
    return world, cluster


def flood(count: int = MAX_REGIONS_READ) -> list[dict[str, Any]]:
    """Proposals with low region ids, as somebody may file them to push others out."""
    return [filed(number, region=number + 1) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, MAX_REGIONS_READ])
def test_every_region_is_asked_for_while_they_fit(count: int) -> None:
    """The bound changes nothing for a cluster with few proposals."""
    world, cluster = world_of(*flood(count))
    assert wanted_of(world, cluster).region_ids == frozenset(range(1, count + 1))


def test_a_later_proposal_never_takes_the_place_of_an_earlier_one() -> None:
    """Whatever the ids: the earliest filed are looked at."""
    first = filed(0, region=10_000)
    world, cluster = world_of(
        first, *(filed(number, region=number) for number in range(1, MAX_REGIONS_READ + 5))
    )
    asked = wanted_of(world, cluster).region_ids
    assert len(asked) == MAX_REGIONS_READ
    assert 10_000 in asked


@pytest.mark.parametrize(
    ("phase", "labels"),
    [
        pytest.param("Executing", {}, id="in flight: its effect must be seen"),
        pytest.param("Approved", {}, id="people agreed to it already"),
        pytest.param("Pending", {meta.LABEL_INCIDENT: "abc"}, id="detection's own"),
    ],
)
def test_what_matters_more_goes_before_a_flood(phase: str, labels: dict[str, str]) -> None:
    """Filing proposals needs no right to approve; it must not push out what others rely on."""
    late = filed(900, region=10_000, phase=phase, **labels)
    world, cluster = world_of(*flood(), late)
    assert 10_000 in wanted_of(world, cluster).region_ids


def test_a_region_nobody_asked_for_is_no_region_that_pd_does_not_know() -> None:
    """It once ended honest proposals as Failed: `PD knows no region 261`."""
    late = parse_proposal(filed(900, region=10_000))
    look = Look(snapshot(), Wanted(frozenset({1, 2})), None, (), NOW)
    said = why_unread(late, look)
    assert said is not None
    assert "64 regions" in said


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (NOTHING_SEEN, "without a snapshot another sentence says why"),
        (
            Look(snapshot(), wanted_by(parse_proposal(filed(1, region=10_000))), None, (), NOW),
            "it was asked for",
        ),
    ],
)
def test_nothing_is_said_where_the_look_covers_the_proposal(look: Look, why: str) -> None:
    """The hold is for the overflow alone."""
    assert why_unread(parse_proposal(filed(1, region=10_000)), look) is None, why


def test_names_that_detection_did_not_file_are_told_apart() -> None:
    """Only these may be skipped when the next round is named."""
    world, _ = world_of(filed(1, 1), filed(2, 2, **{meta.LABEL_INCIDENT: "abc"}))
    assert world.names_without_incident("tikv") == frozenset({"p1"})
    assert world.names_without_incident("other") == frozenset()
