"""SetRegionLabelRule and DeleteRegionLabelRule on the real PD."""

from datetime import UTC, datetime
from typing import Any

import pytest

from assent.api.v1alpha1.parameters.placement import (
    DeleteRegionLabelRule,
    KeyRange,
    RegionLabel,
    SetRegionLabelRule,
)
from assent.core.actions import label_rules
from assent.core.model.call import Did, DidNot, PdCall
from tests.contract.actions.shapes import THREE_MEMBERS
from tests.contract.actions.stage import Stage

RULES = "/config/region-label/rules"
RULE = "/pd/api/v1/config/region-label/rule"
ID = "team/maintenance.window"
"""With a slash: PD wants it escaped in paths."""


async def deny(stage: Stage, ttl: str | None = "10m") -> SetRegionLabelRule:
    """An ask that labels exactly one region, so that PD need not split anything for it."""
    region = await stage.region(lambda region: region.start_key != "" and region.end_key != "")
    return SetRegionLabelRule(
        id=ID,
        labels=(RegionLabel(key="schedule", value="deny", ttl=ttl),),
        ranges=(KeyRange(start_key=region.start_key, end_key=region.end_key),),
    )


def shown_rules(stage: Stage) -> list[Any]:
    """All rules as PD shows them, in a fixed order."""
    return sorted(stage.pd("GET", RULES), key=lambda rule: str(rule["id"]))


@pytest.mark.action("SetRegionLabelRule")
async def test_a_region_is_labelled_and_the_label_is_removed_again(stage: Stage) -> None:
    """Seen at the rule and at the region; undone: then all is as before."""
    before = stage.whole_state()
    ask = await deny(stage)
    region = await stage.region(lambda region: region.start_key == ask.ranges[0].start_key)
    done = await stage.perform(ask)
    assert done.outcome == Did("Update region label rule successfully.")
    assert done.settled, done.verification
    assert stage.pd("GET", f"/region/id/{region.id}/label/schedule") == "deny"
    assert stage.effects(region=region.id) == [], "a label moves nothing"
    sent = await stage.undo(done)
    assert [call.line for call in sent] == [f"DELETE {RULE}/team%2Fmaintenance.window"]
    await stage.until_same(before)


@pytest.mark.action("SetRegionLabelRule")
async def test_schedulers_leave_a_labelled_region_alone(stage: Stage) -> None:
    """What the label is for: an eviction takes every leader but this one's, until it is gone."""
    ask = await deny(stage)
    region = await stage.region(lambda region: region.start_key == ask.ranges[0].start_key)
    done = await stage.perform(ask)
    leader = region.leader_store_id
    assert leader is not None
    stage.pd("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": leader})
    await stage.until(
        lambda seen: (
            [one.id for one in seen.sample if one.leader_store_id == leader] == [region.id]
        ),
        "one leader left, of the labelled region",
    )
    assert stage.effects("transfer_leader", region=region.id) == []
    await stage.undo(done)
    await stage.until(
        lambda seen: not [one for one in seen.sample if one.leader_store_id == leader],
        "no leader left",
    )
    assert len(stage.effects("transfer_leader", region=region.id)) == 1


@pytest.mark.action("SetRegionLabelRule")
async def test_a_rule_is_replaced_and_put_back_with_the_end_it_had(stage: Stage) -> None:
    """start_at is PD's: sent back as it was, the label ends when it would have."""
    first = await deny(stage, "30m")
    await stage.perform(first)
    shown = shown_rules(stage)
    before = stage.whole_state()
    again = first.model_copy(update={"labels": (RegionLabel(key="team", value="red"),)})
    done = await stage.perform(again)
    assert [rule["labels"] for rule in stage.pd("GET", RULES) if rule["id"] == ID] == [
        [{"key": "team", "value": "red"}]
    ]
    await stage.undo(done)
    assert shown_rules(stage) == shown
    await stage.until_same(before)


