"""LeftoverEviction: forgotten ones are ended, other people's and TiDB Operator's are not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.actions import Action, action, plan
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.api.v1alpha1.tikvcluster import LeftoverEvictionRule
from assent.core.detection.finding import Memory, Observed
from assent.core.detection.leftover_eviction import ASKED, OWNED, detect
from assent.core.detection.suspicion import Suspicion
from assent.core.model.instant import instant
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.tidb_operator import TidbOperatorFacts
from tests.support.proposals import EVICT_4, metadata, proposal
from tests.support.snapshots import NOW, snapshot, store

RULE = LeftoverEvictionRule(older_than="1h")
QUIET = TidbOperatorFacts(kind="TidbCluster", name="db", busy_with=None)


def facts(**changes: Any) -> TidbOperatorFacts:
    return TidbOperatorFacts(**{"kind": "TidbCluster", "name": "db", "busy_with": None, **changes})


def look(seen: ClusterSnapshot, operator: TidbOperatorFacts | None = None) -> tuple[Suspicion, ...]:
    return detect(Observed(seen, operator), RULE, Memory(), NOW)


def only(seen: ClusterSnapshot, operator: TidbOperatorFacts | None = None) -> Suspicion:
    (found,) = look(seen, operator)
    return found


def test_an_evicted_store_is_released() -> None:
    """The minimal positive: one evicted, healthy store; and which cure."""
    found = only(snapshot(evicted_store_ids={4}))
    assert found.key == "LeftoverEviction/store/4"
    assert found.action == action(StopEvictLeaders(store_id=4))
    assert (found.no_action, found.must_last_seconds) == (None, 3600)


def test_no_eviction_no_finding() -> None:
    """The nearest negative. PD's own evict-slow-store runs there, and evicts in a list of its
    own that is no eviction of ours to end.
    """
    seen = snapshot(store(1), store(4, leader_count=0, slow_score=100))
    assert "evict-slow-store-scheduler" in seen.schedulers
    assert look(seen) == ()


def test_each_evicted_store_is_a_matter_of_its_own() -> None:
    """Never all at once (P29)."""
    found = look(snapshot(evicted_store_ids={4, 2}))
    assert [item.target for item in found] == ["store/2", "store/4"]


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        pytest.param(facts(busy_with="upgrade"), "upgrade", id="an upgrade evicts store by store"),
        pytest.param(facts(busy_with="scaling"), "scaling", id="so does a scale-in"),
        pytest.param(
            facts(evicting_store_ids=frozenset({4})), "evicts store 4 itself", id="its own, by name"
        ),
        pytest.param(
            facts(kind="Cluster"), "ends foreign evictions", id="v2 ends those it did not ask for"
        ),
    ],
)
def test_tidb_operators_own_is_left_alone(operator: TidbOperatorFacts, words: str) -> None:
    """It is not forgotten: TiDB Operator ends it. Its time does not count as forgotten time."""
    found = only(snapshot(evicted_store_ids={4}), operator)
    assert found.action is None
    assert found.no_action is not None
    assert found.no_action.startswith("No action, because")
    assert words in found.no_action
    assert found.clock == OWNED


@pytest.mark.parametrize(
    "operator",
    [QUIET, facts(evicting_store_ids=frozenset({3})), None],
    ids=["it does nothing", "it evicts another store", "there is none"],
)
def test_nobody_elses_is_released(operator: TidbOperatorFacts | None) -> None:
    """The nearest positives to TiDB Operator's own."""
    found = only(snapshot(evicted_store_ids={4}), operator)
    assert found.action is not None
    assert found.clock == ""


def test_an_unreadable_owner_means_no_action() -> None:
    """Whose eviction it is is not known; and a hiccup does not restart the clock."""
    found = only(snapshot(evicted_store_ids={4}), facts(readable=False))
    assert found.action is None
    assert "cannot be read" in (found.no_action or "")
    assert found.clock == ""


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(
            snapshot(store(1), store(4, state=StoreState.DOWN), evicted_store_ids={4}),
            "not up",
            id="leaders could not return to a dead store",
        ),
        pytest.param(
            snapshot(store(1), store(4, state=StoreState.OFFLINE), evicted_store_ids={4}),
            "not up",
            id="a store that is being removed shall stay empty",
        ),
        pytest.param(
            snapshot(store(1), store(4, slow_score=80), evicted_store_ids={4}),
            "slow",
            id="somebody may have evicted a slow store on purpose",
        ),
        pytest.param(
            snapshot(store(1), evicted_store_ids={4}), "no store 4", id="the store is gone"
        ),
    ],
)
def test_where_leaders_cannot_or_should_not_return_nothing_is_done(
    seen: ClusterSnapshot, words: str
) -> None:
    """A valid end of a diagnosis."""
    found = only(seen)
    assert found.action is None
    assert words in (found.no_action or "")


