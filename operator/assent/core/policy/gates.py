"""May we, now: the checks that need no look at PD, each as a named verdict."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import ActionProposalSpec
from assent.api.v1alpha1.tikvcluster import Mode, Tier
from assent.core.model.instant import instant
from assent.core.model.resource import Cluster, HaltOrder
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict
from assent.core.policy.limits import SNAPSHOT_MAX_AGE_SECONDS

NAMED_HALTS = 5
RECHECK_SECONDS = 15
"""When to look again at a hold whose end nobody can know."""


def standing_checks(
    *,
    cluster: Cluster | None,
    halts: Sequence[HaltOrder],
    gate_installed: bool,
    tier: Tier,
    spec: ActionProposalSpec,
    now: datetime,
) -> tuple[Check, ...]:
    """Return the checks that are shown on a proposal in every open phase."""
    return (
        Check("GateInstalled", _gate(gate_installed=gate_installed)),
        Check("Mode", _mode(cluster)),
        Check("MaxTier", _max_tier(cluster, tier)),
        Check("NotSuspended", not_suspended(cluster)),
        Check("NotHalted", not_halted(halts)),
        Check("NotBefore", _not_before(spec.not_before, now)),
    )


def cluster_check(
    *, namespace: str, name: str, cluster: Cluster | None, cluster_ready: str | None
) -> Check:
    """Return whether the cluster exists and is watched."""
    verdict: Verdict = Allow("the cluster is watched")
    if cluster is None:
        message = f"there is no TiKVCluster {name} in namespace {namespace}"
        verdict = Hold(Reason.CLUSTER_NOT_READY, message)
    elif cluster.meta.deleting:
        verdict = Hold(Reason.CLUSTER_NOT_READY, f"TiKVCluster {name} is being deleted")
    elif cluster_ready is not None:
        verdict = Hold(Reason.CLUSTER_NOT_READY, cluster_ready)
    return Check("ClusterReady", verdict)


def snapshot_check(snapshot: ClusterSnapshot | None) -> Check:
    """Return whether PD shows enough to judge anything (P15, P48)."""
    verdict: Verdict = Allow("PD was read")
    if snapshot is None:
        verdict = Hold(Reason.CLUSTER_NOT_READY, "PD has not been read yet")
    elif not snapshot.prepared:
        message = "PD lists no scheduler yet: after a change of its leader it knows too little"
        verdict = Hold(Reason.CLUSTER_NOT_READY, message)
    return Check("PDPrepared", verdict)


def freshness_check(snapshot: ClusterSnapshot, now: datetime) -> Check:
    """Return whether the facts are young enough to act on."""
    bound = timedelta(seconds=SNAPSHOT_MAX_AGE_SECONDS)
    if now - snapshot.taken_at <= bound:
        return Check("FreshFacts", Allow("PD was read just now"))
    message = f"the last look at PD is older than {SNAPSHOT_MAX_AGE_SECONDS} s: it is read again"
    return Check("FreshFacts", Hold(Reason.CLUSTER_NOT_READY, message))


def busy_check(in_flight: Sequence[str]) -> Check:
    """Return whether another action is in flight on the same PD cluster (one at a time)."""
    if not in_flight:
        return Check("NotBusy", Allow("nothing else is in flight"))
    return Check("NotBusy", Hold(Reason.BUSY, f"waits for {', '.join(sorted(in_flight)[:5])}"))


def not_suspended(cluster: Cluster | None) -> Verdict:
    """Return a Hold while the cluster is suspended; a missing cluster is another check's."""
    if cluster is not None and cluster.spec.suspend:
        message = (
            f"TiKVCluster {cluster.meta.name} is suspended: "
            f"kubectl -n {cluster.meta.namespace} patch tikvc {cluster.meta.name} "
            """--field-manager=configurer --type merge -p '{"spec":{"suspend":false}}'"""
        )
        return Hold(Reason.SUSPENDED, message)
    return Allow("not suspended")


def not_halted(halts: Sequence[HaltOrder]) -> Verdict:
    """Return a Hold while any Halt exists; it names all that must end, as far as they fit."""
    if not halts:
        return Allow("no Halt exists")
    first, *others = sorted(halts, key=lambda halt: halt.meta.name)
    names = [halt.meta.name for halt in (first, *others)][:NAMED_HALTS]
    also = f", and {len(others)} more" if others else ""
    return Hold(
        Reason.HALTED,
        f"Halt {first.meta.name} stops everything ({first.spec.reason[:200]}){also}: "
        f"kubectl delete halt {' '.join(names)}",
    )


def _gate(*, gate_installed: bool) -> Verdict:
    if gate_installed:
        return Allow("the approval policies are installed")
    return Hold(
        Reason.GATE_NOT_INSTALLED, "the approval policies are missing or differ: install admission"
    )


def _mode(cluster: Cluster | None) -> Verdict:
    if cluster is not None and cluster.spec.mode is Mode.OBSERVE:
        message = f"TiKVCluster {cluster.meta.name} is in mode Observe: nothing is called"
        return Hold(Reason.OBSERVE_MODE, message)
    return Allow("the mode allows approved actions")


def _max_tier(cluster: Cluster | None, tier: Tier) -> Verdict:
    if cluster is None or tier.rank <= cluster.spec.policy.max_tier.rank:
        return Allow("the tier is allowed")
    highest = cluster.spec.policy.max_tier.value
    return Deny(
        Reason.TIER_NOT_ALLOWED,
        f"tier {tier.value} is above spec.policy.maxTier ({highest}) of TiKVCluster "
        f"{cluster.meta.name}",
    )


def _not_before(not_before: datetime | None, now: datetime) -> Verdict:
    if not_before is None or now >= not_before:
        return Allow("its time has come")
    return Hold(Reason.NOT_BEFORE, f"starts no earlier than {instant(not_before)}", not_before)
