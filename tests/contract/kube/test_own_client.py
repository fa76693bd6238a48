"""Our thin client beside Kubernetes' own (the package `kubernetes`), on the real API server.

The generated client is too slow and too large for the operator (docs/adr/0012), and right about
paths, content types and answers. What ours says must be what that one says.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client as generated
from kubernetes.config import new_client_from_config

from assent.kube.errors import NotFound
from assent.kube.resources import KINDS, ROUTES
from sandbox import Sandbox
from tests.contract.kube.conftest import Place
from tests.contract.kube.test_kube import body, say

pytestmark = pytest.mark.parametrize(
    "place",
    [pytest.param("real", marks=pytest.mark.xdist_group("real-kube"))],
    indirect=True,
)
ROUTE = ROUTES[KINDS.proposal]
WHERE: dict[str, Any] = {"group": ROUTE.group, "version": ROUTE.version, "plural": ROUTE.plural}


@pytest.fixture
def theirs(box: Sandbox) -> Iterator[generated.CustomObjectsApi]:
    """The generated client, as the administrator."""
    file = str(box.kubeconfig)
    with new_client_from_config(config_file=file) as api:  # type: ignore[no-untyped-call]
        yield generated.CustomObjectsApi(api)


async def seen_by(theirs: generated.CustomObjectsApi, place: Place, name: str) -> dict[str, Any]:
    """The object as the generated client reads it."""
    found = await asyncio.to_thread(
        theirs.get_namespaced_custom_object, namespace=place.namespace, name=name, **WHERE
    )
    assert isinstance(found, dict)
    return found


async def test_what_ours_wrote_theirs_reads(
    place: Place, theirs: generated.CustomObjectsApi
) -> None:
    """Created, its status patched, read and listed: the same object to the last field."""
    made = await place.kube.create(KINDS.proposal, place.namespace, body())
    assert await seen_by(theirs, place, "p1") == made
    stored = await say(place.kube, made, "one – with a dash, and 100 %")
    found = await seen_by(theirs, place, "p1")
    assert found == stored == await place.kube.get(KINDS.proposal, place.namespace, "p1")
    listed = await asyncio.to_thread(
        theirs.list_namespaced_custom_object, namespace=place.namespace, **WHERE
    )
    assert isinstance(listed, dict)
    assert listed["items"] == await place.kube.list(KINDS.proposal, place.namespace) == [found]


async def test_what_is_not_there_is_404_to_both(
    place: Place, theirs: generated.CustomObjectsApi
) -> None:
    """Our NotFound is their 404: the object is missing, not the path wrong."""
    with pytest.raises(generated.ApiException) as missing:
        await seen_by(theirs, place, "nobody")
    assert (missing.value.status, missing.value.reason) == (404, "Not Found")
    with pytest.raises(NotFound):
        await place.kube.get(KINDS.proposal, place.namespace, "nobody")


async def test_the_lease_is_the_one_that_client_go_writes(
    place: Place, theirs: generated.CustomObjectsApi
) -> None:
    """Its spec reads as the typed model of the generated client, field by field."""
    leases = generated.CoordinationV1Api(theirs.api_client)
    raw = await place.kube.get(KINDS.lease, "assent-system", "assent")
    typed = await asyncio.to_thread(leases.read_namespaced_lease, "assent", "assent-system")
    assert theirs.api_client.sanitize_for_serialization(typed.spec) == raw["spec"]
