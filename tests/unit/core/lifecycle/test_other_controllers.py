"""Other controllers in a proposal's life: gates before, holds between, and names after."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Gate, Phase
from assent.api.v1alpha1.actions import Action, ActionType, action, plan
from assent.api.v1alpha1.parameters.store import (
    DrainStore,
    EvictLeaders,
    SetStoreLimit,
    StoreLimitKind,
)
from assent.api.v1alpha1.tikvcluster import Mode
from assent.core.actions.action import Scope
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Standing
from assent.core.model.snapshot import BALANCERS, ClusterSnapshot, StoreState
from assent.core.model.tidb_operator import ManagedPod, TidbOperatorFacts
from tests.support import snapshots
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import EVICT_4, LIMIT_4, approved, at, cluster, facts, proposal, stored
from tests.support.voyage import Voyage

IDLE = TidbOperatorFacts(
    kind="TidbCluster", name="db", busy_with=None, pods={4: ManagedPod("db-tikv-3")}
)
UPGRADING = replace(IDLE, busy_with="upgrade")
V2 = TidbOperatorFacts(kind="Cluster", name="db", busy_with=None)
DRAIN_4 = action(DrainStore(store_id=4))


def four(**changes: Any) -> ClusterSnapshot:
    """Four healthy stores, with all that a drain looks at."""
    return snapshots.snapshot(**{"paused_schedulers": {}, **changes})


def gate(status: ActionProposalStatus, name: str) -> Gate:
    """The gate of that name."""
    return next(found for found in status.gates or [] if found.name == name)


@pytest.mark.parametrize(
    "asks",
    [DRAIN_4, plan(SetStoreLimit(store_id=2, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30),
                   DrainStore(store_id=4))],
    ids=["alone", "a plan's second step"],
)  # fmt: skip
def test_what_belongs_to_tidb_operator_ends_refused_with_a_deny_gate(asks: Action) -> None:
    """Nobody is asked to approve what TiDB Operator must do."""
    decided = decide(facts(proposal(asks), snapshot=four(), tidb_operator=IDLE))
    status = decided.status
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.PRECONDITION_FAILED)
    found = gate(status, "TidbOperatorsOwn")
    assert found.verdict == "deny"
    assert "spec.tikv.replicas of TidbCluster db" in found.message
    assert "Refused: it belongs to TiDB Operator" in str(status.message)
    assert decided.call is None


def test_a_suggestion_keeps_the_refusal_as_a_gate() -> None:
    """In Observe nothing ends, and the reader sees whose it is."""
    observing = cluster(mode=Mode.OBSERVE)
    known = facts(proposal(DRAIN_4), snapshot=four(), tidb_operator=IDLE, cluster=observing)
    status = decide(known).status
    assert status.phase is Phase.SUGGESTED
    assert gate(status, "TidbOperatorsOwn").verdict == "deny"


def test_a_busy_tidb_operator_holds_what_was_approved_and_lets_it_go_afterwards() -> None:
    """The approval stays; the claim comes with the next look."""
    known = approved(facts(proposal(EVICT_4), snapshot=four(), tidb_operator=UPGRADING))
    held = decide(known)
    assert (held.status.phase, held.status.reason) == (
        Phase.APPROVED, Reason.PRECONDITION_WAITING,
    )  # fmt: skip
    assert "busy with TidbCluster db (upgrade)" in str(held.status.message)
    assert held.call is None
    freed = decide(replace(stored(known, held), tidb_operator=IDLE))
    assert freed.status.phase is Phase.EXECUTING
    assert freed.call is not None


def test_nothing_is_asked_of_others_where_pd_already_is_as_asked() -> None:
    """Nothing will be sent, so nothing can conflict."""
    shown = four(evicted_store_ids={4})
    status = decide(facts(proposal(EVICT_4), snapshot=shown, tidb_operator=V2)).status
    assert status.phase is Phase.PENDING
    assert not any(found.name.startswith("Tidb") for found in status.gates or [])


def test_a_pause_that_another_proposal_of_ours_holds_is_not_somebody_elses() -> None:
    """Proposals that stand say what they hold as it is."""
    shown = four(paused_schedulers=dict.fromkeys(BALANCERS, at(600)))
    foreign = decide(facts(proposal(DRAIN_4), snapshot=shown)).status
    assert gate(foreign, "NobodyPaused").verdict == "hold"
    held = frozenset(f"scheduler/{name}" for name in BALANCERS)
    ours = Standing("quiet", ActionType.PAUSE_SCHEDULER, Scope(settings=held))
    status = decide(facts(proposal(DRAIN_4), snapshot=shown, standing=(ours,))).status
    assert gate(status, "NobodyPaused").verdict == "pass"


def test_a_step_of_a_plan_waits_for_tidb_operator() -> None:
    """An upgrade that begins between two steps stops the next call, and ends by itself."""
    slower = SetStoreLimit(store_id=2, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30)
    voyage = Voyage(plan(slower, EvictLeaders(store_id=4)), four(), obey)
    voyage.tidb_operator = UPGRADING
    status = voyage.go(turns=20)
    assert (status.phase, status.reason) == (Phase.EXECUTING, Reason.PRECONDITION_WAITING)
    assert "Step 2 of 2 waits: TiDB Operator is busy" in str(status.message)
    assert len(voyage.sent) == 1
    voyage.tidb_operator = IDLE
    assert voyage.go().phase is Phase.SUCCEEDED
    assert len(voyage.sent) == 2


def test_a_step_that_turns_out_to_be_v2s_takes_the_plan_back() -> None:
    """Somebody named the Cluster meanwhile: what v2 would undo is not begun."""
    slower = SetStoreLimit(store_id=2, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30)
    voyage = Voyage(plan(slower, EvictLeaders(store_id=4)), four(), obey)
    voyage.tidb_operator = V2
    status = voyage.go()
    assert status.phase is Phase.ROLLED_BACK
    assert [line.split()[1] for line in voyage.lines] == ["/pd/api/v1/store/2/limit"] * 2


def test_an_eviction_that_vanishes_names_the_likely_one() -> None:
    """v2 has ended it before leaders left; PD shows the values from before, and names nobody."""
    voyage = Voyage(EVICT_4, four(), obey)
    voyage.go(turns=0)
    voyage.shown = four()
    voyage.tidb_operator = V2
    voyage.step_seconds = 60.0
    status = voyage.go()
    assert status.phase is Phase.FAILED
    assert "most likely TiDB Operator (Cluster db), which ends every eviction" in str(
        status.message
    )


def test_a_drain_that_is_called_off_names_the_likely_one() -> None:
    """Known to have worked, so it is ChangedSince; an unmanaged cluster accuses nobody."""
    for operator, said in ((V2, "most likely TiDB Operator (Cluster db)"), (None, "")):
        voyage = Voyage(DRAIN_4, _for_drain(), obey)
        voyage.go(turns=0)
        voyage.shown = with_store(voyage.shown, 4, state=StoreState.OFFLINE)
        voyage.go(turns=2)
        assert voyage.status.reason == Reason.WAITING, voyage.status.message
        voyage.shown = _for_drain()
        voyage.tidb_operator = operator
        status = voyage.go()
        assert (status.phase, status.reason) == (Phase.FAILED, Reason.CHANGED_SINCE)
        assert said in str(status.message)
        assert ("TiDB Operator" in str(status.message)) is bool(said)


def _for_drain() -> ClusterSnapshot:
    return four(
        replication={**snapshots.REPLICATION, "enable-placement-rules": "false"},
        settings=snapshots.SETTINGS,
        sample=(snapshots.region(17),),
        tombstones=(),
        removals={},
        placement_rules=None,
    )


@pytest.mark.parametrize(
    ("operator", "waits"),
    [(None, False), (IDLE, False), (UPGRADING, True)],
    ids=["unmanaged", "idle", "upgrading"],
)
def test_an_eviction_is_not_taken_back_under_an_upgrade(
    operator: TidbOperatorFacts | None, waits: bool
) -> None:
    """Its eviction and ours are one entry in PD: ending ours would end that of the upgrade."""
    voyage = Voyage(EVICT_4, four(), obey, revert_after="15m")
    voyage.go(turns=0)
    voyage.shown = with_store(voyage.shown, 4, leader_count=0)
    assert voyage.go().phase is Phase.ACTIVE
    voyage.wait(15 * 60.0)
    shown = replace(voyage.shown, taken_at=voyage.now)
    decided = decide(replace(voyage.known, snapshot=shown, tidb_operator=operator))
    assert (decided.call is None) is waits
    assert ("waiting: TiDB Operator is busy" in str(decided.status.message)) is waits


def test_a_limit_is_set_beside_an_upgrade_with_a_warning() -> None:
    """It may be what gets the upgrade going."""
    known = approved(facts(proposal(LIMIT_4), snapshot=four(), tidb_operator=UPGRADING))
    decided = decide(known)
    assert decided.call is not None
    assert gate(decided.status, "TidbOperatorIdle").verdict == "warn"
