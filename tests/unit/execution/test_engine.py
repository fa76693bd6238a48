"""What becomes of a claimed proposal, whatever happens around its one call."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from assent.core.model.reading import Wanted
from assent.errors import LeadershipLost
from assent.kube.resources import KINDS
from tests.support.fake_kube import lose, refusal
from tests.support.fake_pd import EVICT, answer
from tests.support.proposals import EVICT_4, STOP_4
from tests.unit.execution.rig import NS, Rig

START = ("POST", "/pd/api/v1/schedulers")
STATUS = "/status$"


async def test_an_approved_action_is_journaled_called_once_and_verified(op: Rig) -> None:
    """The main road: intent, one call, outcome; two writes and nothing else."""
    await op.approved("p1", EVICT_4)
    before = len(op.server.requests("PATCH", STATUS))
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]
    assert len(op.server.requests("PATCH", STATUS)) == before + 2
    (step,) = status["execution"]["steps"]
    assert (step["state"], step["epoch"], step["holder"]) == ("Done", 7, "assent-0")
    assert status["reason"] == "Done"


@pytest.mark.parametrize(
    ("interrupt", "phase", "reason"),
    [
        pytest.param(lambda op: op.cancel("p1"), "Failed", "Cancelled", id="why=a person's no"),
        pytest.param(
            lambda op: op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": True}}),
            "Approved", "Suspended", id="why=suspended meanwhile",
        ),
        pytest.param(lambda op: op.halt(), "Approved", "Halted", id="why=halted meanwhile"),
        pytest.param(
            lambda op: op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"dryRun": True}}),
            "Approved", "Held", id="why=dry-run switched on meanwhile",
        ),
        pytest.param(
            lambda op: op.server.delete(KINDS.cluster, NS, "demo"),
            "Approved", "ClusterNotReady", id="why=the cluster was deleted meanwhile",
        ),
    ],
)  # fmt: skip
async def test_a_no_between_intent_and_call_withholds_the_call(
    op: Rig, interrupt: Callable[[Rig], None], phase: str, reason: str
) -> None:
    """It is stored after the intent and before the live look: no call may start."""
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, lambda: interrupt(op), after_storing=True)
    await op.reconcile("p1")
    status = await op.until_phase("p1", phase)
    assert status["reason"] == reason
    assert status["execution"]["steps"][-1]["state"] == "NotDone"
    assert op.calls == []


async def test_a_call_that_was_not_sent_goes_back_to_approved_and_rests(op: Rig) -> None:
    """PD's leader is gone in that moment. Trying at full speed would fill the journal."""
    await op.approved("p1", EVICT_4)
    op.server.order(
        "PATCH", STATUS, lambda: op.pd.unreachable.update({0, 1, 2}), after_storing=True
    )
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Approved")
    assert (status["reason"], len(status["execution"]["steps"])) == ("ClusterNotReady", 1)
    await op.until_idle("p1")
    op.pd.unreachable.clear()
    writes = len(op.server.requests("PATCH", STATUS))
    assert 0 < (await op.reconcile("p1") or 0) <= 2
    assert len(op.server.requests("PATCH", STATUS)) == writes
    op.clock.advance(2.5)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Succeeded")
    assert [step["state"] for step in status["execution"]["steps"]] == ["NotDone", "Done"]
    assert op.calls == [("POST", "/schedulers")]


async def test_a_last_look_that_fails_holds_the_call(op: Rig) -> None:
    """Certainly nothing was sent: nothing is unknown, and it runs once the API server answers."""
    await op.approved("p1", EVICT_4)
    down = refusal(503, "ServiceUnavailable", "etcd has no leader")
    op.server.order("GET", "/actionproposals/p1$", lambda: down)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Approved")
    assert "the last look before it was not to be had" in status["message"]
    assert op.calls == []
    await op.until_idle("p1")
    op.clock.advance(10.0)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]


