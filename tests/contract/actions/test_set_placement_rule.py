"""SetPlacementRule on the real PD."""

from typing import Any

import pytest

from assent.api.v1alpha1.parameters.placement import (
    LabelConstraint,
    LabelOperator,
    RuleRole,
    SetPlacementRule,
)
from assent.core.model.call import Did, DidNot, PdCall, Unknown
from assent.core.model.snapshot import PeerRole
from sandbox.remote import RefusedError
from tests.contract.actions.stage import Stage

pytestmark = pytest.mark.action("SetPlacementRule")

LEARNERS = SetPlacementRule(
    group_id="pd",
    id="assent.learners",
    index=7,
    start_key="",
    end_key="",
    role=RuleRole.LEARNER,
    count=1,
    location_labels=("zone",),
)
DEFAULT = "/config/rule/pd/default"
COUNTED = ("rule/pd/default/version", "rule/pd/default/create_timestamp")
"""PD counts changes of a rule and dates it, whatever is sent."""


def default(**changes: object) -> SetPlacementRule:
    """The rule that every PD begins with, and what is asked for instead."""
    asked: dict[str, object] = {"group_id": "pd", "id": "default", "role": "Voter", "count": 3}
    return SetPlacementRule.model_validate(asked | changes)


async def test_a_new_rule_adds_learners_and_is_removed_again(stage: Stage) -> None:
    """Seen in PD's rules, carried out by the stores, undone: then all is as before."""
    before = stage.whole_state()
    done = await stage.perform(LEARNERS)
    assert done.outcome == Did("Update rule successfully.")
    assert done.settled, done.verification
    region = await stage.region()
    seen = await stage.until(
        lambda seen: len(seen.regions[region.id].peers) == 4, "a learner", None, region.id
    )
    assert [peer.role for peer in seen.regions[region.id].peers].count(PeerRole.LEARNER) == 1
    assert stage.effects("add_peer", region=region.id, cause="pd")
    sent = await stage.undo(done)
    assert [call.line for call in sent] == ["DELETE /pd/api/v1/config/rule/pd/assent.learners"]
    await stage.until_same(before, except_for=["region/*/peers"], timeout_seconds=60)
    # Which three stores keep a region is PD's choice among equals: the rule asks for no place.
    await stage.until(
        lambda seen: all(len(one.peers) == 3 for one in seen.sample), "three peers everywhere"
    )
    assert stage.effects("remove_peer", region=region.id, cause="pd")


async def test_the_default_rule_takes_max_replicas_along_and_back(stage: Stage) -> None:
    """PD sets max-replicas silently: it is captured, verified and restored with the rule."""
    before = stage.whole_state()
    done = await stage.perform(default(count=4))
    assert done.settled, done.verification
    assert [fact.name for fact in done.before] == ["rule", "maxReplicas"]
    assert stage.pd("GET", "/config/replicate")["max-replicas"] == 4
    await stage.until(lambda seen: all(len(one.peers) == 4 for one in seen.sample), "four voters")
    assert stage.effects("add_peer", cause="pd")
    await stage.undo(done)
    assert stage.pd("GET", "/config/replicate")["max-replicas"] == 3
    await stage.until_same(before, except_for=["region/*", *COUNTED], timeout_seconds=60)


async def test_a_foreign_rule_is_put_back_as_it_was_with_all_its_fields(stage: Stage) -> None:
    """Whoever wrote it may have used fields and spellings that we do not."""
    foreign = {
        "group_id": "pd",
        "id": "mine",
        "start_key": "7480000000000000ff0500000000000000f8",
        "end_key": "",
        "role": "follower",
        "count": 1,
        "label_constraints": [{"key": "engine", "op": "notIn", "values": ["tiflash"]}],
        "location_labels": ["zone", "host"],
        "isolation_level": "zone",
    }
    stage.pd("POST", "/config/rule", foreign)
    shown = stage.pd("GET", "/config/rule/pd/mine")
    before = stage.whole_state()
    ask = SetPlacementRule(group_id="pd", id="mine", role=RuleRole.LEARNER, count=1)
    done = await stage.perform(ask)
    assert stage.pd("GET", "/config/rule/pd/mine")["role"] == "learner"
    await stage.undo(done)
    again = stage.pd("GET", "/config/rule/pd/mine")
    assert {**again, "version": 0} == {**shown, "version": 0}
    counted = [path.replace("default", "mine") for path in COUNTED]
    await stage.until_same(before, except_for=["region/*", "operator/*", *counted])


