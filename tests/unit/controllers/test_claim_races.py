"""Somebody says no at the very moment of the claim: at every point before the call it is heard."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from assent.core.model.instant import instant
from assent.errors import AssentError, Retryable, Terminal
from assent.kube.resources import KINDS
from tests.support.proposals import EVICT_4, NOW
from tests.unit.execution.rig import NS, Rig

STATUS = "/actionproposals/p1/status$"
STORES = "/pd/api/v1/stores"
Deed = Callable[[Rig], None]


def narrowed(**spec: object) -> Deed:
    """Return how the TiKVCluster is changed."""
    return lambda op: void(op.server.edit(KINDS.cluster, NS, "demo", {"spec": spec}))


def void(_: object) -> None:
    """Return nothing."""


def made_anew(op: Rig) -> None:
    """Delete the proposal and file another under its name, with the old decisions."""
    spec = op.server.get(KINDS.proposal, NS, "p1")["spec"]
    op.server.delete(KINDS.proposal, NS, "p1")
    op.server.put(KINDS.proposal, {"metadata": {"name": "p1", "namespace": NS}, "spec": spec})


BY_PEOPLE: dict[str, Deed] = {
    "withdrawn": lambda op: op.say("p1", approvals=[]),
    "rejected": lambda op: op.say("p1", approvals=[{"by": "sre-2", "decision": "Reject"}]),
    "edited": lambda op: op.say("p1", reason="better so", proposedBy="sre-5", approvals=[]),
    "edited with the approvals": lambda op: op.say("p1", reason="better so"),
}
"""The API server refuses these once the claim is stored."""
BRAKES: dict[str, Deed] = {
    "cancelled": lambda op: op.cancel("p1"),
    "halted": lambda op: op.halt(),
    "suspended": narrowed(suspend=True),
    "dry-run": narrowed(dryRun=True),
    "Observe": narrowed(mode="Observe"),
    "a lower ceiling": narrowed(policy={"maxTier": "Low"}),
    "no TiKVCluster": lambda op: op.server.delete(KINDS.cluster, NS, "demo"),
    "deleted": lambda op: op.server.delete(KINDS.proposal, NS, "p1"),
    "made anew": made_anew,
}
ALL = {**BY_PEOPLE, **BRAKES}


async def tried(op: Rig) -> None:
    """Look until the proposal rests, as the queue does."""
    for _ in range(4):
        with suppress(Retryable, Terminal):
            await op.reconcile("p1")
        await op.until_idle("p1")


@pytest.fixture
async def ready(op: Rig) -> Rig:
    """An approved proposal that the next look claims."""
    await op.approved("p1", EVICT_4)
    return op


@pytest.mark.parametrize("deed", ALL.values(), ids=ALL)
async def test_while_pd_is_read(ready: Rig, deed: Deed) -> None:
    """The decision is about what stood before; it must not be stored, nor sent."""
    ready.clock.advance(60)

    def meanwhile(request: httpx.Request) -> httpx.Response:
        ready.pd.answers.clear()
        deed(ready)
        return ready.pd._serve(request, "", leads=True)

    ready.pd.answers[("GET", STORES)] = meanwhile
    await tried(ready)
    assert ready.sent == 0


@pytest.mark.parametrize("deed", ALL.values(), ids=ALL)
async def test_while_the_claim_is_on_its_way(ready: Rig, deed: Deed) -> None:
    """What is about the proposal makes it a conflict; the rest is seen by the last look."""
    ready.server.order("PATCH", STATUS, lambda: deed(ready))
    await tried(ready)
    assert ready.sent == 0


@pytest.mark.parametrize("deed", BRAKES.values(), ids=BRAKES)
async def test_right_after_the_claim_was_stored(ready: Rig, deed: Deed) -> None:
    """The call follows the last look, and the last look follows the claim."""
    ready.server.order("PATCH", STATUS, lambda: deed(ready), after_storing=True)
    await tried(ready)
    assert ready.sent == 0


async def test_more_people_needed_while_pd_is_read(ready: Rig) -> None:
    """Two have agreed, and three are needed from now on."""
    ready.clock.advance(60)

    def meanwhile(request: httpx.Request) -> httpx.Response:
        ready.pd.answers.clear()
        narrowed(policy={"approvalsNeeded": {"medium": 3}})(ready)
        return ready.pd._serve(request, "", leads=True)

    ready.pd.answers[("GET", STORES)] = meanwhile
    await tried(ready)
    assert ready.sent == 0
    assert ready.status("p1")["approvals"]["summary"] == "2/3"
    narrowed(policy={"approvalsNeeded": {"medium": 2}})(ready)
    await tried(ready)
    assert ready.status("p1")["phase"] == "Succeeded"


async def test_its_time_is_over_while_pd_is_read(op: Rig) -> None:
    """Judged by the clock after the reading, not before it."""
    await op.approved("p1", EVICT_4, notAfter=instant(NOW + timedelta(seconds=100)))
    op.clock.advance(60)

    def meanwhile(request: httpx.Request) -> httpx.Response:
        op.pd.answers.clear()
        op.clock.advance(60)
        return op.pd._serve(request, "", leads=True)

    op.pd.answers[("GET", STORES)] = meanwhile
    await tried(op)
    assert op.sent == 0
    assert op.status("p1")["phase"] == "Expired"


async def test_without_any_of_it_the_call_is_sent(ready: Rig) -> None:
    """What these tests try to stop would go."""
    with suppress(AssentError):
        await tried(ready)
    await ready.until(lambda: ready.sent == 1)
    await asyncio.sleep(0)
