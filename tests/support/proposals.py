"""Proposals, clusters and facts for tests: builders with valid defaults, approvals that count."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from assent.api.v1alpha1.actionproposal import (
    ActionProposalSpec,
    ActionProposalStatus,
    Approval,
    Cancel,
    ClusterRef,
    Decision,
    Finding,
    Risk,
)
from assent.api.v1alpha1.actions import Action, ActionType, action
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.halt import HaltSpec
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.api.v1alpha1.tikvcluster import (
    PdAccess,
    Tier,
    TiKVClusterSpec,
    TiKVClusterStatus,
)
from assent.core.actions.catalogue import CATALOGUE
from assent.core.actions.stop_evict_leaders import StopEvictLeadersAction
from assent.core.detection.finding import Problem
from assent.core.lifecycle.assess import Catalogue
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision as Decided
from assent.core.lifecycle.facts import Facts
from assent.core.model.resource import Cluster, HaltOrder, Metadata, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from tests.support import snapshots

NOW = snapshots.NOW
OPERATOR = "system:serviceaccount:assent-system:assent"
AUTHOR = "sre-1"
STOP_4 = action(StopEvictLeaders(store_id=4))
EVICT_4 = action(EvictLeaders(store_id=4))
MOVE_17 = action(TransferLeader(region_id=17, to_store_id=2))
LIMIT_4 = action(SetStoreLimit(store_id=4, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30))


def metadata(name: str = "p1", **changes: Any) -> Metadata:
    """Return the metadata of an object created at NOW."""
    base = Metadata(
        namespace="tikv",
        name=name,
        uid=f"uid-{name}",
        resource_version="1",
        generation=1,
        created_at=NOW,
    )
    return replace(base, **changes)


def cluster(*, policy: Mapping[str, Any] | None = None, **changes: Any) -> Cluster:
    """Return a TiKVCluster in mode Approval that really acts (dryRun false)."""
    spec: dict[str, Any] = {"pd": PdAccess(endpoints=["http://pd:2379"]), "dry_run": False}
    spec |= {"policy": dict(policy or {}), **changes}
    return Cluster(
        meta=metadata("demo", namespace="tikv"),
        spec=TiKVClusterSpec(**spec),
        status=TiKVClusterStatus(),
    )


def proposal(asks: Action = STOP_4, **spec: Any) -> Proposal:
    """Return a proposal that a person filed and nobody has looked at."""
    return Proposal(
        meta=metadata(),
        spec=ActionProposalSpec(
            cluster_ref=ClusterRef(name="demo"),
            **{"proposed_by": AUTHOR, "action": asks, **spec},
        ),
        status=ActionProposalStatus(),
    )


def evicted(**changes: Any) -> ClusterSnapshot:
    """Return a healthy cluster in which somebody evicts leaders from store 4."""
    stores = [snapshots.store(number) for number in (1, 2, 3)]
    return snapshots.snapshot(
        *stores,
        snapshots.store(4, leader_count=0),
        **{"evicted_store_ids": {4}, "regions": [snapshots.region(17)], **changes},
    )


def facts(of: Proposal | None = None, **changes: Any) -> Facts:
    """Return facts under which nothing stands against an approved proposal."""
    base = Facts(
        now=NOW,
        proposal=of or proposal(),
        cluster=cluster(),
        cluster_ready=None,
        snapshot=evicted(),
        halts=(),
        gate_installed=True,
        gate_open=None,
        operator_username=OPERATOR,
        problem=None,
        detection_ran=False,
        in_flight=(),
        standing=(),
        epoch=7,
        holder="assent-0",
    )
    return replace(base, **changes)


def later(known: Facts, seconds: float) -> Facts:
    """Return the same facts read again so much later."""
    now = known.now + timedelta(seconds=seconds)
    snapshot = known.snapshot
    return replace(
        known, now=now, snapshot=None if snapshot is None else replace(snapshot, taken_at=now)
    )


def stored(known: Facts, decided: Decided) -> Facts:
    """Return the facts after the decision was written and read back through the API's JSON."""
    status = ActionProposalStatus.model_validate(decided.status.wire())
    return replace(known, proposal=replace(known.proposal, status=status))


def with_spec(known: Facts, **changes: Any) -> Facts:
    """Return the facts after somebody wrote spec; the API server counts the generation up."""
    found = known.proposal
    spec = found.spec.model_copy(update=changes)
    meta = replace(found.meta, generation=found.meta.generation + 1)
    return replace(known, proposal=replace(found, spec=spec, meta=meta))


def approval(by: str, digest: str | None, confirm: str | None = None) -> Approval:
    """Return an Approve."""
    return Approval(by=by, decision=Decision.APPROVE, digest=digest, confirm=confirm)


def rejection(by: str, comment: str | None = None) -> Approval:
    """Return a Reject."""
    return Approval(by=by, decision=Decision.REJECT, comment=comment)


def assessed(known: Facts, catalogue: Catalogue = CATALOGUE) -> Facts:
    """Return the facts after the operator's first look."""
    return stored(known, decide(known, catalogue))


def approved(known: Facts, *people: str, catalogue: Catalogue = CATALOGUE) -> Facts:
    """Return the facts after the operator's first look and these people's yes to it."""
    seen = assessed(known, catalogue)
    status = seen.proposal.status
    confirm = status.target.id if status.target else None
    names = people or ("sre-2",)
    seats = [approval(name, status.digest, confirm) for name in names]
    return with_spec(seen, approvals=seats)


def claimed(asks: Action = STOP_4, **changes: Any) -> Proposal:
    """Return a proposal whose intent is stored and whose call is on its way."""
    known = approved(facts(proposal(asks), **changes), "sre-2", "sre-3")
    decided = decide(known)
    assert decided.call is not None, decided.status.message
    return stored(known, decided).proposal


def cancel(by: str = "sre-9", reason: str | None = None) -> Cancel:
    """Return a person's stop."""
    return Cancel(by=by, reason=reason)


def halt(name: str = "stop-all", *, allow_rollback: bool = False) -> HaltOrder:
    """Return a Halt."""
    spec = HaltSpec(reason="incident 42", allow_rollback=allow_rollback)
    return HaltOrder(meta=metadata(name, namespace=""), spec=spec)


def problem(cure: Action | None = STOP_4, fingerprint: str = "f1") -> Problem:
    """Return what detection says of the forgotten eviction on store 4."""
    finding = Finding(
        rule="LeftoverEviction",
        severity="Warning",
        target="store/4",
        diagnosis="leaders are evicted from store 4",
        evidence=[],
        fingerprint=fingerprint,
        confidence=90,
        seen_since=NOW - timedelta(hours=2),
    )
    why = None if cure is not None else "No action, because it is cured elsewhere"
    return Problem(finding=finding, action=cure, no_action=why)


class _Tiered(StopEvictLeadersAction):
    """StopEvictLeaders at another tier: no action of this version is Critical by itself."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier

    def risk(self, params: ApiModel, snapshot: ClusterSnapshot) -> Risk:
        """Return the tier it was made for."""
        return Risk(tier=self._tier, factors=[f"made {self._tier.value} for a test"])


def at_tier(tier: Tier) -> Catalogue:
    """Return the catalogue with StopEvictLeaders at that tier."""
    return MappingProxyType({**CATALOGUE, ActionType.STOP_EVICT_LEADERS: _Tiered(tier)})


def at(seconds: float) -> datetime:
    """Return NOW and so many seconds."""
    return NOW + timedelta(seconds=seconds)