@pytest.mark.trap("P12")
async def test_p12_removing_an_absent_rule_is_a_200_that_does_nothing(stage: Stage) -> None:
    """So an undo is judged by what PD shows, and a repeat of it is harmless."""
    before = stage.whole_state()
    call = PdCall("DELETE", "/pd/api/v1/config/rule/pd/assent.absent")
    await stage.see()
    assert await stage.send(call) == Did("Delete rule successfully.")
    await stage.until_same(before)


@pytest.mark.trap("P20")
async def test_p20_pd_takes_a_rule_that_no_two_stores_can_fulfil(stage: Stage) -> None:
    """One matching store is enough for PD; as many as replicas are needed for us."""
    only_one = LabelConstraint(key="disk", op=LabelOperator.IN, values=("ssd",))
    stage.pd("POST", "/store/1/label", {"disk": "ssd"})
    ask = SetPlacementRule(
        group_id="pd", id="two", role=RuleRole.LEARNER, count=2, label_constraints=(only_one,)
    )
    assert [check.name for check in await stage.refusals(ask)] == ["StoresMatch", "RangesServed"]
    action = await stage.see(ask)
    assert action.placement_rules is not None
    from_pd = stage.pd(
        "POST",
        "/config/rule",
        {
            "group_id": "pd",
            "id": "two",
            "start_key": "",
            "end_key": "",
            "role": "learner",
            "count": 2,
            "label_constraints": [{"key": "disk", "op": "in", "values": ["ssd"]}],
        },
    )
    assert from_pd == "Update rule successfully."


async def test_a_rule_that_pd_refuses_has_changed_nothing(stage: Stage) -> None:
    """The texts of the refusal table, from PD itself."""
    before = stage.whole_state()
    await stage.see()
    unserved = rule("voters-gone", override=True, index=9, role="learner")
    unmatched = rule("no-store")
    unmatched["label_constraints"] = [{"key": "zone", "op": "in", "values": ["nowhere"]}]
    encoded = rule("raw-key", start_key="00")
    for body in (unserved, unmatched, encoded):
        outcome = await stage.send(PdCall("POST", "/pd/api/v1/config/rule", body))
        assert isinstance(outcome, DidNot), outcome
    await stage.until_same(before)


async def test_a_refused_default_rule_has_changed_max_replicas_all_the_same(stage: Stage) -> None:
    """Why no text proves of pd/default that nothing happened (not in the list of traps)."""
    await stage.see()
    body = rule("default", count=4)
    body["label_constraints"] = [{"key": "zone", "op": "in", "values": ["nowhere"]}]
    outcome = await stage.send(PdCall("POST", "/pd/api/v1/config/rule", body))
    assert isinstance(outcome, Unknown), outcome
    assert "can not match any store" in outcome.answer
    assert stage.pd("GET", "/config/replicate")["max-replicas"] == 4
    assert stage.pd("GET", DEFAULT)["count"] == 4


async def test_a_default_rule_out_of_step_would_have_no_way_back(stage: Stage) -> None:
    """Count and location labels at once: PD takes it, and refuses the old count afterwards."""
    ask = default(count=4, location_labels=("zone",))
    assert [check.name for check in await stage.refusals(ask)] == ["DefaultRuleInStep"]
    former = stage.pd("GET", DEFAULT)
    stage.pd("POST", "/config/rule", rule("default", count=4) | {"location_labels": ["zone"]})
    with pytest.raises(RefusedError, match="do not consistent with replication config"):
        stage.pd("POST", "/config/rule", former)
    stage.pd("POST", "/config/rule", rule("default", count=4))


async def test_while_rules_are_disabled_it_waits_and_pd_says_412(stage: Stage) -> None:
    """PD would refuse, and shows no rules."""
    stage.config("enable-placement-rules", "false")
    try:
        checks = await stage.refusals(LEARNERS)
        outcome = await stage.send(PdCall("POST", "/pd/api/v1/config/rule", rule("x")))
    finally:
        # Mending reads the rules first, which PD refuses while they are off.
        stage.config("enable-placement-rules", "true")
    assert [check.name for check in checks] == ["PlacementRulesEnabled"]
    assert isinstance(outcome, DidNot)
    assert outcome.answer.startswith("412 ")


def rule(rule_id: str, **fields: Any) -> dict[str, Any]:
    """A rule as PD wants it."""
    whole: dict[str, Any] = {"group_id": "pd", "id": rule_id, "start_key": "", "end_key": ""}
    return {**whole, "role": "voter", "count": 3, **fields}
