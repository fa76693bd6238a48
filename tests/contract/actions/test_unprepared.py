"""PD that has just begun to lead, before it knows its regions: nothing it shows is a fact."""

import asyncio
import time
from datetime import UTC, datetime

import httpx
import pytest

from assent.api.v1alpha1.parameters.store import EvictLeaders
from assent.core.actions import checks
from assent.errors import Retryable
from assent.pd.reads import read_snapshot
from sandbox.remote import RefusedError
from tests.contract.actions.stage import Stage

EVICTION = "/scheduler-config/evict-leader-scheduler/list"
SILENT = (3, 4)
"""Without these two, half of the regions have no quorum and cannot report."""


async def restarted(stage: Stage) -> None:
    """Return once a new PD answers that knows its regions from disk only."""
    for store in SILENT:
        stage.store(store, "stop")
    stage.cluster.restart("pd-0")
    deadline = time.monotonic() + 30
    while True:
        try:
            assert stage.pd("GET", "/schedulers") == []
        except (RefusedError, httpx.HTTPError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        else:
            return


async def prepared(stage: Stage) -> None:
    """Return once PD knows its regions: the schedulers that every PD has are back."""
    for store in SILENT:
        stage.store(store, "start")
    await stage.until(lambda now: checks.BALANCE_LEADER in now.schedulers, "its schedulers")


@pytest.mark.trap("P02", "P15", "P48")
async def test_p15_a_new_pd_is_not_believed_before_it_is_prepared(stage: Stage) -> None:
    """It lists no scheduler, and an eviction that stands looks as if there were none; we wait,
    and it is all there again.
    """
    await stage.perform(EvictLeaders(store_id=1))
    await restarted(stage)
    with pytest.raises(RefusedError) as refused:
        stage.pd("GET", EVICTION)
    assert refused.value.status == 404, "as if nothing were evicted"
    with pytest.raises(Retryable) as waiting:
        await read_snapshot(stage.client, now=lambda: datetime.now(UTC))
    assert waiting.value.reason == "PDNotReady"
    await prepared(stage)
    assert (await stage.see()).evicted_store_ids == frozenset({1})


@pytest.mark.trap("P31", "P48")
async def test_p31_an_eviction_begun_too_early_replaces_the_stored_ones(stage: Stage) -> None:
    """Somebody asks PD before it is prepared: it says yes, lists that eviction alone, and has
    forgotten the one that stood. This is why ours waits, and why that one scheduler in the list
    does not make a PD prepared.
    """
    await stage.perform(EvictLeaders(store_id=1))
    await restarted(stage)
    stage.spoilt = True  # PD keeps a remnant of the eviction in its configuration
    stage.pd("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": 2})
    assert stage.pd("GET", "/schedulers") == ["evict-leader-scheduler"]
    assert list(stage.pd("GET", EVICTION)["store-id-ranges"]) == ["2"]
    with pytest.raises(Retryable):
        await read_snapshot(stage.client, now=lambda: datetime.now(UTC))
    await prepared(stage)
    assert (await stage.see()).evicted_store_ids == frozenset({2}), "store 1 is forgotten"