async def test_too_little_of_the_lease_left_holds_the_call(op: Rig) -> None:
    """A call must have ended before another may lead; the next renewal heals it."""
    await op.approved("p1", EVICT_4)
    op.term._deadline = op.clock.monotonic() + 3.0
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Approved")
    assert "lease" in status["message"]
    assert op.calls == []


async def test_a_lost_answer_is_settled_by_what_pd_shows(op: Rig) -> None:
    """PD did it, the connection broke: seen, done, and never sent again."""

    def did_and_broke(request: httpx.Request) -> httpx.Response:
        op.pd.evicted.add(4)
        for region in op.pd.regions.values():
            region.leader_store_id = next(n for n in region.store_ids if n != 4)
        raise httpx.ReadError("connection reset", request=request)

    op.pd.answers[START] = did_and_broke
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Succeeded")
    assert "answer was lost" in status["message"]
    assert op.sent == 1


async def test_a_lost_answer_without_effect_ends_unknown_and_a_person_resolves_it(op: Rig) -> None:
    """Nobody can know; time alone licenses no repeat. The word of a person ends it."""

    def broke(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("connection reset", request=request)

    op.pd.answers[START] = broke
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.time_is_up()
    status = await op.until_phase("p1", "OutcomeUnknown")
    await op.until_idle("p1")
    await op.reconcile("p1")
    assert op.sent == 1
    resolution = {"by": "sre-2", "outcome": "DidNotHappen", "digest": status["digest"]}
    op.say("p1", resolution=resolution)
    await op.reconcile("p1")
    assert (op.status("p1")["phase"], op.status("p1")["reason"]) == ("Failed", "Resolved")
    assert op.sent == 1


async def test_a_refusal_by_pd_ends_failed(op: Rig) -> None:
    """Nothing happened, and PD's own words say why."""
    op.pd.answers[START] = lambda _: answer(500, "[PD:core:ErrStoreNotFound]store 4 not found")
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Failed")
    assert status["reason"] == "Refused"
    assert "store 4 not found" in status["message"]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"metadata": {"labels": {"team": "db"}}}, id="why=a label says nothing"),
        pytest.param({"spec": {"cancel": {"by": "sre-9"}}}, id="why=too late to cancel"),
    ],
)
async def test_an_edit_while_verifying_is_decided_upon_anew(
    op: Rig, edit: dict[str, object]
) -> None:
    """The outcome is written over the newest object, not lost to the conflict."""

    def did(_: httpx.Request) -> httpx.Response:
        op.server.edit(KINDS.proposal, NS, "p1", edit)
        op.pd.answers.clear()
        op.pd.evicted.add(4)
        for region in op.pd.regions.values():
            region.leader_store_id = next(n for n in region.store_ids if n != 4)
        return answer(200, "The scheduler is created.")

    op.pd.answers[START] = did
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Succeeded")
    assert status["execution"]["steps"][0]["state"] == "Done"
    assert op.sent == 1


async def test_an_edit_that_the_watch_has_not_told_of_is_a_conflict_and_decided_anew(
    op: Rig,
) -> None:
    """The cache believes it has the newest; the API server knows better."""
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, lambda: None)  # the intent

    async def unseen() -> None:
        listeners, op.server.listeners = op.server.listeners, []
        op.server.edit(KINDS.proposal, NS, "p1", {"metadata": {"labels": {"team": "db"}}})
        op.server.listeners = listeners

    op.server.order("PATCH", STATUS, unseen)  # the outcome
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]


async def test_the_lost_answer_of_the_outcome_write_is_recognised(op: Rig) -> None:
    """It was stored: writing it again would be a second history."""
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, lambda: None, after_storing=True)
    op.server.order("PATCH", STATUS, lose, after_storing=True)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    await op.until_idle("p1")
    history = [entry["phase"] for entry in op.status("p1")["history"]]
    assert history == ["Pending", "Executing", "Succeeded"]
    assert op.running is not None
    assert not op.running.done()