@pytest.mark.action("SetRegionLabelRule")
@pytest.mark.trap("P52")
async def test_p52_a_label_with_a_ttl_ends_by_itself(stage: Stage) -> None:
    """PD dates it; what has just begun counts as done, and another round is told from the first."""
    ask = await deny(stage, "1m")
    done = await stage.perform(ask)
    assert done.settled
    rule = label_rules.find(ID, await stage.see(ask))
    assert rule is not None
    started = label_rules.started_at(label_rules.labels_of(rule.document)[0])
    assert started is not None, "this PD runs in UTC"
    assert abs((datetime.now(UTC) - started).total_seconds()) < 30
    repeat = await stage.perform(ask)
    assert repeat.outcome is None, "its time has just begun"
    over = {**rule.document, "labels": [{"key": "schedule", "value": "deny", "ttl": "1s"}]}
    stage.pd("POST", "/config/region-label/rule", over)
    await stage.until(lambda seen: label_rules.find(ID, seen) is None, "the end of the label", ask)


@pytest.mark.action("DeleteRegionLabelRule")
async def test_a_rule_is_deleted_and_put_back(stage: Stage) -> None:
    """Gone from PD and from the region; undone: then all is as before."""
    await stage.perform(await deny(stage, None))
    before = stage.whole_state()
    done = await stage.perform(DeleteRegionLabelRule(id=ID))
    assert done.outcome == Did("Delete rule successfully.")
    assert done.settled, done.verification
    assert ID not in [rule["id"] for rule in stage.pd("GET", RULES)]
    await stage.undo(done)
    await stage.until_same(before)


@pytest.mark.action("DeleteRegionLabelRule")
async def test_a_rule_that_is_not_there_needs_no_call(stage: Stage) -> None:
    """And PD's 404 to one that came too late proves that it is so already."""
    params = DeleteRegionLabelRule(id="nobody/has.this")
    done = await stage.perform(params)
    assert (done.outcome, done.settled) == (None, True)
    outcome = await stage.send(label_rules.delete(params.id))
    assert isinstance(outcome, DidNot)
    assert outcome.already_done


async def test_what_pd_refuses_has_changed_nothing(stage: Stage) -> None:
    """The texts of the refusal table, from PD itself; one is a label whose time is over."""
    before = stage.whole_state()
    await stage.see()
    past = {
        "key": "schedule",
        "value": "deny",
        "ttl": "1m",
        "start_at": "Mon Jan  2 15:04:05 UTC 2006",
    }
    for labels, start in (([past], ""), ([{"key": "a", "value": ""}], ""), ([], "")):
        body: dict[str, Any] = {
            "id": "refused",
            "index": 0,
            "labels": labels,
            "rule_type": "key-range",
            "data": [{"start_key": start, "end_key": ""}],
        }
        outcome = await stage.send(PdCall("POST", RULE, body))
        assert isinstance(outcome, DidNot), outcome
    await stage.until_same(before)


@pytest.mark.parametrize("rule_id", ["keyspaces/0", "schema/test/t"])
async def test_rules_of_pd_and_tidb_are_left_alone(stage: Stage, rule_id: str) -> None:
    """They would be written again, or their keeper would miss them."""
    refused = await stage.refusals(DeleteRegionLabelRule(id=rule_id))
    assert [check.name for check in refused] == ["RuleUnmanaged"]
    outcome = await stage.send(label_rules.delete(rule_id))
    assert isinstance(outcome, DidNot)
    assert not outcome.sent


@THREE_MEMBERS
@pytest.mark.trap("P32")
async def test_p32_a_label_outlives_pds_leader_and_a_pause_does_not(stage: Stage) -> None:
    """Why a label with a ttl is the safer way to keep PD's hands off (P52)."""
    ask = await deny(stage)
    await stage.perform(ask)
    shown = shown_rules(stage)
    stage.pd("POST", "/schedulers/balance-leader-scheduler", {"delay": 600})
    leader = stage.pd("GET", "/leader")["name"]
    other = next(
        member["name"]
        for member in stage.pd("GET", "/members")["members"]
        if member["name"] != leader
    )
    stage.pd("POST", f"/leader/transfer/{other}")
    await stage.until(lambda seen: seen.pd.leader_name == other, f"{other} leading", ask)
    assert shown_rules(stage) == shown
    assert not stage.pd("GET", "/schedulers?status=paused")
