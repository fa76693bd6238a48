"""SetStoreWeight and SetStoreLabels on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.store import (
    SetStoreLabels,
    SetStoreLimit,
    SetStoreWeight,
    StoreLabel,
    StoreLimitKind,
)
from assent.core.model.call import DidNot, PdCall
from sandbox.remote import RefusedError
from tests.contract.actions.stage import Stage


def labels(**values: str) -> SetStoreLabels:
    named = [StoreLabel(key=key, value=value) for key, value in values.items()]
    return SetStoreLabels(store_id=2, labels=named)


@pytest.mark.action("SetStoreWeight")
@pytest.mark.parametrize("odd", [1 / 3, 1.0, 0.0], ids=["no short form", "default", "zero"])
async def test_both_weights_are_set_and_restored_exactly(stage: Stage, odd: float) -> None:
    """Whatever was there before, as PD writes it; no other store's, and no region moves."""
    if odd == 0:  # PD finds the store overfull, and would act on it before it has a weight again
        stage.config("region-schedule-limit", 0)
    stage.pd("POST", "/store/3/weight", {"leader": 1, "region": odd})
    before = stage.whole_state()
    params = SetStoreWeight(store_id=3, leader_weight_percent=35, region_weight_percent=250)
    done = await stage.perform(params)
    assert done.settled
    changed = stage.whole_state()
    assert changed.fields["store/3/leader_weight"] == 0.35
    assert changed.fields["store/3/region_weight"] == 2.5
    await stage.until_same(before, except_for=["store/3/*_weight"])
    await stage.undo(done)
    await stage.until_same(before)
    assert stage.effects() == []
    assert [request.status for request in stage.writes()] == [200, 200]


@pytest.mark.action("SetStoreWeight")
async def test_a_weight_of_zero_makes_a_store_look_overfull(stage: Stage) -> None:
    """What High means: to balancing it has more than a thousand times its share."""
    params = SetStoreWeight(store_id=3, leader_weight_percent=0, region_weight_percent=100)
    before = stage.pd("GET", "/store/3")["status"]["leader_score"]
    done = await stage.perform(params)
    assert done.settled
    status = stage.pd("GET", "/store/3")["status"]
    assert status["leader_weight"] == 0
    assert status["leader_score"] > 1000 * before


@pytest.mark.action("SetStoreLabels")
async def test_labels_are_set_added_and_removed_and_restored(stage: Stage) -> None:
    """A merge: what is not named stays; an empty value removes; the undo does both the other way
    round.
    """
    before = stage.whole_state()
    done = await stage.perform(labels(zone="z9", rack="r1", host=""))
    assert done.settled
    changed = stage.whole_state()
    assert changed.below("store/2/label/") == {"zone": "z9", "rack": "r1"}
    await stage.until_same(before, except_for=["store/2/label/*"])
    await stage.undo(done)
    await stage.until_same(before)
    assert stage.effects() == []
    assert [request.path for request in stage.writes()] == ["/pd/api/v1/store/2/label"] * 2


@pytest.mark.action("SetStoreLabels")
async def test_pd_compares_label_names_without_case(stage: Stage) -> None:
    """Zone changes zone: PD's merge would take it, so it is refused by us."""
    params = labels(Zone="z9")
    assert [check.name for check in await stage.refusals(params)] == ["LabelsAllowed"]
    stage.pd("POST", "/store/2/label", {"Zone": "z9"})
    assert stage.whole_state().below("store/2/label/")["zone"] == "z9"


@pytest.mark.action("SetStoreLabels")
async def test_labels_that_pd_would_refuse_are_not_sent(stage: Stage) -> None:
    """Under strictly-match-label every label is a location label, and none is missing."""
    stage.config("location-labels", "zone,host")
    stage.config("strictly-match-label", "true")
    for params in (labels(rack="r1"), labels(zone="")):
        assert [check.name for check in await stage.refusals(params)] == ["LabelsMatch"]
        body = {label.key: label.value for label in params.labels}
        with pytest.raises(RefusedError, match="label"):
            stage.pd("POST", "/store/2/label", body)
        outcome = await stage.send(PdCall("POST", "/pd/api/v1/store/2/label", body))
        assert isinstance(outcome, DidNot)
        assert outcome.sent


@pytest.mark.parametrize(
    ("path", "body"),
    [("/store/99/weight", {"leader": 1, "region": 1}), ("/store/99/label", {"zone": "z1"})],
)
async def test_pd_refuses_a_store_that_it_does_not_know(
    stage: Stage, path: str, body: dict[str, str]
) -> None:
    """As the table of refusals says: nothing has happened then."""
    await stage.see()
    outcome = await stage.send(PdCall("POST", f"/pd/api/v1{path}", body))
    assert isinstance(outcome, DidNot)
    assert outcome.sent


@pytest.mark.trap("P11")
async def test_p11_a_limit_with_a_time_to_live_shows_nowhere(stage: Stage) -> None:
    """PD says 200 and GET never shows it; we have no such call."""
    before = stage.whole_state()
    path = "/store/3/limit?ttlSecond=30"
    call = PdCall("POST", f"/pd/api/v1{path}", {"rate": 41, "type": "add-peer"})
    said = stage.pd("POST", path, call.body)
    assert said in ("The store's limit is updated.", "The store's label is updated."), "v6.6"
    assert stage.whole_state().fields == before.fields
    assert isinstance(await stage.send(call), DidNot)
    assert stage.writes() == []
    params = SetStoreLimit(store_id=3, kind=StoreLimitKind.ADD_PEER, rate_per_minute=41)
    assert (await stage.perform(params)).settled
