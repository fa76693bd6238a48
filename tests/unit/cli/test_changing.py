"""modify, resolve, cancel, revert: what is shown, sent, and refused before it is sent."""

from typing import Any

import pytest

from assent.cli.assignments import changed_ask
from assent.cli.failures import CliError, Exit
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded, seat

NAME = "fill-store-2"
CONFLICT = "Error from server (Conflict): the object has been modified"


def asked(action: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"action": action, **fields}


LEADER = {"type": "TransferLeader", "transferLeader": {"regionId": 4, "toStoreId": 2}}
PLAN = {
    "type": "Plan",
    "plan": {"steps": [LEADER, {"type": "EvictLeaders", "evictLeaders": {"storeId": 3}}]},
}


@pytest.mark.parametrize(
    ("assignment", "place", "value"),
    [
        ("toStoreId=5", "toStoreId", 5),
        ("regionId=17", "regionId", 17),
    ],
)
def test_a_parameter_keeps_its_type(assignment: str, place: str, value: object) -> None:
    """A number stays a number."""
    found = changed_ask(asked(LEADER), [assignment])
    assert found["action"]["transferLeader"][place] == value
    assert set(found) == {"action"}


def test_text_stays_text_though_it_looks_like_a_number() -> None:
    """PD's settings are text."""
    action = {"type": "SetScheduleConfig", "setScheduleConfig": {"key": "x", "value": "4"}}
    found = changed_ask(asked(action), ["value=8"])
    assert found["action"]["setScheduleConfig"]["value"] == "8"


def test_fields_beside_the_action_are_changed_and_removed() -> None:
    """reason, dryRun and the times; nothing after the sign removes."""
    found = changed_ask(
        asked(LEADER, reason="old", notAfter="x"),
        ["reason=new words", "dryRun=true", "notAfter=", "revertAfter=2h"],
    )
    assert found == {"reason": "new words", "dryRun": True, "notAfter": None, "revertAfter": "2h"}


def test_a_step_of_a_plan_is_named_by_its_number() -> None:
    """The list of steps is sent whole; the others stay as they are."""
    found = changed_ask(asked(PLAN), ["2.storeId=4"])
    steps = found["action"]["plan"]["steps"]
    assert steps[1]["evictLeaders"]["storeId"] == 4
    assert steps[0] == LEADER
    assert PLAN["plan"]["steps"][1]["evictLeaders"]["storeId"] == 3  # type: ignore[index]


def test_a_difference_names_the_step_as_people_count(desk: Desk) -> None:
    """The field as the operator's own message spells it, and the step as the list has it."""
    found = recorded("pending-high")
    found["spec"]["action"] = PLAN
    desk.has(found)
    desk.is_told("patch", "patched")
    out = desk.runs(proposals, "modify", NAME, "2.storeId=4").out
    assert "  - action.plan.steps[1].evictLeaders.storeId (step 2): 3\n" in out
    assert "  + action.plan.steps[1].evictLeaders.storeId (step 2): 4\n" in out


def test_an_optional_parameter_can_be_added_and_removed() -> None:
    """Added by its name in the table; None is what a merge patch removes."""
    action = {"type": "CancelDrain", "cancelDrain": {"storeId": 4}}
    added = changed_ask(asked(action), ["removePeerPerMinute=20"])
    assert added["action"]["cancelDrain"]["removePeerPerMinute"] == 20
    gone = changed_ask(asked(added["action"]), ["removePeerPerMinute="])
    assert gone["action"]["cancelDrain"]["removePeerPerMinute"] is None


def test_a_list_is_written_as_json() -> None:
    """As the API writes it."""
    action = {"type": "RemoveTombstones", "removeTombstones": {"storeIds": [4]}}
    found = changed_ask(asked(action), ["storeIds=[4, 5]"])
    assert found["action"]["removeTombstones"]["storeIds"] == [4, 5]


WRONG = [
    (LEADER, "toStoreId", "no NAME=VALUE"),
    (LEADER, "toStorId=5", "Did you mean toStoreId"),
    (LEADER, "TOSTOREID=5", "Did you mean toStoreId"),
    (LEADER, "xyz=5", "It has: regionId, toStoreId, reason"),
    (LEADER, "resaon=x", "Did you mean reason"),
    (PLAN, "storeId=5", "say which step"),
    (PLAN, "3.storeId=5", "no step 3: 1 to 2"),
    (PLAN, "2.stoerId=5", "Did you mean storeId"),
]


