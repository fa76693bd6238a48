"""One look at one proposal: claims one at a time, flights left alone, rests kept."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from assent.api.v1alpha1.actionproposal import Execution, StepState
from assent.api.v1alpha1.actions import action
from assent.api.v1alpha1.parameters.store import EvictLeaders, SetStoreLimit, StoreLimitKind
from assent.controllers.clusters import Gate
from assent.controllers.proposals import facts_from, rest_seconds
from assent.core.model.resource import Proposal
from assent.errors import LeadershipLost, OutcomeUnknown
from assent.kube.resources import KINDS
from tests.support.fake_kube import lose
from tests.support.proposals import EVICT_4, NOW, claimed
from tests.unit.execution.rig import NS, Rig

EVICT_3 = action(EvictLeaders(store_id=3))
LIMIT_2 = action(SetStoreLimit(store_id=2, kind=StoreLimitKind.ADD_PEER, rate_per_minute=20))


async def test_a_new_proposal_is_assessed_with_one_write(op: Rig) -> None:
    """And the look says when to come back, for facts move without events."""
    op.file("p1", EVICT_4)
    again = await op.reconcile("p1")
    assert op.status("p1")["phase"] == "Pending"
    assert again is not None
    await op.reconcile("p1")
    assert len(op.server.requests("PATCH", "/status$")) == 1


async def test_what_is_finished_or_gone_costs_nothing(op: Rig) -> None:
    """No read, no write, no timer."""
    op.file("p1", EVICT_4)
    op.cancel("p1")
    await op.reconcile("p1")
    assert op.status("p1")["phase"] == "Cancelled"
    seen = len(op.server.seen)
    assert await op.reconcile("p1") is None
    assert await op.reconcile("never-was") is None
    assert len(op.server.seen) == seen


async def test_two_approvals_at_once_are_claimed_one_after_the_other(op: Rig) -> None:
    """Both would find the cluster free if they looked at the same time."""
    await op.approved("p1", EVICT_4)
    await op.approved("p2", LIMIT_2)
    land = asyncio.Event()
    op.server.order("GET", "/halts$", land.wait, times=2)  # keeps the first one in flight
    await asyncio.gather(op.reconcile("p1"), op.reconcile("p2"))
    phases = sorted(op.status(name)["phase"] for name in ("p1", "p2"))
    assert phases == ["Approved", "Executing"]
    waiting = next(name for name in ("p1", "p2") if op.status(name)["phase"] == "Approved")
    assert op.status(waiting)["reason"] == "Busy"
    land.set()
    first = "p2" if waiting == "p1" else "p1"
    await op.until_phase(first, "Succeeded")
    await op.reconcile(waiting)
    await op.until_phase(waiting, "Succeeded")
    assert len(op.calls) == 2


async def test_clusters_do_not_wait_for_each_other(op: Rig) -> None:
    """And the locks of clusters that are gone are not kept."""
    await op.approved("p1", EVICT_4)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert len(op.proposals._claims) == 0


async def test_a_proposal_in_the_air_is_left_to_its_flight(op: Rig) -> None:
    """Another hand on its status would be a conflict, or a claim beside the running one."""
    await op.approved("p1", EVICT_4)
    land = asyncio.Event()
    op.server.order("GET", "/halts$", land.wait)
    await op.reconcile("p1")
    assert op.executor.flying(f"{NS}/p1")
    await op.reconcile("p1")  # Executing: taken up already
    listeners, op.server.listeners = op.server.listeners, []
    op.server.edit(KINDS.proposal, NS, "p1", {"status": {"phase": "Approved"}})
    op.server.listeners = listeners
    op.world.observe(KINDS.proposal, op.server.get(KINDS.proposal, NS, "p1"))
    writes = len(op.server.requests("PATCH"))
    again = await op.reconcile("p1")
    assert again is not None
    assert again < 1
    assert len(op.server.requests("PATCH")) == writes
    land.set()


async def test_a_gate_that_does_not_stand_holds_what_was_approved(op: Rig) -> None:
    """Until all is well nothing executes; then it runs without being asked again."""
    await op.approved("p1", EVICT_4)
    op.gate = Gate("a binding is missing")
    await op.reconcile("p1")
    assert (op.status("p1")["phase"], op.status("p1")["reason"]) == (
        "Approved",
        "GateNotInstalled",
    )
    assert op.calls == []
    op.gate = Gate(None)
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")


def events(op: Rig) -> list[str]:
    """Return the reasons of the Events that were posted."""
    return [event["reason"] for event in op.server.all(KINDS.event)]


def glasses(op: Rig, tier: str) -> float | None:
    return op.metrics.registry.get_sample_value("assent_glass_broken_total", {"tier": tier})


async def test_a_broken_glass_is_counted_once(op: Rig) -> None:
    """By tier, when it first stands on the object; an alert is made of it."""
    needed = {"spec": {"policy": {"approvalsNeeded": {"medium": 2}}, "suspend": True}}
    op.server.edit(KINDS.cluster, NS, "demo", needed)
    op.file("p1", EVICT_4)
    await op.reconcile("p1")
    assert glasses(op, "Medium") == 0
    why = "both colleagues are on a plane"
    seat = {"by": "sre-2", "decision": "Approve", "digest": op.status("p1")["digest"]}
    op.say("p1", approvals=[{**seat, "breakGlass": why}])
    await op.reconcile("p1")
    assert op.status("p1")["approvals"]["breakGlass"] == {
        "by": "sre-2",
        "reason": why,
        "standsInFor": 1,
    }
    assert glasses(op, "Medium") == 1
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": {"suspend": False}})
    await op.reconcile("p1")
    await op.until_phase("p1", "Succeeded")
    assert glasses(op, "Medium") == 1


@pytest.mark.parametrize("suspended", [True, False], ids=["held", "claimed"])
async def test_a_broken_glass_whose_write_was_not_answered_is_told_of(
    op: Rig, suspended: bool
) -> None:
    """It is stored, whoever heard of it."""
    needed = {"policy": {"approvalsNeeded": {"medium": 2}}, "suspend": suspended}
    op.server.edit(KINDS.cluster, NS, "demo", {"spec": needed})
    op.file("p1", EVICT_4)
    await op.reconcile("p1")
    seat = {"by": "sre-2", "decision": "Approve", "digest": op.status("p1")["digest"]}
    op.say("p1", approvals=[{**seat, "breakGlass": "nobody else is awake"}])
    op.server.order("PATCH", "/actionproposals/p1/status$", lose, after_storing=True)
    with suppress(OutcomeUnknown):
        await op.reconcile("p1")
    assert op.status("p1")["approvals"]["summary"] == "1/2 glass"
    assert glasses(op, "Medium") == 1
    await op.until(lambda: "GlassBroken" in events(op))
    await op.until_idle("p1")
    await op.events.aclose(within_seconds=30)
    assert events(op).count("GlassBroken") == 1


@pytest.mark.parametrize(
    "narrowed",
    [
        {"policy": {"approvalsNeeded": {"medium": 3}}},
        {"policy": {"maxTier": "Low"}},
        {"dryRun": True},
        {"suspend": True},
    ],
    ids=["more approvals", "lower ceiling", "dry-run", "suspended"],
)
async def test_a_policy_that_was_narrowed_while_pd_was_read_counts(
    op: Rig, narrowed: dict[str, object]
) -> None:
    """The claim is a compare-and-swap over the proposal, not over the TiKVCluster."""
    await op.approved("p1", EVICT_4)
    op.clock.advance(60)  # what is known of PD is old: it is read anew
    writes = len(op.server.requests("PATCH", "/status$"))

    def narrow(request: httpx.Request) -> httpx.Response:
        op.pd.answers.clear()
        op.server.edit(KINDS.cluster, NS, "demo", {"spec": narrowed})
        return op.pd._serve(request, "", leads=True)

    op.pd.answers[("GET", "/pd/api/v1/stores")] = narrow
    assert await op.reconcile("p1") == 0.0
    assert len(op.server.requests("PATCH", "/status$")) == writes
    await op.reconcile("p1")
    await op.until_idle("p1")
    assert op.sent == 0


async def test_without_its_cluster_an_open_proposal_waits_and_says_so(op: Rig) -> None:
    """Filed before the TiKVCluster, as GitOps may do."""
    op.server.delete(KINDS.cluster, NS, "demo")
    op.file("p1", EVICT_4)
    await op.reconcile("p1")
    assert op.status("p1")["reason"] == "ClusterNotReady"
    op.watch()
    await op.reconcile("p1")
    assert op.status("p1")["reason"] == "AwaitingApproval"


async def test_an_open_intent_of_an_earlier_term_is_taken_up(op: Rig, tmp_path: Path) -> None:
    """Start-up is recovery: nothing else looks for open intents."""
    await op.approved("p1", EVICT_4)
    op.dies_after_storing()
    with pytest.raises(LeadershipLost):
        await op.reconcile("p1")
    await op.stop_flying()
    op.pd.evicted.add(4)
    for region in op.pd.regions.values():
        region.leader_store_id = next(n for n in region.store_ids if n != 4)
    later = op.successor(tmp_path)
    await later.lead()
    try:
        await later.reconcile("p1")
        await later.until_phase("p1", "Succeeded")
        assert op.sent == 0
    finally:
        await later.end()


def _withheld(times: int) -> Proposal:
    flying = claimed()
    execution = flying.status.execution
    assert execution is not None
    step = execution.steps[0].model_copy(update={"state": StepState.NOT_DONE, "intended_at": NOW})
    journal = Execution(epoch=7, holder="assent-0", steps=[step] * times)
    return replace(flying, status=flying.status.model_copy(update={"execution": journal}))


@pytest.mark.parametrize(("times", "seconds"), [(1, 2), (2, 4), (5, 32), (12, 300)])
def test_the_rest_doubles_with_each_claim_that_came_to_no_call(times: int, seconds: int) -> None:
    """Forty entries are all the journal holds, and each try costs two writes."""
    assert rest_seconds(_withheld(times), NOW) == seconds
    assert rest_seconds(_withheld(times), NOW + timedelta(seconds=seconds)) == 0


def test_a_clock_that_was_set_back_holds_no_claim_for_as_long() -> None:
    """The last one seems to come from the future: waiting for that could take a day."""
    assert rest_seconds(_withheld(3), NOW - timedelta(hours=1)) == 0


def test_a_claim_that_was_never_withheld_does_not_rest() -> None:
    """Nothing stands between approval and call."""
    flying = claimed()
    assert rest_seconds(flying, NOW) == 0
    fresh = replace(flying, status=flying.status.model_copy(update={"execution": None}))
    assert rest_seconds(fresh, NOW) == 0
    assert facts_from(fresh, NOW) == facts_from(flying, NOW) == NOW - timedelta(seconds=5)


def test_after_a_call_that_could_not_be_sent_pd_is_looked_at_anew() -> None:
    """What was known before it led to nothing."""
    assert facts_from(_withheld(1), NOW + timedelta(seconds=2)) == NOW
