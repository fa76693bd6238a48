"""The last look before a call: has anybody said no since it was decided?"""

from collections.abc import Sequence
from datetime import datetime

from assent.api.reasons import Reason
from assent.api.v1alpha1.tikvcluster import Mode
from assent.core.lifecycle.progress import open_step
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.core.model.verdict import Hold
from assent.core.policy.gates import not_halted, not_suspended


def may_call(
    proposal: Proposal,
    cluster: Cluster | None,
    halts: Sequence[HaltOrder],
    now: datetime,
    *,
    undo: bool,
) -> Hold | None:
    """Return why the call must not be sent, None when nothing stands against it.

    All arguments are as just read from the API server. An undo is a call like any other, except
    that a Halt may allow it, that a deletion does not stop it (its journal must end), and that it
    may start late: it may have waited for a Halt to end.
    """
    if (cancel := proposal.spec.cancel) is not None:
        return Hold(Reason.CANCELLED, f"{cancel.by} cancelled it")
    if proposal.meta.deleting and not undo:
        return Hold(Reason.CANCELLED, "the proposal is being deleted")
    if (hold := _by_cluster(proposal, cluster)) is not None:
        return hold
    standing = [halt for halt in halts if not (undo and halt.spec.allow_rollback)]
    if isinstance(halted := not_halted(standing), Hold):
        return halted
    return None if undo else _no_more(proposal, cluster, now)


def _by_cluster(proposal: Proposal, cluster: Cluster | None) -> Hold | None:
    if cluster is None or cluster.meta.deleting:
        name = proposal.spec.cluster_ref.name
        return Hold(Reason.CLUSTER_NOT_READY, f"TiKVCluster {name} is gone or being deleted")
    if isinstance(hold := not_suspended(cluster), Hold):
        return hold
    if cluster.spec.mode is Mode.OBSERVE:
        return Hold(Reason.OBSERVE_MODE, f"TiKVCluster {cluster.meta.name} is in mode Observe")
    if cluster.spec.dry_run:
        return Hold(Reason.HELD, f"TiKVCluster {cluster.meta.name} is in dry-run now")
    return None


def _no_more(proposal: Proposal, cluster: Cluster | None, now: datetime) -> Hold | None:
    """What was decided may not be begun any more: an undo of it may, however late.

    A process that slept through the whole window must not wake up and send. Between two steps
    nothing is open: the next call gets a window of its own, and is weighed anew.
    """
    execution = proposal.status.execution
    step = open_step(execution) if execution is not None else None
    if step is None:
        return None
    if now >= step.verify_by:
        return Hold(Reason.HELD, "the time in which its effect must show is over")
    risk = proposal.status.risk
    highest = cluster.spec.policy.max_tier if cluster is not None else None
    if risk is not None and highest is not None and risk.tier.rank > highest.rank:
        message = f"its tier is {risk.tier.value}, and spec.policy.maxTier is {highest.value} now"
        return Hold(Reason.TIER_NOT_ALLOWED, message)
    return None
