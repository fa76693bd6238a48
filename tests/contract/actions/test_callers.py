"""Who we are to PD: a constant name in its log and its metrics, and no proof of anything."""

import re

import httpx
import pytest

from assent.api.v1alpha1.parameters.region import TransferLeader
from tests.contract.actions.stage import CALLER, Stage, follower_store


@pytest.mark.trap("P05")
async def test_p05_the_caller_is_one_constant_label(stage: Stage) -> None:
    """Whatever we ask and write, for whichever region: PD keeps a metric for each name."""
    for region in (await stage.see()).sample[:3]:
        params = TransferLeader(region_id=region.id, to_store_id=follower_store(region))
        done = await stage.perform(params)
        assert done.settled, done.verification
        await stage.at_rest()
    ours = [request for request in stage.cluster.requests() if request.caller]
    assert {request.caller for request in ours} == {CALLER}
    [url] = stage.cluster.urls
    async with httpx.AsyncClient(trust_env=False) as http:
        metrics = (await http.get(f"{url}/metrics")).text
    labels = set(re.findall(r'caller_id="([^"]*)"', metrics)) | set(
        re.findall(r'component="([^"]*)"', metrics)
    )
    assert CALLER in labels
    assert not [label for label in labels if label.startswith(CALLER) and label != CALLER]


@pytest.mark.trap("P05")
async def test_p05_pd_asks_nobody_who_they_are(stage: Stage) -> None:
    """A stranger's write is taken like ours: only the network keeps them apart."""
    limits = stage.pd("GET", "/stores/limit")
    [url] = stage.cluster.urls
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{url}/pd/api/v1/store/1/limit", json={"rate": 77, "type": "add-peer"}
        )
    assert answer.status_code == 200
    assert stage.pd("GET", "/stores/limit")["1"]["add-peer"] == 77 != limits["1"]["add-peer"]
    assert stage.writes() == []