@pytest.mark.parametrize(("action", "text", "said"), WRONG, ids=[one[1] for one in WRONG])
def test_what_is_not_understood_is_answered_with_what_was_meant(
    action: dict[str, Any], text: str, said: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(CliError, match=said) as error:
        changed_ask(asked(action), [text])
    assert error.value.code == Exit.USAGE


def test_modify_makes_me_the_author_and_drops_what_others_said(desk: Desk) -> None:
    """In the same write, and only if it still is as it was read."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("bert")]
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=60")
    assert done.code == 0
    assert desk.patched() == {
        "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
        "spec": {
            "action": {
                "type": "SetStoreLimit",
                "setStoreLimit": {"kind": "AddPeer", "ratePerMinute": 60, "storeId": 2},
            },
            "proposedBy": "alice",
            "approvals": None,
        },
    }
    assert "What bert said is void" in done.out
    assert "kubectl approve fill-store-2 -n tikv" in done.out


def test_modify_asks_a_person(desk: Desk) -> None:
    """No is no."""
    desk.has(recorded("pending-high"))
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=60", types="n\n")
    assert (done.code, desk.calls("patch")) == (Exit.DECLINED, [])


def test_modify_to_the_same_sends_nothing(desk: Desk) -> None:
    """The gate would refuse it: the author changes only together with the ask."""
    desk.has(recorded("pending-high"))
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=400")
    assert (done.code, desk.calls("patch")) == (Exit.NOT_NOW, [])


@pytest.mark.parametrize("phase", ["Executing", "Succeeded"])
def test_a_frozen_ask_says_how_to_begin_anew(desk: Desk, phase: str) -> None:
    """Export writes what to start from."""
    desk.has(recorded("pending-high", phase=phase))
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=60")
    assert done.code == Exit.NOT_NOW
    assert "kubectl proposals export fill-store-2 -n tikv" in done.err


def test_a_rejected_ask_cannot_be_changed(desk: Desk) -> None:
    """A no is not to be edited away."""
    found = recorded("pending-high")
    found["spec"]["approvals"] = [seat("bert", "Reject")]
    desk.has(found)
    assert "is rejected" in desk.runs(proposals, "modify", NAME, "ratePerMinute=60").err


def test_a_conflict_stores_nothing_and_says_so(desk: Desk) -> None:
    """A difference that was shown against an old text is not sent against a new one."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", err=CONFLICT, code=1)
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=60")
    assert done.code == Exit.CHANGED
    assert "changed while you looked. Nothing was stored" in done.err


def lost(**step: Any) -> dict[str, Any]:
    found = recorded("succeeded", phase="OutcomeUnknown", reason="AnswerLost")
    found["status"]["execution"]["steps"][0].update({"state": "Unknown", **step})
    return found


@pytest.mark.parametrize(
    ("flag", "outcome", "ends"),
    [("--happened", "Happened", "Succeeded"), ("--did-not-happen", "DidNotHappen", "Failed")],
)
def test_resolve_shows_the_call_and_stores_what_was_found_out(
    desk: Desk, flag: str, outcome: str, ends: str
) -> None:
    """With the digest, in one's own name."""
    found = lost()
    desk.has(found)
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "resolve", NAME, flag)
    assert done.code == 0
    assert "POST /pd/api/v1/store/2/limit" in done.out
    assert f"It ends as {ends}" in done.out
    assert desk.patched()["spec"] == {
        "resolution": {"by": "alice", "outcome": outcome, "digest": found["status"]["digest"]}
    }


def test_resolving_an_undo_says_that_it_fails_either_way(desk: Desk) -> None:
    """The action itself missed its goal."""
    desk.has(lost(kind="Undo"))
    desk.is_told("patch", "patched")
    assert "It ends as Failed" in desk.runs(proposals, "resolve", NAME, "--happened").out


def test_there_is_nothing_to_resolve_while_the_outcome_is_known(desk: Desk) -> None:
    """And one of the two must be said."""
    desk.has(recorded("pending-high"))
    done = desk.runs(proposals, "resolve", NAME, "--happened")
    assert done.code == Exit.NOT_NOW
    with pytest.raises(SystemExit) as stopped:
        desk.runs(proposals, "resolve", NAME)
    assert stopped.value.code == Exit.USAGE


