"""The engine: what has lasted is reported, what was reported stays, nothing is said twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from assent.api.v1alpha1.tikvcluster import Detection, TiKVClusterSpec
from assent.core.detection.engine import detect, merge
from assent.core.detection.finding import Memory, Observed
from assent.core.model.snapshot import StoreState
from assent.core.model.tidb_operator import TidbOperatorFacts
from tests.support.snapshots import NOW, region, snapshot, store, unprepared
from tests.unit.core.detection.builders import STOP, problem

RULES = Detection.model_validate(
    {
        "rules": {
            "leftoverEviction": {"olderThan": "1h"},
            "leaderImbalance": {"lasting": "10m"},
            # The snapshots below are not heard from while hours pass: not what is tested here.
            "storeDown": {"silentFor": "99h"},
        }
    }
)
SILENCE = Detection.model_validate({"rules": {"storeDown": {"silentFor": "5m"}}})
EVICTED = Observed(snapshot(evicted_store_ids={4}))
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def test_an_eviction_is_reported_once_it_is_old_enough() -> None:
    """First sighted at noon, older than an hour: reported at one, to the second."""
    problems, memory = detect(EVICTED, RULES, Memory(), NOW)
    assert problems == ()
    problems, memory = detect(EVICTED, RULES, memory, NOW + HOUR - SECOND)
    assert problems == ()
    (found,), memory = detect(EVICTED, RULES, memory, NOW + HOUR)
    assert found.key == "LeftoverEviction/store/4"
    assert found.finding.seen_since == NOW
    assert found.action == STOP


def test_an_end_in_between_starts_the_clock_anew() -> None:
    """Two short maintenances are no forgotten one."""
    _, memory = detect(EVICTED, RULES, Memory(), NOW)
    _, memory = detect(Observed(snapshot()), RULES, memory, NOW + HOUR / 2)
    assert memory == Memory()
    problems, _ = detect(EVICTED, RULES, memory, NOW + HOUR)
    assert problems == ()


@pytest.mark.trap("P15")
def test_p15_nothing_is_concluded_while_pd_is_not_prepared() -> None:
    """An empty list of evictions is no end of the eviction: the memory stays as it was."""
    _, memory = detect(EVICTED, RULES, Memory(), NOW)
    blind = Observed(unprepared(EVICTED.snapshot))
    problems, kept = detect(blind, RULES, memory, NOW + HOUR / 2)
    assert (problems, kept) == ((), memory)
    problems, _ = detect(EVICTED, RULES, kept, NOW + HOUR)
    assert len(problems) == 1


def test_what_was_reported_stays_when_the_threshold_is_raised() -> None:
    """Its proposal is before people; it does not vanish under them."""
    _, memory = detect(EVICTED, RULES, Memory(), NOW)
    _, memory = detect(EVICTED, RULES, memory, NOW + HOUR)
    slower = Detection.model_validate(
        {"rules": {"leftoverEviction": {"olderThan": "9h"}, "storeDown": {"silentFor": "99h"}}}
    )
    problems, _ = detect(EVICTED, slower, memory, NOW + HOUR + SECOND)
    assert len(problems) == 1


def test_after_tidb_operators_work_the_whole_threshold_runs_again() -> None:
    """An upgrade of two hours: the last store's eviction is not an hour old when it ends."""
    busy = Observed(EVICTED.snapshot, TidbOperatorFacts("TidbCluster", "db", "upgrade"))
    quiet = Observed(EVICTED.snapshot, TidbOperatorFacts("TidbCluster", "db", None))
    _, memory = detect(busy, RULES, Memory(), NOW)
    (shown,), memory = detect(busy, RULES, memory, NOW + HOUR)
    assert shown.action is None
    assert "upgrade" in (shown.no_action or "")
    problems, memory = detect(quiet, RULES, memory, NOW + 2 * HOUR)
    assert problems == ()
    (found,), _ = detect(quiet, RULES, memory, NOW + 3 * HOUR)
    assert found.action == STOP


def test_after_an_eviction_pd_gets_its_time_to_balance() -> None:
    """Leaders return slowly: what the eviction explained is not proposed the moment it ends."""
    stores = (store(1, leader_count=150), store(2, leader_count=150), store(3, leader_count=0))
    sample = (region(10, leader=1), region(11, leader=2))
    during = Observed(snapshot(*stores, evicted_store_ids={3}, sample=sample))
    after = Observed(replace(during.snapshot, evicted_store_ids=frozenset()))
    lasting = timedelta(minutes=10)
    _, memory = detect(during, RULES, Memory(), NOW)
    shown, memory = detect(during, RULES, memory, NOW + lasting)
    assert {item.explained_by for item in shown} == {"LeftoverEviction/store/3"}
    problems, memory = detect(after, RULES, memory, NOW + lasting + SECOND)
    assert problems == ()
    problems, _ = detect(after, RULES, memory, NOW + 2 * lasting + SECOND)
    assert [item.action is not None for item in problems] == [True, True]


def test_silence_counts_from_the_last_heartbeat() -> None:
    """No second waiting: the store was silent before we first looked."""
    silent = store(4, state=StoreState.DISCONNECTED, last_heartbeat=NOW - timedelta(minutes=6))
    (found,), _ = detect(Observed(snapshot(store(1), silent)), SILENCE, Memory(), NOW)
    assert found.finding.seen_since == NOW - timedelta(minutes=6)
    assert found.finding.severity == "Critical"


def test_a_disabled_rule_says_nothing_and_remembers_nothing() -> None:
    """Enabled again it starts from its first sighting."""
    off = Detection.model_validate(
        {
            "rules": {
                "leftoverEviction": {"disabled": True},
                "leaderImbalance": {"disabled": True},
                "storeDown": {"disabled": True},
            }
        }
    )
    _, memory = detect(EVICTED, RULES, Memory(), NOW)
    silent = store(1, last_heartbeat=NOW - HOUR)
    all_wrong = Observed(snapshot(silent, store(2, leader_count=900), evicted_store_ids={1}))
    assert detect(all_wrong, off, memory, NOW + HOUR) == ((), Memory())


def test_the_defaults_of_the_resource_are_rules_the_engine_takes() -> None:
    """A TiKVCluster that says nothing about detection is watched."""
    spec = TiKVClusterSpec.model_validate({"pd": {"endpoints": ["http://pd:2379"]}})
    _, memory = detect(EVICTED, spec.detection, Memory(), NOW - HOUR)
    assert len(detect(EVICTED, spec.detection, memory, NOW)[0]) == 1


def test_the_worst_comes_first() -> None:
    """Whoever reads the status reads from the top."""
    severe = problem(severity="Critical", rule="StoreDown", cure=None)
    mild = problem(severity="Info", rule="LeaderImbalance", cure=None)
    assert merge([mild, problem(), severe]) == (severe, problem(), mild)


def test_the_same_problem_is_said_once() -> None:
    """The surer of two sightings of one rule and target stays."""
    surer = problem(confidence=95)
    assert merge([problem(confidence=50), surer]) == (surer,)


def test_the_same_action_is_proposed_once() -> None:
    """Two rules with one cure: the lesser one points to the other."""
    other = problem(rule="LeaderImbalance", confidence=10)
    first, second = merge([other, problem()])
    assert first == problem()
    assert second.action is None
    assert second.explained_by == "LeftoverEviction/store/4"
    assert (second.no_action or "").startswith("No action, because LeftoverEviction/store/4")
