"""Problems, clusters and proposals with valid defaults."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from assent.api.v1alpha1.actionproposal import (
    ActionProposalSpec,
    ActionProposalStatus,
    ClusterRef,
    Finding,
    Phase,
)
from assent.api.v1alpha1.actions import Action, action
from assent.api.v1alpha1.parameters.store import StopEvictLeaders
from assent.api.v1alpha1.tikvcluster import PdAccess, TiKVClusterSpec, TiKVClusterStatus
from assent.core.detection.finding import Problem
from assent.core.detection.incident import fingerprint
from assent.core.model.resource import Cluster, Metadata, Proposal
from tests.support.snapshots import NOW

OPERATOR = "system:serviceaccount:assent-system:assent"
STOP = action(StopEvictLeaders(store_id=4))


def meta(name: str, *, at: datetime = NOW, labels: Mapping[str, str] | None = None) -> Metadata:
    return Metadata("tikv", name, f"uid-{name}", "1", 1, at, labels=labels or {})


def cluster(name: str = "prod", *, dry_run: bool = False, **status: Any) -> Cluster:
    spec = TiKVClusterSpec(pd=PdAccess(endpoints=["http://pd:2379"]), dry_run=dry_run)
    return Cluster(meta(name), spec, TiKVClusterStatus(**status))


def finding(*material: str, rule: str = "LeftoverEviction", **changes: Any) -> Finding:
    values = {
        "rule": rule,
        "severity": "Warning",
        "target": "store/4",
        "diagnosis": "Store 4 is evicted and nobody knows why.",
        "evidence": [],
        "fingerprint": fingerprint(rule, "store/4", material or ("same",)),
        "confidence": 80,
        "seen_since": NOW - timedelta(hours=2),
    }
    return Finding.model_validate({**values, **changes})


def problem(*material: str, cure: Action | None = STOP, **changes: Any) -> Problem:
    why = None if cure is not None else "No action, because it is left to PD."
    return Problem(finding(*material, **changes), cure, why)


def proposal(
    name: str,
    phase: Phase | None,
    *,
    cure: Action = STOP,
    by: str = OPERATOR,
    labels: Mapping[str, str] | None = None,
    ended: datetime | None = None,
    reason: str | None = None,
    found: Finding | None = None,
    dry_run: bool = False,
) -> Proposal:
    return Proposal(
        meta(name, labels=labels),
        ActionProposalSpec(
            cluster_ref=ClusterRef(name="prod"), proposed_by=by, action=cure, dry_run=dry_run
        ),
        ActionProposalStatus(phase=phase, reason=reason, finished_at=ended, finding=found),
    )