@pytest.mark.parametrize(
    ("phase", "said"),
    [("Pending", "Nothing was sent yet"), ("Executing", "What was sent stays as it is")],
)
def test_cancel_gets_through_whatever_changed_meanwhile(desk: Desk, phase: str, said: str) -> None:
    """A stop is not guarded by what was read."""
    desk.has(recorded("pending-high", phase=phase))
    desk.is_told("patch", "patched")
    done = desk.runs(proposals, "cancel", NAME, "-m", "wrong store")
    assert done.code == 0
    assert said in done.out
    assert desk.patched() == {"spec": {"cancel": {"by": "alice", "reason": "wrong store"}}}


@pytest.mark.parametrize(
    "action",
    [
        {"type": "DrainStore", "drainStore": {"storeId": 4}},
        {"type": "Plan", "plan": {"steps": [{"type": "DrainStore", "drainStore": {"storeId": 4}}]}},
    ],
    ids=["alone", "in a plan"],
)
@pytest.mark.parametrize("phase", ["Pending", "Executing"])
def test_who_cancels_a_drain_hears_that_pd_goes_on(
    desk: Desk, action: dict[str, Any], phase: str
) -> None:
    """And what stops PD; one that has not begun moves nothing."""
    found = recorded("succeeded", phase=phase, reason="Waiting")
    found["spec"]["action"] = found["status"]["assessed"]["action"] = action
    desk.has(found)
    desk.is_told("patch", "patched")
    said = " ".join(desk.runs(proposals, "cancel", NAME).out.split())
    stop = f"kubectl proposals revert {NAME} -n tikv"
    tells = f"PD goes on draining; what stops that is a CancelDrain, filed by: {stop}"
    assert (tells in said) == (phase == "Executing")


def test_what_is_cancelled_and_has_not_ended_is_not_to_be_cancelled(desk: Desk) -> None:
    """Revert names what is left to do: wait."""
    found = recorded("succeeded", phase="Executing", reason="Waiting")
    found["spec"]["cancel"] = {"by": "bert"}
    desk.has(found)
    done = desk.runs(proposals, "revert", NAME)
    assert done.code == Exit.NOT_NOW
    assert "it is still Executing, and cancelled: it ends before its next call" in done.err
    assert "kubectl proposals cancel" not in done.err


def test_what_has_ended_or_is_cancelled_is_not_cancelled_again(desk: Desk) -> None:
    """It says who did."""
    desk.has(recorded("succeeded"))
    assert desk.runs(proposals, "cancel", NAME).code == Exit.NOT_NOW
    found = recorded("pending-high")
    found["spec"]["cancel"] = {"by": "bert"}
    desk.has(found)
    desk.runs(proposals, "show", NAME)
    done = desk.runs(proposals, "cancel", NAME)
    assert "bert has cancelled it already" in done.err


def test_revert_files_the_inverse_in_my_name(desk: Desk) -> None:
    """With the value that was captured, and a name that says what it is."""
    desk.has(recorded("succeeded"))
    desk.is_told("create", "created")
    done = desk.runs(proposals, "revert", NAME)
    assert done.code == 0
    assert desk.given() == {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {"name": "revert-fill-store-2", "namespace": "tikv"},
        "spec": {
            "clusterRef": {"name": "prod"},
            "proposedBy": "alice",
            "reason": "Takes back fill-store-2: set the add-peer limit of store 2 to 400 a minute",
            "action": {
                "type": "SetStoreLimit",
                "setStoreLimit": {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 15},
            },
        },
    }
    assert "    ratePerMinute: 15" in done.out


def test_a_plan_is_reverted_from_its_end(desk: Desk) -> None:
    """Only the steps that were done, each with what was before its first call."""
    found = recorded("succeeded", phase="Failed", reason="NoEffect")
    found["status"]["assessed"]["action"] = PLAN
    step = found["status"]["execution"]["steps"][0]
    leader = [{"name": "leaderStoreId", "value": "1"}]
    found["status"]["execution"]["steps"] = [
        {**step, "planStep": 1, "before": leader},
        {**step, "planStep": 1, "before": [{"name": "leaderStoreId", "value": "9"}]},
        {**step, "planStep": 2, "before": []},
    ]
    desk.has(found)
    desk.is_told("create", "created")
    desk.runs(proposals, "revert", NAME)
    steps = desk.given()["spec"]["action"]["plan"]["steps"]
    assert [one["type"] for one in steps] == ["StopEvictLeaders", "TransferLeader"]
    assert steps[1]["transferLeader"]["toStoreId"] == 1