def test_79_is_not_slow_yet() -> None:
    """The nearest negative: PD's own candidate threshold is 80."""
    seen = snapshot(store(1), store(4, slow_score=79), evicted_store_ids={4})
    assert only(seen).action is not None


def test_what_is_said_does_not_drift() -> None:
    """Sentences and material facts are stored; leader counts belong to the evidence."""
    one = only(snapshot(store(1), store(4, leader_count=3), evicted_store_ids={4}))
    two = only(snapshot(store(1), store(4, leader_count=2), evicted_store_ids={4}))
    assert (one.diagnosis, one.material) == (two.diagnosis, two.material)
    assert one.evidence != two.evidence


def test_time_is_for_the_engine() -> None:
    """The rule itself does not look at the clock."""
    seen = Observed(snapshot(evicted_store_ids={4}))
    later = NOW + timedelta(days=9)
    assert detect(seen, RULE, Memory(), NOW) == detect(seen, RULE, Memory(), later)


def standing(phase: Phase, asks: Action = EVICT_4, **status: Any) -> Proposal:
    """A proposal named ``maintenance``, as it is stored."""
    made = proposal(asks)
    return replace(
        made,
        meta=metadata("maintenance"),
        status=made.status.model_copy(update={"phase": phase, **status}),
    )


def beside(*proposals: Proposal) -> Suspicion:
    """What is found of store 4 while these are stored."""
    (found,) = detect(
        Observed(snapshot(evicted_store_ids={4}), None, proposals), RULE, Memory(), NOW
    )
    return found


DURING = plan(
    EvictLeaders(store_id=4),
    SetStoreLimit(store_id=4, kind=StoreLimitKind.ADD_PEER, rate_per_minute=30),
)


@pytest.mark.parametrize(
    ("proposals", "words"),
    [
        pytest.param(
            [standing(Phase.ACTIVE, revert_at=NOW + timedelta(hours=4))],
            f"maintenance evicts store 4 until {instant(NOW + timedelta(hours=4))}",
            id="for hours: whoever agreed to that did not forget it",
        ),
        pytest.param(
            [standing(Phase.EXECUTING)], "is Executing", id="PD shows it before we have verified it"
        ),
        pytest.param(
            [standing(Phase.ROLLING_BACK)], "is RollingBack", id="it is being ended already"
        ),
        pytest.param(
            [standing(Phase.OUTCOME_UNKNOWN)],
            "is OutcomeUnknown",
            id="somebody must say what became of it first",
        ),
        pytest.param(
            [standing(Phase.EXECUTING, DURING)], "is Executing", id="a plan has it as a step"
        ),
        pytest.param(
            [standing(Phase.SUCCEEDED), standing(Phase.ACTIVE, revert_at=NOW)],
            "evicts store 4",
            id="one that has ended does not hide it",
        ),
    ],
)
def test_what_people_asked_for_is_not_left_over(proposals: list[Proposal], words: str) -> None:
    """Ending it would take a store out of a maintenance that two people agreed to. Its time does
    not count as forgotten time.
    """
    found = beside(*proposals)
    assert found.action is None
    assert found.no_action is not None
    assert words in found.no_action
    assert "nothing known needs it" not in found.diagnosis
    assert found.clock == ASKED


@pytest.mark.parametrize(
    "proposals",
    [
        pytest.param([standing(Phase.PENDING)], id="nobody has agreed to it yet"),
        pytest.param([standing(Phase.SUCCEEDED)], id="done for good, and then forgotten"),
        pytest.param([standing(Phase.FAILED)], id="it came to nothing"),
        pytest.param(
            [standing(Phase.ACTIVE, action(EvictLeaders(store_id=3)))], id="of another store"
        ),
        pytest.param(
            [standing(Phase.EXECUTING, action(StopEvictLeaders(store_id=4)))], id="it ends it"
        ),
    ],
)
def test_what_no_proposal_in_flight_evicts_is(proposals: list[Proposal]) -> None:
    """The nearest negatives."""
    found = beside(*proposals)
    assert (found.action, found.clock) == (action(StopEvictLeaders(store_id=4)), "")
