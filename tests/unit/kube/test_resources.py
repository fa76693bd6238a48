"""Objects of the API server as values; what does not fit is named, never a crash."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.kube.errors import Malformed
from assent.kube.resources import KINDS, ROUTES, Route, name_of, parse

META = {
    "name": "a",
    "namespace": "tikv",
    "uid": "u-1",
    "resourceVersion": "17",
    "generation": 3,
    "creationTimestamp": "2026-01-02T03:04:05Z",
    "labels": {"x": "y"},
    "finalizers": ["f"],
}
PROPOSAL: dict[str, Any] = {
    "metadata": META,
    "spec": {
        "clusterRef": {"name": "demo"},
        "proposedBy": "ann",
        "action": {"type": "EvictLeaders", "evictLeaders": {"storeId": 4}},
    },
}
CLUSTER: dict[str, Any] = {"metadata": META, "spec": {"pd": {"endpoints": ["http://pd:2379"]}}}
HALT: dict[str, Any] = {"metadata": META, "spec": {"reason": "storm"}}


def changed(raw: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy with the value at the dotted path; None removes it."""
    copy = deepcopy(raw)
    *parents, last = path.split(".")
    place = copy
    for name in parents:
        place = place.setdefault(name, {})
    if value is None:
        place.pop(last)
    else:
        place[last] = value
    return copy


def test_a_proposal_comes_out_typed_with_its_metadata() -> None:
    """Everything a decision uses, nothing it does not."""
    found = parse(KINDS.proposal, PROPOSAL)
    assert isinstance(found, Proposal)
    assert found.meta.key == "tikv/a"
    assert found.meta.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (found.meta.generation, found.meta.resource_version) == (3, "17")
    assert found.meta.finalizers == ("f",)
    assert found.spec.action.parameters.wire() == {"storeId": 4}
    assert found.status.phase is None, "no status reads as one without values"


def test_a_cluster_and_a_halt_come_out_typed() -> None:
    """The other two kinds; a halt has no namespace."""
    cluster = parse(KINDS.cluster, CLUSTER)
    assert isinstance(cluster, Cluster)
    assert cluster.spec.dry_run, "defaults hold also where the API server did not fill them in"
    halt = parse(KINDS.halt, changed(HALT, "metadata.namespace", None))
    assert isinstance(halt, HaltOrder)
    assert halt.meta.key == "/a"


def test_fields_of_a_newer_version_are_passed_over() -> None:
    """An older operator must work beside newer objects during an upgrade."""
    newer = changed(changed(PROPOSAL, "spec.future", {"x": 1}), "status.alsoFuture", 1)
    assert parse(KINDS.proposal, newer) == parse(KINDS.proposal, PROPOSAL)


def test_an_object_that_is_going_says_so() -> None:
    """A deletion in progress is a fact decisions use."""
    going = parse(KINDS.cluster, changed(CLUSTER, "metadata.deletionTimestamp", "2026-01-02"))
    assert going.meta.deleting


@pytest.mark.parametrize(
    ("kind", "raw", "field", "why"),
    [
        (KINDS.proposal, {}, "metadata.creationTimestamp", "nothing at all"),
        (KINDS.proposal, changed(PROPOSAL, "metadata.uid", None), "metadata.uid", "no uid"),
        (KINDS.proposal, changed(PROPOSAL, "metadata", "x"), "metadata", "not an object"),
        (KINDS.proposal, changed(PROPOSAL, "metadata.labels", ["x"]), "labels", "a list"),
        (
            KINDS.proposal,
            changed(PROPOSAL, "metadata.creationTimestamp", "yesterday"),
            "metadata.creationTimestamp",
            "no instant",
        ),
        (KINDS.proposal, changed(PROPOSAL, "spec", None), "spec.clusterRef", "no spec"),
        (KINDS.proposal, changed(PROPOSAL, "spec", "x"), "spec", "spec is a text"),
        (
            KINDS.proposal,
            changed(PROPOSAL, "spec.action.type", "Explode"),
            "spec.action.type",
            "an action of a newer version",
        ),
        (
            KINDS.proposal,
            changed(PROPOSAL, "spec.action.evictLeaders.storeId", 0),
            "spec.action.evictLeaders.storeId",
            "out of range, told by its name on the wire",
        ),
        (
            KINDS.proposal,
            changed(PROPOSAL, "spec.approvals", [{"by": "x"}]),
            "spec.approvals[0].decision",
            "an item of a list",
        ),
        (
            KINDS.proposal,
            changed(PROPOSAL, "status.phase", "Dreaming"),
            "status.phase",
            "a phase of a newer version: its decisions are not ours to make",
        ),
        (KINDS.cluster, changed(CLUSTER, "spec.pd", None), "spec.pd", "no PD"),
        (KINDS.halt, changed(HALT, "spec.reason", 7), "spec.reason", "a number"),
    ],
)
def test_what_does_not_fit_is_one_error_that_names_the_field(
    kind: str, raw: dict[str, Any], field: str, why: str
) -> None:
    """One bad object is told about; the others go on."""
    with pytest.raises(Malformed) as caught:
        parse(kind, raw)
    assert caught.value.field == field, why
    assert field in caught.value.message
    assert kind in caught.value.message


def test_several_mistakes_are_counted() -> None:
    """The first is told in full, the others are not hidden."""
    with pytest.raises(Malformed, match=r"and 2 more"):
        parse(KINDS.proposal, changed(PROPOSAL, "spec", {"dryRun": "perhaps", "proposedBy": "a"}))


def test_the_value_that_does_not_fit_is_not_repeated() -> None:
    """What people type into a field may be a secret that went astray."""
    with pytest.raises(Malformed) as caught:
        parse(KINDS.halt, changed(HALT, "spec.reason", ["hunter2"]))
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("route", "arguments", "path"),
    [
        (ROUTES[KINDS.pod], ("ns", "p"), "/api/v1/namespaces/ns/pods/p"),
        (
            ROUTES[KINDS.cluster],
            ("ns", "c", "status"),
            "/apis/assent.tikv.org/v1alpha1/namespaces/ns/tikvclusters/c/status",
        ),
        (ROUTES[KINDS.halt], ("", "h"), "/apis/assent.tikv.org/v1alpha1/halts/h"),
        (ROUTES[KINDS.cluster], (), "/apis/assent.tikv.org/v1alpha1/tikvclusters"),
    ],
)
def test_paths_follow_the_api_conventions(
    route: Route, arguments: tuple[str, ...], path: str
) -> None:
    """Core and named groups, namespaced and not, object and list."""
    assert route.path(*arguments) == path


@pytest.mark.parametrize("raw", [{}, {"metadata": None}, {"metadata": {"name": "a"}}])
def test_an_object_without_identity_can_still_be_spoken_of(raw: dict[str, Any]) -> None:
    """Messages about malformed objects are made from malformed objects."""
    assert name_of(raw).startswith("/")
