"""Policy gates: each says its own no, in words that do not drift."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.tikvcluster import Mode, Tier
from assent.core.model.resource import Cluster
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict
from assent.core.policy.gates import (
    busy_check,
    cluster_check,
    freshness_check,
    snapshot_check,
    standing_checks,
)
from tests.support.proposals import NOW, at, cluster, evicted, halt, proposal
from tests.support.snapshots import unprepared


def standing(**changes: Any) -> dict[str, Verdict]:
    """Return the standing checks by name, all passing but for the changes."""
    base: dict[str, Any] = {
        "cluster": cluster(),
        "halts": (),
        "gate_installed": True,
        "tier": Tier.LOW,
        "spec": proposal().spec,
        "now": NOW,
    }
    return {check.name: check.verdict for check in standing_checks(**{**base, **changes})}


def ready(of: Cluster | None, cluster_ready: str | None = None) -> Verdict:
    """Return the verdict on the cluster."""
    return cluster_check(
        namespace="tikv", name="demo", cluster=of, cluster_ready=cluster_ready
    ).verdict


def test_all_pass_by_default() -> None:
    """Nothing stands against a plain approved action."""
    assert all(isinstance(verdict, Allow) for verdict in standing().values())


@pytest.mark.parametrize(
    ("changes", "gate", "reason"),
    [
        ({"gate_installed": False}, "GateInstalled", Reason.GATE_NOT_INSTALLED),
        ({"cluster": cluster(mode=Mode.OBSERVE)}, "Mode", Reason.OBSERVE_MODE),
        ({"cluster": cluster(suspend=True)}, "NotSuspended", Reason.SUSPENDED),
        ({"halts": (halt(),)}, "NotHalted", Reason.HALTED),
        ({"spec": proposal(not_before=at(60)).spec}, "NotBefore", Reason.NOT_BEFORE),
    ],
)
def test_each_gate_holds_alone(changes: dict[str, Any], gate: str, reason: Reason) -> None:
    """One no holds exactly its own gate, with its own word."""
    found = standing(**changes)
    verdict = found.pop(gate)
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason
    assert all(isinstance(other, Allow) for other in found.values())


@pytest.mark.parametrize(
    ("tier", "highest", "denied"),
    [
        (Tier.HIGH, Tier.HIGH, False),
        (Tier.CRITICAL, Tier.HIGH, True),
        (Tier.MEDIUM, Tier.LOW, True),
        (Tier.LOW, Tier.CRITICAL, False),
    ],
)
def test_max_tier_is_a_ceiling(tier: Tier, highest: Tier, denied: bool) -> None:
    """Nothing above it runs, approved or not."""
    verdict = standing(tier=tier, cluster=cluster(policy={"max_tier": highest}))["MaxTier"]
    assert isinstance(verdict, Deny) is denied


def test_not_before_says_when_it_ends() -> None:
    """So that the next look comes in time."""
    verdict = standing(spec=proposal(not_before=at(60)).spec)["NotBefore"]
    assert isinstance(verdict, Hold)
    assert verdict.until == at(60)
    assert "2026-03-01T12:01:00Z" in verdict.message


def test_not_before_passes_when_its_time_has_come() -> None:
    """At the instant itself, not after it."""
    verdict = standing(spec=proposal(not_before=NOW).spec)["NotBefore"]
    assert isinstance(verdict, Allow)


def test_every_halt_that_must_end_is_named() -> None:
    """Several halts in whatever order give one stable sentence, and one line that ends them all."""
    orders = (halt("b"), halt("a"))
    forward = standing(halts=orders)["NotHalted"]
    assert forward == standing(halts=orders[::-1])["NotHalted"]
    assert isinstance(forward, Hold)
    assert "Halt a stops everything" in forward.message
    assert forward.message.endswith(", and 1 more: kubectl delete halt a b")


def test_a_single_halt_is_named_alone() -> None:
    """No other is hinted at."""
    verdict = standing(halts=(halt("a"),))["NotHalted"]
    assert isinstance(verdict, Hold)
    assert verdict.message.endswith("): kubectl delete halt a")


def test_many_halts_do_not_fill_the_message() -> None:
    """What is cut is counted."""
    verdict = standing(halts=tuple(halt(f"h{number}") for number in range(9)))["NotHalted"]
    assert isinstance(verdict, Hold)
    assert verdict.message.endswith(", and 8 more: kubectl delete halt h0 h1 h2 h3 h4")


def test_a_suspended_cluster_says_how_to_go_on() -> None:
    """The message carries the line to type."""
    verdict = standing(cluster=cluster(suspend=True))["NotSuspended"]
    assert isinstance(verdict, Hold)
    assert "kubectl -n tikv patch tikvc demo" in verdict.message


def test_a_missing_cluster_is_one_gates_matter() -> None:
    """The others do not repeat it."""
    assert all(isinstance(verdict, Allow) for verdict in standing(cluster=None).values())
    verdict = ready(None)
    assert isinstance(verdict, Hold)
    assert "no TiKVCluster demo in namespace tikv" in verdict.message


def test_a_cluster_that_is_not_ready_says_why() -> None:
    """The sentence on the TiKVCluster is repeated where people look."""
    verdict = ready(cluster(), "PD does not answer")
    assert verdict == Hold(Reason.CLUSTER_NOT_READY, "PD does not answer")


def test_a_cluster_being_deleted_is_not_ready() -> None:
    """Who removes the cluster object wants no more calls there."""
    found = cluster()
    gone = replace(found, meta=replace(found.meta, deleting=True))
    assert isinstance(ready(gone), Hold)
    assert isinstance(ready(found), Allow)


def test_an_unprepared_pd_is_not_judged() -> None:
    """P15: just after a leader change PD shows no schedulers."""
    assert isinstance(snapshot_check(evicted()).verdict, Allow)
    assert isinstance(snapshot_check(unprepared(evicted())).verdict, Hold)
    assert isinstance(snapshot_check(None).verdict, Hold)


@pytest.mark.parametrize(
    ("age_seconds", "fresh"),
    [
        pytest.param(0, True, id="just read"),
        pytest.param(10, True, id="exactly the bound"),
        pytest.param(10.001, False, id="older than the bound"),
    ],
)
def test_a_call_needs_fresh_facts(age_seconds: float, fresh: bool) -> None:
    """What was true a while ago licenses nothing."""
    verdict = freshness_check(evicted(), at(age_seconds)).verdict
    assert isinstance(verdict, Allow) is fresh


def test_stale_facts_say_the_same_at_every_age() -> None:
    """An age in the words would be written anew at every look."""
    assert freshness_check(evicted(), at(20)) == freshness_check(evicted(), at(300))


def test_one_action_at_a_time() -> None:
    """Whoever is in flight is named, in one order."""
    assert busy_check(()) == Check("NotBusy", Allow("nothing else is in flight"))
    held = busy_check(("b", "a")).verdict
    assert held == Hold(Reason.BUSY, "waits for a, b")