async def test_what_is_known_of_a_call_survives_an_api_server_that_is_away(op: Rig) -> None:
    """PD refused, and the API server cannot be told for a while: still Failed, not unknown."""
    op.pd.answers[START] = lambda _: answer(500, "[PD:core:ErrStoreNotFound]store 4 not found")
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, lambda: None)
    op.server.order("PATCH", STATUS, lose)
    op.server.order("GET", "/actionproposals/p1$", lambda: None)  # the look before the call
    op.server.order("GET", "/actionproposals/p1$", lose, times=4)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Failed")
    assert status["reason"] == "Refused"


async def test_the_lost_answer_of_the_claim_is_read_back_and_carried_on(op: Rig) -> None:
    """Stored, so it is ours and nothing was sent: no reason to declare it unknown."""
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, lose, after_storing=True)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]


async def test_a_claim_that_lands_late_is_known_again_as_never_sent(op: Rig) -> None:
    """The write hung in the API server, was read back as absent, and landed after all."""
    await op.approved("p1", EVICT_4)
    held: list[dict[str, object]] = []

    def keep_and_lose() -> None:
        held.append(op.server.seen[-1].body)
        lose()

    op.server.order("PATCH", STATUS, keep_and_lose)
    with pytest.raises(Exception, match="no answer from the API server"):
        await op.reconcile("p1")
    assert op.status("p1")["phase"] == "Pending"
    op.server.edit(KINDS.proposal, NS, "p1", {"status": held[0]["status"]})
    assert op.status("p1")["phase"] == "Executing"
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert op.calls == [("POST", "/schedulers")]
    # The journal never heard that it was stored: told of nevertheless.
    await op.until(lambda: "Calling" in [one["reason"] for one in op.server.all(KINDS.event)])


async def test_another_leader_in_the_journal_ends_the_term_without_a_call(op: Rig) -> None:
    """The live look shows a higher epoch: whoever wrote it acts now, we do not."""
    await op.approved("p1", EVICT_4)

    def taken_over() -> None:
        execution = op.status("p1")["execution"]
        taken = {**execution, "epoch": 8, "holder": "assent-9"}
        op.server.edit(KINDS.proposal, NS, "p1", {"status": {"execution": taken}})

    op.server.order("PATCH", STATUS, taken_over, after_storing=True)
    await op.reconcile("p1")
    assert op.running is not None
    async with asyncio.timeout(30):
        with pytest.raises(LeadershipLost, match="other hands"):
            await op.running
    assert op.calls == []
    assert op.status("p1")["phase"] == "Executing"


async def test_a_term_that_is_over_sends_nothing(op: Rig) -> None:
    """A process that was frozen between intent and call wakes up after its deadline."""
    await op.approved("p1", EVICT_4)
    op.server.order("PATCH", STATUS, op.term.end, after_storing=True)
    await op.reconcile("p1")
    assert op.running is not None
    async with asyncio.timeout(30):
        with pytest.raises(LeadershipLost):
            await op.running
    assert op.calls == []


async def test_leaders_that_never_leave_are_undone(op: Rig) -> None:
    """The eviction took effect and missed its goal: taken back, and seen to be."""

    def listed_only(_: httpx.Request) -> httpx.Response:
        op.pd.evicted.add(4)
        return answer(200, "The scheduler is created.")

    op.pd.answers[START] = listed_only
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.time_is_up()
    status = await op.until_phase("p1", "RolledBack")
    assert [(step["kind"], step["state"]) for step in status["execution"]["steps"]] == [
        ("Forward", "Done"), ("Undo", "Done"),
    ]  # fmt: skip
    assert op.calls == [("DELETE", f"/scheduler-config/{EVICT}/delete/4")]
    assert op.pd.evicted == set()


