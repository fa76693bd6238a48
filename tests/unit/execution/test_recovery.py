"""The next leader takes over open intents: by proof, never by elapsed time."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from assent.errors import LeadershipLost, Retryable
from assent.kube.resources import KINDS
from tests.support.fake_kube import lose
from tests.support.fake_pd import EVICT, answer
from tests.support.proposals import EVICT_4, STOP_4
from tests.unit.execution.rig import NS, POD, Rig

START = ("POST", "/pd/api/v1/schedulers")
STATUS = "/status$"


async def crashed(op: Rig, tmp_path: Path, **how: Any) -> Rig:
    """Store the claim, die before or after the call, and return the next leader's process."""
    await op.approved("p1", EVICT_4)
    op.dies_after_storing()
    with pytest.raises(LeadershipLost):
        await op.reconcile("p1")
    await op.stop_flying()
    assert op.status("p1")["phase"] == "Executing"
    assert op.sent == 0
    await op.end()
    if how.get("took_effect"):
        took_effect(op)
    if how.get("listed_only"):
        op.pd.evicted.add(4)
    follower = op.successor(tmp_path)
    await follower.lead()
    return follower


def took_effect(op: Rig) -> None:
    """Let PD show the eviction, and its leaders gone."""
    op.pd.evicted.add(4)
    for region in op.pd.regions.values():
        region.leader_store_id = next(n for n in region.store_ids if n != 4)


def pod(op: Rig, *, ended: bool) -> None:
    """The Pod object of the earlier leader."""
    state = {"terminated": {"exitCode": 137}} if ended else {"running": {"startedAt": "2026"}}
    op.server.put(
        KINDS.pod,
        {
            "metadata": {"name": POD, "namespace": "assent-system"},
            "status": {"containerStatuses": [{"name": "operator", "state": state}]},
        },
    )


async def look(next_op: Rig) -> None:
    """What the worker does with an executing proposal."""
    await next_op.reconcile("p1")


async def test_an_effect_that_shows_is_adopted(op: Rig, tmp_path: Path) -> None:
    """The earlier leader's call took effect: recorded under the new epoch, nothing is sent."""
    later = await crashed(op, tmp_path, took_effect=True)
    try:
        await look(later)
        status = await later.until_phase("p1", "Succeeded")
        assert (status["execution"]["epoch"], status["execution"]["holder"]) == (8, "assent-1")
        assert status["execution"]["steps"][0]["holder"] == POD
        assert later.sent == 0
    finally:
        await later.end()


@pytest.mark.parametrize(
    "hours", [pytest.param(0, id="at once"), pytest.param(9, id="hours later")]
)
async def test_without_proof_nothing_is_ever_sent_again(
    op: Rig, tmp_path: Path, hours: int
) -> None:
    """The earlier pod may be alive, frozen, cut off: time proves nothing."""
    pod(op, ended=False)
    later = await crashed(op, tmp_path)
    try:
        later.clock.advance(3600 * hours)
        await look(later)
        if not hours:
            await later.until(lambda: later.status("p1")["execution"]["epoch"] == 8)
            later.clock.advance(3600)
        status = await later.until_phase("p1", "OutcomeUnknown")
        assert status["reason"] == "AnswerLost"
        assert later.sent == 0
    finally:
        await later.end()


async def test_a_missing_pod_object_proves_nothing(op: Rig, tmp_path: Path) -> None:
    """Forced deletion removes the object while the process lives on."""
    later = await crashed(op, tmp_path)
    try:
        await look(later)
        await later.until(lambda: later.status("p1")["execution"]["epoch"] == 8)
        assert later.status("p1")["phase"] == "Executing"
        assert later.sent == 0
    finally:
        await later.end()


