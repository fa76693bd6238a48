"""A store that PD has buried: where it shows, and where it does not."""

import pytest

from assent.api.v1alpha1.parameters.store import EvictLeaders
from assent.core.model.reading import Reading, Wanted
from assent.core.model.verdict import Deny
from tests.contract.actions.stage import Stage


@pytest.mark.trap("P33")
async def test_p33_a_buried_store_is_hidden_but_where_one_asks_for_it(stage: Stage) -> None:
    """PD lists it only to who asks for its state, and /stores/check to who asks for none; a
    snapshot keeps it apart, and no action takes it for a store.
    """
    stage.spoilt = True  # nothing brings it back
    stage.pd("DELETE", "/store/4")
    wanted = Wanted(readings=frozenset({Reading.TOMBSTONES}))
    snapshot = await stage.until(
        lambda now: bool(now.tombstones) and now.store(4) is None,  # read one after the other
        "the tombstone",
        wanted=wanted,
        timeout_seconds=60,  # PD buries every 10 s
    )
    assert [store.id for store in snapshot.tombstones or ()] == [4]
    assert [store.id for store in snapshot.stores] == [1, 2, 3]
    everywhere = stage.pd("GET", "/stores/check")["stores"]
    assert sorted(entry["store"]["id"] for entry in everywhere) == [1, 2, 3, 4]
    refused = (await stage.refusals(EvictLeaders(store_id=4)))[0]
    assert isinstance(refused.verdict, Deny)
    assert refused.verdict.reason == "StoreUnknown"