async def test_an_undo_waits_for_a_halt_and_says_so(op: Rig) -> None:
    """A Halt stops undoing too; when it ends the undo goes on by itself."""

    def listed_only(_: httpx.Request) -> httpx.Response:
        op.pd.evicted.add(4)
        op.halt()
        return answer(200, "The scheduler is created.")

    op.pd.answers[START] = listed_only
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.time_is_up()
    await op.until(lambda: op.status("p1").get("reason") == "Halted")
    assert op.status("p1")["phase"] == "RollingBack"
    assert op.calls == []
    op.server.delete(KINDS.halt, "", "stop-all")
    op.executor.nudge(f"{NS}/p1")
    await op.until_phase("p1", "RolledBack")
    assert op.pd.evicted == set()


async def test_a_value_that_somebody_changed_since_is_left_alone(op: Rig) -> None:
    """The undo was refused a moment after a person ended the eviction by hand."""

    def listed_only(_: httpx.Request) -> httpx.Response:
        op.pd.evicted.add(4)
        return answer(200, "The scheduler is created.")

    def by_hand(_: httpx.Request) -> httpx.Response:
        op.pd.evicted.clear()
        return answer(404, "[PD:scheduler:ErrScheduleConfigNotExist]the config does not exist")

    op.pd.answers[START] = listed_only
    op.pd.answers[("DELETE", f"/pd/api/v1/scheduler-config/{EVICT}/delete/4")] = by_hand
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.time_is_up()
    status = await op.until_phase("p1", "RolledBack")
    assert "from before" in status["message"]


async def test_another_pd_behind_the_endpoints_is_not_called(op: Rig) -> None:
    """What was approved was approved for that PD cluster and no other."""
    await op.approved("p1", EVICT_4)

    async def moved() -> None:
        op.pd.cluster_id = 4711
        watcher = op.clusters.watcher(op.world.clusters[0])
        await watcher.aclose()
        await watcher.renew(op.world.clusters[0], Wanted())

    op.server.order("PATCH", STATUS, moved, after_storing=True)
    await op.reconcile("p1")
    status = await op.until_phase("p1", "Approved")
    assert "4711" in status["message"]
    assert op.calls == []


async def test_an_unexpected_error_in_a_flight_is_counted_and_resumed(op: Rig) -> None:
    """A bug must not lose a proposal: the flight ends, and the next look takes it up."""
    op.pd.evicted.add(4)
    await op.approved("p1", STOP_4)
    op.server.order("PATCH", STATUS, lambda: _break(op), after_storing=True)
    await op.reconcile("p1")
    await op.until_idle("p1")
    assert op.metric("assent_execution_errors_total", reason="RuntimeError") == 1
    assert op.running is not None
    assert not op.running.done()
    assert op.status("p1")["phase"] == "Executing"
    op.pd.evicted.clear()
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")


def _break(op: Rig) -> None:
    real = op.executor._pd.client

    async def broken(*_: object) -> None:
        op.executor._pd.client = real  # type: ignore[method-assign]
        raise RuntimeError("a bug")

    op.executor._pd.client = broken  # type: ignore[assignment,method-assign]


async def test_a_fenced_write_in_the_first_moments_is_tried_again(op: Rig) -> None:
    """The API server's cache of the Lease lags; later the same refusal means leadership is lost."""
    op.term.began_monotonic_seconds = op.clock.monotonic()
    await op.approved("p1", EVICT_4)
    fenced = "ValidatingAdmissionPolicy denied: fenced: not the holder"
    op.server.order("PATCH", STATUS, lambda: refusal(403, "Forbidden", fenced))
    with pytest.raises(Exception, match="fenced") as caught:
        await op.reconcile("p1")
    assert not isinstance(caught.value, LeadershipLost)
    op.clock.advance(3)
    op.server.order("PATCH", STATUS, lambda: refusal(403, "Forbidden", fenced))
    with pytest.raises(LeadershipLost):
        await op.reconcile("p1")
    assert op.calls == []