async def test_a_sender_proven_gone_licenses_one_repeat(op: Rig, tmp_path: Path) -> None:
    """Its container ended, PD is as before, the call is absolute: sent again, by a named pod."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path)
    try:
        await look(later)
        status = await later.until_phase("p1", "Succeeded")
        assert later.sent == 1
        (step,) = status["execution"]["steps"]
        assert (step["holder"], step["epoch"]) == ("assent-1", 8)
    finally:
        await later.end()


async def test_a_repeat_waits_for_the_renewal_of_the_lease(op: Rig, tmp_path: Path) -> None:
    """Only time stands against it: nothing was sent, so nothing is unknown."""
    later = await crashed(op, tmp_path)
    pod(op, ended=True)
    try:
        later.term._deadline = later.clock.monotonic() + 3.0
        await look(later)
        await later.until(lambda: later.status("p1")["execution"]["epoch"] == later.term.epoch)
        assert later.sent == 0
        later.term._deadline = later.clock.monotonic() + 60.0
        status = await later.until_phase("p1", "Succeeded")
        assert [step["state"] for step in status["execution"]["steps"]] == ["Done"]
        assert later.sent == 1
    finally:
        await later.end()


async def test_a_repeat_that_waited_is_dropped_when_pd_shows_it_meanwhile(
    op: Rig, tmp_path: Path
) -> None:
    """What licensed it is looked at again before it is sent."""
    later = await crashed(op, tmp_path)
    pod(op, ended=True)
    try:
        later.term._deadline = later.clock.monotonic() + 3.0
        await look(later)
        await later.until(lambda: later.status("p1")["execution"]["epoch"] == later.term.epoch)
        took_effect(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 0
    finally:
        await later.end()


async def test_a_value_set_between_the_licence_and_the_repeat_is_not_overwritten(
    op: Rig, tmp_path: Path
) -> None:
    """The claim of the new term takes a moment; PD is looked at once more after it."""
    later = await crashed(op, tmp_path)
    pod(op, ended=True)
    try:
        later.server.order("PATCH", STATUS, lambda: took_effect(later), after_storing=True)
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 0
    finally:
        await later.end()


async def test_a_graceful_release_is_proof_too(op: Rig, tmp_path: Path) -> None:
    """The term just before ended by releasing the Lease after its work was drained."""
    later = await crashed(op, tmp_path)
    try:
        later.term.released_epoch = 7
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 1
    finally:
        await later.end()


async def test_a_release_of_another_term_is_not(op: Rig, tmp_path: Path) -> None:
    """The intent is older than the term that was released."""
    later = await crashed(op, tmp_path)
    try:
        later.term.released_epoch = 6
        await look(later)
        await later.until(lambda: later.status("p1")["execution"]["epoch"] == 8)
        assert later.sent == 0
    finally:
        await later.end()


async def test_an_effect_that_missed_its_goal_is_taken_back(op: Rig, tmp_path: Path) -> None:
    """Evicted, and its leaders never left until the time was over: the new leader undoes it."""
    later = await crashed(op, tmp_path, listed_only=True)
    try:
        later.clock.advance(3600)
        await look(later)
        status = await later.until_phase("p1", "RolledBack")
        assert status["execution"]["steps"][-1]["holder"] == "assent-1"
        assert later.calls == [("DELETE", f"/scheduler-config/{EVICT}/delete/4")]
    finally:
        await later.end()


async def test_the_claim_is_stored_before_the_repeat_is_sent(op: Rig, tmp_path: Path) -> None:
    """So that the API server refuses whatever the earlier leader still writes."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path)
    epochs: list[int] = []

    def called(_: httpx.Request) -> httpx.Response:
        epochs.append(later.status("p1")["execution"]["epoch"])
        later.pd.evicted.add(4)
        for region in later.pd.regions.values():
            region.leader_store_id = next(n for n in region.store_ids if n != 4)
        return answer(200, "The scheduler is created.")

    later.pd.answers[START] = called
    try:
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert epochs == [8]
    finally:
        await later.end()


