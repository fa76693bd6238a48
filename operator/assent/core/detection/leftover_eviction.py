"""LeftoverEviction: somebody evicted a store's leaders for maintenance, and forgot.

Such a store serves nothing while the others carry its load, and no alert of PD's says so
(pd-api.md 4.2 no. 10; tidb-operator issue 4483). Only the evict-leader scheduler is looked at.
What PD's own evict-slow-store scheduler evicts is in that scheduler's configuration, never in
this list, and PD ends it by itself.
"""

from collections.abc import Sequence
from datetime import datetime

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.actions import Action, Plan, action
from assent.api.v1alpha1.base import parse_duration_seconds
from assent.api.v1alpha1.lifecycle import IN_FLIGHT
from assent.api.v1alpha1.parameters.store import EvictLeaders, StopEvictLeaders
from assent.api.v1alpha1.tikvcluster import LeftoverEvictionRule, TidbClusterKind
from assent.core.detection.finding import Memory, Observed
from assent.core.detection.suspicion import Severity, Suspicion, fact
from assent.core.model.instant import instant
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import Store
from assent.core.model.tidb_operator import TidbOperatorFacts

RULE = "LeftoverEviction"

SLOW_SCORE = 80
"""From here PD counts a store as a candidate for slow (pd-api.md 4.2 no. 3)."""

OWNED = "tidb-operator"
"""The clock while TiDB Operator may own the eviction: what it does is not left over, and once it
lets go, the store has the whole threshold again."""

ASKED = "proposal"
"""The same while a proposal in flight evicts the store."""


def detect(
    observed: Observed, rule: LeftoverEvictionRule, memory: Memory, now: datetime
) -> tuple[Suspicion, ...]:
    """Return one suspicion for every evicted store, curable or not."""
    snapshot = observed.snapshot
    must_last = parse_duration_seconds(rule.older_than)
    return tuple(
        _judge(store_id, snapshot.store(store_id), observed, must_last)
        for store_id in sorted(snapshot.evicted_store_ids)
    )


def _judge(
    store_id: int, store: Store | None, observed: Observed, must_last_seconds: int
) -> Suspicion:
    operator = observed.tidb_operator
    asked = _asked(store_id, observed.proposals)
    owned = _owned(store_id, operator)
    obstacle = asked or owned or _unknown_owner(operator) or _not_curable(store_id, store)
    evidence = [fact("evictedStoreId", store_id)]
    if store is not None:
        evidence += [
            fact("address", store.address),
            fact("leaders", store.leader_count),
            fact("regions", store.region_count),
            fact("slowScore", store.slow_score),
        ]
    if operator is not None:
        evidence.append(fact("tidbOperator", f"{operator.kind} {operator.name}"))
    return Suspicion(
        rule=RULE,
        target=f"store/{store_id}",
        severity=Severity.WARNING,
        diagnosis=f"The evict-leader scheduler keeps store {store_id} free of leaders"
        + (
            ", as a proposal asked."
            if asked
            else " although nothing known needs it: probably left over from maintenance."
        ),
        evidence=tuple(evidence),
        material=("address", store.address if store is not None else "unknown"),
        confidence=90 if operator is not None else 80,
        must_last_seconds=must_last_seconds,
        clock=ASKED if asked else OWNED if owned else "",
        action=None if obstacle else action(StopEvictLeaders(store_id=store_id)),
        no_action=f"No action, because {obstacle}." if obstacle else None,
    )


def _asked(store_id: int, proposals: Sequence[Proposal]) -> str | None:
    """Return which proposal in flight evicts the store, and until when; None when none does."""
    for proposal in proposals:
        status = proposal.status
        if status.phase not in IN_FLIGHT or store_id not in _evicts(proposal.spec.action):
            continue
        name = proposal.meta.name
        if status.phase is Phase.ACTIVE and status.revert_at is not None:
            return f"{name} evicts store {store_id} until {instant(status.revert_at)}"
        return f"{name} evicts store {store_id} and is {status.phase.value}"
    return None


def _evicts(asked: Action) -> frozenset[int]:
    parameters = asked.parameters
    parts = [step.parameters for step in parameters.steps] if isinstance(parameters, Plan) else []
    return frozenset(
        part.store_id for part in (parameters, *parts) if isinstance(part, EvictLeaders)
    )


def _owned(store_id: int, operator: TidbOperatorFacts | None) -> str | None:
    """Return why the eviction is TiDB Operator's own, or may be; None when it is not."""
    if operator is None or not operator.readable:
        return None
    name = f"{operator.kind} {operator.name}"
    if store_id in operator.evicting_store_ids:
        return f"TiDB Operator evicts store {store_id} itself and says so in {name}"
    if operator.busy_with is not None:
        return f"TiDB Operator is busy with {name} ({operator.busy_with}): it may be its eviction"
    if operator.kind == TidbClusterKind.CLUSTER:
        # It ends every eviction it did not ask for within one reconcile: what stands is its own,
        # or it is not running. Its reasons stand in objects of each store, not in this one.
        return (
            f"TiDB Operator v2 ends foreign evictions by itself: the one of store {store_id} is "
            f"its own, or it is not running; look at the TiKV objects of {name}"
        )
    return None


def _unknown_owner(operator: TidbOperatorFacts | None) -> str | None:
    if operator is None or operator.readable:
        return None
    return (
        f"{operator.kind} {operator.name} cannot be read: "
        "whether it is TiDB Operator's own eviction is not known"
    )


def _not_curable(store_id: int, store: Store | None) -> str | None:
    if store is None:
        return f"PD lists no store {store_id}: the eviction keeps nothing from anybody"
    if not store.is_healthy:
        return f"store {store_id} is not up: leaders could not return to it"
    if store.slow_score >= SLOW_SCORE:
        return f"PD finds store {store_id} slow: leaders are better off elsewhere"
    return None