NOTHING = [
    ({"phase": "Pending"}, "kubectl proposals cancel"),
    ({"phase": "Active"}, "it takes itself back"),
    ({"phase": "Executing"}, "it is still Executing"),
    ({"phase": "OutcomeUnknown"}, "kubectl proposals resolve"),
    ({"phase": "RolledBack"}, "taken back already"),
    ({"reason": "DryRun"}, "it was a dry run"),
    ({"reason": "AlreadyDone"}, "PD already was as asked"),
    ({"reason": "Reverted"}, "it has taken itself back already"),
    ({"execution": {"steps": []}}, "no call of it took effect"),
]


@pytest.mark.parametrize(("status", "said"), NOTHING, ids=[one[1] for one in NOTHING])
def test_where_nothing_is_to_be_taken_back_it_says_why(
    desk: Desk, status: dict[str, Any], said: str
) -> None:
    """One sentence, and nothing is filed."""
    desk.has(recorded("succeeded", **status))
    done = desk.runs(proposals, "revert", NAME)
    assert (done.code, desk.calls("create")) == (Exit.NOT_NOW, [])
    assert said in done.err


def test_what_no_action_takes_back_says_what_to_do(desk: Desk) -> None:
    """The values before are still there to be read."""
    found = recorded("succeeded")
    found["status"]["assessed"]["action"] = {
        "type": "MergeRegions", "mergeRegions": {"sourceRegionId": 1, "targetRegionId": 2},
    }  # fmt: skip
    desk.has(found)
    done = desk.runs(proposals, "revert", NAME)
    assert "It cannot be undone: the source's id is gone for good." in done.err
    assert "has the values before" in done.err


@pytest.mark.parametrize(
    ("err", "said"),
    [
        ('Error: cannot create resource "actionproposals"', "assent-proposer"),
        ("Error: something else", "something else"),
    ],
)
def test_a_refused_revert_says_what_to_do(desk: Desk, err: str, said: str) -> None:
    """No right to file, or whatever it is."""
    desk.has(recorded("succeeded"))
    desk.is_told("create", err=err, code=1)
    done = desk.runs(proposals, "revert", NAME)
    assert done.code == Exit.REFUSED
    assert said in done.err


LINES = [
    ("modify", NAME, "ratePerMinute=60"),
    ("modify", NAME, "reason=less", "dryRun=true"),
]


@pytest.mark.parametrize("line", LINES, ids=[" ".join(one) for one in LINES])
def test_a_status_written_meanwhile_is_no_reason_to_ask_again(
    desk: Desk, line: tuple[str, ...]
) -> None:
    """The operator counts approvals and judges gates all the time; nobody said anything else."""
    second = recorded("pending-high", gates=[], message="another")
    second["metadata"]["resourceVersion"] = "999"
    desk.has(recorded("pending-high"))
    desk.has(second)
    desk.is_told("patch", err=CONFLICT, code=1)
    desk.is_told("patch", "patched")
    assert desk.runs(proposals, *line).code == 0
    first, again = desk.patched(0), desk.patched(1)
    assert first["spec"] == again["spec"]
    assert again["metadata"]["resourceVersion"] == "999"


CHANGED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("somebody approved", {}, {"approvals": [seat("bert", digest="sha256:x")]}),
    ("somebody modified it", {}, {"proposedBy": "ann"}),
    ("somebody cancelled it", {}, {"cancel": {"by": "ann"}}),
    ("it began", {"phase": "Executing"}, {}),
    ("its digest is another", {"digest": "sha256:new"}, {}),
]


@pytest.mark.parametrize(("status", "spec"), [one[1:] for one in CHANGED],
                         ids=[one[0] for one in CHANGED])  # fmt: skip
def test_what_somebody_said_meanwhile_is_looked_at_first(
    desk: Desk, status: dict[str, Any], spec: dict[str, Any]
) -> None:
    """A change made over another one would undo it unseen."""
    second = recorded("pending-high", **status)
    second["spec"].update(spec)
    desk.has(recorded("pending-high"))
    desk.has(second)
    desk.is_told("patch", err=CONFLICT, code=1)
    done = desk.runs(proposals, "modify", NAME, "ratePerMinute=60")
    assert done.code == Exit.CHANGED
    assert len(desk.calls("patch")) == 1
    assert f"kubectl proposals show {NAME} -n tikv" in done.err


def test_a_status_that_is_written_without_end_gives_up(desk: Desk) -> None:
    """It does not hammer the API server."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", err=CONFLICT, code=1)
    assert desk.runs(proposals, "modify", NAME, "ratePerMinute=60").code == Exit.CHANGED
    assert len(desk.calls("patch")) == 5