async def test_a_takeover_that_was_not_stored_sends_nothing(op: Rig, tmp_path: Path) -> None:
    """Refused or lost: nothing was done, and the next look tries again."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path)
    try:
        later.server.order("PATCH", STATUS, lose)
        await look(later)
        await later.until_idle("p1")
        assert later.sent == 0
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 1
    finally:
        await later.end()


async def test_pd_that_is_not_prepared_is_waited_for(op: Rig, tmp_path: Path) -> None:
    """Just after a change of its leader PD lists no eviction at all: that is not "as before"."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path, took_effect=True)
    try:
        later.pd.prepared = False
        await look(later)
        await later.until_idle("p1")
        assert later.status("p1")["execution"]["epoch"] == 7
        later.pd.prepared = True
        await look(later)
        await later.until_phase("p1", "Succeeded")
        assert later.sent == 0
    finally:
        await later.end()


async def test_another_pd_cluster_is_never_taken_for_the_one_approved(
    op: Rig, tmp_path: Path
) -> None:
    """The TiKVCluster was made anew and points elsewhere: as before there, but not here."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path)
    try:
        later.server.delete(KINDS.cluster, NS, "demo")
        later.watch()
        later.pd.cluster_id = 4711
        await look(later)
        await later.until_idle("p1")
        assert later.sent == 0
        assert later.status("p1")["phase"] == "Executing"
        assert later.metric("assent_execution_errors_total", reason="ClusterNotReady") == 1
    finally:
        await later.end()


async def test_a_proposal_whose_cluster_is_gone_says_so_and_ends_unknown(
    op: Rig, tmp_path: Path
) -> None:
    """Nobody can look at its PD any more: held with a word, never stuck in silence."""
    pod(op, ended=True)
    later = await crashed(op, tmp_path)
    try:
        later.server.delete(KINDS.cluster, NS, "demo")
        again = await later.reconcile("p1")
        assert again is not None
        await later.until(lambda: "TiKVCluster demo is gone" in later.status("p1")["message"])
        await later.until_idle("p1")
        written = later.server.get(KINDS.proposal, NS, "p1")["metadata"]["resourceVersion"]
        await later.reconcile("p1")
        await later.until_idle("p1")
        found = later.server.get(KINDS.proposal, NS, "p1")
        assert found["metadata"]["resourceVersion"] == written
        later.clock.advance(3600)
        await later.reconcile("p1")
        await later.until_phase("p1", "OutcomeUnknown")
        assert later.sent == 0
    finally:
        await later.end()


async def test_a_cluster_that_comes_back_lets_its_proposal_end(op: Rig, tmp_path: Path) -> None:
    """The same PD under a new object: what it shows settles the call."""
    later = await crashed(op, tmp_path, took_effect=True)
    try:
        later.server.delete(KINDS.cluster, NS, "demo")
        await later.reconcile("p1")
        await later.until(lambda: "is gone" in later.status("p1")["message"])
        await later.until_idle("p1")
        later.watch()
        await later.reconcile("p1")
        await later.until_phase("p1", "Succeeded")
    finally:
        await later.end()


async def test_a_running_execution_outlives_its_cluster_object(op: Rig) -> None:
    """Deleted while it is being verified: this process still knows where PD is."""
    op.pd.evicted.add(4)
    await op.approved("p1", STOP_4)
    op.server.order("GET", "/tikvclusters/demo$", lambda: None, after_storing=True)

    def done(_: httpx.Request) -> httpx.Response:
        op.server.delete(KINDS.cluster, NS, "demo")
        op.pd.evicted.clear()
        return answer(200, "The last store has been deleted")

    op.pd.answers[("DELETE", f"/pd/api/v1/scheduler-config/{EVICT}/delete/4")] = done
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")


async def test_the_pod_that_cannot_be_read_leaves_all_as_it_is(op: Rig, tmp_path: Path) -> None:
    """Nothing is known of the sender, so nothing is decided yet."""
    later = await crashed(op, tmp_path)
    try:
        later.server.order("GET", f"/pods/{POD}$", lose, times=5)
        proposal = later.world.proposal(f"{NS}/p1")
        assert proposal is not None
        with pytest.raises(Retryable):
            await later.recovery.take_over(proposal, None, later.term)
        assert later.status("p1")["execution"]["epoch"] == 7
    finally:
        await later.end()
